"""The books balance: what came in is what the devices add up to."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.ledger.ledger import Ledger, Message
from sealtrail.contract.codec import decode_arrivals, encode_readings
from sealtrail.contract.completeness import OTHERS, UNNAMED, Arrival, Tally
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.reading import Flag, Reading
from sealtrail.runtime.settings.completeness import CompletenessSettings
from tests.ingest.ledger.samples import MINUTE_MS, START_MS, arrival, refused

DEVICES = ("KE-0001", "KE-0002", "KE-0003", "bad\nname", "")
_device = st.sampled_from(DEVICES)
_time = st.integers(START_MS, START_MS + 3 * 86_400_000)
_count = st.integers(0, 5)
_reading = st.builds(
    lambda device, number, at_ms, delay_ms: arrival(
        hash((device, number)) % 2**64,
        at_ms,
        device_id=device or "KE-0009",
        sequence=number,
        received_at_ms=at_ms + delay_ms,
    ),
    _device,
    st.integers(0, 40),
    _time,
    st.sampled_from([500, 900_000, 90_000_000]),
)
_refusal = st.builds(
    lambda device, reason, at_ms: refused(reason, device_id=device, received_at_ms=at_ms),
    _device,
    st.sampled_from(["bad_json", "unknown_device"]),
    _time,
)
_tally = st.builds(
    lambda device, at_ms, numbers: Tally(
        device, "json", at_ms, numbers[0], numbers[1], numbers[2], {"rate_limited": numbers[0]}
    ),
    _device,
    _time,
    st.tuples(_count, _count, _count),
)
_batch = st.one_of(
    st.tuples(st.sampled_from(["readings", "retried"]), st.lists(_reading, max_size=12)),
    st.tuples(st.just("quarantined"), st.lists(_refusal, max_size=4)),
    st.tuples(st.just("tallies"), st.lists(_tally, max_size=4)),
)


def _apply(ledger: Ledger, kind: str, items: list) -> None:  # type: ignore[type-arg] # of three kinds
    if kind == "quarantined":
        ledger.take_quarantined(items)
    elif kind == "tallies":
        ledger.take_tallies(items)
    else:
        ledger.take_readings(items, retried=kind == "retried")


def _balanced(ledger: Ledger) -> None:
    totals, came_in = ledger.totals(START_MS), ledger.came_in
    assert totals.received == came_in.received
    assert totals.messages == came_in.messages
    shown = [account.shown(START_MS) for account in ledger.accounts.values()]
    assert all(one.balanced for one in shown)
    assert totals.received == sum(one.received for one in shown)


@settings(deadline=None)
@given(st.lists(_batch, max_size=25), st.integers(1, 4), st.sampled_from([0, 6, 1000]))
def test_sums_hold_whatever_comes(
    batches: list[tuple[str, list]],  # type: ignore[type-arg] # of three kinds
    followed: int,
    remembered: int,
) -> None:
    """After every batch the devices add up to what came in, and their days to the devices.

    With copies, refusals, retries, unusable names, more devices than are followed, and saved in the middle.
    """
    config = CompletenessSettings(followed_devices=followed, remembered_readings=remembered)
    ledger = Ledger(config)
    days: dict[tuple[str, int], int] = {}
    for place, (kind, items) in enumerate(batches):
        if place == len(batches) // 2:
            ledger = Ledger.restore(config, ledger.save())
        _apply(ledger, kind, items)
        _balanced(ledger)
        due = ledger.due_days()
        days.update({(day.device_id, day.day_ms): day.received for day in due})
        ledger.settle_days(due, len(due))
    assert sum(days.values()) == ledger.totals(START_MS).received
    assert len(ledger.accounts) <= followed + 2


@settings(deadline=None)
@given(st.lists(_reading, max_size=60), st.integers(1, 10))
def test_books_are_a_function_of_the_log(readings: list[Arrival], size: int) -> None:
    """However the readings are cut into batches, and wherever the books are saved, they are the same."""
    config = CompletenessSettings()
    whole, pieces = Ledger(config), Ledger(config)
    whole.take_readings(readings)
    for begin in range(0, len(readings), size):
        pieces.take_readings(readings[begin : begin + size])
        pieces = Ledger.restore(config, pieces.save())
    assert [one.shown(START_MS, gaps=True) for one in whole.accounts.values()] == [
        one.shown(START_MS, gaps=True) for one in pieces.accounts.values()
    ]


def test_each_kind_of_report_is_counted_by_its_name() -> None:
    """Late, out of order, duplicate, empty, refused and folded reports of one device, and nothing else."""
    ledger = Ledger(CompletenessSettings())
    first = arrival(1, START_MS, sequence=1)
    late = arrival(2, START_MS - MINUTE_MS, sequence=0, received_at_ms=START_MS + 20 * MINUTE_MS)
    last = arrival(4, START_MS + 3 * MINUTE_MS, sequence=4, container_id="MSCU6639870")
    ledger.take_readings([first, first, late])
    ledger.take_readings([late, last])
    ledger.take_quarantined([refused(), refused("bad_signature"), refused(topic="", payload=b"")])
    ledger.take_tallies(
        [Tally("KE-0001", "json", START_MS, duplicate=3, empty=1, folded=2, refused={"rate_limited": 7})]
    )
    shown = ledger.accounts["KE-0001"].shown(START_MS + 4 * MINUTE_MS, gaps=True)
    assert (shown.accepted, shown.duplicate, shown.empty) == (3, 5, 1)
    assert shown.refused == {"bad_json": 1, "bad_signature": 1, "rate_limited": 7}
    assert (shown.received, shown.messages) == (18, 16)
    assert (shown.late, shown.out_of_order) == (1, 1)
    assert [(gap.first, gap.last) for gap in shown.gaps] == [(2, 3)]
    assert shown.container_id == "MSCU6639870"
    assert not shown.silent
    _balanced(ledger)


def test_a_retry_brings_in_nothing_new() -> None:
    """A reading from the quarantine was received once, when it was refused; trying twice is nothing."""
    ledger = Ledger(CompletenessSettings())
    ledger.take_quarantined([refused()])
    ledger.take_readings([arrival(1)], retried=True)
    ledger.take_readings([arrival(1)], retried=True)
    totals = ledger.totals(START_MS)
    assert (totals.received, totals.accepted, totals.retried, totals.duplicate) == (1, 1, 1, 0)
    _balanced(ledger)


def test_invented_names_have_one_account() -> None:
    """Beyond the followed devices all are counted together; refused names take only a share of the room."""
    ledger = Ledger(CompletenessSettings(followed_devices=20))
    ledger.take_quarantined([refused("unknown_device", device_id=f"X-{number}") for number in range(500)])
    assert len(ledger.accounts) == 3
    ledger.take_readings([arrival(number, device_id=f"KE-{number}") for number in range(500)])
    assert len(ledger.accounts) == 20
    assert ledger.accounts[OTHERS].accepted == 500 - 17
    assert ledger.accounts[OTHERS].numbers is None
    ledger.take_quarantined([refused(device_id="")])
    assert ledger.accounts[UNNAMED].received == 1
    _balanced(ledger)


def test_a_repeated_append_is_counted_once() -> None:
    """A batch that stands on the log twice, because its confirmation was lost, is known by its message id."""
    ledger = Ledger(CompletenessSettings())
    assert ledger.begins(Message("LOG", 7, "gateway.1"))
    ledger = Ledger.restore(CompletenessSettings(), ledger.save())
    assert ledger.next_sequence("LOG") == 8
    assert not ledger.begins(Message("LOG", 9, "gateway.1"))
    assert ledger.begins(Message("OTHER", 1, "gateway.1"))
    assert ledger.begins(Message("LOG", 10, ""))
    assert ledger.begins(Message("LOG", 11, ""))
    assert ledger.next_sequence("LOG") == 12


def test_clock_offset_ignores_buffered_reports_and_tells_steps() -> None:
    """The least delay is the offset; a backlog after an outage is no step, a clock set wrong is one."""
    dice = random.Random(5)
    ledger = Ledger(CompletenessSettings())
    number = 0

    def send(occurred_ms: int, received_ms: int, flags: int = 0) -> None:
        nonlocal number
        number += 1
        ledger.take_readings([arrival(number, occurred_ms, received_at_ms=received_ms, flags=flags)])

    def live(begin: int, minutes: int, ahead_ms: int) -> None:
        for minute in range(begin, begin + minutes):
            at_ms = START_MS + minute * MINUTE_MS
            send(at_ms + ahead_ms, at_ms + 400 + dice.randrange(5_000))

    def shown() -> tuple[int, int, int]:
        one = ledger.accounts["KE-0001"].shown(START_MS)
        assert one.clock_offset_ms is not None
        return round(one.clock_offset_ms / 1000), one.clock_steps, round(one.clock_step_ms / 10_000) * 10

    live(0, 60, 0)
    assert shown() == (0, 0, 0) or shown() == (-1, 0, 0)
    for minute in range(60, 300):  # an outage of four hours, sent within 40 min
        send(START_MS + minute * MINUTE_MS, START_MS + (300 + (minute - 60) // 6) * MINUTE_MS)
    for minute in range(60):  # flagged ones say nothing, however old
        send(START_MS - minute * MINUTE_MS, START_MS + 340 * MINUTE_MS, int(Flag.BUFFERED))
    live(341, 60, 0)
    assert shown()[1:] == (0, 0)
    live(401, 60, 120_000)
    assert shown()[1:] == (1, 120)
    assert shown()[0] in (119, 120)


def test_interval_and_silence() -> None:
    """The interval is the median of the newest ones; silent is who is three of them overdue."""
    ledger = Ledger(CompletenessSettings())
    for minute in (0, 10, 20, 30, 600, 610, 620, 630):
        ledger.take_readings([arrival(minute + 1, START_MS + minute * MINUTE_MS)])
    account = ledger.accounts["KE-0001"]
    assert account.shown(START_MS).interval_s == 600
    assert not account.is_silent(START_MS + 655 * MINUTE_MS)
    assert account.is_silent(START_MS + 661 * MINUTE_MS)


def test_arrivals_are_the_beginning_of_readings() -> None:
    """What the ledger decodes of a batch is what the reading has, field by field."""
    fields = Arrival.__struct_fields__
    assert fields == Reading.__struct_fields__[: len(fields)]
    reading = Reading(
        device_id="KE-1",
        family="json",
        reading_id=2**64 - 1,
        occurred_at_ms=1,
        received_at_ms=2,
        container_id="MSCU6639870",
        sequence=3,
        device_time_ms=4,
        flags=5,
        latitude_deg=1.5,
        extra={"a": 1},
    )
    (found,) = decode_arrivals(encode_readings([reading]))
    assert all(getattr(found, name) == getattr(reading, name) for name in fields)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xc1garbage", b"\x97\x02\x80\x90\x90\x90\x90\x00"])
def test_a_foreign_snapshot_is_refused(data: bytes) -> None:
    """Bytes that are no ledger of this version are refused by name."""
    with pytest.raises(RefusedError):
        Ledger.restore(CompletenessSettings(), data)
