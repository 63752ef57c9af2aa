"""Devices from a CSV file, every line checked before any is entered."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click

from sealtrail.commands.device_clock import clock_ahead_s
from sealtrail.contract.device import Device, InvalidDeviceError, check_device
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.iso6346 import container_number
from sealtrail.runtime.passwords import CHOSEN_ITERATIONS, MADE_ITERATIONS, hash_password, make_password

REQUIRED = ("device_id", "family")
COLUMNS = (
    *REQUIRED,
    "password",
    "certificate_sha256",
    "reporting_interval_s",
    "messages_per_s",
    "clock_offset",
    "capabilities",
    "container_id",
    "note",
)


class Row(NamedTuple):
    """One line: the device, the container it rides on, and the password that was made for it."""

    line: int
    device: Device
    container_id: str
    password: str


def read_devices(path: Path) -> tuple[list[Row], list[str]]:
    """The rows of a file, and what is refused: ``line 7: bad_family: …``."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            if problem := _header_problem(header):
                return [], [f"line 1: {problem}"]
            return _rows(reader)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise click.ClickException(f"{path} is no CSV file in UTF-8: {error}") from error


def _header_problem(header: list[str]) -> str:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing:
        return f"missing_column: {', '.join(missing)}"
    if unknown:
        return f"unknown_column: {', '.join(unknown)}; there are {', '.join(COLUMNS)}"
    return "" if len(set(header)) == len(header) else "column_twice: each column may be there once"


def _rows(reader: csv.DictReader[str]) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    refusals: list[str] = []
    lines: dict[str, int] = {}
    for cells in reader:
        line = reader.line_num
        try:
            row = _row(line, cells)
            if row.device.device_id in lines:
                first = lines[row.device.device_id]
                raise InvalidDeviceError("device_twice", f"{row.device.device_id} is on line {first} already")
            lines[row.device.device_id] = line
            rows.append(row)
        except RefusedError as error:
            refusals.append(f"line {line}: {error}")
    return rows, refusals


def _row(line: int, cells: Mapping[str | None, str | list[str] | None]) -> Row:
    if cells.get(None):
        raise InvalidDeviceError("too_many_cells", "more cells than the header has")
    text = {name: cell.strip() for name, cell in cells.items() if name and isinstance(cell, str)}
    container_id = text.get("container_id", "")
    made = ""
    password_hash = ""
    if text.get("password"):
        password_hash = hash_password(text["password"], CHOSEN_ITERATIONS)
    elif not text.get("certificate_sha256"):
        made = make_password()
        password_hash = hash_password(made, MADE_ITERATIONS)
    device = Device(
        device_id=text.get("device_id", ""),
        family=text.get("family", ""),
        password_hash=password_hash,
        certificate_sha256=text.get("certificate_sha256", "").replace(":", "").lower(),
        reporting_interval_s=_number(text, "reporting_interval_s"),
        messages_per_s=_number(text, "messages_per_s"),
        clock_ahead_s=clock_ahead_s(text.get("family", ""), text.get("clock_offset", "")),
        capabilities=tuple(text.get("capabilities", "").split()),
        note=text.get("note", ""),
    )
    number = container_number(container_id) if container_id else ""
    return Row(line, check_device(device), number, made)


def _number(text: Mapping[str, str], name: str) -> float | None:
    if not text.get(name):
        return None
    try:
        return float(text[name])
    except ValueError:
        raise InvalidDeviceError("bad_number", f"{name} is {text[name]!r}") from None
