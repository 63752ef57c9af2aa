"""`CustodyLog`: custody events of every container, as they stand on the alert stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from sealtrail.contract.alert import AlertEvent, AlertFamily

PER_CONTAINER = 100

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AlertEvent).decode


class CustodyLog:
    """Keeps the newest ``most`` custody events, at most `PER_CONTAINER` for one container.

    Events are kept encoded and without evidence: a third of the memory, and
    only the few that somebody looks at are decoded. An event that is already
    known changes nothing.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._order: deque[tuple[str, str]] = deque()  # (container, event) from old to new
        self._events: dict[str, dict[str, bytes]] = {}

    def __len__(self) -> int:
        return len(self._order)

    def absorb(self, events: Iterable[AlertEvent]) -> None:
        """Keep the custody events among ``events``."""
        for event in events:
            if event.family is not AlertFamily.CUSTODY:
                continue
            own = self._events.setdefault(event.container_id, {})
            if event.event_id in own:
                continue
            own[event.event_id] = _encode(msgspec.structs.replace(event, evidence=(), settings={}))
            self._order.append((event.container_id, event.event_id))
            if len(own) > PER_CONTAINER:
                del own[next(iter(own))]
        while len(self._order) > self._most:
            self._drop_oldest()

    def of(self, container_id: str) -> list[AlertEvent]:
        """Custody events of a container, oldest first."""
        found = [_decode(event) for event in self._events.get(container_id, {}).values()]
        return sorted(found, key=lambda event: (event.occurred_at_ms, event.event_id))

    def _drop_oldest(self) -> None:
        container_id, event_id = self._order.popleft()
        own = self._events.get(container_id, {})
        own.pop(event_id, None)
        if not own:
            self._events.pop(container_id, None)
