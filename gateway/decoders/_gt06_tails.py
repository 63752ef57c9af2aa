"""What follows place and cell in reports of family ``gt06``, by the model that its length shows."""

from __future__ import annotations

from gateway.decoders._gt06_fields import Found, keep_rest, set_alarm, set_signal, set_terminal
from gateway.decoders._values import within
from sealtrail.contract.reading import Flag

CARD_HEAD, CARD_AFTER = 5, (2, 4)  # mileage and length; alarm, state and perhaps the driving time
MILEAGE, UPLOADS, MASK, STATUS_AND_SUPPLY, STATUS_AND_TANK = 4, (3, 7), 2, 5, 12
MASK_IGNITION, MASK_INPUT, MASK_VOLTS, MASK_TEMPERATURE, MASK_NEGATIVE = (
    1 << 15,
    1 << 14,
    1 << 13,
    1 << 12,
    1 << 9,
)
MASK_KINDS = 0xF000
SIGN = 0x80


def set_odometer(found: Found, metres: int) -> None:
    """Mileage."""
    found.reading.odometer_km = within("odometer_km", metres / 1000)


def set_upload(found: Found, tail: bytes) -> bytes:
    """Ignition, why it was sent, whether it comes from memory; what follows."""
    if len(tail) >= 3:  # noqa: PLR2004  the fields
        found.extra["ignition"] = bool(tail[0])
        found.extra["upload_reason"] = tail[1]
        if tail[2] == 1:
            found.reading.flags |= Flag.BUFFERED.value
        return tail[3:]
    keep_rest(found, tail)
    return b""


def mileage_or_rest(found: Found, tail: bytes) -> None:
    """What stands at the end of some forms: four bytes are mileage."""
    if len(tail) == MILEAGE:
        set_odometer(found, int.from_bytes(tail))
    else:
        keep_rest(found, tail)


def tail_of_model(found: Found, tail: bytes) -> None:
    """What follows the cell in types 12, 24 …: nothing says which form it is but its length."""
    if _is_card(tail):
        _card(found, tail)
    elif len(tail) in UPLOADS:
        mileage_or_rest(found, set_upload(found, tail))
    elif len(tail) == MASK:
        _mask(found, tail)
    elif len(tail) in {STATUS_AND_SUPPLY, STATUS_AND_TANK}:
        _status(found, tail)
    else:
        mileage_or_rest(found, tail)


def _is_card(tail: bytes) -> bool:
    """Whether it is mileage (4), length (1), card in text, alarm (1), state (1), perhaps driving time (2)."""
    if len(tail) < CARD_HEAD or not tail[4] or len(tail) - CARD_HEAD - tail[4] not in CARD_AFTER:
        return False
    card = tail[CARD_HEAD : CARD_HEAD + tail[4]]
    return card.isascii() and card.decode("ascii").isprintable()


def _card(found: Found, tail: bytes) -> None:
    set_odometer(found, int.from_bytes(tail[:4]))
    end = CARD_HEAD + tail[4]
    card = tail[CARD_HEAD:end].decode("ascii").strip()
    if card.strip("0"):
        found.reading.card_id = card[:64]
    found.extra["card_alarm"] = bool(tail[end])
    found.extra["card_state"] = tail[end + 1]
    if len(tail) == end + CARD_AFTER[1]:
        found.extra["driving_time"] = int.from_bytes(tail[-2:])


def _mask(found: Found, tail: bytes) -> None:
    """Ignition, input, and either degrees (9 bits and sign) or the analogue input (volts or 0.1 V).

    A word without any of the upper four bits may be anything: older models have two bytes there.
    """
    word = int.from_bytes(tail)
    if not word & MASK_KINDS:
        keep_rest(found, tail)
        return
    found.extra["ignition"] = bool(word & MASK_IGNITION)
    found.extra["input_2"] = bool(word & MASK_INPUT)
    if word & MASK_TEMPERATURE:
        degrees = float(word & (MASK_NEGATIVE - 1))
        found.reading.temperature_c = within("temperature_c", -degrees if word & MASK_NEGATIVE else degrees)
    else:
        value = word & 0x3FF
        found.extra["analog_input_1_v"] = float(value) if word & MASK_VOLTS else value / 10


def _status(found: Found, tail: bytes) -> None:
    """Terminal information, supply (2, 0.01 V), signal, alarm; or with tank (2), °C, mileage (4, 10 m)."""
    set_terminal(found, tail[0])
    found.reading.external_v = int.from_bytes(tail[1:3]) / 100
    set_signal(found, tail[3])
    set_alarm(found, tail[4])
    if len(tail) == STATUS_AND_TANK:
        found.extra["tank_raw"] = int.from_bytes(tail[5:7])
        degrees = float(tail[7] & ~SIGN)
        found.reading.temperature_c = within("temperature_c", -degrees if tail[7] & SIGN else degrees)
        set_odometer(found, 10 * int.from_bytes(tail[8:12]))
