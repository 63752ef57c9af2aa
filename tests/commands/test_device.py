"""``sealtrail device`` and the logins of subscribers, on a real log."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.access import signatures
from sealtrail.cli import cli
from sealtrail.contract import subjects
from sealtrail.contract.codec import decode_trip_events
from sealtrail.contract.device import DeviceState, SignatureAlgorithm
from sealtrail.contract.trip import TripEventKind
from sealtrail.runtime.devices import DeviceRegistry, LoginBook
from sealtrail.runtime.log import Log
from sealtrail.runtime.passwords import is_password
from sealtrail.runtime.settings.nats import NatsSettings

Run = Callable[..., Result]


@pytest.fixture
def run(nats_settings: NatsSettings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a verb against the server of the test, in a thread as it has its own event loop."""
    monkeypatch.setenv("SEALTRAIL_NATS__URL", nats_settings.url)
    monkeypatch.setenv("SEALTRAIL_NATS__USER", nats_settings.user)
    monkeypatch.setenv("SEALTRAIL_NATS__PASSWORD", nats_settings.password.get_secret_value())

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(cli, list(words))

    return invoke


async def _said(run: Run, *words: str) -> str:
    result = await asyncio.to_thread(run, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


async def _refused(run: Run, *words: str) -> str:
    result = await asyncio.to_thread(run, *words)
    assert result.exit_code != 0
    return result.output


async def test_password_is_told_once(run: Run, open_log: Log) -> None:
    """It is right, it is nowhere shown again, and only its hash is kept."""
    made = json.loads(await _said(run, "device", "add", "KE-0001", "--family", "json", "--json"))
    known = await DeviceRegistry(open_log).get("KE-0001")
    assert known is not None
    assert is_password(made["password"], known.device.password_hash)
    for words in (("show", "KE-0001"), ("show", "KE-0001", "--history"), ("list", "--json")):
        said = await _said(run, "device", *words)
        assert made["password"] not in said
        assert known.device.password_hash not in said


async def test_clock_of_a_device(run: Run, open_log: Log) -> None:
    """Its offset from UTC is entered, changed and taken back; where it makes no sense it is refused."""
    identity = "013812345678"
    add = ("device", "add", identity, "--family", "jt808", "--no-password")
    assert "+8" in await _refused(run, *add, "--clock-offset", "+8")
    assert "any zone" in await _refused(run, *add, "--clock-offset", "+15:00")
    assert "say their zone" in await _refused(
        run, "device", "add", "KE-0001", "--family", "json", "--clock-offset", "+03:00"
    )
    shown = json.loads(await _said(run, *add, "--clock-offset", "+02:00", "--json"))
    assert shown["clock_offset"] == "+02:00"
    assert "-03:30" in await _said(run, "device", "clock", identity, "-03:30")
    known = await DeviceRegistry(open_log).get(identity)
    assert known is not None
    assert known.device.clock_ahead_s == -12_600
    assert "protocol" in await _said(run, "device", "clock", identity, "protocol")
    assert json.loads(await _said(run, "device", "show", identity, "--json"))["clock_offset"] is None


async def test_life_of_a_device(run: Run, open_log: Log) -> None:
    """Suspended, resumed, retired; every step is in its history, and its identity isn't given again."""
    await _said(run, "device", "add", "KE-0001", "--family", "json", "--actor", "Achieng")
    await _said(run, "device", "suspend", "KE-0001", "--note", "stolen", "--actor", "Otieno")
    assert "KE-0001" in await _said(run, "device", "list", "--state", "suspended")
    await _said(run, "device", "resume", "KE-0001")
    await _said(run, "device", "retire", "KE-0001")
    assert "retired for good" in await _refused(run, "device", "resume", "KE-0001")
    assert "given once" in await _refused(run, "device", "add", "KE-0001", "--family", "json")
    history = await DeviceRegistry(open_log).history("KE-0001")
    assert [one.state for one in history] == [
        DeviceState.PROVISIONED,
        DeviceState.SUSPENDED,
        DeviceState.ACTIVE,
        DeviceState.RETIRED,
    ]
    assert [one.changed_by for one in history[:2]] == ["Achieng", "Otieno"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "a b", "--family", "json"), "an identity has 1 to 64"),
        (("add", "KE-1", "--family", "alerts"), "no family"),
        (("add", "gateway", "--family", "json"), "user of the system"),
        (("add", "KE-1", "--family", "json", "--certificate", "12"), "64 hexadecimal digits"),
        (("add", "KE-1", "--family", "json", "--interval", "0"), "above 0"),
        (("add", "KE-1", "--family", "json", "--sign", "ed25519", "--public-key", "AA=="), "32 bytes"),
        (("show", "KE-1"), "no device KE-1"),
        (("suspend", "KE-1"), "no device KE-1"),
        (("pair", "KE-1", "MSCU6639870"), "no device KE-1"),
        (("pair", "KE-1", "MSCU6639871"), "check digit"),
        (("unpair", "KE-1"), "isn't paired"),
    ],
)
async def test_refusals_say_why(run: Run, words: tuple[str, ...], reason: str) -> None:
    """One line for people, and nothing is entered."""
    assert reason in await _refused(run, "device", *words)
    assert await _said(run, "device", "list") == ""


async def test_pairing_is_on_the_log_and_in_the_projection(run: Run, open_log: Log) -> None:
    """Paired and unpaired are trip events of the container, and the device shows its container."""
    await _said(run, "device", "add", "KE-0001", "--family", "json")
    await _said(run, "device", "pair", "KE-0001", "MSCU 663987-0")
    assert "MSCU6639870" in await _said(run, "device", "list", "--paired")
    assert "unpair it first" in await _refused(run, "device", "pair", "KE-0001", "MSKU9070323")
    await _said(run, "device", "unpair", "KE-0001")
    assert await _said(run, "device", "list", "--paired") == ""
    reader = open_log.reader(subjects.LOG_STREAM, subjects.LOG_SUBJECTS, 1)
    events = [
        event
        for _ in range(2)
        for message in await reader.take(most=1, wait_s=5)
        for event in decode_trip_events(message.data)
    ]
    await reader.close()
    assert [(event.kind, event.container_id, event.device_id) for event in events] == [
        (TripEventKind.PAIRED, "MSCU6639870", "KE-0001"),
        (TripEventKind.UNPAIRED, "MSCU6639870", "KE-0001"),
    ]


@pytest.mark.parametrize("algorithm", list(SignatureAlgorithm))
async def test_rotated_keys_overlap(run: Run, open_log: Log, algorithm: SignatureAlgorithm) -> None:
    """The old key holds until the overlap ends, the new one at once; what is printed can sign."""
    first = json.loads(
        await _said(run, "device", "add", "KE-1", "--family", "json", "--sign", algorithm.value, "--json")
    )
    second = json.loads(
        await _said(run, "device", "rotate", "KE-1", "--sign", algorithm.value, "--overlap-h", "2", "--json")
    )
    known = await DeviceRegistry(open_log).get("KE-1")
    assert known is not None
    old, new = known.device.signing_keys
    assert (old.key_id, new.key_id) == (first["key_id"], second["key_id"])
    assert (old.valid_until_ms, new.valid_until_ms) == (new.valid_from_ms + 7_200_000, None)
    secret = base64.b64decode(second.get("key") or second["private_key"])
    found = signatures.split(signatures.sign(b"{}", new.key_id, algorithm, secret))
    assert found is not None
    assert signatures.check(found, known.device.signing_keys, new.valid_from_ms) == b"{}"


async def test_import_enters_all_lines_or_says_what_is_wrong_with_each(
    run: Run, open_log: Log, tmp_path: Path
) -> None:
    """Refusals name line and reason; a sound file is entered as a whole, with its pairings."""
    await _said(run, "device", "add", "taken", "--family", "json")
    bad = tmp_path / "bad.csv"
    bad.write_text(
        "device_id,family,reporting_interval_s,container_id\n"
        "KE-1,json,300,\n"
        "KE-1,json,300,\n"
        "a b,json,300,\n"
        "KE-2,json,often,\n"
        "KE-3,json,300,MSCU6639871\n"
        "taken,json,300,\n"
    )
    said = await _refused(run, "device", "import", str(bad))
    for line, reason in (
        (3, "device_twice"),
        (4, "bad_device_id"),
        (5, "bad_number"),
        (6, "bad_container_number"),
        (7, "device_exists"),
    ):
        assert f"line {line}: {reason}" in said
    assert [one.device_id for one in await DeviceRegistry(open_log).all()] == ["taken"]
    good = tmp_path / "good.csv"
    good.write_text(
        "device_id,family,password,capabilities,container_id\n"
        "KE-1,json,,seal gnss,MSCU6639870\nKE-2,jt701,chosen by a person,,\n"
    )
    made = [json.loads(line) for line in (await _said(run, "device", "import", str(good))).splitlines()]
    devices = {one.device_id: one for one in await DeviceRegistry(open_log).all()}
    assert [one["device_id"] for one in made] == ["KE-1"]
    assert is_password(made[0]["password"], devices["KE-1"].password_hash)
    assert is_password("chosen by a person", devices["KE-2"].password_hash)
    assert devices["KE-1"].capabilities == ("seal", "gnss")
    assert "MSCU6639870" in await _said(run, "device", "show", "KE-1")


async def test_subscriber_gets_a_login_of_its_own(run: Run, open_log: Log) -> None:
    """Its password is told once, can be made anew, and goes with the subscriber."""
    made = json.loads(await _said(run, "subscriber", "add", "--id", "insurer", "--mqtt", "--json"))
    (login,) = await LoginBook(open_log).all()
    assert made["mqtt_user"] == "insurer@alerts"
    assert is_password(made["mqtt_password"], login.password_hash)
    assert made["mqtt_password"] not in await _said(run, "subscriber", "list", "--json")
    again = json.loads(await _said(run, "subscriber", "password", "insurer", "--json"))
    (login,) = await LoginBook(open_log).all()
    assert is_password(again["mqtt_password"], login.password_hash)
    await _said(run, "subscriber", "remove", "insurer")
    assert await LoginBook(open_log).all() == []


async def test_export_for_mosquitto(run: Run, tmp_path: Path) -> None:
    """Password file and access list are written, readable by owner and group only; again changes nothing."""
    await _said(run, "device", "add", "KE-0001", "--family", "json")
    folder = tmp_path / "mosquitto"
    assert "written" in await _said(run, "device", "export-mosquitto", str(folder))
    assert (folder / "passwords").read_text().startswith("KE-0001:$7$")
    assert "pattern write sealtrail/json/%u/up" in (folder / "acl").read_text()
    assert (folder / "passwords").stat().st_mode & 0o007 == 0
    assert "unchanged" in await _said(run, "device", "export-mosquitto", str(folder))
