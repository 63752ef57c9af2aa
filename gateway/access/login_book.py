"""`follow_logins`: the logins of subscribers, kept current in `Credentials`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.access.credentials import Credentials
from sealtrail.contract.device import InvalidDeviceError, subscriber_login
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.subjects import LOGINS_BUCKET
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.devices import decode_login
from sealtrail.runtime.log import Log

LOGGER = structlog.get_logger(__name__)


async def follow_logins(
    log: Log, credentials: Credentials, loaded: asyncio.Event, on_change: Callable[[str], None]
) -> None:
    """Until cancelled. ``on_change`` hears the user name of every login that is new, replaced or gone."""
    for wait_s in backoff_s(cap_s=5.0):
        try:
            await _watch(log, credentials, loaded, on_change)
        except UnavailableError as error:
            LOGGER.warning("logins_unavailable", error=str(error))
        await asyncio.sleep(wait_s)


async def _watch(
    log: Log, credentials: Credentials, loaded: asyncio.Event, on_change: Callable[[str], None]
) -> None:
    bucket = await log.bucket(LOGINS_BUCKET)
    found: set[str] | None = set()
    async for entries in bucket.watch():
        if entries is None:
            known = {login.subscriber_id for login in credentials.logins.values()}
            for gone in known - (found or set()):
                credentials.login_changed(gone, None)
                on_change(subscriber_login(gone))
            found = None
            loaded.set()
            continue
        for entry in entries:
            user = subscriber_login(entry.key)
            before = credentials.logins.get(user)
            try:
                after = decode_login(entry.value) if entry.value is not None else None
            except InvalidDeviceError as error:
                LOGGER.error("login_unreadable", subscriber_id=entry.key, detail=error.detail)  # noqa: TRY400 - an expected failure has no trace
                continue
            credentials.login_changed(entry.key, after)
            if found is not None and after is not None:
                found.add(entry.key)
            if before != after:
                on_change(user)
