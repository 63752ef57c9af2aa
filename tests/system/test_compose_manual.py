"""docs/operating.md says only what exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from sealtrail.cli import VERBS
from sealtrail.runtime.settings.tree import Settings, load
from tests.shared import ROOT
from tests.system.compose_project import document

MANUAL = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
SOURCES = ("sealtrail", "gateway", "ingest", "anomaly", "alerts", "dashboards")


def _block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)
    assert found is not None
    return found[1]


def test_settings_file_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example can be copied as it stands."""
    for name in re.findall(r"`(SEALTRAIL_\w+)`", MANUAL):
        monkeypatch.setenv(name, "a-secret")
    file = tmp_path / "sealtrail.toml"
    file.write_text(_block("toml"))
    settings = load(file)
    assert settings.nats.replicas == tomllib.loads(_block("toml"))["nats"]["replicas"]
    assert settings.ingest.influxdb_token.get_secret_value() == "a-secret"


def test_every_metric_exists() -> None:
    """Each metric that the manual names is defined in a service, by its whole name or its prefix's rest."""
    named = set(re.findall(r"\bsealtrail_[a-z_]+\b", MANUAL))
    assert named
    sources = "\n".join(
        path.read_text(encoding="utf-8") for folder in SOURCES for path in (ROOT / folder).rglob("*.py")
    )
    for metric in named:
        name = metric.removesuffix("_total")
        rest = name.removeprefix("sealtrail_gateway_")
        assert re.search(rf'"({name}|{metric}|{rest})"', sources), metric


def test_every_verb_exists() -> None:
    """Each command line in the manual begins with a verb."""
    for verb in re.findall(
        r"sealtrail (?:--settings \S+ )?([a-z]+)\b", " ".join(re.findall(r"`[^`]+`", MANUAL))
    ):
        assert verb in VERBS, verb


def test_every_setting_exists() -> None:
    """Each setting that the manual names with its section is one."""
    for section, key in re.findall(r"`([a-z]+)\.([a-z_]+(?:\.[a-z_]+)?)(?: = [^`]+)?`", MANUAL):
        if section not in Settings.model_fields:
            continue
        model = Settings.model_fields[section].annotation
        for part in key.split("."):
            fields = getattr(model, "model_fields", {})
            assert part in fields, f"{section}.{key}"
            model = fields[part].annotation


def test_default_figures_are_right() -> None:
    """The figures that the manual gives in brackets are the defaults."""
    settings = Settings()
    assert f"`nats.log_max_age_days` ({settings.nats.log_max_age_days:g})" in MANUAL
    assert f"`alerts.retry_for_h` ({settings.alerts.retry_for_h:g} h)" in MANUAL
    window = re.search(r"max_ack_pending: (\d+)", (ROOT / "deploy" / "mqtt-plain.conf").read_text("utf-8"))
    assert window is not None
    assert f"{int(window[1]):,}" in MANUAL


def test_published_addresses_are_right() -> None:
    """The addresses in the table are those of the compose file."""
    for service, address in (("controlroom", "127.0.0.1:8080"), ("grafana", "127.0.0.1:3000")):
        (port,) = document()["services"][service]["ports"]
        assert address in port
        assert f"http://{address}/" in MANUAL
