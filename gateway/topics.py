"""MQTT topics of devices: ``sealtrail/<family>/<device_id>/up``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.subjects import DEVICE_TOPIC_ROOT

UNKNOWN_FAMILY = "unknown"
MAX_DEVICE_ID = 64
DEVICE_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
"""ASCII letters, digits, ``-`` and ``_``, with single dots between: plain in MQTT topics,
log subjects, bucket keys and file names alike."""

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


def _route(topic: str, decoders: Mapping[str, Decoder]) -> Route:
    levels = topic.split("/")
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
    return Route(family, family, device_id, decoder, None)


class Routes(dict[str, Route]):
    """Routes by topic, worked out once for each; forgets all when there are very many."""

    def __init__(self, decoders: Mapping[str, Decoder]) -> None:
        super().__init__()
        self._decoders = decoders

    def __missing__(self, topic: str) -> Route:
        route = _route(topic, self._decoders)
        if len(topic) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[topic] = route
        return route
