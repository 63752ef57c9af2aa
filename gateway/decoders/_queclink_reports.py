"""Queclink: what each kind of report says besides position, odometer and battery.

The kinds stand in `gateway.decoders.queclink`. ``head`` are the fields
between the device's name and the position (or the end).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from gateway.decoders._queclink_accessories import (
    MAC,
    STATUS,
    battery_pct,
    sensors,
    state_of_motion,
)
from gateway.decoders._queclink_can import MASK as CAN_MASK
from gateway.decoders._queclink_can import can
from gateway.decoders._queclink_sentence import TIME, Sentence, cells, number
from gateway.decoders._values import CSQ_UNKNOWN, Extra, signal_pct_of_csq, within
from sealtrail.contract.reading import Flag, Reading, SealEvent

MILLIVOLTS = re.compile(r"[0-9]{4,5}")
REPORT_TYPE = re.compile(r"[0-9A-F]{1,3}", re.IGNORECASE)
VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
PLACE_FIELDS = 7  # accuracy … time
TYPE_AND_NUMBER = 2  # the last two fields of an ordinary head
COMBINED_ERI_MASK = re.compile(r"[0-9A-Fa-f]{8}")
ERI_DIGITAL_TANK, ERI_WIRE, ERI_CAN, ERI_BEHIND_STATUS = 1 << 0, 1 << 1, 1 << 2, 2
ERI_TANK_VALUES = ((1 << 3, "fuel_pct"), (1 << 4, "fuel_l"))
ERI_TANKS, MOST_TANKS = 1 << 3 | 1 << 4, 8
DIGITS = re.compile(r"[0-9]{1,9}")  # `str.isdigit` takes superscripts, too
DIGITAL_TANK = re.compile(r"[0-9A-Fa-f]{1,8}")

BATTERY_TRACKERS = frozenset(
    {"02", "07", "1A", "21", "28", "2C", "30", "40", "42", "44", "66", "C3", "DE", "DF", "F5"}
)
"""Device types without a vehicle's supply: GTINF has their battery's percent behind the last fix's time."""

EVENTS = {
    "GTSOS": SealEvent.SOS,
    "GTTOW": SealEvent.ILLEGAL_MOVEMENT,
    "GTJDR": SealEvent.JAMMING,
    "GTTSW": SealEvent.TAMPERED,
    "GTMPF": SealEvent.POWER_LOST,
    "GTEPF": SealEvent.POWER_LOST,
    "GTPFA": SealEvent.POWER_LOST,
    "GTBPL": SealEvent.LOW_BATTERY,
    "GTCRA": SealEvent.SHOCK,
    "GTGIN": SealEvent.GEOFENCE_ENTERED,
    "GTGOT": SealEvent.GEOFENCE_LEFT,
}
IGNITION = {"GTIGN": True, "GTVGN": True, "GTIGF": False, "GTVGF": False}
WITHOUT_SUPPLY = frozenset(
    {"GTCAN", "GTINF", "GTOBD", "GTLBS", "GTGSM", "GTWIF", "GTDAT", "GTDTT", "GTBID", "GTVER"}
)
"""Kinds whose head is of another form than (supply in millivolts, id and type, number)."""
HARSH = {"0": "braking", "1": "acceleration", "2": "turn"}
CELL_VOLTS = (2.5, 5.0)  # what a cell's voltage can be, to tell it from other numbers

HEAD_FIELDS = {
    **dict.fromkeys(("GTJDR", "GTMPF", "GTMPN", "GTEPF", "GTEPN", "GTBTC"), 0),
    **dict.fromkeys(("GTJDS", "GTGPJ", "GTSTT", "GTBPL", "GTCRA"), 1),
    **dict.fromkeys(("GTTSW", "GTLSW", "GTTEM"), 2),
    **dict.fromkeys(("GTFRI", "GTRTL", "GTSOS", "GTTOW", "GTGEO", "GTGIN", "GTGOT", "GTSPD", "GTNMR"), 3),
    **dict.fromkeys(("GTPNL", "GTDIS", "GTIOB", "GTHBM", "GTDOG", "GTIGL"), 3),
    "GTIDA": 4,
    "GTERI": 4,
}
"""How many fields stand before the position, for reports in which it may be empty."""
NO_JAMMING = frozenset({"0", "1"})  # of GTGPJ: unknown, none

Head = tuple[str, ...]
Told = Callable[[Reading, Extra, Head], None]


def _last(head: Head, back: int = 1) -> str:
    return head[-back] if len(head) >= back else ""


def empty_place(sentence: Sentence) -> int | None:
    """Where the fields of a position begin that are empty; None where there is no such place.

    Models with a vehicle bus have one field more, the VIN, before the name.
    """
    fields = HEAD_FIELDS.get(sentence.kind)
    if fields is None:
        return None
    with_vin = bool(VIN.fullmatch(sentence.body[0] if sentence.body else ""))
    for at in (fields + 2, fields + 1) if with_vin else (fields + 1, fields + 2):
        block = sentence.body[at : at + PLACE_FIELDS]
        if len(block) == PLACE_FIELDS and not block[4] and not block[5] and _is_number_or_empty(block[0]):
            return at
    return None


def _is_number_or_empty(text: str) -> bool:
    return not text or number(text) is not None


def report_type(head: Head) -> str:
    """The last digit of the field "report id and type", or the type that stands by itself."""
    text = _last(head, TYPE_AND_NUMBER)
    return text[-1] if REPORT_TYPE.fullmatch(text) else ""


def _geofence(reading: Reading, extra: Extra, head: Head) -> None:
    kind = report_type(head)
    text = _last(head, TYPE_AND_NUMBER)
    extra["geofence_id"] = text[:-1] if len(text) > 1 else _last(head, 3)
    events = {"0": SealEvent.GEOFENCE_LEFT, "1": SealEvent.GEOFENCE_ENTERED}
    reading.seal_events |= events.get(kind, SealEvent.NONE).value


def _jamming(reading: Reading, extra: Extra, head: Head) -> None:
    extra["jamming_status"] = _last(head)
    if _last(head) != "1":
        reading.seal_events |= SealEvent.JAMMING.value


def _gnss_jamming(reading: Reading, extra: Extra, head: Head) -> None:
    extra["jamming_status"] = _last(head)
    if _last(head) not in NO_JAMMING:
        reading.seal_events |= SealEvent.JAMMING.value


def _light(reading: Reading, extra: Extra, head: Head) -> None:
    state = _last(head)
    if state in {"0", "1"}:
        extra["light"] = state == "1"
        extra["in1"] = state == "1"
    if state != "0":
        reading.seal_events |= SealEvent.LIGHT.value


def _tamper(reading: Reading, extra: Extra, head: Head) -> None:
    del reading
    if _last(head) in {"0", "1"}:
        extra["tamper_switch"] = int(_last(head))
        extra["in2"] = _last(head) == "1"


def _state(reading: Reading, extra: Extra, head: Head) -> None:
    if STATUS.fullmatch(_last(head)):
        state_of_motion(reading, extra, _last(head)[:2])


def _movement(reading: Reading, extra: Extra, head: Head) -> None:
    del extra
    reading.moving = {"0": False, "1": True}.get(_last(head, TYPE_AND_NUMBER))


def _battery_low(reading: Reading, extra: Extra, head: Head) -> None:
    del extra
    reading.battery_v = within("battery_v", number(_last(head)))


def _charging(reading: Reading, extra: Extra, head: Head) -> None:
    del extra, head
    reading.flags |= Flag.CHARGING.value


def _temperature(reading: Reading, extra: Extra, head: Head) -> None:
    extra["alarm_type"] = _last(head, 2)
    reading.temperature_c = within("temperature_c", number(_last(head)))


def _status(reading: Reading, extra: Extra, head: Head) -> None:
    del extra
    reading.battery_pct = battery_pct(_last(head))
    reading.temperature_c = within("temperature_c", number(_last(head, 2)))


def _digital_input(reading: Reading, extra: Extra, head: Head) -> None:
    del reading
    text = _last(head, TYPE_AND_NUMBER)
    line = text[:-1] if len(text) > 1 else _last(head, 3)
    if report_type(head) in {"0", "1"} and DIGITS.fullmatch(line):
        extra[f"in{int(line)}"] = report_type(head) == "1"


def _harsh(reading: Reading, extra: Extra, head: Head) -> None:
    del reading
    if report_type(head) in HARSH:
        extra["harsh_behaviour"] = HARSH[report_type(head)]


def _driver(reading: Reading, extra: Extra, head: Head) -> None:
    reading.card_id = _last(head, 3)[:64] or None
    extra["card_authorised"] = _last(head, 2) != "0"
    if _last(head, 2) == "0":
        reading.seal_events |= SealEvent.BAD_CARD.value


def _warning(reading: Reading, extra: Extra, head: Head) -> None:
    del reading
    if head and DIGITS.fullmatch(head[0]):
        extra["warning_type"] = int(head[0])


def _data(reading: Reading, extra: Extra, head: Head) -> None:
    del reading
    extra["data"] = ",".join(head[3:] if len(head) > 3 else head)  # noqa: PLR2004  type and two reserved


def _fuel(reading: Reading, extra: Extra, head: Head) -> None:
    del reading
    for text in head:
        if len(text) > 8 and re.fullmatch("(?:[0-9A-Fa-f]{2})+", text):  # noqa: PLR2004  shorter ones are lengths
            data = bytes.fromhex(text).decode("latin-1").strip()
            extra["data"] = data
            level = re.search(r"COMB,[0-9]+,([0-9]{1,5}(?:\.[0-9]{1,3})?),", data)
            if level:
                extra["fuel_l"] = float(level[1])


def _beacon(reading: Reading, extra: Extra, head: Head) -> None:
    del reading
    for mac, voltage in pairwise(head):
        if MAC.fullmatch(mac) and MILLIVOLTS.fullmatch(voltage):
            extra["accessory_mac"] = mac
            extra["accessory_v"] = int(voltage) / 1000


def _version(reading: Reading, extra: Extra, head: Head) -> None:
    del reading
    for name, value in zip(("model", "firmware", "hardware"), head, strict=False):
        if value:
            extra[name] = value


def _access_points(reading: Reading, extra: Extra, head: Head) -> None:
    found = [(mac, rssi) for mac, rssi in pairwise(head) if MAC.fullmatch(mac)]
    extra["access_points"] = len(found)
    if found:
        extra["access_point"] = found[0][0]
    reading.battery_pct = battery_pct(_last(head))


def _can(reading: Reading, extra: Extra, head: Head) -> None:
    for at, field in enumerate(head):
        if CAN_MASK.fullmatch(field):
            can(reading, extra, head[at:])
            return


TOLD: dict[str, Told] = {
    "GTGEO": _geofence,
    "GTJDS": _jamming,
    "GTGPJ": _gnss_jamming,
    "GTLSW": _light,
    "GTTSW": _tamper,
    "GTSTT": _state,
    "GTNMR": _movement,
    "GTBPL": _battery_low,
    "GTBTC": _charging,
    "GTTEM": _temperature,
    "GTSTR": _status,
    "GTCTN": _status,
    "GTDIS": _digital_input,
    "GTIOB": _digital_input,
    "GTHBM": _harsh,
    "GTIDA": _driver,
    "GTDAR": _warning,
    "GTDAT": _data,
    "GTDTT": _fuel,
    "GTBID": _beacon,
    "GTVER": _version,
    "GTWIF": _access_points,
    "GTCAN": _can,
}


def tell(reading: Reading, extra: Extra, sentence: Sentence, head: Head, *, whole: bool) -> None:
    """Sets what the kind of report says; ``whole``: the head is all that stands before the end."""
    kind = sentence.kind
    reading.seal_events |= EVENTS.get(kind, SealEvent.NONE).value
    if kind in IGNITION:
        extra["ignition"] = IGNITION[kind]
    if kind == "GTINF":
        _information(reading, extra, sentence)
    elif kind in TOLD:
        TOLD[kind](reading, extra, head)
    if (
        not whole
        and kind not in WITHOUT_SUPPLY
        and MILLIVOLTS.fullmatch(_last(head, 3))
        and report_type(head)
    ):
        reading.external_v = within("external_v", int(_last(head, 3)) / 1000)


def expansion(
    reading: Reading, extra: Extra, head: Head, fields: tuple[str, ...], behind: int | None
) -> None:
    """The part of a GTERI that its mask announces."""
    mask = next((int(each, 16) for each in head if COMBINED_ERI_MASK.fullmatch(each)), 0)
    sensors(reading, extra, fields)
    if behind is not None:
        _tanks(extra, mask, fields[behind + 1 :])
    if mask & ERI_CAN and behind is not None:
        can(reading, extra, fields[behind + ERI_BEHIND_STATUS :])


def _tanks(extra: Extra, mask: int, fields: tuple[str, ...]) -> None:
    """Digital tank sensor (hex, no known unit), then tank sensors: count; type, percent, litres each.

    Of masks with 1-wire thermometers or CAN between them only what stands before these is read.
    """
    at = 0
    if mask & ERI_DIGITAL_TANK and fields and DIGITAL_TANK.fullmatch(fields[0]):
        extra["fuel_raw"] = int(fields[0], 16)
        at = 1
    if (
        not mask & ERI_TANKS
        or mask & (ERI_WIRE | ERI_CAN)
        or at >= len(fields)
        or not DIGITS.fullmatch(fields[at])
    ):
        return
    wanted = [name for bit, name in ERI_TANK_VALUES if mask & bit]
    for index in range(1, min(int(fields[at]), MOST_TANKS) + 1):
        first = at + 2 + (index - 1) * (1 + len(wanted))  # behind the count and the sensor's type
        for name, text in zip(wanted, fields[first : first + len(wanted)], strict=False):
            value = number(text)
            if value is not None:
                extra[name if index == 1 else f"{name}_{index}"] = value


def _information(reading: Reading, extra: Extra, sentence: Sentence) -> None:
    """GTINF: state, SIM card, signal, supply, battery; fields differ by model and are told by their form."""
    body = sentence.body
    at = next((index for index, field in enumerate(body[1:4], 1) if STATUS.fullmatch(field)), None)
    if at is None:
        return
    state_of_motion(reading, extra, body[at][:2])
    sim, signal, error_rate = (*body[at + 1 : at + 4], "", "", "")[:3]
    if sim:
        extra["sim"] = sim
    del error_rate
    if DIGITS.fullmatch(signal) and len(signal) <= len(str(CSQ_UNKNOWN)):
        reading.signal_pct = signal_pct_of_csq(int(signal))
    for index, field in enumerate(body[at + 4 :], at + 4):
        if TIME.fullmatch(field):
            if sentence.version[:2].upper() in BATTERY_TRACKERS and index + 1 < len(body):
                reading.battery_pct = battery_pct(body[index + 1])
            return
        value = number(field)
        if value is None:
            continue
        if MILLIVOLTS.fullmatch(field) and reading.external_v is None:
            reading.external_v = within("external_v", value / 1000)
        elif "." in field and CELL_VOLTS[0] <= value <= CELL_VOLTS[1] and reading.battery_v is None:
            reading.battery_v = value


def serving_cell(extra: Extra, sentence: Sentence) -> None:
    """The cell of a report without position; GTGSM names the serving cell last, others first."""
    found = cells(sentence.body)
    if found:
        _, cell = found[-1 if sentence.kind == "GTGSM" else 0]
        extra |= {
            "cell_mcc": cell.country,
            "cell_mnc": cell.network,
            "location_area": cell.area,
            "cell_id": cell.cell,
        }
