"""`MqttSession`: what the gateway needs of an MQTT broker, in batches.

A session hands over messages and takes back the tokens of those that are safe.
What isn't acknowledged is delivered again by the broker, so nothing may be
acknowledged before the log has it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Protocol

Delivery = tuple[str, bytes, int]
"""(topic, payload, token). Token 0: there is nothing to acknowledge (QoS 0)."""


class SessionState(enum.Enum):
    """Where a session stands; only changes are logged."""

    CONNECTING = "connecting"
    SUBSCRIBED = "subscribed"
    LOST = "lost"  # or never reached; tried again soon
    CREDENTIALS_REFUSED = "credentials_refused"  # tried again slowly
    CLIENT_REFUSED = "client_refused"  # the broker doesn't take this client identifier
    SUBSCRIPTION_REFUSED = "subscription_refused"  # may not read the device topics
    CLOSED = "closed"


OnState = Callable[[SessionState, str], None]
"""Hears of every change with a reason for people; may be called from another thread."""


class MqttSession(Protocol):
    """A persistent QoS 1 session on a broker.

    Order per topic is the broker's. Everything received is bounded: when the
    limits are reached the broker isn't read until tokens come back. Tokens
    belong to one connection; those of an earlier one are ignored, because the
    broker delivers their messages again.
    """

    async def open(self) -> None:
        """Starts connecting, and stays connected for ever; raises `SettingsError` only."""
        ...

    async def take(self, most: int, linger_s: float) -> list[Delivery]:
        """Next messages, 1 to ``most``.

        Waits for the first one without limit and at most ``linger_s`` for more.
        An empty list means that the session has ceased.
        """
        ...

    def ack(self, tokens: Sequence[int]) -> None:
        """Takes back tokens of messages that were taken, each one once, zeros included."""
        ...

    def reply(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Sends (topic, payload) with QoS 0.

        While there is no connection, or the broker doesn't read, they are
        dropped: whoever waits for an answer asks again.
        """
        ...

    def cease(self) -> None:
        """Receives nothing more; what was taken can still be acknowledged."""
        ...

    async def close(self) -> None:
        """Sends the acknowledgements that are waiting and disconnects."""
        ...
