"""SENSOR_ANOMALY: by a device's own past, by learned models, confirmed, once, and in few words."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from anomaly.judge import Judge
from anomaly.models.blob import encode, sha256_of
from anomaly.models.model import Model
from anomaly.pool import Pool
from anomaly.salvage import judge_apart
from anomaly.streams import bank, jumps
from anomaly.streams.bank import SPIKE
from anomaly.streams.tuning import Tuning
from sealtrail.contract.alert import AlertEvent, AlertType, Severity
from sealtrail.contract.model import ModelEvent, ModelEventKind
from sealtrail.contract.reading import Flag, Reading
from sealtrail.contract.trip import SensorLimit, TripEvent, TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.models.made import model
from tests.anomaly.world import (
    CONTAINER,
    MINUTE_MS,
    SEAL,
    START_MS,
    judge,
    of_type,
    planned,
    reading,
    standing,
    trip_event,
)

EVERY_MIN = 10
QUIET_MIN = 1_800


def values(reports: int, seed: int = 5) -> list[tuple[float, float]]:
    """Temperature and humidity of an ordinary day, with noise."""
    noise = np.random.default_rng(seed).normal(0, 1, (reports, 2))
    day = np.sin(np.arange(reports) * 2 * np.pi * EVERY_MIN / 1440)
    return [
        (round(17 + 3 * d + 0.3 * a, 1), round(55 - 4 * d + 0.6 * b, 1))
        for d, (a, b) in zip(day.tolist(), noise.tolist(), strict=True)
    ]


def series(
    reports: int = 64, *, hot: Sequence[int] = (), first: int = 0, seed: int = 5, **fields: object
) -> list[Reading]:
    """A report every ten minutes; those of ``hot`` are 24 °C too warm and 32 % too dry."""
    return [
        reading(
            (first + i) * EVERY_MIN,
            temperature_c=t + 24 * (i in hot),
            humidity_pct=h - 32 * (i in hot),
            **fields,  # type: ignore[arg-type]  # fields by name
        )
        for i, (t, h) in enumerate(values(reports, seed))
    ]


HOT = series(hot=range(40, 54))
ONSET_MS = HOT[40].occurred_at_ms


def said(made: Judge, batches: Sequence[Sequence[Reading]]) -> list[AlertEvent]:
    events = [event for batch in batches for event in made.apply_readings(batch)]
    return of_type(events, AlertType.SENSOR_ANOMALY)


def one_by_one(reports: Sequence[Reading]) -> list[list[Reading]]:
    return [[each] for each in reports]


def tick(minute: float) -> TripEvent:
    return trip_event(TripEventKind.TICK, minute, container_id="", trip_id="")


def test_a_jump_scores_as_the_spike_part_of_the_bank() -> None:
    """The small state says what the whole bank's spike part says, silences, steps and bad values included."""
    rng = np.random.default_rng(2)
    small, whole = np.zeros(4, jumps.JUMPS), bank.new_state(4)
    t_ms = np.zeros(4, np.int64)
    for row in range(300):
        t_ms = t_ms + (600_000 if row % 97 else 8 * 3_600_000) - (row % 51 == 50) * 700_000
        given = rng.normal(20, 1, 4) + 15 * (row > 200) * (np.arange(4) == 1)
        given[2] = np.nan if row % 7 == 0 else given[2]
        expected = bank.step(whole, given, t_ms, Tuning(), 0.1).parts[:, SPIKE]
        found = jumps.step(small, given, t_ms, Tuning(), 0.1)
        assert found.ready.tolist() == (~np.isnan(expected)).tolist()
        assert np.array_equal(found.score, expected, equal_nan=True)


def test_hot_and_dry_at_once_is_raised_once() -> None:
    """A change that the device has never shown is told at its second report, from the first on, in words."""
    made = judge()
    assert said(made, one_by_one(HOT[:41])) == []
    [event] = said(made, one_by_one(HOT[41:]))
    assert event.occurred_at_ms == ONSET_MS
    assert event.received_at_ms == HOT[41].received_at_ms
    assert event.severity is Severity.MEDIUM
    assert [each.occurred_at_ms for each in event.evidence] == [ONSET_MS, HOT[41].occurred_at_ms]
    assert event.details["judged_by"] == "its own past"
    assert event.details["calibrated"] is False
    assert float(str(event.details["score"])) >= AnomalySettings().sensor_jump_score
    assert event.details["temperature_c"] == pytest.approx(HOT[40].temperature_c, abs=0.02)
    for words in (
        "temperature from 20.3 °C to 43",
        "humidity from 5",
        " are usual",
        "own past",
        "(uncalibrated)",
    ):
        assert words in event.sentence
    assert event.sentence.endswith(".")


def test_it_ends_when_nothing_unusual_has_come_for_long() -> None:
    """The way back is the same alert; thirty hours later by the log's own clock it ends, with no report."""
    made = judge()
    events = said(made, one_by_one(HOT))
    last_min = 55 * EVERY_MIN  # the second report after the way back
    events += made.apply_trip_events([tick(last_min + QUIET_MIN - 1)])
    assert [event.action.value for event in of_type(events, AlertType.SENSOR_ANOMALY)] == ["raised"]
    ended = made.apply_trip_events([tick(last_min + QUIET_MIN + 1)])
    [event] = of_type(ended, AlertType.SENSOR_ANOMALY)
    assert event.action.value == "cleared"
    assert "1 d 6 h" in event.sentence


@pytest.mark.parametrize(
    "reports",
    [
        series(hot=[40]),
        series(hot=range(20, 64)),
        series(),
        series(hot=range(40, 54), container=None),
        series(hot=range(40, 54), flags=int(Flag.CLOCK_UNSET)),
        [msgspec.structs.replace(each, temperature_c=None, humidity_pct=float("nan")) for each in HOT],
    ],
    ids=["one wild value", "too young", "an ordinary day", "on no trip", "without a clock", "no values"],
)
def test_what_is_nothing(reports: list[Reading]) -> None:
    """One wild value, what came before the series was ready, off trips, without a clock: no alert."""
    assert said(judge(), one_by_one(reports)) == []


def test_slow_warmth_is_nothing() -> None:
    """Twenty degrees within a day, as under the sun, are no anomaly."""
    reports = [
        msgspec.structs.replace(each, temperature_c=(each.temperature_c or 0) + 20 * i / 144)
        for i, each in enumerate(series(144))
    ]
    assert said(judge(), one_by_one(reports)) == []


def test_what_the_cargo_profile_tells_is_not_told_twice() -> None:
    """Beyond the trip's limits is an excursion; the rest of the evidence must suffice by itself."""
    limit = SensorLimit(quantity="temperature_c", greatest=30.0, lasting_s=1_800.0)
    assert said(judge(planned(cargo_limits=(limit,))), one_by_one(HOT)) == []
    wide = SensorLimit(quantity="temperature_c", greatest=60.0, lasting_s=1_800.0)
    assert len(said(judge(planned(cargo_limits=(wide,))), one_by_one(HOT))) == 1


def test_a_limit_that_becomes_known_late_takes_it_back() -> None:
    """The plan's change says that the values were the profile's concern: retracted."""
    made = judge()
    [event] = said(made, one_by_one(HOT[:50]))
    limit = SensorLimit(quantity="temperature_c", greatest=30.0, lasting_s=1e6)
    changed = planned(cargo_limits=(limit,))
    change = msgspec.structs.replace(
        changed, event_id="changed", kind=TripEventKind.CHANGED, occurred_at_ms=START_MS
    )
    [back] = of_type(made.apply_trip_events([change]), AlertType.SENSOR_ANOMALY)
    assert (back.alert_id, back.action.value) == (event.alert_id, "retracted")


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_nothing_depends_on_how_readings_are_cut(cut: int) -> None:
    """One by one, in sevens, all at once, everything twice: the same alert, byte for byte in what it says."""
    expected = said(judge(), one_by_one(HOT))
    twice = [each for each in HOT for _ in range(2)]
    for reports in (HOT, twice):
        made = judge()
        events = said(made, [reports[i : i + cut] for i in range(0, len(reports), cut)])
        assert [(e.alert_id, e.sentence, e.details) for e in events] == [
            (e.alert_id, e.sentence, e.details) for e in expected
        ]


def test_a_report_older_than_the_newest_is_passed_over() -> None:
    """Late reports neither raise nor change anything, whatever they say, nor do they teach."""
    late = [
        reading(i * EVERY_MIN + 5, late_min=390 - i * EVERY_MIN, temperature_c=-60.0, humidity_pct=3.0)
        for i in range(39)
    ]
    made = judge()
    assert said(made, [*one_by_one(HOT[:40]), late]) == []
    assert standing(said(made, one_by_one(HOT[40:]))) == standing(said(judge(), one_by_one(HOT)))
    assert said(judge(), [HOT[i : i + 9] for i in range(54, -1, -9)]) == []


@pytest.mark.parametrize("at", [10, 35, 41, 50, 55])
def test_a_snapshot_loses_nothing(at: int) -> None:
    """Restored in the middle, also between the first report and the one that confirms it: the same alerts."""
    expected = said(judge(), one_by_one(HOT))
    made = judge()
    events = said(made, one_by_one(HOT[:at]))
    restored = Judge.restore(AnomalySettings(), made.snapshot())
    events += said(restored, one_by_one(HOT[at:]))
    assert events == expected


def test_a_fleet_is_judged_like_each_alone() -> None:
    """Ten containers in one batch a round, of different pasts: of each what it says alone."""
    names = [f"{CONTAINER}-{n}" for n in range(10)]
    hot = {name: range(40 + n % 5, 54) if n % 3 else () for n, name in enumerate(names)}
    of = {name: series(hot=hot[name], seed=n, container=name) for n, name in enumerate(names)}
    made = judge(*(planned(container=name) for name in names))
    events = said(made, [list(each) for each in zip(*of.values(), strict=True)])
    for name in names:
        alone = said(judge(planned(container=name)), one_by_one(of[name]))
        assert [event for event in events if event.container_id == name] == alone
        assert len(alone) == bool(hot[name])


def test_a_new_trip_begins_afresh_and_memory_is_given_back() -> None:
    """Another cargo has another temperature; a device that isn't heard of for long costs nothing."""
    made = judge()
    said(made, one_by_one(series(60)))
    assert len(made.sensors.series) == 2
    second = planned(605, trip_id="T-2", departs_at_ms=START_MS + 605 * MINUTE_MS)
    made.apply_trip_events([trip_event(TripEventKind.ENDED, 604), second])
    cold = [
        msgspec.structs.replace(each, temperature_c=(each.temperature_c or 0) - 35, humidity_pct=9.0)
        for each in series(60, first=61)
    ]
    assert said(made, one_by_one(cold)) == []
    assert len(made.sensors.series) == 2
    made.apply_trip_events([tick(121 * EVERY_MIN + 2 * 1_440 + 5)])
    assert len(made.sensors.series) == 0


def accepted(made: Model, minute: float, version: int = 1) -> ModelEvent:
    blob = encode(made)
    at_ms = START_MS + round(minute * MINUTE_MS)
    return ModelEvent(
        event_id=f"model/{made.name}.{version}/accepted", kind=ModelEventKind.ACCEPTED, occurred_at_ms=at_ms,
        recorded_at_ms=at_ms, actor="J. Mwangi", name=made.name, version=version, family=made.family,
        lane=made.lane, sha256=sha256_of(blob), blob=blob,
    )  # fmt: skip


def ordinary(*, calibrated: bool = True, lane: str = "", threshold: float = 8.0) -> Model:
    """Knows 17 °C and 55 % as usual, three and four wide; jumps, drifts and stillness as they come."""
    return dataclasses.replace(
        model(lane=lane, threshold=threshold),
        centre=np.array([17.0, 0, 0, 0, 55.0, 0, 0, 0]),
        width=np.array([2.0, 9e5, 9e5, 9e5, 4.0, 9e5, 9e5, 9e5]),  # (value, jump, drift, still) of each
        calibrated=calibrated,
    )


def modelled(*events: ModelEvent, lane: str = "") -> Judge:
    """A judge that goes by models alone, and knows these decisions."""
    made = judge(planned(lane=lane), sensor_streams=False)
    assert made.apply_model_events(events) == []
    return made


def test_a_model_accepted_before_the_trip_judges_it() -> None:
    """The alert names the model, its version and hash, the feature that is furthest off, and how far."""
    event = accepted(ordinary(), -60)
    [alert] = said(modelled(event), one_by_one(HOT))
    assert alert.occurred_at_ms == ONSET_MS
    assert alert.details["judged_by"] == "model"
    assert (alert.details["model"], alert.details["model_version"]) == ("json", 1)
    assert alert.details["model_sha256"] == event.sha256
    assert float(str(alert.details["score"])) > float(str(alert.details["threshold"])) == 8.0
    assert 0 <= float(str(alert.details["probability"])) < 0.02
    assert f"model json version 1 ({event.sha256[:12]})" in alert.sentence
    assert "temperature 4" in alert.sentence
    assert "where 17 °C is usual" in alert.sentence
    assert "uncalibrated" not in alert.sentence


def test_an_uncalibrated_model_is_called_so() -> None:
    """Who reads the alert knows that the model's threshold is a guess."""
    [alert] = said(modelled(accepted(ordinary(calibrated=False), -60)), one_by_one(HOT))
    assert "uncalibrated" in alert.sentence
    assert alert.details["calibrated"] is False


@pytest.mark.parametrize(
    ("events", "lane"),
    [
        ([accepted(ordinary(), 1)], ""),
        ([accepted(ordinary(lane="other"), -60)], "mombasa"),
        ([accepted(ordinary(threshold=1e5), -50, 2), accepted(ordinary(), -60)], ""),
        (
            [accepted(ordinary(threshold=1e5, lane="mombasa"), -60), accepted(ordinary(), -50)],
            "mombasa",
        ),
    ],
    ids=["accepted under way", "of another lane", "replaced before", "the lane's own goes first"],
)
def test_models_that_do_not_judge_the_trip(events: list[ModelEvent], lane: str) -> None:
    """A trip has the newest model accepted before it began, of its lane first, however they came."""
    for order in itertools.permutations(events):
        assert said(modelled(*order, lane=lane), one_by_one(HOT)) == []


def test_a_model_of_another_family_judges_nothing() -> None:
    """A device's family is that of its first report."""
    reports = [msgspec.structs.replace(each, family="jt701") for each in HOT]
    assert said(modelled(accepted(ordinary(), -60)), one_by_one(reports)) == []


def test_a_trip_keeps_its_model() -> None:
    """Decisions while it is under way change nothing; a restart in between neither."""
    made = modelled(accepted(ordinary(), -60))
    events = said(made, one_by_one(HOT[:30]))
    later = accepted(ordinary(threshold=1e5), 300, 2)
    made.apply_model_events([later, later])
    events += said(made, one_by_one(HOT[30:36]))
    made = Judge.restore(made.settings, made.snapshot())
    events += said(made, one_by_one(HOT[36:]))
    assert events == said(modelled(accepted(ordinary(), -60)), one_by_one(HOT))
    assert len(events) == 1


def test_a_decision_that_comes_late_counts_from_its_own_time() -> None:
    """Accepted before the trip, heard of under way: the trip is judged by it from there on."""
    made = modelled()
    assert said(made, one_by_one(HOT[:20])) == []
    made.apply_model_events([accepted(ordinary(), -60)])
    assert len(said(made, one_by_one(HOT[20:]))) == 1


def test_bytes_that_are_no_model_are_refused_by_name() -> None:
    """Counted, and nothing else happens; what is sound beside it is taken, one by one too."""
    good = accepted(ordinary(), -60)
    bad = msgspec.structs.replace(good, event_id="bad", sha256="00", blob=good.blob[:-1])
    made = modelled(bad, good)
    assert made.refused["damaged_model"] == 1
    made, events, failures = judge_apart(made.settings, judge(sensor_streams=False), [bad, good])
    assert (events, failures) == ([], [])
    assert len(said(made, one_by_one(HOT))) == 1


def test_both_ways_to_know_tell_one_alert() -> None:
    """Where the device's own past and a model find the same, it is one alert."""
    made = judge()
    made.apply_model_events([accepted(ordinary(), -60)])
    assert [event.action.value for event in said(made, one_by_one(HOT))] == ["raised"]


@pytest.mark.parametrize("by_model", [False, True])
def test_values_of_one_moment_may_come_in_several_reports(*, by_model: bool) -> None:
    """Many trackers send temperature and humidity apart: joined, and counted once, however they are cut."""
    apart: list[Reading] = []
    for i, each in enumerate(HOT):
        warm = msgspec.structs.replace(each, humidity_pct=None)
        dry = msgspec.structs.replace(each, temperature_c=None, reading_id=each.reading_id ^ 1)
        both = msgspec.structs.replace(each, reading_id=each.reading_id ^ 2)
        apart += [(warm, dry), (dry, warm), (dry, both, warm)][i % 3]
    for cut in (1, 2, 1000):
        made = modelled(accepted(ordinary(), -60)) if by_model else judge()
        [event] = said(made, [apart[i : i + cut] for i in range(0, len(apart), cut)])
        assert event.occurred_at_ms == ONSET_MS
        assert max(each.occurred_at_ms for each in event.evidence) == HOT[41].occurred_at_ms


def test_two_devices_of_a_container_are_judged_apart() -> None:
    """A tracker that sits elsewhere has its own usual values."""
    tracker = series(seed=9, device="TR-9")
    events = said(judge(), [list(pair) for pair in zip(HOT, tracker, strict=True)])
    assert [event.device_id for event in events] == [SEAL]


def test_a_pool_gives_rows_out_empty_and_takes_them_back() -> None:
    """Places are never given twice, grow as needed, and come back as they were at first."""
    pool = Pool(np.zeros(1, jumps.JUMPS))
    first = pool.give(100)
    assert len(set(first.tolist())) == 100
    assert first.min() == 1
    pool.rows["t"][first] = 7
    pool.take_back(np.append(first[:50], 0))
    assert len(pool) == 50
    again = pool.give(60)
    assert not set(again.tolist()) & set(first[50:].tolist())
    assert (pool.rows["t"][again] == 0).all()
    assert (pool.rows["t"][first[50:]] == 7).all()
