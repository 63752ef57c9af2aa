"""Numbers that the record shows to Prometheus. ``kind`` is ``readings`` or ``alerts``."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

WRITTEN = Counter("sealtrail_ingest_written", "Items written to the store, copies included.", ["kind"])
REFUSED = Counter("sealtrail_ingest_refused", "Items that the store refused.", ["kind", "reason"])
MALFORMED = Counter(
    "sealtrail_ingest_malformed_batches", "Log messages that are no batch.", ["kind", "reason"]
)
WRITE_SECONDS = Histogram(
    "sealtrail_ingest_write_seconds",
    "Time that the store takes for one batch.",
    ["kind"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
BATCH_ITEMS = Histogram(
    "sealtrail_ingest_batch_items",
    "Items written at once.",
    ["kind"],
    buckets=(1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000),
)
LAG = Gauge("sealtrail_ingest_lag_batches", "Log messages that have not been recorded yet.", ["kind"])
STORE_UP = Gauge("sealtrail_ingest_store_up", "1 while the store answers.")
