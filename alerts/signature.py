"""The signature of a webhook: ``t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">``."""

from __future__ import annotations

import hashlib
import hmac

HEADER = "Sealtrail-Signature"


def sign(secret: str, at_s: int, body: bytes) -> str:
    """Header value for a body at a time."""
    digest = hmac.new(secret.encode(), b"%d." % at_s + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"
