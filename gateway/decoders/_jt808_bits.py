"""Alarm and status words of family ``jt808``; the datasheet is `gateway.decoders.jt808`."""

from __future__ import annotations

import functools

from sealtrail.contract.reading import SealEvent

ALARM_NAMES = {
    0: "sos",
    1: "overspeed",
    2: "fatigue_driving",
    3: "danger_warning",
    4: "gnss_fault",
    5: "gnss_antenna_cut",
    6: "gnss_antenna_short",
    7: "main_power_low",
    8: "main_power_lost",
    9: "display_fault",
    10: "speech_fault",
    11: "camera_fault",
    12: "licence_reader_fault",
    13: "overspeed_warning",
    14: "fatigue_warning",
    15: "vibration",
    16: "tampering",
    17: "tampering",
    18: "daily_driving_time",
    19: "overtime_parking",
    20: "area",
    21: "route",
    22: "section_time",
    23: "route_deviation",
    24: "speed_sensor_fault",
    25: "fuel_abnormal",
    26: "stolen",
    27: "illegal_ignition",
    28: "illegal_movement",
    29: "collision",
    30: "rollover",
    31: "illegal_door_opening",
}
NAMES_OF_2019 = {15: "illegal_driving", 16: "tyre_pressure", 17: "blind_zone_fault"}
PADLOCK_LOW_BATTERY = 18  # of vehicles: too long at the wheel
CAB_ONLY = frozenset({1, 2, 9, 10, 11, 12, 13, 14, 18})  # nothing that a padlock has

ALARM_EVENTS = {
    0: SealEvent.SOS,
    7: SealEvent.LOW_BATTERY,
    8: SealEvent.POWER_LOST,
    15: SealEvent.SHOCK,
    16: SealEvent.TAMPERED,
    17: SealEvent.TAMPERED,
    20: SealEvent.GEOFENCE_ENTERED | SealEvent.GEOFENCE_LEFT,  # which one: item 12
    21: SealEvent.OFF_ROUTE,
    23: SealEvent.OFF_ROUTE,
    26: SealEvent.ILLEGAL_MOVEMENT,
    27: SealEvent.ILLEGAL_MOVEMENT,
    28: SealEvent.ILLEGAL_MOVEMENT,
    29: SealEvent.SHOCK,
    30: SealEvent.SHOCK,
    31: SealEvent.DOOR_OPENED,
}

LOCATED, SOUTH, WEST = 1, 2, 3
CHARGING = 26
DOORS = {13: "front", 14: "middle", 15: "rear", 16: "driver", 17: "other"}
MOVING = 22  # 2019

_CACHE = 1024  # few words are ever seen, and flag arithmetic is slow


@functools.lru_cache(maxsize=_CACHE)
def alarm_events(word: int, *, edition_2019: bool) -> SealEvent:
    """What an alarm word says has happened."""
    found = SealEvent.NONE
    for bit, event in ALARM_EVENTS.items():
        if word >> bit & 1 and not (edition_2019 and bit in NAMES_OF_2019):
            found |= event
    return found


@functools.lru_cache(maxsize=_CACHE)
def alarm_names(word: int, *, edition_2019: bool, padlock: bool) -> str:
    """Names of an alarm word's bits, in the order of the bits, commas between; empty: none."""
    names = {**ALARM_NAMES, **NAMES_OF_2019} if edition_2019 else ALARM_NAMES
    found = [name for bit, name in names.items() if word >> bit & 1 and not (padlock and bit in CAB_ONLY)]
    return ",".join(dict.fromkeys(found))


@functools.lru_cache(maxsize=_CACHE)
def open_doors(status: int) -> str:
    """Names of the doors that a status word shows open, commas between; empty: none."""
    return ",".join(name for bit, name in DOORS.items() if status >> bit & 1)
