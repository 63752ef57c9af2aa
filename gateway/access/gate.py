"""`Gate`: the registry as the gateway's own doors ask it (`gateway.listeners.access.Access`)."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from gateway.access.admission import Admission
from gateway.access.sessions import Overlap, Session, Sessions
from gateway.access.suspicions import Evidence
from gateway.rates import Bucket
from sealtrail.contract.device import Device, Suspicion
from sealtrail.runtime.passwords import is_costly, is_password

PROVE_THEMSELVES = frozenset({"json", "owntracks", "ttn", "chirpstack"})
"""Families that can say a password at our doors; the others' logins hold nothing but a name."""
COSTLY_A_SECOND = 2.0
MOST_REMEMBERED = 100_000


class Gate:
    """Who may speak at the doors; hears of sessions and tells of a second one.

    Two are at work where two connections of one identity both go on speaking. A dead
    one is closed after ``idle_s``: two that are open for half as long again are two devices, too.
    """

    def __init__(self, admission: Admission, idle_s: float) -> None:
        self._admission = admission
        self._overlap_ms = round(idle_s * 1_500)
        self._sessions = Sessions()
        self._overlaps: dict[str, Overlap] = {}
        self._costly = Bucket(COSTLY_A_SECOND, 5)
        self._salt = secrets.token_bytes(16)
        self._right: dict[str, bytes] = {}

    def admit(self, family: str, device_id: str, secret: bytes, now_ms: int) -> str | None:
        """See `Access.admit`."""
        reason = self._admission.why_not(family, device_id, now_ms)
        if reason is not None:
            return reason
        standing = self._admission.standings.get(device_id)
        if standing is None:
            return None
        return self._proven(standing.device, secret, now_ms)

    def _proven(self, device: Device, secret: bytes, now_ms: int) -> str | None:
        hashed = device.password_hash
        if not hashed:
            return None
        if not secret:
            return "no_secret" if device.family in PROVE_THEMSELVES else None
        digest = hmac.digest(self._salt, hashed.encode() + b"\0" + secret, hashlib.sha256)
        known = self._right.get(device.device_id)
        if known is not None and hmac.compare_digest(known, digest):
            return None
        if is_costly(hashed) and not self._costly.take(now_ms):
            return "login_busy"
        if not is_password(secret.decode("utf-8", "replace"), hashed):
            return "bad_secret"
        if len(self._right) >= MOST_REMEMBERED:
            self._right.clear()
        self._right[device.device_id] = digest
        return None

    def standing(self, family: str, device_id: str, now_ms: int) -> str | None:
        """See `Access.standing`."""
        overlap = self._overlaps.get(device_id)
        if overlap is not None and now_ms - overlap.since_ms > self._overlap_ms:
            self._tell_of_two(family, device_id, now_ms)
        return self._admission.why_not(family, device_id, now_ms)

    def opened(self, family: str, device_id: str, connection_id: int, peer: str, now_ms: int) -> None:
        """See `Access.opened`."""
        del family
        session = Session(str(connection_id), _address(peer), "", now_ms)
        evidence = self._sessions.opened(device_id, session)
        if device_id in self._sessions.doubtful:
            self._overlaps.setdefault(device_id, Overlap(now_ms))
        if evidence is not None:
            self._admission.suspect(device_id, Suspicion.SECOND_SESSION, evidence, now_ms)

    def spoke(self, family: str, device_id: str, connection_id: int, now_ms: int) -> None:
        """See `Access.spoke`."""
        overlap = self._overlaps.get(device_id)
        if overlap is not None and overlap.both_speak(connection_id, now_ms):
            self._tell_of_two(family, device_id, now_ms)

    def _tell_of_two(self, family: str, device_id: str, now_ms: int) -> None:
        since_ms = self._overlaps.pop(device_id).since_ms
        *_, other, young = self._sessions.of(device_id)  # as they opened
        evidence: Evidence = {
            "family": family,
            "both_open_s": (now_ms - since_ms) // 1000,
            "address": young.address,
            "other_address": other.address,
        }
        self._admission.suspect(device_id, Suspicion.SECOND_SESSION, evidence, now_ms)

    def closed(self, family: str, device_id: str, connection_id: int, now_ms: int) -> None:
        """See `Access.closed`."""
        del family, now_ms
        self._sessions.closed(str(connection_id))
        if device_id not in self._sessions.doubtful:
            self._overlaps.pop(device_id, None)


def _address(peer: str) -> str:
    """``peer`` without its port."""
    host, colon, port = peer.rpartition(":")
    return host if colon and port.isdecimal() else peer
