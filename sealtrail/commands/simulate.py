"""`sealtrail simulate`: a seeded fleet, or recorded journeys, against any MQTT broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from pydantic import SecretStr

from sealtrail.contract.clock import iso, parse_iso, wall_clock_ms
from sealtrail.contract.device import Device
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.trip import TripEvent
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.embedded_nats import with_running_server
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.simulator import PublisherSettings, SimulatorSettings
from sealtrail.runtime.settings.tree import Settings
from sealtrail.runtime.trips import TripRecorder
from simulators.fleet import Fleet, FleetReport, TripSink
from simulators.profile import HOUR_MS, Profile
from simulators.replay import Replay, ReplayReport
from simulators.world import World

T = TypeVar("T")

EARLIEST_MS, LATEST_MS = parse_iso("2005-01-01T00:00:00Z"), parse_iso("2100-01-01T00:00:00Z")
"""A gateway takes an earlier time for no clock at all."""

_PROGRESS_EVERY_S = 1.0
_LIVE_ENOUGH_S = 5


@click.command()
@click.option("--mqtt-host", help="Host of the broker.")
@click.option("--mqtt-port", type=click.IntRange(1, 65535), help="Port of the broker.")
@click.option("--mqtt-user", help="User name at the broker.")
@click.option("--mqtt-password", help="Password at the broker (better in the settings' environment).")
@click.option("--tls", is_flag=True, help="Speak TLS to the broker.")
@click.option("--seed", type=click.IntRange(0), help="Equal seeds and --at give equal bytes.")
@click.option("--containers", type=click.IntRange(1, 100_000), help="Containers in the fleet.")
@click.option("--hours-past", type=click.FloatRange(0, 72), help="How long ago the reports begin.")
@click.option("--at", help="Where the past ends and the live part begins, RFC 3339. Default: now.")
@click.option(
    "--for", "seconds", type=click.FloatRange(0), help="Seconds of live part. Default: until Ctrl-C."
)
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=0.0,
    help="Times faster than real time for what is past; 0: as fast as the broker takes it.",
)
@click.option("--duplicates", type=click.FloatRange(0, 1), help="Part of the reports that is sent twice.")
@click.option("--corrupt", type=click.FloatRange(0, 1), help="Part of the reports followed by a corrupt one.")
@click.option(
    "--truth", type=click.Path(path_type=Path, dir_okay=False), help="Write the scripted events here."
)
@click.option(
    "--trips-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write a file for `sealtrail trip add` for each trip into this folder.",
)
@click.option("--plan-only", is_flag=True, help="Write --truth and --trips-dir, send nothing.")
@click.option("--record-trips", is_flag=True, help="Plan the trips in the running system, as they come up.")
@click.option(
    "--journey",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Replay this container-journey CSV instead of a fleet.",
)
@click.option("--device", help="With --journey: identity to publish as.")
@click.option(
    "--shift-to-now", is_flag=True, help="With --journey: move all times so that the newest is now."
)
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on standard output.")
@click.pass_context
def simulate(ctx: click.Context, /, **options: Any) -> None:
    r"""Publish a simulated fleet, or a recorded journey, to an MQTT broker.

    \b
    Examples:
      sealtrail simulate --mqtt-port 1883 --seed 7 --for 60 --truth truth.json --record-trips
      sealtrail simulate --journey journey-A.csv --speed 3600 --shift-to-now
    """
    settings: Settings = ctx.obj
    mqtt = _mqtt(settings.simulator.mqtt, options)
    if options["journey"] is not None:
        replay = Replay(
            options["journey"],
            mqtt,
            wall_clock_ms,
            speed=options["speed"],
            shift_to_now=options["shift_to_now"],
            device_id=options["device"],
        )
        report = asyncio.run(_watched(replay.run, lambda: f"{replay.published} published"))
        _say_replay(report, as_json=options["as_json"])
        return
    world = World(_profile(settings.simulator, options))
    _write_plan(world, options)
    if options["plan_only"]:
        return
    fleet_report = asyncio.run(_run_fleet(world, mqtt, settings, options))
    if options["truth"] is not None:
        _write_truth(world, options["truth"], fleet_report)
    _say_fleet(fleet_report, as_json=options["as_json"])


def _mqtt(section: PublisherSettings, options: dict[str, Any]) -> PublisherSettings:
    """The settings with what the command line says instead."""
    given = {
        "host": options["mqtt_host"],
        "port": options["mqtt_port"],
        "username": options["mqtt_user"],
        "password": SecretStr(options["mqtt_password"]) if options["mqtt_password"] else None,
        "tls": options["tls"] or None,
    }
    return section.model_copy(update={name: value for name, value in given.items() if value is not None})


def _profile(section: SimulatorSettings, options: dict[str, Any]) -> Profile:
    def chosen(option: str, setting: Any) -> Any:
        return setting if options[option] is None else options[option]

    live_ms = parse_iso(options["at"]) if options["at"] else wall_clock_ms() // 1000 * 1000
    if not EARLIEST_MS <= live_ms <= LATEST_MS:
        raise RefusedError("bad_time", f"--at {options['at']} is not within the years 2005 to 2100")
    seconds = options["seconds"]
    return Profile(
        seed=chosen("seed", section.seed),
        containers=chosen("containers", section.containers),
        start_ms=live_ms - round(chosen("hours_past", section.hours_past) * HOUR_MS),
        live_ms=live_ms,
        end_ms=None if seconds is None else live_ms + round(seconds * 1000),
        duplicate_rate=chosen("duplicates", section.duplicate_rate),
        corrupt_rate=chosen("corrupt", section.corrupt_rate),
        cell_fix_rate=section.cell_fix_rate,
        stale_fix_rate=section.stale_fix_rate,
    )


async def _run_fleet(
    world: World, mqtt: PublisherSettings, settings: Settings, options: dict[str, Any]
) -> FleetReport:
    sink = (
        _recorder(settings, world.families)
        if options["record_trips"]
        else contextlib.nullcontext(_keep_quiet)
    )
    async with sink as trip_sink:
        fleet = Fleet(world, mqtt, trip_sink, wall_clock_ms, pace=options["speed"])

        def progress() -> str:
            behind_s = fleet.progress.behind_ms // 1000
            late = f", {behind_s} s to catch up" if behind_s > _LIVE_ENOUGH_S else ""
            return f"{fleet.progress.published} published{late}"

        return await _watched(fleet.run, progress)


@contextlib.asynccontextmanager
async def _recorder(settings: Settings, families: Mapping[str, str]) -> AsyncIterator[TripSink]:
    """Records trip events on the log of the system that runs, and enters their devices in its registry."""
    running = with_running_server(settings)
    log = await Log.connect(running.nats, "simulate")
    try:
        await log.declare()
        recorder = TripRecorder(log, running.partitions)
        registry = DeviceRegistry(log)

        async def record(event: TripEvent) -> None:
            for device_id in event.trip.device_ids if event.trip is not None else ():
                if await registry.get(device_id) is None:
                    known = Device(device_id=device_id, family=families[device_id], note="simulated")
                    await registry.add(known, "simulate")
            await recorder.record(event)

        yield record
    finally:
        await log.close()


async def _keep_quiet(_event: TripEvent) -> None:
    """Trips are planned elsewhere."""


async def _watched(run: Callable[[asyncio.Event], Awaitable[T]], progress: Callable[[], str]) -> T:
    """Runs to the end, or until SIGINT or SIGTERM, with a line of progress on standard error."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    showing = asyncio.create_task(_show(progress))
    try:
        return await run(stop)
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _show(progress: Callable[[], str]) -> None:
    shown = ""
    while True:
        await asyncio.sleep(_PROGRESS_EVERY_S)
        if (line := progress()) != shown:
            shown = line
            click.echo(f"simulate: {line}", err=True)


def _write_plan(world: World, options: dict[str, Any]) -> None:
    if options["truth"] is not None:
        _write_truth(world, options["truth"], None)
    folder: Path | None = options["trips_dir"]
    if folder is not None:
        from sealtrail.contract.public.trip_file import TripFile  # noqa: PLC0415 - only where it is asked for

        folder.mkdir(parents=True, exist_ok=True)
        for trip in world.plans:
            body = TripFile.from_trip(trip).model_dump_json(indent=2, exclude_none=True)
            (folder / f"{trip.trip_id}.json").write_text(body + "\n", encoding="utf-8")


def _write_truth(world: World, path: Path, report: FleetReport | None) -> None:
    """The scripted events; ``sent_at`` is null until the broker has had the evidence."""
    body = {
        "profile": msgspec.to_builtins(world.profile),
        "events": _events(report) if report is not None else [_event(e, None) for e in world.scripted],
    }
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


def _events(report: FleetReport) -> list[dict[str, Any]]:
    return [_event(sent.event, sent.sent_at_ms) for sent in report.scripted]


def _event(event: Any, sent_at_ms: int | None) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(event)
    occurred_at_ms = body.pop("occurred_at_ms")
    return body | {
        "occurred_at": iso(occurred_at_ms),
        "sent_at": iso(sent_at_ms) if sent_at_ms is not None else None,
    }


def _say_fleet(report: FleetReport, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report._asdict() | {"scripted": _events(report)}))
        return
    click.echo(
        f"{report.published} messages published, of them {report.duplicates_sent} duplicates and "
        f"{report.corrupt_sent} corrupt; {report.resent} sent again after a lost connection; "
        f"{report.unacknowledged} not acknowledged"
    )
    for sent in report.scripted:
        event = sent.event
        when = iso(sent.sent_at_ms) if sent.sent_at_ms is not None else "not sent"
        expected = event.alert_type or "nothing"
        click.echo(
            f"  {event.container_id}  {iso(event.occurred_at_ms)}  {when}  {expected}: {event.description}"
        )


def _say_replay(report: ReplayReport, *, as_json: bool) -> None:
    if as_json:
        refused = [row._asdict() for row in report.refused]
        click.echo(json.dumps(report._asdict() | {"refused": refused}))
        return
    refusals = sum(report.refused_by_reason.values())
    click.echo(f"{report.published} of {report.rows} rows published, {refusals} refused")
    for row in report.refused:
        click.echo(f"  {row.reason}: {row.detail}")
