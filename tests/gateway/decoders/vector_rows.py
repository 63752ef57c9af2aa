"""Rows of the vectors: how they are called, and how a frame without an identity is decoded."""

from __future__ import annotations

from typing import Any

from sealtrail.contract.clock import parse_iso
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import Reading

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")


def name(row: dict[str, Any]) -> str:
    """What the row is called in the report of a run."""
    return f"{row['seq']}-{row['msg']}"


def decoded(decoder: Decoder, frame: bytes, session_id: str) -> list[Reading]:
    """Readings of a frame, in the session of a known device if it doesn't name its own."""
    try:
        return decoder.decode(frame, None, RECEIVED_AT_MS)
    except DecodeError as error:
        if error.reason != "no_identity":
            raise
        return decoder.decode(frame, session_id, RECEIVED_AT_MS)
