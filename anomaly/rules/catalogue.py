"""The rules, in the order in which they see a report.

The position rule comes first: it says which fixes the others may use. A new
rule is one file and one line here (docs/adding-a-detector.md).
"""

from __future__ import annotations

from anomaly.rules.position_implausible import PositionImplausible
from anomaly.rules.route_deviation import RouteDeviation
from anomaly.rules.rule import RetracedRule, Rule
from anomaly.rules.seal_custody import SealCustody

_POSITION, _ROUTE = PositionImplausible(), RouteDeviation()

RULES: tuple[Rule, ...] = (
    _POSITION,
    SealCustody(),
    _ROUTE,
)

RETRACED: tuple[RetracedRule, ...] = (_POSITION, _ROUTE)
"""Those that judge positions older than the history, in the same order."""
