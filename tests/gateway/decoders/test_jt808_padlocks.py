"""JT/T 808: padlocks, their events, cards and own reports."""

from __future__ import annotations

import struct

import pytest

from gateway.decoders._jt808_padlock import LOCK_EVENTS
from sealtrail.contract.reading import SealEvent, SealState
from tests.gateway.decoders.jt808_frames import (
    decoded,
    framed,
    item,
    location,
    lock_frame,
    reported,
)

E, S = SealEvent, SealState


@pytest.mark.parametrize("code", sorted(LOCK_EVENTS))
def test_each_lock_event(code: int) -> None:
    """Each code of a padlock gives its event, the level of the seal after it and its name."""
    name, events, state = LOCK_EVENTS[code]
    reading = reported(location(item(0x60, code.to_bytes(2, "big"))))
    assert (reading.seal_events, reading.seal_state) == (events, state)
    assert (reading.extra or {})["lock_event_name"] == name


@pytest.mark.parametrize(
    ("code", "events", "state"),
    [
        (0x0011, E.CUT, S.CUT),
        (0x000F, E.OPENED, S.OPEN),
        (0x0010, E.TAMPERED, S.UNKNOWN),
        (0x000B, E.BAD_CARD, S.UNKNOWN),
        (0x000E, E.OUTSIDE_AREA, S.UNKNOWN),
        (0x0013, E.WRONG_PASSWORD, S.UNKNOWN),
        (0x0018, E.LOCK_FAULT, S.FAULT),
        (0x0003, E.CLOSED, S.SEALED),
        (0x0008, E.OPENED | E.REMOTE_COMMAND, S.UNLOCKED),
    ],
)
def test_lock_events_of_the_catalogue(code: int, events: SealEvent, state: SealState) -> None:
    """The codes of the alert catalogue have the meaning that it gives them."""
    reading = reported(location(item(0x60, code.to_bytes(2, "big") + b"00123456")))
    assert (reading.seal_events, reading.seal_state) == (events, state)
    assert reading.card_id == ("00123456" if code in (0x0003, 0x000B) else None)


def sub_lock(*, sealed: bool, lock_id: str = "001234567890") -> bytes:
    """The item of one sub-lock."""
    return item(0x63, bytes.fromhex(lock_id) + struct.pack(">HBBB", 3900, 0x31 if sealed else 0x30, 0x80, 9))


@pytest.mark.parametrize(("sealed", "events"), [(True, E.NONE), (False, E.OPENED)])
def test_card_at_a_sub_lock(*, sealed: bool, events: SealEvent) -> None:
    """A card at a sub-lock has opened it where the lock is unsealed in the same report."""
    card = item(0x60, bytes.fromhex("006500001234567890") + b"90017383")
    reading = reported(location(card + sub_lock(sealed=sealed)))
    assert (reading.seal_events, reading.card_id) == (events, "90017383")
    assert reading.seal_state == (S.SEALED if sealed else S.UNLOCKED)


def test_the_worst_sub_lock_is_the_state() -> None:
    """One unsealed lock among sealed ones makes the report an unsealed one, whatever the order."""
    both = bytes.fromhex("aaaaaaaaaaaa") + struct.pack(">HBBB", 3900, 0x31, 0, 9)
    unsealed = bytes.fromhex("bbbbbbbbbbbb") + struct.pack(">HBBB", 3900, 0x30, 0, 9)
    for value in (both + unsealed, unsealed + both):
        assert reported(location(item(0x63, value))).seal_state == S.UNLOCKED


@pytest.mark.parametrize(
    ("value", "events", "card"),
    [
        ("01000f424001", E.OPENED, "0001000000"),
        ("01000f424000", E.BAD_CARD, "0001000000"),
        ("0531323334353601", E.OPENED, None),
        ("0531323334353600", E.WRONG_PASSWORD, None),
        ("0d", E.OPENED, None),
    ],
)
def test_unlocking(value: str, events: SealEvent, card: str | None) -> None:
    """A lock that was told to open has opened unless it says that it refused; no password is kept."""
    reading = reported(location(item(0x0B, bytes.fromhex(value))))
    assert (reading.seal_events, reading.card_id) == (events, card)
    assert "123456" not in str(reading.extra)
    assert "313233343536" not in str(reading.extra)


@pytest.mark.parametrize(("bits", "state"), [(0b1001, S.UNKNOWN), (0b1000, S.OPEN)])
def test_string_of_a_lock(bits: int, state: SealState) -> None:
    """A string that is out is an open seal; one that is in says nothing about the lock."""
    reading = reported(location(item(0xDA, struct.pack(">HB", 3, bits))))
    assert reading.seal_state == state
    assert (reading.extra or {})["string_cut_count"] == 3


@pytest.mark.parametrize(("status", "state"), [(0, S.SEALED), (1 << 5, S.UNLOCKED)])
def test_locks_with_their_cards(status: int, state: SealState) -> None:
    """Item D5 lists locks with identity, card, battery and whether they are locked."""
    value = b"\x01" + bytes.fromhex("11223344550012345678") + bytes([88]) + status.to_bytes(2, "big")
    reading = reported(location(item(0xD5, value)))
    assert reading.seal_state == state
    assert (reading.extra or {})["lock_1_card"] == "0012345678"


@pytest.mark.parametrize("bit", range(16))
def test_lock_alarms(bit: int) -> None:
    """A lock's alarm without a public name counts as tampering: a cut must be among them."""
    known = {0: E.NONE, 1: E.LOW_BATTERY, 2: E.SHOCK, 5: E.GEOFENCE_ENTERED, 6: E.GEOFENCE_LEFT}
    (reading,) = decoded(lock_frame(alarms=1 << bit))
    assert reading.seal_events == known.get(bit, E.TAMPERED)
    (other,) = decoded(lock_frame(alarms=1 << bit, product=1))
    assert other.seal_events == (E.LOW_BATTERY if bit == 0 else E.NONE)


def test_lock_state_and_unlocking() -> None:
    """Bit 5 is the locked motor; an unlocking command in a report of a locked lock opened nothing."""
    assert decoded(lock_frame())[0].seal_state == S.SEALED
    assert decoded(lock_frame(status=0))[0].seal_state == S.UNLOCKED
    assert decoded(lock_frame(items=item(0x0B, b"\x0d")))[0].seal_events == E.NONE
    assert decoded(lock_frame(status=0, items=item(0x0B, b"\x0d")))[0].seal_events == E.OPENED


def test_text_from_a_lock_has_nothing_unprintable() -> None:
    """Control characters in a device's text don't reach the screen."""
    (reading,) = decoded(framed(0x6006, b"\x00a\x1b[2Jb\r\n"))
    assert (reading.extra or {})["result"] == "a\ufffd[2Jb"


def test_low_battery_bit_of_a_padlock() -> None:
    """Alarm bit 18 is a padlock's low battery; of a vehicle it is the driver's hours."""
    event = item(0x60, b"\0\0")
    padlock, vehicle = reported(location(event, alarm=1 << 18)), reported(location(alarm=1 << 18))
    assert (padlock.seal_events, vehicle.seal_events) == (SealEvent.LOW_BATTERY, SealEvent.NONE)


def test_charge_in_hundredths() -> None:
    """Item 68 is the charge in hundredths of a percent, also nested in EB."""
    assert reported(location(item(0x68, (8000).to_bytes(2)))).battery_pct == 80.0
    nested = bytes.fromhex("0004 0068 1f40")
    assert reported(location(item(0xEB, nested))).battery_pct == 80.0
    assert (reported(location(item(0x68, bytes(4)))).extra or {})["lock_charge"] == 0


def test_counted_access_points() -> None:
    """Item 54 has a count before its access points; a wrong count keeps the bytes."""
    point = bytes.fromhex("aabbccddeeffc4")
    assert (reported(location(item(0x54, b"\1" + point))).extra or {})["wifi"] == "aa:bb:cc:dd:ee:ff@-60"
    assert (reported(location(item(0x54, b"\2" + point))).extra or {})["item_54"] == "02" + point.hex()
