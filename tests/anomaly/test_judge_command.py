"""`sealtrail judge`: every form of file, bad lines by number, the same verdict as the system."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sealtrail.commands.judge import judge
from sealtrail.commands.trip_reading import read_trip
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.public.alert_line import AlertLine
from sealtrail.contract.public.reading_line import to_line
from sealtrail.contract.public.trip_file import TripFile
from sealtrail.contract.reading import Reading, SealEvent
from tests.anomaly.world import MINUTE_MS, ORIGIN, START_MS, drive, reading, trip
from tests.shared import shared


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "trip.json"
    path.write_text(TripFile.from_trip(trip()).model_dump_json(exclude_none=True), encoding="utf-8")
    return path


def run(path: Path, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(judge, ["--json", *options, str(path)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def lines(path: Path, readings: list[Reading]) -> Path:
    path.write_text("".join(to_line(each) + "\n" for each in readings), encoding="utf-8")
    return path


def test_reading_lines_are_judged_and_every_line_out_is_an_alert_line(plan: Path, tmp_path: Path) -> None:
    """A cut and a deviation in a file are the alerts that the system would have raised."""
    outside = drive(range(5, 9), north_deg=0.03)
    journey = [*drive(range(5)), *outside, reading(9, None, events=SealEvent.CUT)]
    code, found, said = run(lines(tmp_path / "readings.jsonl", journey), "--trip", str(plan))
    assert code == 0
    assert [line["type"] for line in found] == ["TRIP_STARTED", "ROUTE_DEVIATION", "SEAL_CUT", "LIKELY_THEFT"]
    assert found[1]["occurred_at"] == "2027-01-15T08:05:00.000Z"
    assert "10 readings judged, 4 alert events, 0 lines refused" in said
    for line in found:
        AlertLine.model_validate(line)


def test_arrival_decides_unless_the_file_does(plan: Path, tmp_path: Path) -> None:
    """Sorted by receipt a late cut is told last; as arrived it is told where it stands in the file."""
    journey = [reading(0, events=SealEvent.TAMPERED, late_min=500), *drive(range(1, 30))]
    path = lines(tmp_path / "r.jsonl", journey)
    _, found, _ = run(path, "--trip", str(plan))
    assert found[-1]["late_by_s"] == 30_002
    _, same, _ = run(path, "--trip", str(plan), "--as-arrived")
    assert {line["type"] for line in same} == {line["type"] for line in found}


def test_device_reports_are_decoded_and_bad_lines_are_told_by_number(plan: Path, tmp_path: Path) -> None:
    """Reports as devices send them; a bad line costs itself and the exit code."""
    path = tmp_path / "reports.jsonl"
    report = {
        "device_id": "JT-123",
        "occurred_at": "2027-01-15T08:10:00Z",
        "fix": {"latitude_deg": 50.0, "longitude_deg": 10.1},
        "seal": {"state": "cut", "events": ["cut"]},
    }
    bad = ["", "{", "[1]", json.dumps({"fix": {}}), json.dumps({**report, "occurred_at": "soon"})]
    path.write_text("\n".join([*bad, json.dumps(report)]), encoding="utf-8")
    code, found, said = run(path, "--trip", str(plan))
    assert code == 1
    assert [line["type"] for line in found] == ["TRIP_STARTED", "SEAL_CUT"]
    assert found[1]["container_id"] == "MSKU9070323"
    for number in (2, 3, 4, 5):
        assert f"reports.jsonl:{number}: " in said
    assert "4 lines refused" in said


def test_a_report_without_a_time_is_judged_at_its_receipt(plan: Path, tmp_path: Path) -> None:
    """A cut reported before the clock was set counts as of its receipt, and the sentence says so."""
    path = tmp_path / "clockless.jsonl"
    cut = {"device_id": "JT-123", "occurred_at": None, "seal": {"state": "cut", "events": ["cut"]}}
    bare = {"device_id": "JT-123", "occurred_at": None, "door_open": True}
    received, later = {"received_at": "2027-01-15T08:10:00Z"}, {"received_at": "2027-01-15T08:11:00Z"}
    path.write_text("\n".join(map(json.dumps, (cut | received, bare | later, cut))), encoding="utf-8")
    code, found, said = run(path, "--trip", str(plan))
    assert code == 1
    assert [line["type"] for line in found] == ["TRIP_STARTED", "SEAL_CUT", "DOOR_OPENED"]
    assert found[1]["occurred_at"] == "2027-01-15T08:10:00.000Z"
    assert found[1]["sentence"].endswith("that is when the report arrived, as the device's clock is wrong.")
    assert "clockless.jsonl:3: incomplete_report" in said


def test_one_absurd_time_costs_its_own_line_only(plan: Path, tmp_path: Path) -> None:
    """A line received before 1970 is refused by name; the trip and the breach beside it are judged."""
    path = tmp_path / "absurd.jsonl"
    cut = {"device_id": "JT-123", "occurred_at": "2027-01-15T08:10:00Z", "seal": {"events": ["cut"]}}
    absurd = {**cut, "received_at": "0001-01-01T00:00:00Z"}
    path.write_text("\n".join(map(json.dumps, (absurd, cut))), encoding="utf-8")
    code, found, said = run(path, "--trip", str(plan))
    assert code == 1
    assert [line["type"] for line in found] == ["TRIP_STARTED", "SEAL_CUT"]
    assert "absurd.jsonl:1: time_out_of_range" in said


def test_a_key_that_stands_twice_is_refused(plan: Path, tmp_path: Path) -> None:
    """Neither of two seal states is chosen in silence, nor either of two authorisation lists of a plan."""
    path = tmp_path / "twice.jsonl"
    path.write_text('{"device_id":"JT-123","occurred_at":"2027-01-15T08:10:00Z","seal":{},"seal":{}}')
    code, _, said = run(path, "--trip", str(plan))
    assert (code, "twice.jsonl:1: duplicate_key: 'seal' stands twice" in said) == (1, True)
    plan.write_text(plan.read_text()[:-1] + ', "stop_max_s": 60}')
    with pytest.raises(InvalidTripError, match=r"duplicate_key.*trip\.json: 'stop_max_s'"):
        read_trip(plan)


def test_leaving_before_the_departure_of_the_file_is_told(tmp_path: Path) -> None:
    """A container that stood in its origin and leaves it before the trip's departure moves unexpectedly."""
    path, day_min = tmp_path / "trip.json", 24 * 60
    early = trip(departs_at_ms=START_MS + 180 * MINUTE_MS, origin=ORIGIN)
    path.write_text(TripFile.from_trip(early).model_dump_json(exclude_none=True), encoding="utf-8")
    journey = [
        *(reading(minute) for minute in range(0, 60, 10)),
        *(reading(minute, (50.0, 10.0 + (minute - 50) / 100)) for minute in range(60, 120, 10)),
    ]
    _, found, _ = run(lines(tmp_path / "r.jsonl", journey), "--trip", str(path))
    assert [line["type"] for line in found] == ["UNEXPECTED_MOVEMENT"]
    journey = [each for each in journey if each.occurred_at_ms < START_MS + 60 * MINUTE_MS]
    long_before = [reading(minute - 3 * day_min, (50.0, 10.0 + minute / 100)) for minute in range(0, 60, 10)]
    _, found, _ = run(lines(tmp_path / "r.jsonl", [*long_before, *journey]), "--trip", str(path))
    assert found == []


def test_what_was_received_apart_is_judged_apart(plan: Path, tmp_path: Path) -> None:
    """A stop is told when it has lasted long enough, and made worse later, as in the running system."""
    stop = TripFile.from_trip(trip(stop_max_s=1_800.0)).model_dump_json(exclude_none=True)
    plan.write_text(stop, encoding="utf-8")
    journey = [*drive(range(0, 60, 5)), *(reading(minute, (50.0, 10.6)) for minute in range(60, 200, 5))]
    _, found, _ = run(lines(tmp_path / "r.jsonl", journey), "--trip", str(plan))
    told = [(line["action"], line["severity"]) for line in found if line["type"] == "UNSCHEDULED_STOP"]
    assert told == [("raised", "medium"), ("updated", "high")]


def test_reports_of_one_line_come_as_an_array_too(plan: Path, tmp_path: Path) -> None:
    """A backlog as devices send it, several reports in one message, is one line of the file."""
    path = tmp_path / "backlog.jsonl"
    report = {"device_id": "JT-123", "occurred_at": "2027-01-15T08:10:00Z", "charging": True}
    cut = {**report, "occurred_at": "2027-01-15T08:11:00Z", "seal": {"events": ["cut"]}}
    path.write_text(json.dumps([report, cut]) + "\n", encoding="utf-8")
    code, found, said = run(path, "--trip", str(plan))
    assert (code, [line["type"] for line in found]) == (0, ["TRIP_STARTED", "SEAL_CUT"])
    assert "2 readings judged" in said


def test_a_row_that_stands_twice_in_a_journey_changes_nothing(plan: Path, tmp_path: Path) -> None:
    """Copies of a row are copies of a report: twice outside the corridor on one row is no deviation."""
    header = "device,date,time_utc,lat,lon,accuracy"
    rows = [
        f"JT-123,2027-01-15,08:{minute:02}:00,{50.0 if minute < 5 else 50.2},10.1,5" for minute in range(6)
    ]
    path = tmp_path / "journey.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    _, once, _ = run(path, "--trip", str(plan))
    path.write_text("\n".join([header, *(row for row in rows for _ in range(3))]), encoding="utf-8")
    _, thrice, _ = run(path, "--trip", str(plan))
    assert thrice == once != []


def test_people_read_a_table(plan: Path, tmp_path: Path) -> None:
    """Without --json each event is one line with time, lateness, severity and sentence."""
    path = lines(tmp_path / "r.jsonl", [reading(1, events=SealEvent.CUT, late_min=90)])
    result = CliRunner().invoke(judge, ["--trip", str(plan), str(path)])
    assert "2027-01-15T08:01:00Z     +1:30 h  critical  raised      SEAL_CUT" in result.stdout


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00garbage\n", b"a,b,c\n1,2,3\n", b"[]\n"])
def test_what_is_no_file_of_readings_is_refused_not_a_crash(content: bytes, tmp_path: Path) -> None:
    """Empty files judge nothing, others are refused by name; neither is a success."""
    path = tmp_path / "x"
    path.write_bytes(content)
    code, found, said = run(path)
    assert found == []
    assert code == 1
    assert "0 readings judged" in said


JOURNEYS = {
    "A": "MSKU9070323",
    "B": "TCNU7200794",
    "D": "GYOU4047990",
    "F": "APZU4812090",
    "H": "CSQU3054383",
}


TRUE_OF_JOURNEYS = {"DOOR_OPENED", "SHOCK", "SILENT", "UNSCHEDULED_STOP", "LIKELY_THEFT", "BATTERY_LOW"}


@pytest.mark.parametrize("name", JOURNEYS)
@pytest.mark.parametrize("north_deg", [0.0, 3.0])
def test_real_journeys_deviate_from_another_corridor_and_not_from_their_own(
    name: str, north_deg: float, tmp_path: Path
) -> None:
    """Five real sea and rail journeys: no false deviation, jump or forging, no breach but trackers taken off.

    Doors that open without leave, shocks, silence at sea and stops in ports are true of them, and told.
    The sun that heats the tracker of journey F at noon is told as unusual: docs/detection.md says so.
    """
    path, plan = journey_of(name, north_deg, tmp_path)
    code, found, said = run(path, "--trip", str(plan))
    assert code == 0
    assert "0 lines refused" in said
    types = {line["type"] for line in found} - {"TRIP_STARTED", *TRUE_OF_JOURNEYS}
    taken_off = {"SEAL_TAMPER"} if dismounted(path) else set()
    types -= {"SENSOR_ANOMALY"} if name == "F" else set()
    assert types - {"BACK_ON_ROUTE"} == ({"ROUTE_DEVIATION"} if north_deg else set()) | taken_off


def dismounted(path: Path) -> bool:
    """Whether the tracker of a journey was on its door, and then was not: at loading, or at unloading."""
    with path.open(encoding="utf-8") as file:
        said = [row["mount"] for row in csv.DictReader(file) if row["mount"]]
    return ("1.0", "0.0") in itertools.pairwise(said)


def standing(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What stands of deviations and returns: type and beginning."""
    last = {line["alert_id"]: line for line in lines if line["type"] in ("ROUTE_DEVIATION", "BACK_ON_ROUTE")}
    return sorted(
        (each["type"], each["occurred_at"]) for each in last.values() if each["action"] != "retracted"
    )


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_real_journey_with_detours_is_the_same_newest_first_and_shuffled(name: str, tmp_path: Path) -> None:
    """Thousands of records with three detours: the same deviations reversed, shuffled, in chunks."""
    path, plan = journey_of(name, 0.0, tmp_path)
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    placed = [i for i, row in enumerate(rows) if row.split(",")[4] and "cellid" not in row]
    hours = [dt.datetime.fromisoformat("T".join(rows[i].split(",")[2:4])).timestamp() / 3600 for i in placed]
    for part in (0.2, 0.5, 0.8):
        begin = next(n for n in range(int(len(placed) * part), len(placed)) if hours[n] - hours[n - 1] > 1)
        for i in placed[begin : begin + 6]:  # far enough in time from the one before to be no jump
            cells = rows[i].split(",")
            cells[4] = str(float(cells[4]) - 1.0)
            rows[i] = ",".join(cells)

    def judged(order: list[str]) -> list[tuple[str, str]]:
        file = tmp_path / "journey.csv"
        file.write_text("\n".join([header, *order]), encoding="utf-8")
        code, found, _ = run(file, "--trip", str(plan), "--as-arrived")
        assert code == 0
        return standing(found)

    expected = judged(rows)
    assert sum(kind == "ROUTE_DEVIATION" for kind, _ in expected) >= 2  # those near each other join
    assert judged(rows[::-1]) == expected
    shuffled = rows[:]
    rng = random.Random(name)
    rng.shuffle(shuffled)
    assert judged(shuffled) == expected
    chunks = [rows[at : at + 150] for at in range(0, len(rows), 150)]
    rng.shuffle(chunks)
    assert judged([row for chunk in chunks for row in chunk]) == expected


def journey_of(name: str, north_deg: float, folder: Path) -> tuple[Path, Path]:
    """A journey's file, and a trip along its own way (or so far north of it)."""
    path = shared(f"data/container-journeys/journey-{name}.csv")
    places: list[tuple[float, float]] = []
    for row in path.read_text(encoding="utf-8").splitlines()[1:]:
        cells = row.split(",")
        if cells[4] and not cells[6].startswith("cellid"):
            place = float(cells[5]), float(cells[4]) + north_deg
            if not places or abs(place[0] - places[-1][0]) + abs(place[1] - places[-1][1]) > 0.2:
                places.append(place)
    corridor = {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": places},
        "properties": {"half_width_m": 30_000},
    }
    plan = folder / "trip.json"
    trip_file: dict[str, object] = {
        "trip_id": f"J-{name}",
        "container_id": JOURNEYS[name],
        "device_ids": [name],
    }
    trip_file |= {"stop_max_s": 31_622_400}  # it stands in ports that the plan doesn't name
    plan.write_text(json.dumps({**trip_file, "corridor": corridor}), encoding="utf-8")
    return path, plan
