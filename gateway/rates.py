"""Token buckets: how much one may send in the long run, and how much at once."""

from __future__ import annotations


class Bucket:
    """A token bucket that is only filled when it is empty: a message costs one subtraction."""

    __slots__ = ("_burst", "_filled_at_ms", "_rate_per_ms", "_tokens")

    def __init__(self, rate_per_s: float, burst: float) -> None:
        self._rate_per_ms = rate_per_s / 1000
        self._burst = max(1.0, burst)
        self._tokens = self._burst
        self._filled_at_ms = 0

    def take(self, now_ms: int) -> bool:
        """Takes one token where there is one."""
        if self._tokens < 1.0:
            past_ms = max(0, now_ms - self._filled_at_ms)
            self._tokens = min(self._burst, self._tokens + past_ms * self._rate_per_ms)
            self._filled_at_ms = now_ms
            if self._tokens < 1.0:
                return False
        elif self._filled_at_ms == 0:
            self._filled_at_ms = now_ms
        self._tokens -= 1.0
        return True

    def change(self, rate_per_s: float, burst: float) -> None:
        """Other limits from now on."""
        self._rate_per_ms = rate_per_s / 1000
        self._burst = max(1.0, burst)
        self._tokens = min(self._tokens, self._burst)


class Buckets:
    """A bucket for each name, for at most ``most`` names; those unused for longest are forgotten first.

    A name that isn't there takes a token of ``newcomers`` besides, so that
    invented names don't get round the limits by being new each time.
    """

    def __init__(self, rate_per_s: float, burst: float, most: int, newcomers: Bucket) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._most_young = max(1, most // 2)
        self._newcomers = newcomers
        self._young: dict[str, Bucket] = {}
        self._old: dict[str, Bucket] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def take(self, name: str, now_ms: int) -> bool:
        """Takes one token of that name, if there is one."""
        bucket = self._young.get(name)
        if bucket is None:
            bucket = self._old.pop(name, None)
            if bucket is None:
                if not self._newcomers.take(now_ms):
                    return False
                bucket = Bucket(self._rate_per_s, self._burst)
            if len(self._young) >= self._most_young:
                self._old, self._young = self._young, {}
            self._young[name] = bucket
        return bucket.take(now_ms)
