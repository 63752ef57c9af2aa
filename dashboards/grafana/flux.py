"""Flux, piece by piece: the data source, one query of a panel, and the phrases that queries share.

Grafana replaces ``v.timeRangeStart``, ``v.timeRangeStop``, ``v.windowPeriod``
and ``v.defaultBucket`` in the text before it asks InfluxDB, and ``${container}``
as the variable's format says. Everything here is text with those left in.

Every ``map`` keeps the record (``{r with …}``): InfluxDB 2.7 silently loses
tables when a mapped record has none of their group key's columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from dashboards.grafana.names import ALERT, READING

DATASOURCE_UID: Final = "sealtrail-influxdb"
DATASOURCE: Final = DataSourceRef(type_val="influxdb", uid=DATASOURCE_UID)

ANYTHING: Final = "true"
ONE_CONTAINER: Final = "r.container_id == ${container:doublequote}"
THESE_CONTAINERS: Final = "r.container_id =~ /^(${container:regex})$/"

IN_RANGE: Final = "range(start: v.timeRangeStart, stop: v.timeRangeStop)"


class FluxQuery(Dataquery):
    """One query of one panel; the SDK has no builder for InfluxDB."""

    def __init__(self, flux: str, ref_id: str) -> None:
        self.flux = flux
        self.ref_id = ref_id

    def to_json(self) -> dict[str, object]:
        return {"refId": self.ref_id, "datasource": DATASOURCE, "query": self.flux}


class Flux(Builder[Dataquery]):
    """Builder of a `FluxQuery`, as the SDK's panels take it."""

    def __init__(self, flux: str, ref_id: str = "A") -> None:
        self._query = FluxQuery(flux.strip() + "\n", ref_id)

    def build(self) -> Dataquery:
        return self._query


def _any_of(column: str, values: Iterable[str]) -> str:
    return " or ".join(f'r.{column} == "{value}"' for value in values)


def _points(measurement: str, fields: tuple[str, ...], scope: str) -> str:
    where = f'r._measurement == "{measurement}"'
    if scope != ANYTHING:
        where += f" and {scope}"
    return f"""from(bucket: v.defaultBucket)
  |> {IN_RANGE}
  |> filter(fn: (r) => {where})
  |> filter(fn: (r) => {_any_of("_field", fields)})"""


def readings(*fields: str, scope: str = ANYTHING) -> str:
    """Points of the readings' ``fields``, one table per series."""
    return _points(READING, fields, scope)


def reading_rows(*fields: str, scope: str = ANYTHING) -> str:
    """One row per reading with ``fields`` as columns (null where it lacks one), in one table."""
    return f"""{readings(*fields, scope=scope)}
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> group()
  |> drop(columns: ["_start", "_stop", "_measurement"])"""


def alert_points(*fields: str, scope: str = ANYTHING) -> str:
    """Points of the alert events' ``fields``, one table per series."""
    return _points(ALERT, fields, scope)


def alert_rows(*fields: str, scope: str = ANYTHING) -> str:
    """One row per alert event with ``fields`` as columns, in one table."""
    return f"""{alert_points(*fields, scope=scope)}
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> group()
  |> drop(columns: ["_start", "_stop", "_measurement"])"""


def keep(*columns: str) -> str:
    return f"  |> keep(columns: {columns_list(columns)})"


def columns_list(columns: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{column}"' for column in columns) + "]"


def counted(rows: str) -> str:
    """Number of rows of the table stream ``rows`` (one table with ``_value``): 0 where it is empty.

    Flux counts an empty stream as nothing at all, and a panel that says
    "no data" instead of 0 reads like a fault.
    """
    imports, body = split_imports(rows)
    return f"""import "array"
{imports}
found =
  {indented(body)}
  |> group()
  |> count()
  |> keep(columns: ["_value"])

union(tables: [found, array.from(rows: [{{_value: 0}}])])
  |> sum()"""


def split_imports(flux: str) -> tuple[str, str]:
    """Import lines, which Flux wants first, and the rest."""
    lines = flux.strip().splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    return "\n".join(imports), "\n".join(line for line in lines if not line.startswith("import ")).strip()


def indented(body: str) -> str:
    return body.replace("\n", "\n  ")


def in_milliseconds(column: str) -> str:
    """Flux expression: a column of milliseconds as a time."""
    return f"time(v: r.{column} * 1000000)"
