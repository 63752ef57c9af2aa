"""Numbers that the ledger shows to Prometheus: sums over all devices, since the first report ever.

They go on over restarts, so they are gauges: a counter would begin anew.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from sealtrail.contract.completeness import Totals

HELD = Gauge("sealtrail_devices_ledger_held", "1 while this process keeps the ledger.")
BEHIND = Gauge("sealtrail_devices_behind_batches", "Messages of the log that aren't counted yet.", ["stream"])
DEVICES = Gauge("sealtrail_devices", "Devices that were ever heard of.")
SILENT = Gauge("sealtrail_devices_silent", "Devices that are silent for longer than they are used to.")
REPORTS = Gauge(
    "sealtrail_devices_reports",
    "Reports by what became of them: accepted, duplicate, empty, refused; retried ones were refused before.",
    ["outcome"],
)
MESSAGES = Gauge("sealtrail_devices_messages", "Messages of all devices.")
LATE = Gauge("sealtrail_devices_late", "Accepted reports that came late.")
OUT_OF_ORDER = Gauge("sealtrail_devices_out_of_order", "Accepted reports that came after a later one.")
MISSING = Gauge("sealtrail_devices_missing", "Numbers that devices counted and that never came.")
UNBALANCED = Gauge("sealtrail_devices_unbalanced", "What came in, less the sum over all devices: 0.")
REPEATED = Counter("sealtrail_devices_repeated_appends", "Batches that stood on the log twice.")
MALFORMED = Counter(
    "sealtrail_devices_malformed_batches", "Messages of the log that are no batch.", ["reason"]
)
AGED_OUT = Counter(
    "sealtrail_devices_aged_out", "Times that the log no longer went back to the position.", ["stream"]
)
FAILURES = Counter("sealtrail_devices_failures", "Faults that stopped the ledger; it begins again.")
DAYS = Counter("sealtrail_devices_days_written", "Daily records written, repetitions included.")
DAYS_REFUSED = Counter("sealtrail_devices_days_refused", "Daily records that the store refused.", ["reason"])


def show(totals: Totals, received: int) -> None:
    """Sets the sums; ``received`` is what came in, counted apart."""
    DEVICES.set(totals.devices)
    SILENT.set(totals.silent)
    MESSAGES.set(totals.messages)
    LATE.set(totals.late)
    OUT_OF_ORDER.set(totals.out_of_order)
    MISSING.set(totals.missing)
    UNBALANCED.set(received - totals.received)
    for outcome, number in (
        ("accepted", totals.accepted),
        ("duplicate", totals.duplicate),
        ("empty", totals.empty),
        ("refused", sum(totals.refused.values())),
        ("retried", totals.retried),
    ):
        REPORTS.labels(outcome).set(number)
