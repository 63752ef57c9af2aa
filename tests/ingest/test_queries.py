"""Questions as bytes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.memory_store import MemoryStore
from ingest.queries import REFUSED_HEADER, answer
from sealtrail.contract.queries import (
    CountQuery,
    Counts,
    LatestQuery,
    Position,
    QueryRefusal,
    Sample,
    SealQuery,
    SealRecord,
    SensorQuery,
    TrackQuery,
)
from tests.ingest.fleet import START_MS, placed

SPAN: dict[str, Any] = {"container_id": "MSCU6639870", "since_ms": START_MS, "until_ms": START_MS + 10}
encode = msgspec.msgpack.encode


@pytest.fixture
async def record() -> MemoryStore:
    """A record with one reading."""
    store = MemoryStore()
    await store.write([placed(1, seal_state=1, temperature_c=4.5)])
    return store


@pytest.mark.parametrize(
    ("name", "question", "kind"),
    [
        ("latest", LatestQuery(), list[Position]),
        ("track", TrackQuery(**SPAN), list[Position]),
        ("sensors", SensorQuery(quantity="temperature_c", **SPAN), list[Sample]),
        ("seals", SealQuery(**SPAN), list[SealRecord]),
    ],
)
async def test_each_question_is_answered(record: MemoryStore, name: str, question: Any, kind: Any) -> None:
    """Every question of the contract gets its own type back, without the refusal header."""
    headers, body = await answer(record, name, encode(question))
    assert headers == {}
    (row,) = msgspec.msgpack.decode(body, type=kind)
    assert row.occurred_at_ms == START_MS


async def test_counts_are_answered(record: MemoryStore) -> None:
    """The number of distinct readings, in all and by container."""
    _, body = await answer(record, "counts", encode(CountQuery()))
    assert msgspec.msgpack.decode(body, type=Counts) == Counts(readings=1, by_container={"MSCU6639870": 1})


@pytest.mark.parametrize(
    ("reason", "name", "body"),
    [
        ("unknown_query", "drop", b""),
        ("bad_query", "track", b"\xc1"),
        ("bad_query", "track", encode({"container_id": 5})),
        ("bad_query", "latest", b""),
        ("bad_limit", "latest", encode(LatestQuery(limit=0))),
        ("bad_limit", "latest", encode(LatestQuery(limit=10**9))),
        ("bad_range", "track", encode(TrackQuery(**{**SPAN, "until_ms": START_MS}))),
        ("bad_range", "seals", encode(SealQuery(**{**SPAN, "since_ms": -1}))),
        ("bad_range", "seals", encode(SealQuery(**{**SPAN, "until_ms": 2**62}))),
        ("unknown_quantity", "sensors", encode(SensorQuery(quantity="price", **SPAN))),
    ],
)
async def test_bad_questions_are_refused_by_name(
    record: MemoryStore, reason: str, name: str, body: bytes
) -> None:
    """What can't be answered says why, in the header and in the body."""
    headers, refusal = await answer(record, name, body)
    assert headers == {REFUSED_HEADER: reason}
    assert msgspec.msgpack.decode(refusal, type=QueryRefusal).reason == reason


async def test_a_record_that_does_not_answer_is_a_refusal(record: MemoryStore) -> None:
    """The asker hears that the database is away instead of waiting for a time-out."""
    record.available = False
    headers, _ = await answer(record, "latest", encode(LatestQuery()))
    assert headers == {REFUSED_HEADER: "store_unavailable"}


async def test_an_answer_that_is_too_large_is_a_refusal(record: MemoryStore) -> None:
    """An answer that the log server would not carry is refused by name."""
    headers, _ = await answer(record, "latest", encode(LatestQuery()), largest=50)
    assert headers == {REFUSED_HEADER: "answer_too_large"}


@given(name=st.sampled_from(["latest", "track", "sensors", "seals", "counts", ""]), body=st.binary())
async def test_no_bytes_raise(name: str, body: bytes) -> None:
    """Whatever is asked, there is an answer or a refusal."""
    headers, _ = await answer(MemoryStore(), name, body)
    assert set(headers) <= {REFUSED_HEADER}
