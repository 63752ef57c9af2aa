"""Flux: alerts as they stand, from the events of their lives."""

from __future__ import annotations

from typing import Final

from dashboards.grafana.flux import alert_rows
from sealtrail.contract.alert import AlertAction, Severity

FIELDS: Final = (
    "alert_id",
    "trip_id",
    "sentence",
    "latitude_deg",
    "longitude_deg",
    "late_by_s",
    "received_at_ms",
)
LATER_IN_LIFE: Final = (AlertAction.RETRACTED, AlertAction.CLEARED, AlertAction.UPDATED)


def _rank() -> str:
    """Flux expression: how far an event is in its alert's life."""
    branches = [
        f'if r.action == "{action.value}" then {len(LATER_IN_LIFE) - index} else '
        for index, action in enumerate(LATER_IN_LIFE)
    ]
    return "".join(branches) + "0"


def current_rows(scope: str) -> str:
    """One row per alert, custody log left out: its event that is latest in its life.

    Events of one alert share its time, so their order is that of a life:
    raised, updated, cleared, retracted.
    """
    return f"""{alert_rows(*FIELDS, scope=f'{scope} and r.action != "{AlertAction.LOGGED.value}"')}
  |> map(fn: (r) => ({{r with rank: {_rank()}}}))
  |> group(columns: ["alert_id"])
  |> sort(columns: ["rank", "received_at_ms"])
  |> last(column: "rank")
  |> group()
  |> drop(columns: ["rank"])"""


def standing(scope: str, *severities: Severity) -> str:
    """The ids (``_value``) of alerts that are not retracted, of the given severities (all if none)."""
    wanted = " or ".join(f'r.severity == "{severity.value}"' for severity in severities) or "true"
    return f"""{current_rows(scope)}
  |> filter(fn: (r) => r.action != "{AlertAction.RETRACTED.value}" and ({wanted}))
  |> rename(columns: {{alert_id: "_value"}})
  |> keep(columns: ["_value"])"""
