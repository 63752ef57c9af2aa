"""Cayenne LPP: typed sensor values in a LoRaWAN payload.

Source: myDevices' description of the Cayenne Low Power Payload and the common
extension of its type table (CayenneLPP libraries), whose types above 100 are
IPSO object numbers less 3200. Records one after the other, big-endian, no
checksum: that all records end exactly with the payload is all that shows it to
be sound::

    channel (1) | type (1) | value

====  =======================  =======  =====  ===============================
type  quantity                 bytes    sign   scale
====  =======================  =======  =====  ===============================
 0/1  digital input / output   1        no     1
 2/3  analogue input / output  2        yes    0.01
 100  generic                  4        no     1
 101  illuminance              2        no     1 lux
 102  presence                 1        no     1
 103  temperature              2        yes    0.1 °C
 104  relative humidity        1        no     0.5 %
 113  acceleration x, y, z     3 x 2    yes    0.001 g
 115  pressure                 2        no     0.1 hPa
 116  voltage                  2        no     0.01 V
 117  current                  2        no     0.001 A (doubtful: some sign it)
 118  frequency                4        no     1 Hz
 120  percentage               1        no     1 %
 121  altitude                 2        yes    1 m
 125  concentration            2        no     1 ppm
 128  power                    2        no     1 W
 130  distance                 4        no     0.001 m
 131  energy                   4        no     0.001 kWh
 132  direction                2        no     1°
 133  Unix time                4        no     1 s
 134  turning rate x, y, z     3 x 2    yes    0.01 °/s
 135  colour r, g, b           3 x 1    no     1
 136  position                 3 x 3    yes    0.0001°, 0.0001°, 0.01 m
 142  switch                   1        no     1
====  =======================  =======  =====  ===============================

0.0001° is 11 m. Sample: ``018806765FF2960A0003E8`` -> channel 1: 42.3519 N,
87.9094 W, 10 m.
"""

from __future__ import annotations

from typing import NamedTuple

RECORD_HEAD = 2


class Kind(NamedTuple):
    """How the value of a type stands in the payload."""

    name: str
    sizes: tuple[int, ...]  # bytes of each number
    divisors: tuple[int, ...]
    signed: bool = False


KINDS: dict[int, Kind] = {
    0: Kind("digital_in", (1,), (1,)),
    1: Kind("digital_out", (1,), (1,)),
    2: Kind("analog_in", (2,), (100,), signed=True),
    3: Kind("analog_out", (2,), (100,), signed=True),
    100: Kind("generic", (4,), (1,)),
    101: Kind("illuminance", (2,), (1,)),
    102: Kind("presence", (1,), (1,)),
    103: Kind("temperature", (2,), (10,), signed=True),
    104: Kind("humidity", (1,), (2,)),
    113: Kind("acceleration", (2, 2, 2), (1000, 1000, 1000), signed=True),
    115: Kind("pressure_hpa", (2,), (10,)),
    116: Kind("voltage_v", (2,), (100,)),
    117: Kind("current_a", (2,), (1000,)),
    118: Kind("frequency_hz", (4,), (1,)),
    120: Kind("percentage", (1,), (1,)),
    121: Kind("altitude", (2,), (1,), signed=True),
    125: Kind("concentration_ppm", (2,), (1,)),
    128: Kind("power_w", (2,), (1,)),
    130: Kind("distance_m", (4,), (1000,)),
    131: Kind("energy_kwh", (4,), (1000,)),
    132: Kind("direction", (2,), (1,)),
    133: Kind("unix_time", (4,), (1,)),
    134: Kind("turning_rate", (2, 2, 2), (100, 100, 100), signed=True),
    135: Kind("colour", (1, 1, 1), (1, 1, 1)),
    136: Kind("position", (3, 3, 3), (10_000, 10_000, 100), signed=True),
    142: Kind("switch", (1,), (1,)),
}


class Value(NamedTuple):
    """One record."""

    channel: int
    name: str  # of its `Kind`
    numbers: tuple[float, ...]


def cayenne(payload: bytes) -> list[Value] | None:
    """The records of a payload; None where it isn't of this form."""
    found: list[Value] = []
    at = 0
    while at + RECORD_HEAD <= len(payload):
        channel, kind = payload[at], KINDS.get(payload[at + 1])
        at += RECORD_HEAD
        if kind is None:
            return None
        numbers = []
        for size, divisor in zip(kind.sizes, kind.divisors, strict=True):
            raw = payload[at : at + size]
            if len(raw) < size:
                return None
            numbers.append(int.from_bytes(raw, "big", signed=kind.signed) / divisor)
            at += size
        found.append(Value(channel, kind.name, tuple(numbers)))
    return found if found and at == len(payload) else None
