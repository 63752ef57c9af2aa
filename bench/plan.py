"""What is measured, in order."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.load import MOST_REPORTS, PADLOCK, REPORT_EVERY_MS, Load
from bench.machine import describe
from bench.parts import influxdb, mosquitto
from bench.pipeline import Amount, Say, measure_peer, measure_system
from bench.result import Report, Way
from bench.sealtrail_system import sealtrail_system
from bench.service_stages import alerts_stage, gateway_stage, ingest_stage
from bench.stages import codec_stages, decoder_stages, judgement_stages, ledger_stage
from bench.telegraf import telegraf_system

MAIN = "SealTrail: Mosquitto -> InfluxDB"
EMBEDDED = "SealTrail: NATS MQTT -> SQLite"
GATEWAYS = (("json", "own"), ("json", "paho"), (PADLOCK, "own"), (PADLOCK, "paho"))
EMBEDDED_WARM_UP_SHARE = 4  # its broker writes every message to disk, so it warms up with fewer


class Programs(NamedTuple):
    """Binaries of this machine; None where it has none."""

    mosquitto: str | None
    influxd: Path | None
    telegraf: Path | None


class Plan(NamedTuple):
    """How much of everything."""

    seconds: float
    latency_s: float
    warm_up: int
    stage_count: int
    messages: int | None
    containers: int
    cuts: int
    parts: frozenset[str]

    def shown(self) -> dict[str, str | int | float | bool | None]:
        return {**self._asdict(), "parts": ",".join(sorted(self.parts))}


def _load(plan: Plan) -> Load:
    """A load whose last possible report lies in the past: nothing in it is ahead of the clock."""
    span_ms = (MOST_REPORTS + 2) * REPORT_EVERY_MS
    return Load(containers=plan.containers, cuts=plan.cuts, start_ms=round(time.time() * 1000) - span_ms)


async def run(plan: Plan, programs: Programs, folder: Path, report: Report, say: Say) -> None:
    """Measures everything that the machine has the parts for; fills ``report`` as it goes."""
    report.machine.update(describe(programs.mosquitto, programs.influxd, programs.telegraf))
    if {"influx", "telegraf"} & plan.parts:
        await _with_influxdb(plan, programs, folder, report, say)
    if "embedded" in plan.parts:
        say(EMBEDDED)
        load = _load(plan)
        amount = Amount(max(1_000, plan.warm_up // EMBEDDED_WARM_UP_SHARE), plan.seconds, plan.messages)
        async with sealtrail_system(EMBEDDED, folder / "embedded", load, None, None) as system:
            way, latency = await measure_system(system, amount, plan.latency_s, say)
        report.ways.append(way)
        report.latencies.append(latency)
    if {"stages", "gateway"} & plan.parts:
        await _gateway_stages(plan, programs.mosquitto, folder, report, say)
    if "stages" in plan.parts:
        await _stages(plan, programs, folder, report, say)


async def _with_influxdb(plan: Plan, programs: Programs, folder: Path, report: Report, say: Say) -> None:
    if programs.mosquitto is None or programs.influxd is None:
        report.skipped.append("Mosquitto and InfluxDB: both are needed (python -m tests.parts.build influxd)")
        return
    load = _load(plan)
    ours: Way | None = None
    if "influx" in plan.parts:
        say(MAIN)
        with (
            mosquitto(programs.mosquitto, folder / "main-mosquitto") as broker,
            influxdb(programs.influxd, folder / "main-influxdb") as influx,
        ):
            async with sealtrail_system(MAIN, folder / "main", load, broker, influx) as system:
                amount = Amount(plan.warm_up, plan.seconds, plan.messages)
                ours, latency = await measure_system(system, amount, plan.latency_s, say)
        report.ways.append(ours)
        report.latencies.append(latency)
    if "telegraf" in plan.parts:
        if programs.telegraf is None:
            report.skipped.append("Telegraf: not on this machine (python -m tests.parts.build telegraf)")
            return
        count = ours.messages if ours is not None else plan.messages or plan.warm_up * 10
        say(f"Telegraf, {count:,} messages")
        with (
            mosquitto(programs.mosquitto, folder / "peer-mosquitto") as broker,
            influxdb(programs.influxd, folder / "peer-influxdb") as influx,
        ):
            async with telegraf_system(programs.telegraf, folder / "peer", load, broker, influx) as peer:
                report.ways.append(await measure_peer(peer, load, plan.warm_up, count, say))


async def _gateway_stages(plan: Plan, program: str | None, folder: Path, report: Report, say: Say) -> None:
    """The gateway alone, for the two families that matter most, both MQTT clients in turn."""
    if program is None:
        report.skipped.append("gateway alone: Mosquitto is needed (apt-get install mosquitto)")
        return
    for number, (family, client) in enumerate(GATEWAYS):
        say(f"stages: gateway, {family}, {client}")
        load = _load(plan)
        if family == PADLOCK:
            load = msgspec.structs.replace(load, family=family, cuts=0)
        place = folder / f"gateway-{number}"
        report.stages.append(await gateway_stage(place, program, load, plan.stage_count * 2, client))


async def _stages(plan: Plan, programs: Programs, folder: Path, report: Report, say: Say) -> None:
    load = _load(plan)
    say("stages: decoders, codec, ledger, judgement")
    report.stages += decoder_stages(load)
    report.stages += codec_stages(load)
    report.stages.append(ledger_stage(load, plan.stage_count))
    report.stages += judgement_stages(load, plan.stage_count)
    say("stages: ingest")
    report.stages.append(await ingest_stage(folder / "sqlite", load, plan.stage_count, None))
    if programs.influxd is not None:
        report.stages.append(await ingest_stage(folder / "influx", load, plan.stage_count, programs.influxd))
    say("stages: alerts")
    report.stages.append(await alerts_stage(folder / "alerts", load))
