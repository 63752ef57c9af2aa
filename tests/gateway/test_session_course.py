"""How a session tells of its changes, and how long it waits before it tries again."""

from __future__ import annotations

import pytest

from gateway.course import STEADY_S, Course, LinkDownError, Retry, check_subscription
from gateway.session import SessionState

RETRY = Retry(first_s=1.0, cap_s=8.0, refused_s=100.0)


def quiet(_state: SessionState, _why: str) -> None:
    """Hears nothing."""


def test_an_absent_broker_is_tried_less_and_less_often() -> None:
    """Waits double up to the cap, each shortened at random by half at most, so that gateways spread out."""
    course = Course(quiet, RETRY)
    waits = [course.down(SessionState.LOST, "away") for _ in range(6)]
    for wait_s, most_s in zip(waits, (1, 2, 4, 8, 8, 8), strict=True):
        assert most_s / 2 <= wait_s <= most_s


@pytest.mark.parametrize(
    "state",
    [SessionState.CREDENTIALS_REFUSED, SessionState.CLIENT_REFUSED, SessionState.SUBSCRIPTION_REFUSED],
)
def test_a_broker_that_refuses_us_is_tried_slowly(state: SessionState) -> None:
    """What only a person can mend is asked for at long intervals, from the first time on."""
    course = Course(quiet, RETRY)
    assert [course.down(state, "no"), course.down(state, "no")] == [100.0, 100.0]


def test_only_a_steady_connection_starts_the_waits_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that accepts and drops at once is tried less and less often, too."""
    now_s = 50.0
    monkeypatch.setattr("gateway.course.time.monotonic", lambda: now_s)
    course = Course(quiet, RETRY)
    for most_s in (1, 2, 4):
        course.subscribed(resumed=True)
        assert most_s / 2 <= course.down(SessionState.LOST, "dropped") <= most_s
    course.subscribed(resumed=True)
    now_s += STEADY_S + 1
    assert course.down(SessionState.LOST, "dropped") <= 1


def test_changes_are_told_once() -> None:
    """Trying again in the same state says nothing."""
    told: list[SessionState] = []
    course = Course(lambda state, _: told.append(state), RETRY)
    for _ in range(3):
        course.down(SessionState.LOST, "away")
    course.subscribed(resumed=False)
    course.fault(RuntimeError("a fault"))
    course.closed()
    lost = SessionState.LOST
    assert told == [lost, SessionState.SUBSCRIBED, lost, SessionState.CLOSED]


def test_only_the_first_filter_is_needed() -> None:
    """A refusal of another filter ends nothing; one of the first does, or an answer without codes."""
    filters = ("ours", "theirs", "others")
    check_subscription(filters, b"\x01\x80\x00")
    for answers in (b"\x80\x01\x01", b""):
        with pytest.raises(LinkDownError, match="ours"):
            check_subscription(filters, answers)
