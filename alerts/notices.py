"""Who is to be told of a change, and by which delivery."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from alerts.envelope import envelope
from alerts.incidents import Change, Notice
from alerts.ledger import LedgerEntry
from sealtrail.contract.alert import Severity
from sealtrail.contract.incident import ChannelKind, DeliveryState
from sealtrail.contract.public.subscriber import Subscriber


def delivery_id_of(subscriber_id: str, channel: ChannelKind, incident_id: str, cause_id: str) -> str:
    """Idempotency key: the same notification has the same one, however often it is made."""
    text = f"{subscriber_id}\x1f{channel.value}\x1f{incident_id}\x1f{cause_id}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _is_told(subscriber: Subscriber, change: Change, told: Collection[str], notify_from: Severity) -> bool:
    if change.notice is Notice.RETRACTED:
        return subscriber.id in told
    if change.incident.severity.rank < notify_from.rank:
        return False
    return subscriber.filter.matches(change.incident)


def deliveries_of(
    change: Change,
    subscribers: Iterable[Subscriber],
    told: Collection[str],
    notify_from: Severity,
    source: str,
    now_ms: int,
) -> list[LedgerEntry]:
    """The deliveries that a change causes.

    An opened or more severe incident is told to everyone whose filter it
    passes; a retraction to those who were told of the incident (``told``), and
    to nobody else.
    """
    if change.notice is None:
        return []
    entries = []
    for subscriber in subscribers:
        if not _is_told(subscriber, change, told, notify_from):
            continue
        for channel in subscriber.channel_kinds:
            delivery_id = delivery_id_of(subscriber.id, channel, change.incident.incident_id, change.cause_id)
            lead, body = envelope(change, delivery_id, source)
            entries.append(
                LedgerEntry(
                    delivery_id=delivery_id,
                    subscriber_id=subscriber.id,
                    channel=channel,
                    incident_id=change.incident.incident_id,
                    event_id=change.cause_id,
                    alert_type=lead.type.value,
                    container_id=change.incident.container_id,
                    trip_id=change.incident.trip_id,
                    state=DeliveryState.QUEUED,
                    queued_at_ms=now_ms,
                    notice=change.notice,
                    body=body.decode(),
                )
            )
    return entries
