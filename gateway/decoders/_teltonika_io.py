"""I/O elements of one record of family ``teltonika`` into a reading; ids in `_teltonika_elements`."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.decoders._teltonika_elements import (
    BEACONS,
    CARDS,
    CHARGER,
    CONTACTS,
    DOOR,
    DOORS,
    ELEMENTS,
    GNSS_STATUS,
    GSM_SIGNAL,
    MOVEMENT,
    RAISED,
    TAGS,
    TEXTS,
    TRUNK_BIT,
    ZONES,
    Element,
)
from gateway.decoders._teltonika_tags import beacons, tags, text_or_hex
from gateway.decoders._values import Extra, within
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent

GSM_FULL_SCALE = 5
NO_FIX = (0, 2, 3)  # of GNSS_STATUS: off, on without fix, asleep
LONGEST_NUMBER = 4  # bytes; what is longer is an identity and told as hex digits
CARD_BYTES = 8
MARKED = frozenset({GNSS_STATUS, MOVEMENT, GSM_SIGNAL, DOORS, DOOR, CHARGER})
EMPTY_CARDS = ("0" * 16, "F" * 16)

Elements = Sequence[tuple[int, bytes]]  # AVL id, raw value


def card_of(raw: bytes) -> str | None:
    """Card number of an iButton or RFID element: 16 hex digits, least significant byte first on the wire."""
    digits = raw[::-1].hex().upper()
    return None if digits in EMPTY_CARDS else digits


def _value(element: Element, raw: bytes) -> int | float | bool | str | None:
    """What an element says; None for a documented error code."""
    if len(raw) > LONGEST_NUMBER:
        return raw.hex()
    number = int.from_bytes(raw, signed=element.signed)
    if number in element.errors:
        return None
    if not element.scale:
        return bool(number)
    return number if element.scale == 1 else round(number * element.scale, 4)


def _unnamed(avl_id: int, raw: bytes) -> tuple[str, int | str]:
    if avl_id in TEXTS and len(raw) > CARD_BYTES:
        return TEXTS[avl_id], text_or_hex(raw)
    return f"io_{avl_id}", int.from_bytes(raw) if len(raw) in {1, 2, 4} else text_or_hex(raw)


def _raised(avl_id: int, raw: bytes, event_id: int) -> SealEvent:
    """What an element says has happened."""
    if avl_id in RAISED and len(raw) == 1:
        return RAISED[avl_id] if raw[0] else SealEvent.NONE
    if avl_id != event_id or len(raw) != 1:
        return SealEvent.NONE
    if avl_id in CONTACTS:
        return SealEvent.DOOR_OPENED if bool(raw[0]) == CONTACTS[avl_id] else SealEvent.DOOR_CLOSED
    if avl_id in ZONES and raw[0] in {0, 1}:
        return SealEvent.GEOFENCE_ENTERED if raw[0] else SealEvent.GEOFENCE_LEFT
    return SealEvent.NONE


def _keep(reading: Reading, extra: Extra, element: Element, raw: bytes, refused: list[str]) -> None:
    value = _value(element, raw)
    name = element.name
    if value is None:
        extra[f"{name}_error"] = int.from_bytes(raw, signed=element.signed)
        return
    if element.field and isinstance(value, int | float):
        credible = within(element.field, float(value))
        if credible is None:
            refused.append(name)
            return
        if getattr(reading, element.field) is None:
            setattr(reading, element.field, credible)
            if name == element.field:
                return
    extra[name] = value


def apply(reading: Reading, elements: Elements, event_id: int, extra: Extra) -> None:
    """Put the elements of a record into its reading and into ``extra``."""
    events = SealEvent.NONE
    refused: list[str] = []
    for avl_id, raw in elements:
        if avl_id in RAISED or avl_id == event_id:
            events |= _raised(avl_id, raw, event_id)
        element = ELEMENTS.get(avl_id)
        if element is not None and len(raw) in element.sizes:
            _keep(reading, extra, element, raw, refused)
            if avl_id in MARKED:
                _mark(reading, avl_id, int.from_bytes(raw))
        elif avl_id in CARDS and len(raw) <= CARD_BYTES:
            card = card_of(raw)
            if card is not None:
                reading.card_id = card
        elif avl_id == BEACONS:
            extra |= beacons(raw)
        elif avl_id in TAGS:
            extra |= tags(raw)
        else:
            name, value = _unnamed(avl_id, raw)
            extra[name] = value
        if avl_id in CONTACTS and avl_id == event_id and len(raw) == 1:
            reading.door_open = bool(raw[0]) == CONTACTS[avl_id]
    reading.seal_events |= events.value
    if refused:
        extra["refused"] = ",".join(refused)


def _mark(reading: Reading, avl_id: int, value: int) -> None:
    """Elements that mean more than their own value."""
    if avl_id == MOVEMENT:
        reading.moving = bool(value)
    elif avl_id == GSM_SIGNAL and value <= GSM_FULL_SCALE:
        reading.signal_pct = round(100 * value / GSM_FULL_SCALE, 1)
    elif avl_id == DOORS:
        reading.door_open = bool(value & TRUNK_BIT)
    elif avl_id == GNSS_STATUS and value in NO_FIX and reading.fix_kind == FixKind.GNSS:
        reading.fix_kind = FixKind.STALE.value
    elif avl_id == CHARGER and value:
        reading.flags |= Flag.CHARGING.value
    elif avl_id == DOOR:
        reading.door_open = bool(value)
