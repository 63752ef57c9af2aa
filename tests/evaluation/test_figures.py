"""Recall, precision, F1, delays and rates from verdicts made by hand."""

from __future__ import annotations

from sealtrail.evaluation.baselines import Baselines, score
from sealtrail.evaluation.figures import Delay, Spread, by_family, by_type, figures, spread, total
from sealtrail.evaluation.matching import match
from sealtrail.evaluation.told import Book, Told
from simulators.evaluation.truth import Scripted
from tests.anomaly.world import authorised, drive, judge, planned, reading
from tests.evaluation.samples import CONTAINER, alert, truth


def _delay(truth_: Scripted, alert_: Told) -> Delay:
    seconds = (alert_.told_ms - truth_.complete_received_ms) / 1000
    return Delay(int(seconds // 600), seconds, 20 * seconds)


def test_figures_of_a_type() -> None:
    """Three of four found, one false alarm in 500 container-days."""
    truths = [truth("SEAL_CUT", minute) for minute in (100, 200, 300, 400)]
    alerts = [alert("SEAL_CUT", minute, told=minute + 10) for minute in (100, 200, 300, 900)]
    made = figures("SEAL_CUT", ["SEAL_CUT"], match(truths, alerts), _delay, 500.0)
    assert (made.truths, made.found, made.false) == (4, 3, 1)
    assert (made.recall, made.precision, made.f1) == (0.75, 0.75, 0.75)
    assert made.false_per_1000_container_days == 2.0
    assert made.delay_s == Spread(600.0, 600.0, 600.0)
    assert made.delay_reports == Spread(1, 1, 1)
    assert made.delay_m == Spread(12_000.0, 12_000.0, 12_000.0)


def test_shares_of_nothing_are_none() -> None:
    """A type that didn't happen and wasn't raised has no recall, not one of zero or one."""
    made = figures("SHOCK", ["SHOCK"], match([], []), _delay, 10.0)
    assert (made.recall, made.precision, made.f1) == (None, None, None)
    assert made.delay_s == Spread()
    assert made.false_per_1000_container_days == 0.0


def test_types_families_and_total_agree() -> None:
    """Every type is counted once in its family and once in total; custody entries never."""
    truths = [truth("SEAL_CUT", 10), truth("SHOCK", 50), truth("SILENT", 90)]
    alerts = [alert("SEAL_CUT", 10), alert("WRONG_WAY", 500), alert("SHOCK", 50)]
    verdicts = match(truths, alerts)
    types, families = by_type(verdicts, _delay, 100.0), by_family(verdicts, _delay, 100.0)
    whole = total(verdicts, _delay, 100.0)
    for counts in (types, families):
        assert sum(each.truths for each in counts) == whole.truths == 3
        assert sum(each.found for each in counts) == whole.found == 2
        assert sum(each.false for each in counts) == whole.false == 1
    assert len(types) == 25
    assert "custody" not in [each.name for each in families]


def test_spread_takes_the_value_at_or_above() -> None:
    """Of ten values the median is the fifth, the 90 % quantile the ninth."""
    assert spread(range(1, 11)) == Spread(5, 9, 10)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0)


def test_the_book_follows_an_alert_to_its_retraction() -> None:
    """Told when first raised; an authorisation that comes later takes it back."""
    judgement, book = judge(planned()), Book()
    for at, each in enumerate(drive(range(5))):
        book.take(judgement.apply_readings([each]), at)
    from sealtrail.contract.reading import SealEvent  # noqa: PLC0415

    book.take(judgement.apply_readings([reading(6, (50.0, 10.06), events=SealEvent.OPENED)]), 6)
    assert [(each.alert_type, each.told_ms, each.retracted) for each in book.alerts] == [
        ("SEAL_OPENED", 6, False)
    ]
    book.take(judgement.apply_trip_events([authorised(0, 60)]), 9)
    assert [(each.alert_type, each.told_ms, each.retracted) for each in book.alerts] == [
        ("SEAL_OPENED", 6, True)
    ]


def test_baselines_alarm_on_what_they_say() -> None:
    """One trip with an opening, a detour and a jump: each trivial detector sees its own."""
    from sealtrail.contract.reading import SealEvent  # noqa: PLC0415

    baselines = Baselines()
    plan = planned().trip
    assert plan is not None
    baselines.plan(plan)
    baselines.take([
        *drive(range(30)),
        reading(30, (50.0, 10.3), events=SealEvent.OPENED),
        *drive(range(90, 96), north_deg=0.1),
        reading(200, (50.0, 11.5)),
        reading(201, (10.0, 11.5)),
    ])  # fmt: skip
    alarms = baselines.alarms()
    minutes = {
        name: [round((alarm[2] - 1_800_000_000_000) / 60_000) for alarm in found]
        for name, found in alarms.items()
    }
    assert minutes == {"every opening": [30], "fence": [90, 201], "speed limit": [201], "k-sigma": []}


def test_a_baseline_is_scored_on_its_group() -> None:
    """Any type of the group counts as found; types of other groups are no concern of it."""
    truths = [truth("SEAL_TAMPER", 10), truth("SEAL_CUT", 400), truth("SHOCK", 900)]
    alarms = [(CONTAINER, "D", 10 * 60_000, 11 * 60_000), (CONTAINER, "D", 700 * 60_000, 700 * 60_000)]
    made = score("every opening", alarms, truths, 10.0)
    assert (made.truths, made.found, made.false) == (2, 1, 1)
    assert made.delay_s.median == 60.0
