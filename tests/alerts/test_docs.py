"""What docs/notifications.md promises to receivers holds."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec

from alerts.book import Book
from alerts.envelope import TYPE_OF, envelope
from alerts.signature import sign
from sealtrail.contract.public.subscriber import parse_subscriber
from tests.alerts.samples import NOW_MS, alert
from tests.shared import ROOT

TEXT = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return found[number]


def test_the_signature_check_of_the_document_works() -> None:
    """The few lines that receivers copy accept our signature and nothing else."""
    scope: dict[str, Any] = {}
    exec(block("python"), scope)  # noqa: S102 - runs our own document
    check: Callable[..., bool] = scope["is_from_sealtrail"]
    now_s = int(time.time())
    header = sign("a secret", now_s, b"body")
    assert check(header, b"body", "a secret")
    assert not check(header, b"another body", "a secret")
    assert not check(header, b"body", "another secret")
    assert not check(sign("a secret", now_s - 3600, b"body"), b"body", "a secret")
    assert not check("nonsense", b"body", "a secret")


def test_the_body_of_the_document_has_every_field() -> None:
    """The example of a notification names exactly the fields that are sent."""
    change = Book().apply(alert(), NOW_MS)
    assert change is not None
    _, body = envelope(change, "5f0c", "urn:sealtrail")
    sent = json.loads(body)
    shown = json.loads(block("json", 1))
    assert set(shown) == set(sent)
    assert set(shown["data"]) == set(sent["data"])
    assert set(shown["data"]["incident"]) == set(sent["data"]["incident"])
    assert set(shown["data"]["evidence"][0]) == set(sent["data"]["evidence"][0])
    for name in ("type", "subject", "time"):
        assert shown[name] == sent[name]


def test_the_subscriber_of_the_document_is_one() -> None:
    """The example file can be given to `sealtrail subscriber add`."""
    assert parse_subscriber(block("json", 0)).id == "customs-ke"


def test_every_type_is_in_the_document() -> None:
    """Receivers can look up each CloudEvents type."""
    assert [kind for kind in TYPE_OF.values() if f"`{kind}`" not in TEXT] == []


def test_a_body_is_json_whatever_the_details_are() -> None:
    """Numbers that JSON doesn't know become null, never a body that can't be read."""
    odd = msgspec.structs.replace(alert(), details={"a": float("nan"), "b": float("inf")})
    change = Book().apply(odd, NOW_MS)
    assert change is not None
    _, body = envelope(change, "5f0c", "urn:sealtrail")
    assert json.loads(body)["data"]["details"] == {"a": None, "b": None}
