"""Which alert shows which truth."""

from __future__ import annotations

from sealtrail.evaluation.matching import match
from tests.evaluation.samples import alert, truth


def test_an_alert_in_time_finds_its_truth() -> None:
    """Type, container and event time decide, tolerance to either side, however late it was told."""
    verdicts = match([truth("SEAL_CUT", 100)], [alert("SEAL_CUT", 104, told=4000)])
    assert [found.alert_id for _, found in verdicts.found] == ["SEAL_CUT/104/240000000"]
    assert not verdicts.missed
    assert not verdicts.false


def test_another_type_container_or_time_is_a_miss_and_a_false_alarm() -> None:
    """What is near a truth in two of three ways shows nothing."""
    wrong = [
        alert("SEAL_OPENED", 100),
        alert("SEAL_CUT", 100, container_id="SLEU0000021"),
        alert("SEAL_CUT", 106),
        alert("SEAL_CUT", 94),
    ]
    verdicts = match([truth("SEAL_CUT", 100)], wrong)
    assert len(verdicts.missed) == 1
    assert len(verdicts.false) == len(wrong)


def test_the_alert_told_first_counts_and_others_are_repeats() -> None:
    """Several alerts of one event are one find and no false alarms."""
    verdicts = match([truth("SHOCK", 10, 20)], [alert("SHOCK", 15, told=90), alert("SHOCK", 11, told=30)])
    assert [found.told_ms for _, found in verdicts.found] == [30 * 60_000]
    assert len(verdicts.repeats) == 1
    assert verdicts.false == []


def test_one_alert_may_find_two_truths() -> None:
    """Two silences that touch may be told as one."""
    verdicts = match([truth("SILENT", 10, 20), truth("SILENT", 20, 30)], [alert("SILENT", 18)])
    assert len(verdicts.found) == 2


def test_a_retracted_alert_finds_nothing_and_was_false() -> None:
    """Somebody was told, and then told otherwise, although it was true."""
    verdicts = match([truth("SEAL_CUT", 10)], [alert("SEAL_CUT", 10, retracted=True)])
    assert len(verdicts.missed) == 1
    assert len(verdicts.false) == 1


def test_what_may_be_withdrawn_is_found_all_the_same() -> None:
    """A silence that the backlog explains was rightly told."""
    verdicts = match([truth("SILENT", 10, 60, may_be_withdrawn=True)], [alert("SILENT", 10, retracted=True)])
    assert len(verdicts.found) == 1
    assert verdicts.false == []


def test_what_must_be_withdrawn_is_false_while_it_stands() -> None:
    """An opening whose authorisation came late: told and retracted is right, told and kept is not."""
    opening = truth("SEAL_OPENED", 10, withdrawn=True)
    kept = match([opening], [alert("SEAL_OPENED", 10)])
    assert (len(kept.false), len(kept.withdrawn)) == (1, 0)
    taken_back = match([opening], [alert("SEAL_OPENED", 10, retracted=True)])
    assert (len(taken_back.false), len(taken_back.withdrawn)) == (0, 1)
    never = match([opening], [])
    assert never.missed == []


def test_a_type_that_the_cause_explains_is_excused() -> None:
    """While a track is forged a deviation is neither right nor wrong; elsewhere it is false."""
    forged = truth("GNSS_SPOOFING", 10, 60, also=("ROUTE_DEVIATION",))
    verdicts = match([forged], [alert("ROUTE_DEVIATION", 30), alert("ROUTE_DEVIATION", 300)])
    assert len(verdicts.excused) == 1
    assert [each.occurred_ms for each in verdicts.false] == [300 * 60_000]


def test_an_innocent_truth_excuses_nothing() -> None:
    """Where nothing may be raised, whatever is raised is false."""
    verdicts = match([truth(None, 10, 60)], [alert("SEAL_OPENED", 30)])
    assert len(verdicts.false) == 1
