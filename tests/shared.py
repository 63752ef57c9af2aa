"""Where the test material lies that nobody here wrote: a folder beside the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def shared(path: str) -> Path:
    """Path of ``../shared/<path>``; skips the running test by name where it is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"../shared/{path} is not on this machine")
    return found


def shared_rows(path: str) -> list[dict[str, Any]]:
    """Rows of a JSON-lines file in ``../shared``."""
    return [json.loads(line) for line in shared(path).read_text(encoding="utf-8").splitlines() if line]
