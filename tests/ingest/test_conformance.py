"""What every `Store` must do, run over all of them on real parts."""

from __future__ import annotations

import math
import random

import pytest

from ingest.store import Store
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.queries import (
    CountQuery,
    LatestQuery,
    Position,
    Sample,
    SealQuery,
    SealRecord,
    SensorQuery,
    TrackQuery,
)
from sealtrail.contract.reading import SENSOR_FIELDS, FixKind, Reading, SealEvent, SealState
from tests.ingest.fleet import START_MS, alert, fleet, placed, report

BOX = "MSCU6639870"
END_MS = START_MS + 10_000_000


def track(
    container_id: str = BOX, since_ms: int = START_MS, until_ms: int = END_MS, limit: int = 5_000
) -> TrackQuery:
    return TrackQuery(container_id=container_id, since_ms=since_ms, until_ms=until_ms, limit=limit)


def seals(container_id: str = BOX, limit: int = 5_000) -> SealQuery:
    return SealQuery(container_id=container_id, since_ms=START_MS, until_ms=END_MS, limit=limit)


def sensors(quantity: str, limit: int = 5_000) -> SensorQuery:
    return SensorQuery(container_id=BOX, quantity=quantity, since_ms=START_MS, until_ms=END_MS, limit=limit)


async def everything(store: Store, containers: list[str]) -> list[object]:
    """All that a store can tell about some containers."""
    return [
        await store.latest(LatestQuery()),
        await store.counts(CountQuery()),
        *[await store.track(track(container)) for container in containers],
        *[await store.seals(seals(container)) for container in containers],
        *[await store.sensors(sensors(quantity)) for quantity in SENSOR_FIELDS],
    ]


async def test_every_field_of_a_position_comes_back(store: Store) -> None:
    """A track gives back exactly what was written, including zeros, negatives and the offset-free time."""
    written = placed(
        2**64 - 1,
        START_MS + 123,
        latitude_deg=-0.0000001,
        longitude_deg=-180.0,
        accuracy_m=0.0,
        speed_kmh=0.0,
        course_deg=359.9,
        seal_state=SealState.CUT.value,
        seal_events=(SealEvent.CUT | SealEvent.REMOTE_COMMAND).value,
        battery_pct=0.0,
    )
    report_of_it = await store.write([written])
    assert (report_of_it.written, report_of_it.refused) == (1, [])
    expected = Position(
        container_id=BOX,
        device_id="7012345678",
        occurred_at_ms=START_MS + 123,
        received_at_ms=START_MS + 823,
        fix_kind=1,
        latitude_deg=-0.0000001,
        longitude_deg=-180.0,
        accuracy_m=0.0,
        speed_kmh=0.0,
        course_deg=359.9,
        seal_state=4,
        seal_events=(1 << 21) + 1,
        battery_pct=0.0,
        position_at_ms=START_MS + 123,
    )
    assert await store.track(track()) == [expected]
    assert await store.latest(LatestQuery()) == [expected]


async def test_missing_stays_missing(store: Store) -> None:
    """A report with nothing but identity and time is kept, with None where nothing was said."""
    await store.write([report(1, container_id=None)])
    assert await store.latest(LatestQuery()) == [
        Position(
            container_id="7012345678",
            device_id="7012345678",
            occurred_at_ms=START_MS,
            received_at_ms=START_MS + 700,
        )
    ]
    assert await store.track(track("7012345678")) == []
    assert await store.seals(seals("7012345678")) == []
    assert await store.sensors(sensors("temperature_c")) == []


async def test_writing_again_changes_nothing(store: Store) -> None:
    """A batch written twice, in parts and in another order leaves the record as it was."""
    readings = fleet(300, containers=7)
    containers = sorted({reading.key for reading in readings})
    await store.write(readings)
    before = await everything(store, containers)
    shuffled = random.Random(3).sample(readings, len(readings))
    await store.write(readings)
    await store.write(shuffled[:100])
    await store.write([*shuffled[50:250], *shuffled[50:250]])
    assert await everything(store, containers) == before
    assert (await store.counts(CountQuery())).readings == 300


async def test_order_of_batches_does_not_matter(store: Store) -> None:
    """Late readings land at their own time and never replace a newer last position."""
    readings = fleet(200, containers=5)
    await store.write(readings[150:])
    newest = await store.latest(LatestQuery())
    await store.write(readings[70:150])
    await store.write(readings[:70])
    assert await store.latest(LatestQuery()) == newest
    path = await store.track(track(readings[0].key))
    expected = [reading.occurred_at_ms for reading in readings if reading.key == readings[0].key]
    assert [position.occurred_at_ms for position in path] == expected


async def test_two_reports_of_one_millisecond_are_both_kept(store: Store) -> None:
    """Devices do send two different reports with one time stamp; neither hides the other."""
    await store.write(
        [
            placed(1, seal_state=1, temperature_c=20.0),
            placed(2, seal_state=4, seal_events=1, temperature_c=21.0),
        ]
    )
    assert (await store.counts(CountQuery())).by_container == {BOX: 2}
    assert sorted(position.seal_state for position in await store.track(track())) == [1, 4]
    assert sorted(sample.value for sample in await store.sensors(sensors("temperature_c"))) == [20.0, 21.0]
    assert [position.seal_state for position in await store.latest(LatestQuery())] == [4]


async def test_latest_place_is_that_of_the_newest_report_with_one(store: Store) -> None:
    """A newer report without a fix moves time, seal and battery on, and leaves the place alone."""
    await store.write(
        [
            placed(1, START_MS, accuracy_m=5.0, speed_kmh=50.0, battery_pct=80.0),
            placed(2, START_MS + 1_000, latitude_deg=2.0, fix_kind=FixKind.CELL.value, speed_kmh=40.0),
            report(3, START_MS + 2_000, seal_state=4, seal_events=1, speed_kmh=0.0, course_deg=7.0),
        ]
    )
    expected = Position(
        container_id=BOX,
        device_id="7012345678",
        occurred_at_ms=START_MS + 2_000,
        received_at_ms=START_MS + 2_700,
        fix_kind=FixKind.CELL.value,
        latitude_deg=2.0,
        longitude_deg=36.8219,
        speed_kmh=40.0,
        seal_state=4,
        seal_events=1,
        position_at_ms=START_MS + 1_000,
    )
    assert await store.latest(LatestQuery()) == [expected]
    await store.write(
        [placed(4, START_MS + 500, latitude_deg=9.0), report(5, START_MS - 1_000, seal_state=1)]
    )
    assert await store.latest(LatestQuery()) == [expected]


async def test_a_late_place_fills_a_gap(store: Store) -> None:
    """The first place of a container counts although a newer report without one came before it."""
    await store.write([report(1, START_MS + 5_000, seal_state=1)])
    await store.write([placed(2, START_MS)])
    (found,) = await store.latest(LatestQuery())
    assert (found.occurred_at_ms, found.position_at_ms, found.latitude_deg) == (
        START_MS + 5_000,
        START_MS,
        -1.2921,
    )


async def test_devices_of_one_container_meet(store: Store) -> None:
    """Seal and truck tracker of a container share its track and its last position."""
    await store.write(
        [
            placed(1, START_MS, seal_state=1),
            placed(2, START_MS + 1_000, device_id="truck-9", family="json", latitude_deg=3.0),
        ]
    )
    assert [position.device_id for position in await store.track(track())] == ["7012345678", "truck-9"]
    (found,) = await store.latest(LatestQuery())
    assert (found.device_id, found.latitude_deg) == ("truck-9", 3.0)


async def test_range_is_half_open(store: Store) -> None:
    """The first millisecond of a range is in, the last is out, for any identity."""
    ids = [0, 1, 999_999, 2**64 - 1]
    await store.write([placed(number, START_MS + at) for number in ids for at in (-1, 0, 1)])
    path = await store.track(track(since_ms=START_MS, until_ms=START_MS + 1))
    assert {position.occurred_at_ms for position in path} == {START_MS}
    assert len(path) == len(ids)


async def test_limits_keep_the_newest(store: Store) -> None:
    """More rows than asked for: the newest ones come, oldest first; the containers heard of last."""
    readings = fleet(60, containers=3)
    await store.write(readings)
    await store.write([report(999, START_MS, container_id="SILENT")])
    key = readings[0].key
    path = await store.track(track(key, limit=4))
    times = [reading.occurred_at_ms for reading in readings if reading.key == key]
    assert [position.occurred_at_ms for position in path] == times[-4:]
    records = await store.seals(seals(key, limit=2))
    assert [record.occurred_at_ms for record in records] == times[-2:]
    newest = await store.latest(LatestQuery(limit=2))
    assert [position.container_id for position in newest] == ["MSCU0000001", "MSCU0000002"]
    assert len(await store.latest(LatestQuery())) == 4


@pytest.mark.parametrize("quantity", SENSOR_FIELDS)
async def test_every_quantity_is_a_series(store: Store, quantity: str) -> None:
    """Each quantity that the views plot comes back with its time and device, zero and negative too."""
    values = {START_MS: -40.5, START_MS + 1: 0.0, START_MS + 2: 1e-7}
    await store.write([report(at, at, **{quantity: value}) for at, value in values.items()])
    await store.write([report(5, START_MS + 3)])
    expected = [Sample(at, value, "7012345678") for at, value in values.items()]
    assert await store.sensors(sensors(quantity)) == expected
    assert await store.sensors(sensors(quantity, limit=1)) == expected[-1:]


async def test_unknown_quantity_is_refused(store: Store) -> None:
    """Only the quantities of the contract are series; another word never reaches the database."""
    with pytest.raises(RefusedError) as refusal:
        await store.sensors(sensors("reading_id) --"))
    assert refusal.value.reason == "unknown_quantity"


async def test_seal_history(store: Store) -> None:
    """Every report that says something about the seal is in the history, the others aren't."""
    texts = {"seal_number": 'A"1\\,\n ü', "card_id": "0,0=1 "}
    await store.write(
        [
            placed(1, START_MS, temperature_c=4.0),
            placed(2, START_MS + 1, seal_state=1, **texts),
            report(3, START_MS + 2, door_open=True),
            report(4, START_MS + 3, door_open=False),
            report(5, START_MS + 4, seal_events=SealEvent.OPENED.value),
            report(6, START_MS + 5, card_id="77"),
        ]
    )

    def record(at: int, **fields: object) -> SealRecord:
        basics: dict[str, object] = {"device_id": "7012345678", "seal_state": 0, "seal_events": 0}
        times = {"occurred_at_ms": START_MS + at, "received_at_ms": START_MS + at + 700}
        return SealRecord(**(basics | times | fields))  # type: ignore[arg-type]

    assert await store.seals(seals()) == [
        record(1, seal_state=1, latitude_deg=-1.2921, longitude_deg=36.8219, **texts),
        record(2, door_open=True),
        record(3, door_open=False),
        record(4, seal_events=2),
        record(5, card_id="77"),
    ]


async def test_counts_are_of_distinct_readings(store: Store) -> None:
    """Copies count once, in all and per container; an empty record counts nothing."""
    assert (await store.counts(CountQuery())).readings == 0
    readings = fleet(25, containers=2)
    await store.write([*readings, *readings])
    counts = await store.counts(CountQuery())
    assert counts.readings == 25
    assert counts.by_container == {"MSCU0000000": 13, "MSCU0000001": 12}


UNSOUND: dict[str, list[Reading]] = {
    "empty_tag": [report(1, container_id=None, device_id=""), report(1, family="")],
    "long_tag": [report(1, container_id="X" * 65), report(1, device_id="X" * 65), report(1, family="X" * 65)],
    "unprintable_tag": [
        report(1, container_id="A\nB"),
        report(1, device_id="A\x00B"),
        report(1, family="\x7f"),
    ],
    "backslash_tag": [report(1, container_id="A\\"), report(1, device_id="A\\,B")],
    "time_out_of_range": [report(1, 0), report(1, -5), report(1, 10**16), report(1, received_at_ms=-1)],
    "number_out_of_range": [
        report(-1),
        report(2**64),
        report(1, sequence=2**63),
        report(1, device_time_ms=-(2**63) - 1),
        report(1, flags=2**63),
        report(1, satellites=-1),
        report(1, seal_events=2**64),
    ],
    "not_finite": [report(1, temperature_c=math.nan), placed(1, latitude_deg=math.inf)],
    "bad_text": [report(1, seal_number="x" * 10_000), report(1, card_id="a\0b")],
    "long_extra": [report(1, extra={"note": "x" * 10_000})],
}


@pytest.mark.parametrize("reason", UNSOUND)
async def test_only_the_unsound_is_refused(store: Store, reason: str) -> None:
    """What no store can keep is named with its reason, and everything beside it is kept."""
    unsound = UNSOUND[reason]
    good = fleet(20, containers=4)
    outcome = await store.write([*good[:10], *unsound, *good[10:]])
    assert outcome.written == 20
    assert [(refused.item, refused.reason) for refused in outcome.refused] == [
        (one, reason) for one in unsound
    ]
    assert (await store.counts(CountQuery())).readings == 20


async def test_odd_but_sound_values_are_kept(store: Store) -> None:
    """Integers for floats, huge floats, the maker's own values and the ends of ranges are kept."""
    odd = [
        placed(1, START_MS, latitude_deg=5, speed_kmh=1e300, odometer_km=-1e300),
        report(2, START_MS + 1, sequence=-(2**63), device_time_ms=2**63 - 1, flags=2**63 - 1),
        report(
            3, START_MS + 2, extra={"b": 'x"y\\', "a": 1.5, "c": True, "d": -3}, mounted=True, moving=False
        ),
        report(4, 9_223_372_035_999, received_at_ms=START_MS),
        report(5, 1),
    ]
    outcome = await store.write(odd)
    assert (outcome.written, outcome.refused) == (5, [])
    assert (await store.counts(CountQuery())).readings == 5
    (found,) = await store.track(track())
    assert (found.latitude_deg, found.speed_kmh) == (5.0, 1e300)
    (newest,) = await store.latest(LatestQuery())
    assert newest.occurred_at_ms == 9_223_372_035_999


async def test_nothing_to_write(store: Store) -> None:
    """Empty batches, and batches of refused readings only, are no error."""
    assert (await store.write([])).written == 0
    assert (await store.write([report(1, family="")])).written == 0
    assert (await store.write_alerts([])).written == 0


async def test_an_empty_span_has_no_rows(store: Store) -> None:
    """A range that ends where it begins, or before, is empty and no error."""
    await store.write([placed(1)])
    assert await store.track(track(since_ms=START_MS, until_ms=START_MS)) == []
    assert await store.track(track(since_ms=START_MS, until_ms=START_MS - 5)) == []


async def test_a_question_is_never_a_program(store: Store) -> None:
    """Container names full of quotes and operators ask for a container of that very name."""
    names = ['x" or true or "', "${_bucket}", "'; DROP TABLE reading; --", "a\\", '" |> drop()', "é 漢"]
    sound = [name for name in names if "\\" not in name]
    await store.write([placed(index, START_MS, container_id=name) for index, name in enumerate(sound)])
    await store.write([placed(77)])
    for name in names:
        found = [position.container_id for position in await store.track(track(name))]
        assert found == ([name] if name in sound else [])
        assert len(await store.seals(seals(name))) == 0
    assert (await store.counts(CountQuery())).readings == len(sound) + 1


async def test_alert_events_are_kept_and_refused_by_name(store: Store) -> None:
    """Alert events can be written again; one that can't be kept is named and costs no other."""
    events = [alert(1), alert(2), alert(3, container_id="bad\n")]
    first = await store.write_alerts(events)
    assert first.written == 2
    assert [(refused.item, refused.reason) for refused in first.refused] == [(events[2], "unprintable_tag")]
    assert (await store.write_alerts(events)).written == 2


async def test_opening_again_keeps_everything(store: Store) -> None:
    """`open` may be called on an open store, and finds what is there."""
    await store.write(fleet(5))
    await store.open()
    assert (await store.counts(CountQuery())).readings == 5
