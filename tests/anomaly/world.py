"""A small world for tests: one corridor, one trip, readings by the minute."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType
from sealtrail.contract.reading import FixKind, Reading, SealEvent, SealState, reading_id_of
from sealtrail.contract.trip import Authorisation, Corridor, Place, Trip, TripEvent, TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings

START_MS = 1_800_000_000_000
MINUTE_MS = 60_000
CONTAINER = "MSKU9070323"
SEAL = "JT-123"
TRACKER = "TR-9"
CORRIDOR = Corridor(coordinates=((10.0, 50.0), (12.0, 50.0), (14.0, 51.0)), half_width_m=(2_000.0, 5_000.0))
ORIGIN = Place(name="Depot", latitude_deg=50.0, longitude_deg=10.0, radius_m=1_000.0)

QUIET = {AlertType.TRIP_STARTED, AlertType.TRIP_ENDED, AlertType.PAIRED, AlertType.UNPAIRED}


def trip(container: str = CONTAINER, **changes: object) -> Trip:
    """A trip along `CORRIDOR` that departs at `START_MS`."""
    plan: dict[str, object] = {
        "trip_id": f"T-{container}",
        "container_id": container,
        "device_ids": (SEAL,),
        "corridor": CORRIDOR,
        "departs_at_ms": START_MS,
        "stop_max_s": 31_622_400.0,  # it may stand: tests of other things report from one place
    }
    return Trip(**{**plan, **changes})  # type: ignore[arg-type]  # fields by name


def trip_event(kind: TripEventKind, minute: float = -10, **fields: object) -> TripEvent:
    """A trip event on `CONTAINER`, recorded when it happened unless told otherwise."""
    at_ms = START_MS + round(minute * MINUTE_MS)
    plan: dict[str, object] = {
        "event_id": f"{kind.value}-{minute}-{fields.get('container_id', CONTAINER)}",
        "kind": kind,
        "occurred_at_ms": at_ms,
        "recorded_at_ms": at_ms,
        "container_id": CONTAINER,
        "trip_id": f"T-{CONTAINER}",
        "actor": "officer",
    }
    return TripEvent(**{**plan, **fields})  # type: ignore[arg-type]  # fields by name


def planned(minute: float = -10, **changes: object) -> TripEvent:
    """The plan of `trip`, recorded ten minutes before departure."""
    plan = trip(**changes)  # type: ignore[arg-type]
    ids = {"container_id": plan.container_id, "trip_id": plan.trip_id}
    return trip_event(TripEventKind.PLANNED, minute, trip=plan, **ids)


def authorised(from_minute: float, until_minute: float, *, minute: float = -5, **fields: object) -> TripEvent:
    """Leave to open the seal between two minutes."""
    plan: dict[str, object] = {
        "authorisation_id": f"AUTH-{from_minute}",
        "granted_by": "KRA",
        "valid_from_ms": START_MS + round(from_minute * MINUTE_MS),
        "valid_until_ms": START_MS + round(until_minute * MINUTE_MS),
    }
    authorisation = Authorisation(**{**plan, **fields})  # type: ignore[arg-type]  # fields by name
    return trip_event(TripEventKind.AUTHORISED, minute, authorisation=authorisation)


def reading(
    minute: float,
    place: tuple[float, float] | None = (50.0, 10.0),
    *,
    device: str = SEAL,
    container: str | None = CONTAINER,
    events: SealEvent = SealEvent.NONE,
    state: SealState = SealState.UNKNOWN,
    late_min: float = 0,
    kind: FixKind = FixKind.GNSS,
    **fields: object,
) -> Reading:
    """A report ``minute`` minutes after the start, received two seconds (and ``late_min``) later."""
    at_ms = START_MS + round(minute * MINUTE_MS)
    sequence = round(minute * 1000)
    plan: dict[str, object] = {
        "device_id": device,
        "family": "json",
        "reading_id": reading_id_of(device, sequence, at_ms, b""),
        "occurred_at_ms": at_ms,
        "received_at_ms": at_ms + 2_000 + round(late_min * MINUTE_MS),
        "container_id": container,
        "fix_kind": int(kind) if place else 0,
        "latitude_deg": place[0] if place else None,
        "longitude_deg": place[1] if place else None,
        "seal_events": int(events),
        "seal_state": int(state),
    }
    return Reading(**{**plan, **fields})  # type: ignore[arg-type]  # fields by name


def drive(minutes: Iterable[float], *, north_deg: float = 0.0, **fields: object) -> list[Reading]:
    """Reports along the first leg at about 43 km/h, ``north_deg`` beside it."""
    return [reading(m, (50.0 + north_deg, 10.0 + 0.01 * m), **fields) for m in minutes]  # type: ignore[arg-type]


def judge(*events: TripEvent, **settings: object) -> Judge:
    """A judge that knows the trip (or what it is given instead); with a history given, it has no other."""
    if "history_reports" in settings:
        settings.setdefault("history_reports_spare", 0)
    made = Judge(AnomalySettings(**settings))  # type: ignore[arg-type]  # fields by name
    made.apply_trip_events(list(events) if events else [planned()])
    return made


def of_type(events: Sequence[AlertEvent], *types: AlertType) -> list[AlertEvent]:
    return [event for event in events if event.type in types]


def told(events: Iterable[AlertEvent]) -> list[tuple[str, str]]:
    """(action, type) of each event that is no plain log line of the trip."""
    return [(event.action.value, event.type.value) for event in events if event.type not in QUIET]


Standing = tuple[str, int, str, str]


def standing(events: Iterable[AlertEvent]) -> list[Standing]:
    """What stands in the end: (type, occurred_at_ms, severity, state) of every alert not retracted."""
    last: dict[str, AlertEvent] = {}
    cleared: dict[str, bool] = {}
    for event in events:
        cleared[event.alert_id] = event.action is AlertAction.CLEARED or (
            event.action is AlertAction.UPDATED and cleared.get(event.alert_id, False)
        )
        last[event.alert_id] = event
    return sorted(
        (
            event.type.value,
            event.occurred_at_ms,
            event.severity.value,
            "cleared" if cleared[alert_id] else "open",
        )
        for alert_id, event in last.items()
        if event.action is not AlertAction.RETRACTED and event.type not in QUIET
    )
