"""Readings and alert events as InfluxDB line protocol, encoded in bulk.

A line is ``measurement,tags fields time_ns``. Of the 30-odd fields of a reading
most are missing, and devices of one kind miss the same ones; so there is one
``%`` template for each combination of present fields that has been seen, and a
reading costs one look-up and one formatting. All its numbers become text in one
call, as JSON, which takes half the time of Python's own: the shortest text that
the server reads back exactly. Integers of fields carry an ``i``.
Values that no chart asks for share one field, a JSON array (`ingest.details`),
and bits of which none is set (`names.BITS_FIELDS`) are missing: a field costs
the server more than a microsecond.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from ingest import names
from ingest.snapshot import pack
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.completeness import DeviceDay
from sealtrail.contract.reading import Reading

_NONE = type(None)
_COLUMNS = tuple(field.name for field in msgspec.structs.fields(Reading))
_OCCURRED_AT = _COLUMNS.index("occurred_at_ms")
_READING_ID = _COLUMNS.index("reading_id")
_TEXTS = frozenset((*names.TEXT_FIELDS, names.EXTRA))
_DETAILS = tuple(_COLUMNS.index(name) for name in names.DETAIL_FIELDS[1:])  # behind the identity
_BITS = tuple(_COLUMNS.index(name) for name in names.BITS_FIELDS)
_PLACE = (_COLUMNS.index("latitude_deg"), _COLUMNS.index("longitude_deg"))

_FORMATS: dict[str, str] = {
    **dict.fromkeys(names.FLOAT_FIELDS, "%s"),
    **dict.fromkeys(names.INT_FIELDS, "%si"),
    **dict.fromkeys(names.BOOL_FIELDS, "%s"),
    **dict.fromkeys(_TEXTS, '"%s"'),
}

_TAG_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_TEXT_ESCAPES = str.maketrans({'"': r"\"", "\\": r"\\"})
_json = msgspec.json.Encoder(order="sorted")


def escape_tag(value: str) -> str:
    """A tag value as it stands in a line; it must have passed `soundness.tag_refusal`."""
    return value.translate(_TAG_ESCAPES)


def quote(text: str) -> str:
    """A string field with its quotes."""
    return f'"{text.translate(_TEXT_ESCAPES)}"'


@lru_cache(maxsize=262_144)
def _series(container_id: str | None, device_id: str, family: str, located: str) -> str:
    """The beginning of a line, up to its fields: one string for each series."""
    values = (container_id or device_id, device_id, family)
    tags = zip((names.CONTAINER, names.DEVICE, names.FAMILY), map(escape_tag, values), strict=True)
    told = ",".join((names.READING, *(f"{name}={value}" for name, value in tags)))
    return f"{told},{names.HAS_POSITION}={located} "


class _Template(NamedTuple):
    """How readings with one combination of present fields are written."""

    located: str
    text: str  # takes series, reading id, numbers, texts, time
    numbers: Callable[[Sequence[Any]], tuple[Any, ...]]  # details first
    texts: tuple[int, ...]  # columns of what stands in quotes


_Shape = tuple[type | bool, ...]
"""The types of all values of a reading, then for each of `_BITS` whether any is set."""

MOST_TEMPLATES = 4_096
_templates: dict[_Shape, _Template] = {}


def _template_of(shape: _Shape) -> _Template:
    unset = {index for index, some in zip(_BITS, shape[len(_COLUMNS) :], strict=True) if not some}
    present = [
        index
        for index, name in enumerate(_COLUMNS)
        if name in _FORMATS and shape[index] is not _NONE and index not in unset
    ]
    located = all(shape[index] is not _NONE for index in _PLACE)
    apart = [index for index in present if index not in _DETAILS]
    numbers = [index for index in apart if _COLUMNS[index] not in _TEXTS]
    texts = [index for index in apart if _COLUMNS[index] in _TEXTS]
    fields = ",".join(f"{_COLUMNS[index]}={_FORMATS[_COLUMNS[index]]}" for index in (*numbers, *texts))
    told = [index for index in _DETAILS if index in present]
    details = ["%s" if index in told else "null" for index in _DETAILS]
    while details and details[-1] == "null":
        details.pop()
    detailed = ",".join((r"[\"%016x\"", *details))
    text = f'%s{names.DETAILS}="{detailed}]",{fields} %d'
    return _Template("true" if located else "false", text, itemgetter(*told, *numbers), tuple(texts))


def _remember(shape: _Shape) -> _Template:
    if len(_templates) >= MOST_TEMPLATES:  # only forged reports vary that much
        _templates.clear()
    template = _templates[shape] = _template_of(shape)
    return template


def _escaped(value: Any) -> str:
    """A text or the maker's own values, as it stands within quotes."""
    if type(value) is str and value.isalnum():
        return value
    text = value if isinstance(value, str) else _json.encode(value).decode()
    return text.translate(_TEXT_ESCAPES)


def reading_lines(readings: Sequence[Reading]) -> list[str]:
    """One line for each reading, in order. The readings must be sound (`soundness.sift`).

    The newest of each series has a snapshot besides.
    """
    lines: list[str] = []
    newest: dict[str, tuple[int, int]] = {}  # by series: time, index
    astuple = msgspec.structs.astuple
    for index, reading in enumerate(readings):
        row = astuple(reading)
        shape: _Shape = (*map(type, row), reading.flags != 0, reading.seal_events != 0)
        template = _templates.get(shape)
        if template is None:
            template = _remember(shape)
        values = _json.encode(template.numbers(row))[1:-1].decode().split(",")
        for column in template.texts:
            values.append(_escaped(row[column]))
        identity = row[_READING_ID]
        time_ns = names.point_time_ns(row[_OCCURRED_AT], identity)
        series = _series(reading.container_id, row[0], row[1], template.located)
        known = newest.get(series)
        if known is None or known[0] < time_ns:
            newest[series] = time_ns, index
        lines.append(template.text % (series, identity, *values, time_ns))
    for series, (_, index) in newest.items():
        line, snapshot = lines[index], pack(readings[index])
        lines[index] = f'{series}{names.SNAPSHOT}="{snapshot}",{line[len(series) :]}'
    return lines


def alert_line(event: AlertEvent) -> str:
    """The line of one alert event; events of one alert at one time differ in their offset."""
    place = ""
    if event.latitude_deg is not None and event.longitude_deg is not None:
        place = f",latitude_deg={float(event.latitude_deg)},longitude_deg={float(event.longitude_deg)}"
    texts = ",".join(f"{name}={quote(getattr(event, name))}" for name in names.ALERT_TEXT_FIELDS)
    return (
        f"{names.ALERT},{names.ALERT_ACTION}={event.action},{names.CONTAINER}={escape_tag(event.container_id)}"
        f",{names.ALERT_SEVERITY}={event.severity},{names.ALERT_TYPE}={event.type}"
        f" {names.RECEIVED_AT}={event.received_at_ms}i,late_by_s={event.late_by_ms // 1000}i{place},{texts}"
        f" {names.point_time_ns(event.occurred_at_ms, zlib.crc32(event.event_id.encode()))}"
    )


def day_line(day: DeviceDay) -> str:
    """The line of a daily record; one that is written again takes its place."""
    values = msgspec.structs.asdict(day)
    values["refused"], values["refused_by_reason"] = (
        sum(day.refused.values()),
        _json.encode(day.refused).decode(),
    )
    fields = [f"{name}={values[name]}i" for name in names.DAY_INT_FIELDS if values[name] is not None]
    fields += [f"{name}={float(values[name])}" for name in names.DAY_FLOAT_FIELDS if values[name] is not None]
    fields += [f"{name}={quote(values[name])}" for name in names.DAY_TEXT_FIELDS if values[name] is not None]
    tags = f"{names.DEVICE}={escape_tag(day.device_id)}"
    return f"{names.DEVICE_DAY},{tags} {','.join(fields)} {day.day_ms * names.OFFSETS_IN_A_MS}"
