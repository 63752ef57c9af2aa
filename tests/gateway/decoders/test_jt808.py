"""JT/T 808: frames, words and items."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decoders._jt808_bits import ALARM_EVENTS
from gateway.decoders._jt808_dialogue import ANSWERS
from gateway.decoders._jt808_frame import luhn_digit, parse, stuffed, unstuffed
from gateway.decoders._jt808_location import EVERY_ITEM
from gateway.decoders.jt808 import REPORTS
from sealtrail.contract.clock import iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, SealEvent, SealState
from tests.gateway.decoders.jt808_frames import (
    IDENTITY,
    RECEIVED_AT_MS,
    decoded,
    framed,
    item,
    location,
    lock_frame,
    reported,
)
from tests.gateway.test_decoders import decoded_or_refused

LOCATED_AND_MOVING = 1 << 1 | 1 << 22
E, S = SealEvent, SealState


def refused(frame: bytes) -> str:
    """The name of the reason for which a frame is refused."""
    with pytest.raises(DecodeError) as refusal:
        decoded(frame)
    return refusal.value.reason


@given(content=st.binary(max_size=60), mark=st.sampled_from([0x7E, 0xE7]))
def test_stuffing_is_undone(content: bytes, mark: int) -> None:
    """Stuffed content has no mark in it and gives the content back."""
    assert mark not in stuffed(content, mark)
    assert unstuffed(stuffed(content, mark), mark) == content


@pytest.mark.parametrize("version", [None, 1])
@pytest.mark.parametrize("mark", [0x7E, 0xE7])
@settings(max_examples=60)
@given(body=st.binary(max_size=200), serial=st.integers(0, 0xFFFF))
def test_header_and_body_come_back(version: int | None, mark: int, body: bytes, serial: int) -> None:
    """Any body comes back from a frame of each edition, whatever had to be stuffed."""
    identity = IDENTITY if version is None else bytes(4) + IDENTITY
    found = parse(framed(0x0200, body, identity=identity, serial=serial, version=version, mark=mark))
    assert (found.message_id, found.identity, found.serial, found.body) == (0x0200, identity, serial, body)
    assert (found.version, found.mark, found.total) == (version, mark, 1)


def test_unstuffed_frame_with_escapes_in_its_values() -> None:
    """A recorded frame in which 7d 01 is a value is not unstuffed a second time, nor cut at a 7e."""
    wire = framed(0x0200, location(item(0x14, bytes.fromhex("7d017e02"))))
    plain = wire[:1] + (unstuffed(wire[1:-1], 0x7E) or b"") + wire[-1:]
    assert plain != wire
    assert decoded(plain) == decoded(wire)
    assert (decoded(wire)[0].extra or {})["video_alarm"] == 0x7D017E02


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "empty_frame"),
        (b"\x55" * 20, "unknown_header"),
        (b"\x7e\x02\x00\x7e", "bad_length"),
        (framed(0x0200, location())[:-1] + b"\x00", "bad_ending"),
        (framed(0x0200, location()).replace(b"\x12\x34", b"\x12\x35"), "bad_checksum"),
        (framed(0x0200, location()[:-1]), "bad_length"),
        (framed(0x0F01, b"\x00"), "unknown_message"),
        (framed(0x0200, location(), part=(1, 2)), "missing_sub_packets"),
        (framed(0x0200, location(), part=(3, 2)), "bad_field"),
        (framed(0x0200, location()) + framed(0x0200, location()), "mixed_frames"),
        (framed(0x0704, struct.pack(">HBH", 1, 0, 10) + bytes(10)), "bad_length"),
        (b"(x,1,2)", "bad_field"),
        (b"(\xff)", "not_text"),
    ],
)
def test_refused_by_name(frame: bytes, reason: str) -> None:
    """What isn't a sound frame is refused under the name of what is wrong."""
    assert refused(frame) == reason


def test_length_must_be_what_the_header_says() -> None:
    """A sound checksum doesn't make up for a body that is longer than the header says."""
    content = framed(0x0002, b"")[1:-2] + b"\x01"
    folded = 0
    for byte in content:
        folded ^= byte
    assert refused(b"\x7e" + content + bytes([folded]) + b"\x7e") == "bad_length"


def test_time_is_that_of_china() -> None:
    """The clock of a report is eight hours ahead of UTC; that of a lock report is UTC."""
    assert iso(reported(location()).occurred_at_ms) == "2026-11-23T06:00:00.000Z"
    frame = bytes.fromhex(
        "7e550104337401903111850622072002454206133574075359513a0000080100000001aa00005ded05e203000000000c06"
        "005affb5ffb40a0302dc65100100137e"
    )
    assert iso(decoded(frame)[0].occurred_at_ms) == "2020-07-22T02:45:42.000Z"


@pytest.mark.parametrize("time", ["000000000000", "261323140000", "2611231400ff", "000101000000"])
def test_an_event_survives_a_bad_clock_and_place(time: str) -> None:
    """An alarm with a time that is none and coordinates out of range is kept, at the time of receipt."""
    reading = reported(location(alarm=1 << 31, latitude=99_000_000, time=bytes.fromhex(time)))
    assert reading.seal_events == E.DOOR_OPENED
    assert reading.occurred_at_ms == RECEIVED_AT_MS
    assert reading.flags == Flag.CLOCK_UNSET | Flag.POSITION_REFUSED
    assert reading.latitude_deg is None


def test_a_number_out_of_range_costs_itself() -> None:
    """A course of 400° and a battery of 200 % are left out; the report and what was sent are kept."""
    reading = reported(location(item(0xD4, b"\xc8"), course=400))
    assert reading.course_deg is None
    assert reading.battery_pct is None
    assert reading.speed_kmh == 52.3
    assert (reading.extra or {})["refused_course_deg"] == 400
    assert (reading.extra or {})["refused_battery_pct"] == 200


@pytest.mark.parametrize("bit", range(32))
def test_each_alarm_bit(bit: int) -> None:
    """Each alarm bit gives its event and its name."""
    reading = reported(location(alarm=1 << bit))
    assert reading.seal_events == ALARM_EVENTS.get(bit, E.NONE)
    assert (reading.extra or {})["alarms"]
    assert (reading.extra or {})["alarm_bits"] == f"{1 << bit:08x}"


@pytest.mark.parametrize("bit", [15, 16, 17])
def test_reserved_bits_have_a_meaning_in_2019(bit: int) -> None:
    """What trackers of 2011 and 2013 use for tampering is a driver's or a tyre's alarm in 2019."""
    assert reported(location(alarm=1 << bit), version=1).seal_events == E.NONE


@given(alarm=st.integers(0, 2**32 - 1))
def test_no_event_hides_another(alarm: int) -> None:
    """Any combination of alarm bits gives exactly the events of its bits."""
    expected = E.NONE
    for bit, event in ALARM_EVENTS.items():
        if alarm >> bit & 1:
            expected |= event
    assert reported(location(alarm=alarm)).seal_events == expected


@pytest.mark.parametrize(
    ("alarm", "direction", "events"),
    [
        (20, 0, E.GEOFENCE_ENTERED),
        (20, 1, E.GEOFENCE_LEFT),
        (21, 0, E.NONE),
        (21, 1, E.OFF_ROUTE),
    ],
)
def test_area_item_tells_in_from_out(alarm: int, direction: int, events: SealEvent) -> None:
    """Item 12 says whether an area or a route was entered or left."""
    area = item(0x12, struct.pack(">BIB", 1, 77, direction))
    assert reported(location(area, alarm=1 << alarm)).seal_events == events


def test_deviation_outweighs_the_way_in() -> None:
    """A device that says it is off its route is off it, even as it enters another one."""
    area = item(0x12, struct.pack(">BIB", 4, 77, 0))
    assert reported(location(area, alarm=1 << 21 | 1 << 23)).seal_events == E.OFF_ROUTE


@pytest.mark.parametrize("bit", range(13, 18))
def test_open_doors(bit: int) -> None:
    """Each of the five door bits is an open door, but for a padlock, whose words are others."""
    reading = reported(location(status=2 | 1 << bit))
    assert reading.door_open is True
    assert reading.seal_events == E.DOOR_OPENED
    padlock = reported(location(item(0x6C, b"510101915927875"), status=2 | 1 << bit))
    assert padlock.door_open is None
    assert padlock.seal_events == E.NONE


def test_hemispheres_and_validity() -> None:
    """Bits 2 and 3 are south and west; without bit 1 the place is an old one, and 0, 0 is none."""
    reading = reported(location(status=0b1110))
    assert (reading.latitude_deg, reading.longitude_deg) == (-22.54321, -114.05786)
    assert reading.fix_kind == FixKind.GNSS
    assert reported(location(status=0)).fix_kind == FixKind.STALE
    nowhere = reported(location(latitude=0, longitude=0))
    assert nowhere.fix_kind == FixKind.NONE
    assert nowhere.speed_kmh is None


def test_header_of_2019() -> None:
    """The long identity is kept whole, and bit 22 of the status is motion."""
    reading = reported(location(status=LOCATED_AND_MOVING), version=1)
    assert reading.device_id == "00000000013812345678"
    assert reading.moving is True
    assert reported(location(), version=1).moving is False


def test_identity_that_is_an_imei() -> None:
    """An identity with hexadecimal digits is an IMEI in binary, completed by its check digit."""
    (reading,) = decoded(framed(0x0200, location(), identity=bytes.fromhex("4f07788ef676")))
    assert reading.device_id == "868935060005020"
    assert luhn_digit("86893506000502") == "0"


def test_items_that_are_not_known_or_do_not_fit() -> None:
    """Unknown items, items of another form and what is left at the end are kept in hex."""
    reading = reported(location(item(0x9F, b"\x01\x02") + item(0x01, b"\x05") + b"\x30\x09\x01"))
    extra = reading.extra or {}
    assert (extra["item_9f"], extra["item_01"], extra["items_rest"]) == ("0102", "05", "300901")
    assert reading.odometer_km is None


def test_batch_keeps_sound_reports_beside_a_damaged_one() -> None:
    """A damaged report in a batch costs itself, and the others say that it was there."""
    whole = location(alarm=1 << 17)
    body = struct.pack(">HB", 2, 1) + struct.pack(">H", len(whole)) + whole + struct.pack(">H", 3) + b"abc"
    (reading,) = decoded(framed(0x0704, body))
    assert reading.seal_events == E.TAMPERED
    assert reading.flags & Flag.BUFFERED
    assert (reading.extra or {})["damaged_reports"] == 1


def test_a_report_and_its_copy_in_a_batch_are_one() -> None:
    """A report that comes again in a batch has the identity of the first; another time has another."""
    body = location(alarm=1)
    batch = framed(0x0704, struct.pack(">HBH", 1, 1, len(body)) + body, serial=900)
    assert decoded(batch)[0].reading_id == reported(body).reading_id
    later = location(alarm=1, time=bytes.fromhex("261123140001"))
    assert reported(later).reading_id != reported(body).reading_id


def test_sub_packets_in_one_message() -> None:
    """Frames of all sub-packets one after the other are one message, whatever their order."""
    reports = [location(time=bytes.fromhex(f"2611231400{second:02d}")) for second in range(20)]
    body = struct.pack(">HB", 20, 0) + b"".join(struct.pack(">H", len(each)) + each for each in reports)
    parts = [
        framed(0x0704, body[at : at + 300], serial=7 + number, part=(number + 1, 3))
        for number, at in enumerate(range(0, len(body), 300))
    ]
    whole = decoded(b"".join(reversed(parts)))
    assert len(whole) == 20
    assert refused(parts[0] + parts[2]) == "mixed_frames"


def test_answers_with_a_location() -> None:
    """Answers to a location question and to a lock command carry a location report."""
    for message_id in (0x0201, 0x0500):
        (reading,) = decoded(framed(message_id, b"\x00\x09" + location()))
        assert reading.latitude_deg == 22.54321
        assert (reading.extra or {})["answered_serial"] == 9


ITEM_IDS = sorted(EVERY_ITEM)
items_of_any_form = st.lists(
    st.builds(item, st.sampled_from(ITEM_IDS), st.binary(max_size=40)), max_size=6
).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(items=items_of_any_form, alarm=st.integers(0, 2**32 - 1), status=st.integers(0, 2**32 - 1))
def test_items_of_any_content(items: bytes, alarm: int, status: int) -> None:
    """Whatever stands in known items, a sound frame gives a reading in range that has its alarms."""
    frame = framed(0x0200, location(items, alarm=alarm, status=status))
    (reading,) = decoded_or_refused("jt808", frame, None)
    expected = E.NONE
    for bit, event in ALARM_EVENTS.items():
        if alarm >> bit & 1 and bit not in (20, 21):
            expected |= event
    assert E(reading.seal_events) & expected == expected


@pytest.mark.parametrize("message_id", [*sorted(REPORTS), 0x0002, 0x0100])
@settings(max_examples=80, deadline=None)
@given(body=st.binary(max_size=300))
def test_messages_of_any_content(message_id: int, body: bytes) -> None:
    """Whatever stands in a known message, a sound frame is refused by name or gives readings in range."""
    if message_id in (0x5501, 0x5502):
        frame = lock_frame(items=body, message_id=message_id)
    else:
        frame = framed(message_id, body)
    decoded_or_refused("jt808", frame, None)


def test_driver_card() -> None:
    """A driver's card gives its number, state, result and name."""
    name = "李".encode("gbk")
    body = b"\x01" + bytes.fromhex("261123140000") + b"\x00" + bytes([len(name)]) + name
    body += b"44030119900101".ljust(20, b"\0") + b"\x02AB" + bytes.fromhex("20301231")
    (reading,) = decoded(framed(0x0702, body))
    extra = reading.extra or {}
    assert reading.card_id == "44030119900101"
    assert (extra["driver_name"], extra["card_issuer"], extra["card_expiry"]) == ("李", "AB", "20301231")


def test_camera_event_of_a_door() -> None:
    """0800 tells that a picture was taken, and why: an opened door counts, dated by its receipt."""
    (reading,) = decoded(framed(0x0800, bytes.fromhex("0000000900000401")))
    assert (reading.seal_events, reading.occurred_at_ms) == (SealEvent.DOOR_OPENED, RECEIVED_AT_MS)
    assert (reading.extra or {})["media_number"] == 9


def test_event_of_the_platform() -> None:
    """0301 is kept by the number that the platform has given to the event."""
    (reading,) = decoded(framed(0x0301, b"\5"))
    assert (reading.extra or {})["event_number"] == 5


def test_engine_values() -> None:
    """Items 80 to 8C are values of the engine: shifted by 40 °C, in tenths of a kilometre."""
    items = (
        item(0x81, b"\x04\x71") + item(0x84, b"\x7b") + item(0x86, b"\x14") + item(0x8C, b"\0\x08\xdc\xb6")
    )
    extra = reported(location(items)).extra or {}
    assert (extra["rpm"], extra["coolant_c"], extra["intake_c"]) == (1137, 83, -20)
    assert extra["obd_odometer_km"] == 58079.0


@pytest.mark.parametrize("message_id", sorted(ANSWERS))
def test_answers_to_commands_report_nothing(message_id: int) -> None:
    """A terminal's answers to questions of others are sound and say nothing about the cargo."""
    assert decoded(framed(message_id, bytes(7))) == []
