"""Asking the record's ledger of devices."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from sealtrail.contract.completeness import (
    DaysQuery,
    DeviceCompleteness,
    DeviceDay,
    DeviceQuery,
    DevicesAnswer,
    DevicesQuery,
)
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.queries import QueryRefusal
from sealtrail.contract.subjects import DEVICES_REQUEST, RECORD_REQUEST
from sealtrail.runtime.log import Log

T = TypeVar("T")

PAGE = 10_000


async def _request(log: Log, subject: str, question: msgspec.Struct, kind: type[T]) -> T:
    """The answer; raises `RefusedError` for a refusal and `UnavailableError` where nobody answers."""
    headers, body = await log.request(subject, msgspec.msgpack.encode(question), 20.0)
    if "Sealtrail-Refused" in headers:
        refusal = msgspec.msgpack.decode(body, type=QueryRefusal)
        raise RefusedError(refusal.reason, refusal.detail)
    return msgspec.msgpack.decode(body, type=kind)


async def list_all(log: Log, query: DevicesQuery, limit: int) -> DevicesAnswer:
    """The first ``limit`` devices that match (0: all); sums are those of the last page."""
    found: list[DeviceCompleteness] = []
    while True:
        most = min(PAGE, limit - len(found)) if limit else PAGE
        asked = msgspec.structs.replace(query, offset=len(found), limit=most)
        answer = await _request(log, f"{DEVICES_REQUEST}.list", asked, DevicesAnswer)
        found += answer.devices
        if len(answer.devices) < most or len(found) in (limit, answer.matching):
            return msgspec.structs.replace(answer, devices=found)


async def ask(log: Log, device_id: str) -> DeviceCompleteness | None:
    """One device with its gaps, or None where nothing ever came from it."""
    question = DeviceQuery(device_id=device_id)
    answer = await _request(log, f"{DEVICES_REQUEST}.one", question, DevicesAnswer)
    return answer.devices[0] if answer.devices else None


async def days_of(log: Log, device_id: str, since_ms: int, until_ms: int) -> list[DeviceDay]:
    """Daily records of one device, oldest first."""
    question = DaysQuery(since_ms=since_ms, until_ms=until_ms, device_id=device_id)
    return await _request(log, f"{RECORD_REQUEST}.days", question, list[DeviceDay])
