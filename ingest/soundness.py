"""What no store takes, found before the write, so that all stores refuse alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter

from ingest import names
from ingest.store import Refused
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.completeness import DeviceDay
from sealtrail.contract.reading import Reading

LONGEST_TAG = 64
LONGEST_TEXT = 32_768  # bytes; InfluxDB takes 64 KiB for a field
LATEST_TIME_MS = 9_223_372_036_000  # year 2262: the last time that 64 bits of nanoseconds hold
_INT64 = 1 << 63
_UINT64 = 1 << 64

_floats = attrgetter(*names.FLOAT_FIELDS)


def tag_refusal(value: str) -> str:
    """Why a value can't be a tag, or "" where it can.

    A tag names a series, of which there may be only as many as there are
    containers and devices. Line protocol has no unambiguous way to write a
    backslash in a tag, so it is refused rather than risked.
    """
    if not value:
        return "empty_tag"
    if len(value) > LONGEST_TAG:
        return "long_tag"
    if not value.isprintable():
        return "unprintable_tag"
    if "\\" in value:
        return "backslash_tag"
    return ""


@lru_cache(maxsize=262_144)
def _series_refusal(container_id: str, device_id: str, family: str) -> str:
    """The same three strings come with every report of a device."""
    return tag_refusal(container_id) or tag_refusal(device_id) or tag_refusal(family)


def _text_refusal(reading: Reading) -> str:
    for text in (reading.seal_number, reading.card_id):
        if text is not None and (len(text) * 4 > LONGEST_TEXT or "\0" in text):
            return "bad_text"
    if reading.extra is not None and sum(len(str(item)) for item in reading.extra.items()) * 4 > LONGEST_TEXT:
        return "long_extra"
    return ""


def _number_refusal(reading: Reading) -> str:
    codes = reading.fix_kind | reading.seal_state | reading.seal_events | reading.flags
    codes |= reading.satellites or 0
    if not 0 <= codes < _INT64 or not 0 <= reading.reading_id < _UINT64:
        return "number_out_of_range"  # one negative or too long code makes the whole so
    if not -_INT64 <= (reading.sequence or 0) < _INT64:
        return "number_out_of_range"
    if not -_INT64 <= (reading.device_time_ms or 0) < _INT64:
        return "number_out_of_range"
    values = _floats(reading)
    total = sum(filter(None, values))
    if math.isfinite(total) or all(math.isfinite(value) for value in filter(None, values)):
        return ""
    return "not_finite"


def _time_refusal(occurred_at_ms: int, received_at_ms: int) -> str:
    sound = 0 < occurred_at_ms < LATEST_TIME_MS and 0 <= received_at_ms < LATEST_TIME_MS
    return "" if sound else "time_out_of_range"


def refusal_of(reading: Reading) -> str:
    """Name of the reason why no store can take this reading, or "" for a sound one."""
    return (
        _series_refusal(reading.container_id or reading.device_id, reading.device_id, reading.family)
        or _time_refusal(reading.occurred_at_ms, reading.received_at_ms)
        or _number_refusal(reading)
        or _text_refusal(reading)
    )


def sift(readings: Sequence[Reading]) -> tuple[list[Reading], list[Refused[Reading]]]:
    """Sound readings and refused ones."""
    sound: list[Reading] = []
    refused: list[Refused[Reading]] = []
    for reading in readings:
        reason = refusal_of(reading)
        if reason:
            refused.append(Refused(reading, reason))
        else:
            sound.append(reading)
    return sound, refused


def alert_refusal_of(event: AlertEvent) -> str:
    """Name of the reason why no store can take this alert event, or ""."""
    texts = (event.event_id, event.alert_id, event.trip_id, event.device_id, event.rule, event.sentence)
    if any(len(text) * 4 > LONGEST_TEXT or "\0" in text for text in texts):
        return "bad_text"
    if not all(math.isfinite(value or 0) for value in (event.latitude_deg, event.longitude_deg)):
        return "not_finite"
    return _time_refusal(event.occurred_at_ms, event.received_at_ms) or tag_refusal(event.container_id)


def sift_alerts(events: Sequence[AlertEvent]) -> tuple[list[AlertEvent], list[Refused[AlertEvent]]]:
    """Sound alert events and refused ones."""
    sound: list[AlertEvent] = []
    refused: list[Refused[AlertEvent]] = []
    for event in events:
        reason = alert_refusal_of(event)
        if reason:
            refused.append(Refused(event, reason))
        else:
            sound.append(event)
    return sound, refused


def sift_days(days: Sequence[DeviceDay]) -> tuple[list[DeviceDay], list[Refused[DeviceDay]]]:
    """Sound daily records, the last of each device and day, and refused ones."""
    sound: dict[tuple[str, int], DeviceDay] = {}
    refused: list[Refused[DeviceDay]] = []
    for day in days:
        reason = tag_refusal(day.device_id) or (
            "" if 0 < day.day_ms < LATEST_TIME_MS else "time_out_of_range"
        )
        if reason:
            refused.append(Refused(day, reason))
        else:
            sound[day.device_id, day.day_ms] = day
    return list(sound.values()), refused
