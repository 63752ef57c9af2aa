"""The fold of readings into the live map's rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboards.controlroom.fleet import Fleet
from sealtrail.contract.queries import Position
from sealtrail.contract.reading import FixKind, Reading, SealState

BOX = "MSKU1234565"


def reading(
    at_ms: int, *, device: str = "seal", container: str | None = BOX, **fields: float | None
) -> Reading:
    return Reading(
        device_id=device,
        family="json",
        reading_id=at_ms,
        occurred_at_ms=at_ms,
        received_at_ms=at_ms + 5,
        container_id=container,
        **fields,  # type: ignore[arg-type]  # numbers for numeric fields
    )


def test_late_report_never_moves_the_position_back() -> None:
    """A report that happened earlier changes nothing of what a newer one said."""
    fleet = Fleet(10)
    fleet.absorb([reading(200, latitude_deg=2.0, longitude_deg=20.0, seal_state=SealState.CUT)])
    fleet.absorb([reading(100, latitude_deg=1.0, longitude_deg=10.0, seal_state=SealState.SEALED)])
    (spot,) = fleet.spots()
    assert (spot.occurred_at_ms, spot.position_at_ms) == (200, 200)
    assert (spot.latitude_deg, spot.longitude_deg, spot.seal_state) == (2.0, 20.0, SealState.CUT)


def test_report_without_a_fix_keeps_the_place_and_its_time() -> None:
    """The place stays that of the newest report that had one, and says how old it is."""
    fleet = Fleet(10)
    fleet.absorb([reading(100, latitude_deg=0.0, longitude_deg=0.0, fix_kind=FixKind.GNSS), reading(200)])
    (spot,) = fleet.spots()
    assert (spot.occurred_at_ms, spot.position_at_ms) == (200, 100)
    assert (spot.latitude_deg, spot.longitude_deg) == (0.0, 0.0)


def test_tracker_that_knows_no_seal_keeps_the_seals_word() -> None:
    """A device that reports no seal state doesn't wipe out that of the seal on the same container."""
    fleet = Fleet(10)
    fleet.absorb([reading(100, seal_state=SealState.SEALED, battery_pct=0.0), reading(200, device="truck")])
    (spot,) = fleet.spots()
    assert (spot.device_id, spot.seal_state, spot.battery_pct) == ("truck", SealState.SEALED, 0.0)


def test_unpaired_device_stands_for_itself() -> None:
    """Without a container the device is the row."""
    fleet = Fleet(10)
    fleet.absorb([reading(1, container=None, device="jt-9")])
    assert "jt-9" in fleet


def test_more_containers_than_allowed_are_refused_and_counted() -> None:
    """Memory is bounded whatever identities arrive; known containers go on being updated."""
    fleet = Fleet(2)
    fleet.absorb([reading(1, container=f"C{number}") for number in range(5)])
    fleet.absorb([reading(9, container="C0")])
    assert (len(fleet), fleet.refused) == (2, 3)
    assert fleet.spots()[0].occurred_at_ms == 9


def test_record_does_not_overwrite_what_the_log_said_since() -> None:
    """The record's answer may be older than the live feed; its place may be newer than ours."""
    fleet = Fleet(10)
    fleet.absorb([reading(300, battery_pct=50.0)])
    fleet.absorb_latest(
        [
            Position(
                container_id=BOX,
                device_id="old",
                occurred_at_ms=250,
                received_at_ms=251,
                latitude_deg=5.0,
                longitude_deg=6.0,
                position_at_ms=240,
                battery_pct=90.0,
            )
        ]
    )
    (spot,) = fleet.spots()
    assert (spot.device_id, spot.occurred_at_ms, spot.battery_pct) == ("seal", 300, 50.0)
    assert (spot.latitude_deg, spot.position_at_ms) == (5.0, 240)


def test_changed_containers_are_handed_over_once() -> None:
    """What is sent to the viewers is what changed since the last time."""
    fleet = Fleet(10)
    fleet.absorb([reading(1), reading(2)])
    assert [spot.container_id for spot in fleet.take_changed()] == [BOX]
    assert fleet.take_changed() == []


places = st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(st.lists(st.tuples(st.integers(0, 50), places), unique_by=lambda row: row[0], max_size=6), st.data())
def test_order_and_repetition_do_not_matter(
    rows: list[tuple[int, tuple[float, float] | None]], data: st.DataObject
) -> None:
    """Any order and any repetition of the same reports shows the same map."""
    reports = [
        reading(at_ms, latitude_deg=place[0], longitude_deg=place[1]) if place else reading(at_ms)
        for at_ms, place in rows
    ]
    shuffled = data.draw(st.permutations(reports + reports[:3]))
    one, other = Fleet(10), Fleet(10)
    one.absorb(reports)
    for report in shuffled:
        other.absorb([report])
    assert one.spots() == other.spots()
