"""`Report`: the values of one report before a device family's encoder makes bytes of it."""

from __future__ import annotations

from typing import NamedTuple

from sealtrail.contract.reading import FixKind, SealEvent, SealState


class Fix(NamedTuple):
    kind: FixKind
    latitude_deg: float
    longitude_deg: float
    accuracy_m: float
    speed_kmh: float
    course_deg: float
    satellites: int


class SealView(NamedTuple):
    """What a seal knows of itself."""

    state: SealState
    events: SealEvent
    mounted: bool
    number: str
    card_id: str | None = None
    door_open: bool | None = None  # None: it has no door contact


class Report(NamedTuple):
    """``at_ms`` is None on a device whose clock isn't set; ``uptime_s`` then tells its reports apart."""

    device_id: str
    sequence: int
    at_ms: int | None
    uptime_s: int
    fix: Fix | None
    seal: SealView | None
    moving: bool
    odometer_km: float
    temperature_c: float
    humidity_pct: float
    battery_pct: float
    signal_pct: float
    shock_g: float
