"""Order, duplication, batching, restarts: none of them changes what stands in the end."""

from __future__ import annotations

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.judge import Judge
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.codec import encode_alert_events
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState
from sealtrail.contract.trip import TripEvent, TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import (
    CONTAINER,
    SEAL,
    TRACKER,
    authorised,
    judge,
    planned,
    reading,
    standing,
    trip_event,
)

EVENTS = st.sampled_from(
    [SealEvent.NONE] * 6
    + [
        SealEvent.CUT,
        SealEvent.OPENED,
        SealEvent.CLOSED,
        SealEvent.TAMPERED,
        SealEvent.CUT | SealEvent.OPENED,
        SealEvent.SHOCK,
    ]
)
STATES = st.sampled_from([SealState.UNKNOWN] * 4 + [SealState.SEALED] * 2 + list(SealState))
OFFSETS = st.sampled_from([0.0] * 5 + [0.05, 0.06, 0.6, -0.04, 20.0])
KINDS = st.sampled_from([FixKind.GNSS] * 5 + [FixKind.CELL, FixKind.WIFI, FixKind.STALE, FixKind.NONE])
PLACES = st.one_of(
    st.none(),
    st.sampled_from([(0.0, 0.0), (math.nan, 10.0), (91.0, 10.0), (50.0, -180.0), (-90.0, 0.0)]),
)


@st.composite
def journeys(draw: st.DrawFn) -> list[Reading]:
    """Up to 45 reports of a seal and a tracker, some of them at the same time."""
    made: dict[int, Reading] = {}
    for number in range(draw(st.integers(2, 45))):
        minute = draw(st.sampled_from([number, number, number + 0.5, max(0, number - 1)])) * 1.0
        device = draw(st.sampled_from([SEAL, SEAL, TRACKER]))
        offset = draw(OFFSETS)
        place: tuple[float, float] | None = (50.0 + offset, 10.0 + 0.01 * minute)
        if draw(st.integers(0, 7)) == 0:
            place = draw(PLACES)
        report = reading(
            minute,
            place,
            device=device,
            events=draw(EVENTS),
            state=draw(STATES),
            kind=draw(KINDS),
            accuracy_m=draw(st.sampled_from([None, None, 10.0, 3_000.0, math.nan, -1.0, 0.0])),
            card_id=draw(st.sampled_from([None, None, "0012", "0099"])),
            flags=int(draw(st.sampled_from([Flag.NONE, Flag.NONE, Flag.BUFFERED, Flag.POSITION_REFUSED]))),
        )
        report.reading_id = (report.reading_id + number) % (1 << 64)
        made[report.reading_id] = report
    return list(made.values())


CUSTODY = st.lists(
    st.sampled_from(
        [
            authorised(3, 8),
            authorised(10, 20, card_ids=("0012",)),
            authorised(0, 40, place=planned().trip.origin),  # type: ignore[union-attr]
            trip_event(TripEventKind.ARMED, 12),
            trip_event(TripEventKind.ENDED, 30),
        ]
    ),
    max_size=3,
    unique_by=lambda event: event.event_id,
)


def run(batches: list[list[Reading]], *events: TripEvent, history: int = 128) -> list[AlertEvent]:
    """All alert events of a plan, trip events and batches of readings."""
    made = Judge(AnomalySettings(history_reports=history))
    told = made.apply_trip_events([planned(), *events])
    for batch in batches:
        told += made.apply_readings(batch)
    return told


def split(readings: list[Reading], seed: int) -> list[list[Reading]]:
    """Batches of one to nine readings."""
    rng, batches, start = random.Random(seed), [], 0
    while start < len(readings):
        size = rng.randint(1, 9)
        batches.append(readings[start : start + size])
        start += size
    return batches


@settings(max_examples=25, deadline=None)
@given(journeys(), CUSTODY, st.randoms(use_true_random=False))
def test_order_and_duplicates_change_nothing(
    journey: list[Reading], custody: list[TripEvent], rng: random.Random
) -> None:
    """Shuffled and doubled readings leave the same alerts as readings in order, one batch or many."""
    ordered = sorted(journey, key=lambda each: each.occurred_at_ms)
    expected = standing(run(split(ordered, 1), *custody))
    assert standing(run([ordered], *custody)) == expected
    shuffled = journey + rng.sample(journey, len(journey) // 2)
    rng.shuffle(shuffled)
    assert standing(run(split(shuffled, rng.randint(0, 99)), *custody)) == expected
    assert standing(run([[each] for each in shuffled], *custody)) == expected


@settings(max_examples=20, deadline=None)
@given(journeys(), CUSTODY, st.randoms(use_true_random=False))
def test_what_is_known_late_corrects_what_was_judged(
    journey: list[Reading], custody: list[TripEvent], rng: random.Random
) -> None:
    """Trip events that arrive after the readings leave the same alerts as those known before."""
    expected = standing(run(split(journey, 2), *custody))
    made = Judge(AnomalySettings(history_reports=128))
    told: list[AlertEvent] = []
    batches, late = split(journey, 3), [planned(), *custody]
    rng.shuffle(late)
    for batch in batches:
        told += made.apply_readings(batch)
    for event in late:
        told += made.apply_trip_events([event])
    assert standing(told) == expected


@settings(max_examples=20, deadline=None)
@given(journeys(), CUSTODY, st.integers(0, 1_000), st.sampled_from([8, 16, 64]))
def test_replay_gives_identical_bytes_also_over_a_restart(
    journey: list[Reading], custody: list[TripEvent], seed: int, history: int
) -> None:
    """The same log gives the same bytes; a snapshot taken at any point and restored changes none."""
    rng = random.Random(seed)
    log: list[list[Reading] | list[TripEvent]] = [[planned()], *split(journey, seed), custody]
    rng.shuffle(log)
    limits = AnomalySettings(history_reports=history)

    def play(restart_at: int | None) -> bytes:
        made, told = Judge(limits), []
        for number, message in enumerate(log):
            if number == restart_at:
                made = Judge.restore(limits, made.snapshot())
            if message and isinstance(message[0], Reading):
                told += made.apply_readings(message)
            else:
                told += made.apply_trip_events(message)  # type: ignore[arg-type]
        return encode_alert_events(told)

    expected = play(None)
    assert play(None) == expected
    assert play(rng.randrange(len(log))) == expected


@settings(max_examples=20, deadline=None)
@given(journeys(), st.randoms(use_true_random=False))
def test_no_breach_is_lost_beyond_the_history(journey: list[Reading], rng: random.Random) -> None:
    """With a history of eight reports, however shuffled, a cut that was reported is an alert."""
    shuffled = journey[:]
    rng.shuffle(shuffled)
    cut = [each for each in journey if each.seal_events & SealEvent.CUT or each.seal_state == SealState.CUT]
    alerts = standing(run([[each] for each in shuffled], history=8))
    assert any(alert[0] == "SEAL_CUT" for alert in alerts) == bool(cut)


@settings(max_examples=25, deadline=None)
@given(st.lists(journeys(), min_size=2, max_size=5))
def test_many_containers_at_once_are_judged_like_each_alone(fleet: list[list[Reading]]) -> None:
    """The vectorised step over several containers says of each what it says of it alone.

    But for what they say together: neighbours, and the silence of one while others are heard.
    """
    alone = {"neighbours_least": 1000, "silent_unlearned_s": 1e9}
    expected, mixed = [], []
    for number, journey in enumerate(fleet):
        container = f"{CONTAINER}-{number}"
        for each in journey:
            each.container_id = container
        expected += standing(judge(planned(container=container), **alone).apply_readings(journey))
        mixed += journey
    mixed.sort(key=lambda each: each.reading_id)
    plans = (planned(container=f"{CONTAINER}-{number}") for number in range(len(fleet)))
    together = judge(*plans, **alone)
    assert standing(together.apply_readings(mixed)) == sorted(expected)
