"""Bluetooth beacons and tags heard by a tracker of family ``teltonika``.

Elements of variable length (codec 8E). Beacons, AVL id 385: a byte (part of
how many), then for each beacon flags (1; bits 4-7 set: iBeacon, bit 1 battery,
bit 2 temperature follow), UUID (16), major (2), minor (2) or namespace (10),
instance (6); RSSI (1, signed, dBm); battery (2, 0.01 V), temperature (2, °C).

Tags, AVL ids 548, 10829, 10831 and 11317: a byte, then for each tag its length
(1) and parameters of number (1), length (1), value::

    0 RSSI, dBm, signed          8  magnet near (0, 1)
    1 identity                   9  moves (0, 1)
    2 beacon: flags (bit 6 low battery, bit 7 voltage follows: 2 V + 10 mV a count)
    5 name                       10 movements (2)
    6 temperature, °C, 0.01      11 pitch, °, signed
    7 humidity, %                12 roll, °, signed (2)
    13 battery low (0, 1)        14 battery, mV (2)       15 address (6)

What is cut off ends the list: it never costs the report.
"""

from __future__ import annotations

from gateway.decoders._values import Extra

MOST_TAGS = 16  # kept of one report; a depot has hundreds
UUID, MAJOR_MINOR, NAMESPACE, INSTANCE = 16, 4, 10, 6
BATTERY_LOW_BIT, VOLTAGE_BIT = 0x40, 0x80
BEACON_BATTERY_BIT, BEACON_TEMPERATURE_BIT, IBEACON_BITS = 0x02, 0x04, 0xF0

NUMBERS: dict[int, tuple[str, int, float, bool]] = {
    0: ("rssi_dbm", 1, 1, True),
    6: ("c", 2, 0.01, True),
    7: ("humidity_pct", 1, 1, False),
    10: ("movements", 2, 1, False),
    11: ("pitch_deg", 1, 1, True),
    12: ("roll_deg", 2, 1, True),
    14: ("battery_mv", 2, 1, False),
}
BOOLEANS = {8: "magnet", 9: "moves", 13: "low_battery"}
IDENTITIES = {1: "id", 15: "address"}
NAME, BEACON = 5, 2


def text_or_hex(raw: bytes) -> str:
    """Printable ASCII as text without the zeros that fill it up, anything else as hex digits."""
    stripped = raw.rstrip(b"\0")
    if stripped and all(0x20 <= byte < 0x7F for byte in stripped):  # noqa: PLR2004  the printable characters
        return stripped.decode("ascii")
    return raw.hex()


def beacons(raw: bytes) -> Extra:
    """Values of AVL id 385, named ``beacon<n>_…``."""
    found: Extra = {}
    at = 1
    for number in range(1, MOST_TAGS + 1):
        if at >= len(raw):
            break
        flags = raw[at]
        at += 1
        identity = UUID + MAJOR_MINOR if flags & IBEACON_BITS else NAMESPACE + INSTANCE
        if at + identity >= len(raw):
            break
        found[f"beacon{number}_id"] = raw[at : at + identity].hex()
        found[f"beacon{number}_rssi_dbm"] = int.from_bytes(
            raw[at + identity : at + identity + 1], signed=True
        )
        at += identity + 1
        for bit, name, scale in (
            (BEACON_BATTERY_BIT, "battery_v", 0.01),
            (BEACON_TEMPERATURE_BIT, "c", 1),
        ):
            if flags & bit and at + 2 <= len(raw):
                value = int.from_bytes(raw[at : at + 2], signed=scale == 1)
                found[f"beacon{number}_{name}"] = round(value * scale, 2)
                at += 2
    return found


def tags(raw: bytes) -> Extra:
    """Values of AVL ids 548, 10829, 10831 and 11317, named ``tag<n>_…``."""
    found: Extra = {}
    at = 1
    for number in range(1, MOST_TAGS + 1):
        if at >= len(raw):
            break
        end = at + 1 + raw[at]
        found |= _tag(raw[at + 1 : end], f"tag{number}")
        at = end
    return found


def _tag(raw: bytes, tag: str) -> Extra:
    found: Extra = {}
    at = 0
    while at + 2 <= len(raw):
        parameter, length = raw[at], raw[at + 1]
        value = raw[at + 2 : at + 2 + length]
        at += 2 + length
        if not value or len(value) < length:
            continue
        if parameter in NUMBERS:
            name, size, scale, signed = NUMBERS[parameter]
            if length == size:
                number = int.from_bytes(value, signed=signed)
                found[f"{tag}_{name}"] = number if scale == 1 else round(number * scale, 2)
        elif parameter in BOOLEANS:
            found[f"{tag}_{BOOLEANS[parameter]}"] = value != bytes(length)
        elif parameter in IDENTITIES:
            found[f"{tag}_{IDENTITIES[parameter]}"] = value.hex()
        elif parameter == NAME:
            found[f"{tag}_name"] = text_or_hex(value)
        elif parameter == BEACON:
            if value[0] & BATTERY_LOW_BIT:
                found[f"{tag}_low_battery"] = True
            if value[0] & VOLTAGE_BIT and length > 1:
                found[f"{tag}_voltage_mv"] = 2000 + 10 * value[1]
    return found
