"""The container-journeys CSV: recorded journeys of container trackers, one record a row.

Columns: ``device, container, date, time_utc, lat, lon, accuracy, active, reverse,
sleep, door, mount, motion, gforce, tilt, temperature, humidity, light, origin,
destination``. Only ``device``, ``date`` and ``time_utc`` must be there; columns in
any order, further ones ignored, an empty cell is a missing value.

==============  =====================  ==========================================
column          report                 meaning
==============  =====================  ==========================================
date, time_utc  occurred_at            ``2016-08-08`` and ``14:39:36``, UTC
lat, lon        fix                    degrees WGS 84, both or neither
accuracy        fix.kind, accuracy_m   ``cellid`` (or ``cellid-7``): cell;
                                       a number: gnss with that many metres
door            door_open              1 open, 0 closed
mount           mounted                1 on the door, 0 taken off
motion          moving                 1, 0
gforce          shock_g                g
tilt            tilt_deg               degrees
temperature     temperature_c          °C
humidity        humidity_pct           %
light           light_lux              lux
==============  =====================  ==========================================

``active``, ``reverse`` and ``sleep`` are the tracker's own power states and
``origin``/``destination`` the trial's labels: not part of a report.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from sealtrail.contract.clock import iso
from sealtrail.contract.errors import RefusedError

REQUIRED_COLUMNS = ("device", "date", "time_utc")

_NUMBERS = {
    "gforce": "shock_g",
    "tilt": "tilt_deg",
    "temperature": "temperature_c",
    "humidity": "humidity_pct",
    "light": "light_lux",
}
_SWITCHES = {"door": "door_open", "mount": "mounted", "motion": "moving"}
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs"}
_NO_CONTAINER = frozenset({"", "NONE"})


class JourneyRow(NamedTuple):
    """One sound row. ``report`` is a payload of SealTrail's own JSON device protocol."""

    line_no: int  # 1-based line of the file, the header being line 1
    device: str
    container: str | None
    occurred_at_ms: int
    report: dict[str, Any]  # its "sequence" is line_no: rows of one second stay apart


def parse_journey(
    lines: Iterable[str], on_refused: Callable[[int, RefusedError], None] | None = None
) -> Iterator[JourneyRow]:
    """Rows of a journey file (an open text file or any lines), in file order.

    A malformed row goes to ``on_refused(line_no, error)`` and reading goes on;
    without ``on_refused`` the error is raised. Raises `RefusedError` in any
    case where the header is missing or lacks a required column
    (``bad_header``). Reasons of rows: ``bad_csv``, ``bad_row``, ``bad_time``,
    ``bad_number``, ``bad_position``, ``bad_switch``; the detail names line and value.
    """
    reader = csv.reader(line.lstrip("\ufeff") for line in lines)
    header = _header(reader)
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            _refuse(on_refused, reader.line_num, RefusedError("bad_csv", str(error)))
            continue
        if not cells:
            continue
        try:
            row = _row(header, cells, reader.line_num)
        except RefusedError as error:
            if reader.line_num > begins:
                lost = (
                    f"{error.detail}; lines {begins} to {reader.line_num} are one row: is a quote left open?"
                )
                error = RefusedError(error.reason, lost)
            _refuse(on_refused, reader.line_num, error)
            continue
        yield row


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader)]
    except StopIteration:
        raise RefusedError("bad_header", "the file is empty") from None
    except csv.Error as error:
        raise RefusedError("bad_header", str(error)) from error
    missing = [name for name in REQUIRED_COLUMNS if name not in header]
    if missing:
        other = next((name for mark, name in _OTHER_SEPARATORS.items() if mark in "".join(header)), None)
        hint = f"; cells are separated by commas, not {other}" if other else ""
        raise RefusedError("bad_header", f"column {', '.join(missing)} is missing{hint}")
    return header


def _refuse(
    on_refused: Callable[[int, RefusedError], None] | None, line_no: int, error: RefusedError
) -> None:
    named = RefusedError(error.reason, f"line {line_no}: {error.detail}")
    if on_refused is None:
        raise named from error
    on_refused(line_no, named)


def _row(header: list[str], cells: list[str], line_no: int) -> JourneyRow:
    if len(cells) != len(header):
        raise RefusedError("bad_row", f"{len(cells)} cells where the header has {len(header)}")
    values = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    if not values["device"]:
        raise RefusedError("bad_row", "no device")
    at_ms = _time_ms(values["date"], values["time_utc"])
    report: dict[str, Any] = {"sequence": line_no, "occurred_at": iso(at_ms)}
    fix = _fix(values)
    if fix is not None:
        report["fix"] = fix
    for column, field in _SWITCHES.items():
        if values.get(column):
            report[field] = _switch(column, values[column])
    for column, field in _NUMBERS.items():
        if values.get(column):
            report[field] = _number(column, values[column])
    container = values.get("container", "")
    return JourneyRow(
        line_no, values["device"], None if container in _NO_CONTAINER else container, at_ms, report
    )


def _time_ms(date: str, time_utc: str) -> int:
    text = f"{date}T{time_utc}"
    try:
        moment = dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=dt.UTC)
    except ValueError as error:
        raise RefusedError("bad_time", f"{date!r} {time_utc!r} is not like 2016-08-08 14:39:36") from error
    return round(moment.timestamp() * 1000)


def _number(column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise RefusedError("bad_number", f"{column} {text!r}") from None
    if not math.isfinite(value):
        raise RefusedError("bad_number", f"{column} {text!r}")
    return value


def _switch(column: str, text: str) -> bool:
    if text not in {"0", "1", "0.0", "1.0"}:
        raise RefusedError("bad_switch", f"{column} {text!r} is neither 0 nor 1")
    return text[0] == "1"


_MAX_LATITUDE_DEG = 90.0
_MAX_LONGITUDE_DEG = 180.0


def _fix(values: dict[str, str]) -> dict[str, Any] | None:
    latitude, longitude = values.get("lat", ""), values.get("lon", "")
    if not latitude and not longitude:
        return None
    if not latitude or not longitude:
        raise RefusedError("bad_position", "latitude without longitude or the reverse")
    latitude_deg, longitude_deg = _number("lat", latitude), _number("lon", longitude)
    if abs(latitude_deg) > _MAX_LATITUDE_DEG or abs(longitude_deg) > _MAX_LONGITUDE_DEG:
        raise RefusedError("bad_position", f"{latitude}, {longitude} is not on the earth")
    fix: dict[str, Any] = {"latitude_deg": latitude_deg, "longitude_deg": longitude_deg}
    accuracy = values.get("accuracy", "")
    if accuracy.startswith("cellid"):
        fix["kind"] = "cell"
        return fix
    fix["kind"] = "gnss"
    if accuracy:
        accuracy_m = _number("accuracy", accuracy)
        if accuracy_m < 0:
            raise RefusedError("bad_number", f"accuracy {accuracy!r}")
        fix["accuracy_m"] = accuracy_m
    return fix
