"""Map panels that need no internet: country outlines that Grafana carries, no tiles.

Grafana's usual base maps fetch tiles from other companies' servers: blank in a
closed network, and elsewhere they tell those servers which part of the world
the control room looks at (docs/decisions/005-grafana-without-internet.md).
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.common import FrameGeometrySource, MapLayerOptions
from grafana_foundation_sdk.builders.geomap import ControlsOptions, MapViewConfig, Panel, TooltipOptions
from grafana_foundation_sdk.models.common import FrameGeometrySourceMode
from grafana_foundation_sdk.models.geomap import TooltipMode

from dashboards.grafana.flux import DATASOURCE
from dashboards.grafana.looks import GREY

BLANK_TILE: Final = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""A transparent pixel: the base map, so that no tile server is asked."""

COUNTRIES: Final = "public/maps/countries.geojson"
"""Comes with every Grafana."""


def _blank() -> MapLayerOptions:
    return (
        MapLayerOptions()
        .type("xyz")
        .name("Blank")
        .config({"url": BLANK_TILE, "attribution": "", "minZoom": 0, "maxZoom": 18})
    )


def countries() -> MapLayerOptions:
    return (
        MapLayerOptions()
        .type("geojson")
        .name("Countries")
        .config(
            {
                "src": COUNTRIES,
                "rules": [],
                "style": {"color": {"fixed": GREY}, "opacity": 0.25, "lineWidth": 1},
            }
        )
        .tooltip(tooltip=False)
    )


def _at_coordinates() -> FrameGeometrySource:
    return (
        FrameGeometrySource()
        .mode(FrameGeometrySourceMode.COORDS)
        .latitude("latitude_deg")
        .longitude("longitude_deg")
    )


def markers(name: str, ref_id: str, color_field: str, *, size_px: int, symbol: str) -> MapLayerOptions:
    """One mark per row of query ``ref_id``, coloured as ``color_field`` is mapped."""
    size = {"fixed": size_px, "min": size_px, "max": size_px}
    style = {
        "color": {"field": color_field, "fixed": GREY},
        "opacity": 0.85,
        "size": size,
        "symbol": {"fixed": f"img/icons/marker/{symbol}.svg", "mode": "fixed"},
        "lineWidth": 1,
    }
    return (
        MapLayerOptions()
        .type("markers")
        .name(name)
        .config({"showLegend": False, "style": style})
        .location(_at_coordinates())
        .filter_data({"id": "byRefId", "options": ref_id})
        .tooltip(tooltip=True)
    )


def route(name: str, ref_id: str, color: str) -> MapLayerOptions:
    """A line through the rows of query ``ref_id`` in their order, with arrows."""
    style = {"color": {"fixed": color}, "opacity": 0.7, "lineWidth": 3}
    return (
        MapLayerOptions()
        .type("route")
        .name(name)
        .config({"arrow": 1, "style": style})
        .location(_at_coordinates())
        .filter_data({"id": "byRefId", "options": ref_id})
        .tooltip(tooltip=False)
    )


def map_panel(name: str, description: str, layers: list[MapLayerOptions], *, fit: str) -> Panel:
    """A map that shows all of the layer called ``fit`` (all layers would be the whole world)."""
    view = (
        MapViewConfig()
        .id("fit")
        .all_layers(all_layers=False)
        .last_only(last_only=False)
        .layer(fit)
        .max_zoom(9)
        .padding(12)
    )
    return (
        Panel()
        .title(name)
        .description(description)
        .datasource(DATASOURCE)
        .view(view)
        .controls(
            ControlsOptions()
            .show_zoom(show_zoom=True)
            .mouse_wheel_zoom(mouse_wheel_zoom=True)
            .show_scale(show_scale=True)
            .show_attribution(show_attribution=False)
        )
        .basemap(_blank())
        .layers([countries(), *layers])
        .tooltip(TooltipOptions().mode(TooltipMode.DETAILS))
    )
