"""The public schema of subscribers, and the filter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alerts.book import Book
from sealtrail.contract.alert import AlertType, Severity
from sealtrail.contract.public.subscriber import InvalidSubscriberError, parse_subscriber
from tests.alerts.samples import NOW_MS, alert, subscriber


def tree(**changes: Any) -> str:
    whole: dict[str, Any] = {"id": "customs", "name": "Customs", "channels": {"mqtt": True}}
    return json.dumps(whole | changes)


def by_webhook(url: str, key: str = "0123456789abcdef") -> str:
    return tree(channels={"webhook": {"url": url, "secret": key}})


def test_what_is_stored_is_what_was_given() -> None:
    """A subscriber survives its stored form with its secret; what people are shown has none."""
    given = parse_subscriber(by_webhook("https://customs.example:8443/a?b=c", "a secret of ours!"))
    again = parse_subscriber(given.to_json())
    assert again == given
    assert again.channels.webhook is not None
    assert again.channels.webhook.secret.get_secret_value() == "a secret of ours!"
    assert "secret" not in json.dumps(given.shown())
    assert "a secret of ours!" not in repr(given)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://customs.example/",
        "https://",
        "https://user:password@customs.example/",
        "https://customs.example/#part",
        "https://customs.example:0/",
        "https://customs.example:99999/",
        "https://zoll.exämple/",
        "https://customs.example/a b",
        "https://customs.example/\r\nX: y",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://[::1/",
        "https://a_$/",
        "https://x.example/" + "a" * 2000,
        "//customs.example/",
        "",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    """A webhook's URL is plain: http or https, a host, no user, no tricks."""
    with pytest.raises(InvalidSubscriberError) as refused:
        parse_subscriber(by_webhook(url))
    assert refused.value.reason == "bad_subscriber"
    assert "channels.webhook" in refused.value.detail


@pytest.mark.parametrize(
    "wrong",
    [
        tree(id="a/b"),
        tree(id="a.b"),
        tree(id="+"),
        tree(id=""),
        tree(id="x" * 65),
        tree(name=" "),
        tree(channels={}),
        tree(colour="red"),
        tree(filter={"minimum_severity": "awful"}),
        tree(filter={"families": ["weather"]}),
        by_webhook("https://customs.example/", "short"),
        "[]",
        "{",
        "",
        "null",
    ],
)
def test_subscribers_that_are_refused(wrong: str) -> None:
    """What isn't a subscriber is refused by name, never half taken."""
    with pytest.raises(InvalidSubscriberError) as refused:
        parse_subscriber(wrong)
    assert refused.value.reason == "bad_subscriber"
    assert refused.value.detail


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        ({}, True),
        ({"trips": ["T1"]}, True),
        ({"trips": ["T2"]}, False),
        ({"trips": ["T2"], "containers": ["MSCU6639870"]}, True),
        ({"containers": ["CSQU3054383"]}, False),
        ({"minimum_severity": Severity.CRITICAL}, False),
        ({"minimum_severity": Severity.HIGH}, True),
        ({"families": ["route"]}, True),
        ({"families": ["breach", "gnss"]}, False),
    ],
)
def test_filter(filters: dict[str, Any], *, matches: bool) -> None:
    """Trips and containers are taken together, severity and family narrow; empty means all."""
    change = Book().apply(alert(type=AlertType.ROUTE_DEVIATION), NOW_MS)
    assert change is not None
    assert subscriber(filter=filters).filter.matches(change.incident) is matches
