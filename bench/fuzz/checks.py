"""What must hold of whatever a decoder makes of any bytes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from gateway.device_time import CLOCK_EPOCH_MS, FUTURE_TOLERANCE_MS
from sealtrail.contract.codec import decode_readings, encode_readings
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public.device_report import RANGES
from sealtrail.contract.public.reading_line import from_line, to_line
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState

RECEIVED_AT_MS = 1_795_415_400_000
REASON = re.compile("[a-z][a-z0-9_]{0,39}")
EXTRA_NAME = re.compile("[a-z0-9][a-z0-9_]{0,127}")
EVERY_EVENT = sum(event.value for event in SealEvent)
EVERY_FLAG = sum(flag.value for flag in Flag)
QUANTITIES = [name for name in RANGES if name in Reading.__struct_fields__]
LEAST_BYTES, BYTES_FOR_EACH = 4_096, 64
"""A message of n bytes becomes at most ``LEAST_BYTES + n * BYTES_FOR_EACH`` bytes of readings."""


class BrokenPromiseError(Exception):
    """A promise that is broken by an input."""


def promise(*, kept: bool, name: str) -> None:
    """Raises `BrokenPromiseError` unless ``kept``."""
    if not kept:
        raise BrokenPromiseError(name)


def check_reason(refusal: RefusedError) -> None:
    """A refusal has a short stable name."""
    promise(kept=REASON.fullmatch(refusal.reason) is not None, name="the reason is a name")


def check_reading(reading: Reading) -> None:
    """Every value is one that the contract knows."""
    promise(kept=bool(reading.device_id), name="a reading names its device")
    promise(kept=reading.received_at_ms == RECEIVED_AT_MS, name="the time of receipt is kept")
    promise(
        kept=CLOCK_EPOCH_MS <= reading.occurred_at_ms <= RECEIVED_AT_MS + FUTURE_TOLERANCE_MS,
        name="the time is credible",
    )
    promise(kept=0 <= reading.reading_id < 2**64, name="the identity has 64 bits")
    FixKind(reading.fix_kind)
    SealState(reading.seal_state)
    promise(kept=not reading.seal_events & ~EVERY_EVENT, name="the seal events are known")
    promise(kept=not reading.flags & ~EVERY_FLAG, name="the flags are known")
    for name in QUANTITIES:
        value = getattr(reading, name)
        least, greatest = RANGES[name]
        promise(
            kept=value is None or (math.isfinite(value) and least <= value <= greatest),
            name=f"{name} is in range",
        )
    located = reading.latitude_deg is not None
    promise(kept=located == (reading.longitude_deg is not None), name="a place has both coordinates")
    promise(kept=located == (reading.fix_kind != FixKind.NONE), name="a place has a kind")
    for name, extra in (reading.extra or {}).items():
        promise(kept=EXTRA_NAME.fullmatch(name) is not None, name="names of extra values are snake_case")
        promise(kept=not isinstance(extra, float) or math.isfinite(extra), name="extra values are finite")


def decoded(decoder: Decoder, frame: bytes, device_id: str | None) -> list[Reading]:
    """Readings of any bytes, checked; none where they are refused by name."""
    try:
        readings = decoder.decode(frame, device_id, RECEIVED_AT_MS)
    except RefusedError as refusal:
        check_reason(refusal)
        return []
    for reading in readings:
        check_reading(reading)
        promise(kept=from_line(to_line(reading)) == reading, name="a reading survives its line")
    wire = encode_readings(readings)
    promise(kept=len(wire) <= LEAST_BYTES + BYTES_FOR_EACH * len(frame), name="no message grows without end")
    promise(kept=decode_readings(wire) == readings, name="a reading survives the log")
    again = decoder.decode(frame, device_id, RECEIVED_AT_MS)
    promise(kept=again == readings, name="equal bytes give equal readings")
    return readings


def refused_or(act: Callable[[], object]) -> None:
    """Does something that may only fail by a named refusal."""
    try:
        act()
    except RefusedError as refusal:
        check_reason(refusal)
