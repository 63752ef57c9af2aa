"""Variables on top of the dashboards, and the alerts drawn into a trip's plots."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, CustomVariable, QueryVariable
from grafana_foundation_sdk.models.dashboard import (
    AnnotationTarget,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.grafana.flux import DATASOURCE, ONE_CONTAINER, alert_rows, keep
from dashboards.grafana.looks import RED
from dashboards.grafana.names import ALERT, READING
from sealtrail.contract.alert import Severity

ALL: Final = "$__all"
ALL_PATTERN: Final = ".*"


def _tag_values(measurement: str, tag: str) -> str:
    return f"""import "influxdata/influxdb/schema"

schema.tagValues(
  bucket: v.defaultBucket,
  tag: "{tag}",
  predicate: (r) => r._measurement == "{measurement}",
  start: v.timeRangeStart,
  stop: v.timeRangeStop,
)
"""


def one_container() -> QueryVariable:
    """The container whose trip is shown."""
    return (
        QueryVariable("container")
        .label("Container")
        .description("ISO 6346 number of a container that reported in the time range")
        .datasource(DATASOURCE)
        .query(_tag_values(READING, "container_id"))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def _any(variable: QueryVariable | CustomVariable) -> None:
    (
        variable.multi(multi=True)
        .include_all(include_all=True)
        .all_value(ALL_PATTERN)
        .current(VariableOption(selected=True, text=["All"], value=[ALL]))
    )


def containers(measurement: str = READING) -> QueryVariable:
    """Any number of containers, at first all."""
    variable = one_container().query(_tag_values(measurement, "container_id"))
    variable.description("Containers with something to show in the time range")
    _any(variable)
    return variable


def alert_types() -> QueryVariable:
    variable = (
        QueryVariable("type")
        .label("Type")
        .description("Alert types that occurred in the time range")
        .datasource(DATASOURCE)
        .query(_tag_values(ALERT, "type"))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    _any(variable)
    return variable


def severities() -> CustomVariable:
    worst_first = [level.value for level in reversed(Severity)]
    variable = (
        CustomVariable("severity")
        .label("Severity")
        .description("Severities as the rules or the trip set them")
        .values(",".join(worst_first))
        .options([VariableOption(selected=False, text=level, value=level) for level in worst_first])
    )
    _any(variable)
    return variable


class FluxAnnotationTarget(AnnotationTarget):
    """The SDK knows annotations from Grafana's own store only; this one asks InfluxDB."""

    def __init__(self, flux: str) -> None:
        super().__init__()
        self.flux = flux

    def to_json(self) -> dict[str, object]:
        return {"refId": "Anno", "query": self.flux}


class AlertAnnotations(AnnotationQuery):
    """Alerts of the chosen container as marks in its plots, each at the time it happened."""

    def __init__(self) -> None:
        super().__init__()
        scope = f'{ONE_CONTAINER} and r.action == "raised"'
        flux = f"""{alert_rows("sentence", scope=scope)}
  |> rename(columns: {{sentence: "text", type: "title"}})
{keep("_time", "title", "text")}
"""
        self.name("Alerts").datasource(DATASOURCE).enable(enable=True).icon_color(RED)
        self._internal.target = FluxAnnotationTarget(flux)
