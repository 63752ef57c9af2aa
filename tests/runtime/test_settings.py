"""Settings: precedence, refusals that name the key, secrets that stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealtrail.contract.errors import SettingsError
from sealtrail.runtime.settings import tree


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(__import__("os").environ):
        if name.startswith(tree.PREFIX):
            monkeypatch.delenv(name)


def _file(folder: Path, text: str) -> Path:
    path = folder / "sealtrail.toml"
    path.write_text(text)
    return path


def test_environment_wins_over_file_over_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One value from each source, each reported with where it came from."""
    path = _file(tmp_path, 'partitions = 8\n[nats]\nurl = "nats://file:4222"\nuser = "from-file"\n')
    monkeypatch.setenv("SEALTRAIL_NATS__URL", "nats://environment:4222")
    settings = tree.load(path)
    assert (settings.nats.url, settings.nats.user, settings.partitions) == (
        "nats://environment:4222",
        "from-file",
        8,
    )
    sources = {item.key: item.source for item in tree.effective(path)}
    assert sources["nats.url"] == "environment"
    assert sources["nats.user"] == f"file {path}"
    assert sources["nats.replicas"] == "default"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[nats]\nurll = 'x'\n", "nats.urll"),
        ("nonsense = 1\n", "nonsense"),
        ("partitions = 0\n", "partitions"),
        ("partitions = [\n", "not TOML"),
    ],
)
def test_wrong_files_are_refused_by_key(tmp_path: Path, text: str, named: str) -> None:
    """The refusal says which key is wrong."""
    with pytest.raises(SettingsError, match=named):
        tree.load(_file(tmp_path, text))


@pytest.mark.parametrize("name", ["SEALTRAIL_NATZ__URL", "SEALTRAIL_NATS__URLL", "SEALTRAIL_PARTITION"])
def test_unknown_variables_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A misspelt environment variable is an error, not silence."""
    monkeypatch.setenv(name, "x")
    with pytest.raises(SettingsError):
        tree.load()


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A settings file that isn't there is named."""
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        tree.load(tmp_path / "nowhere.toml")


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listing says only whether a secret is set."""
    monkeypatch.setenv("SEALTRAIL_NATS__PASSWORD", "hunter2")
    items = tree.effective()
    assert "hunter2" not in repr(items)
    assert "hunter2" not in repr(tree.load())
    assert {item.value for item in items if item.key == "nats.password"} == {"(set)"}


def test_every_setting_is_described() -> None:
    """Each setting says what it does."""
    assert [item.key for item in tree.effective() if not item.description] == []
