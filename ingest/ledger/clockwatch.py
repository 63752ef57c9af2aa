"""`ClockWatch`: how far a device's clock is from ours, and when it jumped.

A report takes some time, so receipt minus claimed time is never less than the
clock is behind: the least of it is the estimate, and reports that waited in the
device only make it larger, never smaller. It is taken over stretches of at least
`STRETCH_MS` and `STRETCH_REPORTS`, of which the present and the last one count,
so that a clock may drift. A clock has jumped when two stretches agree with each
other and not with what held before; while a device that was out of coverage
sends what it kept, successive stretches don't agree.
"""

from __future__ import annotations

import msgspec

STRETCH_MS = 600_000
STRETCH_REPORTS = 8
STEP_MS = 30_000
"""A smaller change is drift, or a slow network."""

NEVER = 1 << 62


class ClockWatch(msgspec.Struct, array_like=True):
    """The clock of one device."""

    least_ms: int = NEVER  # of the present stretch
    reports: int = 0
    since_ms: int = 0  # when the present stretch began, by our clock
    last_ms: int = NEVER  # the least of the stretch before
    settled_ms: int = NEVER  # the level that two stretches agreed on
    steps: int = 0
    step_ms: int = 0
    step_at_ms: int | None = None

    def note(self, lag_ms: int, received_at_ms: int) -> None:
        """A report came ``lag_ms`` after what its clock says; those known to have waited are left out."""
        reports = self.reports
        if reports >= STRETCH_REPORTS and received_at_ms - self.since_ms >= STRETCH_MS:
            self._close(received_at_ms)
            reports = 0
        if not reports:
            self.since_ms = received_at_ms
        self.reports = reports + 1
        if lag_ms < self.least_ms:  # noqa: PLR1730 - asked for every reading
            self.least_ms = lag_ms

    def _close(self, at_ms: int) -> None:
        """Ends a stretch."""
        least_ms = self.least_ms
        if abs(least_ms - self.last_ms) <= STEP_MS:
            step_ms = self.settled_ms - least_ms
            if self.settled_ms != NEVER and abs(step_ms) > STEP_MS:
                self.steps += 1
                self.step_ms, self.step_at_ms = step_ms, at_ms
                self.settled_ms = least_ms
            else:
                self.settled_ms = min(least_ms, self.last_ms)
        self.last_ms = least_ms
        self.least_ms, self.reports = NEVER, 0

    @property
    def offset_ms(self) -> int | None:
        """The device's clock minus ours, less the quickest way of a report; None while nothing is known."""
        least_ms = min(self.least_ms, self.last_ms)
        return None if least_ms == NEVER else -least_ms
