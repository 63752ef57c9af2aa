"""From the route rule's signals to deviations: intervals of devices merged, words, figures."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from anomaly.corridor import Located
from anomaly.custody import Segment
from anomaly.reports import Sighting, sighting
from anomaly.rules.rule import Case, Cleared, Finding, Rows, Signal, Spot, severity_under
from anomaly.words import distance, lateness, moment, span
from sealtrail.contract.alert import CATALOGUE, AlertType, Severity

NAME = "route_deviation"
VERSION = 1


def figures(located: Located, i: int) -> dict[str, float]:
    """Offset and progress of one located position, rounded to what a person needs."""
    return {
        "offset_m": float(round(float(located.offset_m[i]))),
        "beyond_edge_m": float(round(float(located.excess_m[i]))),
        "half_width_m": float(round(float(located.half_width_m[i]))),
        "corridor_km": round(float(located.along_m[i]) / 1000, 1),
        "side": float(located.side[i]),
    }


def out_signal(code: int, rows: Rows, row: int, state: np.void, located: Located, i: int) -> Signal:
    """A confirmed deviation with its first report outside and the last inside."""
    at = rows.sighting_of(row)
    numbers = figures(located, i)
    numbers["first_offset_m"] = float(round(float(state["route_first_offset_m"])))
    last = state["route_last"]
    inside = sighting(last, at.device_id) if last["t"] else None
    if inside is not None:
        numbers["departure_km"] = round(float(state["route_last_km"]), 1)
    first = sighting(state["route_first"], at.device_id)
    return Signal(code, at, first=first, last_inside=inside, numbers=numbers)


@dataclass(slots=True)
class _Stretch:
    """One device outside, from its first report outside to its all-clear."""

    lane: int
    out: Signal
    first: Sighting
    far: Signal | None = None
    end: Signal | None = None
    end_ms: int | None = None
    reach_m: float = 0.0


@dataclass(slots=True)
class _Deviation:
    """Stretches of a container's devices that overlap."""

    stretches: list[_Stretch] = field(default_factory=list)

    @property
    def end_ms(self) -> int | None:
        ends = [stretch.end_ms for stretch in self.stretches]
        return None if None in ends else max(end for end in ends if end is not None)


def findings(case: Case, out: int, far: int, back: int) -> list[Finding]:
    """Deviations and returns of one container."""
    found: list[Finding] = []
    for deviation in _merged(_stretches(case, out, far)):
        first = min(deviation.stretches, key=lambda stretch: stretch.first.key)
        segment = case.segment_at(first.first.occurred_at_ms) or case.segment_at(first.out.at.occurred_at_ms)
        found.append(_deviation(case, deviation, first, segment))
        if found[-1].cleared is not None:
            last = max(deviation.stretches, key=lambda stretch: stretch.end_ms or 0)
            if last.end is not None and last.end.code == back:
                found.append(_return(case, last.lane, last.end, segment))
    return found


def _stretches(case: Case, out: int, far: int) -> list[_Stretch]:
    stretches: list[_Stretch] = []
    for track in case.tracks:
        current: _Stretch | None = None
        for signal in track.signals:
            if signal.code == out:
                current = _Stretch(track.lane, signal, signal.first or signal.at)
                stretches.append(current)
            elif current is not None and signal.code == far:
                current.far = current.far or signal
            elif current is not None:
                current.end, current.end_ms = signal, signal.at.occurred_at_ms
                current = None
    for stretch in stretches:
        segment = case.segment_at(stretch.first.occurred_at_ms)
        ended = segment.ended_at_ms if segment is not None else None
        if ended is not None and (stretch.end_ms is None or stretch.end_ms > ended):
            stretch.end, stretch.end_ms = None, max(ended, stretch.out.at.occurred_at_ms)
    return stretches


def _merged(stretches: list[_Stretch]) -> list[_Deviation]:
    """Group what overlaps in time, oldest first."""
    merged: list[_Deviation] = []
    for stretch in sorted(stretches, key=lambda each: each.first.key):
        end = merged[-1].end_ms if merged else 0
        if merged and (end is None or end >= stretch.first.occurred_at_ms):
            merged[-1].stretches.append(stretch)
        else:
            merged.append(_Deviation([stretch]))
    return merged


def _deviation(case: Case, deviation: _Deviation, first: _Stretch, segment: Segment | None) -> Finding:
    settings = case.settings
    far = [stretch.far for stretch in deviation.stretches if stretch.far is not None]
    severity = severity_under(segment, AlertType.ROUTE_DEVIATION)
    if far:
        severity = Severity.CRITICAL
    worst = max([first.out, *far], key=lambda signal: (signal.numbers["offset_m"], signal.key))
    trip_id = segment.trip.trip_id if segment else ""
    details: dict[str, float | int | str | bool | None] = {
        name: value for name, value in first.out.numbers.items() if name != "side"
    }
    details |= {"offset_m": worst.numbers["offset_m"], "beyond_edge_m": worst.numbers["beyond_edge_m"]}
    details["side"] = "left" if first.out.numbers["side"] > 0 else "right"
    inside = first.out.last_inside
    if inside is not None:
        details["departure_latitude_deg"] = inside.latitude_deg
        details["departure_longitude_deg"] = inside.longitude_deg
        details["departure_at_ms"] = inside.occurred_at_ms
    evidence = [at for at in (inside, first.first, first.out.at) if at is not None]
    evidence += [signal.at for signal in far[:1] if signal.at.key != first.out.at.key]
    at = worst.at
    return Finding(
        type=AlertType.ROUTE_DEVIATION,
        rule=NAME,
        rule_version=VERSION,
        scope=trip_id or case.key,
        trip_id=trip_id,
        lane=first.lane,
        start=first.first,
        shown_by=first.out.at,
        severity=severity,
        sentence=_sentence(case, first, worst),
        until_ms=deviation.end_ms,
        cleared=_cleared(case, deviation),
        place=_spot(at),
        place_is_last_known=False,
        settings={
            "uncertainty_factor": settings.uncertainty_factor,
            "dwell_reports": settings.dwell_reports,
            "dwell_s": settings.dwell_s,
            "dwell_spacing_s": settings.dwell_spacing_s,
            "clear_fraction": settings.clear_fraction,
            "clear_reports": settings.clear_reports,
            "critical_beyond_m": settings.critical_beyond_m,
        },
        details=details,
        evidence=tuple({each.key: each for each in evidence}.values()),
    )


def _spot(at: Sighting) -> Spot | None:
    if at.latitude_deg is None or at.longitude_deg is None:
        return None
    return Spot(at.latitude_deg, at.longitude_deg, at.uncertainty_m, at.occurred_at_ms)


def _sentence(case: Case, first: _Stretch, worst: Signal) -> str:
    began, shown = first.first, first.out.at
    numbers = first.out.numbers
    side = "left" if numbers["side"] > 0 else "right"
    late = lateness(shown.occurred_at_ms, shown.received_at_ms, case.settings.late_after_s)
    left = ""
    if "departure_km" in numbers:
        left = f" It left the corridor after km {numbers['departure_km']:.0f}."
    return (
        f"{case.key} went off its corridor {moment(began.occurred_at_ms)}, "
        f"up to {distance(worst.numbers['offset_m'])} to the {side} of the centre line "
        f"near corridor km {numbers['corridor_km']:.0f} "
        f"(allowed: {distance(numbers['half_width_m'])}){late}.{left}"
    )


def _cleared(case: Case, deviation: _Deviation) -> Cleared | None:
    end_ms = deviation.end_ms
    if end_ms is None:
        return None
    last = max(deviation.stretches, key=lambda stretch: stretch.end_ms or 0)
    lasted = span(end_ms - min(stretch.first.occurred_at_ms for stretch in deviation.stretches))
    if last.end is None:
        return Cleared(None, end_ms, f"{case.key} was off its corridor until its trip ended, {lasted}.")
    if last.end.numbers:
        words = f"{case.key} is back on its corridor {moment(end_ms)} after {lasted}."
        return Cleared(last.end.at, end_ms, words, dict(last.end.numbers))
    words = f"{case.key} was off its corridor for {lasted}, until another plan applied {moment(end_ms)}."
    return Cleared(last.end.at, end_ms, words)


def _return(case: Case, lane: int, end: Signal, segment: Segment | None) -> Finding:
    at, trip_id = end.at, segment.trip.trip_id if segment else ""
    late = lateness(at.occurred_at_ms, at.received_at_ms, case.settings.late_after_s)
    kilometre = end.numbers["corridor_km"]
    return Finding(
        type=AlertType.BACK_ON_ROUTE,
        rule=NAME,
        rule_version=VERSION,
        scope=trip_id or case.key,
        trip_id=trip_id,
        lane=lane,
        start=at,
        shown_by=at,
        severity=CATALOGUE[AlertType.BACK_ON_ROUTE].severity,
        sentence=f"{case.key} is back on its corridor near km {kilometre:.0f} "
        f"{moment(at.occurred_at_ms)}{late}.",
        logged=True,
        until_ms=at.occurred_at_ms,
        place=_spot(at),
        details={name: value for name, value in end.numbers.items() if name != "side"},
        evidence=(at,),
    )
