"""Questions about devices as they come over the log: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ingest.ledger.account import Account
from ingest.ledger.ledger import Ledger
from ingest.queries import REFUSED_HEADER, Answer
from sealtrail.contract.completeness import (
    DeviceCompleteness,
    DeviceQuery,
    DevicesAnswer,
    DevicesQuery,
)
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.queries import QueryRefusal

MOST_DEVICES = 10_000
"""Of one answer, about 2 MB."""

_encode = msgspec.msgpack.Encoder().encode
_list = msgspec.msgpack.Decoder(DevicesQuery)
_one = msgspec.msgpack.Decoder(DeviceQuery)

_SORTS: dict[str, Callable[[Account], Any]] = {
    "device_id": lambda one: one.device_id,
    "family": lambda one: (one.family, one.device_id),
    "received": lambda one: -one.received,
    "accepted": lambda one: -one.accepted,
    "duplicate": lambda one: -one.duplicate,
    "refused": lambda one: -sum(one.refused.values()),
    "late": lambda one: -one.late,
    "out_of_order": lambda one: -one.out_of_order,
    "missing": lambda one: -one.missing,
    "clock_offset_ms": lambda one: -abs(one.clock.offset_ms or 0),
    "clock_steps": lambda one: -one.clock.steps,
    "last_seen_ms": lambda one: -one.last_seen_ms,
}


def _matches(account: Account, query: DevicesQuery, now_ms: int) -> bool:
    return (
        query.family in (None, account.family)
        and query.container_id in (None, account.container_id)
        and (not query.silent or account.is_silent(now_ms))
        and (not query.incomplete or bool(account.refused) or account.missing > 0)
    )


def _answer(ledger: Ledger, query: str, body: bytes, behind: int, now_ms: int) -> DevicesAnswer:
    devices: list[DeviceCompleteness]
    if query == "list":
        asked = _list.decode(body)
        if asked.sort not in _SORTS:
            raise RefusedError("unknown_sort", f"{asked.sort!r} is none of {', '.join(_SORTS)}")
        if not 1 <= asked.limit <= MOST_DEVICES or asked.offset < 0:
            raise RefusedError("bad_limit", f"{asked.limit} is not within 1 and {MOST_DEVICES}")
        found = [account for account in ledger.accounts.values() if _matches(account, asked, now_ms)]
        found.sort(key=_SORTS[asked.sort])
        devices = [account.shown(now_ms) for account in found[asked.offset : asked.offset + asked.limit]]
        matching = len(found)
    elif query == "one":
        account = ledger.accounts.get(_one.decode(body).device_id)
        devices = [account.shown(now_ms, gaps=True)] if account is not None else []
        matching = len(devices)
    else:
        raise RefusedError("unknown_query", f"{query!r} is neither list nor one")
    return DevicesAnswer(
        at_ms=now_ms,
        matching=matching,
        behind=behind,
        totals=ledger.totals(now_ms),
        came_in=ledger.came_in,
        devices=devices,
    )


def answer(ledger: Ledger, query: str, body: bytes, behind: int, now_ms: int) -> Answer:
    """Headers and body of the answer to ``query``, the last part of the request's subject.

    What can't be answered gets a `QueryRefusal` and the header
    ``Sealtrail-Refused``: ``unknown_query``, ``bad_query``, ``unknown_sort`` or
    ``bad_limit``. Raises nothing.
    """
    try:
        return {}, _encode(_answer(ledger, query, body, behind, now_ms))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason, detail = "bad_query", str(error)
    except RefusedError as error:
        reason, detail = error.reason, error.detail
    return {REFUSED_HEADER: reason}, _encode(QueryRefusal(reason=reason, detail=detail))
