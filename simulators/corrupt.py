"""Payloads that no decoder can make anything of."""

from __future__ import annotations

import random
from collections.abc import Callable

from simulators import json_device


def corrupted(payload: bytes, family: str, rng: random.Random) -> bytes:
    """What a broken device or link might have made of ``payload``; never a sound frame of ``family``."""
    ways: list[Callable[[bytes, random.Random], bytes]] = [_noise, _cut_short]
    if family == json_device.FAMILY:
        ways += [_foreign_key, _bad_time]
    return rng.choice(ways)(payload, rng)


def _noise(payload: bytes, rng: random.Random) -> bytes:
    """Random bytes; the first belongs to no frame of any family."""
    return b"\xff" + rng.randbytes(len(payload) - 1)


def _cut_short(payload: bytes, rng: random.Random) -> bytes:
    """The connection broke in the first half of the frame."""
    return payload[: rng.randrange(3, len(payload) // 2)]


def _foreign_key(payload: bytes, _: random.Random) -> bytes:
    """A firmware that speaks a dialect."""
    return payload[:-1] + b',"gps_lat":"52.1N"}'


def _bad_time(payload: bytes, _: random.Random) -> bytes:
    return payload.replace(b'"occurred_at":', b'"occurred_at":"soon","was":', 1)
