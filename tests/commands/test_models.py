"""`sealtrail models` against a real server: trained, looked at, accepted, and told to the judgement."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anomaly.models.blob import decode
from ingest.memory_store import MemoryStore
from ingest.queries import answer
from sealtrail.commands.models import models
from sealtrail.commands.models_reading import from_store, journeys_of_all
from sealtrail.contract.clock import iso
from sealtrail.contract.codec import decode_model_events
from sealtrail.contract.device import Device
from sealtrail.contract.errors import InvalidModelError
from sealtrail.contract.model import ModelEvent, ModelEventKind, ModelState
from sealtrail.contract.public.reading_line import to_line
from sealtrail.contract.reading import Reading
from sealtrail.contract.subjects import LOG_STREAM, MODEL_BLOBS_BUCKET, RECORD_REQUEST, models_subject
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.known_models import KnownModels
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.settings.tree import Settings
from tests.anomaly.models.made import START_MS, card, model, need_pyod, readings

PARTITIONS = 4


async def run(settings: NatsSettings, *arguments: str) -> Result:
    """Runs the verb in a thread of its own, as it has a loop of its own."""
    return await asyncio.to_thread(
        CliRunner().invoke,
        models,
        [*arguments],
        obj=Settings(nats=settings, partitions=PARTITIONS),
        catch_exceptions=False,
    )


async def told(log: Log) -> list[list[ModelEvent]]:
    """What each partition of the log has heard of models."""
    found = []
    for partition in range(PARTITIONS):
        reader = log.reader(LOG_STREAM, models_subject(partition), 1)
        try:
            found.append(
                [event for each in await reader.take(wait_s=0.5) for event in decode_model_events(each.data)]
            )
        finally:
            await reader.close()
    return found


def past(folder: Path, rows: list[Reading]) -> str:
    path = folder / "past.jsonl"
    path.write_text("".join(to_line(reading) + "\n" for reading in rows))
    return str(path)


async def test_a_model_reaches_the_judgement_when_somebody_accepts_it(
    nats_settings: NatsSettings, open_log: Log
) -> None:
    """Proposed: nothing on the log; accepted: its bytes in every partition; withdrawn: that too."""
    made_card, blob = card(model(lane="lane-1"))
    first = await KnownModels(open_log).propose(made_card, blob, "planner")
    second = await KnownModels(open_log).propose(made_card, blob, "planner")
    assert (first.version, second.version) == (1, 2)
    listed = (await run(nats_settings, "list")).stdout.splitlines()
    assert [line.split("  ")[:2] for line in listed] == [
        ["json-lane-1 1", "proposed"],
        ["json-lane-1 2", "proposed"],
    ]
    assert await told(open_log) == [[]] * PARTITIONS
    accepted = await run(nats_settings, "accept", "json-lane-1", "--actor", "J. Mwangi", "--json")
    shown = json.loads(accepted.stdout)
    assert (shown["version"], shown["state"], shown["decided_by"]) == (2, "accepted", "J. Mwangi")
    for events in await told(open_log):
        assert [(each.kind, each.version, each.actor) for each in events] == [
            (ModelEventKind.ACCEPTED, 2, "J. Mwangi")
        ]
        assert iso(events[0].occurred_at_ms) == shown["decided_at"]
        assert decode(events[0].blob).name == "json-lane-1"
    await run(
        nats_settings, "accept", "json-lane-1", "--actor", "somebody else"
    )  # told again as it was decided
    for events in await told(open_log):
        assert [each.actor for each in events] == ["J. Mwangi"] * 2
        assert events[0].event_id == events[1].event_id
        assert events[0].occurred_at_ms == events[1].occurred_at_ms
    await run(nats_settings, "withdraw", "json-lane-1", "--reason", "new sensors")
    assert [events[-1].kind for events in await told(open_log)] == [ModelEventKind.WITHDRAWN] * PARTITIONS
    with pytest.raises(InvalidModelError, match="model_withdrawn"):
        await run(nats_settings, "accept", "json-lane-1")
    assert (await run(nats_settings, "accept", "json-lane-1", "--version", "1")).exit_code == 0
    with pytest.raises(InvalidModelError, match="unknown_model"):
        await run(nats_settings, "accept", "json-lane-2")


async def test_the_card_is_what_a_person_decides_by(nats_settings: NatsSettings, open_log: Log) -> None:
    """`show` says for whom, from what, the threshold, the false alarms held out, the licence and the hash."""
    made_card, blob = card(model(lane="lane-1"))
    await KnownModels(open_log).propose(made_card, blob, "planner")
    text = (await run(nats_settings, "show", "json-lane-1")).stdout
    for part in (
        "family json, lane lane-1", "past.jsonl", "temperature_c.drift", "0.01 false alarms a container-day",
        "11 where 10 were allowed (ratio 1.1)", "nothing borrowed", made_card.sha256, "proposed by planner",
    ):  # fmt: skip
        assert part in text
    shown = json.loads((await run(nats_settings, "show", "json-lane-1", "--version", "1", "--json")).stdout)
    assert shown["card"]["held_out"]["looser_realised"] == 11


async def test_exchanged_bytes_are_not_accepted(nats_settings: NatsSettings, open_log: Log) -> None:
    """Other bytes under a card's hash, and none, are refused before anything is told to the judgement."""
    made_card, blob = card(model())
    await KnownModels(open_log).propose(made_card, blob, "planner")
    bucket = await open_log.bucket(MODEL_BLOBS_BUCKET)
    await bucket.put(made_card.sha256, card(model(threshold=99.0))[1])
    with pytest.raises(InvalidModelError, match="damaged_model"):
        await run(nats_settings, "accept", "json")
    await bucket.delete(made_card.sha256)
    with pytest.raises(InvalidModelError, match="model_bytes_missing"):
        await run(nats_settings, "accept", "json")
    assert (await KnownModels(open_log).get("json")).state is ModelState.PROPOSED
    assert await told(open_log) == [[]] * PARTITIONS
    with pytest.raises(InvalidModelError, match="damaged_model"):
        await KnownModels(open_log).propose(made_card, blob + b"x", "planner")


async def test_the_record_teaches_what_a_file_teaches(
    nats_settings: NatsSettings, open_log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked of the record by container and time, or of all containers, the same model as from a file."""
    need_pyod()
    rows = readings(3, 500)
    store = MemoryStore()
    await store.open()
    await store.write(rows)
    registry = DeviceRegistry(open_log)
    for device_id in sorted({reading.device_id for reading in rows} - {"D2"}):
        await registry.add(Device(device_id=device_id, family="json"), "planner")

    async def on_question(query: str, body: bytes) -> tuple[dict[str, str], bytes]:
        headers, answered = await answer(store, query, body, 900_000)
        return dict(headers), answered

    await open_log.answer(f"{RECORD_REQUEST}.*", on_question, group="ingest")
    since, until = iso(START_MS), iso(START_MS + 10 * 86_400_000)
    common = (
        "train",
        "--budget",
        "0.5",
        "--lane",
        "lane-1",
        "--channel",
        "temperature_c",
        "--dry-run",
        "--json",
    )
    from_file = json.loads((await run(nats_settings, *common, "--from", past(tmp_path, rows))).stdout)
    asked = [part for each in ("C0", "C1", "C2") for part in ("--journey", each, since, until)]
    journeys = json.loads((await run(nats_settings, *common, *asked, "--family", "json")).stdout)
    assert journeys["card"]["sha256"] == from_file["card"]["sha256"]
    assert (await run(nats_settings, "list")).stdout == ""
    everything = await journeys_of_all(open_log, START_MS, START_MS + 10 * 86_400_000)
    found = await from_store(open_log, everything, "")
    assert {reading.device_id for reading in found} == {"D0", "D1"}
    assert "left out: D2 (500 reports) isn't in the registry" in capsys.readouterr().err


async def test_trained_proposed_accepted_and_checked(
    nats_settings: NatsSettings, open_log: Log, tmp_path: Path
) -> None:
    """The whole way: train writes files and a proposal; check finds no drift as before, and one later."""
    need_pyod()
    rows = readings(4, 1_200)
    trained = await run(
        nats_settings, "train", "--from", past(tmp_path, rows), "--budget", "0.5", "--rows", "500",
        "--channel", "temperature_c", "--channel", "humidity_pct", "--actor", "planner",
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert trained.stdout.startswith("json 1  proposed")
    assert "sealtrail models accept json --version 1" in trained.stdout
    known = await KnownModels(open_log).get("json")
    assert (tmp_path / "out" / "json.model").read_bytes() == await KnownModels(open_log).blob(known)
    assert json.loads((tmp_path / "out" / "json.card.json").read_text())["sha256"] == known.card.sha256
    usual = await run(nats_settings, "check", "json", "--from", past(tmp_path, rows))
    assert (usual.exit_code, "no drift" in usual.stdout) == (0, True)
    for reading in rows:
        if reading.temperature_c is not None and reading.occurred_at_ms > START_MS + 50 * 3_600_000:
            reading.temperature_c += 60
    moved = await run(nats_settings, "check", "json", "--from", past(tmp_path, rows), "--json")
    seen = json.loads(moved.stdout)
    assert moved.exit_code == 1
    assert seen["drift"]["higher"]
    assert seen["realised"] >= 4


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--lane", "a b"), "bad_lane_name"),
        (("--family", "jt701"), "no_reports"),
        (("--channel", "light_lux"), "no_channels"),
    ],
)
def test_what_cannot_be_trained_is_refused(arguments: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    """A lane that is no name, a family that isn't there, and a quantity that nobody reports."""
    with pytest.raises(InvalidModelError, match=reason):
        CliRunner().invoke(
            models, ["train", *arguments, "--from", past(tmp_path, readings(1, 50)), "--dry-run"],
            catch_exceptions=False,
        )  # fmt: skip
