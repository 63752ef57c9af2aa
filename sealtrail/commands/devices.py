"""``sealtrail devices``: what came in from each device, and what is missing."""

from __future__ import annotations

import json
from typing import Any

import click
import msgspec

from sealtrail.commands.client import with_log
from sealtrail.commands.devices_ask import ask, days_of, list_all
from sealtrail.contract.clock import iso, wall_clock_ms
from sealtrail.contract.completeness import DeviceCompleteness, DeviceDay, DevicesAnswer, DevicesQuery
from sealtrail.runtime.log import Log

SORTS = {
    "name": "device_id",
    "family": "family",
    "received": "received",
    "duplicate": "duplicate",
    "refused": "refused",
    "late": "late",
    "out-of-order": "out_of_order",
    "missing": "missing",
    "clock": "clock_offset_ms",
    "clock-steps": "clock_steps",
    "last-seen": "last_seen_ms",
}
DAY_MS = 86_400_000


def _shown(one: DeviceCompleteness) -> dict[str, Any]:
    """A device as one JSON object; gaps only where they were asked for."""
    found: dict[str, Any] = msgspec.structs.asdict(one)
    for name in ("first_seen", "last_seen", "last_occurred", "clock_step_at"):
        at_ms = found.pop(f"{name}_ms")
        found[name] = None if at_ms is None else iso(at_ms)
    found["gaps"] = [
        {"first": gap.first, "last": gap.last, "after": iso(gap.after_ms), "before": iso(gap.before_ms)}
        for gap in one.gaps
    ]
    return found


def _offset(one: DeviceCompleteness) -> str:
    return "-" if one.clock_offset_ms is None else f"{one.clock_offset_ms / 1000:+.1f}s"


def _interval(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f}s"


def _missing(one: DeviceCompleteness) -> str:
    return str(one.missing) if one.counted else "-"


_HEADINGS = (
    f"{'device':<20} {'received':>9} {'accepted':>9} {'dup':>6} {'refused':>7} {'late':>6} {'disord':>6} "
    f"{'missing':>7} {'clock':>8} {'every':>7}  last heard of"
)


def _line(one: DeviceCompleteness) -> str:
    return (
        f"{one.device_id:<20} {one.received:>9} {one.accepted:>9} {one.duplicate:>6} "
        f"{sum(one.refused.values()):>7} {one.late:>6} {one.out_of_order:>6} {_missing(one):>7} "
        f"{_offset(one):>8} {_interval(one.interval_s):>7}  {iso(one.last_seen_ms)}"
        f"{' silent' if one.silent else ''}"
    )


def _totals(answer: DevicesAnswer) -> dict[str, Any]:
    """The sums as one JSON object; ``balanced`` says whether they are what came in."""
    totals, came_in = answer.totals, answer.came_in
    return {
        **msgspec.structs.asdict(totals),
        "came_in": {
            **msgspec.structs.asdict(came_in),
            "received": came_in.received,
            "messages": came_in.messages,
        },
        "balanced": _balanced(answer),
        "behind": answer.behind,
    }


def _balanced(answer: DevicesAnswer) -> bool:
    totals, came_in = answer.totals, answer.came_in
    return (totals.received, totals.messages) == (came_in.received, came_in.messages)


def _say_totals(answer: DevicesAnswer) -> None:
    totals, came_in = answer.totals, answer.came_in
    reasons = ", ".join(f"{reason} {number}" for reason, number in totals.refused.items())
    retried = f" - retried {totals.retried}" if totals.retried else ""
    click.echo(
        f"{totals.devices} devices: received {totals.received} = accepted {totals.accepted} + duplicate "
        f"{totals.duplicate} + empty {totals.empty} + refused {sum(totals.refused.values())}{retried}"
        f"{f' ({reasons})' if reasons else ''}, in {totals.messages} messages"
    )
    click.echo(
        f"{totals.late} late, {totals.out_of_order} out of order, {totals.missing} numbers missing, "
        f"{totals.silent} devices silent"
    )
    if _balanced(answer):
        click.echo("This is exactly what came in.")
    else:
        click.echo(f"But {came_in.received} reports in {came_in.messages} messages came in.")
    if answer.behind:
        click.echo(f"{answer.behind} messages of the log aren't counted yet.")


def _say_one(one: DeviceCompleteness, days: list[DeviceDay]) -> None:
    click.echo(_HEADINGS)
    click.echo(_line(one))
    click.echo(f"  {one.family or '(several families)'}, container {one.container_id or '(unpaired)'}")
    click.echo(f"  first heard of {iso(one.first_seen_ms)}, in {one.messages} messages, {one.empty} empty")
    for reason, number in sorted(one.refused.items()):
        click.echo(f"  refused {number}: {reason}")
    if one.retried:
        click.echo(f"  {one.retried} put in from the quarantine")
    if one.clock_step_at_ms is not None:
        click.echo(
            f"  the clock stepped {one.clock_steps} times, the last time by "
            f"{one.clock_step_ms / 1000:+.0f} s, noticed at {iso(one.clock_step_at_ms)}"
        )
    if one.restarts:
        click.echo(f"  its count began anew {one.restarts} times")
    for gap in one.gaps:
        span = f"{gap.first}" if gap.first == gap.last else f"{gap.first} to {gap.last}"
        click.echo(f"  missing {span}, between {iso(gap.after_ms)} and {iso(gap.before_ms)}")
    if one.missing_unnamed:
        click.echo(f"  missing {one.missing_unnamed} older ones")
    for day in days:
        refused = sum(day.refused.values())
        click.echo(
            f"  {iso(day.day_ms)[:10]}  received {day.received}, accepted {day.accepted}, duplicate "
            f"{day.duplicate}, refused {refused}, late {day.late}, out of order {day.out_of_order}, "
            f"missing {day.missing}, every {_interval(day.interval_s)}"
        )


@click.command()
@click.argument("device_id", required=False)
@click.option("--silent", is_flag=True, help="Only those not heard of for longer than they are used to.")
@click.option("--incomplete", is_flag=True, help="Only those with missing numbers or refused messages.")
@click.option("--family", help="Only of this family.")
@click.option("--container", "container_id", help="Only those paired with this container.")
@click.option(
    "--sort",
    type=click.Choice(list(SORTS)),
    default="name",
    show_default=True,
    help="Largest first; names A-Z.",
)
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0 is all.")
@click.option("--days", "days", type=click.IntRange(0, 3650), default=7, help="With DEVICE_ID: so many days.")
@click.option("--totals", "only_totals", is_flag=True, help="Only the sums over all devices.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def devices(  # noqa: PLR0913 - its options
    ctx: click.Context,
    /,
    device_id: str | None,
    *,
    silent: bool,
    incomplete: bool,
    family: str | None,
    container_id: str | None,
    sort: str,
    limit: int,
    days: int,
    only_totals: bool,
    as_json: bool,
) -> None:
    """What came in from each device, and what is missing; with DEVICE_ID of one, gap by gap and day by day.

    Counts every report that came in, of devices in the registry or not, and adds up exactly to what came in.
    Which devices there are and what they may do is `sealtrail device list`.

    Example: sealtrail devices --incomplete --sort missing
    """
    if device_id is not None:
        _one(ctx, device_id, days, as_json=as_json)
        return
    query = DevicesQuery(
        sort=SORTS[sort], silent=silent, incomplete=incomplete, family=family, container_id=container_id
    )
    answer = with_log(ctx, lambda log, _: list_all(log, query, 1 if only_totals else limit))
    if only_totals:
        click.echo(json.dumps(_totals(answer))) if as_json else _say_totals(answer)
    elif as_json:
        for one in answer.devices:
            click.echo(json.dumps(_shown(one)))
    else:
        if answer.devices:
            click.echo(_HEADINGS)
        for one in answer.devices:
            click.echo(_line(one))
        _say_totals(answer)
    if only_totals and not _balanced(answer):
        ctx.exit(1)


def _one(ctx: click.Context, device_id: str, days: int, *, as_json: bool) -> None:
    now_ms = wall_clock_ms()

    async def work(log: Log) -> tuple[DeviceCompleteness | None, list[DeviceDay]]:
        one = await ask(log, device_id)
        if one is None or not days:
            return one, []
        return one, await days_of(log, device_id, now_ms - days * DAY_MS, now_ms + DAY_MS)

    one, found = with_log(ctx, lambda log, _: work(log))
    if one is None:
        raise click.ClickException(f"nothing ever came in from {device_id!r}; see `sealtrail devices`")
    if not as_json:
        _say_one(one, found)
        return
    shown = _shown(one)
    shown["days"] = [
        {**msgspec.structs.asdict(day), "day": iso(day.day_ms)[:10], "last_seen": iso(day.last_seen_ms)}
        for day in found
    ]
    click.echo(json.dumps(shown))
