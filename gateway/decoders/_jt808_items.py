"""Additional items of 0200 in family ``jt808``: the standard's and those of trackers.

Each function takes one item and says whether its form was known; an item that
isn't known is kept in ``extra`` as ``item_<id>`` in hex. The table of ids is in
the datasheet, `gateway.decoders.jt808`.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.decoders._jt808_draft import (
    Draft,
    country,
    number,
    signed,
    signed_byte,
    signed_magnitude,
    text_of,
    wifi,
)
from gateway.decoders._values import signal_pct_of_csq
from sealtrail.contract.reading import SealEvent

Item = Callable[[Draft, bytes], bool]

NO_TEMPERATURE = 0xFFFF
AREA_FORM = 6  # type, identity, direction
EMPTY_FUEL = 1 << 15  # the dialect's sign for percent


def whole(size: int, name: str) -> Item:
    """An unsigned number kept in ``extra``."""

    def read(draft: Draft, data: bytes) -> bool:
        if len(data) != size:
            return False
        draft.extra[name] = number(data)
        return True

    return read


def scaled(size: int, name: str, divisor: int) -> Item:
    """An unsigned number divided, kept in ``extra``."""

    def read(draft: Draft, data: bytes) -> bool:
        if len(data) != size:
            return False
        draft.extra[name] = number(data) / divisor
        return True

    return read


def quantity(size: int, name: str, divisor: int = 1) -> Item:
    """An unsigned number divided, a value of the reading."""

    def read(draft: Draft, data: bytes) -> bool:
        if len(data) != size:
            return False
        draft.put(name, number(data) / divisor)
        return True

    return read


def text(name: str) -> Item:
    """Text kept in ``extra``."""

    def read(draft: Draft, data: bytes) -> bool:
        draft.extra[name] = text_of(data)
        return bool(data)

    return read


def _fuel(draft: Draft, data: bytes) -> bool:
    if len(data) != 2:  # noqa: PLR2004  a word
        return False
    value = number(data)
    if value & EMPTY_FUEL:
        draft.extra["fuel_pct"] = value & ~EMPTY_FUEL
    else:
        draft.extra["fuel_l"] = value / 10
    return True


def _carriage_temperature(draft: Draft, data: bytes) -> bool:
    if len(data) != 2 or number(data) == NO_TEMPERATURE:  # noqa: PLR2004  a word
        return False
    draft.put("temperature_c", float(signed_magnitude(number(data))))
    return True


def _area(draft: Draft, data: bytes) -> bool:
    """Type (1 … 4: areas and routes), identity, direction (0 in, 1 out)."""
    if len(data) != AREA_FORM or data[5] > 1:
        return False
    left = data[5] == 1
    draft.extra["area_type"] = data[0]
    draft.extra["area_id"] = number(data[1:5])
    draft.extra["area_left"] = left
    events = SealEvent(draft.reading.seal_events)
    both = SealEvent.GEOFENCE_ENTERED | SealEvent.GEOFENCE_LEFT
    if events & both == both:
        events &= ~(SealEvent.GEOFENCE_ENTERED if left else SealEvent.GEOFENCE_LEFT)
        draft.reading.seal_events = events.value
    if "route_deviation" not in str(draft.extra.get("alarms", "")) and not left:
        draft.reading.seal_events &= ~SealEvent.OFF_ROUTE.value
    return True


def _analog(draft: Draft, data: bytes) -> bool:
    if len(data) != 4:  # noqa: PLR2004  two words
        return False
    draft.extra["analog_2"], draft.extra["analog_1"] = number(data[:2]), number(data[2:])
    return True


def _signal(draft: Draft, data: bytes) -> bool:
    if len(data) != 1:
        return False
    draft.reading.signal_pct = signal_pct_of_csq(data[0])
    draft.extra["gsm_signal"] = data[0]
    return True


def _temperatures(draft: Draft, data: bytes) -> bool:
    """Words of 0.1 °C, sign and magnitude; FFFF: no such sensor."""
    if not data or len(data) % 2:
        return False
    for at in range(0, len(data), 2):
        word = number(data[at : at + 2])
        if word != NO_TEMPERATURE:
            _add_temperature(draft, at // 2 + 1, signed_magnitude(word) / 10)
    return True


def _add_temperature(draft: Draft, index: int, value: float) -> None:
    draft.extra[f"temperature_{index}_c"] = value
    if draft.reading.temperature_c is None:
        draft.put("temperature_c", value)


def radio_sensors(draft: Draft, data: bytes) -> bool:
    """Index, address, temperature (whole and 1/255), humidity (the same), for each sensor."""
    if not data or len(data) % 11:
        return False
    for at in range(0, len(data), 11):
        index, rest = data[at], data[at + 7 : at + 11]
        degrees = signed_byte(rest[0])
        _add_temperature(draft, index, degrees + (-1 if degrees < 0 else 1) * rest[1] / 255)
        humidity = rest[2] + rest[3] / 255
        draft.extra[f"humidity_{index}_pct"] = humidity
        if draft.reading.humidity_pct is None:
            draft.put("humidity_pct", humidity)
    return True


def _charge(draft: Draft, data: bytes) -> bool:
    """0 being charged, then percent."""
    if len(data) != 2:  # noqa: PLR2004  two bytes
        return False
    draft.set_charging(charging=data[0] == 0)
    draft.put("battery_pct", float(data[1]))
    return True


def _motion(draft: Draft, data: bytes) -> bool:
    if len(data) != 1 or data[0] > 1:
        return False
    draft.reading.moving = data[0] == 1
    return True


def _power_or_cell(draft: Draft, data: bytes) -> bool:
    """Two bytes: supply, 0.1 V. Twelve: one cell."""
    if len(data) == 2:  # noqa: PLR2004  a word
        draft.put("external_v", number(data) / 10)
        return True
    if len(data) != 12 or not country(data):  # noqa: PLR2004  the cell's form
        return False
    mcc, mnc, cid, lac = (number(data[a:b]) for a, b in ((0, 2), (2, 4), (4, 8), (8, 10)))
    draft.add_cells([f"{mcc}-{mnc}-{lac}-{cid}@{data[10]}"])
    return True


def cells(form: str, *, counted: bool = False) -> Item:
    """One or more cells; ``form`` names the bytes after the country: m mnc, l lac, c cid, s signal, x any.

    With ``counted`` a count stands before. The country code stands once before all
    where the form begins with ``*``, else in each.
    """
    shared, each = form.startswith("*"), form.lstrip("*")

    def read(draft: Draft, data: bytes) -> bool:
        body = data[1:] if counted else data
        if not country(body):
            return False
        prefix = 2 if shared else 0
        size = len(each) + (0 if shared else 2)
        if len(body) < prefix + size or (len(body) - prefix) % size:
            return False
        found = []
        for at in range(prefix, len(body), size):
            part = body[at : at + size]
            if shared:
                part = body[:2] + part
            if any(part[2:]):
                found.append(_cell(part, each))
        draft.add_cells(found)
        return True

    return read


def _cell(part: bytes, form: str) -> str:
    values = {
        key: number(bytes(part[2 + at] for at, sign in enumerate(form) if sign == key)) for key in "mlcs"
    }
    signal = f"@{values['s']}" if "s" in form else ""
    return f"{number(part[:2])}-{values['m']}-{values['l']}-{values['c']}{signal}"


def _wifi(draft: Draft, data: bytes) -> bool:
    if len(data) < 7 or len(data) % 7:  # noqa: PLR2004  address and signal
        return False
    draft.extra["wifi"] = wifi(data)
    return True


def _accessory(draft: Draft, data: bytes) -> bool:
    """Type 20: battery, 0.01 V. Type 0C: a button; 1 is an SOS."""
    if data[:1] == b"\x20" and len(data) >= 7:  # noqa: PLR2004  the form
        draft.put("battery_v", number(data[5:7]) / 100)
    elif data[:1] == b"\x0c" and len(data) >= 2:  # noqa: PLR2004  the form
        if data[1] == 1:
            draft.add_event(SealEvent.SOS, "sos")
    else:
        return False
    draft.extra["accessory"] = data.hex()
    return True


def _two_temperatures(draft: Draft, data: bytes) -> bool:
    """Temperature 0.1 °C and humidity 0.1 %."""
    if len(data) != 4:  # noqa: PLR2004  two words
        return False
    draft.put("temperature_c", signed(data[:2]) / 10)
    draft.put("humidity_pct", number(data[2:]) / 10)
    return True


ITEMS: dict[int, Item] = {
    0x01: quantity(4, "odometer_km", 10),
    0x02: _fuel,
    0x04: whole(2, "alarm_to_confirm"),
    0x06: _carriage_temperature,
    0x12: _area,
    0x2A: whole(2, "io_status"),
    0x2B: _analog,
    0x30: _signal,
    0x31: quantity(1, "satellites"),
    0x51: _temperatures,
    0x53: cells("mllccs", counted=True),
    0x5D: cells("mllccccs", counted=True),
    0x61: quantity(2, "external_v", 100),
    0x82: quantity(2, "external_v", 10),
    0xA7: _analog,
    0xAC: quantity(4, "odometer_km", 1000),
    0xCC: text("iccid"),
    0xD3: quantity(2, "external_v", 10),
    0xE1: _power_or_cell,
    0xE4: _charge,
    0xE5: _motion,
    0xE8: _accessory,
    0xEC: _wifi,
    0xEE: cells("mllccccs"),
    0xFD: cells("mmccccll"),
    0xFF: cells("mmllllcccc"),
}
