"""Recorded journeys: read row by row and sent through the fleet's own path."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoders import decoder_for
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public.journey_csv import JourneyRow, parse_journey
from sealtrail.runtime.settings.simulator import PublisherSettings
from simulators.replay import Replay
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port
from tests.shared import shared
from tests.simulators.conftest import listening

HEADER = (
    "device,container,date,time_utc,lat,lon,accuracy,active,reverse,sleep,door,mount,motion,gforce,tilt,"
    "temperature,humidity,light,origin,destination"
)
SOUND = "A,NONE,2016-08-08,14:40:34,25.7941,-80.369301,cellid,0.0,0.0,1.0,1.0,1.0,0.0,,,,,,,"
JOURNEYS = {"A": (1_499, 120), "B": (4_927, 451), "D": (1_504, 96), "F": (1_897, 109), "H": (4_102, 354)}


def parsed(*lines: str) -> tuple[list[JourneyRow], list[tuple[int, str]]]:
    """Sound rows, and line and reason of the refused ones."""
    refused: list[tuple[int, str]] = []
    rows = list(parse_journey([f"{x}\n" for x in lines], lambda line, e: refused.append((line, e.reason))))
    return rows, refused


@pytest.mark.parametrize("name", JOURNEYS)
def test_recorded_journeys_are_read_completely(name: str) -> None:
    """Rows and positions are as many as the data's README says, and the gateway decodes every one of them."""
    with shared(f"data/container-journeys/journey-{name}.csv").open(encoding="utf-8") as lines:
        rows = list(parse_journey(lines))
    assert (len(rows), sum("fix" in row.report for row in rows)) == JOURNEYS[name]
    decode = decoder_for("json").decode
    identities = set()
    for row in rows:
        (reading,) = decode(json.dumps(row.report).encode(), f"journey-{name}", wall_clock_ms())
        assert reading.occurred_at_ms == row.occurred_at_ms
        identities.add(reading.reading_id)
    assert len(identities) == len(rows)


def test_a_row_becomes_a_report_with_nothing_added() -> None:
    """Every column lands under its name and unit; an empty cell is missing, zero is zero."""
    full = "A,MSKU1,2016-08-08,14:40:34,25.5,-80.25,20,1.0,0.0,0.0,0.0,1.0,1.0,0.0,1.5,-4.2,45.7,310,X,Y"
    (row, sparse), refused = parsed(HEADER, full, SOUND)
    assert not refused
    assert row.container == "MSKU1"
    assert row.report == {
        "sequence": 2,
        "occurred_at": "2016-08-08T14:40:34.000Z",
        "fix": {"latitude_deg": 25.5, "longitude_deg": -80.25, "kind": "gnss", "accuracy_m": 20.0},
        "door_open": False,
        "mounted": True,
        "moving": True,
        "shock_g": 0.0,
        "tilt_deg": 1.5,
        "temperature_c": -4.2,
        "humidity_pct": 45.7,
        "light_lux": 310.0,
    }
    assert sparse.container is None
    assert sparse.report["fix"] == {"latitude_deg": 25.7941, "longitude_deg": -80.369301, "kind": "cell"}
    assert "temperature_c" not in sparse.report


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("14:40:34", "25:40:34", "bad_time"),
        ("2016-08-08", "08.08.2016", "bad_time"),
        ("25.7941", "95.0", "bad_position"),
        ("25.7941", "", "bad_position"),
        ("25.7941", "north", "bad_number"),
        ("cellid", "good", "bad_number"),
        ("0.0,,,,,,,", "nan,nan,,,,,,", "bad_switch"),
        ("0.0,,,,,,,", "0.0,inf,,,,,,", "bad_number"),
        ("A,NONE", "NONE", "bad_row"),
        ("A,NONE", ",NONE", "bad_row"),
    ],
)
def test_malformed_rows_are_named_and_passed_over(old: str, new: str, reason: str) -> None:
    """A bad row is refused with its line and reason; the rows around it are read."""
    rows, refused = parsed(HEADER, SOUND, SOUND.replace(old, new, 1), SOUND)
    assert [row.line_no for row in rows] == [2, 4]
    assert refused == [(3, reason)]
    with pytest.raises(RefusedError, match="line 3"):
        list(parse_journey([HEADER, SOUND, SOUND.replace(old, new, 1)]))


def test_a_file_of_another_form_is_refused_as_a_whole() -> None:
    """Without the required columns there are no rows at all."""
    for lines in ([], ["a,b,c"], [HEADER.replace("time_utc", "time")]):
        with pytest.raises(RefusedError, match="bad_header"):
            list(parse_journey(lines))


def test_other_separators_and_open_quotes_are_pointed_out() -> None:
    """A file of semicolons, and rows swallowed by a quote that is left open, are told as what they are."""
    with pytest.raises(RefusedError, match="not semicolons"):
        list(parse_journey([HEADER.replace(",", ";")]))
    told: list[str] = []
    lines = [f"{line}\n" for line in (HEADER, SOUND.replace("NONE", '"NONE', 1), SOUND, SOUND)]
    assert list(parse_journey(lines, lambda _, error: told.append(error.detail))) == []
    assert "lines 2 to 4 are one row: is a quote left open?" in told[0]


@pytest.mark.parametrize("content", ["", "garbage\n", HEADER, f"{HEADER}\nx\n"])
async def test_a_file_with_nothing_to_send_is_refused_before_connecting(content: str, tmp_path: Path) -> None:
    """Nobody waits for a broker in vain: the file is looked at first."""
    path = tmp_path / "journey.csv"
    path.write_text(content)
    replay = Replay(path, PublisherSettings(port=free_port(), connect_timeout_s=60), wall_clock_ms)
    async with asyncio.timeout(5):
        with pytest.raises(RefusedError, match=r"bad_header|no_rows"):
            await replay.run(asyncio.Event())


@given(st.lists(st.text(max_size=80), max_size=8))
def test_no_text_breaks_the_reader(lines: list[str]) -> None:
    """Whatever stands below a sound header, rows come out or are refused by name, never anything else."""
    parsed(HEADER, *lines)


async def test_a_journey_travels_the_mqtt_path(mosquitto: Mosquitto) -> None:
    """Every row of a recorded journey arrives in file order, with its recorded time."""
    path = shared("data/container-journeys/journey-D.csv")
    replay = Replay(path, PublisherSettings(port=mosquitto.port), wall_clock_ms)
    async with listening(mosquitto.port) as ear:
        report = await replay.run(asyncio.Event())
        await ear.until(report.published)
    assert report.rows == report.published == len(ear.heard) == 1_504
    assert {topic for topic, _ in ear.heard} == {"sealtrail/json/journey-D/up"}
    with path.open(encoding="utf-8") as lines:
        assert [json.loads(payload) for _, payload in ear.heard] == [
            row.report for row in parse_journey(lines)
        ]


async def test_shifted_to_now_keeps_the_intervals_and_never_the_future(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """The newest row is now, the others as long before it as recorded; refused rows are counted by reason."""
    path = tmp_path / "journey.csv"
    later = SOUND.replace("14:40:34", "15:40:34")
    path.write_text("\n".join([HEADER, SOUND, SOUND.replace("A,", "a/b,", 1), later, "x"]) + "\n")
    began_ms = wall_clock_ms()
    replay = Replay(
        path, PublisherSettings(port=mosquitto.port), wall_clock_ms, shift_to_now=True, device_id="tracker-9"
    )
    async with listening(mosquitto.port) as ear:
        report = await replay.run(asyncio.Event())
        await ear.until(2)
    decode = decoder_for("json").decode
    first, second = (decode(payload, "tracker-9", wall_clock_ms())[0] for _, payload in ear.heard)
    assert second.occurred_at_ms - first.occurred_at_ms == 3_600_000
    assert began_ms <= second.occurred_at_ms <= wall_clock_ms()
    assert report.refused_by_reason == {"bad_device": 1, "bad_row": 1}
    assert [row.line_no for row in report.refused] == [3, 5]


async def test_speed_spreads_the_rows(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """An hour between two rows takes a second at 3600 times."""
    path = tmp_path / "journey.csv"
    path.write_text("\n".join([HEADER, SOUND, SOUND.replace("14:40:34", "15:40:34")]) + "\n")
    began_ms = wall_clock_ms()
    replay = Replay(path, PublisherSettings(port=mosquitto.port), wall_clock_ms, speed=3_600)
    report = await replay.run(asyncio.Event())
    assert report.published == 2
    assert 950 <= wall_clock_ms() - began_ms < 6_000


def test_an_identity_that_is_no_topic_level_is_refused() -> None:
    """A device name with a topic separator or wildcard never reaches the broker."""
    for name in ("a/b", "a+", "#", ""):
        with pytest.raises(RefusedError, match="bad_device"):
            Replay(Path("x"), PublisherSettings(), wall_clock_ms, device_id=name)
