"""Items F0 … F8 and EB of family ``jt808``; the datasheet is `gateway.decoders.jt808`."""

from __future__ import annotations

from gateway.decoders._jt808_draft import Draft, country, number, signed, text_of, wifi
from gateway.decoders._jt808_frame import luhn_digit
from gateway.decoders._jt808_items import Item, cells, quantity, text, whole
from sealtrail.contract.reading import SealEvent

CHARGING_STATES = (2,)  # 1 on battery, 2 being charged, 3 full
MG_PER_G = 1000
MILLIVOLT_BYTES = 4

REMOVED_BIT, VIBRATION_BIT = 12, 6  # zero means alarm


def _imei(raw: bytes) -> str | None:
    """IMEI of eight bytes BCD; None where its check digit is wrong."""
    digits = raw.hex()
    if len(raw) != 8 or not digits.isdecimal() or digits[0] != "0":  # noqa: PLR2004  sixteen digits
        return None
    return digits[1:] if luhn_digit(digits[1:-1]) == digits[-1] else None


def _sensors(draft: Draft, data: bytes) -> bool:
    """IMEI, or: kind of report, mask of what follows: 0 light, 1 temperature, 2 humidity, 3 acceleration."""
    found = _imei(data)
    if found is not None:
        draft.extra["imei"] = found
        return True
    if len(data) < 2:  # noqa: PLR2004  kind and mask
        return False
    mask, at = data[1], 2
    sizes = [(0, 2), (1, 2), (2, 2), (3, 6)]
    if len(data) < at + sum(size for bit, size in sizes if mask >> bit & 1):
        return False
    draft.extra["sensor_report"] = data[0]
    for bit, size in sizes:
        if not mask >> bit & 1:
            continue
        value = data[at : at + size]
        at += size
        match bit:
            case 0:
                draft.put("light_lux", float(number(value)))
            case 1:
                draft.put("temperature_c", signed(value) / 10)
            case 2:
                draft.put("humidity_pct", number(value) / 10)
            case _:
                axes = (signed(value[axis : axis + 2]) / MG_PER_G for axis in (0, 2, 4))
                draft.extra["acceleration_g"] = " ".join(str(axis) for axis in axes)
    if data[at:]:
        draft.extra["sensor_settings"] = data[at:].hex()
    return True


def _battery(draft: Draft, data: bytes) -> bool:
    """Millivolts, state of charging, percent."""
    if len(data) < MILLIVOLT_BYTES:
        return False
    draft.put("battery_v", number(data[:4]) / 1000)
    if len(data) > 4:  # noqa: PLR2004  the form
        draft.set_charging(charging=data[4] in CHARGING_STATES)
    if len(data) > 5:  # noqa: PLR2004  the form
        draft.put("battery_pct", float(data[5]))
    return True


def _device(draft: Draft, data: bytes) -> bool:
    """Two bytes: steps. Else kind, IMEI, ICCID, model."""
    if len(data) == 2:  # noqa: PLR2004  a word
        draft.extra["steps"] = number(data)
        return True
    if len(data) < 19:  # noqa: PLR2004  kind and two numbers
        return False
    found = _imei(data[1:9])
    if found is not None:
        draft.extra["imei"] = found
    draft.extra["iccid"] = data[9:19].hex()
    if data[19:]:
        draft.extra["model"] = text_of(data[19:])
    return True


def _supply(draft: Draft, data: bytes) -> bool:
    if len(data) != MILLIVOLT_BYTES:
        return False
    draft.put("external_v", number(data) / 1000)
    return True


def _wifi(draft: Draft, data: bytes) -> bool:
    if len(data) % 7:
        return False
    if data:
        draft.extra["wifi"] = wifi(data)
    return True


# type -> (name, divisor, offset)
VEHICLE: dict[int, tuple[str, int, int]] = {
    0x0002: ("obd_speed_kmh", 10, 0),
    0x0003: ("rpm", 1, 0),
    0x0004: ("external_v", 1000, 0),
    0x0005: ("odometer_km", 10, 0),
    0x0008: ("engine_load_pct", 1, 0),
    0x0009: ("coolant_c", 1, -40),
    0x000B: ("intake_pressure", 1, 0),
    0x000E: ("throttle_pct", 1, 0),
}
OF_READING = ("external_v", "odometer_km")


def _vehicle(draft: Draft, data: bytes) -> bool:
    """Type (2), length (1), value, for each measurement of the vehicle."""
    at = 0
    while at + 3 <= len(data) and at + 3 + data[at + 2] <= len(data):
        kind, value = number(data[at : at + 2]), data[at + 3 : at + 3 + data[at + 2]]
        at += 3 + len(value)
        name, divisor, offset = VEHICLE.get(kind, ("", 1, 0))
        if not name or not 1 <= len(value) <= MILLIVOLT_BYTES:
            draft.extra[f"item_f3_{kind:04x}"] = value.hex()
        elif name in OF_READING:
            draft.put(name, number(value) / divisor)
        else:
            draft.extra[name] = number(value) / divisor + offset
    if 0 < at < len(data):
        draft.extra["item_f3_rest"] = data[at:].hex()
    return at > 0


# -------------------------------------------------------------------------- EB: items in an item


def _alarms_removed(draft: Draft, data: bytes) -> bool:
    if len(data) != 4:  # noqa: PLR2004  a word
        return False
    draft.extra["alarm_bits_2"] = data.hex()
    if not number(data) >> REMOVED_BIT & 1:
        draft.add_event(SealEvent.TAMPERED, "removing")
        draft.reading.mounted = False
    return True


def _alarms_vibration(draft: Draft, data: bytes) -> bool:
    if len(data) != 4:  # noqa: PLR2004  a word
        return False
    draft.extra["status_bits_2"] = data.hex()
    if not number(data) >> VIBRATION_BIT & 1:
        draft.add_event(SealEvent.SHOCK, "vibration")
    return True


def _fuel_1(draft: Draft, data: bytes) -> bool:
    if len(data) != 3:  # noqa: PLR2004  a word and one byte
        return False
    draft.extra["fuel_1"] = number(data[:2]) / 10
    return True


def _fuel_2(draft: Draft, data: bytes) -> bool:
    found = text_of(data)
    if not found.replace(".", "", 1).isdecimal() or not found.isascii():
        return False
    draft.extra["fuel_2"] = float(found)
    return True


def _iccid(draft: Draft, data: bytes) -> bool:
    draft.extra["iccid"] = data.hex().replace("f", "")
    return bool(data)


def _cell_text(draft: Draft, data: bytes) -> bool:
    """``mcc;mnc;lac;cid``."""
    parts = text_of(data).replace(":", ";").split(";")
    if len(parts) != 4 or not all(part.isdecimal() and len(part) < 11 for part in parts):  # noqa: PLR2004  the form
        return False
    mcc, mnc, lac, cid = parts
    draft.add_cells([f"{int(mcc)}-{int(mnc)}-{int(lac)}-{int(cid)}"])
    return True


NESTED: dict[int, Item] = {
    0x0001: _fuel_1,
    0x0023: _fuel_2,
    0x0024: _cell_text,
    0x002D: quantity(2, "battery_v", 1000),
    0x0089: _alarms_removed,
    0x0068: quantity(2, "battery_pct", 100),
    0x00A3: text("firmware"),
    0x00A8: quantity(1, "battery_pct"),
    0x00B2: _iccid,
    0x00C5: _alarms_vibration,
    0x00CE: quantity(2, "external_v", 100),
    0x00D5: text("imei"),
    0x00D8: cells("mllcccc"),
    0x00E1: quantity(1, "battery_pct"),
    0x00FB: text("iccid"),
}


def _nested(draft: Draft, data: bytes) -> bool:
    """Cells where it begins with a country code; else length (of type and value), type, value."""
    if country(data):
        return _small_cells(draft, data)
    at = 0
    while at + 4 <= len(data):
        size = number(data[at : at + 2])
        kind = number(data[at + 2 : at + 4])
        if size < 2 or at + 2 + size > len(data):  # noqa: PLR2004  the type
            break
        value = data[at + 4 : at + 2 + size]
        read = NESTED.get(kind)
        if read is None or not read(draft, value):
            draft.extra[f"item_eb_{kind:04x}"] = value.hex()
        at += 2 + size
    if at < len(data):
        draft.extra["item_eb_rest"] = data[at:].hex()
    return True


def _small_cells(draft: Draft, data: bytes) -> bool:
    """Country, network, then area, cell, signal of five bytes each, zeros where there is none."""
    mcc, mnc = number(data[:2]), number(data[2:3])
    found = []
    for at in range(3, len(data) - 4, 5):
        area, cell, signal = number(data[at : at + 2]), number(data[at + 2 : at + 4]), data[at + 4]
        if area or cell:
            found.append(f"{mcc}-{mnc}-{area}-{cell}@{signal}")
    draft.add_cells(found)
    return True


SENSOR_ITEMS: dict[int, Item] = {
    0xEB: _nested,
    0xF0: cells("mmccccllllx"),
    0xF1: _supply,
    0xF2: text("firmware"),
    0xF3: _vehicle,
    0xF4: _wifi,
    0xF5: whole(1, "activity"),
    0xF6: _sensors,
    0xF7: _battery,
    0xF8: _device,
}
