"""Readings as rows of a structured array: what judgement needs of a report, 70 bytes.

Values are rounded here once (places to 1e-7 degree, radii to 32-bit floats), so
that a report judged on arrival and the same report judged again out of the
history are the same numbers.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from operator import attrgetter

import msgspec
import numpy as np

from anomaly.sphere import DEGREE_E7, Bools, Floats, Ints, Structured, unit_vectors
from anomaly.words import LATEST_MS
from sealtrail.contract.alert import Evidence
from sealtrail.contract.reading import SENSOR_FIELDS, FixKind, Flag, Reading
from sealtrail.runtime.settings.anomaly import AnomalySettings

REPORT = np.dtype(
    [
        ("t", "i8"),  # occurred_at_ms
        ("rid", "u8"),  # reading_id
        ("recv", "i8"),  # received_at_ms
        ("lat", "i4"),  # 1e-7 degree
        ("lon", "i4"),
        ("unc", "f4"),  # 1-sigma radius, m
        ("events", "u4"),  # SealEvent, and TIMED_BY_RECEIPT, SAID_MOUNTED, SAID_OFF_MOUNT
        ("state", "u1"),  # SealState
        ("kind", "u1"),  # FixKind
        ("flags", "u1"),  # Flag
        ("quality", "u1"),  # NO_PLACE, PLAUSIBLE or IMPLAUSIBLE, written by the position rule
        ("mark", "u1"),  # MATTERS … NOTHING, written by the rules that are judged again from the path log
        ("levels", "u1"),  # DOOR_OPEN … AT_REST: what the device says of itself
        ("number", "u4"),  # `number_hash` of the seal's number as it reports it; 0: it says none
        ("values", "f2", len(SENSOR_FIELDS)),  # in the order of `SENSOR_FIELDS`, NaN where missing
    ]
)
COLUMN = {name: index for index, name in enumerate(SENSOR_FIELDS)}
"""Place of a quantity in ``values``."""
GREATEST_VALUE = 65_504.0
"""Of a 16-bit float; what is more is kept as this."""

NUMBERS_CACHE = 1 << 14  # a seal says the same number in every report

DOOR_OPEN, DOOR_SHUT, MOVING, AT_REST = 1, 2, 4, 8
_DOOR_BITS = {None: 0, True: DOOR_OPEN, False: DOOR_SHUT}
_MOTION_BITS = {None: 0, True: MOVING, False: AT_REST}

NO_PLACE = 0
PLAUSIBLE = 1
IMPLAUSIBLE = 2

MATTERS = 0
HOME, OUTSIDE, FAR, UNSURE = 1, 2, 3, 4
NOTHING = 5
"""What a report left behind. HOME to UNSURE: the state of the position and the route rule after
it depends on this report alone (and the mark), which are: on no corridor or inside of it; within
a deviation, high; critical; too coarse to say. NOTHING: it changed nothing. MATTERS: anything else."""

TIMED_BY_RECEIPT, SAID_MOUNTED, SAID_OFF_MOUNT = 1 << 29, 1 << 30, 1 << 31
SEAL_EVENTS = TIMED_BY_RECEIPT - 1
"""`Reading.mounted` travels in the two highest bits beside those of `SealEvent`; below them,
that the device's clock was not believed."""
_MOUNT_BITS = {None: 0, True: SAID_MOUNTED, False: SAID_OFF_MOUNT}

_TAKEN = attrgetter(
    "occurred_at_ms",
    "reading_id",
    "received_at_ms",
    "seal_events",
    "seal_state",
    "flags",
    "fix_kind",
    "latitude_deg",
    "longitude_deg",
    "accuracy_m",
    "mounted",
    "door_open",
    "moving",
    "seal_number",
    *SENSOR_FIELDS,
)
"""What judgement takes of a reading, in the order of `gather`'s columns."""

CLOCK_UNSET = int(Flag.CLOCK_UNSET)
CLOCKLESS = int(Flag.CLOCK_UNSET | Flag.CLOCK_FUTURE)


class Sighting(msgspec.Struct, frozen=True):
    """One report as it is kept for evidence."""

    reading_id: int
    device_id: str
    occurred_at_ms: int
    received_at_ms: int
    latitude_deg: float | None
    longitude_deg: float | None
    uncertainty_m: float
    fix_kind: int
    seal_events: int  # as in `REPORT`
    seal_state: int
    quality: int
    card_id: str | None = None

    @property
    def key(self) -> tuple[int, int]:
        """Event-time order: by time, then by identity, whatever the order of arrival."""
        return self.occurred_at_ms, self.reading_id

    @property
    def timed_by_receipt(self) -> bool:
        """Whether its time is that of the receipt, since the device's clock was not believed."""
        return bool(self.seal_events & TIMED_BY_RECEIPT)

    def evidence(self) -> Evidence:
        return Evidence(
            reading_id=f"{self.reading_id:016x}",
            device_id=self.device_id,
            occurred_at_ms=self.occurred_at_ms,
            received_at_ms=self.received_at_ms,
            latitude_deg=self.latitude_deg,
            longitude_deg=self.longitude_deg,
            fix_kind=self.fix_kind,
            seal_events=self.seal_events & SEAL_EVENTS,
            seal_state=self.seal_state,
        )


def sighting(report: np.void, device_id: str, card_id: str | None = None) -> Sighting:
    """A report's row as a plain value."""
    placed = bool(report["quality"] != NO_PLACE)
    return Sighting(
        reading_id=int(report["rid"]),
        device_id=device_id,
        occurred_at_ms=int(report["t"]),
        received_at_ms=int(report["recv"]),
        latitude_deg=int(report["lat"]) / DEGREE_E7 if placed else None,
        longitude_deg=int(report["lon"]) / DEGREE_E7 if placed else None,
        uncertainty_m=round(float(report["unc"]), 1) if placed else 0.0,
        fix_kind=int(report["kind"]),
        seal_events=int(report["events"]),
        seal_state=int(report["state"]),
        quality=int(report["quality"]),
        card_id=card_id,
    )


def sound(reading: Reading) -> bool:
    """Whether a row can hold the reading's times and identity; the gateway lets no other through."""
    times = reading.occurred_at_ms, reading.received_at_ms
    return all(0 <= at <= LATEST_MS for at in times) and 0 <= reading.reading_id < 1 << 64


def gather(batch: Sequence[Reading], settings: AnomalySettings) -> Structured | None:
    """Rows of `REPORT`, one for each reading, in the batch's order; None where one isn't `sound`.

    The batch isn't empty. A fix counts as a place where it is satellite, cell or Wi-Fi, within
    range and no NaN, and the device has a clock: one without can't say when it was there. A clock
    that is more than ``clock_behind_s`` behind the receipt is none (no device remembers for so long).
    ``quality`` is then PLAUSIBLE until the position rule knows better.

    Works by columns: NumPy takes a column of plain numbers fifty times faster than rows of them.
    """
    (occurred, ids, received, events, states, flags, kinds, *rest) = zip(*map(_TAKEN, batch), strict=True)
    latitudes, longitudes, radii, mounted, doors, moving, numbers, *values = rest
    rows = np.empty(len(batch), REPORT)
    try:
        times = np.array((occurred, received), np.int64)
        rows["rid"] = np.array(ids, np.uint64)
    except OverflowError:
        return None
    if times.min() < 0 or times.max() > LATEST_MS:
        return None
    rows["t"], rows["recv"] = times
    rows["events"] = _whole(events) & SEAL_EVENTS
    if mounted.count(None) < len(batch):
        rows["events"] |= np.array([_MOUNT_BITS[each] for each in mounted], np.uint32)
    rows["state"] = _whole(states) & 0xFF
    rows["flags"] = _whole(flags) & 0xFF
    behind = rows["recv"] - rows["t"] > settings.clock_behind_s * 1000
    if behind.any():
        rows["flags"][behind] |= CLOCK_UNSET
        rows["t"][behind] = rows["recv"][behind]
    clockless = (rows["flags"] & CLOCKLESS) != 0
    if clockless.any():
        rows["events"][clockless] |= TIMED_BY_RECEIPT
    kind = _whole(kinds) & 0xFF
    latitude, longitude = np.array(latitudes, np.float64), np.array(longitudes, np.float64)
    claimed = np.array(radii, np.float64)
    placed = (kind >= FixKind.GNSS) & (kind <= FixKind.WIFI)
    placed &= (rows["flags"] & CLOCK_UNSET) == 0
    placed &= (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)  # noqa: PLR2004 (degrees)
    defaults = np.zeros(256)
    defaults[FixKind.GNSS] = settings.gnss_uncertainty_m
    defaults[FixKind.CELL] = settings.cell_uncertainty_m
    defaults[FixKind.WIFI] = settings.wifi_uncertainty_m
    believed = (claimed > 0) & np.isfinite(claimed)
    uncertainty = np.where(believed, np.maximum(claimed, settings.least_uncertainty_m), defaults[kind])
    rows["kind"] = kind
    rows["unc"] = np.where(placed, np.minimum(uncertainty, 2e7), 0)
    rows["lat"] = np.rint(np.where(placed, latitude, 0) * DEGREE_E7)
    rows["lon"] = np.rint(np.where(placed, longitude, 0) * DEGREE_E7)
    rows["quality"] = placed
    rows["mark"] = MATTERS
    rows["levels"] = 0
    for bits, column in ((_DOOR_BITS, doors), (_MOTION_BITS, moving)):
        if column.count(None) < len(batch):
            rows["levels"] |= np.array([bits[each] for each in column], np.uint8)
    rows["number"] = [0 if each is None else number_hash(each) for each in numbers]
    rows["values"] = _values(values, len(batch))
    return rows


def _whole(column: tuple[int, ...]) -> Ints:
    """A column of integers, most of which are often 0."""
    return np.array(column, np.int64) if any(column) else np.zeros(len(column), np.int64)


@functools.lru_cache(maxsize=NUMBERS_CACHE)
def number_hash(seal_number: str) -> int:
    """32 bits of a seal's number, never 0; case, spaces and dashes are of no account."""
    return zlib.crc32(plain_number(seal_number).encode()) or 1


def plain_number(number: str) -> str:
    """A number of a seal or a card as it is compared: case, spaces and dashes are of no account."""
    return "".join(each for each in number.upper() if each.isalnum())


def _values(columns: Sequence[tuple[float | None, ...]], size: int) -> Floats:
    """Sensor values, shape (size, len(SENSOR_FIELDS)); infinities and missing ones are NaN."""
    values = np.full((size, len(columns)), np.nan)
    for place, column in enumerate(columns):
        if column.count(None) < size:
            values[:, place] = np.array(column, np.float64)
    values[~np.isfinite(values)] = np.nan
    clipped: Floats = np.clip(values, -GREATEST_VALUE, GREATEST_VALUE)
    return clipped


def kept(reports: Structured, late_after_s: float) -> Bools:
    """Which reports their device has kept for a while, where others are sent at once."""
    result: Bools = reports["recv"] - reports["t"] > late_after_s * 1000
    return result


def vectors_of(rows: Structured) -> Floats:
    """Unit vectors of rows, shape (n, 3); meaningless where there is no place."""
    return unit_vectors(rows["lat"] / DEGREE_E7, rows["lon"] / DEGREE_E7)
