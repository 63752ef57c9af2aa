"""Every query of every panel, filled in as Grafana does, against a real InfluxDB 2.7."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from dashboards.grafana.queries import Chosen, PanelQuery, fill, interval_s, panel_queries
from dashboards.grafana.variables import ALL
from tests.dashboards.grafana_seed import ALERTS, CONTAINERS, MINUTES, RANGE, lines
from tests.parts.influxd import InfluxServer, influxd

__all__ = ["influxd"]

SEEDED, EMPTY = "grafana-seeded", "grafana-empty"
Rows = list[dict[str, str]]

ONE = panel_queries(CONTAINERS[0], *RANGE, SEEDED)
MANY = panel_queries(ALL, *RANGE, SEEDED)
NOTHING = panel_queries(CONTAINERS[0], *RANGE, EMPTY)


def _name(query: PanelQuery) -> str:
    return f"{query.dashboard}: {query.panel} {query.ref_id}"


def _post(server: InfluxServer, path: str, body: str | dict[str, object]) -> str:
    """Answer to a JSON document or, for text, to line protocol."""
    answer = httpx.post(
        f"{server.url}{path}",
        json=body if isinstance(body, dict) else None,
        content=body if isinstance(body, str) else None,
        headers={"Authorization": f"Token {server.token}"},
        timeout=60,
    )
    assert answer.is_success, answer.text
    return answer.text


def _ask(server: InfluxServer, flux: str) -> Rows:
    """Rows of all tables of the answer."""
    body: dict[str, object] = {"query": flux, "dialect": {"header": True, "annotations": []}}
    text = _post(server, f"/api/v2/query?org={server.org}", body)
    rows: Rows = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        if block.strip():
            rows += csv.DictReader(io.StringIO(block))
    errors = [row["error"] for row in rows if row.get("error")]
    assert not errors, errors
    return rows


@pytest.fixture(scope="module")
def server(influxd: InfluxServer) -> InfluxServer:
    """The server with one bucket that holds the seed and one that holds nothing."""
    headers = {"Authorization": f"Token {influxd.token}"}
    found = httpx.get(f"{influxd.url}/api/v2/orgs", params={"org": influxd.org}, headers=headers).json()
    for name in (SEEDED, EMPTY):
        _post(influxd, "/api/v2/buckets", {"orgID": found["orgs"][0]["id"], "name": name})
    _post(influxd, f"/api/v2/write?org={influxd.org}&bucket={SEEDED}&precision=ns", "\n".join(lines()))
    return influxd


def _rows(server: InfluxServer, queries: list[PanelQuery], dashboard: str, panel: str) -> Rows:
    (query,) = [query for query in queries if (query.dashboard, query.panel) == (dashboard, panel)]
    return _ask(server, query.flux)


@pytest.mark.parametrize("query", ONE, ids=_name)
def test_returns_rows_for_one_container(server: InfluxServer, query: PanelQuery) -> None:
    """Every query is valid Flux and finds something where there is something."""
    assert _ask(server, query.flux)


@pytest.mark.parametrize("query", MANY, ids=_name)
def test_returns_rows_for_all_containers(server: InfluxServer, query: PanelQuery) -> None:
    """The same with the container variable at "All"."""
    assert _ask(server, query.flux)


@pytest.mark.parametrize("query", NOTHING, ids=_name)
def test_empty_record_is_no_error(server: InfluxServer, query: PanelQuery) -> None:
    """A fresh installation shows empty panels, not red triangles."""
    _ask(server, query.flux)


def test_all_leaves_out_only_the_trip() -> None:
    """With "All" chosen every dashboard but the one for a single container is listed."""
    everything = {query.dashboard for query in ONE}
    assert everything - {query.dashboard for query in MANY} == {"sealtrail-trip"}


def test_fleet_map_shows_each_container_once_with_its_seal(server: InfluxServer) -> None:
    """The truck tracker's "unknown" doesn't hide the cut seal; the place is the newest that was reported."""
    (query,) = [query for query in MANY if query.panel == "Containers and alerts" and query.ref_id == "A"]
    rows = {row["container_id"]: row for row in _ask(server, query.flux)}
    assert rows.keys() == set(CONTAINERS)
    for index, container in enumerate(CONTAINERS):
        row = rows[container]
        assert row["seal_state"] == "4"
        assert float(row["latitude_deg"]) == pytest.approx(50 + index + (MINUTES - 1) / 500)
        assert row["fix_kind"] == "1"
        assert row["_time"] == row["position_at"]


def test_queue_shows_each_alert_once_at_the_end_of_its_life(server: InfluxServer) -> None:
    """Events of one alert are one row: retracted, cleared, updated; the custody log is left out."""
    rows = _rows(server, ONE, "sealtrail-alerts", "Alerts as they stand")
    assert {row["type"]: row["action"] for row in rows} == {
        "SEAL_OPENED": "retracted",
        "ROUTE_DEVIATION": "cleared",
        "SEAL_CUT": "updated",
        "BATTERY_LOW": "raised",
    }
    assert len(rows) == 4
    happened = [row["_time"] for row in rows]
    assert happened == sorted(happened, reverse=True)


@pytest.mark.parametrize(
    ("panel", "per_container"),
    [("Critical", 1), ("High", 1), ("Medium and below", 1), ("Late", 1), ("Retracted", 1)],
)
def test_counts_leave_out_what_was_retracted(server: InfluxServer, panel: str, per_container: int) -> None:
    """Each number of the queue counts alerts, not events, for one container and for all."""
    (one,) = _rows(server, ONE, "sealtrail-alerts", panel)
    (many,) = _rows(server, MANY, "sealtrail-alerts", panel)
    assert int(one["_value"]) == per_container
    assert int(many["_value"]) == per_container * len(CONTAINERS)


@pytest.mark.parametrize("panel", ["Critical", "Late", "Retracted"])
def test_count_of_nothing_is_zero(server: InfluxServer, panel: str) -> None:
    """An empty queue says 0, not "no data"."""
    (row,) = _rows(server, NOTHING, "sealtrail-alerts", panel)
    assert row["_value"] == "0"


def test_custody_log_shows_what_was_logged(server: InfluxServer) -> None:
    """Logged events of all containers, and nothing else."""
    rows = _rows(server, MANY, "sealtrail-alerts", "Custody and data quality log")
    assert {row["type"] for row in rows} == {alert.type for alert in ALERTS if alert.action == "logged"}
    assert len(rows) == len(CONTAINERS)


def test_seal_history_reads_the_bits(server: InfluxServer) -> None:
    """The report of the cut is there with both times and both of its events in words."""
    (row,) = _rows(server, ONE, "sealtrail-trip", "Seal history")
    assert row["events"].split() == ["cut", "tampered"]
    assert row["seal_state"] == "4"
    assert row["seal_number"] == "SEAL 77"
    assert row["received"] > row["_time"]


def test_track_is_in_the_order_of_happening(server: InfluxServer) -> None:
    """The route layer draws its rows in the order in which they come."""
    (query,) = [query for query in ONE if query.panel == "Track" and query.ref_id == "A"]
    rows = _ask(server, query.flux)
    times = [row["_time"] for row in rows]
    assert times == sorted(times)
    assert len(rows) > MINUTES / 2
    assert {row["fix_kind"] for row in rows} == {"1"}


def test_pipeline_counts_every_report(server: InfluxServer) -> None:
    """The total is the number of points written; the rate adds up to it."""
    reports = MINUTES * 2 * len(CONTAINERS)
    (total,) = _rows(server, ONE, "sealtrail-pipeline", "Reports")
    assert int(total["_value"]) == reports
    rates = _rows(server, ONE, "sealtrail-pipeline", "Reports per second")
    assert sum(float(row["_value"]) for row in rates) * interval_s(*RANGE) == pytest.approx(reports)
    by_family = _rows(server, ONE, "sealtrail-pipeline", "Reports by family")
    assert {row["family"]: int(row["reports"]) for row in by_family} == {
        "json": reports // 2,
        "jt701": reports // 2,
    }


def test_lateness_falls_into_its_classes(server: InfluxServer) -> None:
    """The five latenesses of the seed lie in five classes, equally often."""
    rows = _rows(server, ONE, "sealtrail-pipeline", "Lateness, distribution")
    assert [row["class"] for row in rows] == ["0", "1", "2", "3", "5"]
    assert len({row["reports"] for row in rows}) == 1


def test_filling_in_is_grafanas() -> None:
    """Variables by their format, then macros; a chosen value is escaped, the pattern of "All" is not."""
    macros = {
        "timeRangeStart": "2026-01-01T00:00:00Z",
        "timeRangeStop": "2026-01-02T00:00:00Z",
        "windowPeriod": "1m0s",
        "defaultBucket": '"b"',
    }
    text = "from(bucket: v.defaultBucket) =~ /^(${c:regex})$/ == ${c:doublequote} every v.windowPeriod"
    chosen = Chosen(values=("A.B/1",))
    assert fill(text, {"c": chosen}, macros) == ('from(bucket: "b") =~ /^(A\\.B\\/1)$/ == "A.B/1" every 1m0s')
    assert Chosen(values=("a", "b")).formatted("regex") == "(a|b)"
    assert Chosen(pattern=".*").formatted("regex") == ".*"
    assert Chosen(values=('a"b',)).formatted("doublequote") == '"a\\"b"'
    with pytest.raises(KeyError):
        fill("${unknown:regex}", {}, macros)


@pytest.mark.parametrize(
    ("start", "stop", "seconds"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z", 1),
        ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", 120),
        ("2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z", 86_400),
    ],
)
def test_interval_fits_the_panels_width(start: str, stop: str, seconds: int) -> None:
    """About a thousand points whatever the range, in steps that people like."""
    assert interval_s(start, stop) == seconds
