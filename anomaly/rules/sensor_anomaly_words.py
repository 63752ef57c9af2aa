"""From confirmed unusual reports of a device to alerts, and what they say (sensor_anomaly.py)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from anomaly.custody import FOREVER_MS, Segment
from anomaly.reports import COLUMN
from anomaly.rules.rule import Case, Cleared, Finding, Signal, Track, severity_under
from anomaly.rules.sensor_words import figure, name_of
from anomaly.words import device_on, lateness, moment, span
from sealtrail.contract.alert import AlertType

NAME = "sensor_anomaly"
QUANTITY_OF = {column: quantity for quantity, column in COLUMN.items()}
HASH_DIGITS = 12

Details = dict[str, float | int | str | bool | None]


def findings_of(case: Case, version: int) -> list[Finding]:
    """One alert for all that is unusual of a device within ``sensor_quiet_s`` of each other."""
    quiet_ms = round(case.settings.sensor_quiet_s * 1000)
    found: list[Finding] = []
    for track in case.tracks:
        for segment, signals in _episodes(case, track, quiet_ms):
            last_ms = signals[-1].at.occurred_at_ms
            end_ms = min(
                last_ms + quiet_ms, FOREVER_MS if segment.ended_at_ms is None else segment.ended_at_ms
            )
            ended = end_ms <= case.now_ms
            if not ended:
                case.wake(end_ms)
            found.append(_finding(case, track, segment, signals[0], version, end_ms if ended else None))
    return found


def _episodes(case: Case, track: Track, quiet_ms: int) -> Iterator[tuple[Segment, list[Signal]]]:
    """Signals that count, those within ``quiet_ms`` and of one trip together."""
    current: tuple[Segment, list[Signal]] | None = None
    for signal in track.signals:
        start = signal.first or signal.at
        segment = case.segment_at(start.occurred_at_ms)
        if segment is None or not _counts(case, segment, signal):
            continue
        if current is not None:
            away_ms = start.occurred_at_ms - current[1][-1].at.occurred_at_ms
            if away_ms <= quiet_ms and current[0].trip.trip_id == segment.trip.trip_id:
                current[1].append(signal)
                continue
            yield current
        current = segment, [signal]
    if current is not None:
        yield current


def _counts(case: Case, segment: Segment, signal: Signal) -> bool:
    """Whether enough is left without the quantities that are beyond the cargo's profile."""
    numbers = signal.numbers
    if "model" in numbers:
        quantity = QUANTITY_OF.get(round(numbers.get("column", -1.0)), "")
        return not _beyond(segment, quantity, numbers.get("value", math.nan))
    return sum(each[3] for each in _jumps(segment, signal)) >= case.settings.sensor_jump_score


def _jumps(segment: Segment, signal: Signal) -> list[tuple[str, float, float, float, float]]:
    """(quantity, value, what it was before, score, usual change) of what counts, the strangest first."""
    numbers, found = signal.numbers, []
    for name, score in numbers.items():
        what, _, column = name.partition("_")
        if what == "score":
            quantity = QUANTITY_OF[int(column)]
            value, usual = numbers[f"value_{column}"], numbers[f"usual_{column}"]
            if not (_beyond(segment, quantity, value) or _beyond(segment, quantity, usual)):
                found.append((quantity, value, usual, score, numbers[f"spread_{column}"]))
    return sorted(found, key=lambda each: (-each[3], each[0]))


def _beyond(segment: Segment, quantity: str, value: float) -> bool:
    """Whether a value is beyond the trip's limits, and so another rule's concern."""
    for limit in segment.trip.cargo_limits:
        if limit.quantity == quantity:
            above = limit.greatest is not None and value > limit.greatest
            return above or (limit.least is not None and value < limit.least)
    return False


def _finding(
    case: Case, track: Track, segment: Segment, signal: Signal, version: int, end_ms: int | None
) -> Finding:
    settings, start = case.settings, signal.first or signal.at
    who = device_on(track.device_id, case.key)
    said, details = (
        _by_model(case, signal, who) if "model" in signal.numbers else _by_own(segment, signal, who)
    )
    late = lateness(signal.at.occurred_at_ms, signal.at.received_at_ms, settings.late_after_s)
    cleared = None
    if end_ms is not None:
        quiet = span(round(settings.sensor_quiet_s * 1000))
        words = f"Nothing unusual has come from the sensors of {who} for {quiet}."
        if end_ms == segment.ended_at_ms:
            words = f"The trip of {who} has ended, and its sensors are no longer watched."
        cleared = Cleared(None, end_ms, words)
    return Finding(
        type=AlertType.SENSOR_ANOMALY,
        rule=NAME,
        rule_version=version,
        scope=segment.trip.trip_id,
        trip_id=segment.trip.trip_id,
        lane=track.lane,
        start=start,
        shown_by=signal.at,
        severity=severity_under(segment, AlertType.SENSOR_ANOMALY),
        sentence=f"{said}{late}.",
        group=track.device_id,
        until_ms=end_ms,
        cleared=cleared,
        place=signal.place,
        place_is_last_known=signal.place is not None and signal.place.at_ms != start.occurred_at_ms,
        settings={
            "sensor_jump_score": settings.sensor_jump_score,
            "sensor_confirm_values": settings.sensor_confirm_values,
            "sensor_confirm_of": settings.sensor_confirm_of,
            "sensor_quiet_s": settings.sensor_quiet_s,
        },
        details=details,
        evidence=(start,) if start.key == signal.at.key else (start, signal.at),
    )


def _by_own(segment: Segment, signal: Signal, who: str) -> tuple[str, Details]:
    """Sentence and details of a change that the device's own past doesn't explain."""
    found = _jumps(segment, signal)
    when = moment((signal.first or signal.at).occurred_at_ms)
    changes = " and ".join(
        f"{name_of(quantity)} from {figure(quantity, usual)} to {figure(quantity, value)}"
        for quantity, value, usual, _, _ in found
    )
    widths = " and ".join(figure(quantity, spread) for quantity, _, _, _, spread in found)
    score = sum(each[3] for each in found)
    details: Details = {
        "judged_by": "its own past",
        "calibrated": False,
        "quantity": found[0][0],
        "score": round(score, 2),
        "probability": 10.0**-score,
    }
    for quantity, value, usual, part, spread in found:
        details |= {
            quantity: round(value, 3),
            f"{quantity}_before": round(usual, 3),
            f"{quantity}_usual_change": round(spread, 3),
            f"{quantity}_score": round(part, 2),
        }
    said = (
        f"Sensor values of {who} are unusual {when}: {changes}, where changes of {widths} from one report to "
        "the next are usual; so says the device's own past on this trip (uncalibrated), no learned model"
    )
    return said, details


def _by_model(case: Case, signal: Signal, who: str) -> tuple[str, Details]:
    """Sentence and details of a report that a learned model finds unusual."""
    numbers = signal.numbers
    held = case.model_of(round(numbers["model"]))
    when = moment((signal.first or signal.at).occurred_at_ms)
    quantity = QUANTITY_OF.get(round(numbers.get("column", -1.0)), "")
    strange = _strange(numbers, quantity) if quantity else "values that don't belong to this time of day"
    judged = f"model {held.name} version {held.version} ({held.sha256[:HASH_DIGITS]})"
    judged += "" if held.calibrated else ", uncalibrated"
    details: Details = {
        "judged_by": "model",
        "model": held.name,
        "model_version": held.version,
        "model_sha256": held.sha256,
        "calibrated": held.calibrated,
        "alarms_per_container_day": held.budget,
        "quantity": quantity or None,
        "value": round(numbers["value"], 3) if "value" in numbers else None,
        "feature": round(numbers["feature"], 3),
        "feature_usual": round(numbers["feature_usual"], 3),
        "sigmas": round(numbers["sigmas"], 1),
        "score": round(numbers["score"], 3),
        "threshold": round(numbers["threshold"], 3),
        "probability": numbers["probability"],
    }
    return f"Sensor values of {who} are unusual {when}: {strange}; so says the learned {judged}", details


def _strange(numbers: dict[str, float], quantity: str) -> str:
    """The feature that is furthest off, in words."""
    name, value = name_of(quantity), figure(quantity, numbers["value"])
    sigmas = f"{abs(numbers['sigmas']):.1f} sigmas off"
    usual = numbers["feature_usual"]
    if quantity in {"light_lux", "shock_g"}:
        usual = math.expm1(usual)
    return (
        f"{name} {value} where {figure(quantity, usual)} is usual ({sigmas})",
        f"{name} {value} after a change that is {sigmas} what is usual",
        f"{name} {value} after a drift of hours that is {sigmas} what is usual",
        f"{name} {value}, unchanged for {math.expm1(numbers['feature']):.0f} minutes ({sigmas})",
    )[round(numbers["part"])]
