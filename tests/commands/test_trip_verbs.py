"""`sealtrail trip` against a real server: what is recorded, shown, refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sealtrail.commands.trip import read_trip, trip
from sealtrail.contract.codec import decode_trip_events
from sealtrail.contract.errors import InvalidTripError, SealTrailError
from sealtrail.contract.subjects import LOG_STREAM, LOG_SUBJECTS
from sealtrail.contract.trip import TripEvent
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import Settings
from tests.parts.nats import nats_server, settings_of

__all__ = ["nats_server"]

Run = Callable[..., Result]
PLAN: dict[str, Any] = {
    "trip_id": "T-1",
    "container_id": "MSKU9070323",
    "device_ids": ["JT-1"],
    "seal_numbers": ["KRA17"],
    "departs_at": "2026-11-01T06:00:00Z",
}
LINE = "LINESTRING (39.6682 -4.0435, 37.6531 -2.6903, 36.8219 -1.2921)"


@pytest.fixture
def run(nats_server: EmbeddedNats) -> Run:
    """Runs a verb of `sealtrail trip` against the server."""
    assert nats_server.endpoint is not None
    settings = Settings(nats=settings_of(nats_server.endpoint))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(trip, [*arguments], obj=settings, catch_exceptions=False)

    return invoke


def recorded(server: EmbeddedNats) -> list[TripEvent]:
    """All trip events on the log, in its order."""

    async def read() -> list[TripEvent]:
        assert server.endpoint is not None
        log = await Log.connect(settings_of(server.endpoint), "test")
        try:
            count = await log.last_sequence(LOG_STREAM)
            reader = log.reader(LOG_STREAM, LOG_SUBJECTS, 1)
            await reader.open()
            found: list[TripEvent] = []
            while len(found) < count:
                for message in await reader.take(most=100, wait_s=5):
                    found += decode_trip_events(message.data)
            await reader.close()
            return found
        finally:
            await log.close()

    return asyncio.run(read())


def file_of(folder: Path, **changes: Any) -> str:
    path = folder / f"{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps({**PLAN, **changes}))
    return str(path)


def test_a_trip_from_a_drawing_to_its_end(run: Run, nats_server: EmbeddedNats, tmp_path: Path) -> None:
    """Planned with a drawn way, changed from a stated time, authorised, checked, ended: one event each."""
    drawn = tmp_path / "way.wkt"
    drawn.write_text(LINE)
    added = run("add", file_of(tmp_path), "--corridor", str(drawn), "--half-width", "3km", "--actor", "A")
    assert added.exit_code == 0
    assert "planned" in added.stdout
    assert "3 km to either side" in added.stderr
    changed = run(
        "change", "T-1", "--alternative", str(drawn), "--half-width", "800 m",
        "--from", "2026-11-02T00:00:00Z", "--json",
    )  # fmt: skip
    assert json.loads(changed.stdout)["occurred_at"] == "2026-11-02T00:00:00.000Z"
    leave = run(
        "authorise", "T-1", "--by", "KRA", "--valid-from", "2026-11-03T08:00:00Z", "--valid-until",
        "2026-11-03T10:00:00Z", "--card", "7", "--place", "-4.04,39.66,0.5km", "--json",
    )  # fmt: skip
    checked = run(
        "check-seal", "T-1", "--condition", "4", "--seal-seen", "KRA17", "--replaced-by", "KRA18",
        "--party", "Customs Malaba", "--role", "CU", "--at", "2026-11-03T09:00:00Z", "--json",
    )  # fmt: skip
    assert {json.loads(said.stdout)["trip_id"] for said in (leave, checked)} == {"T-1"}
    shown = json.loads(run("show", "T-1").stdout)
    assert shown["seal_numbers"] == ["KRA18"]
    assert shown["corridor"]["properties"]["half_width_m"] == 3000
    assert shown["alternatives"][0]["properties"]["half_width_m"] == 800
    assert shown["authorisations"][0]["place"]["radius_m"] == 500
    assert [json.loads(line)["trip_id"] for line in run("list", "--json").stdout.splitlines()] == ["T-1"]
    assert run("end", "T-1", "--at", "2026-11-03T12:00:00Z").exit_code == 0
    assert run("list").stdout == ""
    events = recorded(nats_server)
    assert [event.kind.value for event in events] == [
        "planned", "changed", "authorised", "seal_checked", "ended",
    ]  # fmt: skip
    assert events[0].actor == "A"
    check = events[3].seal_check
    assert check is not None
    assert (check.seal_expected, check.condition, check.party_role) == ("KRA17", 4, "CU")
    assert events[3].occurred_at_ms == check.checked_at_ms


def test_what_cannot_be_is_refused_before_anything_is_recorded(
    run: Run, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    """Another container, a future end, no such trip, a change of nothing: by name, nothing recorded."""
    run("add", file_of(tmp_path))
    for arguments, reason in (
        (("add", file_of(tmp_path, container_id="CSQU3054383")), "container_changed"),
        (("add", file_of(tmp_path, trip_id="T-2"), "--from", "2026-11-02T00:00:00Z"), "not_under_way"),
        (("end", "T-1", "--at", "2199-01-01T00:00:00Z"), "not_yet_happened"),
        (
            ("check-seal", "T-1", "--condition", "3", "--seal-seen", "X", "--party", "P", "--role", "CU"),
            "missing_seal_seen",
        ),
        (("check-seal", "T-1", "--condition", "1", "--party", "P", "--role", "customs"), "party_role"),
        (("change", "T-1", "--arrives-at", "2026-10-01T00:00:00Z"), "arrives_before_departure"),
        (("add", file_of(tmp_path), "--corridor-name", "nowhere"), "unknown_corridor"),
    ):
        with pytest.raises(InvalidTripError, match=reason):
            run(*arguments)
    with pytest.raises(SealTrailError, match="no trip 'T-9'"):
        run("end", "T-9")
    assert run("change", "T-1").exit_code == 2
    assert [event.kind.value for event in recorded(nats_server)] == ["planned"]


def test_a_draft_is_a_trip_file(tmp_path: Path) -> None:
    """What `new` prints can be added as it is, with the drawn corridor in it."""
    drawn = tmp_path / "way.wkt"
    drawn.write_text(LINE)
    said = CliRunner().invoke(
        trip,
        ["new", "--container", "MSKU9070323", "--device", "JT-1", "--corridor", str(drawn),
         "--half-width", "2nmi", "--origin", "Mombasa=-4.0435,39.6682,3km"],
    )  # fmt: skip
    plan = json.loads(said.stdout)
    assert plan["corridor"]["properties"]["half_width_m"] == 3704
    assert plan["origin"]["name"] == "Mombasa"
    path = tmp_path / "trip.json"
    path.write_text(said.stdout)
    assert read_trip(path).trip_id == plan["trip_id"]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--half-width", "5"),
        ("--half-width", "5 furlongs"),
        ("--half-width", "0km"),
        ("--half-width", "3000km"),
        ("--origin", "4,5"),
        ("--origin", "4,5,6"),
        ("--origin", "north,5,6km"),
    ],
)
def test_lengths_and_places_need_their_units(option: str, text: str) -> None:
    """A number without a unit, or with one that nobody knows, is refused with an example."""
    said = CliRunner().invoke(trip, ["new", "--container", "MSKU9070323", "--device", "JT-1", option, text])
    assert said.exit_code == 2
    assert "5km" in said.output or "500m" in said.output
