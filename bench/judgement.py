"""``python -m bench.judgement``: what a reading and a container cost, by the size of the fleet."""

from __future__ import annotations

import cProfile
import gc
import itertools
import os
import pstats
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from anomaly.judge import Judge
from sealtrail.contract.reading import FixKind, Reading, SealState
from sealtrail.contract.trip import Corridor, Trip, TripEvent, TripEventKind
from sealtrail.runtime.settings.anomaly import AnomalySettings

START_MS = 1_800_000_000_000
EVERY_MS = 300_000
BATCH = 1_000
CORRIDOR = Corridor(coordinates=tuple((10 + n / 10, 50.0) for n in range(60)), half_width_m=(3_000.0,))
"""The way of all of them."""


MOST_IN_A_PARTITION = 62_500
"""A process judges a million containers in sixteen partitions."""


class Figures(NamedTuple):
    """What one fleet cost."""

    containers: int
    trip_bytes: float
    bytes: float
    us: float
    snapshot_s: float
    snapshot_bytes: float
    restore_s: float


def report(number: int, step: int, share: float) -> Reading:
    """A normal report of a container: its ``step``-th, on its way, at that share of the interval."""
    at_ms = START_MS + step * EVERY_MS + round(share * EVERY_MS)
    return Reading(
        device_id=f"JT-{number:09}",
        family="json",
        reading_id=(number << 32 | step) * 0x9E3779B97F4A7C15 % (1 << 64),
        occurred_at_ms=at_ms,
        received_at_ms=at_ms + 2_000,
        container_id=f"MSKU{number:07}",
        fix_kind=int(FixKind.GNSS),
        latitude_deg=50.0 + (step % 7) * 1e-4,
        longitude_deg=10.0 + step * 2e-2,
        accuracy_m=10.0,
        seal_state=int(SealState.SEALED),
    )


def plan(number: int) -> TripEvent:
    """A container's trip along the common way."""
    container, trip_id = f"MSKU{number:07}", f"T-{number}"
    return TripEvent(
        event_id=f"plan-{number}",
        kind=TripEventKind.PLANNED,
        occurred_at_ms=START_MS,
        recorded_at_ms=START_MS,
        container_id=container,
        trip_id=trip_id,
        trip=Trip(
            trip_id=trip_id,
            container_id=container,
            device_ids=(f"JT-{number:09}",),
            corridor=CORRIDOR,
            departs_at_ms=START_MS,
        ),
    )


def resident_bytes() -> int:
    """This process's memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def drawn(partitions: list[list[int]], first_step: int) -> Iterator[tuple[int, list[Reading]]]:
    """Batches of random containers of one partition after the other, without end.

    Each container reports once in each interval.
    """
    rng = random.Random(first_step)
    for step in itertools.count(first_step):
        for numbers in partitions:
            rng.shuffle(numbers)
        for at in range(0, len(partitions[0]), BATCH):
            share = at / len(partitions[0])
            for place, numbers in enumerate(partitions):
                yield place, [report(number, step, share) for number in numbers[at : at + BATCH]]


def measure(containers: int, warm_up: int, count: int, profile: int) -> Figures:
    """Plan and warm up a fleet, each container with so many reports; then judge ``count`` and save it."""
    number = -(-containers // MOST_IN_A_PARTITION)
    partitions = [list(range(n, containers, number)) for n in range(number)]
    judges = [Judge(AnomalySettings()) for _ in partitions]
    empty = resident_bytes()
    for judge, numbers in zip(judges, partitions, strict=True):
        for first in range(0, len(numbers), BATCH):
            judge.apply_trip_events([plan(n) for n in numbers[first : first + BATCH]])
    planned = resident_bytes()
    batches = drawn(partitions, 1)
    told = 0
    for place, batch in itertools.islice(batches, warm_up * _batches(partitions)):
        told += len(judges[place].apply_readings(batch))
    used = resident_bytes()
    if told > containers:
        raise click.ClickException(f"{told - containers} alerts in a load in which nothing happens")
    watched, spent_s, judged = cProfile.Profile(), 0.0, 0
    while judged < count:
        place, batch = next(batches)
        judged += len(batch)
        begun_s = time.process_time()
        if profile:
            watched.runcall(judges[place].apply_readings, batch)
        else:
            judges[place].apply_readings(batch)
        spent_s += time.process_time() - begun_s
    if profile:
        pstats.Stats(watched).sort_stats("tottime").print_stats(profile)
    saved_bytes, snapshot_s, restore_s = 0, 0.0, 0.0
    for place in range(number):
        begun_s = time.perf_counter()
        saved = judges[place].snapshot()
        snapshot_s += time.perf_counter() - begun_s
        saved_bytes += len(saved)
        judges[place] = Judge(AnomalySettings())
        begun_s = time.perf_counter()
        judges[place] = Judge.restore(AnomalySettings(), saved)
        restore_s += time.perf_counter() - begun_s
    return Figures(
        containers,
        (planned - empty) / containers,
        (used - planned) / containers,
        spent_s / judged * 1e6,
        snapshot_s,
        saved_bytes / containers,
        restore_s,
    )


def _batches(partitions: list[list[int]]) -> int:
    """How many batches one report of each container makes."""
    return len(partitions) * -(-len(partitions[0]) // BATCH)


@click.command()
@click.option("--containers", default="10000,100000", show_default=True, help="Sizes of fleets.")
@click.option("--warm-up", default=40, show_default=True, help="Reports of each container before.")
@click.option("--readings", default=100_000, show_default=True, help="Readings measured.")
@click.option("--profile", default=0, help="Also print so many lines of the profile (the figures suffer).")
def main(containers: str, warm_up: int, readings: int, profile: int) -> None:
    """Measure the judgement alone: CPU a reading, memory a container, time to save and restore all.

    Example: python -m bench.judgement --containers 10000,1000000
    """
    click.echo("containers   µs/reading   bytes/container   + its trip   snapshot s   bytes each   restore s")
    for size in containers.split(","):
        found = measure(int(size), warm_up, readings, profile)
        click.echo(
            f"{found.containers:10,}   {found.us:10.2f}   {found.bytes:15,.0f}   {found.trip_bytes:10,.0f}"
            f"   {found.snapshot_s:10.2f}   {found.snapshot_bytes:10,.0f}   {found.restore_s:9.2f}"
        )


if __name__ == "__main__":
    main()
