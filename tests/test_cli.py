"""The entry point: exit codes, one line for every known error, quiet when nobody reads on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sealtrail import cli


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *arguments: str) -> int:
    """Exit code of the command line in this process."""
    monkeypatch.setenv("SEALTRAIL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "argv", ["sealtrail", *arguments])
    try:
        cli.main()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def test_a_verb_that_ends_with_a_code_ends_the_program_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`judge` refuses a line and the program says 1, as its help promises."""
    path = tmp_path / "readings.jsonl"
    path.write_text("{")
    assert run(monkeypatch, tmp_path, "judge", str(path)) == 1
    assert "1 lines refused" in capsys.readouterr().err
    assert run(monkeypatch, tmp_path, "judge", "--help") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("simulate", "--plan-only", "--truth", "{}/missing/truth.json"),
        ("simulate", "--plan-only", "--trips-dir", "{}/file/trips"),
        ("simulate", "--plan-only", "--at", "0001-01-01T00:00:00Z"),
        ("demo", "--for", "10"),
        ("up",),
        ("decode", "jt701", "--received-at", "0001-01-01T00:00:00+14:00", "24"),
        ("trip", "add", "{}"),
        ("trip", "add", "{}/file"),
        ("subscriber", "add", "{}/deep"),
        ("trip", "list"),
        ("schema", "nothing"),
    ],
)
def test_an_error_is_told_in_words_on_standard_error(
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Files that can't be used, wrong content and absent parts end in one line, not in a traceback."""
    (tmp_path / "file").write_text("{")
    (tmp_path / "deep").write_text("[" * 100_000)
    if arguments[0] in {"demo", "up"}:
        (tmp_path / "state").write_text("in the way of the state folder")
    assert run(monkeypatch, tmp_path, *(part.format(tmp_path) for part in arguments)) in {1, 2}
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.rstrip().splitlines()[-1]
    assert last.startswith(("sealtrail: ", "Error: "))


def test_nothing_but_json_on_standard_output_while_the_log_is_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tries to connect aren't logged into what a program reads."""
    monkeypatch.setenv("SEALTRAIL_NATS__URL", "nats://127.0.0.1:1")
    assert run(monkeypatch, tmp_path, "incident", "list", "--json") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("sealtrail: no NATS server at nats://127.0.0.1:1")


def test_a_closed_pipe_is_quiet() -> None:
    """`sealtrail decode … | head -1` says nothing about the pipe."""
    command = [sys.executable, "-m", "sealtrail.cli", "decode", "jt701", "--json"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ.copy()
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        child.stdin.write(b"24\n" * 100)
        child.stdin.close()
        assert child.stderr.read() == b""
