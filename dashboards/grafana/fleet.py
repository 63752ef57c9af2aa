"""Dashboard: fleet map."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.geomap import Panel as MapPanel
from grafana_foundation_sdk.builders.stat import Panel as StatPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel

from dashboards.grafana import alert_state, looks, maps
from dashboards.grafana.flux import THESE_CONTAINERS, Flux, counted, readings
from dashboards.grafana.latest import latest_rows, newest_seal
from dashboards.grafana.panels import RANGE, Dressed, number, table
from dashboards.grafana.variables import containers
from sealtrail.contract.alert import Severity
from sealtrail.contract.reading import SealState

TITLE: Final = "SealTrail: fleet map"


def _map() -> MapPanel:
    positions = f"""{latest_rows(THESE_CONTAINERS)}
  |> filter(fn: (r) => exists r.latitude_deg and exists r.longitude_deg)"""
    alerts = f"""{alert_state.current_rows(THESE_CONTAINERS)}
  |> filter(fn: (r) => exists r.latitude_deg and exists r.longitude_deg and r.action != "retracted")"""
    return (
        maps.map_panel(
            "Containers and alerts",
            "Circles: the last known place of every container, coloured by its seal. Triangles: alerts of "
            "the time range where they happened, coloured by severity. Click one for details and its trip.",
            [
                maps.markers("Containers", "A", "seal_state", size_px=6, symbol="circle"),
                maps.markers("Alerts", "B", "severity", size_px=9, symbol="triangle"),
            ],
            fit="Containers",
        )
        .with_target(Flux(positions, "A"))
        .with_target(Flux(alerts, "B"))
        .data_links([looks.trip_link()])
        .color_scheme(looks.by_threshold())
        .override_by_name("container_id", [looks.title("Container")])
        .override_by_name("seal_state", [looks.title("Seal"), *looks.mapped(looks.seal_mappings())[:1]])
        .override_by_name("severity", looks.mapped(looks.severity_mappings())[:1])
        .override_by_name("speed_kmh", [looks.title("Speed"), looks.unit("velocitykmh")])
        .override_by_name("battery_pct", [looks.title("Battery"), looks.unit("percent")])
        .override_by_name("late_by_s", [looks.title("Late by"), looks.unit(looks.DURATION_UNIT)])
    )


def _reporting() -> StatPanel:
    heard = f"""{readings("received_at_ms", scope=THESE_CONTAINERS)}
  |> last()
  |> group()
  |> distinct(column: "container_id")"""
    return number(
        "Containers heard", f"Containers with at least one report {RANGE}.", counted(heard), looks.plain()
    )


def _not_sealed() -> StatPanel:
    rows = f"""{newest_seal(THESE_CONTAINERS)}
  |> filter(fn: (r) => r._value != {int(SealState.SEALED)})"""
    return number(
        "Not sealed",
        "Containers whose newest seal report says anything but sealed, with or without authorisation.",
        counted(rows),
        looks.warn_above_zero(looks.ORANGE),
    )


def _critical() -> StatPanel:
    return number(
        "Critical alerts",
        f"Critical alerts that occurred {RANGE} and were not retracted.",
        counted(alert_state.standing(THESE_CONTAINERS, Severity.CRITICAL)),
        looks.warn_above_zero(looks.RED),
    )


def _table() -> TablePanel:
    flux = f"""{latest_rows(THESE_CONTAINERS)}
  |> sort(columns: ["_time"], desc: true)
  |> limit(n: 1000)"""
    return (
        table("Newest report of every container", "Newest first; a container number leads to its trip.", flux)
        .override_by_name("_time", [looks.title("Reported"), looks.unit(looks.TIME_UNIT)])
        .override_by_name("position_at", [looks.title("Position of"), looks.unit(looks.TIME_UNIT)])
        .override_by_name("container_id", looks.container_cell())
        .override_by_name("seal_state", [looks.title("Seal"), *looks.mapped(looks.seal_mappings())])
        .override_by_name("speed_kmh", [looks.title("Speed"), looks.unit("velocitykmh")])
        .override_by_name("battery_pct", [looks.title("Battery"), looks.unit("percent")])
        .override_by_name("latitude_deg", [looks.title("Latitude"), looks.unit("degree")])
        .override_by_name("longitude_deg", [looks.title("Longitude"), looks.unit("degree")])
    )


def fleet() -> Dashboard:
    """Where every container is, how its seal is, and what happened where."""
    return (
        Dressed(TITLE, looks.FLEET_UID, "Where every container is and how its seal is.")
        .since("now-24h", refresh="30s")
        .choose(containers())
        .add(_map(), wide=20, high=18)
        .stack([_reporting(), _not_sealed(), _critical()], wide=4, high=6)
        .add(_table(), wide=24, high=10)
        .dashboard
    )
