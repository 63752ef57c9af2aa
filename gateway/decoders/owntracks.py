"""OwnTracks: telephones and trackers that speak JSON over MQTT or HTTP.

Source: the OwnTracks project's description of its JSON ("OwnTracks Booklet"),
checked on frames of the Traccar project's tests. UTF-8, one object::

    {"_type":"location","tid":"CS","tst":1736519167,"lat":47.420051,"lon":13.654704,
     "acc":10,"alt":1113,"vel":0,"cog":113,"batt":46,"conn":"m"}

==============  ================================================================
field           means
==============  ================================================================
_type           kind of message, see below
lat, lon        degrees, WGS 84
tst             Unix seconds of the fix; a transition's of the event
acc, vac        m, radius horizontally and vertically
alt, vel, cog   m; km/h (negative: unknown); degrees
batt, bs        charge in %; 1 unplugged, 2 charging, 3 full
created_at      Unix seconds of the message, kept in ``extra``
tid             two characters chosen by the user
topic           as published; missing in most messages
conn, t, m, p,  connection, trigger, mode, pressure in kPa, names of the regions,
inregions, …    cell: kept in ``extra`` under their own names where plain
==============  ================================================================

==============================  ================================================
_type                           gives
==============================  ================================================
location                        a reading
transition                      a reading; ``event`` enter: GEOFENCE_ENTERED,
                                leave: GEOFENCE_LEFT, the region in ``extra``
lwt, card, cmd, waypoint(s),    nothing
configuration, dump, steps,
beacon, request, status
encrypted                       refused as ``encrypted``: the gateway has no key
any other                       refused as ``unknown_type``
==============================  ================================================

A missing field is unknown. Topics: ``owntracks/<user>/<device>`` (transitions:
``…/event``); the identity is ``<user>-<device>``, so user names without ``-``
keep identities apart. Over HTTP it is what the request says in the headers X-Limit-U
and X-Limit-D or the parameters ``u`` and ``d``, else the topic in the message, else, for
want of anything better, ``tid``: two characters that another user may have chosen too.

Identity of a reading: the time and the content, but for ``created_at``, ``topic``
and ``_id``.

Sample: the object above -> 47.420051 N 13.654704 E, 2025-01-10T14:26:07Z, 10 m.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.decoders._json_document import document, moment_ms, number, scalar, text
from gateway.decoders._lora_object import plain
from gateway.decoders._values import REFUSED, Extra, place, settled_identity, stamped, unstamped, within
from gateway.device_id import fit_device_id
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent

TOPICS = ("owntracks/+user/+device", "owntracks/+user/+device/event")
REQUEST_NAMES = (("X-Limit-U", "u"), ("X-Limit-D", "d"))
"""User and device of a request over HTTP: header, or parameter of the query."""
FAMILY = "owntracks"
NOTHING = frozenset(
    {
        "lwt", "card", "cmd", "waypoint", "waypoints", "configuration",
        "dump", "steps", "beacon", "request", "status",
    }
)  # fmt: skip
EVENTS = {"enter": SealEvent.GEOFENCE_ENTERED, "leave": SealEvent.GEOFENCE_LEFT}
CHARGING = 2
TOPIC_LEVELS = 3
READ = frozenset({"lat", "lon", "tst", "acc", "alt", "vel", "cog", "batt", "_type", "topic"})
NO_CONTENT = frozenset({"created_at", "topic", "_id"})
MAX_EXTRA = 24

_canonical = msgspec.json.Encoder(order="sorted").encode


def _named(message: dict[str, Any], device_id: str | None) -> str | None:
    """The identity that the message names; ``tid`` only where nothing else does."""
    topic = message.get("topic")
    if isinstance(topic, str):
        levels = topic.split("/")
        if len(levels) >= TOPIC_LEVELS and levels[0] == "owntracks":
            return fit_device_id("-".join(levels[1:3]))
    tid = message.get("tid")
    if device_id is None and isinstance(tid, str) and tid:
        return fit_device_id(tid)
    return None


def _set_place(reading: Reading, message: dict[str, Any]) -> None:
    latitude, longitude = message.get("lat"), message.get("lon")
    if latitude is None and longitude is None:
        where = REFUSED if message["_type"] == "location" else None
    else:
        where = place(number(latitude), number(longitude), FixKind.GNSS)
    if where is None:
        return
    reading.flags |= where.flags.value
    reading.fix_kind = where.kind.value
    reading.latitude_deg = where.latitude_deg
    reading.longitude_deg = where.longitude_deg
    if where.kind is FixKind.NONE:
        return
    reading.accuracy_m = within("accuracy_m", number(message.get("acc")))
    reading.altitude_m = within("altitude_m", number(message.get("alt")))
    reading.speed_kmh = within("speed_kmh", number(message.get("vel")))
    reading.course_deg = within("course_deg", number(message.get("cog")))


def _extra(message: dict[str, Any]) -> Extra:
    extra: Extra = {}
    for name, value in message.items():
        if name in READ or len(extra) >= MAX_EXTRA:
            continue
        if isinstance(value, list):
            value = ", ".join(text(each) for each in value[:MAX_EXTRA])  # noqa: PLW2901  as it is kept
        kept = scalar(value)
        if kept is not None and plain(name):
            extra[plain(name)] = kept
    return extra


class OwnTracks:
    """Stateless decoder of family ``owntracks``."""

    family = FAMILY
    aliases = ()
    binary = False

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """The reading of one message; see `sealtrail.contract.decoder.Decoder`."""
        message = document(frame)
        kind = message.get("_type")
        if kind == "encrypted":
            raise DecodeError("encrypted", "the payload is encrypted, and the gateway has no key for it")
        if not isinstance(kind, str) or (kind not in {"location", "transition"} and kind not in NOTHING):
            raise DecodeError("unknown_type", f"_type {str(kind)[:32]!r}")
        if kind in NOTHING:
            return []
        device = settled_identity(_named(message, device_id), device_id)
        reading = unstamped(FAMILY)
        _set_place(reading, message)
        reading.battery_pct = within("battery_pct", number(message.get("batt")))
        if message.get("bs") == CHARGING:
            reading.flags |= Flag.CHARGING.value
        extra = _extra(message)
        if kind == "transition":
            event = message.get("event")
            if event not in ("enter", "leave"):
                raise DecodeError("bad_value", "a transition's event is 'enter' or 'leave'")
            reading.seal_events = EVENTS[event].value
        reading.extra = extra or None
        content = _canonical({name: value for name, value in message.items() if name not in NO_CONTENT})
        return [stamped(reading, device, moment_ms(message.get("tst")), received_at_ms, content)]


DECODER = OwnTracks()
