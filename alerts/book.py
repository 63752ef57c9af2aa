"""All incidents in memory: finds the one that an event belongs to.

Closed incidents are kept packed (about 1.5 kB each) because an event of an old
alert may come again at any time: a judgement that replays its log emits the
same events anew, and they must change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from alerts import incidents
from alerts.incidents import Change, Key, StoredIncident, is_active, is_withdrawn, key_of
from sealtrail.contract.alert import AlertAction, AlertEvent
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.incident import IncidentAction, IncidentCommand, IncidentState

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(StoredIncident).decode


class Book:
    """The state that alert events and people's decisions change, one at a time."""

    def __init__(self, stored: Iterable[StoredIncident] = ()) -> None:
        self._active: dict[str, StoredIncident] = {}
        self._packed: dict[str, bytes] = {}
        self._latest: dict[Key, tuple[int, str]] = {}  # number and id of the newest incident
        self._home: dict[str, str] = {}  # alert id -> the newest incident that holds it
        self._seen: set[str] = set()
        self.by_state: Counter[IncidentState] = Counter()
        for incident in sorted(stored, key=lambda one: one.number):
            self._keep(incident)

    def get(self, incident_id: str) -> StoredIncident | None:
        found = self._active.get(incident_id)
        if found is None and incident_id in self._packed:
            found = _unpack(self._packed[incident_id])
        return found

    def all(self) -> list[StoredIncident]:
        """Every incident; for tests and start-up figures."""
        return [*self._active.values(), *map(_unpack, self._packed.values())]

    def _keep(self, incident: StoredIncident) -> None:
        before = self.get(incident.incident_id)
        if before is not None:
            self.by_state[before.state] -= 1
        self.by_state[incident.state] += 1
        if is_active(incident):
            self._active[incident.incident_id] = incident
            self._packed.pop(incident.incident_id, None)
        else:
            self._packed[incident.incident_id] = _pack(incident)
            self._active.pop(incident.incident_id, None)
        key = key_of(incident)
        self._latest[key] = max(self._latest.get(key, (-1, "")), (incident.number, incident.incident_id))
        for alert in incident.alerts:
            home_id = self._home.get(alert.alert_id, "")
            home = None if home_id == incident.incident_id else self.get(home_id)
            if home is None or home.number <= incident.number:
                self._home[alert.alert_id] = incident.incident_id
        self._seen.update(incident.seen)

    def apply(self, event: AlertEvent, now_ms: int) -> Change | None:
        """What an alert event changes; None for one that changes nothing."""
        if event.event_id in self._seen or not incidents.concerns_incidents(event):
            return None
        key = key_of(event)
        home = self.get(self._home.get(event.alert_id, ""))
        number, latest_id = self._latest.get(key, (-1, ""))
        latest = self.get(latest_id)
        if home is not None and (is_active(home) or not incidents.revives(home, event)):
            change = incidents.joined(home, event, now_ms)
        elif event.action is AlertAction.RETRACTED:
            return None  # nobody here ever heard of it
        elif latest is not None and (is_active(latest) or is_withdrawn(latest)):
            change = incidents.joined(latest, event, now_ms)
        else:
            change = incidents.opened(event, number + 1, now_ms)
        self._keep(change.incident)
        return change

    def decide(self, command: IncidentCommand, now_ms: int) -> Change:
        """What a person's decision changes.

        Raises `RefusedError` named ``unknown_incident`` or as `incidents.decided` says.
        """
        incident = self.get(command.incident_id)
        if incident is None:
            raise RefusedError("unknown_incident", f"there is no incident {command.incident_id[:64]!r}")
        change = incidents.decided(incident, command, now_ms)
        if command.action is IncidentAction.REOPEN:
            _, latest_id = self._latest[key_of(incident)]
            if latest_id != incident.incident_id:
                raise RefusedError("bad_transition", f"a newer incident {latest_id} stands in its place")
        self._keep(change.incident)
        return change
