"""`Course`: where a session stands, told once for each change, and when it tries again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from gateway.frames import REFUSED_QOS
from gateway.session import OnState, SessionState
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.backoff import backoff_s

LOGGER = structlog.get_logger(__name__)

STEADY_S = 5.0
"""A connection that lasted this long starts the waiting times anew."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Seconds between tries: growing while the broker is away, long while it refuses us."""

    first_s: float = 0.2
    cap_s: float = 15.0
    refused_s: float = 30.0


class LinkDownError(UnavailableError):
    """A connection can't be made or has ended; ``state`` says which way."""

    def __init__(self, state: SessionState, detail: str) -> None:
        super().__init__(detail)
        self.state = state


def check_subscription(filters: Sequence[str], answers: Sequence[int]) -> None:
    """Judges the broker's answers to a SUBSCRIBE, one for each filter.

    Raises `LinkDownError` where the first one is refused; the others are told of in the log.
    """
    if not answers or answers[0] >= REFUSED_QOS:
        raise LinkDownError(
            SessionState.SUBSCRIPTION_REFUSED, f"the broker refused the subscription to {filters[0]}"
        )
    refused = [each for each, answer in zip(filters, answers, strict=False) if answer >= REFUSED_QOS]
    if refused:
        LOGGER.warning("mqtt_subscription_refused", filters=refused)
    unsafe = [each for each, answer in zip(filters, answers, strict=False) if answer == 0]
    if unsafe:  # what is lost on the way there is lost, whatever the device was told
        LOGGER.warning("mqtt_subscription_without_acknowledgement", filters=unsafe)


class Course:
    """The changes of one session."""

    def __init__(self, on_state: OnState, retry: Retry) -> None:
        self._on_state = on_state
        self._retry = retry
        self._state = SessionState.CONNECTING
        self._subscribed_at_s: float | None = None
        self._waits = backoff_s(retry.first_s, retry.cap_s)

    def subscribed(self, resumed: bool) -> None:  # noqa: FBT001 - a link's callback
        """Messages come; ``resumed`` says whether the broker had kept the session."""
        self._subscribed_at_s = time.monotonic()
        how = "resumed the broker's session" if resumed else "the broker had no session of ours"
        self._enter(SessionState.SUBSCRIBED, how)

    def down(self, state: SessionState, why: str) -> float:
        """The connection has ended or wasn't made; seconds to wait before the next one."""
        if self._subscribed_at_s is not None and time.monotonic() - self._subscribed_at_s > STEADY_S:
            self._waits = backoff_s(self._retry.first_s, self._retry.cap_s)
        self._subscribed_at_s = None
        self._enter(state, why)
        return next(self._waits) if state is SessionState.LOST else self._retry.refused_s

    def fault(self, error: Exception) -> float:
        """As `down`, for an exception that nobody expected."""
        LOGGER.error("mqtt_link_failed", exc_info=error)
        return self.down(SessionState.LOST, f"fault in the MQTT link: {type(error).__name__}: {error}")

    def closed(self) -> None:
        """The session has ended for good."""
        self._enter(SessionState.CLOSED, "disconnected")

    def _enter(self, state: SessionState, why: str) -> None:
        if state is self._state:
            return
        self._state = state
        as_wished = state in (SessionState.SUBSCRIBED, SessionState.CLOSED)
        (LOGGER.info if as_wished else LOGGER.warning)(f"mqtt_{state.value}", detail=why)
        self._on_state(state, why)
