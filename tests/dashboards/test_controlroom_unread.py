"""Reports that arrive while nobody watches: kept unread, bounded, and seen by the first who comes."""

from __future__ import annotations

import httpx

from dashboards.controlroom.unread import Unread
from sealtrail.contract.codec import encode_readings
from sealtrail.runtime.settings.controlroom import ControlRoomSettings
from tests.dashboards.controlroom_scene import Scene
from tests.dashboards.controlroom_server import running, until

LEAST_BYTES = 1_048_576


def test_batches_are_read_in_order_and_once() -> None:
    """What can't be read is passed over; reading leaves nothing behind."""
    scene, unread = Scene(14), Unread(LEAST_BYTES)
    first, second = scene.move(1.0), scene.move(1.0)
    for batch in (encode_readings(first), encode_readings(first)[:-3], encode_readings(second)):
        unread.put(batch)
    assert (len(unread), list(unread.read()), len(unread)) == (3, [first, second], 0)
    assert not unread.overrun


def test_older_batches_are_let_go_and_that_is_known() -> None:
    """The newest bytes are kept, and one batch however large; room is room again once read."""
    scene = Scene(14)
    batch = encode_readings(scene.move(1.0))
    unread = Unread(2 * len(batch))
    unread.put(batch)
    unread.put(batch)
    assert not unread.overrun
    unread.put(batch)
    assert (len(unread), unread.overrun) == (2, True)
    assert len(list(unread.read())) == 2
    unread.overrun = False
    unread.put(batch)
    assert not unread.overrun
    small = Unread(1)
    small.put(batch)
    assert (len(small), small.overrun) == (1, False)


async def _shown(http: httpx.AsyncClient) -> dict[str, int]:
    """When each container was last heard of, as a new viewer is told."""
    columns = (await http.get("/api/state")).json()["containers"]
    return dict(zip(columns["container_id"], columns["occurred_at_ms"], strict=True))


async def test_nobody_reads_until_somebody_watches() -> None:
    """Reports stay unread, and whoever comes first is told of all of them."""
    scene = Scene(14)
    async with running(scene, ControlRoomSettings(port=0, flush_interval_ms=50)) as served:
        board = served.room.board
        for _ in range(3):
            moved = scene.move(1.0)
        await until(lambda: board.readings_seen >= 3 * len(moved))
        assert len(board.unread) == 3
        async with httpx.AsyncClient(base_url=served.url, timeout=10) as http:
            shown = await _shown(http)
        assert {each.container_id: shown[str(each.container_id)] for each in moved} == {
            each.container_id: each.occurred_at_ms for each in moved
        }
        scene.move(1.0)
        await until(lambda: not board.unread)  # read as it comes: the viewer's stream is expected


async def test_what_was_let_go_comes_from_the_record() -> None:
    """A container that reported long ago, while nobody watched, is shown where the record has it."""
    scene = Scene(14)
    async with running(scene, ControlRoomSettings(port=0, unread_bytes=LEAST_BYTES)) as served:
        board = served.room.board
        moved = scene.move(1.0)
        await until(lambda: len(board.unread) == 1)
        list(board.unread.read())
        board.unread.overrun = True
        async with httpx.AsyncClient(base_url=served.url, timeout=10) as http:
            shown = await _shown(http)
        assert {str(each.container_id) for each in moved} <= shown.keys()
        assert all(shown[str(each.container_id)] == each.occurred_at_ms for each in moved)
