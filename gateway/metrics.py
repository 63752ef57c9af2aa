"""What the gateway counts. ``received = accepted + duplicate + quarantined`` once all is stored."""

from __future__ import annotations

from typing import NamedTuple

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from gateway.batch import Batch


class Metrics:
    """Counters by family; a family that has no decoder counts as ``unknown``."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"sealtrail_gateway_{name}", text, labels, registry=registry)

        self._received = counter("messages_received", "Messages taken from the MQTT session and the doors.")
        self._accepted = counter(
            "messages_accepted", "Messages with a new reading, or sound and empty.", "family"
        )
        self._empty = counter("messages_empty", "Accepted messages without a reading.", "family")
        self._duplicate = counter("messages_duplicate", "Messages whose readings were all known.", "family")
        self._quarantined = counter("messages_quarantined", "Messages refused and kept.", "family", "reason")
        self._readings = counter("readings_stored", "New readings in the log.", "family")
        self._known = counter("readings_duplicate", "Readings that were known already.", "family")
        self._answers = counter("mqtt_answers", "Answers sent to devices over MQTT.", "family")
        self._refusals = counter("log_append_failures", "Appends that the log didn't confirm.")
        self._append_s = Histogram(
            "sealtrail_gateway_append_seconds",
            "Time until the log has confirmed a batch.",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30),
            registry=registry,
        )
        self._sizes = Histogram(
            "sealtrail_gateway_batch_messages",
            "Messages in a batch.",
            buckets=(1, 10, 50, 100, 200, 500, 1_000, 5_000, 20_000),
            registry=registry,
        )

    def received(self, messages: int) -> None:
        """A batch was taken from the session."""
        self._received.inc(messages)
        self._sizes.observe(messages)

    def append_failed(self, times: int) -> None:
        self._refusals.inc(times)

    def stored(self, batch: Batch, seconds: float) -> None:
        """The log has confirmed all of a batch."""
        self._append_s.observe(seconds)
        for metric, counts in (
            (self._accepted, batch.accepted),
            (self._empty, batch.empty),
            (self._duplicate, batch.duplicate),
            (self._readings, batch.new_readings),
            (self._known, batch.known_readings),
            (self._answers, batch.answered),
        ):
            for family, count in counts.items():
                metric.labels(family).inc(count)
        for (family, reason), count in batch.quarantined.items():
            self._quarantined.labels(family, reason).inc(count)


class DoorCounts(NamedTuple):
    """What happens at one door."""

    messages: Counter
    silent: Counter
    joined: Counter
    received_bytes: Counter
    answers: Counter
    connections: Gauge


class DoorMetrics:
    """What happens at the gateway's own doors (``tcp``, ``tls``, ``udp``, ``http``), by family.

    Every frame is counted once: as ``messages``, which the pipeline receives and
    counts as accepted, duplicate or quarantined, as ``silent``, or as ``joined``.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            names = ("door", "family", *labels)
            return Counter(f"sealtrail_gateway_{name}", text, names, registry=registry)

        self._messages = counter("door_messages", "Messages handed to the pipeline.")
        self._silent = counter("door_silent", "Frames with nothing to keep: logins, heartbeats.")
        self._joined = counter(
            "door_joined", "Refused frames that stand in the quarantine with the one before."
        )
        self._bytes = counter("door_bytes", "Bytes received.")
        self._answers = counter("door_answers", "Answers sent to devices.")
        self._refused = counter(
            "door_refused", "Connections, requests and datagrams turned away, and connections cut.", "reason"
        )
        self._connections = Gauge(
            "sealtrail_gateway_door_connections",
            "Connections that are open.",
            ("door", "family"),
            registry=registry,
        )

    def of(self, door: str, family: str) -> DoorCounts:
        """The counts of one door."""
        return DoorCounts(
            messages=self._messages.labels(door, family),
            silent=self._silent.labels(door, family),
            joined=self._joined.labels(door, family),
            received_bytes=self._bytes.labels(door, family),
            answers=self._answers.labels(door, family),
            connections=self._connections.labels(door, family),
        )

    def refused(self, door: str, family: str, reason: str) -> None:
        """Somebody was turned away or cut."""
        self._refused.labels(door, family, reason).inc()
