"""The detection benchmark: what it counts, on small worlds and on some of the real data."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.detection import gfw, journeys, nab
from bench.detection.__main__ import main
from bench.detection.itineraries import ITINERARIES, corridor_of, place_of
from bench.detection.nab_detectors import Series, alarms, k_sigma, streams, windowed_gaussian
from bench.detection.nab_score import PROFILES
from bench.detection.result import Outcome, compared, pooled
from sealtrail.contract.public.corridor_file import check_corridor
from tests.shared import shared


def track_file(folder: Path, segments: str, minutes: float = 5.0) -> Path:
    """A track that sails east, ``B`` 50 km north of ``A``, ``-`` no position; ``minutes`` between rows."""
    rows = ["time_utc,lat,lon,speed_kn,course_deg,segment"]
    for number, segment in enumerate(segments):
        at = (dt.datetime(2021, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes * number)).isoformat()
        place = (91.0, 181.0) if segment == "-" else (50.0 + 0.45 * (segment == "B"), 1.0 + 0.01 * number)
        rows.append(f"{at},{place[0]},{place[1]},4.6,90,{ord(segment)}")
    path = folder / "track.csv.gz"
    path.write_bytes(gzip.compress("\r\n".join(rows).encode()))
    return path


def test_an_outcome_is_counted_by_places() -> None:
    """Right, false and missed, and the figures made of them."""
    outcome = compared({1, 2, 3}, {2, 3, 4, 5})
    assert outcome == Outcome(right=2, false=1, missed=2)
    assert (outcome.precision, outcome.recall, outcome.f1) == (2 / 3, 0.5, 4 / 7)
    assert pooled([outcome, outcome]) == Outcome(right=4, false=2, missed=4)
    assert compared(set(), set()).f1 == 1.0


@pytest.mark.parametrize(
    ("segments", "onsets", "said", "run"),
    [
        pytest.param("AAAAAA", set(), set(), 0, id="no jump"),
        pytest.param("AAABAAA", {3, 4}, {3, 4}, 1, id="one wrong fix: there and back"),
        pytest.param("AAABBBBBBBAAA", {3, 10}, {3, 10}, 4, id="believed at the fifth, which is no onset"),
        pytest.param("AAABABABAAA", {3, 4, 5, 6, 7, 8}, {3, 4, 5, 6, 7, 8}, 1, id="two ships in turn"),
        pytest.param("AAA-AAA", {3, 4}, set(), 0, id="no position is none"),
    ],
)
def test_jump_onsets_are_found_and_nothing_is_locked_out(
    segments: str, onsets: set[int], said: set[int], run: int, tmp_path: Path
) -> None:
    """Onsets by the data's definition, and the rule's by begins of episodes and returns."""
    track = gfw.read_track(track_file(tmp_path, segments))
    assert track.onsets == onsets
    found = gfw.rule_says(track)
    assert found.onsets == said
    assert gfw.longest_run(found.held, found.at_s)[0] == run
    assert found.onsets | gfw.range_check_says(track) == onsets


def test_a_filter_that_keeps_the_last_good_fix_is_locked_out(tmp_path: Path) -> None:
    """After one wrong first fix the baseline rejects the right ones for long; the rule believes the fifth."""
    track = gfw.read_track(track_file(tmp_path, "B" + "A" * 12, minutes=0.5))
    filtered, limited = gfw.speed_filter_says(track), gfw.speed_limit_says(track)
    assert filtered.held == [True] + [False] * 12
    assert limited.onsets == {1}
    assert gfw.rule_says(track).held == [True] + [False] * 4 + [True] * 8
    assert gfw.longest_run([True, False, False, True, False], [0.0, 1.0, 5.0, 6.0, 7.0]) == (2, 4.0)


def test_an_onset_that_a_ship_sails_is_explained(tmp_path: Path) -> None:
    """50 km in five minutes is a jump; 8 km in an hour at five knots is none."""
    jump = gfw.read_track(track_file(tmp_path, "AAB"))
    assert not gfw.explained(jump, 2)
    slow = gfw.read_track(track_file(tmp_path, "A" * 100))
    assert gfw.explained(slow, 1)


def test_a_real_track_of_two_ships_in_turn_is_told_apart() -> None:
    """A busy one of the real tracks: its swaps are found, at most four fixes in a row are lost."""
    track = gfw.read_track(shared("data/gfw-tracks/regr_416241500.csv.gz"))
    said = gfw.rule_says(track)
    outcome = compared(said.onsets | gfw.range_check_says(track), track.onsets)
    assert len(track.onsets) == 69
    assert outcome.f1 > 0.93
    assert gfw.longest_run(said.held, said.at_s)[0] <= 4


@pytest.mark.parametrize("name", ITINERARIES)
def test_itineraries_are_corridors(name: str) -> None:
    """Each is a sound corridor that begins and ends where the journey does, no leg without a width."""
    itinerary = ITINERARIES[name]
    corridor = corridor_of(itinerary)
    check_corridor(corridor)
    assert corridor.coordinates[0] == place_of(itinerary.calls[0])[::-1]
    assert corridor.coordinates[-1] == place_of(itinerary.calls[-1])[::-1]
    assert min(corridor.half_width_m) == 50_000


def test_a_real_journey_is_silent_with_its_leave_and_heard_without() -> None:
    """Journey A: no breach, deviation or jump; without authorisations a breach; ten injected jumps found."""
    path = shared("data/container-journeys/journey-A.csv")
    found = journeys.figures(path, ITINERARIES["A"])
    assert (found.breaches_authorised, found.deviations, found.jumps_said) == (0, 0, 0)
    assert found.breaches_unauthorised >= 1
    assert found.deviations_aside >= 1
    assert (found.jumps_injected, found.jumps_found, found.jumps_invented) == (10, 10, 0)
    assert found.shocks_said == found.shocks_right == found.shock_episodes > 0
    differing = {each for types in found.variants.values() for each in types}
    assert not differing & {"SEAL_TAMPER", "ROUTE_DEVIATION", "BACK_ON_ROUTE", "POSITION_IMPLAUSIBLE"}
    assert found.variants["doubled"] == []
    assert journeys.unknown(path.parent) == []


def spiky(seed: int, windows: list[int]) -> Series:
    """Noise with a spike at the beginning of each window of 50 rows."""
    values = np.array([random.Random(seed * 10_000 + row).gauss(20, 1) for row in range(1_000)])
    inside = np.zeros(1_000, bool)
    for begin in windows:
        values[begin] += 30
        inside[begin : begin + 50] = True
    return Series(np.arange(1_000) * 300_000, values, inside)


def test_detectors_are_scored_on_series_that_did_not_set_their_threshold() -> None:
    """On spikes every detector is nearly perfect; baselines are what their names say."""
    tuning, scored = {"a": spiky(1, [400, 700])}, {"b": spiky(2, [500, 800])}
    for scores in (
        streams({**tuning, **scored}),
        {name: windowed_gaussian(each) for name, each in {**tuning, **scored}.items()},
        {name: k_sigma(each) for name, each in {**tuning, **scored}.items()},
    ):
        threshold, best = nab.best_threshold(scores, tuning, 100)
        assert best > 99
        found = {name: alarms(scores[name], threshold, 100) for name in scored}
        assert nab.total_score(found, scored, PROFILES["standard"]) > 90


def test_baselines_by_hand() -> None:
    """|z| by what came before: population mean and deviation; nothing where there is nothing before."""
    values = np.array([1.0, 3.0, 5.0, 11.0])
    series = Series(np.arange(4), values, np.zeros(4, bool))
    assert windowed_gaussian(series)[1:] == pytest.approx([2e6, 3.0, 8 / np.sqrt(8 / 3)])
    long = Series(np.arange(40), np.tile([1.0, 3.0], 20), np.zeros(40, bool))
    assert np.isnan(k_sigma(long)[:30]).all()
    assert k_sigma(long)[30] == pytest.approx(1.0)


def test_alarms_come_once_in_so_many_values() -> None:
    """The next one only after the quiet time; NaN is never one."""
    scores = np.array([np.nan, 5, 5, 1, 5, 5, 9, np.nan])
    assert alarms(scores, 5, 0) == [1, 2, 4, 5, 6]
    assert alarms(scores, 5, 2) == [1, 4]
    assert alarms(scores, 6, 100) == [6]


def test_parts_without_data_are_left_out_by_name(tmp_path: Path) -> None:
    """An absent folder is no error; a part that is there runs, and its figures go into JSON."""
    (tmp_path / "gfw-tracks").mkdir()
    track_file(tmp_path / "gfw-tracks", "AAABAAA")
    out = tmp_path / "out.json"
    result = CliRunner().invoke(main, ["--data", str(tmp_path), "--json", str(out)])
    assert result.exit_code == 0, result.output
    assert "left out: journeys: no journey-*.csv" in result.output
    assert "left out: nab: " in result.output
    found = json.loads(out.read_text())
    assert found["gfw"]["tracks"][0]["rule"] == {"right": 2, "false": 0, "missed": 0}
    assert found["journeys"] is None
