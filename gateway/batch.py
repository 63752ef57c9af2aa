"""A batch of messages becomes readings by partition, refusals by family, and exact counts. No I/O."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import structlog

from gateway.access.admission import Admission, NotKeptError
from gateway.pieces import encoded
from gateway.recent import Recent
from gateway.session import Delivery
from gateway.topics import Route, Routes
from sealtrail.contract.codec import encode_readings
from sealtrail.contract.completeness import Tally
from sealtrail.contract.decoder import Decoder, ZonedDecoder
from sealtrail.contract.errors import DecodeError, RefusedError
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.reading import Reading
from sealtrail.contract.subjects import device_down_topic, partition_of

LOGGER = structlog.get_logger(__name__)

MAX_TOPIC = 512
MAX_DETAIL = 512
AT_ONCE = 500
"""So many messages are decoded, then encoded: more readings than that don't stay in the processor's cache."""
PARTITIONS_KEPT = 1 << 16
"""Of so many containers the partition is remembered rather than worked out for every reading."""


@dataclass(slots=True)
class Batch:
    """What became of the messages of one batch; of a large one, most readings are encoded already.

    ``accepted[family] + duplicate[family] + quarantined[family, *]`` is the
    number of messages received. A message is accepted if at least one of its
    readings is new or if it is sound and has none (then it also counts as
    ``empty``), duplicate if all its readings are known already.
    """

    received_at_ms: int
    packed: dict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))  # by partition
    readings: dict[int, list[Reading]] = field(default_factory=lambda: defaultdict(list))  # those behind
    refused: dict[str, list[QuarantinedMessage]] = field(default_factory=lambda: defaultdict(list))
    reading_ids: set[int] = field(default_factory=set)
    accepted: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)
    duplicate: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[tuple[str, str]] = field(default_factory=Counter)  # (family, reason)
    refusals: dict[int, str] = field(default_factory=dict)  # reason by token, of messages of the doors
    answers: list[tuple[str, bytes]] = field(
        default_factory=list
    )  # (topic, payload), once the log has it all
    answered: Counter[str] = field(default_factory=Counter)
    new_readings: Counter[str] = field(default_factory=Counter)
    known_readings: Counter[str] = field(default_factory=Counter)
    tallies: dict[str, Tally] = field(default_factory=dict)  # by device: what the log doesn't show

    def pack(self) -> None:
        """Encodes the readings so far."""
        for partition, readings in self.readings.items():
            self.packed[partition] += encoded(encode_readings, readings)
        self.readings.clear()

    def tally(self, device_id: str, family: str) -> Tally:
        """The tally of a device, to be added to."""
        found = self.tallies.get(device_id)
        if found is None:
            found = self.tallies[device_id] = Tally(
                device_id[:MAX_TOPIC], family, self.received_at_ms, refused={}
            )
        return found


Known = Recent | set[int] | frozenset[int]
"""Identities of readings."""


class BatchDecoder:
    """Decodes batches; equal messages, pairings and known identities give an equal batch."""

    def __init__(
        self,
        decoders: Mapping[str, Decoder],
        partitions: int,
        max_payload_bytes: int,
        admission: Admission | None = None,
    ) -> None:
        """Without ``admission`` every device is believed."""
        self.admission = admission
        self._routes = Routes(decoders)
        self._door_routes = Routes(decoders, of_doors=True)
        self._partition = lru_cache(PARTITIONS_KEPT)(lambda key: partition_of(key, partitions))
        self._max_payload_bytes = max_payload_bytes
        self._failures_shown: set[tuple[str, str]] = set()
        self._zoned = {
            family: decoder for family, decoder in decoders.items() if isinstance(decoder, ZonedDecoder)
        }

    def decode(
        self,
        deliveries: Sequence[Delivery],
        received_at_ms: int,
        containers: Mapping[str, str],
        known: Known,
    ) -> Batch:
        """Decodes messages received at ``received_at_ms``.

        ``containers`` maps paired devices to their containers; ``known`` has the
        identities of readings that are in the log or about to be. Never raises
        for anything that a device can send.
        """
        batch = Batch(received_at_ms)
        admission = self.admission
        if admission is not None:
            admission.begin(received_at_ms)
        for begin in range(0, len(deliveries), AT_ONCE):
            if begin:
                batch.pack()
            decoded = self._decoded(batch, deliveries[begin : begin + AT_ONCE])
            self._take(batch, decoded, containers, known)
        if admission is not None:
            for told in admission.excess_told():
                batch.refused[told.family].append(told)
        return batch

    def _decoded(self, batch: Batch, deliveries: Sequence[Delivery]) -> list[tuple[Route, Sequence[Reading]]]:
        """Readings of each message that isn't refused."""
        routes = self._routes
        decoded: list[tuple[Route, Sequence[Reading]]] = []
        for topic, payload, token in deliveries:
            route = routes[topic] if token >= 0 else self._door_routes[topic]
            try:
                decoded.append((route, self._readings(batch, route, payload)))
            except RefusedError as refusal:
                if token < 0:
                    batch.refusals[token] = refusal.reason
                    topic = topic.partition("?")[0]  # noqa: PLW2901  the rest is what became `refusal`
                self._quarantine(batch, topic, route, payload, refusal)
        return decoded

    def _take(
        self,
        batch: Batch,
        decoded: Sequence[tuple[Route, Sequence[Reading]]],
        containers: Mapping[str, str],
        known: Known,
    ) -> None:
        """Puts new readings into the batch and counts all; what is known is asked for once for all."""
        notice = None if self.admission is None else self.admission.notice
        partition, by_partition = self._partition, batch.readings
        ids = {reading.reading_id for _, readings in decoded for reading in readings}
        again = ids & batch.reading_ids
        again |= known.intersection(ids)
        some_again = bool(again) or len(ids) < sum([len(readings) for _, readings in decoded])
        batch.reading_ids |= ids - again
        singles: dict[str, int] = {}  # by label: messages of one new reading
        for route, readings in decoded:
            new = 0
            for reading in readings:
                if some_again:
                    if reading.reading_id in again:
                        batch.tally(reading.device_id, reading.family).duplicate += 1
                        continue
                    again.add(reading.reading_id)  # a further one of this batch is a copy
                new += 1
                if notice is not None and reading.sequence is not None:
                    notice(reading)
                reading.container_id = containers.get(reading.device_id)
                by_partition[partition(reading.key)].append(reading)
            if new == len(readings) == 1:
                singles[route.label] = singles.get(route.label, 0) + 1
            else:
                self._count(batch, route, readings, new)
        for label, number in singles.items():
            batch.accepted[label] += number
            batch.new_readings[label] += number

    def strangers(self, deliveries: Sequence[Delivery]) -> set[str]:
        """Devices of the batch that the registry should be asked for before it is decoded."""
        admission = self.admission
        if admission is None or admission.accepts_unknown:
            return set()
        routes, doors = self._routes, self._door_routes
        named = {
            route.device_id
            for topic, _, token in deliveries
            if (route := routes[topic] if token >= 0 else doors[topic]).decoder is not None
        }
        named.discard("")
        return named - admission.standings.keys()

    def _readings(self, batch: Batch, route: Route, payload: bytes) -> list[Reading]:
        if route.decoder is None:
            # a fresh one each time: a raised exception keeps its frames, and with them whole batches, alive
            refusal = route.refusal or DecodeError("unknown_family")
            if self.admission is not None:
                self.admission.refused_before(route.label, route.device_id, payload, refusal.reason)
            raise DecodeError(refusal.reason, refusal.detail)
        if self.admission is not None:
            if route.device_id:
                payload = self.admission.admit(route.family, route.device_id, payload)
            else:
                self.admission.refused_before(route.label, "", payload)
        if route.answer is not None and (answer := route.answer(payload)):
            # also where it is refused now: it is kept, and sending it again would not help
            batch.answers.append((device_down_topic(route.family, route.device_id), answer))
            batch.answered[route.label] += 1
        if len(payload) > self._max_payload_bytes:
            raise DecodeError("payload_too_large", f"more than {self._max_payload_bytes} bytes, kept cut")
        try:
            decoder = self._decoder(route, route.decoder) if route.family in self._zoned else route.decoder
            readings = decoder.decode(payload, route.device_id or None, batch.received_at_ms)
        except RefusedError:
            raise
        except Exception as error:
            name = type(error).__name__
            if (route.label, name) not in self._failures_shown:  # the trace once, the number in the metrics
                self._failures_shown.add((route.label, name))
                LOGGER.exception("decoder_failure", family=route.label, device_id=route.device_id)
            raise DecodeError("decoder_failure", f"{name} in the decoder of {route.label}") from error
        if readings and not route.device_id:  # at a door: who speaks is asked before anything is believed
            raise DecodeError("no_identity", "neither the frame nor a login before it named the device")
        return readings

    def _decoder(self, route: Route, decoder: Decoder) -> Decoder:
        """The decoder for a device whose clock the registry knows."""
        ahead_s = None if self.admission is None else self.admission.clock_ahead_s(route.device_id)
        return decoder if ahead_s is None else self._zoned[route.family].in_zone(ahead_s * 1000)

    def _quarantine(
        self, batch: Batch, topic: str, route: Route, payload: bytes, refusal: RefusedError
    ) -> None:
        batch.quarantined[route.label, refusal.reason] += 1
        if isinstance(refusal, NotKeptError):
            refused = batch.tally(route.device_id, route.label).refused
            refused[refusal.reason] = refused.get(refusal.reason, 0) + 1
            return
        batch.refused[route.label].append(
            QuarantinedMessage(
                received_at_ms=batch.received_at_ms,
                topic=topic[:MAX_TOPIC],
                family=route.family[:MAX_TOPIC],
                device_id=route.device_id[:MAX_TOPIC],
                reason=refusal.reason,
                detail=refusal.detail[:MAX_DETAIL],
                payload=payload[: self._max_payload_bytes],
            )
        )

    def _count(self, batch: Batch, route: Route, readings: Sequence[Reading], new: int) -> None:
        label = route.label
        if new:
            batch.accepted[label] += 1
            batch.new_readings[label] += new
        elif readings:
            batch.duplicate[label] += 1
        else:
            batch.accepted[label] += 1
            batch.empty[label] += 1
            batch.tally(route.device_id, label).empty += 1
        if len(readings) > new:
            batch.known_readings[label] += len(readings) - new
        for reading in readings[1:]:
            batch.tally(reading.device_id, reading.family).folded += 1
