"""Real container journeys under `sealtrail judge`, as far as it says what a person needn't hear.

Nothing in these journeys is known to be a breach or a detour, so every alert is a false
one: doors are opened at loading and unloading, for which the plan holds authorisations.
That a verdict isn't merely mute is shown by its opposite: without authorisations, with
the corridor ten degrees aside, with positions put where they can't be.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from anomaly.rules.catalogue import JUDGED
from anomaly.sphere import between_m
from bench.detection.itineraries import ITINERARIES, Itinerary, corridor_of, place_of
from bench.detection.result import JourneyFigures
from sealtrail.commands.judge import judge_readings, pair
from sealtrail.commands.judge_input import readings_of
from sealtrail.contract.alert import CATALOGUE, AlertAction, AlertEvent, AlertFamily, AlertType
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.reading import FixKind, Reading
from sealtrail.contract.trip import Authorisation, SensorLimit, Trip
from sealtrail.runtime.settings.anomaly import AnomalySettings

NEAR_M = 50_000.0
"""A box this near to a call is there."""
ASIDE_DEG = 10.0
FASTEST_M_S = 160 / 3.6
INJECTED = 10
INJECTED_DEG = 30.0  # further than anything travels in `INJECTED_GAP_MS`
INJECTED_GAP_MS = 12 * 3_600_000
APART = 4  # positions between two injected ones
SHOCK_G = 4.0
SEED = 1

ARRIVAL = {AlertType.SILENT.value, AlertType.LIKELY_THEFT.value, AlertType.SENSOR_ANOMALY.value}
"""Whether a device was silent depends on when its reports come, and so do what is made of it and
what is unusual by the values that came before."""

Standing = set[tuple[str, int, str]]


class Windows(NamedTuple):
    """When the box is where it is loaded and unloaded, milliseconds."""

    left_ms: int
    arrived_ms: int


def standing(events: Sequence[AlertEvent]) -> Standing:
    """Type, beginning and severity of every alert that was not retracted."""
    last = {event.alert_id: event for event in events}
    return {
        (event.type.value, event.occurred_at_ms, event.severity.value)
        for event in last.values()
        if event.action is not AlertAction.RETRACTED
        and (CATALOGUE[event.type].family is not AlertFamily.CUSTODY)
    }


def of_type(found: Standing, *types: AlertType) -> list[int]:
    """Beginnings of the alerts of some types."""
    return sorted(at_ms for name, at_ms, _ in found if name in {each.value for each in types})


BREACHES = tuple(each for each, entry in CATALOGUE.items() if entry.family is AlertFamily.BREACH)


def placed(readings: Sequence[Reading]) -> list[Reading]:
    """Satellite positions in order of time."""
    found = [each for each in readings if each.fix_kind == FixKind.GNSS and each.latitude_deg is not None]
    return sorted(found, key=lambda each: (each.occurred_at_ms, each.reading_id))


def position(reading: Reading) -> tuple[float, float]:
    """(latitude, longitude) of a reading that has one."""
    if reading.latitude_deg is None or reading.longitude_deg is None:
        raise ValueError("no position")
    return reading.latitude_deg, reading.longitude_deg


def windows_of(itinerary: Itinerary, readings: Sequence[Reading]) -> Windows:
    """From the positions: first one away from the first call, first one then at one of the last two."""
    fixes = [each for each in readings if each.latitude_deg is not None]
    fixes.sort(key=lambda each: each.occurred_at_ms)
    first, last = place_of(itinerary.calls[0]), [place_of(call) for call in itinerary.calls[-2:]]
    gone = [fix.occurred_at_ms for fix in fixes if between_m(position(fix), first) > NEAR_M]
    there = [
        fix.occurred_at_ms
        for fix in fixes
        if gone
        and fix.occurred_at_ms > gone[0]
        and min(between_m(position(fix), each) for each in last) < NEAR_M
    ]
    end_ms = max(each.occurred_at_ms for each in readings)
    return Windows(gone[0] if gone else end_ms, there[0] if there else end_ms)


def trip_of(itinerary: Itinerary, readings: Sequence[Reading], *, authorised: bool = True) -> Trip:
    """The plan of a journey."""
    times = [each.occurred_at_ms for each in readings]
    windows = windows_of(itinerary, readings)
    leaves = (
        Authorisation(
            authorisation_id="departure",
            granted_by="customs at departure",
            valid_from_ms=min(times),
            valid_until_ms=windows.left_ms,
            reason="loading",
        ),
        Authorisation(
            authorisation_id="arrival",
            granted_by="customs at arrival",
            valid_from_ms=windows.arrived_ms,
            valid_until_ms=max(times),
            reason="unloading",
        ),
    )
    return Trip(
        trip_id=itinerary.container_id,
        container_id=itinerary.container_id,
        device_ids=tuple(sorted({each.device_id for each in readings})),
        departs_at_ms=min(times),
        corridor=corridor_of(itinerary),
        authorisations=leaves if authorised else (),
        cargo_limits=(SensorLimit(quantity="shock_g", greatest=SHOCK_G),),
    )


def judged(readings: Sequence[Reading], trip: Trip, *, as_arrived: bool = False) -> Standing:
    """What stands in the end, by the code of `sealtrail judge`."""
    copies = [msgspec.structs.replace(each) for each in readings]
    pair(copies, [trip])
    return standing(judge_readings(copies, [trip], AnomalySettings(), as_arrived=as_arrived))


def aside(readings: Sequence[Reading]) -> list[Reading]:
    """The same journey ten degrees nearer to the equator, or beyond it."""
    return [_shifted(each, ASIDE_DEG) if each.latitude_deg is not None else each for each in readings]


def _shifted(reading: Reading, degrees: float) -> Reading:
    latitude_deg, _ = position(reading)
    return msgspec.structs.replace(
        reading, latitude_deg=latitude_deg - (degrees if latitude_deg > 0 else -degrees)
    )


def injected(readings: Sequence[Reading]) -> tuple[list[Reading], set[int]]:
    """The journey with a few positions 30 degrees of latitude away, and the times of those."""
    fixes = placed(readings)
    times = [each.occurred_at_ms for each in fixes]
    fit = [
        i
        for i in range(1, len(fixes) - 1)
        if times[i - 1] < times[i] < times[i + 1] and times[i + 1] - times[i - 1] < INJECTED_GAP_MS
    ]
    random.Random(SEED).shuffle(fit)
    chosen: list[int] = []
    for i in fit:
        if len(chosen) < INJECTED and all(abs(i - other) >= APART for other in chosen):
            chosen.append(i)
    away = {fixes[i].reading_id for i in chosen}
    return (
        [_shifted(each, INJECTED_DEG) if each.reading_id in away else each for each in readings],
        {times[i] for i in chosen},
    )


def jumps_by_speed(readings: Sequence[Reading]) -> int:
    """Neighbouring satellite positions further apart than 160 km/h and both radii, twice, allow."""
    number = 0
    fixes = placed(readings)
    for a, b in itertools.pairwise(fixes):
        slack_m = 2 * ((a.accuracy_m or 0.0) + (b.accuracy_m or 0.0))
        seconds = (b.occurred_at_ms - a.occurred_at_ms) / 1000
        number += between_m(position(a), position(b)) > FASTEST_M_S * max(seconds, 60.0) + slack_m
    return number


def shock_episodes(readings: Sequence[Reading]) -> list[tuple[int, int]]:
    """First and last time of runs of rows of more than 4 g, apart by more than the rule joins."""
    apart_ms = AnomalySettings().shock_join_s * 1000
    times = sorted(each.occurred_at_ms for each in readings if (each.shock_g or 0.0) > SHOCK_G)
    episodes: list[tuple[int, int]] = []
    for at_ms in times:
        if episodes and at_ms - episodes[-1][1] <= apart_ms:
            episodes[-1] = (episodes[-1][0], at_ms)
        else:
            episodes.append((at_ms, at_ms))
    return episodes


def variants(readings: Sequence[Reading], trip: Trip) -> dict[str, list[str]]:
    """Types of the alerts that differ where the rows come in another order, or twice.

    Silence, and what is composed of it, is left out (`ARRIVAL`).
    """
    expected = judged(readings, trip)
    shuffled = list(readings)
    random.Random(SEED).shuffle(shuffled)
    doubled = [each for each in readings for _ in range(2)]
    newest = sorted(readings, key=lambda each: -each.occurred_at_ms)
    found = {
        "as in the file": judged(readings, trip, as_arrived=True),
        "doubled": judged(doubled, trip),
        "shuffled": judged(shuffled, trip, as_arrived=True),
        "newest first": judged(newest, trip, as_arrived=True),
    }
    return {
        variant: sorted({name for name, _, _ in expected ^ others} - ARRIVAL)
        for variant, others in found.items()
    }


def read_journey(path: Path) -> list[Reading]:
    """Readings of a journey, as `sealtrail judge` reads them. Raises `RefusedError` for a bad row."""

    def refuse(number: int, error: RefusedError) -> None:
        raise RefusedError(error.reason, f"{path.name}:{number}: {error.detail}")

    with path.open(encoding="utf-8", newline="") as lines:
        return list(readings_of(lines, refuse))


def figures(path: Path, itinerary: Itinerary) -> JourneyFigures:
    """All figures of one journey."""
    readings = read_journey(path)
    trip, bare = trip_of(itinerary, readings), trip_of(itinerary, readings, authorised=False)
    found = judged(readings, trip)
    jumping, jumped_at = injected(readings)
    jumps = set(of_type(judged(jumping, trip), AlertType.POSITION_IMPLAUSIBLE))
    episodes = shock_episodes(readings)
    shocks = of_type(found, AlertType.SHOCK)
    speaks = any(AlertType.SHOCK in rule.types for rule in JUDGED)
    off = aside(jumping)
    return JourneyFigures(
        name=path.stem,
        readings=len(readings),
        positions=sum(each.latitude_deg is not None for each in readings),
        breaches_authorised=len(of_type(found, *BREACHES)),
        breaches_unauthorised=len(of_type(judged(readings, bare), *BREACHES)),
        deviations=len(of_type(found, AlertType.ROUTE_DEVIATION)),
        deviations_aside=len(of_type(judged(aside(readings), trip), AlertType.ROUTE_DEVIATION)),
        jumps_by_speed=jumps_by_speed(readings),
        jumps_said=len(of_type(found, AlertType.POSITION_IMPLAUSIBLE)),
        jumps_injected=len(jumped_at),
        jumps_found=len(jumps & jumped_at),
        jumps_invented=len(jumps - jumped_at - set(of_type(found, AlertType.POSITION_IMPLAUSIBLE))),
        shock_episodes=len(episodes),
        shocks_said=len(shocks) if speaks else None,
        shocks_right=sum(any(begin <= at_ms <= end for at_ms in shocks) for begin, end in episodes),
        variants=variants(off, bare),
    )


def run(folder: Path) -> list[JourneyFigures]:
    """Figures of every journey whose itinerary is known."""
    return [
        figures(path, itinerary)
        for name, itinerary in ITINERARIES.items()
        if (path := folder / f"journey-{name}.csv").exists()
    ]


def unknown(folder: Path) -> list[str]:
    """Names of journeys in a folder whose itinerary isn't known."""
    known = {f"journey-{name}" for name in ITINERARIES}
    return sorted(path.stem for path in folder.glob("journey-*.csv") if path.stem not in known)
