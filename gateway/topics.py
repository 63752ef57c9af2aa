"""Topics of messages: of MQTT ``sealtrail/<family>/<device_id>/up``, of the gateway's own doors `door_topic`.

On a NATS where several gateways share the devices a number follows: ``…/up/<part>``.

Which of the two a message has is told by its token (`gateway.session.Delivery`),
never by the topic itself: no MQTT publisher can write a door's topic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gateway.decoders import told_beside
from gateway.device_id import DEVICE_ID as DEVICE_ID  # noqa: PLC0414  others know it from here
from gateway.device_id import MAX_DEVICE_ID as MAX_DEVICE_ID  # noqa: PLC0414  others know it from here
from gateway.foreign_topics import ForeignTopics
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.subjects import DEVICE_TOPIC_ROOT

UNKNOWN_FAMILY = "unknown"
DOORS = ("tcp", "tls", "udp", "http")

_REMEMBERED = 100_000
_LONGEST = 256  # a sound topic is shorter; others aren't worth the memory
_LEVELS = 4


class Route(NamedTuple):
    """Where messages of a topic go: to ``decoder``, or nowhere because of ``refusal``."""

    label: str  # the family if it is one of ours, else "unknown": bounded, fit for metrics and subjects
    family: str  # as the topic says
    device_id: str
    decoder: Decoder | None
    refusal: DecodeError | None
    answer: Callable[[bytes], bytes] | None = None  # what a frame's sender waits for on its down topic


def _route(topic: str, decoders: Mapping[str, Decoder]) -> Route:
    levels = topic.split("/")
    if len(levels) == _LEVELS + 1 and levels[_LEVELS].isdecimal():
        del levels[_LEVELS]  # the part of the gateways that share the devices
    if len(levels) != _LEVELS or levels[0] != DEVICE_TOPIC_ROOT or levels[3] != "up":
        refusal = DecodeError("bad_topic", f"expected {DEVICE_TOPIC_ROOT}/<family>/<device_id>/up")
        return Route(UNKNOWN_FAMILY, "", "", None, refusal)
    _, family, device_id, _ = levels
    if len(device_id) > MAX_DEVICE_ID or DEVICE_ID.fullmatch(device_id) is None:
        refusal = DecodeError(
            "bad_topic",
            f"a device_id has 1 to {MAX_DEVICE_ID} letters, digits, - and _, with single dots between",
        )
        return Route(family if family in decoders else UNKNOWN_FAMILY, family, device_id, None, refusal)
    decoder = decoders.get(family)
    if decoder is None:
        refusal = DecodeError("unknown_family", f"{family[:64]!r}; there are {', '.join(sorted(decoders))}")
        return Route(UNKNOWN_FAMILY, family, device_id, None, refusal)
    return Route(family, family, device_id, decoder, None, _answer_of(decoder))


def _answer_of(decoder: Decoder) -> Callable[[bytes], bytes] | None:
    """``ANSWER`` of the decoder's module: from a frame what its sender waits for over MQTT, or nothing."""
    found: Callable[[bytes], bytes] | None = told_beside(decoder, "ANSWER", None)
    return found


def door_topic(door: str, family: str, device_id: str, reason: str = "", detail: str = "") -> str:
    """Topic of a message that came in at a door (``tcp``, ``tls``, ``udp``, ``http``) of ``family``.

    ``device_id`` is plain or empty: not known. With ``reason`` the message goes
    into the quarantine by that name: ``<door>/<family>/<device_id>[?<reason>?<detail>]``.
    """
    topic = f"{door}/{family}/{device_id}"
    return f"{topic}?{reason}?{detail}" if reason else topic


def is_door_topic(topic: str, family: str, device_id: str) -> bool:
    """Whether a quarantined message came in at a door.

    One of MQTT that only looks so was filed under no family, see `_route`.
    """
    return family != "" and topic in {door_topic(door, family, device_id) for door in DOORS}


def _door_route(topic: str, decoders: Mapping[str, Decoder]) -> Route:
    place, _, refused = topic.partition("?")
    _, family, device_id = place.split("/")
    if refused:
        reason, _, detail = refused.partition("?")
        return Route(family, family, device_id, None, DecodeError(reason, detail))
    return Route(family, family, device_id, decoders[family], None)


class Routes(dict[str, Route]):
    """Routes by topic, worked out once for each; forgets all when there are very many."""

    def __init__(self, decoders: Mapping[str, Decoder], *, of_doors: bool = False) -> None:
        super().__init__()
        self._decoders = decoders
        self._route = _door_route if of_doors else _route

        self._foreign = None if of_doors else ForeignTopics(decoders)

    def __missing__(self, topic: str) -> Route:
        route = self._of_another_system(topic) or self._route(topic, self._decoders)
        if len(topic) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[topic] = route
        return route

    def _of_another_system(self, topic: str) -> Route | None:
        if self._foreign is None or topic.startswith(f"{DEVICE_TOPIC_ROOT}/"):
            return None
        found = self._foreign.match(topic)
        if found is None:
            return None
        decoder, device_id, refusal = found
        if refusal is not None:
            return Route(decoder.family, decoder.family, device_id, None, refusal)
        return Route(decoder.family, decoder.family, device_id, decoder, None)
