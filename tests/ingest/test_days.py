"""Daily records of devices, over every `Store` on real parts."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ingest import sqlite_schema
from ingest.sqlite_store import SqliteStore
from ingest.store import Store
from sealtrail.contract.completeness import DaysQuery
from sealtrail.contract.queries import CountQuery, LatestQuery
from tests.ingest.fleet import DAY_MS, START_DAY_MS, START_MS, device_day, report


def asked(device_id: str | None = None, days: int = 100, limit: int = 10_000) -> DaysQuery:
    return DaysQuery(
        since_ms=START_DAY_MS, until_ms=START_DAY_MS + days * DAY_MS, device_id=device_id, limit=limit
    )


async def test_every_field_of_a_day_comes_back(store: Store) -> None:
    """What was written is what is read, and what isn't known stays unknown."""
    unknown = device_day(
        "KE-0002", container_id=None, refused={}, clock_offset_ms=None, interval_s=None, received=10
    )
    written = [device_day(), unknown]
    assert (await store.write_days(written)).refused == []
    assert await store.days(asked()) == written


async def test_a_day_that_is_written_again_takes_the_place_of_the_first(store: Store) -> None:
    """A record is one for each device and day, however often it is written; the last one stands."""
    await store.write_days([device_day(), device_day("KE-0002")])
    later = device_day(received=20, accepted=15, refused={"bad_json": 2, "rate_limited": 1})
    await store.write_days([device_day(received=13), later])
    await store.write_days([later])
    assert await store.days(asked()) == [later, device_day("KE-0002")]


async def test_days_are_asked_for_by_device_span_and_number(store: Store) -> None:
    """Oldest first, half open, the newest where there are more, of one device or of all."""
    days = [device_day(name, day) for day in range(5) for name in ("KE-0001", "KE-0002")]
    await store.write_days(list(reversed(days)))
    assert await store.days(asked()) == days
    assert await store.days(asked(days=2)) == days[:4]
    assert await store.days(asked("KE-0002", days=3)) == days[1:6:2]
    assert await store.days(asked("KE-0002", limit=2)) == days[-3::2]
    assert await store.days(asked('x" or true')) == []
    assert await store.days(DaysQuery(since_ms=START_DAY_MS, until_ms=START_DAY_MS)) == []


async def test_unusable_days_are_refused_by_name(store: Store) -> None:
    """A name that can't be kept refuses its own record only."""
    written = await store.write_days([device_day("bad\nname"), device_day(), device_day(day=-1_000_000)])
    assert sorted(one.reason for one in written.refused) == ["time_out_of_range", "unprintable_tag"]
    assert written.written == 1
    assert await store.days(asked()) == [device_day()]
    assert (await store.write_days([])).written == 0


async def test_days_are_no_readings(store: Store) -> None:
    """Daily records stand beside the readings and are counted nowhere among them."""
    await store.write([report(1)])
    await store.write_days([device_day()])
    assert (await store.counts(CountQuery())).readings == 1
    assert [one.occurred_at_ms for one in await store.latest(LatestQuery())] == [START_MS]


async def test_a_file_of_the_first_version_is_migrated(tmp_path: Path) -> None:
    """A record from before there were daily records keeps its readings and takes days."""
    path = tmp_path / "record.sqlite3"
    old = sqlite3.connect(path)
    old.executescript(sqlite_schema.MIGRATIONS[0] + "PRAGMA user_version = 1;")
    old.close()
    store = SqliteStore(path)
    await store.open()
    await store.write([report(1)])
    await store.write_days([device_day()])
    await store.close()
    again = SqliteStore(path)
    await again.open()
    assert await again.days(asked()) == [device_day()]
    assert (await again.counts(CountQuery())).readings == 1
    await again.close()
