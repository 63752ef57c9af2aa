"""`Intake`: bounded hand-over of what one door hears to the pipeline, and of the outcome back to the door.

Lives in the event loop; no locks. A token of an intake is negative, so that it
is never taken for one of the MQTT session; its lowest bits tell the intake.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gateway.session import Delivery

INTAKE_BITS = 8
MAX_INTAKES = 1 << INTAKE_BITS


class Party(Protocol):
    """Who waits for the log to have a message."""

    def settled(self, entry: Entry) -> None:
        """The log has the message of ``entry``; its ``refused`` says whether it went into the quarantine."""
        ...

    def flush(self) -> None:
        """All settlements of a batch have been told."""
        ...

    def resume(self) -> None:
        """There may be room again; asked for with `Intake.want_room`."""
        ...


class Entry:
    """One message from its receipt until the log has it, and the answer it waits with."""

    __slots__ = ("answer", "done", "if_refused", "party", "refused", "size")

    def __init__(self, party: Party, answer: bytes, if_refused: Callable[[str], bytes] | None) -> None:
        self.party = party
        self.answer = answer
        self.if_refused = if_refused
        self.size = 0
        self.done = False
        self.refused = ""  # the name of the reason, if the message went into the quarantine


class Intake:
    """Counts messages and bytes from their receipt until the log has them."""

    def __init__(self, number: int, max_messages: int, max_bytes: int) -> None:
        """``number`` is unique among the intakes of a gateway, below `MAX_INTAKES`."""
        self._number = number
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._count = 0
        self._bytes = 0
        self._waiting: deque[Delivery] = deque()
        self._entries: dict[int, Entry] = {}
        self._wants_room: dict[Party, None] = {}  # in the order in which they asked
        self.on_news: Callable[[], None] = lambda: None  # something is waiting

    @property
    def number(self) -> int:
        return self._number

    @property
    def waiting(self) -> int:
        """Messages that can be taken."""
        return len(self._waiting)

    @property
    def unsettled(self) -> int:
        """Messages that the log doesn't have yet, taken or not."""
        return len(self._entries)

    @property
    def has_room(self) -> bool:
        """Whether another message may be put in."""
        return len(self._entries) < self._max_messages and self._bytes < self._max_bytes

    def put(self, topic: str, payload: bytes, entry: Entry) -> None:
        """Hands a message over; a caller that ignores `has_room` answers for the bound."""
        self._count += 1
        token = -(self._count << INTAKE_BITS | self._number)
        entry.size = len(payload)
        self._bytes += entry.size
        self._entries[token] = entry
        self._waiting.append((topic, payload, token))
        if len(self._waiting) == 1:
            self.on_news()

    def want_room(self, party: Party) -> None:
        """`Party.resume` is called once when there is room."""
        self._wants_room[party] = None

    def forget(self, party: Party) -> None:
        """``party`` asks for room no longer."""
        self._wants_room.pop(party, None)

    def take(self, most: int, most_bytes: int) -> list[Delivery]:
        """The next messages, in order, within both limits or one."""
        taken: list[Delivery] = []
        size = 0
        waiting = self._waiting
        while waiting and len(taken) < most and (size <= most_bytes or not taken):
            taken.append(waiting.popleft())
            size += len(taken[-1][1])
        return taken

    def settle(self, tokens: Sequence[int], refusals: Mapping[int, str]) -> None:
        """The log has these; ``refusals`` are the reasons of those that went into the quarantine."""
        parties: dict[Party, None] = {}
        for token in tokens:
            entry = self._entries.pop(token)
            self._bytes -= entry.size
            entry.done = True
            entry.refused = refusals.get(token, "")
            entry.party.settled(entry)
            parties[entry.party] = None
        for party in parties:
            party.flush()
        while self._wants_room and self.has_room:
            party = next(iter(self._wants_room))
            del self._wants_room[party]
            party.resume()
