"""ChirpStack v4: events of LoRaWAN devices over MQTT or HTTP.

Source: the ChirpStack project's description of its JSON events and their
protobuf definition (``integration.proto``); from memory, without captured frames.
MQTT topic ``application/<application_id>/device/<dev_eui>/event/<event>``; over
HTTP the same body with ``?event=up``, which isn't needed: events are told apart
by their fields. Fields that are empty, zero or false may be left out: a missing
``fCnt`` is 0, a missing ``confirmed`` false. Times RFC 3339::

    {"deduplicationId":"…","time":"2025-11-12T08:29:01.749+00:00",
     "deviceInfo":{"tenantId":"…","applicationId":"…","deviceName":"seal 7",
                   "devEui":"0101010101010101"},
     "devAddr":"00189440","dr":5,"fCnt":4,"fPort":1,"confirmed":false,
     "data":"A2cBEAVnAP8=","object":{"temperatureSensor":{"3":27.2}},
     "rxInfo":[{"gatewayId":"…","rssi":-58,"snr":12}],"txInfo":{…}}

=============  =================================================================
event          gives
=============  =================================================================
up             a reading: ``object`` as the device's codec said (see
               ``_lora_object.py``), else ``data`` (base64): JSON or Cayenne LPP
               (see ``_cayenne.py``). rxInfo: the best gateway's RSSI and SNR and
               their number; their places are not the device's
status         battery: ``batteryLevel`` in %, unless ``batteryLevelUnavailable``
               or ``externalPowerSource``; ``margin`` in dB
location       the network's place: GPS is a fix, WIFI from Wi-Fi, others cell-like
join, ack,     nothing
txack, log,
integration
=============  =================================================================

``deviceInfo.devEui`` is the device, in lower case. Identity of a reading and its
time: see ``_lora_uplink.py``.

Sample: the object above without ``object`` -> 27.2 °C and 25.5 °C, counter 4.
"""

from __future__ import annotations

import re
from typing import Any

from gateway.decoders._json_document import document, moment_ms, number, part, parts, text, whole
from gateway.decoders._lora_object import ObjectReading
from gateway.decoders._lora_uplink import Location, Uplink, locate, reading_of, reception
from gateway.decoders._values import Extra, settled_identity, stamped, unstamped, within
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Reading

FAMILY = "chirpstack"
TOPICS = ("application/+/device/+device/event/+",)
EUI = re.compile(r"[0-9a-f]{16}")
UPLINK = ("data", "object", "rxInfo", "txInfo", "fPort", "fCnt", "dr")
STATUS = ("margin", "batteryLevel", "externalPowerSource", "batteryLevelUnavailable")
NOTHING = (
    "integrationName", "queueItemId", "acknowledged", "downlinkId", "gatewayId", "fCntDown", "level", "code",
    "description",
)  # fmt: skip


def _identity(message: dict[str, Any], device_id: str | None) -> str:
    eui = text(part(message, "deviceInfo").get("devEui")).lower()
    if eui and not EUI.fullmatch(eui):
        raise DecodeError("bad_identity", f"devEui {eui[:32]!r}, expected 16 hex digits")
    if device_id is not None and device_id.lower() == eui:
        return eui
    return settled_identity(eui or None, device_id)


def _located(message: dict[str, Any], device: str, at_ms: int | None, received_at_ms: int) -> Reading:
    found = part(message, "location")
    source = text(found.get("source"))
    kind = FixKind.GNSS if source == "GPS" else FixKind.WIFI if "WIFI" in source else FixKind.CELL
    location = Location(
        number(found.get("latitude")) or 0.0,
        number(found.get("longitude")) or 0.0,
        number(found.get("altitude")),
        number(found.get("accuracy")),
        kind,
    )
    reading = unstamped(FAMILY)
    locate(reading, ObjectReading(reading, {}), location)
    return stamped(reading, device, at_ms, received_at_ms, f"{location}".encode())


def _status(message: dict[str, Any], device: str, at_ms: int | None, received_at_ms: int) -> Reading:
    reading = unstamped(FAMILY)
    extra: Extra = {"event": "status"}
    if (margin := number(message.get("margin"))) is not None:
        extra["margin_db"] = margin
    external = message.get("externalPowerSource") is True
    if external:
        extra["external_power"] = True
    elif message.get("batteryLevelUnavailable") is not True:
        level = message.get("batteryLevel")
        reading.battery_pct = 0.0 if level is None else within("battery_pct", number(level))
    reading.extra = extra
    content = f"status,{extra},{reading.battery_pct}"
    return stamped(reading, device, at_ms, received_at_ms, content.encode())


class ChirpStack:
    """Stateless decoder of family ``chirpstack``."""

    family = FAMILY
    aliases = ("chirpstack4", "chirpstackv4")
    binary = False

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """The reading of one event; see `sealtrail.contract.decoder.Decoder`."""
        message = document(frame)
        if not part(message, "deviceInfo"):
            raise DecodeError("missing_field", "no deviceInfo: not an event of ChirpStack v4")
        device = _identity(message, device_id)
        at_ms = moment_ms(message.get("time"))
        if any(name in message for name in NOTHING) and not any(
            name in message for name in ("rxInfo", "data")
        ):
            return []
        if part(message, "location"):
            return [_located(message, device, at_ms, received_at_ms)]
        if any(name in message for name in STATUS):
            return [_status(message, device, at_ms, received_at_ms)]
        if not any(name in message for name in UPLINK):
            return []
        uplink = Uplink(
            FAMILY,
            device,
            text(part(message, "deviceInfo").get("devEui")).lower(),
            text(message.get("devAddr")).lower(),
            "",
            whole(message.get("fCnt"), 2**32 - 1) or 0,
            whole(message.get("fPort"), 255) or 0,
            message.get("confirmed") is True,
            at_ms,
            message.get("data"),
            part(message, "object"),
            [reception(each, "snr") for each in parts(message, "rxInfo")],
        )
        return [reading_of(uplink, None, received_at_ms)]


DECODER = ChirpStack()
IDENTITY = (r"[0-9a-f]{16}", "its DevEUI: 16 hexadecimal digits in small letters")
