"""Reading snapshots from the object store.

nats-py's own ``get`` waits for ever when parts don't come: because the snapshot
was replaced while it was read, or because the server was restarted. Here the
parts come through a `LogReader`, which survives restarts, and a snapshot that
was replaced meanwhile is looked up again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ObjectInfo
from nats.js.errors import NotFoundError

from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.reader import LogReader

TRIES = 3
QUIET_S = 5.0
"""Without any part for so long, the snapshot is looked up again."""
_DIGEST = "SHA-256="


async def load(js: JetStreamContext, nc: Client, bucket: str, name: str) -> bytes | None:
    """The newest whole snapshot, or None where there is none; raises `UnavailableError`."""
    try:
        store = await js.object_store(bucket)
        for _ in range(TRIES):
            info = await store.get_info(name)
            data = await _whole(js, nc, bucket, info)
            if data is not None:
                return data
    except NotFoundError:
        return None
    except (NatsError, TimeoutError) as error:
        raise UnavailableError(f"snapshot {name}: {error or type(error).__name__}") from error
    raise UnavailableError(f"snapshot {name} isn't whole")


async def _whole(js: JetStreamContext, nc: Client, bucket: str, info: ObjectInfo) -> bytes | None:
    """All bytes of one version of a snapshot; None when they don't come, or aren't those that were put."""
    parts: list[bytes] = []
    missing = info.size or 0
    reader = LogReader(js, nc, f"OBJ_{bucket}", f"$O.{bucket}.C.{info.nuid}", 1)
    try:
        while missing > 0:
            messages = await reader.take(wait_s=QUIET_S)
            if not messages:
                return None
            parts += [message.data for message in messages]
            missing -= sum(len(message.data) for message in messages)
    finally:
        await asyncio.shield(reader.close())
    data = b"".join(parts)
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
    return data if info.digest == _DIGEST + digest else None
