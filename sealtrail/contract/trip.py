"""`Trip` and `TripEvent`: what is known about a journey, and when it became known.

Everything that changes a judgement travels the log as a `TripEvent`, in order
with the readings of the same container. Times are UTC milliseconds.
"""

from __future__ import annotations

import enum

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A circle on the ground."""

    name: str
    latitude_deg: float
    longitude_deg: float
    radius_m: float


class Corridor(msgspec.Struct, frozen=True, kw_only=True):
    """The way a trip is to take: a polyline on the sphere.

    ``coordinates`` are (longitude, latitude) in travel order, at least two,
    legs being great circles. ``half_width_m`` is the allowed distance to
    either side: one value for all legs or one for each leg.
    """

    coordinates: tuple[tuple[float, float], ...]
    half_width_m: tuple[float, ...]


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """An area on the ground: inside ``ring`` or inside ``circle``, whichever is given.

    ``ring`` is (longitude, latitude), at least three corners, not closed, edges
    being great circles; it encloses the smaller side.
    """

    name: str
    ring: tuple[tuple[float, float], ...] = ()
    circle: Place | None = None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A place that the trip must pass, in the order in which its checkpoints are listed."""

    place: Place
    due_at_ms: int | None = None


class SensorLimit(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a cargo profile: what one quantity may be; outside for ``lasting_s`` is an excursion.

    ``quantity`` is a name of `SENSOR_FIELDS`. An open side is None.
    """

    quantity: str
    least: float | None = None
    greatest: float | None = None
    lasting_s: float = 0.0


class Authorisation(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to open a seal: who, where and when. An empty or missing part allows any."""

    authorisation_id: str
    granted_by: str
    valid_from_ms: int
    valid_until_ms: int
    card_ids: tuple[str, ...] = ()
    place: Place | None = None
    reason: str = ""


class SealCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A person's look at the seal at a change of custody (WCO SAFE seal integrity)."""

    check_id: str
    checked_at_ms: int
    condition: int  # UN/EDIFACT 4517: 1 right, 2 damaged, 3 missing, 4 broken, 5 faulty
    party: str
    party_role: str  # UN/EDIFACT 9303, for example CU customs, CA carrier
    seal_expected: str | None = None
    seal_seen: str | None = None
    replaced_by: str | None = None
    place: Place | None = None
    remark: str = ""


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A journey of one container under seal."""

    trip_id: str
    container_id: str  # ISO 6346
    device_ids: tuple[str, ...]
    corridor: Corridor | None = None
    seal_numbers: tuple[str, ...] = ()
    departs_at_ms: int | None = None  # sealed and under watch from here on
    arrives_at_ms: int | None = None  # planned arrival
    origin: Place | None = None
    destination: Place | None = None
    allowed_places: tuple[Place, ...] = ()  # stops where standing still is expected
    authorisations: tuple[Authorisation, ...] = ()
    severities: dict[str, str] = {}  # alert type -> severity, where it differs from the catalogue
    alternatives: tuple[Corridor, ...] = ()  # other ways that are as good as `corridor`
    checkpoints: tuple[Checkpoint, ...] = ()
    forbidden_zones: tuple[Zone, ...] = ()
    dead_zones: tuple[Zone, ...] = ()  # known to have no coverage: silence in them is no surprise
    parking_zones: tuple[Zone, ...] = ()  # in them it may stand as long as it likes, seal closed
    cargo_limits: tuple[SensorLimit, ...] = ()
    reporting_interval_s: float | None = None  # of its devices; None: as each is seen to report
    stop_max_s: float | None = None  # longest stop outside allowed places; None: the setting
    separation_max_m: float | None = None  # of its devices from each other; None: the setting
    declaration: str = ""  # number or reference of the customs declaration
    lane: str = ""  # name of the lane it takes, by which learned models are found; empty: none known


class TripEventKind(enum.StrEnum):
    PLANNED = "planned"  # `trip`
    CHANGED = "changed"  # `trip`: the whole new plan, valid from `occurred_at_ms`
    PAIRED = "paired"  # `device_id`
    UNPAIRED = "unpaired"  # `device_id`
    ARMED = "armed"  # by hand
    AUTHORISED = "authorised"  # `authorisation`
    SEAL_CHECKED = "seal_checked"  # `seal_check`
    ENDED = "ended"
    TICK = "tick"  # time has passed; carries no trip
    IDENTITY_SUSPECT = "identity_suspect"  # `device_id`, `suspicion`, `evidence`: said by the gateway


class TripEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change to what is known about a trip, at the time from which it holds."""

    event_id: str
    kind: TripEventKind
    occurred_at_ms: int
    recorded_at_ms: int
    container_id: str = ""
    trip_id: str = ""
    actor: str = ""
    device_id: str | None = None
    trip: Trip | None = None
    authorisation: Authorisation | None = None
    seal_check: SealCheck | None = None
    suspicion: str = ""  # `device.Suspicion`
    evidence: dict[str, str | int | float | bool] = {}  # what was seen: addresses, counts, names
