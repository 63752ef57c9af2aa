"""Asking InfluxDB, without any code of the systems that are measured."""

from __future__ import annotations

import csv
import io

import httpx

from bench.errors import BenchError
from tests.parts.influxd import InfluxServer

_COUNT = """from(bucket: "%s")
  |> range(start: 0)
  |> filter(fn: (r) => r._measurement == "%s" and r._field == "%s")
  |> count()
  |> group()
  |> sum()"""


def _headers(server: InfluxServer) -> dict[str, str]:
    return {"Authorization": f"Token {server.token}"}


def points(server: InfluxServer, measurement: str, field: str) -> int:
    """How many points with a field can be queried now."""
    answer = httpx.post(
        f"{server.url}/api/v2/query",
        params={"org": server.org},
        headers={**_headers(server), "Content-Type": "application/vnd.flux", "Accept": "application/csv"},
        content=_COUNT % (server.bucket, measurement, field),
        timeout=60,
    )
    if answer.is_error:
        raise BenchError(f"InfluxDB doesn't count: {answer.text}")
    rows = [row for row in csv.reader(io.StringIO(answer.text)) if row]
    return int(rows[1][rows[0].index("_value")]) if len(rows) > 1 else 0


def points_taken(server: InfluxServer) -> int:
    """Points that the server says it has written, copies included: cheap to ask, and no proof."""
    text = httpx.get(f"{server.url}/metrics", headers=_headers(server), timeout=30).text
    return round(
        sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith("storage_writer_ok_points_sum")
        )
    )
