"""Messages that were kept because of who sent them, tried again."""

from __future__ import annotations

from sealtrail.commands.quarantine_entries import Entry
from sealtrail.commands.quarantine_retry import retry_all
from sealtrail.contract.device import DeviceState
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.access import AccessSettings
from sealtrail.runtime.settings.tree import Settings
from tests.gateway.access.desk import enter

REPORT = b'{"occurred_at":"2026-09-21T06:30:00Z"}'


async def test_retry_believes_only_whom_the_registry_believes(open_log: Log) -> None:
    """A device that was added since is heard; one that is suspended, or still unknown, isn't."""
    for device_id in ("added", "stolen"):
        await enter(open_log, device_id)
    await DeviceRegistry(open_log).set_state("stolen", DeviceState.SUSPENDED, "test")
    entries = [
        Entry(
            number,
            0,
            QuarantinedMessage(
                received_at_ms=1_790_000_000_000,
                topic=f"sealtrail/json/{device_id}/up",
                family="json",
                device_id=device_id,
                reason="unknown_device",
                detail="",
                payload=REPORT,
            ),
        )
        for number, device_id in enumerate(("added", "stolen", "stranger"))
    ]
    strict = Settings(access=AccessSettings(unknown_devices="quarantine"))
    outcomes = await retry_all(open_log, strict, entries, dry_run=True)
    assert [(one.readings, one.refused) for one in outcomes] == [
        (1, ""),
        (0, "suspended_device"),
        (0, "unknown_device"),
    ]
