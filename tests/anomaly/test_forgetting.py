"""Parts of plans that nothing refers to: forgotten, their numbers given again, and no alert is another."""

from __future__ import annotations

import msgspec
import pytest

from anomaly import forgetting
from anomaly.judge import Judge
from anomaly.lanes import CHECKPOINTS
from anomaly.snapshot import JudgeState
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.reading import Reading
from sealtrail.contract.trip import (
    Checkpoint,
    Corridor,
    Place,
    SensorLimit,
    Trip,
    TripEvent,
    TripEventKind,
    Zone,
)
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import MINUTE_MS, START_MS, judge, reading, told, trip, trip_event

TRIPS = 2_000
LASTS_MIN = 200
SETTINGS = {
    "custody_events_kept": 16,
    "history_reports": 16,
    "history_reports_busy": 32,
    "signals_kept": 16,
    "neighbours_least": 1000,
}


def journey(n: int) -> Trip:
    """A trip like no other: its corridor, zones, checkpoints, limits and times are its own."""
    west = 10.0 + n * 1e-5
    line = tuple((west + 0.2 * leg, 50.0 + 0.01 * (leg % 2)) for leg in range(3 + n % 4))
    spot = Place(name=f"Hill {n}", latitude_deg=50.2, longitude_deg=west + 0.1, radius_m=500.0)
    gate = Place(name=f"Gate {n}", latitude_deg=50.02, longitude_deg=west + 0.1, radius_m=500.0)
    ring = ((west + 0.28, 49.98), (west + 0.32, 49.98), (west + 0.32, 50.02), (west + 0.28, 50.02))
    return trip(
        trip_id=f"T-{n}",
        corridor=Corridor(coordinates=line, half_width_m=(2_000.0,)),
        seal_numbers=(f"SLT-{n}",),
        departs_at_ms=START_MS + n * LASTS_MIN * MINUTE_MS,
        checkpoints=(Checkpoint(place=spot), Checkpoint(place=gate)),
        forbidden_zones=(Zone(name=f"Quarter {n}", ring=ring[: 3 + n % 2]),),
        dead_zones=(Zone(name=f"Gap {n}", circle=spot),),
        cargo_limits=(SensorLimit(quantity="temperature_c", greatest=8.0 + n * 1e-3, lasting_s=60.0),),
    )


def reports(n: int) -> list[Reading]:
    """A drive along the corridor, aside, through the zone, and on."""
    found = []
    for k in range(14):
        north = 50.005 + (0.05 if 4 <= k < 7 else 0.0)
        at = n * LASTS_MIN + 5 + 10 * k
        found.append(reading(at, (north, 10.0 + n * 1e-5 + 0.03 * k), temperature_c=5.0 + (k > 9) * 9))
    return found


def run(made: Judge, first: int, end: int) -> None:
    """Trips one after the other, recorded by the twenty; one of each twenty is reported on."""
    for n in range(first, end, 20):
        events: list[TripEvent] = []
        for each in range(n, n + 20):
            begins, ends, name = each * LASTS_MIN, (each + 1) * LASTS_MIN - 1, f"T-{each}"
            events.append(trip_event(TripEventKind.PLANNED, begins, trip=journey(each), trip_id=name))
            events.append(trip_event(TripEventKind.ENDED, ends, trip_id=name))
        made.apply_trip_events(events)
        made.apply_readings(reports(n + 19))


def plans_bytes(made: Judge) -> int:
    """How much of a snapshot is plans."""
    state = msgspec.msgpack.decode(made.snapshot()[19:], type=JudgeState)
    return len(msgspec.msgpack.encode(state.plans))


def test_thousands_of_trips_leave_nothing_behind() -> None:
    """Parts and snapshots stay within a bound, whether two hundred trips have ended or two thousand."""
    made = judge(trip_event(TripEventKind.TICK, 0), **SETTINGS)
    run(made, 0, 400)
    parts, size = [], []
    for first in range(400, TRIPS, 400):
        run(made, first, first + 400)
        forgetting.forget_unused(made)
        parts.append(len(made.plans))
        size.append(plans_bytes(made) / len(made.plans.corridors))  # six to eight trips are kept
    assert max(parts) < 200
    assert max(parts) - min(parts) < 30
    assert max(size) < 1.3 * min(size)
    assert len(made.plans.corridors.a) < 400
    assert len(made.plans.ends.vectors) < forgetting.LEAST_PARTS
    assert len(made.plans.corridors.first) < forgetting.LEAST_PARTS


def apply(made: Judge, message: list[Reading] | list[TripEvent]) -> list[AlertEvent]:
    readings = [each for each in message if isinstance(each, Reading)]
    events = [each for each in message if isinstance(each, TripEvent)]
    return made.apply_trip_events(events) if events else made.apply_readings(readings)


def drip(made: Judge, restart: int, *, forget: bool) -> list[AlertEvent]:
    """Trips, everything that nothing refers to being forgotten after each message or never."""
    events: list[AlertEvent] = []
    late: list[Reading] = []
    for n in range(24):
        plan, name, ends = journey(n), f"T-{n}", (n + 1) * LASTS_MIN - 1
        mine, back = reports(n), slice(5, 7) if n % 7 == 0 else slice(0)
        tardy = [msgspec.structs.replace(e, received_at_ms=START_MS + ends * MINUTE_MS) for e in late]
        late = mine[back]
        del mine[back]
        begun = trip_event(TripEventKind.PLANNED, n * LASTS_MIN, trip=plan, trip_id=name)
        ended = trip_event(TripEventKind.ENDED, ends, trip_id=name)
        messages: list[list[Reading] | list[TripEvent]] = [
            [begun],
            *([each] for each in mine),
            tardy,
            [ended],
        ]
        for message in messages:
            events += apply(made, message)
            if forget:
                forgetting.forget_unused(made)
        if restart and n % restart == 0:
            made = Judge.restore(AnomalySettings(**SETTINGS), made.snapshot())  # type: ignore[arg-type]
    return events


@pytest.mark.parametrize("restart", [0, 1, 3])
def test_forgetting_changes_no_alert(restart: int) -> None:
    """Forgetting after every message, with restarts in between, says what never forgetting says."""
    whole = drip(judge(trip_event(TripEventKind.TICK, 0), **SETTINGS), 0, forget=False)
    kinds = {name for _, name in told(whole)}
    assert {"ROUTE_DEVIATION", "ZONE_FORBIDDEN", "CHECKPOINT_MISSED", "SENSOR_EXCURSION"} <= kinds
    made = judge(trip_event(TripEventKind.TICK, 0), **SETTINGS)
    assert drip(made, restart, forget=True) == whole


def meant(made: Judge) -> dict[str, object]:
    """What the numbers in a lane's states and signals stand for."""
    plans, lanes, file = made.plans, made.lanes, made.containers.files[-1]
    corridors, found = dict(plans.corridors.kept), dict[str, object]()
    states = {name: lanes.checkpoints(name, [0])[0] for name in CHECKPOINTS} | {"live": lanes.live[0]}
    states |= {f"block {i}": each.state[0] for i, each in enumerate(lanes.pasts[0].blocks)}
    for name, state in states.items():
        if state["route_of"]:
            found[f"{name} corridor"] = corridors[int(state["route_of"]) - 1]
        if state["route_leg"]:
            found[f"{name} leg"] = plans.corridors.a[int(state["route_leg"]) - 1].tolist()
        if state["pass_of"]:
            found[f"{name} checkpoints"] = plans.places[int(state["pass_of"]) - 1]
        if state["zone_in"]:
            found[f"{name} zone"] = plans.zones.kept[int(state["zone_in"]) - 1]
    for name, parts in (("zone_forbidden", plans.zones.kept), ("checkpoint_missed", plans.places)):
        for signal in (each for track in file.tracks_of(name) for each in track.signals):
            number = signal.numbers.get("zone", signal.numbers.get("plan"))
            if number is not None:
                found[f"{name} {signal.key}"] = parts[int(number)]
    return found


def test_numbers_that_are_kept_stand_for_the_same() -> None:
    """States and signals refer to trips that nobody knows any more; so do they after others got numbers."""
    made = judge(trip_event(TripEventKind.TICK, 0), **{**SETTINGS, "signals_kept": 64})
    run(made, 0, 40)
    made.apply_readings(reports(39)[:1])
    for n in range(40, 44):
        begins, name = n * LASTS_MIN, f"T-{n}"
        made.apply_trip_events([trip_event(TripEventKind.PLANNED, begins, trip=journey(n), trip_id=name)])
        made.apply_readings(reports(n)[:11])  # it is left in the zone
    before = meant(made)
    assert {name.split()[-1] for name in before} >= {"corridor", "leg", "checkpoints", "zone"}
    assert {name.split()[0] for name in before} >= {"zone_forbidden", "checkpoint_missed"}
    made.containers.files[-1].custody = None  # all that is left are its devices' states
    forgetting.forget_unused(made)
    assert 0 < len(made.plans) < 40
    assert meant(made) == before
    for n in range(100, 140):
        made.plans.row_of(journey(n), pytest.fail)
    assert meant(made) == before
    assert meant(Judge.restore(AnomalySettings(**SETTINGS), made.snapshot())) == before  # type: ignore[arg-type]
