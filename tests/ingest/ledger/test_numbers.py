"""Gaps are exactly the numbers that never came, whatever the order in which the others did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.ledger.numbers import LARGEST_GAP, Numbers
from sealtrail.contract.completeness import Gap

MINUTE_MS = 60_000
MANY = 10_000


def _at(place: int) -> int:
    return 1_790_000_000_000 + place * MINUTE_MS


def _numbers(reports: list[tuple[int, int]], most: int = MANY) -> Numbers:
    """After (number, time) came in that order."""
    numbers = Numbers()
    for number, at_ms in reports:
        numbers.add(number, at_ms, most)
    return numbers


def _named(numbers: Numbers) -> list[int]:
    """The missing numbers one by one."""
    return [number for gap in numbers.gaps() for number in range(gap.first, gap.last + 1)]


@given(data=st.data(), first=st.integers(0, 2**53), length=st.integers(2, 60))
def test_any_order_leaves_exactly_the_missing_numbers(data: st.DataObject, first: int, length: int) -> None:
    """Between the first and the last number that came, what is missing is what didn't come."""
    reports = [(first + place, _at(place)) for place in range(length)]
    came = data.draw(st.lists(st.sampled_from(reports), min_size=1, unique=True))
    numbers = _numbers(came)
    present = {number for number, _ in came}
    expected = [number for number in range(min(present), max(present)) if number not in present]
    assert _named(numbers) == expected
    assert numbers.missing == len(expected)
    assert numbers.restarts == 0


@given(data=st.data(), length=st.integers(2, 60), wraps_after=st.integers(0, 60))
def test_a_count_of_16_bits_goes_round(data: st.DataObject, length: int, wraps_after: int) -> None:
    """65535 is followed by 0, in whatever order they come; nothing else is missing, and nobody restarted."""
    reports = [((65_535 - wraps_after + place) % 65_536, _at(place)) for place in range(length)]
    came = data.draw(st.lists(st.sampled_from(reports), min_size=1, unique=True))
    numbers = _numbers(came)
    places = sorted(reports.index(report) for report in came)
    present = set(places)
    expected = [reports[place][0] for place in range(places[0], places[-1]) if place not in present]
    assert _named(numbers) == expected
    assert numbers.restarts == 0


@given(data=st.data(), lives=st.lists(st.integers(1, 12), min_size=1, max_size=5))
def test_a_restarted_count_is_no_gap_and_late_reports_find_their_own_life(
    data: st.DataObject, lives: list[int]
) -> None:
    """Numbers that are used again after a restart close no gap of the life before, nor the other way round.

    The first report of each life comes in time; of the others any may be lost or late.
    """
    reports: list[list[tuple[int, int]]] = []
    place = 0
    for length in lives:
        reports.append([(1 + number, _at(place + number)) for number in range(length)])
        place += length
    order: list[tuple[int, tuple[int, int]]] = []
    came: list[list[tuple[int, int]]] = []
    for life in reports:
        kept = [life[0], *(one for one in life[1:] if data.draw(st.booleans()))]
        came.append(kept)
        for one in kept:
            is_first = one is life[0]
            late_ms = 0 if is_first else data.draw(st.sampled_from([0, 0, 5, 40])) * MINUTE_MS
            order.append((one[1] + late_ms, one))
    numbers = _numbers([one for _, one in sorted(order)])
    expected = [
        number for life in came for number in range(1, life[-1][0]) if number not in {one for one, _ in life}
    ]
    assert _named(numbers) == expected
    assert numbers.restarts == sum(before[-1][0] > 1 for before in came[:-1])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=80), st.integers(1, 8))
def test_nothing_a_device_sends_makes_it_grow(reports: list[tuple[int, int]], most: int) -> None:
    """However contradictory numbers and times are, runs are bounded, in order, and counts not negative."""
    numbers = _numbers([(number, _at(place)) for number, place in reports], most)
    assert len(numbers.runs) <= most
    assert [run[2] for run in numbers.runs] == sorted(run[2] for run in numbers.runs)
    assert all(run[0] <= run[1] and run[2] <= run[3] for run in numbers.runs)
    assert numbers.missing >= numbers.forgotten >= 0
    assert numbers.missing == numbers.forgotten + len(_named(numbers))


def test_gaps_say_between_which_reports_they_lie() -> None:
    """A gap has the times of the reports on both sides of it; a late one in its middle makes two of it."""
    numbers = _numbers([(1, _at(1)), (9, _at(9))])
    assert numbers.gaps() == (Gap(2, 8, _at(1), _at(9)),)
    numbers.add(5, _at(5), MANY)
    assert numbers.gaps() == (Gap(2, 4, _at(1), _at(5)), Gap(6, 8, _at(5), _at(9)))
    for number in (2, 4, 3):
        numbers.add(number, _at(number), MANY)
    assert numbers.gaps() == (Gap(6, 8, _at(5), _at(9)),)


def test_old_gaps_are_summed() -> None:
    """Beyond the runs that are kept missing numbers still count, but aren't named and can't be closed."""
    numbers = _numbers([(number, _at(number)) for number in range(1, 21, 2)], most=3)
    assert numbers.missing == 9
    assert _named(numbers) == [16, 18]
    assert numbers.forgotten == 7
    numbers.add(4, _at(4), 3)
    assert numbers.missing == 9


def test_a_jump_too_far_is_a_new_beginning() -> None:
    """A count that jumps by more than any loss of reports explains leaves no gap of millions."""
    numbers = _numbers([(1, _at(1)), (2 + LARGEST_GAP, _at(2)), (10**12, _at(3))])
    assert numbers.restarts == 2
    assert numbers.missing == 0


@pytest.mark.parametrize("back", [1, 30])
def test_a_clock_that_is_set_back_is_no_restart(back: int) -> None:
    """Numbers that go on while the time steps back are no new count, and those lost then are missing."""
    before = [(number, _at(number)) for number in range(1, 61)]
    after = [(number, _at(number - back)) for number in range(61, 91) if number != 70]
    numbers = _numbers(before + after)
    assert _named(numbers) == [70]
    assert numbers.restarts == 0
