"""Frames to begin with: those of the tests, and, where they are on this machine, those of ``../shared``."""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path

from sealtrail.contract.decoder import Decoder
from tests.gateway.decoders.cases import CASES
from tests.shared import SHARED

VECTORS = {
    "jt600": "jt701",
    "eseal": "eseal",
    "niot": "niot",
    "jt808": "jt808",
    "teltonika": "teltonika",
    "gt06": "gt06",
    "gl200": "queclink",
    "ttnhttp": "ttn",
    "owntracks": "owntracks",
}
"""File of ``../shared/vectors/traccar`` and its family."""
SAMPLE_HEX = re.compile(r"[0-9a-f]{16,}")


def frames_of(decoder: Decoder) -> list[bytes]:
    """Known frames of a family, each once."""
    found = [case.frame for case in CASES if case.family == decoder.family]
    for name, family in VECTORS.items():
        path = SHARED / "vectors" / "traccar" / f"{name}.jsonl"
        if family == decoder.family and path.exists():
            found += _rows(path)
    sheet = inspect.getdoc(sys.modules[type(decoder).__module__]) or ""
    for sample in SAMPLE_HEX.findall(re.sub(r"(?<=[0-9a-f])\n(?=[0-9a-f]{8})", "", sheet)):
        if len(sample) % 2 == 0:
            found.append(bytes.fromhex(sample))
    return list(dict.fromkeys(found))


def _rows(path: Path) -> list[bytes]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return [
        bytes.fromhex(row["frame"]) if row["kind"] == "binary" else row["frame"].encode("latin-1", "replace")
        for row in rows
    ]
