"""The rules, in the order in which they see a report.

The position rule comes first: it says which fixes the others may use. A new
rule is one file and one line here (docs/adding-a-detector.md).
"""

from __future__ import annotations

from anomaly.rules.position_implausible import PositionImplausible
from anomaly.rules.route_deviation import RouteDeviation
from anomaly.rules.rule import Rule
from anomaly.rules.seal_custody import SealCustody

RULES: tuple[Rule, ...] = (
    PositionImplausible(),
    SealCustody(),
    RouteDeviation(),
)
