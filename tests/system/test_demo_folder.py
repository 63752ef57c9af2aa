"""The folder of a demonstration: nothing of one that runs is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealtrail.composition import take_folder
from sealtrail.contract.errors import SettingsError
from sealtrail.demonstration.run import prepare_folder
from sealtrail.runtime.settings.tree import Settings


def test_a_second_demonstration_leaves_the_first_alone(tmp_path: Path) -> None:
    """While one runs, another in the same folder is refused before it deletes anything; afterwards it may."""
    kept = tmp_path / "demo" / "nats" / "jetstream"
    kept.mkdir(parents=True)
    with take_folder(tmp_path / "demo"), pytest.raises(SettingsError, match="another SealTrail runs"):
        prepare_folder(Settings(state_dir=tmp_path))
    assert kept.is_dir()
    assert prepare_folder(Settings(state_dir=tmp_path)).state_dir == tmp_path / "demo"
    assert not kept.exists()
