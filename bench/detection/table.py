"""The detection figures as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.detection.result import GfwFigures, JourneyFigures, NabFigures, Outcome, Report, pooled


def columns(rows: Sequence[Sequence[object]]) -> Iterable[str]:
    """Rows in columns, the first left-aligned, the others right-aligned; the first row is the head."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in texts) for at in range(len(texts[0]))]
    for place, row in enumerate(texts):
        cells = (cell.rjust(widths[at]) if at else cell.ljust(widths[at]) for at, cell in enumerate(row))
        yield "  ".join(cells).rstrip()
        if place == 0:
            yield "  ".join("-" * width for width in widths)


def _journeys(journeys: Sequence[JourneyFigures]) -> Iterable[str]:
    yield "Container journeys (alerts that stand in the end)"
    rows: list[Sequence[object]] = [
        ("journey", "readings", "positions", "breaches", "without leave", "deviations", "10° aside")
    ]
    rows += [
        (
            each.name,
            each.readings,
            each.positions,
            each.breaches_authorised,
            each.breaches_unauthorised,
            each.deviations,
            each.deviations_aside,
        )
        for each in journeys
    ]
    yield from columns(rows)
    yield ""
    head = [
        "journey",
        "jumps by speed",
        "said",
        "injected",
        "found",
        "invented",
        "shocks > 4 g",
        "said",
        "same",
    ]
    rows = [head]
    rows += [
        (
            each.name,
            each.jumps_by_speed,
            each.jumps_said,
            each.jumps_injected,
            each.jumps_found,
            each.jumps_invented,
            each.shock_episodes,
            "no rule" if each.shocks_said is None else f"{each.shocks_right} of {each.shocks_said} right",
            f"{sum(not types for types in each.variants.values())} of {len(each.variants)}",
        )
        for each in journeys
    ]
    yield from columns(rows)
    for each in journeys:
        for variant, types in each.variants.items():
            if types:
                yield f"{each.name}, {variant}: other {', '.join(types)}"


def _outcome(name: str, outcome: Outcome) -> Sequence[object]:
    return (
        name,
        outcome.right,
        outcome.false,
        outcome.missed,
        f"{outcome.precision:.3f}",
        f"{outcome.recall:.3f}",
        f"{outcome.f1:.3f}",
    )


def _gfw(figures: GfwFigures) -> Iterable[str]:
    tracks = figures.tracks
    yield f"Jump onsets on {len(tracks)} AIS tracks, {sum(each.fixes for each in tracks):,} rows"
    rows: list[Sequence[object]] = [("", "right", "false", "missed", "precision", "recall", "F1")]
    most = max(tracks, key=lambda each: each.onsets)
    rows.append(_outcome("judgement (range check, position rule)", pooled([each.judged for each in tracks])))
    rows.append(_outcome("position rule alone", pooled([each.rule for each in tracks])))
    rows.append(_outcome("speed limit, from the fix before", pooled([each.speed_limit for each in tracks])))
    rows.append(
        _outcome("speed filter, from the last passed", pooled([each.speed_filter for each in tracks]))
    )
    others = pooled([each.judged for each in tracks if each is not most])
    rows.append(_outcome(f"judgement, without {most.name}", others))
    yield from columns(rows)
    yield f"missed, but reached at the ship's own reported speed: {figures.explained}"
    worst = max(tracks, key=lambda each: each.longest_run)
    longest = max(tracks, key=lambda each: each.longest_run_s)
    yield (
        f"never locked out: at most {worst.longest_run} fixes in a row not held for true ({worst.name}), "
        f"at most {longest.longest_run_s:,.0f} s ({longest.name}); "
        f"the speed filter: {max(each.filter_longest_run for each in tracks)}"
    )
    told = [each for each in tracks if each.rejected]
    rows = [("track", "onsets", "right", "false", "missed", "fixes held for true", "longest run rejected")]
    rows += [
        (
            each.name,
            each.onsets,
            each.judged.right,
            each.judged.false,
            each.judged.missed,
            f"{1 - each.rejected / each.fixes:.1%}",
            each.longest_run,
        )
        for each in tracks
        if each.onsets or each in told
    ]
    yield from columns(rows)


def _nab(figures: NabFigures) -> Iterable[str]:
    yield f"NAB: thresholds set on {len(figures.tuned_on)} series, scores of {len(figures.scored_on)} others"
    rows: list[Sequence[object]] = [
        (
            "detector",
            *figures.detectors[0].scores,
            "alarms",
            "windows found",
            "threshold",
            "tuning score",
            "exchanged",
        )
    ]
    rows += [
        (
            each.detector,
            *(f"{score:.1f}" for score in each.scores.values()),
            each.alarms,
            f"{each.windows_found} of {each.windows}",
            f"{each.threshold:.2f}",
            f"{each.tuned_score:.1f}",
            f"{each.exchanged_score:.1f}",
        )
        for each in figures.detectors
    ]
    yield from columns(rows)
    yield (
        f"the bank costs {figures.value_us:.2f} µs of CPU a value, in batches of {figures.batch:,} series; "
        f"{figures.state_bytes} bytes a series"
    )
    yield "scored: " + ", ".join(figures.scored_on)


def render(report: Report) -> str:
    """All figures, part by part."""
    lines: list[str] = []
    if report.journeys is not None:
        lines += [*_journeys(report.journeys), ""]
    if report.gfw is not None:
        lines += [*_gfw(report.gfw), ""]
    if report.nab is not None:
        lines += [*_nab(report.nab), ""]
    lines += [f"left out: {each}" for each in report.skipped]
    return "\n".join(lines)
