"""Position jumps on real AIS tracks whose identities are shared or spoofed.

A jump onset, as the data's description defines it, is a row whose segment differs
from the row before and that lies more than 5 km from it. Found is what the position
rule says with its default settings: the first fix of an episode, and the first one
back at the place held for true. The fix by which it comes to believe the other place
is no onset. Rows at 91 N 181 E are AIS's word for "no position": the judgement takes
none from them before any rule sees them, so they are counted beside the rule: found
by the range check where they begin and where they end. Nothing is tuned on these tracks.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from anomaly.judge import Judge
from anomaly.reports import NO_PLACE, gather
from anomaly.rules.position_implausible import JUMP, NAME, OK
from anomaly.sphere import Bools, Floats, between_m, distance_m, unit_vectors
from bench.detection.result import GfwFigures, TrackFigures, compared
from bench.errors import BenchError
from sealtrail.contract.reading import FixKind, Reading, reading_id_of
from sealtrail.runtime.settings.anomaly import AnomalySettings

SWAP_M = 5_000.0
KNOT_M_S = 0.5144
EXPLAINED_FACTOR = 1.5
"""A missed onset is explained where the way needs at most so many times the ship's own reported speed."""
EXPLAINED_SLACK_M = 2_000.0
"""And so many metres: long-range AIS messages round positions to a minute of arc."""


class Track(NamedTuple):
    """One track; arrays of equal length, in file order."""

    name: str
    at_s: Floats
    vectors: Floats
    speed_kn: Floats  # as reported; NaN where it isn't
    onsets: set[int]
    readings: list[Reading]


def read_track(path: Path) -> Track:
    """A track of a gzipped CSV with ``time_utc, lat, lon, speed_kn, segment``."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    name = path.name.removesuffix(".csv.gz")
    places = [(float(row["lat"]), float(row["lon"])) for row in rows]
    at_ms = [round(dt.datetime.fromisoformat(row["time_utc"]).timestamp() * 1000) for row in rows]
    readings = [
        Reading(
            device_id=name,
            family="json",
            reading_id=reading_id_of(name, number, at, b""),
            occurred_at_ms=at,
            received_at_ms=at,
            fix_kind=int(FixKind.GNSS),
            latitude_deg=place[0],
            longitude_deg=place[1],
        )
        for number, (at, place) in enumerate(zip(at_ms, places, strict=True))
    ]
    onsets = {
        i
        for i in range(1, len(rows))
        if rows[i]["segment"] != rows[i - 1]["segment"] and between_m(places[i], places[i - 1]) > SWAP_M
    }
    latitude, longitude = np.array(places).T
    speed = np.array([float(row["speed_kn"] or "nan") for row in rows])
    return Track(name, np.array(at_ms) / 1000, unit_vectors(latitude, longitude), speed, onsets, readings)


class Said(NamedTuple):
    """What a rule says of a track."""

    onsets: set[int]
    held: list[bool]  # whether each fix is held for true, in order of time
    at_s: list[float]  # of those fixes


def rule_says(track: Track) -> Said:
    """The position rule, within the judge, its settings the defaults."""
    judge = Judge(AnomalySettings(signals_kept=1_000_000))
    judge.apply_readings(track.readings)
    [file] = judge.containers.files
    row_of = {reading.reading_id: row for row, reading in enumerate(track.readings)}
    onsets: set[int] = set()
    begins: dict[int, int] = {}
    for (_, rule), kept in file.tracks.items():
        for signal in kept.signals if rule == NAME else ():
            row = row_of[signal.at.reading_id]
            begins[row] = signal.code
            if signal.code == JUMP or (signal.code == OK and "moved" not in signal.numbers):
                onsets.add(row)
    held, code = [], OK
    placed = np.flatnonzero(on_earth(track)).tolist()
    placed.sort(key=lambda row: (track.readings[row].occurred_at_ms, track.readings[row].reading_id))
    for row in placed:
        code = begins.get(row, code)
        held.append(code == OK)
    return Said(onsets, held, track.at_s[placed].tolist())


def on_earth(track: Track) -> Bools:
    """Which rows the judgement takes for positions at all."""
    rows = gather(track.readings, AnomalySettings())
    if rows is None:
        raise BenchError("a track holds times that are none")
    quality: Bools = rows["quality"] != NO_PLACE
    return quality


def range_check_says(track: Track) -> set[int]:
    """Rows at which positions begin and end to be none."""
    return set((np.flatnonzero(np.diff(on_earth(track))) + 1).tolist())


def speed_limit_says(track: Track) -> Said:
    """Baseline without memory: faster than the limit from the fix before."""
    limit = AnomalySettings().max_speed_m_s
    far = distance_m(track.vectors[1:], track.vectors[:-1])
    fast = far > limit * np.maximum(np.diff(track.at_s), 0)
    return Said(set((np.flatnonzero(fast) + 1).tolist()), [True, *(~fast).tolist()], track.at_s.tolist())


def speed_filter_says(track: Track) -> Said:
    """Baseline as Traccar's filter: faster than the limit from the last fix that passed."""
    limit = AnomalySettings().max_speed_m_s
    onsets: set[int] = set()
    held, last = [True], 0
    for i in range(1, len(track.at_s)):
        far = float(distance_m(track.vectors[i], track.vectors[last]))
        passes = far <= limit * max(track.at_s[i] - track.at_s[last], 0)
        if not passes:
            onsets.add(i)
        held.append(passes)
        last = i if passes else last
    return Said(onsets, held, track.at_s.tolist())


def longest_run(held: Sequence[bool], at_s: Sequence[float]) -> tuple[int, float]:
    """Most fixes in a row not held for true, and the longest time from first to last of a row."""
    most, longest_s, begin = 0, 0.0, -1
    for i, good in enumerate(held):
        if good:
            begin = -1
            continue
        begin = i if begin < 0 else begin
        most, longest_s = max(most, i - begin + 1), max(longest_s, at_s[i] - at_s[begin])
    return most, longest_s


def explained(track: Track, onset: int) -> bool:
    """Whether a ship at its own reported speed comes from the row before to an onset."""
    reported = np.nan_to_num(track.speed_kn[[onset - 1, onset]], nan=0.0)
    seconds = float(track.at_s[onset] - track.at_s[onset - 1])
    far = float(distance_m(track.vectors[onset], track.vectors[onset - 1]))
    return far <= EXPLAINED_FACTOR * float(reported.max()) * KNOT_M_S * seconds + EXPLAINED_SLACK_M


def run(folder: Path) -> GfwFigures:
    """Figures of every track of a folder."""
    tracks: list[TrackFigures] = []
    known = 0
    for path in sorted(folder.glob("*.csv.gz")):
        track = read_track(path)
        said, limited, filtered = rule_says(track), speed_limit_says(track), speed_filter_says(track)
        most, seconds = longest_run(said.held, said.at_s)
        judged = said.onsets | range_check_says(track)
        known += sum(explained(track, onset) for onset in track.onsets - judged)
        tracks.append(
            TrackFigures(
                name=track.name,
                fixes=len(track.readings),
                onsets=len(track.onsets),
                judged=compared(judged, track.onsets),
                rule=compared(said.onsets, track.onsets),
                speed_limit=compared(limited.onsets, track.onsets),
                speed_filter=compared(filtered.onsets, track.onsets),
                rejected=said.held.count(False),
                longest_run=most,
                longest_run_s=seconds,
                filter_longest_run=longest_run(filtered.held, filtered.at_s)[0],
            )
        )
    return GfwFigures(tracks=tracks, explained=known)
