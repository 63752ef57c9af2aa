"""The benchmark's load: decodable, within its corridors, alarming only where it cuts."""

from __future__ import annotations

import msgspec
import pytest

from bench.load import MOST_REPORTS, PADLOCK, Load
from bench.stages import cut_alerts, judgement_stages, readings_of
from gateway.decoders import decoders
from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealState

LOAD = Load(containers=50, cuts=7, start_ms=1_790_000_000_000)


def test_each_cut_raises_one_alert_on_its_own_trip() -> None:
    """Latency is measured on alerts that each belong to one cut."""
    alerts = cut_alerts(LOAD)
    assert {alert.type for alert in alerts} == {AlertType.SEAL_CUT}
    assert sorted(alert.trip_id for alert in alerts) == sorted(LOAD.trip_id(50 + n) for n in range(7))


def test_the_flow_alarms_nobody_from_end_to_end_of_a_lane() -> None:
    """Containers under way stay in their corridors at a credible speed for as long as lanes go."""
    stages = judgement_stages(LOAD, 50 * (MOST_REPORTS - 1))
    assert ["0 false alerts" in stage.note for stage in stages] == [True, True]


def test_every_message_is_a_reading_of_its_own() -> None:
    """Nothing in the load is dropped as a copy, so that counting readings counts messages."""
    readings = readings_of(LOAD, 0, 5_000)
    assert len({reading.reading_id for reading in readings}) == 5_000
    assert len({(reading.device_id, reading.occurred_at_ms) for reading in readings}) == 5_000


def test_the_padlocks_say_the_same_in_their_own_frames() -> None:
    """The load of family jt701 decodes to the places and times of the JSON load, sealed, each frame once."""
    padlocks = msgspec.structs.replace(LOAD, family=PADLOCK, cuts=0)
    decoder = decoders()[PADLOCK]
    same = msgspec.structs.replace(LOAD, cuts=0)
    plain = readings_of(same, 0, 500)
    identities = set()
    for number, wanted in enumerate(plain):
        topic, frame = padlocks.message(number)
        (found,) = decoder.decode(frame, topic.split("/")[2], wanted.received_at_ms)
        identities.add(found.reading_id)
        assert found.occurred_at_ms == wanted.occurred_at_ms // 1000 * 1000
        assert found.latitude_deg == pytest.approx(wanted.latitude_deg, abs=2e-6)
        assert found.longitude_deg == pytest.approx(wanted.longitude_deg, abs=2e-6)
        assert (found.seal_state, found.seal_events) == (SealState.SEALED, 0)
    assert len(identities) == 500
