"""What a device may be called."""

from __future__ import annotations

import re

from sealtrail.contract.errors import DecodeError

MAX_DEVICE_ID = 64
DEVICE_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
"""ASCII letters, digits, ``-`` and ``_``, with single dots between: plain in MQTT topics,
log subjects, bucket keys and file names alike."""


def is_device_id(text: str) -> bool:
    """Whether a device may be called so."""
    return len(text) <= MAX_DEVICE_ID and DEVICE_ID.fullmatch(text) is not None


def fit_device_id(text: str) -> str:
    """The text, if a device may be called so; raises `DecodeError` named ``bad_identity``.

    Nothing is replaced: two devices must never become one.
    """
    if not is_device_id(text):
        raise DecodeError(
            "bad_identity",
            f"{text[:80]!r}: a device_id has 1 to {MAX_DEVICE_ID} letters, digits, - and _, "
            "with single dots between",
        )
    return text
