"""Golden cases: ``tests/gateway/cases/<family>/<name>.json``, one frame and every field it gives.

A case is ``{"note", "encoding": "hex"|"text", "frame", "device_id", "received_at"}``
and either ``"readings"`` (lines as `to_line` writes them) or ``"refused"`` (the reason).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from sealtrail.contract.clock import parse_iso

FOLDER = Path(__file__).resolve().parent.parent / "cases"


class Case(NamedTuple):
    """One frame and what it must give."""

    family: str
    name: str
    frame: bytes
    device_id: str | None
    received_at_ms: int
    readings: list[dict[str, Any]] | None
    refused: str | None


def _case(path: Path) -> Case:
    found = json.loads(path.read_text(encoding="utf-8"))
    text = found["frame"]
    return Case(
        family=path.parent.name,
        name=path.stem,
        frame=bytes.fromhex(text) if found["encoding"] == "hex" else text.encode(),
        device_id=found["device_id"],
        received_at_ms=parse_iso(found["received_at"]),
        readings=found.get("readings"),
        refused=found.get("refused"),
    )


CASES = [_case(path) for path in sorted(FOLDER.glob("*/*.json"))]
SOUND = [case for case in CASES if case.refused is None]
