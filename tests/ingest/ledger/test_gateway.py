"""What a gateway takes in is what the ledger counts, message by message."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.batch import Batch, BatchDecoder
from gateway.chunks import rounds
from gateway.decoders import decoders
from gateway.recent import Recent
from ingest.ledger.ledger import Ledger
from sealtrail.contract.codec import decode_arrivals, decode_quarantined, decode_tallies
from sealtrail.contract.completeness import UNNAMED
from sealtrail.contract.subjects import TALLIES_SUBJECT
from sealtrail.runtime.settings.completeness import CompletenessSettings
from tests.ingest.ledger.samples import START_MS

RECEIVED_MS = START_MS + 100 * 86_400_000


def _report(number: int) -> dict[str, object]:
    return {"sequence": number, "occurred_at": f"2026-11-23T06:34:{number:02d}Z"}


_payload = st.one_of(
    st.integers(0, 30).map(lambda number: json.dumps(_report(number)).encode()),
    st.lists(st.integers(0, 30), max_size=5).map(
        lambda numbers: json.dumps([_report(number) for number in numbers]).encode()
    ),
    st.sampled_from([b"", b"{", b"\xff" * 40]),
)
_topic = st.sampled_from(
    ["sealtrail/json/KE-0001/up", "sealtrail/json/KE-0002/up", "sealtrail/nobody/KE-0003/up", "elsewhere"]
)
_message = st.tuples(_topic, _payload)


def _count(ledger: Ledger, batch: Batch) -> None:
    """Gives the ledger what the log would have of a batch."""
    for messages in rounds(batch):
        for subject, data in messages:
            if subject == TALLIES_SUBJECT:
                ledger.take_tallies(decode_tallies(data))
            elif subject.startswith("sealtrail.quarantine."):
                ledger.take_quarantined(decode_quarantined(data))
            else:
                ledger.take_readings(decode_arrivals(data))


@settings(deadline=None)
@given(st.lists(st.lists(_message, max_size=12), max_size=6), st.sampled_from([0, 8, 1000]))
def test_every_message_is_counted_once(batches: list[list[tuple[str, bytes]]], remembered: int) -> None:
    """Two gateways that each know only their own past count together exactly the messages they were given."""
    gateways = [(BatchDecoder(decoders(), 4, 10_000), Recent(remembered)) for _ in range(2)]
    ledger = Ledger(CompletenessSettings())
    own = dict.fromkeys(("accepted", "duplicate", "quarantined", "readings", "known", "empty"), 0)
    for place, messages in enumerate(batches):
        decoder, recent = gateways[place % 2]
        deliveries = [(topic, payload, 1 + number) for number, (topic, payload) in enumerate(messages)]
        batch = decoder.decode(deliveries, RECEIVED_MS + place, {}, recent)
        recent.hold(batch.reading_ids)
        recent.confirm()
        _count(ledger, batch)
        own["accepted"] += sum(batch.accepted.values())
        own["duplicate"] += sum(batch.duplicate.values())
        own["quarantined"] += sum(batch.quarantined.values())
        own["readings"] += sum(batch.new_readings.values())
        own["known"] += sum(batch.known_readings.values())
        own["empty"] += sum(batch.empty.values())
    totals = ledger.totals(RECEIVED_MS)
    assert totals.messages == sum(map(len, batches)) == ledger.came_in.messages
    assert totals.messages == own["accepted"] + own["duplicate"] + own["quarantined"]
    assert totals.received == ledger.came_in.received
    assert totals.received == own["readings"] + own["known"] + own["empty"] + own["quarantined"]
    assert sum(totals.refused.values()) == own["quarantined"]
    numbers = {
        (topic, report["sequence"])
        for messages in batches
        for topic, payload in messages
        if "/json/" in topic and payload.endswith((b"}", b"]"))
        for report in json.loads(payload if payload.startswith(b"[") else b"[" + payload + b"]")
    }
    assert totals.accepted == len(numbers)
    assert UNNAMED not in ledger.accounts or ledger.accounts[UNNAMED].accepted == 0
