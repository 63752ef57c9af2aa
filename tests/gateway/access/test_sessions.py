"""Sessions and doors: one device that reconnects, and two of one name."""

from __future__ import annotations

import pytest

from gateway.access.gate import Gate
from gateway.access.sessions import Activity, Session, Sessions
from sealtrail.contract.device import Device, DeviceState, Suspicion
from sealtrail.runtime.passwords import CHOSEN_ITERATIONS, MADE_ITERATIONS, hash_password
from tests.gateway.access.test_admission import NOW_MS, Hall

IDLE_S = 100.0


def _told(addresses: str, step_ms: int) -> bool:
    """Whether connections from these addresses, each ending the one before, are told of."""
    sessions = Sessions()
    found = []
    for number, address in enumerate(addresses):
        found.append(sessions.opened("seal", Session(str(number), address, "c", NOW_MS + number * step_ms)))
        sessions.closed(str(number))
    return any(evidence is not None for evidence in found)


@pytest.mark.parametrize(
    ("addresses", "step_ms", "told"),
    [
        ("AAAAAAAA", 1_000, False),  # a bad line
        ("ABCDEFGH", 1_000, False),  # roaming through many networks
        ("ABAA", 1_000, False),
        ("ABAB", 1_000, True),  # two that throw each other out
        ("ABAB", 400_000, False),  # twice a day between yard and road
    ],
)
def test_turns_of_two_addresses(addresses: str, step_ms: int, *, told: bool) -> None:
    """Only two addresses in quick turn are two devices."""
    assert _told(addresses, step_ms) is told


@pytest.mark.parametrize(
    ("client_id", "step_ms", "still_open", "told"),
    [
        ("seal", 3_000, True, True),
        ("seal", 3_000, False, False),  # comes and goes
        ("seal", 30_000, True, False),  # a bad line leaves dead connections behind
        ("", 3_000, True, False),  # at a door nobody is thrown out
    ],
)
def test_two_behind_one_address_that_throw_each_other_out(
    client_id: str, step_ms: int, *, still_open: bool, told: bool
) -> None:
    """Two with one client identifier and one address show by how often one takes the other's place."""
    sessions = Sessions()
    found = []
    for number in range(20):
        if not still_open:
            sessions.closed(str(number - 1))
        session = Session(str(number), "A", client_id, NOW_MS + number * step_ms)
        found.append(sessions.opened("seal", session))
        sessions.closed(str(number - 1))
    assert any(evidence is not None for evidence in found) is told


def test_dead_connection_is_no_second_device() -> None:
    """Two connections are two devices only once both have spoken since the younger one began."""
    sessions = Sessions()
    old = Activity("1", "A", "c1", NOW_MS, NOW_MS + 5_000)
    young = Activity("2", "B", "c2", NOW_MS + 10_000, NOW_MS + 60_000)
    for one in (old, young):
        sessions.opened("seal", Session(one.key, one.address, one.client_id, one.opened_at_ms))
    assert list(sessions.doubtful) == ["seal"]
    assert sessions.look("seal", [old, young]) is None
    evidence = sessions.look("seal", [old._replace(active_at_ms=NOW_MS + 30_000), young])
    assert evidence is not None
    assert (evidence["address"], evidence["other_address"]) == ("B", "A")


def test_doubt_ends_with_the_session() -> None:
    """Nothing is remembered of sessions that have ended."""
    sessions = Sessions()
    for key in ("1", "2"):
        sessions.opened("seal", Session(key, "A", "c", NOW_MS))
    sessions.closed("1")
    sessions.closed("1")
    assert (len(sessions), list(sessions.doubtful)) == (1, [])


def _gate(device: Device) -> tuple[Gate, Hall]:
    hall = Hall(device, unknown_devices="quarantine")
    return Gate(hall.admission, IDLE_S), hall


@pytest.mark.parametrize("iterations", [MADE_ITERATIONS, CHOSEN_ITERATIONS])
def test_door_wants_the_password_where_the_protocol_has_one(iterations: int) -> None:
    """Over HTTP and JSON lines; a right one is known again at once."""
    gate, _ = _gate(Device(device_id="seal", family="json", password_hash=hash_password("open", iterations)))
    assert gate.admit("json", "seal", b"", NOW_MS) == "no_secret"
    assert gate.admit("json", "seal", b"wrong", NOW_MS) == "bad_secret"
    assert [gate.admit("json", "seal", b"open", NOW_MS) for _ in range(20)] == [None] * 20


def test_guessing_a_costly_password_is_slowed_down() -> None:
    """Checking takes 50 ms, in which nobody else is heard: a few a second at most."""
    hashed = hash_password("open", CHOSEN_ITERATIONS)
    gate, _ = _gate(Device(device_id="seal", family="json", password_hash=hashed))
    reasons = [gate.admit("json", "seal", b"%d" % guess, NOW_MS) for guess in range(50)]
    assert reasons.count("bad_secret") == 5
    assert reasons.count("login_busy") == 45


def test_protocol_without_passwords_has_its_name_only() -> None:
    """A tracker that can say nothing but its number may speak if it is known, allowed and of its family."""
    gate, hall = _gate(Device(device_id="867", family="gt06", password_hash=hash_password("x", 101)))
    assert gate.admit("gt06", "867", b"", NOW_MS) is None
    assert gate.admit("teltonika", "867", b"", NOW_MS) == "family_mismatch"
    assert gate.admit("gt06", "868", b"", NOW_MS) == "unknown_device"
    hall.change(Device(device_id="867", family="gt06", state=DeviceState.SUSPENDED, changed_at_ms=1))
    assert gate.standing("gt06", "867", NOW_MS) == "suspended_device"


def test_two_connections_that_both_outlive_the_idle_time_are_two_devices() -> None:
    """A dead one would have been closed by then."""
    gate, hall = _gate(Device(device_id="867", family="gt06"))
    gate.opened("gt06", "867", 1, "10.0.0.1:500", NOW_MS)
    gate.opened("gt06", "867", 2, "10.0.0.2:500", NOW_MS)
    assert gate.standing("gt06", "867", NOW_MS + 100_000) is None
    assert hall.suspicions.told == {}
    gate.standing("gt06", "867", NOW_MS + 151_000)
    assert hall.suspicions.told == {Suspicion.SECOND_SESSION: 1}
    gate.closed("gt06", "867", 1, NOW_MS)
    gate.opened("gt06", "867", 3, "10.0.0.2:501", NOW_MS + 200_000)
    gate.closed("gt06", "867", 2, NOW_MS)
    gate.standing("gt06", "867", NOW_MS + 900_000)
    assert hall.suspicions.told == {Suspicion.SECOND_SESSION: 1}


@pytest.mark.parametrize(
    ("said", "step_ms", "told"),
    [
        ("12121", 1_000, True),  # each goes on
        ("112211221", 1_000, True),
        ("1212121", 100, False),  # what the dead one had sent arrives late, but at once
        ("21111111", 100, False),
        ("112222222", 1_000, False),  # the usual: the old one is dead
        ("123232", 1_000, True),
        ("123", 1_000, False),  # comes back again and again
    ],
)
def test_two_connections_that_both_go_on_speaking_are_two_devices(
    said: str, step_ms: int, *, told: bool
) -> None:
    """A clone shows within seconds: the older connection is heard after the younger one, and again."""
    gate, hall = _gate(Device(device_id="867", family="gt06"))
    for number in sorted(set(said)):
        gate.opened("gt06", "867", int(number), f"10.0.0.{number}:500", NOW_MS)
    for index, number in enumerate(said):
        gate.spoke("gt06", "867", int(number), NOW_MS + index * step_ms)
    assert hall.suspicions.told == ({Suspicion.SECOND_SESSION: 1} if told else {})


def test_what_an_ended_connection_had_said_is_no_evidence() -> None:
    """A device that comes back once its old connection has ended is one device."""
    gate, hall = _gate(Device(device_id="867", family="gt06"))
    for number in range(1, 9):
        gate.opened("gt06", "867", number, "10.0.0.1:500", NOW_MS + number * 5_000)
        gate.spoke("gt06", "867", number, NOW_MS + number * 5_000)
        gate.closed("gt06", "867", number - 1, NOW_MS + number * 5_000)
    assert hall.suspicions.told == {}
