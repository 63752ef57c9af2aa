"""Figures of the alerts service for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter("sealtrail_alerts_events", "Alert events read from the log, by what they did.", ["effect"])
POSITION = Gauge(
    "sealtrail_alerts_position", "Sequence in the alert stream up to which everything is on disk."
)
INCIDENTS = Gauge("sealtrail_alerts_incidents", "Incidents by state.", ["state"])
DELIVERIES = Counter(
    "sealtrail_alerts_deliveries", "Deliveries that have ended, by channel and state.", ["channel", "outcome"]
)
ATTEMPTS = Counter(
    "sealtrail_alerts_attempts", "Attempts to deliver, by channel and outcome.", ["channel", "outcome"]
)
QUEUED = Gauge("sealtrail_alerts_queued", "Deliveries that wait in memory, of all subscribers.")
LATENCY = Histogram(
    "sealtrail_alerts_delivery_seconds",
    "Time from the queueing of a notification to its delivery.",
    ["channel"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
COMMANDS = Counter("sealtrail_alerts_commands", "What people did to incidents.", ["action", "answer"])
