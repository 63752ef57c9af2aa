"""What every rule must do, run over all of them; a new rule is checked without a new test."""

from __future__ import annotations

import functools
import inspect
import sys

import msgspec
import numpy as np
import pytest

from anomaly.rules import never_heard
from anomaly.rules.catalogue import JUDGED, PLANNED, RULES, WATCHERS
from anomaly.rules.rule import Judgement
from anomaly.step import STATE, WATCH
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.codec import encode_alert_events
from sealtrail.contract.reading import FixKind, Reading, SealEvent, SealState
from sealtrail.contract.trip import Checkpoint, Corridor, Place, SensorLimit, TripEvent, Zone
from sealtrail.runtime.settings.anomaly import AnomalySettings
from tests.anomaly.world import (
    CONTAINER,
    CORRIDOR,
    MINUTE_MS,
    START_MS,
    TRACKER,
    drive,
    judge,
    planned,
    reading,
    standing,
)

SPEAKING: tuple[Judgement, ...] = (*RULES, *(rule for rule in PLANNED if rule.name == "overdue"))
"""Those that the journey makes say something; watchers and composed rules have suites of their own."""
NAMES = [rule.name for rule in SPEAKING]


def plan(container: str = CONTAINER) -> TripEvent:
    """A trip that has something for every rule: times, a checkpoint beside the way, a zone ahead."""
    hill = Place(name="Hill", latitude_deg=49.975, longitude_deg=10.2, radius_m=1_000.0)
    end = Place(name="End", latitude_deg=51.0, longitude_deg=14.0, radius_m=2_000.0)
    quarter = Place(name="Quarter", latitude_deg=50.0, longitude_deg=10.62, radius_m=2_500.0)
    return planned(
        container=container,
        corridor=Corridor(coordinates=CORRIDOR.coordinates, half_width_m=(2_000.0, 5_000.0)),
        checkpoints=(Checkpoint(place=hill),),
        destination=end,
        forbidden_zones=(Zone(name="Quarter", circle=quarter),),
        arrives_at_ms=START_MS + 60 * MINUTE_MS,
        stop_max_s=1_200.0,
        seal_numbers=("SLT-1",),
        cargo_limits=(SensorLimit(quantity="temperature_c", greatest=8.0, lasting_s=60.0),),
    )


# one journey in which every rule has something to say
JOURNEY: list[Reading] = [
    *drive(range(10)),
    reading(10, (53.0, 13.0), events=SealEvent.TAMPERED),
    *drive(range(11, 15)),
    *drive(range(15, 25), north_deg=0.03),
    reading(25, None, events=SealEvent.CUT),
    reading(25.5, events=SealEvent.WRONG_PASSWORD, state=SealState.FAULT, door_open=False),
    *drive(range(26, 31), temperature_c=9.0, shock_g=6.0, battery_pct=9.0),
    reading(31, (50.0, 10.31), door_open=True, seal_number="OTHER-1"),
    reading(32, (50.0, 10.32), events=SealEvent.CLOSED),
    reading(33, (float("nan"), 10.0), events=SealEvent.OPENED, kind=FixKind.GNSS),
    *(reading(m, (52.0, 12.5), kind=FixKind.CELL, events=SealEvent.JAMMING) for m in (33.2, 33.4, 33.6)),
    *drive(range(5, 30), device=TRACKER),
    *drive(range(34, 60), events=SealEvent.ILLEGAL_MOVEMENT),
    *(reading(60 + k, (50.0, 10.6)) for k in range(25)),
    *(reading(85 + k, (50.0, 10.6 + 0.01 * k)) for k in range(8)),
    *(reading(93 + k, (50.0, 10.68 - 0.01 * k)) for k in range(14)),
]


ORDERS: dict[str, list[list[Reading]]] = {
    "in order": [JOURNEY],
    "backwards": [JOURNEY[::-1]],
    "backwards one by one": [[each] for each in JOURNEY[::-1]],
    "one by one, twice": [[each] for each in JOURNEY for _ in range(2)],
    "its end first, then all again": [JOURNEY[20:], JOURNEY[:20], JOURNEY],
}
FLEET = [f"{CONTAINER}-{number}" for number in range(40)]


@functools.cache
def alerts(order: str) -> list[AlertEvent]:
    """What all rules say of the journey in one order of arrival."""
    made = judge(plan(), history_reports=256, neighbours_least=1000)
    return [event for batch in ORDERS[order] for event in made.apply_readings(batch)]


@functools.cache
def fleet_alerts() -> list[AlertEvent]:
    """What all rules say of forty containers that make the journey together."""
    made = judge(*(plan(name) for name in FLEET), history_reports=256, neighbours_least=1000)
    return made.apply_readings(
        [msgspec.structs.replace(each, container_id=name) for each in JOURNEY for name in FLEET]
    )


def of_rule(rule: Judgement, events: list[AlertEvent]) -> list[AlertEvent]:
    return [event for event in events if event.type in rule.types]


def test_names_and_columns_are_its_own() -> None:
    """No two rules share a name, an alert type or a column of state; who never spoke is silent, too."""
    names = [rule.name for rule in JUDGED]
    assert len(set(names)) == len(names)
    types = [kind for rule in JUDGED for kind in rule.types if rule.name != never_heard.NAME]
    assert len(set(types)) == len(types)
    assert len(STATE.names or ()) == 2 + sum(len(rule.state) for rule in RULES)
    assert len(WATCH.names or ()) == 1 + sum(len(watcher.state) for watcher in WATCHERS)


@pytest.mark.parametrize("rule", JUDGED, ids=[rule.name for rule in JUDGED])
def test_its_docstring_is_its_page(rule: Judgement) -> None:
    """The module says what, when, its settings and its source, and the settings exist."""
    module = sys.modules[type(rule).__module__]
    text = inspect.getdoc(module) or ""
    for word in ("Settings:", "Source:"):
        assert word in text
    named = text.split("Settings:")[1].split("Source:")[0].split(".")[0].replace(",", " ").split()
    known = [name for name in named if name in AnomalySettings.model_fields]
    assert known, named
    assert rule.version >= 1
    assert rule.types


@pytest.mark.parametrize("rule", SPEAKING, ids=NAMES)
class TestEveryRule:
    """The promises of `anomaly.rules.rule.Judgement`."""

    def test_it_speaks_in_the_journey(self, rule: Judgement) -> None:
        """The journey of this suite makes it say something, so that the other tests test it."""
        assert of_rule(rule, alerts("in order"))

    def test_order_and_duplicates_change_nothing(self, rule: Judgement) -> None:
        """Reversed, doubled, one by one: the same alerts stand."""
        expected = standing(of_rule(rule, alerts("in order")))
        for order in ORDERS:
            assert standing(of_rule(rule, alerts(order))) == expected

    def test_a_fleet_is_judged_like_each_alone(self, rule: Judgement) -> None:
        """Vectorised over forty containers it says of each what it says of one."""
        expected = standing(of_rule(rule, alerts("in order")))
        events = of_rule(rule, fleet_alerts())
        for name in FLEET:
            assert standing([event for event in events if event.container_id == name]) == expected

    def test_it_says_what_it_rests_on(self, rule: Judgement) -> None:
        """Every event names rule, version and evidence, has a sentence, and is bytes."""
        for event in of_rule(rule, alerts("in order")):
            assert event.rule
            assert event.rule_version >= 1
            assert event.sentence.endswith(".")
            assert event.evidence
            assert encode_alert_events([event])

    def test_its_state_starts_as_zero(self, rule: Judgement) -> None:
        """A new device's state is all zeros; the columns are NumPy types."""
        columns = np.zeros(1, np.dtype(list(getattr(rule, "state", ()))))
        assert columns.tobytes().strip(b"\0") == b""
