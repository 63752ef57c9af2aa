"""Leases on a real server: one holder at a time, and take-over when it dies."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from sealtrail.contract.subjects import LEASES_BUCKET
from sealtrail.runtime import lease as lease_module
from sealtrail.runtime.bucket import Bucket
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.lease import Lease, process_identity
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.streams import LEASE_TTL_S
from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["nats_server", "nats_settings", "open_log"]

KEY = "anomaly.3"
HOLDER_PROGRAM = """
import asyncio, sys
from pydantic import SecretStr
from sealtrail.contract.subjects import LEASES_BUCKET
from sealtrail.runtime.lease import Lease, process_identity
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.nats import NatsSettings

async def main(url, user, password, holder):
    log = await Log.connect(NatsSettings(url=url, user=user, password=SecretStr(password)), "holder")
    lease = Lease(await log.bucket(LEASES_BUCKET), "anomaly.3", holder or process_identity())
    await lease.acquire(asyncio.Event())
    print("held", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


async def bucket_of(log: Log) -> Bucket:
    return await log.bucket(LEASES_BUCKET)


def start_holder(settings: NatsSettings, holder: str) -> subprocess.Popen[bytes]:
    """A process that holds the lease; returns once it does."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLDER_PROGRAM,
            settings.url,
            settings.user,
            settings.password.get_secret_value(),
            holder,
        ],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout as lines:  # logs may stand between
        if any(line == b"held\n" for line in lines):
            return process
    process.kill()
    process.wait()
    raise AssertionError("the holder ended without the lease")


async def test_one_holder_at_a_time(open_log: Log) -> None:
    """While one holds the lease another waits, and gets it at once when it is released."""
    bucket = await bucket_of(open_log)
    first, second = Lease(bucket, KEY, "first"), Lease(bucket, KEY, "second")
    stop = asyncio.Event()
    assert await first.acquire(stop)
    waiting = asyncio.create_task(second.acquire(stop))
    await asyncio.wait({waiting}, timeout=1.5)
    assert (first.held, second.held, waiting.done()) == (True, False, False)
    await first.release()
    assert await asyncio.wait_for(waiting, 3)
    assert (first.held, second.held) == (False, True)
    await second.release()
    assert await bucket.get(KEY) is None


async def test_leases_of_several_partitions_are_independent(open_log: Log) -> None:
    """Each key is a lease of its own."""
    bucket = await bucket_of(open_log)
    leases = [Lease(bucket, f"anomaly.{partition}", f"worker-{partition}") for partition in range(4)]
    assert all(await asyncio.gather(*(lease.acquire(asyncio.Event()) for lease in leases)))
    assert all(lease.held for lease in leases)
    for lease in leases:
        await lease.release()


async def test_stop_ends_the_wait(open_log: Log) -> None:
    """Who waits for a lease can be stopped."""
    bucket = await bucket_of(open_log)
    holder, waiting = Lease(bucket, KEY, "first"), Lease(bucket, KEY, "second")
    await holder.acquire(asyncio.Event())
    stop = asyncio.Event()
    task = asyncio.create_task(waiting.acquire(stop))
    stop.set()
    assert not await asyncio.wait_for(task, 3)
    await holder.release()


@pytest.mark.slow
async def test_a_lease_is_kept_beyond_its_time_to_live(open_log: Log) -> None:
    """The holder renews: nobody gets the lease as long as it lives."""
    bucket = await bucket_of(open_log)
    holder = Lease(bucket, KEY, "first")
    await holder.acquire(asyncio.Event())
    stop = asyncio.Event()
    waiting = asyncio.create_task(Lease(bucket, KEY, "second").acquire(stop))
    await asyncio.wait({waiting}, timeout=LEASE_TTL_S + 3)
    assert (holder.held, waiting.done()) == (True, False)
    stop.set()
    await waiting
    await holder.release()


async def test_a_killed_process_of_this_machine_is_followed_at_once(
    nats_settings: NatsSettings, open_log: Log
) -> None:
    """After kill -9 its successor on the same machine doesn't wait for the time to live."""
    process = start_holder(nats_settings, "")
    lease = Lease(await bucket_of(open_log), KEY, process_identity())
    waiting = asyncio.create_task(lease.acquire(asyncio.Event()))
    await asyncio.wait({waiting}, timeout=1)
    assert not waiting.done()
    process.kill()
    process.wait()
    assert await asyncio.wait_for(waiting, 2)
    await lease.release()


@pytest.mark.slow
async def test_a_killed_holder_elsewhere_is_followed_within_the_time_to_live(
    nats_settings: NatsSettings, open_log: Log
) -> None:
    """A holder that can't be seen is waited for until its lease runs out, and no longer."""
    process = start_holder(nats_settings, "elsewhere|boot|namespace|1|1")
    process.kill()
    process.wait()
    begun_s = time.monotonic()
    lease = Lease(await bucket_of(open_log), KEY, "here")
    assert await asyncio.wait_for(lease.acquire(asyncio.Event()), LEASE_TTL_S + 4)
    assert time.monotonic() - begun_s > 2
    await lease.release()


async def test_a_lease_that_another_took_is_lost(open_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """When another holder's name stands there, `lost` is set and `held` is False."""
    monkeypatch.setattr(lease_module, "RENEW_EVERY_S", 0.1)
    bucket = await bucket_of(open_log)
    lease = Lease(bucket, KEY, "first")
    await lease.acquire(asyncio.Event())
    await bucket.put(KEY, b"thief")
    await asyncio.wait_for(lease.lost.wait(), 5)
    assert not lease.held
    await lease.release()
    entry = await bucket.get(KEY)
    assert entry is not None
    assert entry.value == b"thief"


@pytest.mark.slow
async def test_a_lease_without_its_server_is_lost_in_time(
    nats_server: EmbeddedNats, open_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A holder that can't renew gives up before the server would let another in."""
    monkeypatch.setattr(lease_module, "RENEW_EVERY_S", 0.1)
    lease = Lease(await bucket_of(open_log), KEY, "first")
    await lease.acquire(asyncio.Event())
    nats_server.stop()
    begun_s = time.monotonic()
    await asyncio.wait_for(lease.lost.wait(), LEASE_TTL_S + 1)
    assert time.monotonic() - begun_s <= LEASE_TTL_S
    assert not lease.held
    await asyncio.wait_for(lease.release(), 5)


def test_only_processes_of_this_machine_can_be_seen_to_be_gone() -> None:
    """Anything but the identity of a dead process of this machine counts as alive."""
    mine = process_identity()
    host, boot, namespace, pid, started = mine.split("|")
    assert not lease_module._is_gone(mine)  # noqa: SLF001 - the decision that must never err
    assert not lease_module._is_gone("somebody")  # noqa: SLF001 - as above
    assert not lease_module._is_gone(f"other|{boot}|{namespace}|{pid}|1")  # noqa: SLF001 - as above
    assert not lease_module._is_gone(f"{host}|other|{namespace}|{pid}|1")  # noqa: SLF001 - as above
    assert not lease_module._is_gone(f"{host}|{boot}|pid:[1]|{pid}|1")  # noqa: SLF001 - as above
    assert lease_module._is_gone(f"{host}|{boot}|{namespace}|{pid}|{started}0")  # noqa: SLF001 - as above
