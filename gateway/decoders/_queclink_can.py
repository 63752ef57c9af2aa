"""Queclink: values of a vehicle's CAN bus, in GTCAN and in a GTERI whose mask has bit 2.

A mask says which fields follow, lowest bit first; its form is 5 to 8 hex digits.
Bit 29 brings an expansion mask with fields of its own, bits 30 and 31 position
and cell. A vehicle's doors are not the cargo's: they stay the maker's value.
"""

from __future__ import annotations

import re

from gateway.decoders._queclink_sentence import number
from gateway.decoders._values import Extra, within
from sealtrail.contract.reading import Reading

MASK = re.compile(r"[0-9A-Fa-f]{5,8}")
VIN, IGNITION, ODOMETER, FUEL_LEVEL = 0, 1, 2, 8
NUMBERS = {
    3: "fuel_used_l",
    4: "engine_rpm",
    5: "can_speed_kmh",
    6: "coolant_c",
    10: "accelerator_pct",
    11: "engine_hours",
    12: "driving_hours",
    13: "idle_hours",
    14: "idle_fuel_l",
    15: "axle_weight_kg",
}
WORDS = {7: "fuel_consumption", 16: "tachograph", 17: "indicators", 18: "lights", 19: "can_doors"}
LAST_PLAIN_BIT = 22
EXPANSION_BIT = 29
ADBLUE = 0
DRIVER_CARD = 15
EXPANSION_WORDS = {16: "second_driver_card", 17: "driver_name", 18: "second_driver_name", 19: "registration"}
HECTOMETRES = 10  # in a kilometre


def can(reading: Reading, extra: Extra, fields: tuple[str, ...]) -> None:
    """Reads the fields from the mask on; whatever doesn't fit is left out."""
    if not fields or not MASK.fullmatch(fields[0]):
        return
    mask = int(fields[0], 16)
    at = 1
    for bit in range(LAST_PLAIN_BIT + 1):
        if mask >> bit & 1 and at < len(fields):
            _plain(reading, extra, bit, fields[at])
            at += 1
    if mask >> EXPANSION_BIT & 1 and at < len(fields) and MASK.fullmatch(fields[at]):
        _expansion(reading, extra, int(fields[at], 16), fields[at + 1 :])


def _plain(reading: Reading, extra: Extra, bit: int, text: str) -> None:
    value = number(text)
    if bit == VIN and text:
        extra["vin"] = text
    elif bit == IGNITION and text in {"0", "1", "2"}:
        extra["ignition"] = text != "0"
    elif bit == ODOMETER and text[:1] == "H" and (hectometres := number(text[1:])) is not None:
        reading.odometer_km = within("odometer_km", hectometres / HECTOMETRES)
    elif bit == FUEL_LEVEL and (level := number(text[1:])) is not None:
        extra["fuel_pct" if text[0] == "P" else "fuel_l"] = level
    elif bit in NUMBERS and value is not None:
        extra[NUMBERS[bit]] = value
    elif bit in WORDS and text:
        extra[WORDS[bit]] = text


def _expansion(reading: Reading, extra: Extra, mask: int, fields: tuple[str, ...]) -> None:
    at = 0
    for bit in range(max(EXPANSION_WORDS) + 1):
        if not mask >> bit & 1 or at >= len(fields):
            continue
        text = fields[at].strip()
        at += 1
        if bit == ADBLUE and (level := number(text[1:])) is not None:
            extra["adblue_pct" if text[0] == "P" else "adblue_l"] = level
        elif bit == DRIVER_CARD and text:
            reading.card_id = text[:64]
        elif bit in EXPANSION_WORDS and text:
            extra[EXPANSION_WORDS[bit]] = text
