"""SEAL_CUT: continuity of cable, shackle or bolt lost while armed.

What: the device says CUT, or its seal state is CUT. When: at the first report
of the condition; a repeated bit is the same cut. An authorisation to open is
not one to cut: within it a seal that is still closed and is cut is raised. A
seal that stands open with authorisation is not armed; what its cable does then
is handling. Severity: critical, or the trip's own.

Settings: those of seal_custody. Equivalents: EAEU 01; EDIFACT 4517=4; JT701
status bit 3; G-300 0x0011; NCTS incident 2.
"""

from __future__ import annotations

from anomaly.rules.breach import BreachRule
from sealtrail.contract.alert import AlertType

RULE = BreachRule(name="seal_cut", type=AlertType.SEAL_CUT, deed="was cut")
