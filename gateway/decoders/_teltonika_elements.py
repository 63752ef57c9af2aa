"""AVL ids of family ``teltonika``: what each I/O element is.

Source: the maker's public parameter lists of the FMB, FMC, FMM and FM families
and `PROTOCOLS.md`. An id means one thing only with the sizes named here: older
models use some of them otherwise, and such an element is kept as ``io_<id>``.
Doubtful (from one source): 10800 … 10843, 318, 335 … 338, 662, 701 … 704.
"""

from __future__ import annotations

from typing import NamedTuple

from sealtrail.contract.reading import SealEvent

ANY = (1, 2, 4, 8)
DALLAS_ERRORS = frozenset({850, 2000, 3000, 4000, 5000})  # not ready, no value, not connected, wrong id, lost
BLE_ERRORS = frozenset(
    {2000, 3000, 4000, 32765, 32766, 32767}
)  # not parsed, not found, abnormal; old and new


class Element(NamedTuple):
    """One AVL id: ``value = raw · scale``, two's complement if ``signed``, ``errors`` are no values."""

    name: str
    sizes: tuple[int, ...] = ANY
    scale: float = 1
    signed: bool = False
    errors: frozenset[int] = frozenset()
    field: str = ""  # of the reading; the first element that has a value fills it


def _boolean(name: str) -> Element:
    return Element(name, (1,), 0)  # scale 0: zero is false, anything else true


ELEMENTS: dict[int, Element] = {
    1: _boolean("digital_input_1"),
    2: _boolean("digital_input_2"),
    3: _boolean("digital_input_3"),
    4: _boolean("digital_input_4"),
    6: Element("analog_input_2_v", (2,), 0.001),
    9: Element("analog_input_1_v", (2,), 0.001),
    10: Element("analog_input_2_v", (2,), 0.001),
    11: Element("analog_input_3_v", (2,), 0.001),
    12: Element("fuel_used_l", (4,), 0.001),
    13: Element("fuel_rate_l_per_100km", (2,), 0.01),
    15: Element("eco_score", (2,), 0.01),
    16: Element("odometer_km", (4,), 0.001, field="odometer_km"),
    17: Element("acceleration_x_g", (2,), 0.001, signed=True),
    18: Element("acceleration_y_g", (2,), 0.001, signed=True),
    19: Element("acceleration_z_g", (2,), 0.001, signed=True),
    20: Element("ble_battery_2_pct", (1,)),
    21: Element("gsm_signal", (1,)),
    22: Element("ble_battery_3_pct", (1,)),
    23: Element("ble_battery_4_pct", (1,)),
    24: Element("element_speed_kmh", (2,)),
    29: Element("ble_battery_1_pct", (1,)),
    30: Element("trouble_codes", (1,)),
    31: Element("engine_load_pct", (1,)),
    32: Element("coolant_c", (1,), signed=True),
    36: Element("engine_rpm", (2,)),
    37: Element("vehicle_speed_kmh", (1,)),
    48: Element("fuel_level_pct", (1,)),
    66: Element("external_v", (2,), 0.001, field="external_v"),
    67: Element("battery_v", (2,), 0.001, field="battery_v"),
    68: Element("battery_a", (2,), 0.001),
    69: Element("gnss_status", (1,)),
    71: Element("dallas_4_id", (8,)),
    76: Element("dallas_1_id", (8,)),
    77: Element("dallas_2_id", (8,)),
    79: Element("dallas_3_id", (8,)),
    80: Element("data_mode", (1,)),
    81: Element("vehicle_speed_kmh", (1,)),
    83: Element("fuel_used_l", (4,), 0.1),
    84: Element("fuel_level_l", (2,), 0.1),
    85: Element("engine_rpm", (2,)),
    87: Element("vehicle_odometer_km", (4,), 0.001),
    89: Element("fuel_level_pct", (1,)),
    90: Element("vehicle_doors", (2,)),
    113: Element("battery_pct", (1,), field="battery_pct"),
    116: _boolean("charger_connected"),
    115: Element("engine_c", (2,), 0.1, signed=True),
    175: Element("auto_geofence", (1,)),
    179: _boolean("digital_output_1"),
    180: _boolean("digital_output_2"),
    181: Element("pdop", (2,), 0.1),
    182: Element("hdop", (2,), 0.1, field="hdop"),
    199: Element("trip_km", (4,), 0.001),
    200: Element("sleep_mode", (1,)),
    201: Element("fuel_sensor_1", (2,)),
    202: Element("fuel_sensor_1_c", (1,), signed=True),
    203: Element("fuel_sensor_2", (2,)),
    204: Element("fuel_sensor_2_c", (1,), signed=True),
    205: Element("cell_id", (2,)),
    206: Element("location_area", (2,)),
    236: Element("alarm", (1,)),
    237: Element("network_type", (1,)),
    238: Element("user_id", (8,)),
    239: _boolean("ignition"),
    240: _boolean("movement"),
    241: Element("gsm_operator", (4,)),
    242: _boolean("man_down"),
    243: Element("green_driving_ms", (2,)),
    245: Element("analog_input_4_v", (2,), 0.001),
    246: Element("towing", (1,)),
    247: Element("crash", (1,)),
    248: Element("immobilizer", (1,)),
    249: Element("jamming", (1,)),
    250: Element("trip", (1,)),
    251: _boolean("idling"),
    252: Element("unplugged", (1,)),
    253: Element("green_driving_type", (1,)),
    254: Element("green_driving_value", (1,)),
    255: Element("overspeeding_kmh", (1,)),
    303: _boolean("instant_movement"),
    318: Element("gnss_jamming", (1,)),
    380: _boolean("digital_output_3"),
    381: _boolean("ground_sense"),
    389: Element("vehicle_odometer_km", (4,)),
    390: Element("fuel_level_l", (2,), 0.1),
    449: Element("ignition_on_s", (4,)),
    636: Element("lte_cell_id", (4,)),
    662: _boolean("door"),
}

for _number, _id in enumerate((72, 73, 74, 75), 1):
    ELEMENTS[_id] = Element(
        f"dallas_{_number}_c", (2, 4), 0.1, signed=True, errors=DALLAS_ERRORS, field="temperature_c"
    )
for _number, _id in enumerate((25, 26, 27, 28), 1):
    ELEMENTS[_id] = Element(
        f"ble_{_number}_c", (2,), 0.01, signed=True, errors=BLE_ERRORS, field="temperature_c"
    )
for _number, _id in enumerate((701, 702, 703, 704), 1):
    ELEMENTS[_id] = Element(
        f"ble_{_number}_c", (2,), 0.01, signed=True, errors=BLE_ERRORS, field="temperature_c"
    )
for _number, _id in enumerate((86, 104, 106, 108), 1):
    ELEMENTS[_id] = Element(f"ble_humidity_{_number}_pct", (2,), 0.1, errors=BLE_ERRORS, field="humidity_pct")
for _number, _id in enumerate((335, 336, 337, 338), 1):
    ELEMENTS[_id] = Element(f"ble_light_{_number}_lux", (2,), errors=BLE_ERRORS, field="light_lux")
for _number in range(4):
    _n = _number + 1
    ELEMENTS |= {
        10800 + _number: Element(
            f"eye_{_n}_c",
            (2,),
            0.01,
            signed=True,
            errors=BLE_ERRORS - {2000, 3000, 4000},
            field="temperature_c",
        ),
        10804 + _number: Element(f"eye_humidity_{_n}_pct", (1, 2), field="humidity_pct"),
        10808 + _number: _boolean(f"eye_magnet_{_n}"),
        10812 + _number: _boolean(f"eye_movement_{_n}"),
        10816 + _number: Element(f"eye_pitch_{_n}_deg", (1, 2), signed=True),
        10820 + _number: _boolean(f"eye_low_battery_{_n}"),
        10824 + _number: Element(f"eye_battery_{_n}_v", (2,), 0.001),
        10832 + _number: Element(f"eye_roll_{_n}_deg", (2,), signed=True),
        10836 + _number: Element(f"eye_movements_{_n}", (2,)),
        10840 + _number: Element(f"eye_magnets_{_n}", (2,)),
    }

RAISED: dict[int, SealEvent] = {
    236: SealEvent.SOS,
    246: SealEvent.ILLEGAL_MOVEMENT,
    247: SealEvent.SHOCK,
    249: SealEvent.JAMMING,
    252: SealEvent.POWER_LOST,
    318: SealEvent.JAMMING,
}
"""Elements that report something by not being zero, whatever the record was made for."""

ZONES = frozenset({
    *(61, 62, 63, 64, 65, 70, 88, *range(91, 100), 153, 154),
    *range(155, 160), 175, *range(190, 199), 208, 209, *range(216, 232),
})  # fmt: skip
"""Geofences: 0 left, 1 entered. Only in a record made for it; older models use the ids otherwise."""

CONTACTS: dict[int, bool] = {662: True, 10808: False, 10809: False, 10810: False, 10811: False}
"""Door contacts -> the value when open (a magnet's contact is open when the magnet is gone)."""

SOS_ELEMENT = 236
EXPLAINED = frozenset({*RAISED, *CONTACTS, *ZONES, 239, 240, 250, 251, 253, 255}) - {SOS_ELEMENT}
"""What a record of panic priority was made for, where that is no call for help: any element may be set so."""

TRUNK_BIT = 0x2000
"""Of `vehicle_doors`: the load's door; the others are opened by every driver."""

TEXTS = {256: "vin", 281: "fault_codes", 325: "vehicle_vin", 387: "iso6709"}
"""Elements of variable length that are text."""

CARDS = (78, 207)  # iButton, RFID
BEACONS = 385
TAGS = frozenset({548, 10829, 10831, 11317})
GNSS_STATUS, MOVEMENT, GSM_SIGNAL, DOORS, DOOR, CHARGER = 69, 240, 21, 90, 662, 116
