"""`World`: a seeded fleet with ground truth, as one stream in the order of sending."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator

from sealtrail.contract.iso6346 import check_digit
from sealtrail.contract.trip import Trip, TripEvent
from simulators import json_device, jt701
from simulators.consignment import Consignment, Identity
from simulators.profile import Profile
from simulators.script import Kind, cast
from simulators.truth import Outgoing, ScriptedEvent

OWNER = "SLT"
"""Owner code of the simulated boxes; no line has registered it."""

_JT701_PART = 0.6
_TRACKER_PART = 0.5


class World:
    """A pure function of its `Profile`: no clock, no I/O, and the same bytes every time.

    Each container draws from its own random stream, so that one more container
    changes nothing about the others' noise.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        rng = random.Random(f"{profile.seed}/world")
        castings = cast(profile, rng)
        identities = _identities(profile, rng)
        self._consignments: list[Consignment] = []
        event_no = 1
        for identity, casting in zip(identities, castings, strict=True):
            own = random.Random(f"{profile.seed}/{identity.container_id}")
            self._consignments.append(Consignment(profile, identity, casting, event_no, own))
            event_no += casting.kind is not Kind.PLAIN

    @property
    def trips(self) -> tuple[Trip, ...]:
        return tuple(consignment.trip for consignment in self._consignments)

    @property
    def plans(self) -> tuple[Trip, ...]:
        """The trips together with their authorisations, as one would plan them beforehand."""
        return tuple(consignment.plan for consignment in self._consignments)

    @property
    def scripted(self) -> tuple[ScriptedEvent, ...]:
        """Ground truth, by event number."""
        found = (consignment.scripted for consignment in self._consignments)
        return tuple(event for event in found if event is not None)

    @property
    def families(self) -> dict[str, str]:
        """Every device of the fleet and how it speaks."""
        found: dict[str, str] = {}
        for consignment in self._consignments:
            identity = consignment.identity
            found[identity.seal_id] = identity.seal_family
            if identity.tracker_id is not None:
                found[identity.tracker_id] = json_device.FAMILY
        return found

    def stream(self) -> Iterator[Outgoing | TripEvent]:
        """Everything in order of sending; a trip event goes before the messages of its moment.

        Endless where the profile has no end. Can be called again: same bytes.
        """
        streams: list[Iterator[tuple[int, int, Outgoing | TripEvent]]] = []
        for consignment in self._consignments:
            streams.append((event.recorded_at_ms, 0, event) for event in consignment.trip_events())
            streams += [_timed(messages) for messages in consignment.messages()]
        for send_at_ms, _, item in heapq.merge(*streams, key=lambda timed: timed[:2]):
            if self.profile.end_ms is not None and send_at_ms > self.profile.end_ms:
                return
            yield item


def _timed(messages: Iterator[Outgoing]) -> Iterator[tuple[int, int, Outgoing | TripEvent]]:
    return ((outgoing.send_at_ms, 1, outgoing) for outgoing in messages)


def _identities(profile: Profile, rng: random.Random) -> Iterator[Identity]:
    serials = rng.sample(range(1_000_000), profile.containers)
    for serial in serials:
        speaks_jt701 = rng.random() < _JT701_PART
        has_tracker = rng.random() < _TRACKER_PART
        seal_id = f"7010{serial:06d}" if speaks_jt701 else f"seal-{serial:06d}"
        yield Identity(
            container_id=container_number(OWNER, serial),
            seal_id=seal_id,
            seal_family=jt701.FAMILY if speaks_jt701 else json_device.FAMILY,
            seal_number=f"SLT{serial:06d}",
            tracker_id=f"truck-{serial:06d}" if has_tracker else None,
            card_id=f"{rng.randrange(10**9):010d}",
            other_card_id=f"{rng.randrange(10**9):010d}",
        )


def container_number(owner: str, serial: int) -> str:
    """ISO 6346 number of container ``serial`` (0-999999) of ``owner`` (three letters), category U."""
    stem = f"{owner}U{serial:06d}"
    return f"{stem}{check_digit(stem)}"
