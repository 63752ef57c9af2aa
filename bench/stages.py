"""Stages that are functions: decoders, wire codec, judgement; measured in this process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from anomaly.judge import Judge
from bench.load import Load
from bench.result import Stage
from gateway.decoders import decoders
from ingest.ledger.ledger import Ledger
from sealtrail.contract.alert import AlertAction, AlertEvent
from sealtrail.contract.codec import decode_arrivals, decode_readings, encode_readings
from sealtrail.contract.reading import Reading
from sealtrail.runtime.settings.anomaly import AnomalySettings
from sealtrail.runtime.settings.completeness import CompletenessSettings

CASES = Path(__file__).parent.parent / "tests" / "gateway" / "cases"
LEAST_S = 0.5
CODEC_BATCH = 400
NOW_MARGIN_MS = 60_000


def readings_of(load: Load, first: int, count: int) -> list[Reading]:
    """Messages as the gateway would file them."""
    decoder = decoders()["json"]
    received_at_ms = load.start_ms + 24 * 3_600_000
    found = []
    for number in range(first, first + count):
        index = number % load.containers
        _, payload = load.message(number)
        (reading,) = decoder.decode(payload, load.device_id(index), received_at_ms)
        reading.container_id = load.container_id(index)
        found.append(reading)
    return found


def _stage(name: str, unit: str, once: Callable[[], int], note: str = "") -> Stage:
    """Repeats ``once``, which returns how many units it did, for at least `LEAST_S`; the best of three."""
    once()
    best = (float("inf"), 0.0, 0)
    for _ in range(3):
        done, begun_s, begun_cpu_s = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - begun_s < LEAST_S / 3:
            done += once()
        used_s, took_s = time.process_time() - begun_cpu_s, time.perf_counter() - begun_s
        best = min(best, (used_s / done, done / took_s, done))
    return Stage(
        name=name, unit=unit, count=best[2], cpu_us=round(best[0] * 1e6, 2), per_s=round(best[1]), note=note
    )


def _frames(family: str) -> Iterator[bytes]:
    """Frames of the golden cases that the decoder accepts."""
    for path in sorted((CASES / family).glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        if "refused" not in case:
            yield bytes.fromhex(case["frame"]) if case["encoding"] == "hex" else case["frame"].encode()


def decoder_stages(load: Load) -> list[Stage]:
    """CPU for a report, for every family; JSON with the load's own payloads, others with golden cases."""
    stages = []
    received_at_ms = load.start_ms + 24 * 3_600_000
    for family, decoder in sorted(decoders().items()):
        if family == "json":
            frames = [load.message(number)[1] for number in range(1_000)]
            device_id: str | None = load.device_id(0)
            note = f"the load's payloads, {sum(map(len, frames)) // len(frames)} bytes"
        else:
            frames, device_id = list(_frames(family)), None
            note = f"{len(frames)} golden frames"
        decode = decoder.decode

        def once(
            decode: Callable[..., list[Reading]] = decode,
            frames: Sequence[bytes] = frames,
            device_id: str | None = device_id,
        ) -> int:
            return sum(len(decode(frame, device_id, received_at_ms)) for frame in frames)

        stages.append(_stage(f"decoder {family}", "report", once, note))
    return stages


def codec_stages(load: Load) -> list[Stage]:
    """CPU for a reading to and from the wire."""
    readings = readings_of(load, 0, CODEC_BATCH)
    encoded = encode_readings(readings)
    note = f"batches of {CODEC_BATCH}, {len(encoded) // CODEC_BATCH} bytes each"
    return [
        _stage(
            "wire codec, encode", "reading", lambda: len(readings) * bool(encode_readings(readings)), note
        ),
        _stage("wire codec, decode", "reading", lambda: len(decode_readings(encoded)), note),
    ]


def ledger_stage(load: Load, count: int) -> Stage:
    """CPU for a reading from the wire to the ledger of devices."""
    readings = readings_of(load, 0, count)
    batches = [encode_readings(readings[at : at + CODEC_BATCH]) for at in range(0, count, CODEC_BATCH)]

    def once() -> int:
        ledger = Ledger(CompletenessSettings())
        for batch in batches:
            ledger.take_readings(decode_arrivals(batch))
        return ledger.came_in.readings

    return _stage("ledger of devices", "reading", once, f"batches of {CODEC_BATCH}, decoding included")


def _planned(load: Load) -> Judge:
    judge = Judge(AnomalySettings())
    judge.apply_trip_events([load.trip(index) for index in range(load.containers + load.cuts)])
    return judge


def judgement_stages(load: Load, count: int) -> list[Stage]:
    """CPU for a reading: all rules, corridors planned, in the batches that the log would hold."""
    stages = []
    readings = readings_of(load, 0, count + load.containers)
    for size in (1_000, 250):
        judge = _planned(load)
        judge.apply_readings(readings[: load.containers])
        batches = [readings[at : at + size] for at in range(load.containers, len(readings), size)]
        begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
        raised = sum(
            event.action is AlertAction.RAISED for batch in batches for event in judge.apply_readings(batch)
        )
        used_s, took_s = time.process_time() - begun_cpu_s, time.perf_counter() - begun_s
        stages.append(
            Stage(
                name=f"judgement, batches of {size:,}",
                unit="reading",
                count=count,
                cpu_us=round(used_s * 1e6 / count, 2),
                per_s=round(count / took_s),
                note=f"{load.containers:,} containers with corridors, {raised} false alerts",
            )
        )
    return stages


def cut_alerts(load: Load) -> list[AlertEvent]:
    """Alert events of all the load's cuts, each on a trip of its own."""
    decoder = decoders()["json"]
    judge = _planned(load)
    raised = []
    for cut, step in ((False, 0), (True, 1)):
        readings = []
        for number in range(load.cuts):
            index = load.containers + number
            _, payload = load.cut_message(number, cut=cut, at_step=step)
            (reading,) = decoder.decode(payload, load.device_id(index), load.start_ms + NOW_MARGIN_MS)
            reading.container_id = load.container_id(index)
            readings.append(reading)
        raised += [event for event in judge.apply_readings(readings) if event.action is AlertAction.RAISED]
    return raised
