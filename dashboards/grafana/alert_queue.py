"""Dashboard: the alert queue, as judged and recorded."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.barchart import Panel as BarPanel
from grafana_foundation_sdk.builders.common import StackingConfig
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.stat import Panel as StatPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel
from grafana_foundation_sdk.builders.timeseries import Panel as SeriesPanel
from grafana_foundation_sdk.models.common import GraphDrawStyle, StackingMode, VizOrientation

from dashboards.grafana import alert_state, looks
from dashboards.grafana.flux import (
    DATASOURCE,
    THESE_CONTAINERS,
    Flux,
    alert_points,
    alert_rows,
    counted,
    in_milliseconds,
    keep,
)
from dashboards.grafana.names import ALERT
from dashboards.grafana.panels import RANGE, Dressed, number, series
from dashboards.grafana.trip import alert_table
from dashboards.grafana.variables import alert_types, containers, severities
from sealtrail.contract.alert import AlertAction, Severity

TITLE: Final = "SealTrail: alert queue"
CHOSEN: Final = (
    f"{THESE_CONTAINERS} and r.severity =~ /^(${{severity:regex}})$/ and r.type =~ /^(${{type:regex}})$/"
)
RAISED: Final = f'{CHOSEN} and r.action == "{AlertAction.RAISED.value}"'


def _count(severities_: tuple[Severity, ...], name: str, color: str) -> StatPanel:
    return number(
        name,
        f"{name} alerts that occurred {RANGE} and were not retracted.",
        counted(alert_state.standing(CHOSEN, *severities_)),
        looks.warn_above_zero(color),
    )


def _late() -> StatPanel:
    rows = f"""{alert_state.current_rows(CHOSEN)}
  |> filter(fn: (r) => r.late_by_s > {looks.LATE_S})
  |> rename(columns: {{alert_id: "_value"}})
  |> keep(columns: ["_value"])"""
    return number(
        "Late",
        f"Alerts that happened more than {looks.LATE_S // 60} minutes before their report arrived, "
        "as from a dead zone. A late alarm is still an alarm.",
        counted(rows),
        looks.warn_above_zero(looks.ORANGE),
    )


def _retracted() -> StatPanel:
    rows = f"""{alert_points("alert_id", scope=CHOSEN)}
  |> filter(fn: (r) => r.action == "{AlertAction.RETRACTED.value}")"""
    return number(
        "Retracted",
        "Alerts that a later report or authorisation showed to be wrong; they are kept.",
        counted(rows),
        looks.plain(looks.GREY),
    )


def _rate() -> SeriesPanel:
    flux = f"""{alert_points("alert_id", scope=RAISED)}
  |> group(columns: ["severity"])
  |> aggregateWindow(every: v.windowPeriod, fn: count)
{keep("_time", "_value", "severity")}"""
    panel = (
        series("Alerts raised", "By the time at which they happened, stacked by severity.")
        .with_target(Flux(flux))
        .draw_style(GraphDrawStyle.BARS)
        .fill_opacity(80)
        .interval("5m")
        .stacking(StackingConfig().mode(StackingMode.NORMAL))
        .display_name("${__field.labels.severity}")
        .decimals(0)
        .min(0)
    )
    for severity, color in looks.SEVERITY_LOOKS.items():
        panel.override_by_name(severity.value, [looks.fixed(color)])
    return panel


def _by_type() -> BarPanel:
    flux = f"""{alert_points("alert_id", scope=RAISED)}
  |> group(columns: ["type"])
  |> count()
  |> group()
  |> rename(columns: {{_value: "alerts"}})
{keep("type", "alerts")}
  |> sort(columns: ["alerts"], desc: true)"""
    return (
        BarPanel()
        .fill_opacity(80)
        .title("By type")
        .description(f"Alerts raised {RANGE}, most frequent first.")
        .datasource(DATASOURCE)
        .with_target(Flux(flux))
        .x_field("type")
        .orientation(VizOrientation.HORIZONTAL)
        .thresholds(looks.plain())
        .color_scheme(looks.by_threshold())
        .decimals(0)
    )


def _queue() -> TablePanel:
    flux = f"""{alert_state.current_rows(CHOSEN)}
  |> map(fn: (r) => ({{r with received: {in_milliseconds("received_at_ms")}}}))
{keep("_time", "received", "late_by_s", "severity", "type", "container_id", "action", "sentence", "trip_id")}
  |> sort(columns: ["_time"], desc: true)
  |> limit(n: 1000)"""
    return alert_table(
        "Alerts as they stand",
        "One row per alert, newest first. They are acknowledged and resolved in the control room; "
        "this is the record of what was judged.",
        flux,
    )


def _custody() -> TablePanel:
    scope = f'{THESE_CONTAINERS} and r.action == "{AlertAction.LOGGED.value}"'
    flux = f"""{alert_rows("sentence", "late_by_s", "trip_id", scope=scope)}
{keep("_time", "late_by_s", "type", "container_id", "sentence", "trip_id")}
  |> sort(columns: ["_time"], desc: true)
  |> limit(n: 1000)"""
    return alert_table(
        "Custody and data quality log",
        "Arming, authorised opening, resealing, trips, implausible fixes.",
        flux,
    )


def alert_queue() -> Dashboard:
    """What was raised, how late it was, and how it stands."""
    return (
        Dressed(TITLE, looks.ALERTS_UID, "What was raised, when it happened and when that became known.")
        .since("now-24h", refresh="10s")
        .choose(containers(ALERT), severities(), alert_types())
        .add(_count((Severity.CRITICAL,), "Critical", looks.RED), wide=5, high=4)
        .add(_count((Severity.HIGH,), "High", looks.ORANGE), wide=5, high=4)
        .add(
            _count((Severity.MEDIUM, Severity.LOW, Severity.INFO), "Medium and below", looks.YELLOW),
            wide=5,
            high=4,
        )
        .add(_late(), wide=5, high=4)
        .add(_retracted(), wide=4, high=4)
        .add(_queue(), wide=24, high=13)
        .add(_rate(), wide=16, high=9)
        .add(_by_type(), wide=8, high=9)
        .add(_custody(), wide=24, high=8)
        .dashboard
    )
