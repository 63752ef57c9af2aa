"""Every query that the provisioned dashboards hold, filled in as Grafana does before it asks InfluxDB.

For tests and for people who wonder what a panel asks: the text that comes out
can be sent to ``/api/v2/query`` as it is. The JSON files are read, not the code
that makes them, because the files are what Grafana reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dashboards.grafana.build import PROVISIONED
from dashboards.grafana.variables import ALL

MAX_DATA_POINTS: Final = 1_000
"""About the width of a panel in pixels, which is what Grafana's browser side sends."""

NICE_INTERVALS_S: Final = (
    *(1, 2, 5, 10, 15, 20, 30),
    *(60, 120, 300, 600, 900, 1_200, 1_800),
    *(3_600, 7_200, 10_800, 21_600, 43_200),
)
DAY_S: Final = 86_400

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<format>\w+))?\}")
_MACRO = re.compile(r"\bv\.(?P<name>timeRangeStart|timeRangeStop|windowPeriod|defaultBucket)\b")
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query as InfluxDB gets it.

    ``panel`` is the panel's title, or "variable <name>" or "annotation <name>";
    ``dashboard`` is the uid.
    """

    dashboard: str
    panel: str
    ref_id: str
    flux: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a variable stands at: one value, several, or a pattern for "All" that is never escaped."""

    values: tuple[str, ...] = ()
    pattern: str | None = None

    def formatted(self, kind: str | None) -> str:
        """The value in Grafana's ``${name:kind}``; raises `ValueError` for kinds that no panel uses."""
        if self.pattern is not None:
            return self.pattern
        if kind == "regex":
            escaped = [_SPECIAL.sub(lambda found: "\\" + found[0], value) for value in self.values]
            return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
        if kind == "doublequote":
            return ",".join('"' + value.replace('"', '\\"') + '"' for value in self.values)
        raise ValueError(f"no panel uses the format {kind!r}")


def interval_s(start: str, stop: str, least_s: float = 1.0) -> int:
    """Seconds of ``v.windowPeriod`` for a time range, rounded up to one that people like."""
    ideal = (_moment(stop) - _moment(start)).total_seconds() / MAX_DATA_POINTS
    wanted = max(ideal, least_s)
    nice = next((nice for nice in NICE_INTERVALS_S if nice >= wanted), None)
    return nice if nice is not None else DAY_S * max(1, round(wanted / DAY_S))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _rfc3339(text: str) -> str:
    return _moment(text).astimezone(UTC).isoformat().replace("+00:00", "Z")


def _go_duration(seconds: int) -> str:
    """A duration as Go prints it (``1m0s``), which is what Grafana puts into the text."""
    hours, rest = divmod(seconds, 3_600)
    minutes, seconds = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def fill(flux: str, variables: dict[str, Chosen], macros: dict[str, str]) -> str:
    """``flux`` with variables, then macros replaced; raises `KeyError` for a variable without a value."""
    text = _VARIABLE.sub(lambda found: variables[found["name"]].formatted(found["format"]), flux)
    return _MACRO.sub(lambda found: macros[found["name"]], text)


def _chosen(variable: dict[str, Any], container: str) -> Chosen:
    if variable["name"] == "container" and container != ALL:
        return Chosen(values=(container,))
    if not variable.get("includeAll"):
        raise ValueError(f"the variable {variable['name']} has no 'All'")
    return Chosen(pattern=variable["allValue"])


def _seconds(interval: str | None) -> float:
    """A panel's smallest interval, written like ``5m``."""
    if not interval:
        return 1.0
    return float(interval[:-1]) * {"s": 1, "m": 60, "h": 3_600}[interval[-1]]


def _raw(document: dict[str, Any]) -> Iterator[tuple[str, str, str, float]]:
    """(panel, refId, text as written, smallest interval in seconds) of one dashboard."""
    for variable in document.get("templating", {}).get("list", []):
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["name"], variable["query"], 1.0
    for annotation in document.get("annotations", {}).get("list", []):
        target = annotation.get("target") or {}
        if "query" in target:
            yield f"annotation {annotation['name']}", target["refId"], target["query"], 1.0
    for panel in document["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["refId"], target["query"], _seconds(panel.get("interval"))


def _documents(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def panel_queries(
    container: str, start: str, stop: str, bucket: str, folder: Path = PROVISIONED
) -> list[PanelQuery]:
    """Every query of every dashboard, ready to be sent.

    ``container`` is the number chosen on top of the dashboards, or `ALL`, which
    leaves out the dashboards that want exactly one; the other variables stand
    at "All". ``start`` and ``stop`` are ISO 8601 with an offset.
    """
    queries = []
    for document in _documents(folder):
        variables = document.get("templating", {}).get("list", [])
        if container == ALL and any(not variable.get("includeAll") for variable in variables):
            continue
        chosen = {variable["name"]: _chosen(variable, container) for variable in variables}
        for panel, ref_id, written, least_s in _raw(document):
            macros = {
                "timeRangeStart": _rfc3339(start),
                "timeRangeStop": _rfc3339(stop),
                "windowPeriod": _go_duration(interval_s(start, stop, least_s)),
                "defaultBucket": json.dumps(bucket),
            }
            queries.append(PanelQuery(document["uid"], panel, ref_id, fill(written, chosen, macros)))
    return queries
