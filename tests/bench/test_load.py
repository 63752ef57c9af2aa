"""The benchmark's load: decodable, within its corridors, alarming only where it cuts."""

from __future__ import annotations

from bench.load import MOST_REPORTS, Load
from bench.stages import cut_alerts, judgement_stages, readings_of
from sealtrail.contract.alert import AlertType

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
