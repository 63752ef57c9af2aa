"""The results as one table of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.result import Latency, Report, Stage, Way

PUBLISHER = "publisher"


def columns(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Rows with the first and last column left-aligned, the others right-aligned; the first is the head."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    last = len(widths) - 1
    for place, row in enumerate(rows):
        cells = (
            cell.ljust(widths[at]) if at in (0, last) else cell.rjust(widths[at])
            for at, cell in enumerate(row)
        )
        yield "  ".join(cells).rstrip()
        if place == 0:
            yield "  ".join("-" * width for width in widths)


def _way(way: Way) -> Iterable[str]:
    judged = "nothing judges" if way.judged_per_s is None else f"judged {way.judged_per_s:,}/s"
    false = "" if way.false_alerts is None else f", {way.false_alerts} false alerts"
    yield way.name
    yield (
        f"  queryable {way.queryable_per_s:,} msg/s ({way.messages:,} in {way.seconds:.1f} s), "
        f"{judged}{false}; published {way.published_per_s:,}/s; "
        f"kept {way.cpu_us() * way.queryable_per_s / 1e6:.1f} cores busy, "
        f"other processes took {way.others_cpu_share:.0%} of the machine"
    )
    rows = [["  process", "CPU µs/msg", "peak MB", ""]]
    rows += [
        [f"  {cost.process}", f"{cost.cpu_us_per_message:.1f}", f"{cost.peak_rss_mb:.0f}", ""]
        for cost in way.costs
    ]
    rows.append(
        ["  all but the publisher", f"{way.cpu_us(PUBLISHER):.1f}", f"{way.rss_mb(PUBLISHER):.0f}", ""]
    )
    yield from columns(rows)


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _latencies(latencies: Sequence[Latency]) -> Iterable[str]:
    yield "PUBLISH of a cut seal -> webhook received, at half the throughput"
    rows = [["  configuration", "msg/s", "cuts", "received", "p50 ms", "p99 ms", "worst ms", ""]]
    rows += [
        [
            f"  {one.name}",
            f"{one.rate_per_s:,}",
            str(one.cuts),
            str(one.received),
            _milliseconds(one.p50_ms),
            _milliseconds(one.p99_ms),
            _milliseconds(one.worst_ms),
            "",
        ]
        for one in latencies
    ]
    yield from columns(rows)


def _stages(stages: Sequence[Stage]) -> Iterable[str]:
    yield "each stage alone"
    rows = [["  stage", "CPU µs", "per s", "count", "unit, conditions"]]
    rows += [
        [
            f"  {stage.name}",
            f"{stage.cpu_us:,.2f}" if stage.cpu_us < 1 else f"{stage.cpu_us:,.1f}",
            f"{stage.per_s:,.0f}",
            f"{stage.count:,}",
            f"{stage.unit}; {stage.note}" if stage.note else stage.unit,
        ]
        for stage in stages
    ]
    yield from columns(rows)


def _own_cpu_us(way: Way, *names: str) -> float:
    return sum(cost.cpu_us_per_message for cost in way.costs if cost.process in names)


def ratio(ours: Way, peer: Way) -> Iterable[str]:
    """SealTrail beside Telegraf: same load, same broker and database, same machine, same run."""
    shared = ("mosquitto", "influxd", PUBLISHER)
    yield "SealTrail / Telegraf, same load, broker and database"
    rows = [["", "SealTrail", "Telegraf", "ratio", ""]]
    for label, mine, theirs, digits in (
        ("queryable msg/s", float(ours.queryable_per_s), float(peer.queryable_per_s), 0),
        ("CPU µs/msg, whole way", ours.cpu_us(PUBLISHER), peer.cpu_us(PUBLISHER), 1),
        ("CPU µs/msg, without broker and database", ours.cpu_us(*shared), peer.cpu_us(*shared), 1),
        (
            "CPU µs/msg, moving and recording only",
            _own_cpu_us(ours, "gateway", "ingest", "nats"),
            _own_cpu_us(peer, "telegraf"),
            1,
        ),
        ("peak MB, whole way", ours.rss_mb(PUBLISHER), peer.rss_mb(PUBLISHER), 0),
        ("peak MB, without broker and database", ours.rss_mb(*shared), peer.rss_mb(*shared), 0),
    ):
        quotient = f"{mine / theirs:.2f}" if theirs else "-"
        rows.append([f"  {label}", f"{mine:,.{digits}f}", f"{theirs:,.{digits}f}", quotient, ""])
    yield from columns(rows)


def render(report: Report) -> str:
    """The whole report."""
    blocks: list[list[str]] = [[f"{name}: {value}" for name, value in report.machine.items()]]
    if report.load_after:
        blocks[0].append(f"load after: {report.load_after}")
    blocks += [list(_way(way)) for way in report.ways]
    ours = [way for way in report.ways if way.judged_per_s is not None]
    peers = [way for way in report.ways if way.judged_per_s is None]
    if ours and peers:
        blocks.append(list(ratio(ours[0], peers[0])))
    if report.latencies:
        blocks.append(list(_latencies(report.latencies)))
    if report.stages:
        blocks.append(list(_stages(report.stages)))
    if report.skipped:
        blocks.append([f"left out: {reason}" for reason in report.skipped])
    return "\n\n".join("\n".join(block) for block in blocks)
