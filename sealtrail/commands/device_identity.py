"""Whether a device can name itself as somebody has typed it."""

from __future__ import annotations

import re

from gateway.decoders import decoder_for, told_beside
from gateway.foreign_topics import BRIDGE
from sealtrail.contract.device import Device
from sealtrail.contract.errors import RefusedError


def doubt_about(device: Device) -> str | None:
    """What people should be told of an identity that no device of its family has; None: nothing.

    It may be entered all the same: makers do what they like. A bridge has whatever name.
    """
    try:
        decoder = decoder_for(device.family)
    except RefusedError:
        return None
    pattern, words = told_beside(decoder, "IDENTITY", ("", ""))
    if not pattern or BRIDGE in device.capabilities or re.fullmatch(pattern, device.device_id):
        return None
    return f"{device.device_id} may never be heard: a device of {decoder.family} names itself by {words}"
