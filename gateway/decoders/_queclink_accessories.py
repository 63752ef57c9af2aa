"""Queclink: what stands behind the position: odometer, battery, status, 1-wire and Bluetooth sensors, CAN."""

from __future__ import annotations

import re

from gateway.decoders._queclink_sentence import number
from gateway.decoders._values import Extra, within
from sealtrail.contract.reading import Reading, SealEvent

STATUS = re.compile(r"(1[126A]|2[12]|4[12])(?:([0-9A-F]{2})([0-9A-F]{2})|[0-9A-F]{8})?", re.IGNORECASE)
"""State of motion and ignition, inputs, outputs; the ten-digit form has more inputs and outputs."""
LONG_STATUS = 6
DECIMAL = re.compile(r"-?[0-9]{1,3}\.[0-9]")
PERCENT = re.compile(r"0|[1-9][0-9]?|100")
ODOMETER = re.compile(r"[0-9]{1,8}\.[0-9]{1,2}")
ODOMETER_WITHIN = 3  # it is one of the first fields behind the cell
HOUR_METER = re.compile(r"([0-9]{1,7}):([0-5][0-9]):([0-5][0-9])")
ANALOGUE = re.compile(r"[0-9]{1,5}")
WIRE_ID = re.compile(r"[0-9A-Fa-f]{16}")
WIRE_TYPE = re.compile(r"[0-9]{1,2}")
WIRE_DATA = re.compile(r"[0-9A-Fa-f]{4}")
WIRE_STEP_C = 0.0625  # DS18B20
MAC = re.compile(r"[0-9A-Fa-f]{12}")
MASK = re.compile(r"[0-9A-Fa-f]{4}")

BEACON_STATUS, BEACON_BATTERY, BEACON_TEMPERATURE, BEACON_HUMIDITY = 1 << 2, 1 << 3, 1 << 4, 1 << 5
BEACON_FINE_TEMPERATURE = 1 << 11
BEACON_NAME_AND_ADDRESS = 0b11

LAST_IS_BATTERY = frozenset({"GTFRI", "GTRTL", "GTNMR", "GTSOS", "GTLBC", "GTGEO", "GTSPD", "GTTMP", "GTPNL"})
MOTION = {"11": False, "21": False, "41": False, "12": True, "22": True, "42": True, "16": True}
TOWED = "16"


def state_of_motion(reading: Reading, extra: Extra, state: str) -> None:
    """Two digits: 1 ignition off, 2 on, 4 not wired; then 1 at rest, 2 moving; 16 towed, 1A perhaps towed."""
    state = state.upper()
    extra["state"] = state
    reading.moving = MOTION.get(state)
    if state[0] in "12":
        extra["ignition"] = state[0] == "2"
    if state == TOWED:
        reading.seal_events |= SealEvent.ILLEGAL_MOVEMENT.value


def battery_pct(text: str) -> float | None:
    """A charge in percent, written without leading zeros; "00" is a reserved field."""
    return float(text) if PERCENT.fullmatch(text) else None


def trailer(reading: Reading, extra: Extra, kind: str, version: str, fields: tuple[str, ...]) -> int | None:
    """What follows the last position's cell; returns the index behind the status, where there is one."""
    for field in fields[:ODOMETER_WITHIN]:
        if ODOMETER.fullmatch(field):
            reading.odometer_km = within("odometer_km", float(field))
            break
    for at, field in enumerate(fields):
        found = STATUS.fullmatch(field)
        if found and len(field) >= LONG_STATUS:
            state_of_motion(reading, extra, found[1])
            if found[2]:
                _inputs(extra, int(found[2], 16), int(found[3], 16))
            if at:
                reading.battery_pct = battery_pct(fields[at - 1])
                _meters(extra, fields[: at - 1])
            return at + 1
    match version[:2].upper():
        case "DE" if len(fields) > 3:  # noqa: PLR2004  signal, reserved, reserved, battery
            reading.battery_pct = battery_pct(fields[3])
        case "C3" if len(fields) > 1:  # reserved, battery, motion, temperature
            reading.battery_pct = battery_pct(fields[1])
            reading.moving = {"0": False, "1": True}.get(fields[2]) if len(fields) > 2 else None  # noqa: PLR2004
            if len(fields) > 3 and DECIMAL.fullmatch(fields[3]):  # noqa: PLR2004
                reading.temperature_c = within("temperature_c", float(fields[3]))
        case "DF" if len(fields) > 6 and STATUS.fullmatch(fields[6]):  # noqa: PLR2004  a status of two digits
            reading.battery_pct = battery_pct(fields[5])
            state_of_motion(reading, extra, fields[6][:2])
        case _ if kind in LAST_IS_BATTERY and len(fields) > 1:
            reading.battery_pct = battery_pct(fields[-1])
    return None


def _meters(extra: Extra, fields: tuple[str, ...]) -> None:
    """The hour meter, and analogue inputs behind it: millivolts or percent, as each device is set."""
    for at, field in enumerate(fields[:ODOMETER_WITHIN]):
        found = HOUR_METER.fullmatch(field)
        if found:
            hours, minutes, seconds = (int(part) for part in found.groups())
            extra["hour_meter_s"] = hours * 3600 + minutes * 60 + seconds
            for index, text in enumerate(fields[at + 1 :], 1):
                if ANALOGUE.fullmatch(text):
                    extra[f"analog_{index}"] = int(text)
            return


def _inputs(extra: Extra, inputs: int, outputs: int) -> None:
    """Digital lines: bit 0 of the inputs is the ignition's, bit 1 input 1, bit 2 input 2."""
    extra["inputs"] = inputs
    extra["outputs"] = outputs
    extra["in1"] = bool(inputs & 2)
    extra["in2"] = bool(inputs & 4)


def sensors(reading: Reading, extra: Extra, fields: tuple[str, ...]) -> None:
    """1-wire thermometers and Bluetooth sensors of a GTERI; the first temperature is the reading's."""
    temperatures = list(_wired(fields))
    for at, mac in enumerate(fields):
        if at > 1 and MAC.fullmatch(mac) and MASK.fullmatch(fields[at - 2]):
            fine_c = _beacon(reading, extra, fields[at - 1], int(fields[at - 2], 16), fields[at + 1 :])
            if fine_c is not None:
                temperatures.append(fine_c)
    credible = [each for each in temperatures if within("temperature_c", each) is not None]
    if credible:
        reading.temperature_c = credible[0]
    for index, each in enumerate(credible[1:], 2):
        extra[f"temperature_{index}_c"] = each


def _wired(fields: tuple[str, ...]) -> list[float]:
    return [
        int.from_bytes(bytes.fromhex(data), "big", signed=True) * WIRE_STEP_C
        for identity, form, data in zip(fields, fields[1:], fields[2:], strict=False)
        if WIRE_ID.fullmatch(identity) and WIRE_TYPE.fullmatch(form) and WIRE_DATA.fullmatch(data)
    ]


def _beacon(reading: Reading, extra: Extra, name: str, mask: int, fields: tuple[str, ...]) -> float | None:
    """One Bluetooth sensor behind its address; fields stand there as the mask's bits say. Its temperature."""
    if mask & BEACON_NAME_AND_ADDRESS != BEACON_NAME_AND_ADDRESS:
        return None
    values: dict[int, str] = {}
    at = 0
    for bit in (BEACON_STATUS, BEACON_BATTERY, BEACON_TEMPERATURE, BEACON_HUMIDITY):
        if mask & bit and at < len(fields):
            values[bit] = fields[at]
            at += 1
    above = (
        mask >> 6 & 0b11111
    )  # five bits whose fields aren't known, so the one behind is found without them only
    if mask & BEACON_FINE_TEMPERATURE and not above and at < len(fields):
        values[BEACON_FINE_TEMPERATURE] = fields[at]
    index = sum(1 for key in extra if key.startswith("sensor_") and key.endswith("_name")) + 1
    extra[f"sensor_{index}_name"] = name
    battery_mv = number(values.get(BEACON_BATTERY, ""))
    if battery_mv is not None:
        extra[f"sensor_{index}_battery_v"] = battery_mv / 1000
    humidity = within("humidity_pct", number(values.get(BEACON_HUMIDITY, "")))
    if humidity is not None and reading.humidity_pct is None:
        reading.humidity_pct = humidity
    fine = number(values.get(BEACON_FINE_TEMPERATURE, ""))
    return fine if fine is not None else number(values.get(BEACON_TEMPERATURE, ""))
