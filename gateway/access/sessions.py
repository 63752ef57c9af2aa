"""`Sessions`: who is connected, and whether two are under one name. Pure: events in, doubts out.

A device that reconnects leaves a dead connection behind for a while, and may
come back from another address: that is no second device. Two are at work where
two sessions both go on speaking (at our own doors: where an older one is heard after
a younger one, and again after that), or where they keep throwing each other out
(the same MQTT client identifier, or one session an identity) from two addresses
in turn, or from one, behind which both may be, faster than any line breaks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

TURNS = 4
"""Connections from two addresses in turn (A, B, A, B) within `TURNS_WITHIN_MS`."""
TURNS_WITHIN_MS = 600_000
TAKEOVERS = 6
"""So many times in `TAKEOVERS_WITHIN_MS` an MQTT session was thrown out by its like, whatever the address."""
TAKEOVERS_WITHIN_MS = 60_000
RETURNS = 2
RETURN_AFTER_MS = 1_000
MOST_SESSIONS = 1_000_000
MOST_DOUBTFUL = 1_000


class Session(NamedTuple):
    """One connection of an identity."""

    key: str  # unique while it lasts
    address: str  # without port
    client_id: str
    opened_at_ms: int


class Overlap:
    """Connections of one identity at a door that are open at the same time.

    What a dead connection had sent may arrive after its device has opened a new
    one, but at once: `RETURNS` times, `RETURN_AFTER_MS` apart, it can't be heard.
    """

    __slots__ = ("_last_id", "_returned_at_ms", "_returns", "since_ms")

    def __init__(self, since_ms: int) -> None:
        self.since_ms = since_ms
        self._last_id = 0
        self._returns = 0
        self._returned_at_ms = since_ms

    def both_speak(self, connection_id: int, now_ms: int) -> bool:
        """Takes in who speaks (connections are numbered as they open); whether that shows two devices."""
        returns = connection_id < self._last_id and now_ms - self._returned_at_ms >= RETURN_AFTER_MS
        self._last_id = connection_id
        if returns:
            self._returns += 1
            self._returned_at_ms = now_ms
        return self._returns >= RETURNS


class Activity(NamedTuple):
    """A connection as its server describes it now."""

    key: str
    address: str
    client_id: str
    opened_at_ms: int
    active_at_ms: int  # when it last said something


class Sessions:
    """Live sessions by identity."""

    def __init__(self) -> None:
        self._open: dict[str, dict[str, Session]] = {}  # identity -> key -> session
        self._identity: dict[str, str] = {}  # key -> identity
        self._past: dict[str, tuple[tuple[str, int], ...]] = {}  # identity -> its newest (address, time)
        self._takeovers: dict[str, tuple[int, ...]] = {}  # identity -> when a session threw out its like
        self.doubtful: dict[str, None] = {}  # identities with several sessions, to be looked at

    def __len__(self) -> int:
        return len(self._identity)

    def of(self, identity: str) -> list[Session]:
        """The live sessions of an identity."""
        return list(self._open.get(identity, {}).values())

    def opened(self, identity: str, session: Session) -> Mapping[str, str | int] | None:
        """Evidence that two speak under this name, or None."""
        if session.key in self._identity or len(self._identity) >= MOST_SESSIONS:
            return None
        open_now = self._open.setdefault(identity, {})
        evidence = self._taken_over(identity, session)
        open_now[session.key] = session
        self._identity[session.key] = identity
        if len(open_now) > 1 and len(self.doubtful) < MOST_DOUBTFUL:
            self.doubtful[identity] = None
        return self._turns(identity, session) or evidence

    def _taken_over(self, identity: str, session: Session) -> Mapping[str, str | int] | None:
        """A broker keeps one session of a client identifier: one that is open now is thrown out."""
        client_id = session.client_id
        if not client_id or all(other.client_id != client_id for other in self._open[identity].values()):
            return None
        since_ms = session.opened_at_ms - TAKEOVERS_WITHIN_MS
        past = [at_ms for at_ms in self._takeovers.get(identity, ()) if at_ms > since_ms]
        times = (*past, session.opened_at_ms)
        if len(self._takeovers) >= MOST_DOUBTFUL:
            self._takeovers.clear()
        self._takeovers[identity] = times
        if len(times) < TAKEOVERS:
            return None
        del self._takeovers[identity]
        return {"address": session.address, "client_id": client_id, "takeovers": TAKEOVERS}

    def _turns(self, identity: str, session: Session) -> Mapping[str, str | int] | None:
        since_ms = session.opened_at_ms - TURNS_WITHIN_MS
        past = tuple(one for one in self._past.get(identity, ()) if one[1] > since_ms)
        past = (*past, (session.address, session.opened_at_ms))[-TURNS:]
        self._past[identity] = past
        addresses = [address for address, _ in past]
        alternate = all(one != other for one, other in itertools.pairwise(addresses))
        if len(past) < TURNS or not alternate or len(set(addresses)) > 2:  # noqa: PLR2004 - two in turn
            return None
        self._past[identity] = ()
        return {"address": addresses[-1], "other_address": addresses[-2], "turns": TURNS}

    def closed(self, key: str) -> None:
        """A session has ended; nothing where it isn't known."""
        identity = self._identity.pop(key, None)
        if identity is None:
            return
        open_now = self._open[identity]
        del open_now[key]
        if len(open_now) <= 1:
            self.doubtful.pop(identity, None)
        if not open_now:
            del self._open[identity]
            if len(self._past) > MOST_SESSIONS:
                self._past.clear()

    def look(self, identity: str, found: Iterable[Activity]) -> Mapping[str, str | int] | None:
        """Evidence in what the servers say of an identity's connections: two that both go on speaking."""
        newest_first = sorted(found, key=lambda one: one.opened_at_ms, reverse=True)
        if len(newest_first) < 2:  # noqa: PLR2004 - two are needed for a doubt
            self.doubtful.pop(identity, None)
            return None
        young = newest_first[0]
        for old in newest_first[1:]:
            if (
                old.active_at_ms > young.opened_at_ms + 1_000
                and young.active_at_ms > young.opened_at_ms + 1_000
            ):
                self.doubtful.pop(identity, None)
                return {
                    "address": young.address,
                    "other_address": old.address,
                    "client_id": young.client_id,
                    "other_client_id": old.client_id,
                }
        return None
