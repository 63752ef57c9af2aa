"""Items about vehicle and driver in 0200 of family ``jt808``; the datasheet is `gateway.decoders.jt808`."""

from __future__ import annotations

from gateway.decoders._jt808_draft import Draft, number, text_of
from gateway.decoders._jt808_items import Item, radio_sensors, scaled, text, whole
from sealtrail.contract.reading import SealEvent

VEHICLE_ALARMS = {
    0x01: (SealEvent.NONE, "hard_acceleration"),
    0x02: (SealEvent.NONE, "hard_braking"),
    0x03: (SealEvent.NONE, "hard_cornering"),
    0x16: (SealEvent.SHOCK, "accident"),
}
DRIVING_ALARMS = ("hard_acceleration", "hard_braking", "hard_cornering", "accident")


def _driving(draft: Draft, data: bytes) -> bool:
    """Alarm word, switches, reserved."""
    if len(data) != 8:  # noqa: PLR2004  four words
        return False
    word = number(data[:2])
    for bit, name in ((8, "hard_acceleration"), (9, "hard_braking"), (10, "hard_cornering")):
        if word >> bit & 1:
            draft.add_event(SealEvent.NONE, name)
    draft.extra["switches"] = number(data[2:4])
    return True


def _obd_text(draft: Draft, data: bytes) -> bool:
    """``$OBD-RT,…``: fields between commas, the third is engine speed; or sensors."""
    if not data.startswith(b"$"):
        return radio_sensors(draft, data)
    told = text_of(data)
    draft.extra["obd"] = told
    fields = told.split(",")
    if len(fields) > 2 and fields[2].replace(".", "", 1).isdecimal() and len(fields[2]) < 12:  # noqa: PLR2004  the form
        draft.extra["rpm"] = float(fields[2])
    return True


def _trouble_codes(draft: Draft, data: bytes) -> bool:
    if data:
        draft.extra["dtcs"] = text_of(data).replace(",", " ")
    return True


def _tyres(draft: Draft, data: bytes) -> bool:
    if not data or len(data) % 8:
        return False
    for at in range(0, len(data), 8):
        index = data[at]
        draft.extra[f"tyre_{index}_pressure"] = (number(data[at + 4 : at + 6]) & 0x3FF) / 40
        draft.extra[f"tyre_{index}_c"] = data[at + 6] - 50
    return True


def _vehicle_alarm(name: str) -> Item:
    """Serial of the alarm (4), start or end (1), kind (1), and what isn't read."""

    def read(draft: Draft, data: bytes) -> bool:
        if len(data) < 6:  # noqa: PLR2004  the form
            return False
        draft.extra[name] = data[5]
        found = VEHICLE_ALARMS.get(data[5]) if name == "driving_alarm" else None
        if found is not None:
            draft.add_event(*found)
        draft.extra[f"{name}_data"] = data.hex()
        return True

    return read


def _driver(draft: Draft, data: bytes) -> bool:
    draft.reading.card_id = text_of(data)[:64] or None
    return bool(data)


def _user_status(draft: Draft, data: bytes) -> bool:
    if len(data) != 4:  # noqa: PLR2004  a word
        return False
    draft.extra["user_status"] = data.hex()
    if number(data) >> 3 & 1:
        draft.add_event(SealEvent.SHOCK, "vibration")
    return True


def _battery_or_driving(draft: Draft, data: bytes) -> bool:
    """One byte: percent. Else a mark 7C, then type, length, value; type 1 is an alarm word."""
    if len(data) == 1:
        draft.put("battery_pct", float(data[0]))
        return True
    if data[:1] != b"\x7c":
        return False
    at = 1
    while at + 2 <= len(data):
        kind, size = data[at], data[at + 1]
        value = data[at + 2 : at + 2 + size]
        if len(value) < size:
            return False
        if kind == 1 and size == 4:  # noqa: PLR2004  a word
            word = number(value)
            for bit, name in enumerate(DRIVING_ALARMS):
                if word >> bit & 1:
                    draft.add_event(SealEvent.SHOCK if name == "accident" else SealEvent.NONE, name)
            if word >> 4 & 1:
                draft.add_event(SealEvent.TAMPERED, "tampering")
        at += 2 + size
    return True


def _overspeed(draft: Draft, data: bytes) -> bool:
    if len(data) not in (1, 5):
        return False
    draft.extra["overspeed_where"] = data[0]
    if len(data) > 1:
        draft.extra["overspeed_area_id"] = number(data[1:])
    return True


def _section(draft: Draft, data: bytes) -> bool:
    if len(data) != 7:  # noqa: PLR2004  identity, seconds, result
        return False
    draft.extra["section_id"] = number(data[:4])
    draft.extra["section_time_s"] = number(data[4:6])
    draft.extra["section_too_long"] = bool(data[6])
    return True


def _shifted(name: str) -> Item:
    """One byte, °C and 40."""

    def read(draft: Draft, data: bytes) -> bool:
        if len(data) != 1:
            return False
        draft.extra[name] = data[0] - 40
        return True

    return read


VEHICLE_ITEMS: dict[int, Item] = {
    0x03: scaled(2, "recorder_speed_kmh", 10),
    0x11: _overspeed,
    0x13: _section,
    0x14: whole(4, "video_alarm"),
    0x15: whole(4, "video_signal_lost"),
    0x16: whole(4, "video_covered"),
    0x17: whole(2, "video_storage_fault"),
    0x25: whole(4, "vehicle_signals"),
    0x57: _driving,
    0x64: _vehicle_alarm("adas_alarm"),
    0x65: _vehicle_alarm("dms_alarm"),
    0x70: _vehicle_alarm("driving_alarm"),
    0x77: _tyres,
    0x80: whole(1, "obd_speed_kmh"),
    0x81: whole(2, "rpm"),
    0x83: whole(1, "engine_load_pct"),
    0x84: _shifted("coolant_c"),
    0x86: _shifted("intake_c"),
    0x88: whole(1, "intake_pressure"),
    0x89: whole(1, "throttle_pct"),
    0x8B: text("vin"),
    0x8C: scaled(4, "obd_odometer_km", 10),
    0x94: text("vin"),
    0xA0: _trouble_codes,
    0xBC: text("driver_name"),
    0xBD: _driver,
    0xD0: _user_status,
    0xE3: text("obd_source"),
    0xE6: _obd_text,
    0xED: text("driver_licence"),
    0xFE: _battery_or_driving,
}
