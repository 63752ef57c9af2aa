"""Files of readings for `sealtrail judge`: three forms, told apart by their content.

* reading lines: JSON lines as `sealtrail decode --json` prints them;
* device reports: JSON lines as devices send them (docs/device-protocol.md), with ``device_id``,
  one as an object or several as an array;
* container journeys: CSV with a header (sealtrail/contract/public/journey_csv.py); equal rows
  are copies of one report.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from anomaly.reports import sound
from gateway.decoders import decoder_for
from gateway.device_time import settle
from sealtrail.contract.clock import parse_iso
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public.journey_csv import parse_journey
from sealtrail.contract.public.once import once
from sealtrail.contract.public.reading_line import from_line
from sealtrail.contract.reading import Flag, Reading

Refuse = Callable[[int, RefusedError], None]

REPORT_KEYS = frozenset({"fix", "seal", "buffered", "charging"})
"""Keys that a device report may have and a reading line can't."""


def readings_of(lines: Iterable[str], refuse: Refuse) -> Iterator[Reading]:
    """Readings in file order; a line that is none goes to ``refuse(line_no, error)``."""
    rest = iter(lines)
    for skipped, line in enumerate(rest):
        if line.strip("\ufeff \t\r\n"):
            whole = itertools.chain(itertools.repeat("\n", skipped), [line], rest)
            if line.lstrip("\ufeff \t").startswith(("{", "[")):
                yield from _json_lines(whole, refuse)
            else:
                yield from _journey(line, rest, skipped, refuse)
            return


def _json_lines(lines: Iterable[str], refuse: Refuse) -> Iterator[Reading]:
    for number, line in enumerate(lines, start=1):
        text = line.strip("\ufeff \t\r\n")
        if text:
            try:
                found = _json_line(text)
            except RefusedError as error:
                refuse(number, error)
            else:
                yield from found


def _json_line(text: str) -> list[Reading]:
    """Readings of one line: an object, or several as an array, accepted or refused as a whole."""
    try:
        found: Any = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise RefusedError("not_json", f"{error}; a line is one JSON object or array") from error
    if isinstance(found, list):
        readings = [reading for each in found for reading in _json_object(each, json.dumps(each))]
    else:
        readings = _json_object(found, text)
    for reading in readings:
        if not sound(reading):
            raise RefusedError("time_out_of_range", "times are from 1970 on")
    return readings


def _json_object(found: object, text: str) -> list[Reading]:
    if not isinstance(found, dict):
        raise RefusedError("not_an_object", text[:40])
    clockless = found.get("occurred_at", "") is None
    if REPORT_KEYS.isdisjoint(found) and not clockless:
        return [believed(from_line(text))]
    received_at = found.get("received_at") or found.get("occurred_at")
    if not isinstance(found.get("device_id"), str) or "occurred_at" not in found or received_at is None:
        raise RefusedError(
            "incomplete_report",
            "in a file a report needs device_id and occurred_at; if that is null, received_at",
        )
    report = {name: value for name, value in found.items() if name != "received_at"}
    return _decoded(report, found["device_id"], parse_iso(str(received_at)))


def believed(reading: Reading) -> Reading:
    """A reading of a line with its time settled as the gateway does, unless the line says that it was."""
    if not reading.flags & (Flag.CLOCK_UNSET | Flag.CLOCK_FUTURE):
        time = settle(reading.occurred_at_ms, reading.received_at_ms)
        if time.flags:
            reading.occurred_at_ms, reading.device_time_ms = time.occurred_at_ms, time.device_time_ms
            reading.flags |= time.flags.value
    return reading


def _decoded(report: dict[str, Any], device_id: str, received_at_ms: int) -> list[Reading]:
    return decoder_for("json").decode(json.dumps(report).encode(), device_id, received_at_ms)


def _uncounted(report: dict[str, Any]) -> dict[str, Any]:
    """The report of a row without its line number: known by its content, wherever in a file it stands."""
    return {name: value for name, value in report.items() if name != "sequence"}


def _journey(header: str, rows: Iterable[str], skipped: int, refuse: Refuse) -> Iterator[Reading]:
    def at_line(number: int, error: RefusedError) -> None:
        refuse(number + skipped, error)

    try:
        for row in parse_journey(itertools.chain([header], rows), at_line):
            try:
                readings = _decoded(_uncounted(row.report), row.device, row.occurred_at_ms)
            except RefusedError as error:
                refuse(row.line_no + skipped, error)
                continue
            for reading in readings:
                reading.container_id = row.container
                yield reading
    except RefusedError as error:
        if error.reason == "bad_header":
            error = RefusedError(
                "bad_header", f"neither JSON lines nor a container-journeys CSV: {error.detail}"
            )
        refuse(skipped + 1, error)
