"""Names on the wire: log subjects, request subjects, KV buckets, MQTT topics.

Log (JetStream)::

    sealtrail.log.<partition>.readings    batch of readings       (codec kind READINGS)
    sealtrail.log.<partition>.trips       batch of trip events    (codec kind TRIP_EVENTS)
    sealtrail.log.<partition>.models      batch of model events   (codec kind MODEL_EVENTS)
    sealtrail.alerts.<partition>          batch of alert events   (codec kind ALERT_EVENTS)
    sealtrail.quarantine.<family>         batch of quarantined    (codec kind QUARANTINED)
    sealtrail.tallies                     batch of tallies        (codec kind TALLIES)

Requests (core NATS, MessagePack both ways)::

    sealtrail.request.record.<query>      answered by ingest      (see queries.py)
    sealtrail.request.devices.<query>     answered by ingest      (see completeness.py)
    sealtrail.request.incident            answered by alerts      (IncidentCommand -> CommandReply)
    sealtrail.request.risk                answered by alerts      (see risk.py)

MQTT topics of devices are ``sealtrail/<family>/<device_id>/up`` for reports and
``…/down`` for answers; of subscribers
``sealtrail/alerts/<subscriber_id>/<container_id>``.
"""

from __future__ import annotations

import zlib

LOG_STREAM = "SEALTRAIL_LOG"
ALERT_STREAM = "SEALTRAIL_ALERTS"
QUARANTINE_STREAM = "SEALTRAIL_QUARANTINE"
TALLY_STREAM = "SEALTRAIL_TALLIES"

LOG_SUBJECTS = "sealtrail.log.*.*"
ALERT_SUBJECTS = "sealtrail.alerts.*"
QUARANTINE_SUBJECTS = "sealtrail.quarantine.*"
READINGS_SUBJECTS = "sealtrail.log.*.readings"
TALLIES_SUBJECT = "sealtrail.tallies"

RETRIED = "retry."
"""So begin the message ids of readings that are put in from the quarantine; see `completeness`."""

RECORD_REQUEST = "sealtrail.request.record"
DEVICES_REQUEST = "sealtrail.request.devices"
INCIDENT_COMMAND = "sealtrail.request.incident"
RISK_REQUEST = "sealtrail.request.risk"

TRIPS_BUCKET = "sealtrail_trips"  # trip_id -> Trip (JSON): projection for look-ups
PAIRINGS_BUCKET = "sealtrail_pairings"  # device_id -> container_id
INCIDENTS_BUCKET = "sealtrail_incidents"  # incident_id -> Incident (JSON)
DELIVERIES_BUCKET = "sealtrail_deliveries"  # delivery_id -> Delivery (JSON)
DEVICES_BUCKET = "sealtrail_devices"  # device_id -> Device (JSON), history kept
SUBSCRIBERS_BUCKET = "sealtrail_subscribers"  # subscriber_id -> Subscriber (JSON)
LOGINS_BUCKET = "sealtrail_logins"  # subscriber_id -> Login (JSON) at the MQTT broker
CORRIDORS_BUCKET = "sealtrail_corridors"  # name -> KnownCorridor (JSON), history kept
MODELS_BUCKET = "sealtrail_models"  # <name>.<version> -> KnownModel (JSON), history kept
MODEL_BLOBS_BUCKET = "sealtrail_model_blobs"  # SHA-256 in hex -> the model's bytes
LEASES_BUCKET = "sealtrail_leases"  # <service>.<partition> -> holder
SNAPSHOTS_BUCKET = "sealtrail_snapshots"  # object store: anomaly.<partition>, ingest.ledger

DEVICE_TOPIC_ROOT = "sealtrail"


def partition_of(key: str, partitions: int) -> int:
    """Partition (0-based) of a container or device; stable over versions and machines."""
    return zlib.crc32(key.encode()) % partitions


def readings_subject(partition: int) -> str:
    return f"sealtrail.log.{partition}.readings"


def trips_subject(partition: int) -> str:
    return f"sealtrail.log.{partition}.trips"


def models_subject(partition: int) -> str:
    return f"sealtrail.log.{partition}.models"


def partition_filter(partition: int) -> str:
    """All of one partition, readings, trip and model events in their order."""
    return f"sealtrail.log.{partition}.*"


def alerts_subject(partition: int) -> str:
    return f"sealtrail.alerts.{partition}"


def quarantine_subject(family: str) -> str:
    """Subject for refused messages of a family; anything not plain is filed under ``unknown``."""
    plain = family if family.isalnum() and family.isascii() else "unknown"
    return f"sealtrail.quarantine.{plain}"


def device_up_topic(family: str, device_id: str) -> str:
    """MQTT topic on which a device publishes."""
    return f"{DEVICE_TOPIC_ROOT}/{family}/{device_id}/up"


def device_down_topic(family: str, device_id: str) -> str:
    """MQTT topic on which a device is answered."""
    return f"{DEVICE_TOPIC_ROOT}/{family}/{device_id}/down"


def subscriber_topic(subscriber_id: str, container_id: str) -> str:
    """MQTT topic on which a subscriber hears of one container."""
    return f"{DEVICE_TOPIC_ROOT}/alerts/{subscriber_id}/{container_id}"
