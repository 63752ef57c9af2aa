"""Items that padlocks send in 0200 of family ``jt808``; datasheet: `gateway.decoders.jt808`."""

from __future__ import annotations

from gateway.decoders._jt808_draft import Draft, number, text_of, wifi
from gateway.decoders._jt808_items import Item, cells, quantity, text
from gateway.decoders._values import signal_pct_of_csq
from sealtrail.contract.reading import SealEvent, SealState

E = SealEvent
S = SealState

# code -> (name, what has happened, level of the seal after it)
LOCK_EVENTS: dict[int, tuple[str, SealEvent, SealState]] = {
    0x0000: ("shackle_closed", E.NONE, S.UNKNOWN),
    0x0003: ("sealed_by_card", E.CLOSED, S.SEALED),
    0x0004: ("unsealed_by_card", E.OPENED, S.UNLOCKED),
    0x0005: ("sealed_by_bluetooth", E.CLOSED, S.SEALED),
    0x0006: ("unsealed_by_bluetooth", E.OPENED, S.UNLOCKED),
    0x0007: ("sealed_by_platform", E.CLOSED | E.REMOTE_COMMAND, S.SEALED),
    0x0008: ("unsealed_by_platform", E.OPENED | E.REMOTE_COMMAND, S.UNLOCKED),
    0x0009: ("sealed_by_sms", E.CLOSED | E.REMOTE_COMMAND, S.SEALED),
    0x000A: ("unsealed_by_sms", E.OPENED | E.REMOTE_COMMAND, S.UNLOCKED),
    0x000B: ("seal_refused_card", E.BAD_CARD, S.UNKNOWN),
    0x000C: ("unseal_refused_card", E.BAD_CARD, S.UNKNOWN),
    0x000D: ("seal_refused_area", E.OUTSIDE_AREA, S.UNKNOWN),
    0x000E: ("unseal_refused_area", E.OUTSIDE_AREA, S.UNKNOWN),
    0x000F: ("shackle_opened_while_sealed", E.OPENED, S.OPEN),
    0x0010: ("shell_tampered_or_removed", E.TAMPERED, S.UNKNOWN),
    0x0011: ("shackle_or_wire_cut", E.CUT, S.CUT),
    0x0012: ("low_voltage_going_offline", E.LOW_BATTERY, S.UNKNOWN),
    0x0013: ("too_many_wrong_passwords", E.WRONG_PASSWORD, S.UNKNOWN),
    0x0014: ("resealed_by_itself", E.CLOSED, S.SEALED),
    0x0017: ("low_battery", E.LOW_BATTERY, S.UNKNOWN),
    0x0018: ("motor_stuck", E.LOCK_FAULT, S.FAULT),
}
BY_CARD = frozenset({0x0003, 0x0004, 0x000B, 0x000C})
SUB_LOCK_EVENTS = range(0x0061, 0x0067)
SUB_LOCK_BYTES, LOCK_BYTES = 11, 13
SEALED_SIGN = 0x31
UNLOCKED_BIT = 5
STRING_IN, STRING_MOTION, STRING_COVER = 0, 2, 3
TEXT_STATUS_AT, TEXT_STATUS_LENGTH = 8, 7


def _event(draft: Draft, data: bytes) -> bool:
    """Code, then who: a card in text, or for a sub-lock one byte, its identity and the card."""
    if len(data) < 2:  # noqa: PLR2004  the code
        return False
    draft.padlock = True
    code, rest = number(data[:2]), data[2:]
    draft.extra["lock_event"] = code
    name, events, state = LOCK_EVENTS.get(code, ("", E.NONE, S.UNKNOWN))
    if name:
        draft.extra["lock_event_name"] = name
        draft.add_event(events)
        draft.set_state(state)
    if code in SUB_LOCK_EVENTS and len(rest) >= 15:  # noqa: PLR2004  the form
        draft.extra["lock_event_lock_id"] = rest[1:7].hex()
        draft.reading.card_id = text_of(rest[7:15]) or None
    elif rest:
        draft.extra["lock_event_data"] = rest.hex()
        if code in BY_CARD:
            draft.reading.card_id = _card(rest)
    return True


def _card(raw: bytes) -> str | None:
    """A card's number in text or, where it isn't text, in hex; None where all bytes are empty."""
    if not any(raw):
        return None
    found = raw.rstrip(b"\0")
    return found.decode("ascii") if found.isalnum() else raw.hex()[:64]


def _sub_locks(draft: Draft, data: bytes) -> bool:
    """Identity, millivolts, sealed ('1') or not ('0'), physical state, signal, of eleven bytes each."""
    if not data or len(data) % SUB_LOCK_BYTES:
        return False
    draft.padlock = True
    for index, at in enumerate(range(0, len(data), SUB_LOCK_BYTES), 1):
        part = data[at : at + SUB_LOCK_BYTES]
        sealed = part[8] == SEALED_SIGN
        draft.extra |= {
            f"lock_{index}_id": part[:6].hex(),
            f"lock_{index}_battery_v": number(part[6:8]) / 1000,
            f"lock_{index}_sealed": sealed,
            f"lock_{index}_physical": part[9],
            f"lock_{index}_signal": part[10],
        }
        draft.set_state(S.SEALED if sealed else S.UNLOCKED)
    return True


def settle_sub_lock_event(draft: Draft) -> None:
    """A card at a sub-lock that is unsealed in the same report has opened it."""
    if draft.extra.get("lock_event") not in SUB_LOCK_EVENTS:
        return
    at_lock = draft.extra.get("lock_event_lock_id")
    indexes = [
        name.split("_")[1] for name, value in draft.extra.items() if value == at_lock and name.endswith("_id")
    ]
    states = [draft.extra.get(f"lock_{index}_sealed") for index in indexes]
    if False in states:
        draft.add_event(E.OPENED)


def _locks_or_battery(draft: Draft, data: bytes) -> bool:
    """Two bytes: battery, 0.01 V. Else count, then identity, card, battery %, status of each lock."""
    if len(data) == 2:  # noqa: PLR2004  a word
        draft.put("battery_v", number(data) / 100)
        return True
    if not data or len(data) != 1 + data[0] * LOCK_BYTES:
        return False
    draft.padlock = True
    for index in range(1, data[0] + 1):
        part = data[1 + (index - 1) * LOCK_BYTES : 1 + index * LOCK_BYTES]
        locked = not number(part[11:13]) >> UNLOCKED_BIT & 1
        draft.extra |= {
            f"lock_{index}_id": part[:5].hex(),
            f"lock_{index}_card": part[5:10].hex(),
            f"lock_{index}_battery": part[10],
            f"lock_{index}_status": part[11:13].hex(),
            f"lock_{index}_locked": locked,
        }
        draft.set_state(S.SEALED if locked else S.UNLOCKED)
    return True


def _string(draft: Draft, data: bytes) -> bool:
    """How often the string was cut, then bits: 0 string in, 2 motion, 3 cover closed."""
    if len(data) < 3:  # noqa: PLR2004  count and bits
        return False
    draft.padlock = True
    bits = data[2]
    string_in = bool(bits >> STRING_IN & 1)
    draft.extra["string_cut_count"] = number(data[:2])
    draft.extra["string"] = string_in
    draft.extra["cover"] = bool(bits >> STRING_COVER & 1)
    draft.reading.moving = bool(bits >> STRING_MOTION & 1)
    if not string_in:
        draft.set_state(S.OPEN)
    return True


def lock_command(draft: Draft, data: bytes) -> bool:
    """How it was unlocked, a card (4 or 5 bytes) or password (6), perhaps the result (1 yes, 0 no)."""
    if not data:
        return False
    draft.padlock = True
    draft.extra["lock_command"] = data[0]
    has_result = len(data) % 2 == 0 and data[-1] in (0, 1)
    rest = data[1:-1] if has_result else data[1:]
    with_card, with_password = len(rest) in (4, 5), len(rest) >= 6  # noqa: PLR2004  the form
    if with_card:
        draft.reading.card_id = f"{number(rest):010d}" if any(rest) else None
    elif with_password:
        draft.extra["password_given"] = True  # not the password: it would open the lock
    elif rest:
        draft.extra["lock_data"] = rest.hex()
    if has_result:
        draft.extra["unlock_result"] = data[-1]
        if data[-1] == 0 and (with_card or with_password):
            draft.add_event(E.BAD_CARD if with_card else E.WRONG_PASSWORD)
    return True


def settle_lock_command(draft: Draft) -> None:
    """A lock that was told to open has opened, unless the report says otherwise."""
    if "lock_command" not in draft.extra or draft.extra.get("unlock_result") == 0:
        return
    if draft.extra.get("unlock_result") == 1 or draft.reading.seal_state != S.SEALED:
        draft.add_event(E.OPENED)


def _mode_or_status(draft: Draft, data: bytes) -> bool:
    """One byte: mode. Else text ``*M00,…``: characters 3 … 5 of its status field are the battery, 0.01 V."""
    if len(data) == 1:
        draft.extra["mode"] = data[0]
        return True
    found = text_of(data)
    if not found.startswith("*M00"):
        return False
    draft.padlock = True
    draft.extra["lock_text"] = found
    status = found[TEXT_STATUS_AT : TEXT_STATUS_AT + TEXT_STATUS_LENGTH]
    if status[2:5].isdecimal() and status.isascii():
        draft.put("battery_v", int(status[2:5]) / 100)
    return True


def _password(draft: Draft, data: bytes) -> bool:
    draft.padlock = True
    draft.extra["password_given"] = True  # not the password: it would open the lock
    return bool(data)


def _percent(draft: Draft, data: bytes) -> bool:
    """Battery of the lock, 0.01 %; the form of four bytes isn't known."""
    if len(data) == 2:  # noqa: PLR2004  a word
        draft.put("battery_pct", number(data) / 100)
        return True
    if len(data) == 4:  # noqa: PLR2004  two words
        draft.extra["lock_charge"] = number(data)
        return True
    return False


def _signal(draft: Draft, data: bytes) -> bool:
    if len(data) != 1:
        return False
    draft.padlock = True
    draft.reading.signal_pct = signal_pct_of_csq(data[0])
    draft.extra["gsm_signal"] = data[0]
    return True


def _wifi(draft: Draft, data: bytes) -> bool:
    if not data or len(data) % 7:
        return False
    draft.extra["wifi"] = wifi(data)
    return True


def _counted_wifi(draft: Draft, data: bytes) -> bool:
    if not data or len(data) != 1 + 7 * data[0]:
        return False
    draft.extra["wifi"] = wifi(data[1:])
    return True


def _level(draft: Draft, data: bytes) -> bool:
    """Battery in tenths, then one byte that isn't known."""
    if len(data) != 2:  # noqa: PLR2004  two bytes
        return False
    draft.put("battery_pct", data[0] * 10.0)
    return True


def _iccid(draft: Draft, data: bytes) -> bool:
    draft.extra["iccid"] = text_of(data).rstrip("F")
    return bool(data)


PADLOCK_ITEMS: dict[int, Item] = {
    0x0B: lock_command,
    0x33: _mode_or_status,
    0x50: _wifi,
    0x54: _counted_wifi,
    0x56: _level,
    0x60: _event,
    0x63: _sub_locks,
    0x66: cells("*smmccccll"),
    0x67: _password,
    0x68: _percent,
    0x69: quantity(2, "battery_v", 100),
    0x6A: _signal,
    0x6B: quantity(1, "satellites"),
    0x6C: text("imei"),
    0x71: _iccid,
    0xD4: quantity(1, "battery_pct"),
    0xD5: _locks_or_battery,
    0xDA: _string,
}
