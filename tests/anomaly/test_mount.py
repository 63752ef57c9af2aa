"""The mount: a seal taken off it is tampered with; one that never was on it, or says nothing of it, isn't."""

from __future__ import annotations

import random

import pytest

from sealtrail.contract.alert import AlertEvent, AlertType
from sealtrail.contract.reading import Reading, SealEvent, SealState
from tests.anomaly.world import (
    MINUTE_MS,
    START_MS,
    Standing,
    authorised,
    judge,
    of_type,
    planned,
    reading,
    standing,
    told,
)

TAMPER = ("raised", "SEAL_TAMPER")
HERE = (50.0, 10.1)


def breaches(events: list[AlertEvent]) -> list[Standing]:
    """What stands of seals; a shuffled journey has silences of its own."""
    return [each for each in standing(events) if each[0].startswith("SEAL_")]


def mounts(*said: bool | None, state: SealState = SealState.UNKNOWN) -> list[Reading]:
    """Reports by the minute that say so of the mount."""
    return [reading(minute, HERE, mounted=each, state=state) for minute, each in enumerate(said)]


@pytest.mark.parametrize("state", [SealState.UNKNOWN, SealState.SEALED])
def test_off_the_mount_is_tampering_once(state: SealState) -> None:
    """Raised at the first report that says so, whatever lies between; not again while it lasts."""
    made = judge()
    reports = mounts(True, None, None, False, None, False, False, state=state)
    [alert] = of_type(made.apply_readings(reports), AlertType.SEAL_TAMPER)
    assert alert.occurred_at_ms == START_MS + 3 * MINUTE_MS
    assert all(each.seal_events == 0 for each in alert.evidence)
    again = [reading(20, HERE, mounted=True), reading(21, HERE, mounted=False)]
    assert told(made.apply_readings(again)) == [TAMPER]


@pytest.mark.parametrize(
    "said", [(False, False, False), (None, None), (False, None, True), (True, None, True)]
)
def test_what_is_no_coming_off_raises_nothing(said: tuple[bool | None, ...]) -> None:
    """A device that always says off, one that says nothing, one that is put on."""
    assert told(judge().apply_readings(mounts(*said))) == []


def test_the_event_and_the_mount_are_one_tampering() -> None:
    """A device that says TAMPERED and off its mount at once, and stays off it, was tampered with once."""
    made = judge()
    made.apply_readings(mounts(True))
    both = [reading(5, HERE, mounted=False, events=SealEvent.TAMPERED), reading(6, HERE, mounted=False)]
    assert told(made.apply_readings(both)) == [TAMPER]


def test_a_disarmed_seal_may_come_off_its_mount() -> None:
    """Within an authorised opening taking the device off is handling."""
    made = judge(planned(), authorised(0, 60))
    made.apply_readings(mounts(True))
    events = made.apply_readings(
        [reading(5, HERE, events=SealEvent.OPENED), reading(6, HERE, mounted=False, state=SealState.OPEN)]
    )
    assert of_type(events, AlertType.SEAL_TAMPER) == []


def test_leave_to_open_is_leave_to_take_off() -> None:
    """Where and when a seal may be opened its device may come off its mount; its housing stays closed."""
    for minute, events, expected in (
        (5, SealEvent.NONE, []),
        (5, SealEvent.TAMPERED, [TAMPER]),
        (90, SealEvent.NONE, [TAMPER]),
    ):
        made = judge(planned(), authorised(0, 60))
        made.apply_readings(mounts(True))
        said = made.apply_readings([reading(minute, HERE, mounted=False, events=events)])
        assert told(of_type(said, AlertType.SEAL_TAMPER)) == expected


@pytest.mark.parametrize("seed", range(6))
def test_a_mount_in_a_backlog_is_the_same_in_any_order(seed: int) -> None:
    """Hundreds of reports older than the history, shuffled: the tamperings of the run in order."""
    rng = random.Random(seed)
    said = [True] * 40 + [None] * 30 + [False] * 50 + [None] * 20 + [True] * 9 + [None] * 70 + [False] * 3
    reports = mounts(*said, *[None] * 100, state=SealState.SEALED if seed % 2 else SealState.UNKNOWN)
    expected = breaches(judge().apply_readings(reports))
    assert [alert[:2] for alert in expected] == [
        ("SEAL_TAMPER", START_MS + minute * MINUTE_MS) for minute in (70, 219)
    ]
    rng.shuffle(reports)
    made = judge(history_reports=8)
    events = [
        e for start in range(0, len(reports), 9) for e in made.apply_readings(reports[start : start + 9])
    ]
    assert breaches(events) == expected


@pytest.mark.parametrize("order", ["newest first", "shuffled", "doubled and shuffled"])
@pytest.mark.parametrize("again", [False, True])
def test_a_mount_said_now_and_then_over_thousands_of_reports_is_the_same_in_any_order(
    order: str, *, again: bool
) -> None:
    """A tracker without a seal state that says its mount in every third report: every tampering is found."""
    off = [False, None, None] * 300
    said = [True, None, None] * 20 + (off + [True, None, None] * 5 + off if again else off)
    reports = mounts(*said)
    expected = breaches(judge().apply_readings(reports))
    assert len(expected) == 1 + again
    rng = random.Random(7)
    if order == "newest first":
        reports.reverse()
    else:
        reports *= 2 if "doubled" in order else 1
        rng.shuffle(reports)
    made = judge()
    events = [e for at in range(0, len(reports), 50) for e in made.apply_readings(reports[at : at + 50])]
    assert breaches(events) == expected


def test_an_event_between_mounts_said_alike_is_found_and_ends() -> None:
    """Cuts that arrive last, among silences that were given up between equal mounts, are each a breach."""
    reports = mounts(*[True, None, None] * 300)
    cuts = [reading(minute + 0.5, HERE, events=SealEvent.CUT) for minute in (100, 200)]
    made = judge()
    events = [e for at in range(0, len(reports), 50) for e in made.apply_readings(reports[at : at + 50])]
    events += made.apply_readings(cuts)
    assert [alert[:2] for alert in breaches(events)] == [
        ("SEAL_CUT", START_MS + round((minute + 0.5) * MINUTE_MS)) for minute in (100, 200)
    ]
