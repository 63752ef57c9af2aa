"""What only InfluxDB has to prove, on a real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from ingest.influx_client import InfluxClient
from ingest.influx_store import InfluxStore
from ingest.soundness import LONGEST_TAG, refusal_of
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.queries import CountQuery, LatestQuery, SealQuery, TrackQuery
from tests.ingest.conftest import influx_settings
from tests.ingest.fleet import START_MS, WITHOUT_REPORT, alert, fleet, placed, report
from tests.parts.influxd import InfluxServer, running_influxd

DAY_MS = 86_400_000


def rows(server: InfluxServer, bucket: str, flux: str) -> list[dict[str, str]]:
    """Rows of a query, asked over plain HTTP as Grafana does."""
    answer = httpx.post(
        f"{server.url}/api/v2/query",
        params={"org": server.org},
        headers={"Authorization": f"Token {server.token}"},
        json={"query": f'from(bucket: "{bucket}") |> range(start: 0, stop: 2262-01-01T00:00:00Z) {flux}'},
    )
    assert answer.is_success, answer.text
    lines = answer.text.strip().splitlines()
    return [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]


names = st.text(max_size=LONGEST_TAG + 3)
texts = st.text(alphabet=st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(found=st.lists(st.tuples(names, names, texts, texts), min_size=1, max_size=20))
async def test_any_names_and_texts_come_back(
    influxd: InfluxServer, found: list[tuple[str, str, str, str]]
) -> None:
    """Names and texts of any characters are refused by name or read back as written."""
    store = InfluxStore(influx_settings(influxd))
    await store.open()
    try:
        readings = [
            report(at, START_MS + at, container_id=box, device_id=device, seal_number=seal, card_id=card)
            for at, (box, device, seal, card) in enumerate(found)
        ]
        sound = [reading for reading in readings if not refusal_of(reading)]
        outcome = await store.write(readings)
        assert outcome.written == len(sound)
        for reading in sound:
            span = {"since_ms": reading.occurred_at_ms, "until_ms": reading.occurred_at_ms + 1}
            (record,) = await store.seals(SealQuery(container_id=reading.key, **span))
            assert (record.device_id, record.seal_number, record.card_id) == (
                reading.device_id,
                reading.seal_number,
                reading.card_id,
            )
    finally:
        await store.close()


async def test_only_points_with_another_type_are_refused(influxd: InfluxServer) -> None:
    """Points that the server drops because of their types are found and named; all others are kept."""
    chosen = influx_settings(influxd)
    store = InfluxStore(chosen)
    await store.open()
    client = InfluxClient(chosen)
    client.write([f"reading,container_id=foreign temperature_c=5i {START_MS * 1_000_000}"])
    client.close()
    good = [report(number, START_MS + number) for number in range(500)]
    bad = {3, 4, 250, 499}
    mixed = [
        msgspec.structs.replace(one, temperature_c=1.5) if at in bad else one for at, one in enumerate(good)
    ]
    outcome = await store.write(mixed)
    assert outcome.written == 496
    assert [(refused.item, refused.reason) for refused in outcome.refused] == [
        (mixed[at], "type_conflict") for at in sorted(bad)
    ]
    assert "temperature_c" in outcome.refused[0].detail
    assert (await store.counts(CountQuery())).readings == 496
    (newest,) = await store.latest(LatestQuery())
    assert newest.occurred_at_ms == START_MS + 498
    await store.close()


async def test_lines_that_cannot_be_read_cost_no_other(influxd: InfluxServer) -> None:
    """A server that refuses a whole request because of one line keeps the rest in the end."""
    store = InfluxStore(influx_settings(influxd))
    await store.open()
    good = fleet(40)
    huge = report(7, START_MS, extra={"n": 1})
    huge.flags = 10**30  # past the check on purpose: what a future field might do
    lines_before = await store.write(good)
    assert lines_before.refused == []
    outcome = store._put([*good[:20], huge, *good[20:]])  # noqa: SLF001 - behind the check
    assert [(refused.item, refused.reason) for refused in outcome] == [(huge, "refused_by_server")]
    await store.close()


async def test_records_from_before_details_are_read(influxd: InfluxServer) -> None:
    """A point that has a field for each value answers as one that has them together, and counts once."""
    chosen = influx_settings(influxd)
    store = InfluxStore(chosen)
    await store.open()
    client = InfluxClient(chosen)
    tags = "reading,container_id=MSCU6639870,device_id=7012345678,family=jt701,has_position=true"
    values = (
        "latitude_deg=-1.2921,longitude_deg=36.8219,accuracy_m=6.5,course_deg=90,fix_kind=1i,seal_state=1i"
    )
    for number in (1, 2):
        at_ms = START_MS + number
        identity = f'reading_id="{number:016x}",received_at_ms={at_ms + 700}i'
        client.write([f"{tags} {identity},{values} {at_ms * 1_000_000 + number}"])
    client.close()
    fix = {"accuracy_m": 7.5, "course_deg": 91.0, "seal_state": 1}
    await store.write([placed(number, START_MS + number, **fix) for number in (2, 3)])
    asked = TrackQuery(container_id="MSCU6639870", since_ms=START_MS, until_ms=START_MS + 10)
    found = [
        (place.occurred_at_ms - START_MS, place.accuracy_m, place.course_deg)
        for place in await store.track(asked)
    ]
    assert found == [(1, 6.5, 90.0), (2, 7.5, 91.0), (3, 7.5, 91.0)]
    counts = await store.counts(CountQuery())
    assert (counts.readings, counts.by_container) == (3, {"MSCU6639870": 3})
    await store.close()


async def test_points_beyond_retention_are_refused_by_name(influxd: InfluxServer) -> None:
    """A bucket with a retention takes what it still keeps and names the rest, by our clock or by its own."""
    now_ms = wall_clock_ms()
    chosen = influx_settings(influxd, influxdb_retention_s=7 * 86_400)
    old = [placed(number, now_ms - 30 * DAY_MS + number) for number in range(3)]
    new = [placed(10 + number, now_ms - DAY_MS + number) for number in range(5)]
    for clock in (wall_clock_ms, lambda: 0):
        store = InfluxStore(chosen, clock)
        await store.open()
        outcome = await store.write([*old[:2], *new, *old[2:]])
        assert outcome.written == 5
        assert [(refused.item, refused.reason) for refused in outcome.refused] == [
            (one, "out_of_retention") for one in old
        ]
        assert (await store.counts(CountQuery())).readings == 5
        await store.close()


async def test_an_existing_bucket_keeps_its_retention(influxd: InfluxServer) -> None:
    """Another setting doesn't delete evidence: the bucket stays as it is and its own retention counts."""
    chosen = influx_settings(influxd)
    first = InfluxStore(chosen)
    await first.open()
    await first.write([placed(1)])
    await first.close()
    second = InfluxStore(chosen.model_copy(update={"influxdb_retention_s": 3_600}))
    await second.open()
    assert (await second.write([placed(2)])).written == 1
    assert (await second.counts(CountQuery())).readings == 2
    await second.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"influxdb_token": SecretStr("wrong")},
        {"influxdb_org": "nobody"},
        {"influxdb_url": "http://127.0.0.1:9"},
        {"influxdb_url": "http://no such host/"},
    ],
)
async def test_a_server_that_cannot_be_used_is_unavailable(
    influxd: InfluxServer, wrong: dict[str, object]
) -> None:
    """Wrong token, organisation or address are unavailability, and the token is not in the text."""
    store = InfluxStore(influx_settings(influxd).model_copy(update=wrong))
    for call in (store.open(), store.write([placed(1)]), store.latest(LatestQuery())):
        with pytest.raises(UnavailableError, match="InfluxDB") as error:
            await call
        assert "token-of-a-throw-away-server" not in str(error.value)
    await store.close()


async def test_alert_events_are_points_for_grafana(influxd: InfluxServer) -> None:
    """Alert events stand in their own measurement, once each, with type, severity and action as tags."""
    chosen = influx_settings(influxd)
    store = InfluxStore(chosen)
    await store.open()
    await store.write_alerts([alert(1), alert(2), alert(1)])
    await store.write_alerts([alert(2), alert(3, **WITHOUT_REPORT)])
    await store.close()
    found = rows(influxd, chosen.influxdb_bucket, '|> filter(fn: (r) => r._field == "late_by_s")')
    assert {(row["type"], row["severity"], row["action"], row["_value"]) for row in found} == {
        ("SEAL_CUT", "critical", "raised", "7200"),
        ("OVERDUE", "medium", "raised", "7200"),
    }
    assert len(found) == 3
    assert len(rows(influxd, chosen.influxdb_bucket, '|> filter(fn: (r) => r._field == "latitude_deg")')) == 2


async def test_series_are_bounded_by_devices(influxd: InfluxServer) -> None:
    """Whatever readings say, only container, device, family and having a position make series."""
    chosen = influx_settings(influxd)
    store = InfluxStore(chosen)
    await store.open()
    await store.write(
        [
            placed(at, START_MS + at, seal_number=f"S{at}", card_id=f"C{at}", extra={f"k{at}": at})
            for at in range(50)
        ]
    )
    await store.close()
    found = rows(influxd, chosen.influxdb_bucket, '|> filter(fn: (r) => r._field == "fix_kind") |> count()')
    assert [row["_value"] for row in found] == ["50"]


async def test_kill_and_return(tmp_path: Path) -> None:
    """A killed server is unavailability; after its return everything written is there, the rest goes in."""
    del tmp_path
    with running_influxd() as server:
        store = InfluxStore(influx_settings(server))
        await store.open()
        readings = fleet(600, containers=20)
        await store.write(readings[:300])
        server.stop(kill=True)
        with pytest.raises(UnavailableError):
            await store.write(readings[300:])
        await asyncio.to_thread(server.start)
        await store.open()
        assert (await store.counts(CountQuery())).readings == 300
        await store.write(readings[200:])
        assert (await store.counts(CountQuery())).readings == 600
        await store.close()
