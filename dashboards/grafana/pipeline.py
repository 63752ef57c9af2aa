"""Dashboard: is what devices send arriving, and how late."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.barchart import Panel as BarPanel
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.stat import Panel as StatPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel
from grafana_foundation_sdk.builders.timeseries import Panel as SeriesPanel
from grafana_foundation_sdk.models.common import GraphDrawStyle
from grafana_foundation_sdk.models.dashboard import ValueMap, ValueMappingResult

from dashboards.grafana import looks
from dashboards.grafana.flux import DATASOURCE, Flux, keep, readings
from dashboards.grafana.panels import RANGE, Dressed, number, series, table
from sealtrail.contract.reading import Flag

TITLE: Final = "SealTrail: pipeline health"

SAMPLED: Final = (
    "Of every device one report per plotted interval, its newest, so that a large fleet isn't slow."
)

LATENESS_CLASSES: Final = (
    ("under 2 s", 2),
    ("2 to 10 s", 10),
    ("10 to 60 s", 60),
    ("1 to 10 min", 600),
    ("10 to 60 min", 3_600),
    ("1 to 6 h", 21_600),
)
LATEST_CLASS: Final = "over 6 h"


def _rate() -> SeriesPanel:
    flux = f"""{readings("received_at_ms")}
  |> aggregateWindow(every: v.windowPeriod, fn: count, createEmpty: false)
  |> group(columns: ["family", "_time"])
  |> sum()
  |> group(columns: ["family"])
  |> sort(columns: ["_time"])
  |> map(fn: (r) => ({{r with _value: float(v: r._value) / float(v: int(v: v.windowPeriod)) * 1000000000.0
  }}))"""
    return (
        series("Reports per second", "By device family, at the time at which they happened.")
        .with_target(Flux(flux))
        .unit("suffix: /s")
        .min(0)
        .display_name("${__field.labels.family}")
    )


def _total() -> StatPanel:
    flux = f"""{readings("received_at_ms")}
  |> count()
  |> group()
  |> sum()"""
    return number("Reports", f"Reports that happened {RANGE} and are in the record.", flux, looks.plain())


def _devices() -> StatPanel:
    flux = f"""{readings("received_at_ms")}
  |> last()
  |> group()
  |> distinct(column: "device_id")
  |> count()"""
    return number("Devices heard", f"Devices with at least one report {RANGE}.", flux, looks.plain())


def _newest_age() -> StatPanel:
    flux = f"""{readings("received_at_ms")}
  |> last()
  |> group()
  |> max()
  |> map(fn: (r) => ({{r with _value: (int(v: v.timeRangeStop) / 1000000 - r._value) / 1000}}))
{keep("_value")}"""
    return number(
        "Since the last report",
        "From the newest receipt in the record to the end of the time range. Growing while devices send: "
        "the record is behind.",
        flux,
        looks.steps((None, looks.GREEN), (120, looks.ORANGE), (600, looks.RED)),
    ).unit(looks.DURATION_UNIT)


def _sampled_lateness() -> str:
    """Rows with the lateness in seconds as ``_value``, one per device and interval."""
    return f"""{readings("received_at_ms")}
  |> window(every: v.windowPeriod)
  |> last()
  |> window(every: inf)
  |> map(fn: (r) => ({{r with _value: float(v: r._value - int(v: r._time) / 1000000) / 1000.0}}))"""


def _quantile(part: float) -> str:
    return f"""{_sampled_lateness()}
  |> group()
  |> aggregateWindow(
    every: v.windowPeriod,
    fn: (column, tables=<-) => tables |> quantile(q: {part}, column: column),
    createEmpty: false,
  )
{keep("_time", "_value")}"""


def _lateness() -> SeriesPanel:
    panel = series(
        "Lateness", f"Receipt minus happening. {SAMPLED} Peaks are backlogs from dead zones being uploaded."
    ).unit("s")
    for ref_id, (name, part) in zip("ABC", (("median", 0.5), ("95 %", 0.95), ("99 %", 0.99)), strict=True):
        panel.with_target(Flux(_quantile(part), ref_id)).override_by_query(ref_id, [looks.title(name)])
    return panel


def _lateness_classes() -> BarPanel:
    order = "".join(
        f"if r._value < {float(limit)} then {index} else "
        for index, (_, limit) in enumerate(LATENESS_CLASSES)
    )
    flux = f"""{_sampled_lateness()}
  |> map(fn: (r) => ({{r with class: {order}{len(LATENESS_CLASSES)}, reports: 1}}))
  |> group(columns: ["class"])
  |> count(column: "reports")
  |> group()
  |> sort(columns: ["class"])
  |> map(fn: (r) => ({{r with class: string(v: r.class)}}))"""
    words = [*(word for word, _ in LATENESS_CLASSES), LATEST_CLASS]
    return (
        BarPanel()
        .fill_opacity(80)
        .title("Lateness, distribution")
        .description(f"Receipt minus happening. {SAMPLED}")
        .datasource(DATASOURCE)
        .with_target(Flux(flux))
        .x_field("class")
        .override_by_name("class", [*looks.mapped([_words(words)])[:1], looks.title("Lateness")])
        .thresholds(looks.plain())
        .color_scheme(looks.by_threshold())
        .decimals(0)
    )


def _words(words: list[str]) -> ValueMap:
    return ValueMap(
        options={str(index): ValueMappingResult(text=word, index=index) for index, word in enumerate(words)}
    )


def _by_family() -> BarPanel:
    flux = f"""{readings("received_at_ms")}
  |> count()
  |> group(columns: ["family"])
  |> sum()
  |> group()
  |> rename(columns: {{_value: "reports"}})
  |> sort(columns: ["reports"], desc: true)"""
    return (
        BarPanel()
        .fill_opacity(80)
        .title("Reports by family")
        .description(f"Reports {RANGE}, by the decoder that read them.")
        .datasource(DATASOURCE)
        .with_target(Flux(flux))
        .x_field("family")
        .thresholds(looks.plain())
        .color_scheme(looks.by_threshold())
        .decimals(0)
    )


def _fixes() -> SeriesPanel:
    flux = f"""{readings("received_at_ms")}
  |> aggregateWindow(every: v.windowPeriod, fn: count, createEmpty: false)
  |> group(columns: ["has_position", "_time"])
  |> sum()
  |> group(columns: ["has_position"])
  |> sort(columns: ["_time"])"""
    return (
        series("Reports with and without a position", "Per plotted interval.")
        .with_target(Flux(flux))
        .draw_style(GraphDrawStyle.LINE)
        .display_name("position ${__field.labels.has_position}")
        .min(0)
        .decimals(0)
    )


def _flagged() -> TablePanel:
    names = " + ".join(
        f'(if bitwise.sand(a: r.flags, b: {flag.value}) > 0 then "{(flag.name or "").lower()} " else "")'
        for flag in Flag
    )
    flux = f"""import "bitwise"

{readings("flags")}
  |> filter(fn: (r) => r._value > 0)
  |> group(columns: ["device_id", "family", "_value"])
  |> count(column: "_field")
  |> group()
  |> rename(columns: {{_value: "flags", _field: "reports"}})
  |> map(fn: (r) => ({{r with unusual: {names}}}))
{keep("device_id", "family", "reports", "unusual")}
  |> sort(columns: ["reports"], desc: true)
  |> limit(n: 200)"""
    return (
        table(
            "Unusual reports", "Unset or wrong clocks, refused positions, buffered uploads, by device.", flux
        )
        .override_by_name("device_id", [looks.title("Device")])
        .override_by_name("family", [looks.title("Family")])
        .override_by_name("reports", [looks.title("Reports")])
        .override_by_name("unusual", [looks.title("What is unusual")])
    )


def _quietest() -> TablePanel:
    flux = f"""{readings("received_at_ms")}
  |> last()
  |> group(columns: ["container_id", "device_id", "family"])
  |> sort(columns: ["_time"])
  |> last()
  |> group()
  |> map(fn: (r) => ({{r with silent_s: (int(v: v.timeRangeStop) - int(v: r._time)) / 1000000000}}))
{keep("_time", "container_id", "device_id", "family", "silent_s")}
  |> sort(columns: ["silent_s"], desc: true)
  |> limit(n: 200)"""
    return (
        table("Quietest devices", f"Of those heard {RANGE}, longest silent first.", flux)
        .override_by_name("container_id", looks.container_cell())
        .override_by_name("device_id", [looks.title("Device")])
        .override_by_name("family", [looks.title("Family")])
        .override_by_name("_time", [looks.title("Last report"), looks.unit(looks.TIME_UNIT)])
        .override_by_name("silent_s", [looks.title("Silent for"), looks.unit(looks.DURATION_UNIT)])
    )


def pipeline() -> Dashboard:
    """Report rate, lateness and quality, as far as the record shows them."""
    return (
        Dressed(
            TITLE,
            looks.PIPELINE_UID,
            "What arrives, how late and how good, from the record alone. Counters of the services themselves "
            "(accepted, quarantined, delivered) are at each service's /metrics.",
        )
        .since("now-1h", refresh="30s")
        .add(_rate(), wide=16, high=9)
        .stack([_total(), _devices(), _newest_age()], wide=8, high=3)
        .add(_lateness(), wide=16, high=9)
        .add(_lateness_classes(), wide=8, high=9)
        .add(_fixes(), wide=16, high=8)
        .add(_by_family(), wide=8, high=8)
        .add(_quietest(), wide=12, high=10)
        .add(_flagged(), wide=12, high=10)
        .dashboard
    )
