"""`Responder`: answers NATS's auth callout, cuts who may no longer be there, notices second sessions."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from gateway.access.callout import Request, answer, read_request
from gateway.access.credentials import Credentials
from gateway.access.sessions import Activity, Session, Sessions
from gateway.access.system import Connection, SystemAccount, key_of, milliseconds
from sealtrail.contract.clock import Clock
from sealtrail.contract.device import Device, Suspicion
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.log import Log
from sealtrail.runtime.nkeys import AccountKey, TokenError, read_server_token

LOGGER = structlog.get_logger(__name__)

AUTH_REQUEST = "$SYS.REQ.USER.AUTH"
GROUP = "sealtrail-access"
LOGINS_AT_ONCE = 256
LOOKS_AGAIN_S = (1.0, 3.0)
"""A login that was under way when a device was suspended is seen at one of these."""
MOST_CUT_SINGLY = 50
DOUBTS_EVERY_S = 5.0
DOUBTS_AT_ONCE = 20

OnSuspicion = Callable[[str, Suspicion, Mapping[str, str | int | float | bool]], None]


class Responder:
    """One of those who answer. They share the logins; every one cuts, since cutting twice changes nothing."""

    def __init__(
        self,
        system: Log,
        credentials: Credentials,
        key: AccountKey,
        account: str,
        clock: Clock,
        on_suspicion: OnSuspicion,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._system = system
        self._servers = SystemAccount(system, account)
        self._credentials = credentials
        self._key = key
        self._account = account
        self._clock = clock
        self._on_suspicion = on_suspicion
        self._sessions = Sessions()
        self._to_cut: dict[str, None] = {}
        self._cut_wanted = asyncio.Event()
        self._to_kick: dict[str, None] = {}
        self._kick_wanted = asyncio.Event()
        self._logins = Counter("sealtrail_access_logins", "Logins answered.", ("outcome",), registry=registry)
        self._cuts = Counter("sealtrail_access_sessions_cut", "Sessions cut.", registry=registry)
        Gauge(
            "sealtrail_access_sessions", "Sessions seen to begin and not to end.", registry=registry
        ).set_function(lambda: len(self._sessions))

    async def open(self) -> None:
        """Begins to answer; before that nobody new gets in. Raises `UnavailableError`."""
        await self._system.listen(f"$SYS.ACCOUNT.{self._account}.CONNECT", self._connected)
        await self._system.listen(f"$SYS.ACCOUNT.{self._account}.DISCONNECT", self._disconnected)
        await self._system.answer(AUTH_REQUEST, self._answer, group=GROUP, at_once=LOGINS_AT_ONCE)

    async def _answer(self, _: str, token: bytes) -> tuple[Mapping[str, str], bytes]:
        try:
            request = read_request(read_server_token(token))
        except TokenError as error:
            self._logins.labels("unreadable").inc()
            LOGGER.warning("login_unreadable", detail=str(error))
            raise
        now_ms = self._clock()
        grant = await self._credentials.check(request, now_ms)
        self._logins.labels("granted" if grant is not None else "refused").inc()
        if grant is None:
            self._refused(request)
        return {}, answer(request, grant, self._key, self._account, now_ms // 1000).encode()

    def _refused(self, request: Request) -> None:
        standing = self._credentials.view.standings.get(request.user)
        LOGGER.debug("login_refused", user=request.user[:100], address=request.address)
        if standing is not None and standing.refusal:
            evidence = {
                "state": standing.device.state.value,
                "address": request.address,
                "client_id": request.client_id,
            }
            self._on_suspicion(request.user, Suspicion.SUSPENDED_DEVICE, evidence)

    def device_changed(self, before: Device | None, after: Device | None) -> None:
        """The registry has changed: who may no longer be there, or must sign in anew, is cut."""
        self._credentials.device_changed(before, after)
        if before is None:
            return
        stays = (
            after is not None
            and self._credentials.may_stay(before.device_id)
            and (after.password_hash, after.certificate_sha256, after.family)
            == (before.password_hash, before.certificate_sha256, before.family)
        )
        if not stays:
            self.cut(before.device_id)

    def cut(self, user: str) -> None:
        """Ends all sessions of a user, soon."""
        self._to_cut[user] = None
        self._cut_wanted.set()
        self._to_kick[user] = None
        self._kick_wanted.set()

    async def work(self) -> None:
        """Cuts and looks into doubts until cancelled; first of all, who got in while nobody looked."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_kicking())
            group.create_task(self._keep_cutting())
            group.create_task(self._keep_looking())
            group.create_task(self._until_swept())

    async def _until_swept(self) -> None:
        swept = False
        while not swept:
            try:
                await self._sweep()
                swept = True
            except UnavailableError as error:
                LOGGER.warning("sweep_failed", detail=str(error))
                await asyncio.sleep(1.0)

    async def _sweep(self) -> None:
        async for page in self._servers.all_connections():
            for connection in page:
                found = connection.activity
                self._sessions.opened(
                    connection.user,
                    Session(found.key, found.address, found.client_id, found.opened_at_ms),
                )
                if not self._credentials.may_stay(connection.user):
                    await self._end(connection)

    async def _keep_cutting(self) -> None:
        """Whoever is to be cut is looked for on all servers, now and again a little later."""
        loop = asyncio.get_running_loop()
        looks: list[tuple[float, frozenset[str]]] = []  # (when, for whom), in order
        while True:
            left_s = looks[0][0] - loop.time() if looks else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._cut_wanted.wait(), left_s)
            self._cut_wanted.clear()
            users, self._to_cut = frozenset(self._to_cut), {}
            try:
                if users:
                    await self._look_for(users, self._clock())
                    looks += [(loop.time() + look_s, users) for look_s in LOOKS_AGAIN_S]
                    looks.sort(key=lambda look: look[0])
                due = [one for when, some in looks if when <= loop.time() for one in some]
                looks = [look for look in looks if look[0] > loop.time()]
                if due:
                    await self._look_for(frozenset(due), None)
            except UnavailableError as error:
                LOGGER.warning("cut_failed", detail=str(error))
                self._to_cut |= dict.fromkeys(users)
                looks.append((loop.time() + 1.0, users))
                await asyncio.sleep(0.2)
                self._cut_wanted.set()

    async def _keep_kicking(self) -> None:
        """Cuts at once the sessions that were seen to begin, without asking the servers first."""
        while True:
            await self._kick_wanted.wait()
            self._kick_wanted.clear()
            users, self._to_kick = tuple(self._to_kick), {}
            for user in users:
                for session in self._sessions.of(user):
                    server, _, number = session.key.rpartition(".")
                    found = Activity(session.key, session.address, session.client_id, session.opened_at_ms, 0)
                    with contextlib.suppress(UnavailableError):  # it is looked for as well
                        await self._end(Connection(server, int(number), user, found))

    async def _look_for(self, users: frozenset[str], asked_at_ms: int | None) -> None:
        """First look (``asked_at_ms`` given): all sessions from before; later ones: who may not stay."""
        if len(users) <= MOST_CUT_SINGLY:
            for user in users:
                for connection in await self._servers.connections(user):
                    await self._judge(connection, asked_at_ms)
            return
        async for page in self._servers.all_connections():
            for connection in page:
                if connection.user in users:
                    await self._judge(connection, asked_at_ms)

    async def _judge(self, connection: Connection, asked_at_ms: int | None) -> None:
        older = asked_at_ms is not None and connection.activity.opened_at_ms <= asked_at_ms
        if older or not self._credentials.may_stay(connection.user):
            await self._end(connection)

    async def _end(self, connection: Connection) -> None:
        await self._servers.cut(connection)
        self._cuts.inc()
        LOGGER.info("session_cut", user=connection.user, address=connection.activity.address)

    def _connected(self, _: str, body: bytes) -> None:
        client, server = _event(body)
        session = Session(
            key_of(server, client.get("id")),
            str(client.get("host", "")),
            str(client.get("client_id", "")),
            milliseconds(str(client.get("start", ""))),
        )
        user = str(client.get("user", ""))
        if user not in self._credentials.view.standings and user not in self._credentials.logins:
            return
        evidence = self._sessions.opened(user, session)
        if evidence is not None and user in self._credentials.view.standings:
            self._on_suspicion(user, Suspicion.SECOND_SESSION, evidence)

    def _disconnected(self, _: str, body: bytes) -> None:
        client, server = _event(body)
        self._sessions.closed(key_of(server, client.get("id")))

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(DOUBTS_EVERY_S)
            for user in tuple(self._sessions.doubtful)[:DOUBTS_AT_ONCE]:
                self._sessions.doubtful[user] = self._sessions.doubtful.pop(user, None)  # to the end
                with contextlib.suppress(UnavailableError):
                    found = await self._servers.connections(user)
                    evidence = self._sessions.look(user, [one.activity for one in found])
                    if evidence is not None and user in self._credentials.view.standings:
                        self._on_suspicion(user, Suspicion.SECOND_SESSION, evidence)


def _event(body: bytes) -> tuple[Mapping[str, Any], str]:
    """(client, server's id) of a system event."""
    event = json.loads(body)
    return event["client"], event["server"]["id"]
