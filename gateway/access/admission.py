"""`Admission`: whether a message may be believed to be the device's. A look per message, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gateway.access import signatures
from gateway.access.registry import RegistryView
from gateway.access.standing import Excess, Standing
from gateway.access.suspicions import Evidence, Suspicions
from gateway.rates import Bucket, Buckets
from sealtrail.contract.device import DeviceState, Suspicion
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.reading import Flag, Reading
from sealtrail.runtime.settings.access import AccessSettings

TELL_EXCESS_EVERY_MS = 10_000
SIGNED_FAMILY = "json"
NOT_ITS_OWN = frozenset(
    {
        "bad_secret", "no_secret", "login_busy", "family_mismatch",
        "bad_identity", "identity_mismatch", "too_many_identities",
    }
)  # fmt: skip
"""Refusals of what somebody says who calls itself a device and may not be it."""
_NO_CLOCK = int(Flag.CLOCK_UNSET | Flag.CLOCK_FUTURE)  # a plain number: this is asked for every reading


class NotKeptError(DecodeError):
    """Refused, counted, and not worth its bytes: the device has sent too much already."""


class Admission:
    """Judges each message by the registry: known, allowed, of its family, within its rate, signed.

    ``containers`` maps paired devices to their containers; ``activate`` hears
    of devices that speak for the first time.
    """

    def __init__(
        self,
        view: RegistryView,
        settings: AccessSettings,
        suspicions: Suspicions,
        activate: Callable[[str], None],
        containers: Callable[[], Mapping[str, str]],
    ) -> None:
        self.view = view
        self.standings = view.standings
        self._settings = settings
        self.accepts_unknown = settings.unknown_devices == "accept"
        self._suspicions = suspicions
        self._activate = activate
        self._containers = containers
        self._strangers = Bucket(settings.unknown_messages_per_s, settings.unknown_messages_per_s * 60)
        self._strangers_excess = Excess()
        self._accepted = Buckets(
            settings.messages_per_s,
            settings.burst_messages,
            settings.unknown_devices_most,
            Bucket(settings.unknown_messages_per_s, settings.unknown_devices_most),
        )
        self._refused = Bucket(settings.unknown_messages_per_s, settings.unknown_messages_per_s * 60)
        self._exceeding: dict[tuple[str, str], Excess] = {}  # (family, device) with excess that isn't told
        self._told_at_ms = 0
        self._now_ms = 0

    def begin(self, now_ms: int) -> None:
        """A batch begins; ``now_ms`` is the time of receipt of all of it."""
        self._now_ms = now_ms

    def why_not(self, family: str, device_id: str, now_ms: int) -> str | None:
        """Why a device may not speak at a door, or None."""
        standing = self.standings.get(device_id)
        if standing is None:
            if self.accepts_unknown:
                return None
            self.suspect(device_id, Suspicion.UNKNOWN_DEVICE, {"family": family}, now_ms)
            return "unknown_device"
        if standing.refusal:
            self.suspect(device_id, Suspicion.SUSPENDED_DEVICE, self._state(standing, family), now_ms)
            return standing.refusal
        return None if standing.device.family == family else "family_mismatch"

    @staticmethod
    def _state(standing: Standing, family: str) -> Evidence:
        return {
            "family": family,
            "state": standing.device.state.value,
            "changed_by": standing.device.changed_by,
        }

    def admit(self, family: str, device_id: str, payload: bytes) -> bytes:
        """The payload to decode, without its signature.

        Raises `DecodeError`: ``unknown_device``, ``suspended_device``,
        ``retired_device``, ``family_mismatch``, ``rate_limited``,
        ``unsigned``, ``bad_signature``; `NotKeptError` for what is only counted.
        """
        standing = self.standings.get(device_id)
        if standing is None:
            return self._stranger(family, device_id, payload)
        if standing.refusal:
            self._refuse(standing, family, device_id, payload)
        if not standing.bucket.take(self._now_ms):
            self._exceeds(standing.excess, family, device_id, payload)
        device = standing.device
        if device.family != family:
            raise DecodeError("family_mismatch", f"{device_id} is of family {device.family}")
        if family == SIGNED_FAMILY:
            payload = self._checked(standing, device_id, payload)
        if device.state is DeviceState.PROVISIONED and not standing.activating:
            standing.activating = True
            self._activate(device_id)
        return payload

    def _stranger(self, family: str, device_id: str, payload: bytes) -> bytes:
        if self.accepts_unknown:
            if not self._accepted.take(device_id, self._now_ms):
                self._exceeds(self._strangers_excess, family, device_id, payload)
            if family == SIGNED_FAMILY and (signed := signatures.split(payload)) is not None:
                return signed.payload
            return payload
        if not self._strangers.take(self._now_ms):
            self._exceeds(self._strangers_excess, family, device_id, payload)
        self._suspect(device_id, Suspicion.UNKNOWN_DEVICE, {"family": family})
        raise DecodeError("unknown_device", "it isn't in the registry; see `sealtrail device add`")

    def clock_ahead_s(self, device_id: str) -> int | None:
        """How far a device's clock is ahead of UTC, where the registry says so."""
        standing = self.standings.get(device_id)
        return None if standing is None else standing.device.clock_ahead_s

    def refused_before(self, family: str, device_id: str, payload: bytes, reason: str = "") -> None:
        """Whether a message that is refused already, or names nobody, may still be kept.

        A device's own damaged frames count as its messages do. All others share
        one rate, so that nobody uses up that of a device by calling itself so
        without its secret. Raises as `admit` does.
        """
        if device_id and reason not in NOT_ITS_OWN:
            standing = self.standings.get(device_id)
            if standing is not None:
                if not standing.bucket.take(self._now_ms):
                    self._exceeds(standing.excess, family, device_id, payload)
                return
        if not self._refused.take(self._now_ms):
            self._exceeds(self._strangers_excess, family, "", payload)

    def _refuse(self, standing: Standing, family: str, device_id: str, payload: bytes) -> None:
        self._suspect(device_id, Suspicion.SUSPENDED_DEVICE, self._state(standing, family))
        if not standing.bucket.take(self._now_ms):
            self._exceeds(standing.excess, family, device_id, payload)
        raise DecodeError(standing.refusal, f"{device_id} is {standing.device.state.value}")

    def _checked(self, standing: Standing, device_id: str, payload: bytes) -> bytes:
        """The payload whose signature holds; unsigned ones only where none is required."""
        if not standing.signs and not payload.rfind(b"\n.", -signatures.LONGEST_TRAILER) >= 0:
            return payload
        try:
            signed = signatures.split(payload)
            if signed is not None:
                return signatures.check(signed, standing.device.signing_keys, self._now_ms)
        except DecodeError as error:
            self._suspect(device_id, Suspicion.BAD_SIGNATURE, {"detail": error.detail})
            raise
        if standing.device.signature_required:
            self._suspect(device_id, Suspicion.BAD_SIGNATURE, {"detail": "not signed"})
            raise DecodeError("unsigned", "the registry says that this device signs what it sends")
        return payload

    def _exceeds(self, excess: Excess, family: str, device_id: str, payload: bytes) -> None:
        if excess.keep(len(payload), self._settings.excess_kept_bytes, self._now_ms):
            raise DecodeError("rate_limited", "more messages than this device may send; kept for a retry")
        who = device_id if excess is not self._strangers_excess else ""
        self._exceeding[family, who] = excess
        raise NotKeptError("rate_limited", "more messages than may be kept")

    def notice(self, reading: Reading) -> None:
        """A new reading with a sequence: shows after a few whether two devices count under one name.

        Only SealTrail's own protocol promises a count that goes on; others wrap at 255.
        """
        standing = self.standings.get(reading.device_id)
        if standing is None or reading.family != SIGNED_FAMILY or reading.sequence is None:
            return
        if reading.flags & _NO_CLOCK:
            return
        if standing.counting.two_count(reading.sequence, reading.occurred_at_ms):
            here, other = standing.counting.lines
            self._suspect(
                reading.device_id, Suspicion.REPLAYED_SEQUENCE, {"sequence": here, "other_sequence": other}
            )

    def _suspect(self, device_id: str, suspicion: Suspicion, evidence: Evidence) -> None:
        self.suspect(device_id, suspicion, evidence, self._now_ms)

    def suspect(self, device_id: str, suspicion: Suspicion, evidence: Evidence, now_ms: int) -> None:
        """Tells of a suspicion, filed under the device's container where it has one."""
        container_id = self._containers().get(device_id)
        self._suspicions.tell(device_id, container_id, suspicion, evidence, now_ms)

    def excess_told(self) -> Iterator[QuarantinedMessage]:
        """One record for each device whose excess wasn't kept, every ten seconds."""
        if not self._exceeding or self._now_ms - self._told_at_ms < TELL_EXCESS_EVERY_MS:
            return
        self._told_at_ms = self._now_ms
        for (family, device_id), excess in self._exceeding.items():
            if not excess.messages:
                continue  # told already: all strangers have one between them
            yield QuarantinedMessage(
                received_at_ms=self._now_ms,
                topic="",
                family=family,
                device_id=device_id,
                reason="rate_limited",
                detail=f"{excess.messages} further messages, {excess.bytes} bytes, counted and not kept",
                payload=b"",
            )
            excess.messages = excess.bytes = 0
        self._exceeding.clear()
