"""The account of a run: every message and every scripted event, and whether all is as it must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from sealtrail.contract.alert import CATALOGUE, AlertAction, AlertEvent, AlertFamily
from sealtrail.contract.completeness import Totals
from sealtrail.demonstration.receiver import Received
from simulators.fleet import FleetReport, SentEvent

RAISED_NOTICE = "org.sealtrail.alert.raised"
LOGGED_FAMILIES = frozenset({AlertFamily.CUSTODY, AlertFamily.QUALITY})


class ScriptedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one scripted event; ``delay_s`` from its evidence's PUBACK to the notification."""

    event_no: int
    kind: str
    container_id: str
    trip_id: str
    expected: str | None
    also: dict[str, int]  # what else must come of it, and how often it was raised
    raised: int
    delivered: int
    delay_s: float | None
    sent: bool


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The summary of a demonstration. ``ok`` only if nothing is missing, doubled or invented."""

    ok: bool
    problems: tuple[str, ...]
    seed: int
    seconds: float
    published: int
    accepted: int
    duplicates: int
    quarantined: int
    readings: int
    stored: int
    judged: int
    devices: int
    by_device: int  # messages, summed over all devices
    alerts: dict[str, int]
    logged: dict[str, int]
    deliveries: int
    delivered_again: int
    scripted: tuple[ScriptedOutcome, ...]


def counter_total(metrics: str, name: str) -> int:
    """Sum of a Prometheus counter over its labels."""
    return round(
        sum(
            sample.value
            for family in text_string_to_metric_families(metrics)
            for sample in family.samples
            if sample.name == f"{name}_total"
        )
    )


def standing_alerts(events: Iterable[AlertEvent]) -> dict[str, AlertEvent]:
    """Alerts that were raised, by id, with the event that raised them; custody and quality left out."""
    return {
        event.alert_id: event
        for event in events
        if event.action is AlertAction.RAISED and CATALOGUE[event.type].family not in LOGGED_FAMILIES
    }


def _outcome(sent: SentEvent, alerts: Sequence[AlertEvent], received: Sequence[Received]) -> ScriptedOutcome:
    event = sent.event
    own = [alert for alert in alerts if alert.trip_id == event.trip_id]
    raised = {alert.alert_id for alert in own if alert.type.value == event.alert_type}
    notices = [one for one in received if one.kind == RAISED_NOTICE and one.alert_id in raised]
    delay_s = None
    if notices and sent.sent_at_ms is not None:
        delay_s = round(max(0, notices[0].at_ms - sent.sent_at_ms) / 1000, 3)
    return ScriptedOutcome(
        event_no=event.event_no,
        kind=event.kind,
        container_id=event.container_id,
        trip_id=event.trip_id,
        expected=event.alert_type,
        also={kind: sum(alert.type.value == kind for alert in own) for kind in event.also},
        raised=len(raised),
        delivered=len(notices),
        delay_s=delay_s,
        sent=sent.sent_at_ms is not None,
    )


def _problems(
    counts: Mapping[str, int],
    report: FleetReport,
    outcomes: Sequence[ScriptedOutcome],
    alerts: Mapping[str, AlertEvent],
    events: Sequence[AlertEvent],
) -> list[str]:
    found = []
    accounted = counts["accepted"] + counts["duplicates"] + counts["quarantined"]
    if report.unacknowledged:
        found.append(f"{report.unacknowledged} messages were sent but not acknowledged by the broker")
    if counts["published"] != accounted:
        found.append(f"published {counts['published']} but accounted for {accounted}")
    if not 0 <= counts["quarantined"] - report.corrupt_sent <= report.resent:
        found.append(f"sent {report.corrupt_sent} corrupt messages but quarantined {counts['quarantined']}")
    if counts["by_device"] != accounted:
        found.append(f"accounted for {accounted} messages but {counts['by_device']} device by device")
    if counts["judged"] < counts["readings"]:
        found.append(f"accepted {counts['readings']} readings but judged {counts['judged']}")
    if counts["readings"] != counts["stored"]:
        found.append(f"accepted {counts['readings']} readings but stored {counts['stored']}")
    for outcome in outcomes:
        if outcome.expected is None:
            continue
        name = f"scripted event {outcome.event_no} ({outcome.kind}, {outcome.container_id})"
        if not outcome.sent:
            found.append(f"{name} was not sent in time")
        elif (outcome.raised, outcome.delivered) != (1, 1):
            found.append(f"{name} was raised {outcome.raised} and delivered {outcome.delivered} times")
        found += [f"{name} raised {kind} {times} times" for kind, times in outcome.also.items() if times != 1]
    expected = {(outcome.trip_id, kind) for outcome in outcomes for kind in (outcome.expected, *outcome.also)}
    found += [
        f"nobody scripted {alert.type.value} on {alert.container_id}: {alert.sentence}"
        for alert in alerts.values()
        if (alert.trip_id, alert.type.value) not in expected
    ]
    found += [
        f"{event.type.value} on {event.container_id} was retracted: {event.sentence}"
        for event in events
        if event.action is AlertAction.RETRACTED and CATALOGUE[event.type].family not in LOGGED_FAMILIES
    ]
    return found


def settle(  # noqa: PLR0913 - one for each part that is asked, by keyword
    *,
    seed: int,
    seconds: float,
    report: FleetReport,
    gateway_metrics: str,
    anomaly_metrics: str,
    stored: int,
    devices: Totals,
    events: Sequence[AlertEvent],
    received: Sequence[Received],
    delivered_again: int,
    troubles: Sequence[str] = (),
) -> Account:
    """The account of a run from what each part says of itself, and the ``troubles`` that its host saw."""
    alerts = standing_alerts(events)
    counts = {
        "published": report.published,
        "accepted": counter_total(gateway_metrics, "sealtrail_gateway_messages_accepted"),
        "duplicates": counter_total(gateway_metrics, "sealtrail_gateway_messages_duplicate"),
        "quarantined": counter_total(gateway_metrics, "sealtrail_gateway_messages_quarantined"),
        "readings": counter_total(gateway_metrics, "sealtrail_gateway_readings_stored"),
        "stored": stored,
        "judged": counter_total(anomaly_metrics, "sealtrail_judged_readings"),
        "devices": devices.devices,
        "by_device": devices.messages,
    }
    outcomes = tuple(_outcome(sent, list(alerts.values()), received) for sent in report.scripted)
    problems = (*troubles, *_problems(counts, report, outcomes, alerts, events))
    logged = Counter(event.type.value for event in events if event.action is AlertAction.LOGGED)
    return Account(
        ok=not problems,
        problems=problems,
        seed=seed,
        seconds=round(seconds, 1),
        alerts=dict(sorted(Counter(alert.type.value for alert in alerts.values()).items())),
        logged=dict(sorted(logged.items())),
        deliveries=len(received),
        delivered_again=delivered_again,
        scripted=outcomes,
        **counts,
    )


def as_json(account: Account) -> dict[str, Any]:
    """The account as one JSON object."""
    built: dict[str, Any] = msgspec.to_builtins(account)
    return built
