"""The document on risk names what there is."""

from __future__ import annotations

import pytest

from sealtrail.contract.risk import RiskPartName
from sealtrail.runtime.settings.risk import RiskSettings
from tests.shared import ROOT

DOC = (ROOT / "docs" / "trip-risk.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*RiskSettings.model_fields, *(part.value for part in RiskPartName)])
def test_every_setting_and_part_is_named(name: str) -> None:
    """A weight that the document doesn't name can't be found, nor a part be understood."""
    assert f"`{name}`" in DOC
