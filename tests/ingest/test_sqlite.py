"""What only the SQLite file has to prove."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from ingest.sqlite_store import SqliteStore
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.queries import CountQuery, LatestQuery
from tests.ingest.fleet import START_MS, WITHOUT_REPORT, alert, fleet, placed
from tests.shared import ROOT

WRITER = """
import asyncio, sys
from pathlib import Path
from ingest.sqlite_store import SqliteStore
from tests.ingest.fleet import fleet

async def write():
    store = SqliteStore(Path(sys.argv[1]))
    await store.open()
    readings = fleet(40_000)
    for begin in range(0, len(readings), 200):
        await store.write(readings[begin : begin + 200])
        print(begin + 200, flush=True)

asyncio.run(write())
"""


async def test_what_was_written_survives_kill_9(tmp_path: Path) -> None:
    """After a SIGKILL in the middle of writing, every batch whose write had returned is there."""
    path = tmp_path / "record.sqlite3"
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    promised = 0
    async with asyncio.timeout(60):
        while promised < 3_000:
            promised = int(await writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    rest = (await writer.communicate())[0].split()
    promised = int(rest[-1]) if rest else promised
    store = SqliteStore(path)
    await store.open()
    counts = await store.counts(CountQuery())
    assert counts.readings in (promised, promised + 200)
    assert len(await store.latest(LatestQuery())) == 100
    await store.write(fleet(promised + 200))
    assert (await store.counts(CountQuery())).readings == promised + 200
    await store.close()


async def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """A file of a later version is left alone rather than misread."""
    path = tmp_path / "record.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    store = SqliteStore(path)
    with pytest.raises(UnavailableError, match="version 99, this program knows 2"):
        await store.open()
    await store.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """Foreign bytes in the place of the file are an error with the path in it, not a crash."""
    path = tmp_path / "record.sqlite3"
    path.write_bytes(b"not a database" * 1_000)
    store = SqliteStore(path)
    with pytest.raises(UnavailableError, match=r"record\.sqlite3: file is not a database"):
        await store.open()
    await store.close()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A path below a file can't be opened, and says so."""
    (tmp_path / "file").touch()
    store = SqliteStore(tmp_path / "file" / "record.sqlite3")
    with pytest.raises(UnavailableError, match=r"record\.sqlite3"):
        await store.open()
    await store.close()


async def test_an_unopened_store_does_not_answer(tmp_path: Path) -> None:
    """Writing before opening is unavailability, which callers retry."""
    store = SqliteStore(tmp_path / "record.sqlite3")
    with pytest.raises(UnavailableError):
        await store.write([placed(1)])
    with pytest.raises(UnavailableError):
        await store.latest(LatestQuery())
    await store.close()


async def test_two_processes_may_open_a_new_file(tmp_path: Path) -> None:
    """The schema is made once, whoever comes first, and both write."""
    stores = [SqliteStore(tmp_path / "record.sqlite3") for _ in range(3)]
    await asyncio.gather(*(store.open() for store in stores))
    readings = fleet(30)
    await asyncio.gather(*(store.write(readings[at::3]) for at, store in enumerate(stores)))
    assert (await stores[0].counts(CountQuery())).readings == 30
    for store in stores:
        await store.close()


async def test_a_failed_write_leaves_nothing_and_heals(tmp_path: Path) -> None:
    """A lock held by another program is unavailability; the same batch goes in afterwards."""
    path = tmp_path / "record.sqlite3"
    store = SqliteStore(path)
    await store.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("DROP TABLE latest")
    with pytest.raises(UnavailableError, match="latest"):
        await store.write(fleet(10))
    assert other.execute("SELECT count(*) FROM reading").fetchone() == (0,)
    other.close()
    await store.close()


async def test_people_can_read_the_file(tmp_path: Path) -> None:
    """Columns have the names of the contract, so that the file can be asked with plain SQL."""
    store = SqliteStore(tmp_path / "record.sqlite3")
    await store.open()
    await store.write([placed(2**64 - 1, temperature_c=-3.5, extra={"b": 1, "a": "x"}, door_open=True)])
    await store.write_alerts([alert(1), alert(1), alert(2), alert(3, **WITHOUT_REPORT)])
    await store.close()
    connection = sqlite3.connect(tmp_path / "record.sqlite3")
    assert connection.execute(
        "SELECT container_id, occurred_at_ms, reading_id, temperature_c, door_open, extra FROM reading"
    ).fetchall() == [("MSCU6639870", START_MS, -1, -3.5, 1, '{"a":"x","b":1}')]
    assert (
        connection.execute(
            "SELECT type, severity, action, late_by_s, device_id, latitude_deg FROM alert ORDER BY type"
        ).fetchall()
        == [("OVERDUE", "medium", "raised", 7200, "", None)]
        + [("SEAL_CUT", "critical", "raised", 7200, "7012345678", -1.0)] * 2
    )
    connection.close()


def test_the_file_is_private(tmp_path: Path) -> None:
    """Other users of the machine can't read where the cargo is."""
    asyncio.run(_make(tmp_path / "var" / "record.sqlite3"))
    assert (tmp_path / "var" / "record.sqlite3").stat().st_mode & 0o077 == 0


async def _make(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.close()
