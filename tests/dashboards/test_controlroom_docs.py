"""The control room's document names what there is."""

from __future__ import annotations

import re

import pytest

from dashboards.controlroom.server import create_app
from sealtrail.runtime.settings.controlroom import ControlRoomSettings
from tests.dashboards.controlroom_scene import Scene
from tests.shared import ROOT

DOC = (ROOT / "docs" / "control-room.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ControlRoomSettings.model_fields)
def test_every_setting_is_named(name: str) -> None:
    """A setting that the document doesn't name can't be found."""
    assert f"`{name}`" in DOC


def test_every_route_is_named() -> None:
    """Each path of the published schema stands in the document."""
    for path in create_app(Scene(0)).openapi()["paths"]:
        plain = re.sub(r"\{\w+_id\}", "ID", path).replace("/{action}", "/acknowledge")
        assert plain in DOC, path


def test_every_key_of_the_page_is_named() -> None:
    """Each key of the page's table stands in the document."""
    source = (ROOT / "dashboards/controlroom/web/src/keyboard.ts").read_text(encoding="utf-8")
    shown = re.findall(r'shown: "([^"]+)"', source)
    assert len(shown) == 10
    for keys in shown:
        assert f"`{keys.split('  ')[0]}`" in DOC, keys
