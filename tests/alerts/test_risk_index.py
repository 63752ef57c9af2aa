"""What the desk finds for a trip among all that it has read."""

from __future__ import annotations

import dataclasses

import msgspec

from alerts.incidents import opened
from alerts.risk.index import Index, Lanes, Surroundings
from alerts.risk.score import risk_of
from sealtrail.contract.alert import AlertAction, AlertType
from sealtrail.contract.incident import Incident
from sealtrail.contract.risk import RiskPartName
from sealtrail.runtime.settings.risk import RiskSettings
from tests.alerts.samples import NOW_MS, alert
from tests.alerts.test_risk_score import DAY_MS, ON_THE_WAY, TRIP

AROUND = Surroundings({TRIP.container_id: ON_THE_WAY}, {})


def incident(kind: AlertType, *, trip_id: str = "T1", container_id: str = TRIP.container_id) -> Incident:
    event = alert(f"{kind.value}-{trip_id}", type=kind, trip_id=trip_id, container_id=container_id)
    return opened(event, 0, NOW_MS).incident


def parts(index: Index) -> set[str]:
    """Names of the parts of the trip's score."""
    lanes = Lanes(index, RiskSettings(), NOW_MS)
    risk = risk_of(index.case(index.trips["T1"], AROUND, lanes), RiskSettings(), NOW_MS)
    return {part.name.value for part in risk.parts}


def test_what_names_no_trip_counts_for_its_container_and_devices() -> None:
    """A doubtful identity on the container or a device counts on the trip under way, not one before it."""
    for container_id in (TRIP.container_id, TRIP.device_ids[0]):
        index = Index(10)
        index.plan(TRIP)
        index.take(incident(AlertType.IDENTITY_SUSPECT, trip_id="", container_id=container_id))
        assert parts(index) == {RiskPartName.IDENTITY}
        index.plan(msgspec.structs.replace(TRIP, departs_at_ms=NOW_MS + DAY_MS))
        assert parts(index) == set()
    index.take(incident(AlertType.IDENTITY_SUSPECT, trip_id="", container_id="another"))
    assert parts(index) == set()


def test_history_follows_the_trips_of_lane_and_device() -> None:
    """An ended trip speaks for its lane and devices until it is forgotten or its incident taken back."""
    index = Index(1)
    index.plan(TRIP)
    index.plan(msgspec.structs.replace(TRIP, trip_id="old"))
    index.end("old")
    index.take(incident(AlertType.SEAL_CUT, trip_id="old"))
    assert parts(index) == {RiskPartName.DEVICE_HISTORY, RiskPartName.LANE_HISTORY}
    wrong = alert("SEAL_CUT-old", AlertAction.RETRACTED, trip_id="old")
    index.take(opened(wrong, 0, NOW_MS).incident)
    assert parts(index) == set()
    index.take(incident(AlertType.SEAL_CUT, trip_id="old"))
    index.plan(msgspec.structs.replace(TRIP, trip_id="newer"))
    index.end("newer")
    assert parts(index) == {RiskPartName.DEVICE_HISTORY}


def test_another_lane_is_another_history() -> None:
    """The way back, and a trip whose plan doesn't say from where to where, are not the same lane."""
    index = Index(10)
    index.plan(TRIP)
    for number, (origin, destination) in enumerate(
        ((TRIP.destination, TRIP.origin), (None, TRIP.destination))
    ):
        other = msgspec.structs.replace(
            TRIP, trip_id=f"o{number}", device_ids=(), origin=origin, destination=destination
        )
        index.plan(other)
        event = alert(f"cut-{number}", trip_id=other.trip_id)
        index.take(opened(msgspec.structs.replace(event, device_id=""), 0, NOW_MS).incident)
    assert parts(index) == set()


def test_what_could_not_be_asked_is_named() -> None:
    """The answer says which parts have no say for want of an answer."""
    assert AROUND.unknown == ()
    assert dataclasses.replace(AROUND, positions=None).unknown == ("record",)
    assert Surroundings(None, None).unknown == ("record", "devices")
