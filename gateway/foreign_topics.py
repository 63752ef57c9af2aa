"""MQTT topics that aren't ours: those on which OwnTracks and LoRaWAN network servers publish.

A decoder module says in ``TOPICS`` where its family is published: MQTT filters
in which a level ``+name`` is a part of the device's identity, several joined by
``-``, and a level ``+`` is any. ``"owntracks/+user/+device"`` matches
``owntracks/jane/phone``, which is device ``jane-phone``. The most important one
stands first, since a broker may grant a few subscriptions only. No filter may match
topics of another one or of ours (``sealtrail/…``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.decoders import told_beside
from gateway.device_id import fit_device_id
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import DecodeError

SHARED = "$share/"


class Match(NamedTuple):
    """Whose topic it is, and of which device; with ``refusal`` the device can't be called so."""

    decoder: Decoder
    device_id: str
    refusal: DecodeError | None


class ForeignTopics:
    """The foreign topics of a set of decoders; equal decoders give equal answers."""

    def __init__(self, decoders: Mapping[str, Decoder]) -> None:
        found = [
            (rank, family, tuple(topics.split("/")), decoder)
            for family, decoder in decoders.items()
            for rank, topics in enumerate(_topics_of(decoder))
        ]
        found.sort(key=lambda each: each[:2])  # every family's first before the second of any
        self._patterns = [(levels, decoder) for _, _, levels, decoder in found]

    def filters(self, like: str = "") -> tuple[str, ...]:
        """MQTT filters to subscribe to; shared in the group in which the filter ``like`` is."""
        group = "/".join([*like.split("/")[:2], ""]) if like.startswith(SHARED) else ""
        return tuple(
            group + "/".join("+" if level.startswith("+") else level for level in levels)
            for levels, _ in self._patterns
        )

    def match(self, topic: str) -> Match | None:
        """The decoder of a topic and the device that it names; None where the topic is nobody's."""
        levels = topic.split("/")
        for wanted, decoder in self._patterns:
            if len(wanted) != len(levels):
                continue
            pairs = list(zip(wanted, levels, strict=True))
            if all(want == level or (want.startswith("+") and level) for want, level in pairs):
                named = "-".join(level for want, level in pairs if want.startswith("+") and want != "+")
                return _checked(decoder, named)
        return None


BRIDGE = "bridge"
"""Capability of a login that speaks for all devices of its family, such as a network server's."""


def publish_filters(decoder: Decoder, device_id: str, *, bridge: bool) -> list[str]:
    """MQTT filters of the foreign topics that name this device; with ``bridge`` any of the family."""
    found: list[str] = []
    for topics in _topics_of(decoder):
        levels = topics.split("/")
        names = [at for at, level in enumerate(levels) if level.startswith("+") and level != "+"]
        plain = ["+" if level.startswith("+") else level for level in levels]
        if bridge:
            found.append("/".join(plain))
            continue
        for parts in _splits(device_id, len(names)):
            for at, part in zip(names, parts, strict=True):
                plain[at] = part
            found.append("/".join(plain))
    return found


def _splits(device_id: str, count: int) -> Iterator[tuple[str, ...]]:
    """Every way to join that many parts by ``-`` to this identity."""
    if count == 1:
        yield (device_id,)
        return
    for at, letter in enumerate(device_id):
        if letter == "-" and 0 < at < len(device_id) - 1:
            for rest in _splits(device_id[at + 1 :], count - 1):
                yield (device_id[:at], *rest)


def _topics_of(decoder: Decoder) -> tuple[str, ...]:
    found: tuple[str, ...] = told_beside(decoder, "TOPICS", ())
    return found


def _checked(decoder: Decoder, named: str) -> Match:
    try:
        return Match(decoder, fit_device_id(named), None)
    except DecodeError as refusal:
        return Match(decoder, named, DecodeError("bad_topic", refusal.detail))
