"""What decoders of foreign JSON share: a bounded document, numbers, times, short texts."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Annotated, Any

import msgspec

from sealtrail.contract.clock import FIRST_MS, LAST_MS
from sealtrail.contract.errors import DecodeError

MAX_FRAME_BYTES = 1 << 18
MAX_TEXT = 256
PLAIN_INTEGER = 2**63
DECIMAL = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?")
RfcTime = Annotated[dt.datetime, msgspec.Meta(tz=True)]

_parse = msgspec.json.Decoder().decode


def document(frame: bytes) -> dict[str, Any]:
    """The JSON object of a frame; raises `DecodeError`."""
    if len(frame) > MAX_FRAME_BYTES:
        raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_FRAME_BYTES}")
    try:
        found = _parse(frame)
    except (ValueError, RecursionError) as error:  # msgspec's errors and UnicodeDecodeError are ValueErrors
        raise DecodeError("malformed_json", str(error)) from error
    if not isinstance(found, dict):
        raise DecodeError("no_object", "the document is no JSON object")
    return found


def part(found: dict[str, Any], name: str) -> dict[str, Any]:
    """An object within an object; empty where it is missing or something else."""
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def parts(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects within an object."""
    value = found.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def number(value: object) -> float | None:
    """A finite number, or its decimal digits in a string; None for anything else, booleans too."""
    if isinstance(value, str) and DECIMAL.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def whole(value: object, most: int = PLAIN_INTEGER - 1) -> int | None:
    """A whole number from 0 to ``most``; None for anything else."""
    found = number(value)
    return int(found) if found is not None and found.is_integer() and 0 <= found <= most else None


def text(value: object) -> str:
    """A string cut to a bounded length; empty for anything else."""
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def moment_ms(value: object) -> int | None:
    """UTC milliseconds of an RFC 3339 time, or of Unix seconds or milliseconds; None for anything else."""
    at_ms: float | None = None
    if isinstance(value, str) and not DECIMAL.fullmatch(value):
        try:
            at_ms = msgspec.convert(value, RfcTime).timestamp() * 1000
        except (msgspec.ValidationError, ValueError, OverflowError):
            at_ms = None
    else:
        at = number(value)
        if at is not None:
            at_ms = at if abs(at) > LARGEST_SECONDS else at * 1000
    return round(at_ms) if at_ms is not None and FIRST_MS <= at_ms <= LAST_MS else None


LARGEST_SECONDS = 20_000_000_000
"""The year 2603; larger numbers are milliseconds."""


def scalar(value: object) -> str | int | float | bool | None:
    """A value fit for ``Reading.extra``; None for whatever isn't."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, int) and abs(value) < PLAIN_INTEGER:
        return value
    return value if isinstance(value, float) and math.isfinite(value) else None
