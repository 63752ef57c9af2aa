"""MQTT and the doors as one source: fair, in order, tokens where they belong."""

from __future__ import annotations

import asyncio

import pytest

from gateway.listeners.intake import Entry, Intake
from gateway.listeners.sources import Sources
from gateway.session import Delivery
from tests.gateway.brokers import eventually
from tests.gateway.listeners.gate import QuietSession


class Listener:
    """A party that keeps what it is told."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[bytes, str]] = []
        self.flushed = self.resumed = 0

    def settled(self, entry: Entry) -> None:
        self.outcomes.append((entry.answer, entry.refused))

    def flush(self) -> None:
        self.flushed += 1

    def resume(self) -> None:
        self.resumed += 1


def put(intake: Intake, party: Listener, *names: str) -> None:
    for name in names:
        intake.put("tcp/json/d1", name.encode(), Entry(party, name.encode(), None))


def payloads(deliveries: list[Delivery]) -> list[bytes]:
    return [payload for _, payload, _ in deliveries]


async def test_flood_leaves_the_others_their_share() -> None:
    """Of a batch each source gets its share, what one doesn't use goes to the rest, order is kept."""
    session, intakes = QuietSession(), [Intake(n, 10_000, 1 << 20) for n in range(2)]
    sources = Sources(session, intakes, 1_000, 0.0)
    await sources.open()
    party = Listener()
    session.publish([("sealtrail/json/m/up", b"mqtt %d" % n, n + 1) for n in range(5_000)])
    put(intakes[0], party, *(f"flood {n}" for n in range(5_000)))
    put(intakes[1], party, "one", "two")
    await eventually(lambda: len(session.waiting) == 4_000)  # the first thousand is held
    taken = payloads(await sources.take(100, 0.0))
    assert len(taken) == 100
    assert [each for each in taken if each in {b"one", b"two"}] == [b"one", b"two"]
    for name in (b"mqtt", b"flood"):
        own = [each for each in taken if each.startswith(name)]
        assert len(own) >= 33
        assert own == [b"%s %d" % (name, n) for n in range(len(own))]
    sources.cease()
    await sources.close()


async def test_tokens_go_back_where_they_came_from() -> None:
    """The session gets its tokens, zeros included; the doors' parties hear what became of theirs."""
    session, intake = QuietSession(), Intake(3, 10, 1 << 20)
    sources = Sources(session, [intake], 1_000, 0.0)
    await sources.open()
    party = Listener()
    session.publish([("t", b"a", 65_537), ("t", b"b", 0)])
    put(intake, party, "c", "d")
    taken: list[Delivery] = []
    while len(taken) < 4:
        taken += await sources.take(10, 0.0)
    refused = next(token for _, payload, token in taken if payload == b"d")
    sources.ack([token for _, _, token in taken], {refused: "bad_value"})
    assert sorted(session.acknowledged) == [0, 65_537]
    assert party.outcomes == [(b"c", ""), (b"d", "bad_value")]
    assert party.flushed == 1
    assert intake.unsettled == 0
    with pytest.raises(KeyError):
        sources.ack([refused], {})
    sources.cease()
    assert await sources.take(10, 0.0) == []
    await sources.close()


async def test_ceased_sources_still_give_what_the_doors_hold() -> None:
    """After the end of reading what a door has taken in is handed on, then comes the end."""
    session, intake = QuietSession(), Intake(0, 10, 1 << 20)
    sources = Sources(session, [intake], 1_000, 0.0)
    await sources.open()
    put(intake, Listener(), "a", "b")
    sources.cease()
    assert payloads(await sources.take(1, 0.0)) == [b"a"]
    assert payloads(await sources.take(1, 0.0)) == [b"b"]
    assert await sources.take(1, 0.0) == []
    await sources.close()


async def test_failure_of_the_session_isnt_swallowed() -> None:
    """Where reading the broker fails for good, the taker gets the failure."""

    class Broken(QuietSession):
        async def take(self, most: int, linger_s: float) -> list[Delivery]:
            raise RuntimeError(f"no more than {most} in {linger_s}")

    sources = Sources(Broken(), [Intake(0, 10, 1 << 20)], 1_000, 0.0)
    await sources.open()
    with pytest.raises(RuntimeError, match="no more"):
        await asyncio.wait_for(sources.take(1, 0.0), 5)


async def test_room_is_offered_in_turn() -> None:
    """Parties that wait for room are called in the order in which they asked, once each."""
    intake = Intake(0, 2, 1 << 20)
    first, second = Listener(), Listener()
    put(intake, first, "a", "b")
    assert not intake.has_room
    intake.want_room(first)
    intake.want_room(second)
    intake.want_room(first)
    taken = intake.take(10, 1 << 20)
    intake.settle([taken[0][2]], {})
    assert (first.resumed, second.resumed) == (1, 1)


def test_bytes_are_bounded() -> None:
    """A batch holds at most so many bytes, or one message; bytes count until they are settled."""
    intake = Intake(0, 100, 1_000)
    party = Listener()
    put(intake, party, "x" * 400, "y" * 400, "z" * 400)
    rooms = [intake.has_room]
    first = intake.take(10, 300)
    intake.settle([first[0][2]], {})
    rooms.append(intake.has_room)
    assert (len(first), rooms) == (1, [False, True])
