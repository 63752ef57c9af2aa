"""The rules, in the order in which they see a report.

The position rule comes first: it says which fixes the others may use. A new
rule is one file and one line here (docs/adding-a-detector.md).
"""

from __future__ import annotations

from collections.abc import Callable

from anomaly.neighbourhood import Note
from anomaly.rules import gnss_jamming, gnss_spoofing
from anomaly.rules.battery_low import BatteryLow
from anomaly.rules.checkpoint_missed import CheckpointMissed
from anomaly.rules.door_opened import DoorOpened
from anomaly.rules.gnss_jamming import GnssJamming
from anomaly.rules.gnss_spoofing import GnssSpoofing
from anomaly.rules.likely_theft import LikelyTheft
from anomaly.rules.never_heard import NeverHeard
from anomaly.rules.overdue import Overdue
from anomaly.rules.position_implausible import PositionImplausible
from anomaly.rules.route_deviation import RouteDeviation
from anomaly.rules.rule import Judgement, RetracedRule, Rule, Signal, Watcher
from anomaly.rules.seal_check import SealChecked
from anomaly.rules.seal_custody import SealCustody
from anomaly.rules.seal_fault import SealFault
from anomaly.rules.seal_mismatch import SealMismatch
from anomaly.rules.sensor_anomaly import SensorAnomaly
from anomaly.rules.sensor_excursion import SensorExcursion
from anomaly.rules.separation import Separation
from anomaly.rules.shock import Shock
from anomaly.rules.silent import Silent
from anomaly.rules.unexpected_movement import UnexpectedMovement
from anomaly.rules.unlock_refused import UnlockRefused
from anomaly.rules.unscheduled_stop import UnscheduledStop
from anomaly.rules.wrong_way import WrongWay
from anomaly.rules.zone_forbidden import ZoneForbidden

_POSITION, _ROUTE = PositionImplausible(), RouteDeviation()

RULES: tuple[Rule, ...] = (
    _POSITION,
    GnssSpoofing(),
    SealCustody(),
    _ROUTE,
    WrongWay(),
    ZoneForbidden(),
    CheckpointMissed(),  # the last that reads the fix before, and the one that keeps it
    UnscheduledStop(),
    UnexpectedMovement(),
    UnlockRefused(),
    SealFault(),
    SealMismatch(),
    DoorOpened(),
    GnssJamming(),
    SensorExcursion(),
    Shock(),
    BatteryLow(),
)

RETRACED: tuple[RetracedRule, ...] = (_POSITION, _ROUTE)
"""Those that judge positions older than the history, in the same order."""

WATCHERS: tuple[Watcher, ...] = (Silent(), Separation(), SensorAnomaly())
"""Those that judge what has arrived, and what hasn't."""

PLANNED: tuple[Judgement, ...] = (SealChecked(), Overdue(), NeverHeard())
"""Those that are asked of every container that has a trip, whether or not a device says anything."""

COMPOSED: tuple[Judgement, ...] = (LikelyTheft(),)
"""Those that rest on what all before them have found."""

JUDGED: tuple[Judgement, ...] = (*RULES, *WATCHERS, *PLANNED, *COMPOSED)
"""All, in the order in which their findings are asked for."""

NOTED: dict[str, Callable[[tuple[Signal, ...], int], list[Note]]] = {
    gnss_jamming.NAME: gnss_jamming.notes_of,
    gnss_spoofing.NAME: gnss_spoofing.notes_of,
}
"""Rules whose signals the neighbourhood is told of, and what of them (neighbourhood.py)."""
