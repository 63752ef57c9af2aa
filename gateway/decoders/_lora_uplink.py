"""A LoRaWAN uplink as network servers tell it, become a reading: what The Things Stack and ChirpStack share.

The device's own codec comes first: the object that the server has decoded, else
a payload that is JSON, else Cayenne LPP (`gateway.decoders._cayenne`), else the
payload's bytes in ``extra["payload_hex"]``: the device lives.

Time: the device's own where its codec tells one that is credible (not after the
network had the message), else when the network had it.

Identity: (device, device address, session, frame counter, day, payload). Copies that
several gateways or two integrations bring are one reading; the day of receipt
by the network and the payload are there because devices with fixed keys start their
counter anew at every start, and a report taken for a copy of an old one would be lost.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, NamedTuple

import msgspec

from gateway.decoders._cayenne import Value, cayenne
from gateway.decoders._json_document import number
from gateway.decoders._lora_object import ObjectReading
from gateway.decoders._values import Extra, unstamped, within
from gateway.device_time import CLOCK_EPOCH_MS, FUTURE_TOLERANCE_MS, settle
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Reading, reading_id_of

DAY_MS = 86_400_000
MAX_PAYLOAD_HEX = 512
FIELDS = {"temperature": "temperature_c", "humidity": "humidity_pct", "illuminance": "light_lux"}
POSITION, UNIX_TIME = "position", "unix_time"
AXES = {
    "acceleration": ("x_g", "y_g", "z_g"),
    "turning_rate": ("x_dps", "y_dps", "z_dps"),
    "colour": ("r", "g", "b"),
}


class Uplink(NamedTuple):
    """One uplink, whatever the network server."""

    family: str
    device_id: str
    dev_eui: str
    dev_addr: str
    session: str  # what changes with every join, where the server tells it
    f_cnt: int
    f_port: int
    confirmed: bool
    network_ms: int | None  # when the network had it
    payload: object  # base64; looked at only where there is no `codec`
    codec: dict[str, Any]  # as the server has decoded the payload; may be empty
    receptions: list[tuple[float | None, float]]  # RSSI in dBm and SNR in dB of each gateway


class Location(NamedTuple):
    """A position that the network server knows or has worked out."""

    latitude_deg: float | None
    longitude_deg: float | None
    altitude_m: float | None
    accuracy_m: float | None
    kind: FixKind


def payload_of(value: object) -> bytes:
    """The bytes of a base64 field; missing is empty. Raises `DecodeError`."""
    if value is None:
        return b""
    try:
        return base64.b64decode(value if isinstance(value, str) else b"!", validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError("bad_payload", f"the payload is no base64: {error}") from error


def reading_of(uplink: Uplink, location: Location | None, received_at_ms: int) -> Reading:
    """The reading of an uplink; ``location`` serves where the device itself tells no position."""
    reading = unstamped(uplink.family)
    extra = _envelope(uplink)
    told = ObjectReading(reading, extra)
    if uplink.codec:
        told.take(uplink.codec)
    else:
        _take_payload(told, reading, extra, payload_of(uplink.payload))
    if location is not None and not told.located:
        locate(reading, told, location)
    network_ms = received_at_ms if uplink.network_ms is None else uplink.network_ms
    latest_ms = network_ms + FUTURE_TOLERANCE_MS
    own_ms = told.claimed_ms
    credible = own_ms is not None and CLOCK_EPOCH_MS <= own_ms <= latest_ms
    time = settle(own_ms if credible else network_ms, received_at_ms)
    session = f"{uplink.dev_addr},{uplink.session},{uplink.f_cnt},{network_ms // DAY_MS},{_as_sent(uplink)}"
    reading.device_id = uplink.device_id
    reading.reading_id = reading_id_of(uplink.device_id, None, None, session.encode())
    reading.sequence = uplink.f_cnt
    reading.occurred_at_ms = time.occurred_at_ms
    reading.received_at_ms = received_at_ms
    reading.device_time_ms = own_ms if own_ms is not None and not credible else time.device_time_ms
    reading.flags |= time.flags.value
    reading.extra = extra
    return reading


def _as_sent(uplink: Uplink) -> str:
    """The payload as the server tells it; empty where it tells none."""
    return uplink.payload if isinstance(uplink.payload, str) else ""


def locate(reading: Reading, told: ObjectReading, location: Location) -> None:
    """Sets the network server's position."""
    told.locate(location.latitude_deg, location.longitude_deg, location.kind)
    if reading.latitude_deg is not None:
        reading.altitude_m = within("altitude_m", location.altitude_m)
        reading.accuracy_m = within("accuracy_m", location.accuracy_m)


def _envelope(uplink: Uplink) -> Extra:
    extra: Extra = {"f_cnt": uplink.f_cnt, "f_port": uplink.f_port}
    for name, value in (("dev_eui", uplink.dev_eui), ("dev_addr", uplink.dev_addr)):
        if value:
            extra[name] = value
    if uplink.confirmed:
        extra["confirmed"] = True
    if uplink.receptions:
        extra["gateways"] = len(uplink.receptions)
        heard = [reception for reception in uplink.receptions if reception[0] is not None]
        if heard:
            rssi, snr = max(heard, key=lambda reception: (reception[0] or 0, reception[1]))
            extra["rssi_dbm"] = rssi or 0.0
            extra["snr_db"] = snr
    return extra


def _take_payload(told: ObjectReading, reading: Reading, extra: Extra, payload: bytes) -> None:
    codec = _json_payload(payload)
    records = cayenne(payload)
    if codec:
        told.take(codec)
    elif records is not None:
        extra["codec"] = "cayenne_lpp"
        _take_records(told, reading, extra, records)
    elif payload:
        extra["payload_hex"] = payload.hex()[:MAX_PAYLOAD_HEX]


def _json_payload(payload: bytes) -> dict[str, Any]:
    if payload[:1] != b"{":
        return {}
    try:
        found = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _take_records(told: ObjectReading, reading: Reading, extra: Extra, records: list[Value]) -> None:
    for channel, name, numbers in records:
        if name == POSITION and not told.located:
            latitude, longitude, altitude = numbers
            told.locate(latitude, longitude, FixKind.GNSS)
            if reading.latitude_deg is not None:
                reading.altitude_m = within("altitude_m", altitude)
        elif name == UNIX_TIME and told.claimed_ms is None:
            told.claimed_ms = int(numbers[0]) * 1000
        elif (
            name in FIELDS
            and getattr(reading, FIELDS[name]) is None
            and within(FIELDS[name], numbers[0]) is not None
        ):
            setattr(reading, FIELDS[name], numbers[0])
        elif name in AXES:
            extra |= {
                f"{name}_{axis}_{channel}": each for axis, each in zip(AXES[name], numbers, strict=True)
            }
        else:
            extra |= {f"{name}_{channel}": numbers[0]}


def reception(found: dict[str, Any], snr_name: str) -> tuple[float | None, float]:
    """RSSI and SNR of one gateway; an SNR that is missing is 0."""
    return number(found.get("rssi")), number(found.get(snr_name)) or 0.0
