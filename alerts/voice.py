"""What the service does with an event or a decision: incident, ledger, delivery, in this order on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from alerts import metrics
from alerts.book import Book
from alerts.dispatcher import Dispatcher
from alerts.incidents import Change
from alerts.ledger import Ledger, LedgerEntry
from alerts.notices import deliveries_of
from alerts.store import IncidentStore
from alerts.subscribers import Subscribers
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.clock import Clock
from sealtrail.contract.incident import IncidentCommand, IncidentState
from sealtrail.runtime.settings.alerts import AlertSettings

LOGGER = structlog.get_logger(__name__)


class Voice:
    """Changes the book, makes the change durable, then has it delivered.

    The ledger is written before the incident: a crash in between leaves an
    event that counts as not yet seen, so it is applied again and finds its
    deliveries already queued under the same ids.
    """

    def __init__(
        self,
        settings: AlertSettings,
        book: Book,
        store: IncidentStore,
        ledger: Ledger,
        subscribers: Subscribers,
        dispatcher: Dispatcher,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._book = book
        self._store = store
        self._ledger = ledger
        self._subscribers = subscribers
        self._dispatcher = dispatcher
        self._clock = clock
        self._lock = asyncio.Lock()
        self._count_incidents()

    async def hear(self, events: Sequence[AlertEvent]) -> None:
        """Applies alert events in their order; all they cause is on disk afterwards."""
        async with self._lock:
            now_ms = self._clock()
            changes = []
            for event in events:
                change = self._book.apply(event, now_ms)
                metrics.EVENTS.labels("none" if change is None else "applied").inc()
                if change is not None:
                    changes.append(change)
            await self._commit(changes, now_ms)

    async def decide(self, command: IncidentCommand) -> Change:
        """Applies a person's decision; raises `RefusedError` as `Book.decide` says."""
        async with self._lock:
            now_ms = self._clock()
            change = self._book.decide(command, now_ms)
            await self._commit([change], now_ms)
        return change

    async def _commit(self, changes: Sequence[Change], now_ms: int) -> None:
        entries: list[LedgerEntry] = []
        for change in changes:
            told = self._ledger.told(change.incident.incident_id)
            for entry in deliveries_of(
                change,
                self._subscribers.all(),
                told,
                self._settings.notify_from,
                self._settings.source,
                now_ms,
            ):
                self._ledger.note(entry)
                entries.append(entry)
        await self._ledger.queue(entries)
        await self._store.save(change.incident for change in changes)
        self._dispatcher.add(entries)
        self._count_incidents()

    def _count_incidents(self) -> None:
        for state in IncidentState:
            metrics.INCIDENTS.labels(state.value).set(self._book.by_state[state])
