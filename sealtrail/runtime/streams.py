"""Every stream, bucket and durable consumer, declared in one place, created idempotently."""

from __future__ import annotations

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    KeyValueConfig,
    StorageType,
    StreamConfig,
)
from nats.js.errors import BadRequestError, NotFoundError

from sealtrail.contract import subjects
from sealtrail.contract.errors import SettingsError, UnavailableError
from sealtrail.runtime.settings.nats import NatsSettings

DAY_S = 86_400.0
LEASE_TTL_S = 8.0
RECORD_ACK_WAIT_S = 10.0
"""What a killed record had in hand is delivered again after this; a living one asks for more time."""

ALERTS_ACK_WAIT_S = 10.0
"""What a killed alerts service had in hand is delivered again after this; nobody should wait longer."""

PARTITIONS = "sealtrail.partitions"
"""Metadata of the log's stream: into how many partitions it is divided, for all who write or read it."""

INGEST_READINGS = "ingest-readings"
INGEST_ALERTS = "ingest-alerts"
ALERTS_EVENTS = "alerts-events"


def _streams(settings: NatsSettings) -> list[StreamConfig]:
    log_age_s = settings.log_max_age_days * DAY_S
    quarantine_age_s = settings.quarantine_max_age_days * DAY_S
    return [
        StreamConfig(
            name=name,
            subjects=[subject],
            max_age=age_s,
            storage=StorageType.FILE,
            num_replicas=settings.replicas,
            discard=DiscardPolicy.OLD,
            duplicate_window=120,
            allow_direct=True,
        )
        for name, subject, age_s in (
            (subjects.LOG_STREAM, subjects.LOG_SUBJECTS, log_age_s),
            (subjects.ALERT_STREAM, subjects.ALERT_SUBJECTS, quarantine_age_s),
            (subjects.QUARANTINE_STREAM, subjects.QUARANTINE_SUBJECTS, quarantine_age_s),
            (subjects.TALLY_STREAM, subjects.TALLIES_SUBJECT, log_age_s),
        )
    ]


def _durables() -> list[tuple[str, ConsumerConfig]]:
    def durable(name: str, filter_subject: str, max_ack_pending: int, ack_wait_s: float) -> ConsumerConfig:
        return ConsumerConfig(
            durable_name=name,
            filter_subject=filter_subject,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ack_wait_s,
            max_deliver=-1,
            max_ack_pending=max_ack_pending,
        )

    return [
        (subjects.LOG_STREAM, durable(INGEST_READINGS, subjects.READINGS_SUBJECTS, 2_000, RECORD_ACK_WAIT_S)),
        (subjects.ALERT_STREAM, durable(INGEST_ALERTS, subjects.ALERT_SUBJECTS, 1_000, RECORD_ACK_WAIT_S)),
        (subjects.ALERT_STREAM, durable(ALERTS_EVENTS, subjects.ALERT_SUBJECTS, 1_000, ALERTS_ACK_WAIT_S)),
    ]


_BUCKETS = (
    (subjects.TRIPS_BUCKET, 8, 0.0),
    (subjects.PAIRINGS_BUCKET, 8, 0.0),
    (subjects.INCIDENTS_BUCKET, 8, 0.0),
    (subjects.DELIVERIES_BUCKET, 1, 90 * DAY_S),
    (subjects.SUBSCRIBERS_BUCKET, 8, 0.0),
    (subjects.DEVICES_BUCKET, 64, 0.0),  # its history is kept: who was allowed what, and since when
    (subjects.LOGINS_BUCKET, 1, 0.0),
    (subjects.CORRIDORS_BUCKET, 16, 0.0),  # likewise: who proposed and who accepted which
    (subjects.MODELS_BUCKET, 8, 0.0),  # likewise
    (subjects.MODEL_BLOBS_BUCKET, 1, 0.0),
    (subjects.LEASES_BUCKET, 1, LEASE_TTL_S),
)


async def declare(js: JetStreamContext, settings: NatsSettings, partitions: int | None = None) -> None:
    """Creates what is missing and updates what differs; running it again changes nothing.

    Raises `UnavailableError` when the server refuses (JetStream off, no space,
    a stream of that name with other subjects), and `SettingsError` when the log
    is divided into another number of ``partitions`` (None: whatever it is).
    """
    try:
        divided, filled = await _divided(js)
        if partitions is not None:
            _compare(divided if filled else None, partitions)
            divided = partitions
        for stream in _streams(settings):
            if stream.name == subjects.LOG_STREAM and divided is not None:
                stream.metadata = {PARTITIONS: str(divided)}
            try:
                await js.update_stream(stream)
            except NotFoundError:
                await js.add_stream(stream)
        for stream_name, consumer in _durables():
            await js.add_consumer(stream_name, consumer)
        for bucket, history, ttl_s in _BUCKETS:
            await _declare_bucket(
                js,
                KeyValueConfig(
                    bucket=bucket, history=history, ttl=ttl_s or None, replicas=settings.replicas, direct=True
                ),
            )
        await _declare_object_store(js, settings)
    except (NatsError, TimeoutError) as error:
        raise UnavailableError(f"the log can't be set up: {error}") from error


async def _divided(js: JetStreamContext) -> tuple[int | None, bool]:
    """Into how many partitions the log is divided (None: it doesn't say); whether it was ever written to."""
    try:
        info = await js.stream_info(subjects.LOG_STREAM)
    except NotFoundError:
        return None, False
    said = (info.config.metadata or {}).get(PARTITIONS, "")
    return (int(said) if said.isdigit() else None), info.state.last_seq > 0


def _compare(divided: int | None, partitions: int) -> None:
    if divided is not None and divided != partitions:
        raise SettingsError(
            f"partitions is {partitions}, but the log is divided into {divided}: what it holds would never "
            f"be judged together with what comes; set partitions = {divided}, or begin with an empty log"
        )


async def check_partitions(js: JetStreamContext, partitions: int) -> None:
    """Raises `SettingsError` where the log is divided into another number of partitions."""
    try:
        divided, filled = await _divided(js)
    except (NatsError, TimeoutError) as error:
        raise UnavailableError(f"the log can't be looked at: {error or type(error).__name__}") from error
    _compare(divided if filled else None, partitions)


async def _declare_bucket(js: JetStreamContext, config: KeyValueConfig) -> None:
    try:
        await js.key_value(config.bucket)
    except NotFoundError:
        try:
            await js.create_key_value(config)
        except BadRequestError:  # another service was faster
            await js.key_value(config.bucket)


async def _declare_object_store(js: JetStreamContext, settings: NatsSettings) -> None:
    try:
        await js.object_store(subjects.SNAPSHOTS_BUCKET)
    except NotFoundError:
        try:
            await js.create_object_store(subjects.SNAPSHOTS_BUCKET, replicas=settings.replicas)
        except BadRequestError:
            await js.object_store(subjects.SNAPSHOTS_BUCKET)
