"""The Things Stack v3 (The Things Network): uplinks of LoRaWAN devices over MQTT or HTTP.

Source: The Things Industries' description of the application server's messages,
checked on frames of the Traccar project's tests. The same JSON comes on the MQTT
topic ``v3/<application>@<tenant>/devices/<device_id>/up`` and as the body of an
HTTP webhook. **Empty, zero and false fields are left out**: a missing ``f_cnt``
is 0, a missing ``confirmed`` false, a missing SNR 0. Times RFC 3339::

    {"end_device_ids":{"device_id":"seal-7","dev_eui":"70B3…","dev_addr":"260B…"},
     "received_at":"2025-11-12T08:29:01.954Z",
     "uplink_message":{"session_key_id":"…","f_port":1,"f_cnt":15,
       "frm_payload":"<base64>","decoded_payload":{…},"received_at":"…",
       "rx_metadata":[{"rssi":-58,"snr":12}],"locations":{…}}}

=============================  =================================================
part                           means
=============================  =================================================
end_device_ids.device_id       the device; unique in its application
uplink_message.decoded_payload what the device's codec said, see
                               ``_lora_object.py``; else normalized_payload,
                               else frm_payload: JSON or Cayenne LPP, see
                               ``_cayenne.py``
uplink_message.received_at     when the network had it; else the outer one
uplink_message.rx_metadata     the gateways that heard it; the best one's RSSI
                               and SNR and their number are kept. Their own
                               places are not the device's
uplink_message.locations       last known places by source: a registered one is
                               left out; SOURCE_GPS is a repetition of the last
                               one (stale), WIFI from Wi-Fi, others from the
                               network (kilometres)
simulated                      made by hand in the console: kept in ``extra``
location_solved                a place that the network worked out: a reading
join_accept, downlink_*,       nothing
service_data
=============================  =================================================

Identity of a reading and its time: see ``_lora_uplink.py``.

Sample: frm_payload ``AIgFxALtUoAAEWIAZwEQAWcA/w==`` without decoded_payload ->
37.7858 N 122.4064 W, 44.5 m, 27.2 °C (and 25.5 °C as ``temperature_1``).
"""

from __future__ import annotations

from typing import Any

from gateway.decoders._json_document import document, moment_ms, number, part, parts, text, whole
from gateway.decoders._lora_object import ObjectReading
from gateway.decoders._lora_uplink import Location, Uplink, locate, reading_of, reception
from gateway.decoders._values import settled_identity, stamped, unstamped
from gateway.device_id import fit_device_id
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Reading

FAMILY = "ttn"
TOPICS = ("v3/+/devices/+device/up", "v3/+/devices/+device/location/solved")
NOTHING = ("join_accept", "service_data", "downlink_ack", "downlink_nack", "downlink_sent", "downlink_failed",
           "downlink_queued", "downlink_queue_invalidated", "downlinks", "error")  # fmt: skip
REGISTERED = "SOURCE_REGISTRY"
OWN = "SOURCE_GPS"


def _location(found: dict[str, Any]) -> Location | None:
    source = text(found.get("source"))
    if not found or source == REGISTERED:
        return None
    kind = FixKind.STALE if source == OWN else FixKind.WIFI if "WIFI" in source else FixKind.CELL
    return Location(
        number(found.get("latitude")) or 0.0,  # zero is left out
        number(found.get("longitude")) or 0.0,
        number(found.get("altitude")),
        number(found.get("accuracy")),
        kind,
    )


def _best_location(uplink: dict[str, Any]) -> Location | None:
    found = [_location(each) for each in part(uplink, "locations").values() if isinstance(each, dict)]
    known = [each for each in found if each is not None]
    order = (FixKind.STALE, FixKind.WIFI, FixKind.CELL)
    return min(known, key=lambda location: order.index(location.kind)) if known else None


def _codec(uplink: dict[str, Any]) -> dict[str, Any]:
    codec = part(uplink, "decoded_payload")
    if codec:
        return codec
    normalized = parts(uplink, "normalized_payload")
    return normalized[0] if normalized else part(uplink, "normalized_payload")


def _unwrapped(message: dict[str, Any]) -> dict[str, Any]:
    """The message within the envelope of an event (console, storage integration)."""
    for name in ("data", "result"):
        if "end_device_ids" not in message and "end_device_ids" in part(message, name):
            return part(message, name)
    return message


class TheThingsStack:
    """Stateless decoder of family ``ttn``."""

    family = FAMILY
    aliases = ("ttnhttp", "tts", "thethingsstack")
    binary = False

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """The reading of one message; see `sealtrail.contract.decoder.Decoder`."""
        message = _unwrapped(document(frame))
        identifiers = part(message, "end_device_ids")
        if not identifiers:
            raise DecodeError("missing_field", "no end_device_ids")
        named = text(identifiers.get("device_id")) or text(identifiers.get("dev_eui")).lower()
        device = settled_identity(fit_device_id(named) if named else None, device_id)
        outer_ms = moment_ms(message.get("received_at"))
        if "location_solved" in message:
            return _solved(message, device, outer_ms, received_at_ms)
        uplink = message.get("uplink_message", message.get("uplink_normalized"))
        if not isinstance(uplink, dict):
            if any(name in message for name in NOTHING):
                return []
            raise DecodeError("missing_field", "neither uplink_message nor another known message")
        reading = reading_of(
            Uplink(
                FAMILY,
                device,
                text(identifiers.get("dev_eui")).lower(),
                text(identifiers.get("dev_addr")).lower(),
                text(uplink.get("session_key_id")),
                whole(uplink.get("f_cnt"), 2**32 - 1) or 0,
                whole(uplink.get("f_port"), 255) or 0,
                uplink.get("confirmed") is True,
                moment_ms(uplink.get("received_at")) or outer_ms,
                uplink.get("frm_payload"),
                _codec(uplink),
                [reception(each, "snr") for each in parts(uplink, "rx_metadata")],
            ),
            _best_location(uplink),
            received_at_ms,
        )
        if message.get("simulated") is True and reading.extra is not None:
            reading.extra["simulated"] = True
        return [reading]


def _solved(
    message: dict[str, Any], device: str, network_ms: int | None, received_at_ms: int
) -> list[Reading]:
    location = _location(part(part(message, "location_solved"), "location"))
    if location is None:
        return []
    reading = unstamped(FAMILY)
    locate(reading, ObjectReading(reading, {}), location)
    content = f"{location}".encode()
    return [stamped(reading, device, network_ms, received_at_ms, content)]


DECODER = TheThingsStack()
