"""When a delivery is tried again, and when it is given up: a pure decision."""

from __future__ import annotations

import random

from alerts.channels import Outcome, Verdict
from sealtrail.contract.incident import Delivery, DeliveryState
from sealtrail.runtime.settings.alerts import AlertSettings

MAX_DOUBLINGS = 30


class RetryPolicy:
    """Capped exponential waiting with jitter, for a limited time."""

    def __init__(self, settings: AlertSettings, dice: random.Random | None = None) -> None:
        self._settings = settings
        self._dice = dice or random.Random()  # noqa: S311 - spreads retries, guards nothing

    def wait_s(self, failures: int, outcome: Outcome) -> float:
        """Waiting time after the ``failures``-th failure in a row."""
        cap_s = self._settings.retry_cap_s
        if outcome.verdict is Verdict.RETRY_SLOWLY:
            wait_s = cap_s
        else:
            wait_s = min(cap_s, self._settings.retry_first_s * 2 ** min(failures - 1, MAX_DOUBLINGS))
        wait_s *= self._dice.uniform(0.5, 1.0)
        return max(wait_s, outcome.retry_after_s or 0.0)

    def after(self, entry: Delivery, outcome: Outcome, now_ms: int) -> tuple[DeliveryState, int | None]:
        """State after an attempt, and when the next one is due (None: never)."""
        if outcome.verdict is Verdict.DELIVERED:
            return DeliveryState.DELIVERED, None
        next_at_ms = now_ms + int(1000 * self.wait_s(len(entry.attempts) + 1, outcome))
        last_at_ms = entry.queued_at_ms + int(self._settings.retry_for_h * 3_600_000)
        if outcome.verdict is Verdict.GIVE_UP or next_at_ms > last_at_ms:
            return DeliveryState.FAILED, None
        return DeliveryState.QUEUED, next_at_ms
