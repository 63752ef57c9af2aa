"""SEAL_TAMPER: housing or back cap opened, or the device taken off its mount, while armed.

What: the device says TAMPERED, or that it is off its mount (``mounted`` false)
after it has said that it is on it. When: at the first report of the condition;
a repeated bit, and coming off the mount while the bit lasts, are the same
tampering. A device that never said that it is mounted, and one that says
nothing of its mount, can't come off it. Leave to open a seal there and then is
leave to take it off its mount, never to open its housing; a seal that stands
open with authorisation is not armed. Severity: critical, or the trip's own.

Settings: those of seal_custody. Equivalents: EAEU 02; EDIFACT 4517=2; JT701
bit 12; G-300 0x0010.
"""

from __future__ import annotations

from anomaly.rules.breach import BreachRule
from sealtrail.contract.alert import AlertType

RULE = BreachRule(name="seal_tamper", type=AlertType.SEAL_TAMPER, deed="was tampered with")
OFF_MOUNT = BreachRule(name="seal_tamper", type=AlertType.SEAL_TAMPER, deed="was taken off its mount")
