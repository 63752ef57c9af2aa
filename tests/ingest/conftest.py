"""Stores on real parts."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from ingest.influx_store import InfluxStore
from ingest.memory_store import MemoryStore
from ingest.sqlite_store import SqliteStore
from ingest.store import Store
from sealtrail.runtime.settings.ingest import IngestSettings
from tests.parts.influxd import InfluxServer, influxd
from tests.parts.nats import nats_server, nats_settings, open_log

__all__ = ["influxd", "nats_server", "nats_settings", "open_log"]


def influx_settings(server: InfluxServer, **fields: object) -> IngestSettings:
    """Settings for a bucket of its own on a running server."""
    basics: dict[str, object] = {
        "store": "influxdb",
        "influxdb_url": server.url,
        "influxdb_token": SecretStr(server.token),
        "influxdb_org": server.org,
        "influxdb_bucket": f"bucket-{uuid.uuid4().hex}",
    }
    return IngestSettings.model_validate(basics | fields)


def _memory(_: pytest.FixtureRequest, __: Path) -> Store:
    return MemoryStore()


def _sqlite(_: pytest.FixtureRequest, folder: Path) -> Store:
    return SqliteStore(folder / "new" / "record.sqlite3")


def _influx(request: pytest.FixtureRequest, _: Path) -> Store:
    return InfluxStore(influx_settings(request.getfixturevalue("influxd")))


STORES: dict[str, Callable[[pytest.FixtureRequest, Path], Store]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "influxdb": _influx,
}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An open, empty store of every kind in turn."""
    made = STORES[request.param](request, tmp_path)
    await made.open()
    yield made
    await made.close()
