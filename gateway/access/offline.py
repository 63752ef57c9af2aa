"""Admission without a running gateway: for messages that are tried again from the quarantine."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.access.admission import Admission
from gateway.access.registry import RegistryView
from gateway.access.suspicions import Suspicions
from sealtrail.contract.device import Device
from sealtrail.runtime.settings.access import AccessSettings

NO_LIMIT = 1_000_000_000


def admission_of(devices: Iterable[Device], settings: AccessSettings) -> Admission:
    """Judges by these devices as they are, without limits of rate; changes and tells nothing."""
    unlimited = dict.fromkeys(("messages_per_s", "burst_messages", "unknown_messages_per_s"), NO_LIMIT)
    view = RegistryView(settings.model_copy(update=unlimited))
    for device in devices:
        view.take(device.device_id, msgspec.json.encode(device))
    return Admission(view, settings, Suspicions(1, settings.suspicion_every_s), lambda _: None, dict)
