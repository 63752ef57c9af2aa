"""The score of a trip as a pure function of what is known of it."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import msgspec
import pytest

from alerts.incidents import decided, joined, opened
from alerts.risk.case import LanePast, PastIncident, TripCase
from alerts.risk.history_part import lane_past_of
from alerts.risk.score import rank, risk_of
from sealtrail.contract.alert import CATALOGUE, AlertAction, AlertFamily, AlertType, Severity
from sealtrail.contract.completeness import DeviceCompleteness
from sealtrail.contract.incident import Incident, IncidentAction, IncidentCommand
from sealtrail.contract.queries import Position
from sealtrail.contract.risk import RiskPart, RiskPartName, TripRisk
from sealtrail.contract.trip import Place, Trip, Zone
from sealtrail.runtime.settings.risk import RiskSettings
from tests.alerts.samples import NOW_MS, alert

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SETTINGS = RiskSettings()
MOMBASA = Place(name="Mombasa", latitude_deg=-4.05, longitude_deg=39.66, radius_m=3_000)
MALABA = Place(name="Malaba", latitude_deg=0.64, longitude_deg=34.27, radius_m=3_000)
TRIP = Trip(
    trip_id="T1",
    container_id="MSCU6639870",
    device_ids=("867000000000001",),
    departs_at_ms=NOW_MS - 2 * DAY_MS,
    origin=MOMBASA,
    destination=MALABA,
)


def incident_of(*types: AlertType, action: AlertAction = AlertAction.RAISED, hours: float = 1) -> Incident:
    """One incident of the trip with an alert of each type, as the alerts service makes it."""
    events = [
        alert(f"{kind.value}-{hours}", action, type=kind, occurred_at_ms=NOW_MS - int(hours * HOUR_MS))
        for kind in types
    ]
    found = opened(events[0], 0, NOW_MS).incident
    for event in events[1:]:
        found = joined(found, event, NOW_MS).incident
    return found


def after(incident: Incident, action: IncidentAction) -> Incident:
    """The incident after a person's decision."""
    command = IncidentCommand(
        incident_id=incident.incident_id, action=action, actor="J. Otieno", reason="looked at it"
    )
    return decided(incident, command, NOW_MS).incident  # type: ignore[arg-type] # made by `opened`


def at(latitude: float, longitude: float, *, speed: float | None = 0.0, hours: float = 0.1) -> Position:
    at_ms = NOW_MS - int(hours * HOUR_MS)
    return Position(
        container_id=TRIP.container_id,
        device_id=TRIP.device_ids[0],
        occurred_at_ms=at_ms,
        received_at_ms=at_ms,
        fix_kind=1,
        latitude_deg=latitude,
        longitude_deg=longitude,
        accuracy_m=10.0,
        speed_kmh=speed,
        position_at_ms=at_ms,
    )


ON_THE_WAY = at(-1.3, 36.8, speed=60.0)


def scored(trip: Trip = TRIP, now_ms: int = NOW_MS, **known: object) -> TripRisk:
    case = TripCase(trip=trip, **{"position": ON_THE_WAY, **known})  # type: ignore[arg-type]
    return risk_of(case, SETTINGS, now_ms)


def part(risk: TripRisk, name: RiskPartName) -> RiskPart | None:
    return next((one for one in risk.parts if one.name is name), None)


def test_a_quiet_trip_has_no_risk() -> None:
    """A trip on its way without any incident scores zero and shows no part."""
    assert scored() == TripRisk(
        trip_id="T1",
        container_id="MSCU6639870",
        origin="Mombasa",
        destination="Malaba",
        score=0,
        points=0.0,
        parts=(),
    )


def test_the_sum_of_the_parts_is_the_score() -> None:
    """Points add up, the score is their sum up to 100, and every part says why in one sentence."""
    risk = scored(
        incidents=[
            incident_of(AlertType.SEAL_CUT),
            incident_of(AlertType.ROUTE_DEVIATION),
            incident_of(AlertType.SILENT),
            incident_of(AlertType.GNSS_JAMMING),
        ]
    )
    assert risk.points == pytest.approx(sum(one.points for one in risk.parts))
    assert risk.points > 100
    assert risk.score == 100
    assert [one.points for one in risk.parts] == sorted((one.points for one in risk.parts), reverse=True)
    assert all(one.reason.endswith(".") and one.basis for one in risk.parts)
    assert risk.parts[0].reason == "Seal cut 1 hour ago (not acknowledged)."


@pytest.mark.parametrize("kind", list(AlertType), ids=lambda kind: kind.value)
def test_every_type_has_its_part(kind: AlertType) -> None:
    """Each alert type counts in exactly one part, custody and data quality in none."""
    risk = scored(incidents=[incident_of(kind)])
    logged = CATALOGUE[kind].family in (AlertFamily.CUSTODY, AlertFamily.QUALITY)
    assert len(risk.parts) == (0 if logged else 1)


def test_what_was_taken_back_counts_nothing() -> None:
    """Neither a retracted alert nor an incident that a person retracted adds a point."""
    wrong = incident_of(AlertType.SEAL_CUT, action=AlertAction.RETRACTED)
    by_hand = after(incident_of(AlertType.SEAL_OPENED), IncidentAction.RETRACT)
    assert scored(incidents=[wrong, by_hand]).points == 0


def test_open_weighs_more_than_looked_into_more_than_resolved() -> None:
    """The states of an incident are ordered, and so is an alert that has ended by itself."""
    open_ = incident_of(AlertType.SEAL_CUT)
    states = [
        open_,
        after(open_, IncidentAction.ACKNOWLEDGE),
        incident_of(AlertType.SEAL_CUT, action=AlertAction.CLEARED),
        after(open_, IncidentAction.RESOLVE),
    ]
    points = [scored(incidents=[one]).points for one in states]
    assert all(more > less > 0 for more, less in pairwise(points))


def test_what_is_over_fades_and_what_stands_does_not() -> None:
    """A resolved alert loses half its points in a half-life; an open one keeps them all."""
    open_ = incident_of(AlertType.SEAL_CUT)
    done = after(open_, IncidentAction.RESOLVE)
    later_ms = NOW_MS + int(SETTINGS.alert_half_life_h * HOUR_MS)
    fresh = at(-1.2, 36.7, speed=60.0, hours=-SETTINGS.alert_half_life_h)
    first, later = (
        scored(now_ms=now_ms, incidents=[done], position=fresh).points for now_ms in (NOW_MS, later_ms)
    )
    assert later == pytest.approx(first / 2, abs=0.1)
    assert scored(now_ms=later_ms, incidents=[open_], position=fresh).points == SETTINGS.points_critical


def test_further_alerts_count_less_and_less() -> None:
    """Twenty alerts of one part don't give twenty times its points, and never more than the bound."""
    both = scored(incidents=[incident_of(AlertType.ROUTE_DEVIATION, AlertType.WRONG_WAY)]).points
    one = scored(incidents=[incident_of(AlertType.ROUTE_DEVIATION)]).points
    assert both == pytest.approx(one * (1 + SETTINGS.repeat_share))
    many = [incident_of(AlertType.SEAL_CUT, hours=hours) for hours in range(1, 21)]
    assert scored(incidents=many).points == SETTINGS.part_max


def test_an_opening_with_leave_counts_until_it_is_closed() -> None:
    """Open is worse than closed again; at the destination it is as it should be."""
    opening = alert("o", AlertAction.LOGGED, type=AlertType.SEAL_DISARMED)
    closing = alert("c", AlertAction.LOGGED, type=AlertType.RESEALED, occurred_at_ms=NOW_MS - 60_000)
    still = part(scored(custody=[opening]), RiskPartName.SEAL_OPEN)
    again = part(scored(custody=[closing, opening]), RiskPartName.SEAL_OPEN)
    assert still is not None
    assert again is not None
    assert still.points > again.points > 0
    assert scored(custody=[opening], position=at(0.64, 34.27)).parts == ()


def test_the_place_counts_only_where_it_says_something() -> None:
    """Standing outside the plan's places counts; driving, allowed places and parking zones don't."""
    apart = at(-1.3, 36.8)
    assert [one.name for one in scored(position=apart).parts] == [RiskPartName.PLACE]
    assert scored(position=at(-4.05, 39.66)).parts == ()
    assert scored(position=at(-1.3, 36.8, speed=None)).parts == ()
    ring = ((36.0, -2.0), (37.5, -2.0), (37.5, -1.0), (36.0, -1.0))
    parking = msgspec.structs.replace(TRIP, parking_zones=(Zone(name="Athi", ring=ring),))
    assert scored(parking, position=apart).parts == ()
    later = msgspec.structs.replace(TRIP, departs_at_ms=NOW_MS + HOUR_MS)
    assert scored(later, position=apart).parts == ()


def test_an_unknown_place_counts_unless_nobody_could_be_asked() -> None:
    """No position or an old one counts under way; a record that is down says nothing."""
    for position in (None, at(-1.3, 36.8, hours=30)):
        assert [one.name for one in scored(position=position).parts] == [RiskPartName.PLACE]
    assert scored(position=None, place_asked=False).parts == ()


def device(missing: int, accepted: int) -> DeviceCompleteness:
    return DeviceCompleteness(
        device_id=TRIP.device_ids[0],
        family="jt701",
        container_id=TRIP.container_id,
        received=accepted,
        messages=accepted,
        accepted=accepted,
        duplicate=0,
        empty=0,
        refused={},
        retried=0,
        late=0,
        out_of_order=0,
        counted=True,
        missing=missing,
        missing_unnamed=0,
        restarts=0,
        clock_offset_ms=None,
        clock_steps=0,
        clock_step_ms=0,
        clock_step_at_ms=None,
        interval_s=None,
        first_seen_ms=0,
        last_seen_ms=0,
        last_occurred_ms=None,
        silent=False,
    )


def test_missing_reports_count_by_their_share() -> None:
    """One of a thousand is nothing; a half gives all points; a device that never came breaks nothing."""
    assert scored(devices=[device(1, 999)]).parts == ()
    assert scored(devices=[device(0, 0)]).parts == ()
    assert scored(devices=[device(500, 500)]).points == SETTINGS.reports_missing


def past(number: int, *, days: float, severity: Severity = Severity.CRITICAL) -> PastIncident:
    return PastIncident(
        incident_id=f"i{number}",
        trip_id=f"old-{number}",
        device_ids=frozenset(TRIP.device_ids),
        types=(AlertType.SEAL_CUT,),
        severity=severity,
        occurred_at_ms=NOW_MS - int(days * DAY_MS),
    )


def lane(others: int, incidents: list[PastIncident]) -> LanePast:
    """The past of the trip's lane, the trip itself being on it, too."""
    return lane_past_of(others + 1, incidents, SETTINGS, NOW_MS)


def test_what_happened_on_the_trip_itself_is_no_history() -> None:
    """Its own incident counts once, as it stands, and not again as its lane's or its device's past."""
    mine = dataclasses.replace(past(1, days=0.1), trip_id=TRIP.trip_id)
    assert scored(device_past=[mine], lane_past=lane(3, [mine])).parts == ()
    both = part(scored(lane_past=lane(3, [mine, past(2, days=0)])), RiskPartName.LANE_HISTORY)
    alone = part(scored(lane_past=lane(3, [past(2, days=0)])), RiskPartName.LANE_HISTORY)
    assert both == alone


def test_history_of_device_and_lane_fades() -> None:
    """What happened on other trips counts, less with time, and not where it was mild."""
    for name, known in (
        (RiskPartName.DEVICE_HISTORY, lambda found: {"device_past": found}),
        (RiskPartName.LANE_HISTORY, lambda found: {"lane_past": lane(10, found)}),
    ):
        new = part(scored(**known([past(1, days=1)])), name)
        old = part(scored(**known([past(1, days=90)])), name)
        assert new is not None
        assert old is not None
        assert new.points > old.points > 0
        assert scored(**known([past(1, days=1, severity=Severity.LOW)])).parts == ()


def test_a_lane_counts_by_the_share_of_bad_trips() -> None:
    """One bad trip of two is less than ten of twenty, and all of very many near the whole."""

    def points(bad: int, of: int) -> float:
        return scored(lane_past=lane(of, [past(n, days=0) for n in range(bad)])).points

    assert points(1, 2) < points(10, 20) < points(500, 500) <= SETTINGS.lane_history


def test_the_score_does_not_depend_on_the_order_of_what_is_known() -> None:
    """The same facts in another order give the same bytes."""
    incidents = [incident_of(AlertType.SEAL_CUT, hours=hours) for hours in (3, 1, 2)]
    history = [past(n, days=n) for n in range(4)]
    a = scored(incidents=incidents, device_past=history, lane_past=lane(4, history))
    b = scored(incidents=incidents[::-1], device_past=history[::-1], lane_past=lane(4, history[::-1]))
    assert msgspec.json.encode(a) == msgspec.json.encode(b)


def test_the_work_list_tells_trips_beyond_100_apart() -> None:
    """Two trips of score 100 are in order of their points."""
    worse = [incident_of(kind) for kind in (AlertType.SEAL_CUT, AlertType.SILENT, AlertType.GNSS_JAMMING)]
    more = [*worse, incident_of(AlertType.ROUTE_DEVIATION, AlertType.ZONE_FORBIDDEN)]
    settings = RiskSettings(points_medium=100, points_high=100)
    a, b = (risk_of(TripCase(trip=TRIP, incidents=one), settings, NOW_MS) for one in (worse, more))
    assert a.score == b.score == 100
    assert rank(b) < rank(a)
