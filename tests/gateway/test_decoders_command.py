"""`sealtrail decode`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from gateway.decoders import decoders
from sealtrail.commands.decode import decode
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public.reading_line import from_line
from tests.shared import shared

LOCK_EVENT = "(2050018634,P45,051124,204046,9.861502,N,83.950336,W,A,1,0,1,1,0012260888,0,0,0)"
BINARY = "2475604055531611002311111600311326144436028210791d016c0000001f070000000020c03c4f6d07d80ccf"
AT = ("--received-at", "2026-11-23T06:30:00Z")


def run(*arguments: str, standard_input: str | None = None) -> Result:
    """The command as a person runs it."""
    return CliRunner().invoke(decode, arguments, input=standard_input)


def test_frames_as_arguments() -> None:
    """Hex and text frames of one family are told in readable rows."""
    result = run("jt701", *AT, BINARY, LOCK_EVENT)
    assert result.exit_code == 0
    assert "7560405553  2016-11-11T00:31:13.000Z  (jt701)" in result.stdout
    assert "opened" in result.stdout
    assert "0012260888" in result.stdout


def test_lines_on_standard_input() -> None:
    """Without frames as arguments the lines of standard input are decoded, blank ones left out."""
    result = run("jt600", "--json", *AT, standard_input=f"{BINARY}\n\n{LOCK_EVENT}\n")
    assert result.exit_code == 0
    readings = [from_line(line) for line in result.stdout.splitlines()]
    assert [reading.device_id for reading in readings] == ["7560405553", "2050018634"]


def test_json_over_several_lines() -> None:
    """A document as people print it is one frame; what is broken costs only its own lines."""
    report = {"occurred_at": "2026-11-23T06:30:00Z", "device_id": "a", "seal": {"state": "sealed"}}
    broken = ['{"device_id" "b"}', '{"device_id":']
    lines = [json.dumps(report, indent=2), broken[0], json.dumps([report] * 2, indent=1), broken[1]]
    result = run("json", "--json", *AT, standard_input="\n".join(lines))
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one.get("device_id") or one["frame"] for one in told] == ["a", broken[0], "a", "a", broken[1]]


@pytest.mark.parametrize(
    "written",
    [
        BINARY.upper(),
        f"0x{BINARY}",
        f"0X{BINARY.upper()}",
        f" {bytes.fromhex(BINARY).hex(' ')}\n",
        bytes.fromhex(BINARY).hex(":"),
        " ".join(f"0x{byte:02x}" for byte in bytes.fromhex(BINARY)),
    ],
)
def test_hex_as_people_write_it(written: str) -> None:
    """Case, blanks, colons and 0x make no difference."""
    assert run("jt701", "--json", *AT, written).stdout == run("jt701", "--json", *AT, BINARY).stdout != ""


def test_text_frames_as_hex() -> None:
    """A text frame is taken as hex too, since the quarantine shows any frame that way."""
    for family, frame in (
        ("jt701", LOCK_EVENT),
        ("json", '{"device_id":"A","occurred_at":null,"sequence":1}'),
    ):
        as_hex = run(family, "--json", *AT, frame.encode().hex())
        assert as_hex.exit_code == 0
        assert as_hex.stdout == run(family, "--json", *AT, frame).stdout


def test_bytes_that_are_no_text_on_standard_input() -> None:
    """Binary garbage on standard input is refused by name, whatever the terminal's encoding."""
    result = CliRunner().invoke(decode, ["eseal", *AT], input=b"\xff\xfe\x00\n##S\n")
    assert result.exit_code == 1
    assert result.stderr.count("refused: ") == 2


def test_nothing_to_decode_is_no_success() -> None:
    """Without any frame it says so."""
    with pytest.raises(RefusedError, match="no_frame"):
        CliRunner().invoke(decode, ["jt701"], input="\n\n", catch_exceptions=False)


def test_refused_frame_doesnt_stop_the_others() -> None:
    """A refused frame is told on standard error, the next is decoded, the exit code is 1."""
    result = run("jt701", *AT, BINARY[:-2], "xyz", LOCK_EVENT)
    assert result.exit_code == 1
    assert "bad_length" in result.stderr
    assert "not_hex" in result.stderr
    assert "0012260888" in result.stdout


def test_refused_frame_in_json() -> None:
    """With --json a refusal is a line of its own, in its place."""
    result = run("jt701", "--json", *AT, BINARY[:-2], BINARY)
    assert result.exit_code == 1
    refused, reading = (json.loads(line) for line in result.stdout.splitlines())
    assert refused["refused"] == "bad_length"
    assert reading["device_id"] == "7560405553"


def test_device_id() -> None:
    """A frame that nothing names is decoded all the same, and told so; another device's frame is refused."""
    report = '{"occurred_at":"2026-11-23T06:29:00Z","seal":{"events":["cut"]}}'
    nameless = run("json", "--json", *AT, report)
    assert nameless.exit_code == 0
    assert json.loads(nameless.stdout)["device_id"] == "unidentified"
    assert "--device-id" in nameless.stderr
    assert "malformed_json" in run("json", *AT, report[:-1]).stderr
    assert json.loads(run("json", "--json", "--device-id", "KE-1", *AT, report).stdout)["device_id"] == "KE-1"
    assert "identity_mismatch" in run("jt701", "--device-id", "1", *AT, BINARY).stderr


def test_login_names_what_follows() -> None:
    """A login frame reports nothing and gives its identity to the frames after it."""
    login = "000F333536333037303432343431303133"
    record = (
        "000000000000003608010000016B40D8EA30010000000000000000000000000000000105021503010101425E0F01F10000601A014E"
        "0000000000000000010000C7CF"
    )
    result = run("teltonika", "--json", *AT, login, record)
    assert result.exit_code == 0
    assert [json.loads(line)["device_id"] for line in result.stdout.splitlines()] == ["356307042441013"]
    assert "unidentified" in run("teltonika", "--json", *AT, record).stdout


def test_several_frames_in_one_argument() -> None:
    """Frames back to back are taken apart; a refused one doesn't hide the others."""
    result = run("jt701", "--json", *AT, BINARY + BINARY + LOCK_EVENT.encode().hex())
    assert [json.loads(line)["device_id"] for line in result.stdout.splitlines()] == [
        "7560405553",
        "7560405553",
        "2050018634",
    ]
    bent = run("jt701", "--json", *AT, LOCK_EVENT.replace("051124", "991124") + LOCK_EVENT)
    assert bent.exit_code == 1
    assert [json.loads(line).get("refused", "read") for line in bent.stdout.splitlines()] == [
        "bad_time",
        "read",
    ]


def test_frame_without_report() -> None:
    """A heartbeat is no refusal."""
    result = run("jt701", *AT, "(3460311327,@JT)")
    assert result.exit_code == 0
    assert "nothing to report" in result.stdout


def test_list() -> None:
    """--list names every family; with --json as objects."""
    assert [line.split()[0] for line in run("--list").stdout.splitlines()] == sorted(decoders())
    listed = [json.loads(line)["family"] for line in run("--list", "--json").stdout.splitlines()]
    assert listed == sorted(decoders())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("morse", "00"), "unknown_family"),
        ((), "--list"),
        (("json", "--received-at", "today", "{}"), "bad_time"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], told: str) -> None:
    """Wrong arguments are told with what to do, without a traceback."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_help_has_an_example() -> None:
    """The help shows how it is used."""
    assert "Example: sealtrail decode jt701" in run("--help").stdout


def test_frames_of_several_devices_may_stand_in_one_input() -> None:
    """A frame that names itself other than an earlier login is the other device's, not refused."""
    login = "78780d01086471700328358100093f040d0a"
    rows = [json.loads(line) for line in shared("vectors/traccar/gt06.jsonl").read_text().splitlines()]
    frames = [row["frame"] for row in rows]
    result = CliRunner().invoke(decode, ["gt06", "--json", login, *frames])
    refused = {json.loads(line).get("refused") for line in result.stdout.splitlines()} - {None}
    assert refused == {"bad_crc"}
