"""`Credentials`: whether somebody who signs in is who they say, by registry and subscribers' logins."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets

from gateway.access.callout import Grant, Request, device_grant, subscriber_grant
from gateway.access.registry import RegistryView
from sealtrail.contract.device import Device, Login, subscriber_login
from sealtrail.runtime.passwords import is_costly, is_password

FAILURES_A_MINUTE = 10
MOST_REMEMBERED = 100_000
MINUTE_MS = 60_000


class Credentials:
    """Checks logins. A password that was right once is recognised again without the costly hash.

    Whatever a device has in the registry must be right: its password where it
    has one, its certificate where it has one, both where it has both.
    """

    def __init__(self, view: RegistryView, at_once: int) -> None:
        self.view = view
        self.logins: dict[str, Login] = {}  # by user name
        self._by_fingerprint: dict[str, str] = {}
        self._slots = asyncio.Semaphore(at_once)
        self._salt = secrets.token_bytes(16)
        self._right: dict[str, tuple[str, bytes]] = {}  # user -> (hash it was right for, keyed digest)
        self._failures: dict[tuple[str, str], int] = {}
        self._minute = -1

    def device_changed(self, before: Device | None, after: Device | None) -> None:
        """Keeps the index of certificates; told of every change in the registry."""
        if before is not None and self._by_fingerprint.get(before.certificate_sha256) == before.device_id:
            del self._by_fingerprint[before.certificate_sha256]
        if after is not None and after.certificate_sha256:
            self._by_fingerprint[after.certificate_sha256] = after.device_id

    def login_changed(self, subscriber_id: str, login: Login | None) -> None:
        """A subscriber's login is there now, another one, or gone."""
        user = subscriber_login(subscriber_id)
        if login is None:
            self.logins.pop(user, None)
        else:
            self.logins[user] = login

    def may_stay(self, user: str) -> bool:
        """Whether a session under this name may go on; names that aren't ours may."""
        if user.endswith(subscriber_login("")):
            return user in self.logins
        standing = self.view.standings.get(user)
        return standing is None or not standing.refusal

    async def check(self, request: Request, now_ms: int) -> Grant | None:
        """What may be granted, or None."""
        if not request.is_mqtt:
            return None
        login = self.logins.get(request.user)
        if login is not None:
            grant = subscriber_grant(request.user, login.subscriber_id)
            return grant if await self._is_right(request, login.password_hash, now_ms) else None
        user = request.user or next(
            (self._by_fingerprint[one] for one in request.fingerprints if one in self._by_fingerprint), ""
        )
        standing = self.view.standings.get(user)
        if standing is None or not await self._is_proven(standing.device, request, now_ms):
            return None
        return device_grant(standing.device)  # as it is now: it may have been suspended meanwhile

    async def _is_proven(self, device: Device, request: Request, now_ms: int) -> bool:
        if not device.password_hash and not device.certificate_sha256:
            return False
        if device.certificate_sha256 and device.certificate_sha256 not in request.fingerprints:
            return False
        return not device.password_hash or await self._is_right(request, device.password_hash, now_ms)

    async def _is_right(self, request: Request, hashed: str, now_ms: int) -> bool:
        """Whether the password is the one of ``hashed``; guessing at costly ones is slowed down."""
        digest = hmac.digest(self._salt, f"{request.user}\0{request.password}".encode(), hashlib.sha256)
        known = self._right.get(request.user)
        if known is not None and known[0] == hashed and hmac.compare_digest(known[1], digest):
            return True
        if not is_costly(hashed):
            right = is_password(request.password, hashed)
        elif self._guesses(request, now_ms) >= FAILURES_A_MINUTE:
            return False
        else:
            async with self._slots:
                right = await asyncio.to_thread(is_password, request.password, hashed)
        if right:
            if len(self._right) >= MOST_REMEMBERED:
                self._right.clear()
            self._right[request.user] = (hashed, digest)
        elif len(self._failures) < MOST_REMEMBERED:
            where = (request.user, request.address)
            self._failures[where] = self._failures.get(where, 0) + 1
        return right

    def _guesses(self, request: Request, now_ms: int) -> int:
        minute = now_ms // MINUTE_MS
        if minute != self._minute:
            self._minute = minute
            self._failures.clear()
        return self._failures.get((request.user, request.address), 0)
