"""Questions to the record as they come over the log: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from ingest.soundness import LATEST_TIME_MS
from ingest.store import Store
from sealtrail.contract.completeness import DaysQuery
from sealtrail.contract.errors import RefusedError, UnavailableError
from sealtrail.contract.queries import (
    CountQuery,
    LatestQuery,
    QueryRefusal,
    SealQuery,
    SensorQuery,
    TrackQuery,
)

REFUSED_HEADER = "Sealtrail-Refused"
HIGHEST_LIMIT = 1_000_000

Answer = tuple[dict[str, str], bytes]
"""Headers and body."""

_encode = msgspec.msgpack.Encoder().encode

_QUERIES: dict[str, tuple[type[msgspec.Struct], Callable[[Store], Callable[[Any], Awaitable[Any]]]]] = {
    "latest": (LatestQuery, lambda store: store.latest),
    "track": (TrackQuery, lambda store: store.track),
    "sensors": (SensorQuery, lambda store: store.sensors),
    "seals": (SealQuery, lambda store: store.seals),
    "days": (DaysQuery, lambda store: store.days),
    "counts": (CountQuery, lambda store: store.counts),
}
_DECODERS = {name: msgspec.msgpack.Decoder(kind) for name, (kind, _) in _QUERIES.items()}


def _refusal(reason: str, detail: str) -> Answer:
    return {REFUSED_HEADER: reason}, _encode(QueryRefusal(reason=reason, detail=detail))


def _check_ranges(question: Any) -> None:
    limit = getattr(question, "limit", 1)
    if not 1 <= limit <= HIGHEST_LIMIT:
        raise RefusedError("bad_limit", f"{limit} is not within 1 and {HIGHEST_LIMIT}")
    since_ms, until_ms = getattr(question, "since_ms", 0), getattr(question, "until_ms", 1)
    if not 0 <= since_ms < until_ms <= LATEST_TIME_MS:
        raise RefusedError("bad_range", f"{since_ms} to {until_ms} is not a span of time since 1970")


async def answer(store: Store, query: str, body: bytes, largest: int = 7_500_000) -> Answer:
    """Headers and body of the answer to ``query``, the last part of the request's subject.

    A question that can't be answered gets a `QueryRefusal` and the header
    ``Sealtrail-Refused`` with its reason: ``unknown_query``, ``bad_query``,
    ``bad_limit``, ``bad_range``, ``unknown_quantity``, ``store_unavailable`` or
    ``answer_too_large`` (more than ``largest`` bytes: ask with a lower limit).
    Raises nothing.
    """
    if query not in _QUERIES:
        return _refusal("unknown_query", f"{query!r} is none of {', '.join(_QUERIES)}")
    try:
        question = _DECODERS[query].decode(body)
        _check_ranges(question)
        result = await _QUERIES[query][1](store)(question)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refusal("bad_query", str(error))
    except RefusedError as error:
        return _refusal(error.reason, error.detail)
    except UnavailableError as error:
        return _refusal("store_unavailable", str(error))
    encoded = _encode(result)
    if len(encoded) > largest:
        return _refusal("answer_too_large", f"{len(encoded)} bytes; ask with a lower limit")
    return {}, encoded
