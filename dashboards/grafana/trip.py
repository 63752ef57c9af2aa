"""Dashboard: one trip, by the container that makes it."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.geomap import Panel as MapPanel
from grafana_foundation_sdk.builders.stat import Panel as StatPanel
from grafana_foundation_sdk.builders.statetimeline import Panel as TimelinePanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel
from grafana_foundation_sdk.builders.timeseries import Panel as SeriesPanel
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.grafana import alert_state, looks, maps
from dashboards.grafana.flux import (
    DATASOURCE,
    ONE_CONTAINER,
    Flux,
    counted,
    in_milliseconds,
    keep,
    reading_rows,
    readings,
)
from dashboards.grafana.latest import newest_seal, placed
from dashboards.grafana.panels import RANGE, Dressed, number, series, table
from dashboards.grafana.seal_words import IMPORT, seal_event_words
from dashboards.grafana.variables import AlertAnnotations, one_container
from sealtrail.contract.reading import FixKind, SealState

TITLE: Final = "SealTrail: trip"
TRACK_FIELDS: Final = ("latitude_deg", "longitude_deg", "fix_kind", "seal_state", "speed_kmh")


def _track(which: str) -> str:
    """Positions in the order of their happening, at most one per plotted interval."""
    return f"""{reading_rows(*TRACK_FIELDS, scope=placed(ONE_CONTAINER))}
  |> filter(fn: (r) => exists r.latitude_deg and exists r.longitude_deg{which})
  |> sort(columns: ["_time"])
  |> window(every: v.windowPeriod)
  |> last(column: "latitude_deg")
  |> group()
  |> sort(columns: ["_time"])
{keep("_time", "device_id", *TRACK_FIELDS)}"""


def _map() -> MapPanel:
    alerts = f"""{alert_state.current_rows(ONE_CONTAINER)}
  |> filter(fn: (r) => exists r.latitude_deg and exists r.longitude_deg)"""
    return (
        maps.map_panel(
            "Track",
            "Line: positions from satellites in the order in which they happened. Circles: every "
            "kind of position, coloured by the seal state in that report. Triangles: alerts. The corridor is "
            "drawn in the control room, not here.",
            [
                maps.route("Track", "A", looks.BLUE),
                maps.markers("Reports", "B", "seal_state", size_px=4, symbol="circle"),
                maps.markers("Alerts", "C", "severity", size_px=9, symbol="triangle"),
            ],
            fit="Reports",
        )
        .with_target(Flux(_track(f" and r.fix_kind == {int(FixKind.GNSS)}"), "A"))
        .with_target(Flux(_track(""), "B"))
        .with_target(Flux(alerts, "C"))
        .color_scheme(looks.by_threshold())
        .override_by_name("seal_state", [looks.title("Seal"), *looks.mapped(looks.seal_mappings())[:1]])
        .override_by_name("fix_kind", [looks.title("Position by"), *looks.mapped(looks.fix_mappings())[:1]])
        .override_by_name("severity", looks.mapped(looks.severity_mappings())[:1])
        .override_by_name("speed_kmh", [looks.title("Speed"), looks.unit("velocitykmh")])
    )


def _seal_now() -> StatPanel:
    return number(
        "Seal",
        "Newest seal state that says something; reports of devices without a seal don't count.",
        newest_seal(ONE_CONTAINER),
        looks.plain(looks.GREY),
    ).mappings(looks.seal_mappings())


def _last_report() -> StatPanel:
    flux = f"""{readings("received_at_ms", scope=ONE_CONTAINER)}
  |> last()
  |> group()
  |> max(column: "_time")
  |> map(fn: (r) => ({{r with _value: int(v: r._time) / 1000000}}))
{keep("_value")}"""
    return number("Last report", "When the newest report happened.", flux, looks.plain()).unit(
        "dateTimeFromNow"
    )


def _reports() -> StatPanel:
    flux = f"""{readings("received_at_ms", scope=ONE_CONTAINER)}
  |> count()
  |> group()
  |> sum()"""
    return number("Reports", f"Reports of all devices of this container {RANGE}.", flux, looks.plain())


def _alerts_count() -> StatPanel:
    return number(
        "Alerts",
        f"Alerts {RANGE} that were not retracted.",
        counted(alert_state.standing(ONE_CONTAINER)),
        looks.warn_above_zero(looks.RED),
    )


def _seal_timeline() -> TimelinePanel:
    flux = f"""{readings("seal_state", scope=ONE_CONTAINER)}
  |> filter(fn: (r) => r._value > {int(SealState.UNKNOWN)})
  |> group(columns: ["device_id"])
  |> sort(columns: ["_time"])
{keep("_time", "_value", "device_id")}"""
    return (
        TimelinePanel()
        .title("Seal state")
        .description("As each device reported it, at the time of the report, however late it arrived.")
        .datasource(DATASOURCE)
        .with_target(Flux(flux))
        .mappings(looks.seal_mappings())
        .thresholds(looks.plain(looks.GREY))
        .color_scheme(looks.by_threshold())
        .display_name("${__field.labels.device_id}")
        .merge_values(merge_values=True)
        .fill_opacity(80)
        .legend(VizLegendOptions().show_legend(show_legend=True))
    )


def _seal_history() -> TablePanel:
    fields = ("seal_events", "seal_state", "seal_number", "card_id", "door_open", "received_at_ms")
    flux = f"""{IMPORT}

{reading_rows(*fields, scope=ONE_CONTAINER)}
  |> filter(fn: (r) => exists r.seal_events and r.seal_events > 0)
  |> map(fn: (r) => ({{r with
    received: {in_milliseconds("received_at_ms")},
    events: {seal_event_words()},
  }}))
  |> drop(columns: ["seal_events", "received_at_ms", "container_id", "family", "has_position"])
  |> sort(columns: ["_time"], desc: true)
  |> limit(n: 500)"""
    return (
        table("Seal history", "Reports that say that something happened, newest first.", flux)
        .override_by_name("_time", looks.time_cell("Happened"))
        .override_by_name("received", looks.time_cell("Received"))
        .override_by_name("seal_state", [looks.title("Seal"), *looks.mapped(looks.seal_mappings())])
        .override_by_name("events", [looks.title("What happened")])
        .override_by_name("device_id", [looks.title("Device")])
        .override_by_name("seal_number", [looks.title("Seal number")])
        .override_by_name("card_id", [looks.title("Card")])
        .override_by_name("door_open", [looks.title("Door open")])
    )


def _alerts() -> TablePanel:
    flux = f"""{alert_state.current_rows(ONE_CONTAINER)}
  |> map(fn: (r) => ({{r with received: {in_milliseconds("received_at_ms")}}}))
{keep("_time", "received", "late_by_s", "severity", "type", "action", "sentence")}
  |> sort(columns: ["_time"], desc: true)
  |> limit(n: 500)"""
    return alert_table("Alerts of this container", "As they stand now, newest first.", flux)


def alert_table(name: str, description: str, flux: str) -> TablePanel:
    """Alerts as rows, with both times, the lateness and the sentence."""
    return (
        table(name, description, flux)
        .override_by_name("_time", looks.time_cell("Happened"))
        .override_by_name("received", looks.time_cell("Received"))
        .override_by_name("late_by_s", [*looks.late_cell(), looks.width(120)])
        .override_by_name("severity", [looks.title("Severity"), looks.width(100)])
        .override_by_name("severity", looks.mapped(looks.severity_mappings()))
        .override_by_name("type", [looks.title("Type"), looks.width(190)])
        .override_by_name("action", [looks.title("State"), looks.width(100)])
        .override_by_name("action", looks.mapped(looks.action_mappings()))
        .override_by_name("sentence", [looks.title("What happened")])
        .override_by_name("container_id", looks.container_cell())
        .override_by_name("trip_id", [looks.title("Trip")])
    )


def _sensor(field: str) -> str:
    """One line per device."""
    return f"""{readings(field, scope=ONE_CONTAINER)}
  |> group(columns: ["device_id"])
  |> aggregateWindow(every: v.windowPeriod, fn: mean, createEmpty: false)
{keep("_time", "_value", "device_id")}"""


def _plot(name: str, description: str, field: str, unit: str) -> SeriesPanel:
    return (
        series(name, description)
        .with_target(Flux(_sensor(field)))
        .unit(unit)
        .display_name("${__field.labels.device_id}")
    )


def _peaks() -> SeriesPanel:
    """Light and shock together, since few devices measure both; the highest values, not the means."""
    flux = f"""{readings("light_lux", "shock_g", scope=ONE_CONTAINER)}
  |> group(columns: ["device_id", "_field"])
  |> aggregateWindow(every: v.windowPeriod, fn: max, createEmpty: false)
{keep("_time", "_value", "_field", "device_id")}"""
    return (
        series(
            "Light and shock",
            "Highest of each interval: shock in g on the left, light in lux on the right.",
        )
        .with_target(Flux(flux))
        .unit("accG")
        .display_name("${__field.labels._field} ${__field.labels.device_id}")
        .override_by_regexp(
            "/light_lux/", [looks.unit("lux"), DynamicConfigValue("custom.axisPlacement", "right")]
        )
    )


def _sensors() -> list[SeriesPanel]:
    return [
        _peaks(),
        _plot("Speed", "Mean of each interval.", "speed_kmh", "velocitykmh"),
        _plot("Temperature", "Inside, mean of each interval.", "temperature_c", "celsius"),
        _plot("Humidity", "Relative, mean of each interval.", "humidity_pct", "humidity"),
        _plot("Battery", "Charge, mean of each interval.", "battery_pct", "percent").min(0).max(100),
    ]


def trip() -> Dashboard:
    """Everything that one container reported, and what was judged of it."""
    dressed = (
        Dressed(TITLE, looks.TRIP_UID, "Track, seal, sensors and alerts of one container.")
        .since("now-24h", refresh="30s")
        .choose(one_container())
        .annotate(AlertAnnotations())
        .add(_map(), wide=18, high=16)
        .stack([_seal_now(), _last_report(), _reports(), _alerts_count()], wide=6, high=4)
        .add(_seal_timeline(), wide=24, high=5)
        .add(_alerts(), wide=24, high=8)
        .add(_seal_history(), wide=24, high=8)
    )
    for plot in _sensors():
        dressed.add(plot, wide=12, high=7)
    return dressed.dashboard
