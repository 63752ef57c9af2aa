"""deploy/make_env.py: secrets that nobody thought up, written once, for their owner alone."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

from sealtrail.runtime.nkeys import AccountKey
from tests.shared import ROOT
from tests.system.compose_project import SECRETS, resolve

PROGRAM = ROOT / "deploy" / "make_env.py"


def _make(target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), str(target)], capture_output=True, text=True, check=False
    )


def _values(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_]+)=(.+)$", path.read_text("utf-8"), re.MULTILINE))


def test_writes_a_secret_for_all_that_compose_demands(tmp_path: Path) -> None:
    """The result is all that docker compose asks for; every secret is another one and long."""
    target = tmp_path / ".env"
    assert _make(target).returncode == 0
    values = _values(target)
    assert values.keys() == SECRETS.keys()
    assert len(set(values.values())) == len(values)
    key = AccountKey.from_seed(values.pop("ACCESS_ISSUER_SEED"))
    assert values["ACCESS_ISSUER"] == key.public
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{32,}", value) for value in values.values())
    values["ACCESS_ISSUER_SEED"] = key.seed
    project, complaint = resolve(values)
    assert complaint == ""
    assert project["services"]["nats"]["environment"]["NATS_PASSWORD"] == f'"{values["NATS_PASSWORD"]}"'


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    """The file's mode is 600 whatever the umask."""
    target = tmp_path / ".env"
    _make(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_never_overwrites(tmp_path: Path) -> None:
    """A second run changes nothing: the volumes of a running system know the first passwords."""
    target = tmp_path / ".env"
    _make(target)
    before = target.read_bytes()
    again = _make(target)
    assert again.returncode == 1
    assert "left alone" in again.stderr
    assert target.read_bytes() == before


def test_example_has_no_values() -> None:
    """Nobody can start with a password that stands in the repository."""
    example = _values(ROOT / ".env.example")
    assert example == {}
