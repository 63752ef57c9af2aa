"""What NATS's system account tells and does: who is connected, and cutting a connection.

Subjects and bodies: docs.nats.io, "System Events"; nats-server ``events.go``
(``$SYS.REQ.SERVER.PING.CONNZ``, ``$SYS.REQ.SERVER.<id>.KICK``) and ``monitor.go``.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import structlog

from gateway.access.sessions import Activity
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.log import Log

LOGGER = structlog.get_logger(__name__)

CONNECTIONS = "$SYS.REQ.SERVER.PING.CONNZ"
KICK = "$SYS.REQ.SERVER.{server}.KICK"
PAGE = 1_024
SERVERS_ANSWER_WITHIN_S = 0.5
COUNTED_FOR_S = 30.0


class Connection(NamedTuple):
    """A connection of the device account."""

    server: str
    number: int
    user: str
    activity: Activity


def key_of(server: str, number: object) -> str:
    """Identity of a connection in a cluster."""
    return f"{server}.{number}"


def milliseconds(text: str) -> int:
    """UTC milliseconds of a server's time, which has nanoseconds; 0 for none."""
    try:
        return round(dt.datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return 0


def _connection(server: str, found: Mapping[str, Any]) -> Connection:
    return Connection(
        server=server,
        number=int(found["cid"]),
        user=str(found.get("authorized_user", "")),
        activity=Activity(
            key=key_of(server, found["cid"]),
            address=str(found.get("ip", "")),
            client_id=str(found.get("mqtt_client", "")),
            opened_at_ms=milliseconds(str(found.get("start", ""))),
            active_at_ms=milliseconds(str(found.get("last_activity", ""))),
        ),
    )


class SystemAccount:
    """Requests to all servers of a cluster."""

    def __init__(self, log: Log, account: str) -> None:
        self._log = log
        self._account = account
        self._servers = 0
        self._counted_until_s = 0.0

    async def connections(self, user: str) -> list[Connection]:
        """Connections of one user. Raises `UnavailableError`."""
        found, _ = await self._page({"user": user}, 0)
        return found

    async def all_connections(self) -> AsyncIterator[list[Connection]]:
        """Connections of the account, in pages. Raises `UnavailableError`."""
        offset = 0
        while True:
            found, more = await self._page({}, offset)
            yield found
            if not more:
                return
            offset += PAGE

    async def _page(self, options: Mapping[str, Any], offset: int) -> tuple[list[Connection], bool]:
        body = {"auth": True, "acc": self._account, "limit": PAGE, "offset": offset, **options}
        found: list[Connection] = []
        more = False
        for answer in await self._answers(json.dumps(body).encode()):
            try:
                data = json.loads(answer)["data"]
                connections = data.get("connections") or []
                found.extend(_connection(data["server_id"], one) for one in connections)
                more = more or int(data.get("total", 0)) > offset + PAGE
            except (ValueError, KeyError, TypeError) as error:
                LOGGER.warning("server_answer_unreadable", detail=f"{type(error).__name__}: {error}")
        return found, more

    async def _answers(self, body: bytes) -> list[bytes]:
        """Answers of all servers: of as many as there were when they were last counted, or of all in time."""
        now_s = time.monotonic()
        counted = now_s < self._counted_until_s
        answers = await self._log.request_all(
            CONNECTIONS, body, SERVERS_ANSWER_WITHIN_S, self._servers if counted else None
        )
        if not counted:
            self._servers, self._counted_until_s = len(answers), now_s + COUNTED_FOR_S
        return answers

    async def cut(self, connection: Connection) -> None:
        """Ends a connection; it may be gone already. Raises `UnavailableError`."""
        subject = KICK.format(server=connection.server)
        try:
            await self._log.request(subject, json.dumps({"cid": connection.number}).encode(), 2.0)
        except UnavailableError as error:
            raise UnavailableError(f"a session of {connection.user} wasn't cut: {error}") from error
