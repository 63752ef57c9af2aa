"""Panels that several dashboards share, and a dashboard with the house's manners."""

from __future__ import annotations

from typing import Any, Final, Self

from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    CustomVariable,
    Dashboard,
    QueryVariable,
)
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig as ThresholdsBuilder
from grafana_foundation_sdk.builders.stat import Panel as StatPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel
from grafana_foundation_sdk.builders.timeseries import Panel as SeriesPanel
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DynamicConfigValue, GridPos

from dashboards.grafana import looks
from dashboards.grafana.flux import DATASOURCE, Flux

RANGE: Final = "in the time range"
COLUMNS: Final = 24


def number(name: str, description: str, flux: str, thresholds: ThresholdsBuilder) -> StatPanel:
    """One number, coloured by its thresholds."""
    return (
        StatPanel()
        .title(name)
        .description(description)
        .datasource(DATASOURCE)
        .with_target(Flux(flux))
        .thresholds(thresholds)
        .color_scheme(looks.by_threshold())
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    )


def table(name: str, description: str, flux: str) -> TablePanel:
    """Rows of one query, filterable by column."""
    return (
        TablePanel()
        .title(name)
        .description(description)
        .datasource(DATASOURCE)
        .with_target(Flux(flux))
        .show_header(show_header=True)
        .override_by_regexp(".*", [DynamicConfigValue("custom.filterable", value=True)])
        .thresholds(looks.plain("text"))
        .color_scheme(looks.by_threshold())
    )


def series(name: str, description: str) -> SeriesPanel:
    """Lines over time; the caller adds the queries."""
    return (
        SeriesPanel()
        .title(name)
        .description(description)
        .datasource(DATASOURCE)
        .color_scheme(looks.by_name())
        .line_width(1)
        .fill_opacity(8)
        .show_points(VisibilityMode.AUTO)
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .legend(
            VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
    )


class Dressed:
    """A dashboard in the making: read-only, in UTC, linked to its siblings, panels placed left to right.

    Ids count up from 1 in the order of adding, so that links to a panel last.
    """

    def __init__(self, title: str, uid: str, description: str) -> None:
        self.dashboard = (
            Dashboard(title)
            .uid(uid)
            .description(description)
            .tags(["sealtrail"])
            .timezone("utc")
            .readonly()
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .link(looks.dashboard_links())
        )
        self._panels = 0
        self._x = 0
        self._y = 0
        self._row_height = 0

    def since(self, start: str, *, refresh: str) -> Self:
        self.dashboard.time(start, "now").refresh(refresh)
        return self

    def choose(self, *variables: QueryVariable | CustomVariable) -> Self:
        for variable in variables:
            self.dashboard.with_variable(variable)
        return self

    def annotate(self, annotation: AnnotationQuery) -> Self:
        self.dashboard.annotation(annotation)
        return self

    def _place(self, panel: Any, x: int, y: int, wide: int, high: int) -> None:
        self._panels += 1
        self.dashboard.with_panel(panel.id(self._panels).grid_pos(GridPos(h=high, w=wide, x=x, y=y)))

    def add(self, panel: Any, *, wide: int, high: int) -> Self:
        """Places a panel (any builder of the SDK) to the right of the last, or on the next row."""
        if self._x + wide > COLUMNS:
            self._next_row()
        self._place(panel, self._x, self._y, wide, high)
        self._x += wide
        self._row_height = max(self._row_height, high)
        return self

    def stack(self, panels: list[Any], *, wide: int, high: int) -> Self:
        """Places panels one below the other, to the right of the last."""
        for index, panel in enumerate(panels):
            self._place(panel, self._x, self._y + index * high, wide, high)
        self._x += wide
        self._row_height = max(self._row_height, high * len(panels))
        return self

    def _next_row(self) -> None:
        self._x, self._y, self._row_height = 0, self._y + self._row_height, 0
