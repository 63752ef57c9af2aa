"""SEAL_TAMPER: housing or back cap opened, or the device taken off its mount, while armed.

What: the device says TAMPERED. When: at the first report of the condition; a
repeated bit is the same tampering. No authorisation to open covers it; a seal
that stands open with authorisation is not armed. Severity: critical, or the
trip's own.

Settings: those of seal_custody. Equivalents: EAEU 02; EDIFACT 4517=2; JT701
bit 12; G-300 0x0010.
"""

from __future__ import annotations

from anomaly.rules.breach import BreachRule
from sealtrail.contract.alert import AlertType

RULE = BreachRule(name="seal_tamper", type=AlertType.SEAL_TAMPER, deed="was tampered with")
