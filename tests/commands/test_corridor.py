"""`sealtrail corridor` against a real server: learned, looked at, accepted, and only then used."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from xml.parsers import expat

import pytest
from click.testing import CliRunner, Result

from ingest.memory_store import MemoryStore
from ingest.queries import answer
from sealtrail.cli import cli
from sealtrail.commands.corridor import corridor
from sealtrail.commands.trip import trip
from sealtrail.commands.trip_reading import read_corridor
from sealtrail.contract.clock import iso
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.public.reading_line import to_line
from sealtrail.contract.reading import FixKind, Reading
from sealtrail.contract.subjects import RECORD_REQUEST
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.settings.tree import Settings
from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["nats_server", "nats_settings", "open_log"]

START_MS = 1_790_000_000_000
CONTAINERS = ("MSKU9070323", "CSQU3054383", "TGHU7599330")


def journey(container: str, number: int) -> list[Reading]:
    """A lorry's reports every five minutes on a winding road, a hundred metres beside the others'."""
    return [
        Reading(
            device_id=f"D-{container}",
            family="json",
            reading_id=number * 1_000 + i,
            container_id=container,
            occurred_at_ms=START_MS + number * 86_400_000 + i * 300_000,
            received_at_ms=START_MS + number * 86_400_000 + i * 300_000,
            fix_kind=int(FixKind.GNSS),
            latitude_deg=50 + 0.1 * math.sin(i / 9) + 0.001 * number,
            longitude_deg=10 + 0.05 * i,
        )
        for i in range(60)
    ]


def past(folder: Path) -> str:
    path = folder / "past.jsonl"
    rows = [reading for number, each in enumerate(CONTAINERS) for reading in journey(each, number)]
    path.write_text("".join(to_line(reading) + "\n" for reading in rows))
    return str(path)


async def run(settings: NatsSettings, group: str, *arguments: str) -> Result:
    """Runs a verb in a thread of its own, as it has a loop of its own."""
    verb = {"corridor": corridor, "trip": trip}[group]
    return await asyncio.to_thread(
        CliRunner().invoke, verb, [*arguments], obj=Settings(nats=settings), catch_exceptions=False
    )


async def test_nothing_is_used_before_somebody_has_accepted_it(
    nats_settings: NatsSettings, tmp_path: Path
) -> None:
    """Proposed: refused to trips; accepted by a named person: used; withdrawn: refused again."""
    plan = tmp_path / "trip.json"
    plan.write_text(json.dumps({"trip_id": "T-1", "container_id": CONTAINERS[0], "device_ids": ["JT-1"]}))
    learned = await run(
        nats_settings, "corridor", "learn", "--name", "lane-1", "--from", past(tmp_path), "--out",
        str(tmp_path), "--actor", "planner",
    )  # fmt: skip
    assert "from 3 journeys" in learned.stdout
    with pytest.raises(InvalidTripError, match="corridor_not_accepted"):
        await run(nats_settings, "trip", "add", str(plan), "--corridor-name", "lane-1")
    accepted = await run(nats_settings, "corridor", "accept", "lane-1", "--actor", "J. Mwangi", "--json")
    properties = json.loads(accepted.stdout)["properties"]
    assert (properties["state"], properties["decided_by"]) == ("accepted", "J. Mwangi")
    assert properties["proposed_by"] == "planner"
    await run(nats_settings, "trip", "add", str(plan), "--corridor-name", "lane-1")
    shown = json.loads((await run(nats_settings, "trip", "show", "T-1")).stdout)
    assert shown["lane"] == "lane-1"
    assert shown["corridor"]["geometry"] == json.loads(accepted.stdout)["geometry"]
    with pytest.raises(InvalidTripError, match="corridor_in_use"):
        await run(
            nats_settings,
            "corridor",
            "learn",
            "--name",
            "lane-1",
            "--from",
            past(tmp_path),
            "--out",
            str(tmp_path),
        )
    await run(nats_settings, "corridor", "withdraw", "lane-1", "--reason", "bridge closed")
    with pytest.raises(InvalidTripError, match="corridor_not_accepted"):
        await run(nats_settings, "trip", "add", str(plan), "--corridor-name", "lane-1")
    listed = (await run(nats_settings, "corridor", "list")).stdout
    assert listed.startswith("lane-1  withdrawn")
    with pytest.raises(InvalidTripError, match="unknown_corridor"):
        await run(nats_settings, "corridor", "accept", "lane-2")


async def test_journeys_come_from_the_record_too(
    nats_settings: NatsSettings, open_log: Log, tmp_path: Path
) -> None:
    """Asked by container and time, the record's positions teach the same corridor as the file of readings."""
    store = MemoryStore()
    await store.open()
    for number, container in enumerate(CONTAINERS):
        await store.write(journey(container, number))

    async def on_question(query: str, body: bytes) -> tuple[dict[str, str], bytes]:
        headers, answered = await answer(store, query, body, 900_000)
        return dict(headers), answered

    await open_log.answer(f"{RECORD_REQUEST}.*", on_question, group="ingest")
    since, until = iso(START_MS), iso(START_MS + 10 * 86_400_000)
    asked = [part for each in CONTAINERS for part in ("--journey", each, since, until)]
    common = ("learn", "--out", str(tmp_path), "--dry-run", "--json", "--name")
    recorded = await run(nats_settings, "corridor", *common, "a", *asked)
    from_file = await run(nats_settings, "corridor", *common, "b", "--from", past(tmp_path))
    assert json.loads(recorded.stdout)["geometry"] == json.loads(from_file.stdout)["geometry"]
    assert (await run(nats_settings, "corridor", "list")).stdout == ""


def test_the_picture_and_the_drawing_are_written(tmp_path: Path) -> None:
    """Without a running system: an SVG that parses, and GeoJSON that `trip add --corridor` reads."""
    arguments = ["corridor", "learn", "--name", "lane-1", "--from", past(tmp_path), "--dry-run"]
    said = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "new")], catch_exceptions=False)
    assert said.exit_code == 0
    svg = (tmp_path / "new" / "lane-1.svg").read_bytes()
    expat.ParserCreate().Parse(svg, True)
    assert svg.count(b"<polyline") > len(CONTAINERS)
    assert b"proposed, not accepted" in svg
    found = read_corridor(tmp_path / "new" / "lane-1.geojson", None)
    assert len(found.half_width_m) == len(found.coordinates) - 1
    assert min(found.half_width_m) >= 1_000


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(("--name", "a b"), "bad_corridor_name"), (("--name", "x", "--gap", "1km"), "no_common_way|too_few")],
)
def test_what_cannot_be_learned_is_refused(arguments: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    """A name that is no key, and too few journeys, are refused by name."""
    one = tmp_path / "one.jsonl"
    one.write_text("".join(to_line(reading) + "\n" for reading in journey(CONTAINERS[0], 0)))
    with pytest.raises(InvalidTripError, match=reason):
        CliRunner().invoke(
            corridor, ["learn", *arguments, "--from", str(one), "--dry-run"], catch_exceptions=False
        )
