"""What a LoRaWAN device's own codec says: a JSON object with names that every maker chooses for himself.

Names are compared without regard to case and separators (``batteryVoltage`` is
``battery_voltage``), and a number at their end is a channel (``temperature_0``).
Our own names (docs/device-protocol.md) come first, then the usual ones; what has
no place in a reading stays in ``extra`` under its own name.

Several forms of one thing: flat (``latitude``), within an object (``gps_1``,
``location``, ``position``, ``fix``), as ChirpStack's own Cayenne codec
(``{"temperatureSensor": {"3": 27.2}}``), as The Things Stack's normalised
payload (``{"air": {"temperature": 21}}``) and as a list of
``{"type": …, "measurementValue": …}``.

======================================  ======================================
says                                    gives
======================================  ======================================
door, lid: open, true, 1                ``door_open`` and DOOR_OPENED
the same: closed, false, 0              ``door_open`` false, no event
magnet, reed, contact: "open", "closed" the same; numbers stay in ``extra``
tamper, case, cover, removed,           TAMPERED
(un)installed: true, 1, "uninstalled"
light (true, or "bright"), light alarm  LIGHT
lock, locked, seal, cable, wire, rope,  ``seal_state``; "cut": CUT, "open", "out":
shackle, bolt: a word                   OPENED, "tampered": TAMPERED; of several
                                        the worst
seal intact, cable intact: false        ``seal_state`` and CUT
cut, jamming, sos, shock, drop, low     the event of that name
battery, power lost, wrong password
events, alarm, alert: words             these: our names and the usual ones
======================================  ======================================

A number of a quantity is taken for the unit of its reading field; ``speed``
without a unit is taken for km/h (doubtful). ``battery`` above 100 is mV, from 6
percent, a fraction below 6 volts, and a whole number below 6 may be either: it
stays in ``extra``. An open door is told as an event in each report, since these
devices have no other way to tell it.
"""

from __future__ import annotations

import re
from typing import Any

from gateway.decoders._json_document import moment_ms, number, scalar, text, whole
from gateway.decoders._lora_names import (
    DOORS,
    DOORS_IN_WORDS,
    EVENT_NAMES,
    EVENT_WORDS,
    INTACT,
    LATITUDES,
    LIGHTS,
    LOCKED_WHEN_TRUE,
    LOCKS,
    LONGITUDES,
    MOVING,
    NO,
    PLACES,
    QUANTITIES,
    SECTIONS,
    SEQUENCES,
    STATE_EVENTS,
    STATES,
    TAMPERED_WORDS,
    TAMPERS,
    TIMES,
    TOLD_EVENTS,
    YES,
)
from gateway.decoders._values import Extra, place, within
from sealtrail.contract.public.device_report import MAX_TEXT
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState

MAX_DEPTH = 3
MAX_EXTRA = 40
MAX_VALUES = 200
NO_NAME = re.compile(r"[^a-z0-9]+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


BATTERY_PCT_FROM = 6
EVENT_LISTS = frozenset(
    {"event", "events", "seal_event", "seal_events", "alarm", "alarms", "alert", "alerts"}
)
BADNESS = (
    SealState.UNKNOWN,
    SealState.SEALED,
    SealState.UNLOCKED,
    SealState.FAULT,
    SealState.OPEN,
    SealState.CUT,
)
BATTERY_MV_ABOVE = 100


def plain(name: str) -> str:
    """A name in snake_case."""
    return NO_NAME.sub("_", CAMEL.sub("_", name[:64]).lower()).strip("_")


def without_channel(name: str) -> str:
    """``temperature_0`` and ``temp1`` without their number."""
    return name.rstrip("0123456789").rstrip("_")


def _yes(value: object) -> bool | None:
    """What a flag, however written, says; None where it says nothing."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in YES else False if word in NO else None
    found = number(value)
    return {0.0: False, 1.0: True}.get(found) if found is not None else None


class ObjectReading:
    """Fills a reading from a codec's object."""

    def __init__(self, reading: Reading, extra: Extra) -> None:
        self._reading = reading
        self._extra = extra
        self._latitude: object = None
        self._longitude: object = None
        self._fix_kind = FixKind.GNSS
        self.located = False
        self.claimed_ms: int | None = None  # the device's own time, if it tells one
        self.sequence: int | None = None

    def take(self, found: dict[str, Any]) -> None:
        """Reads the whole object."""
        self._walk(found, "", 0)
        if not self.located and (self._latitude is not None or self._longitude is not None):
            self.locate(number(self._latitude), number(self._longitude), self._fix_kind)

    def locate(self, latitude: float | None, longitude: float | None, kind: FixKind) -> None:
        """Sets the position; a second one is left out."""
        where = place(latitude, longitude, kind)
        self.located = True
        self._reading.flags |= where.flags.value
        self._reading.fix_kind = where.kind.value
        self._reading.latitude_deg = where.latitude_deg
        self._reading.longitude_deg = where.longitude_deg

    def _walk(self, found: dict[str, Any], prefix: str, depth: int) -> None:
        """Each value by its whole name, without its channel, and by its last part alone."""
        for raw, value in list(found.items())[:MAX_VALUES]:
            name = plain(raw)
            whole_name = f"{prefix}{name}"
            names = [whole_name, without_channel(whole_name), name, without_channel(name)]
            names += [each.removeprefix("is_") for each in names]
            if not any(self._one(each, value, depth) for each in dict.fromkeys(names) if each):
                self._keep(whole_name, value)

    def _keep(self, name: str, value: object) -> None:
        kept = scalar(value)
        if kept is not None and name and len(self._extra) < MAX_EXTRA:
            self._extra.setdefault(name[:64], kept)

    def _one(self, name: str, value: object, depth: int) -> bool:
        """Whether the value of a name has found its place."""
        if value is None or isinstance(value, dict):
            if isinstance(value, dict) and depth < MAX_DEPTH:
                self._nested(name, value, depth)
            return True
        if isinstance(value, list):
            return self._listed(name, value, depth)
        return (
            self._told(name, value)
            or self._where_and_when(name, value)
            or self._quantity(name, value)
            or self._words(name, value)
        )

    def _nested(self, name: str, value: dict[str, Any], depth: int) -> None:
        if value and all(key.isdigit() for key in value):  # ChirpStack's Cayenne: {channel: value}
            for channel, each in value.items():
                if not self._one(name, each, depth + 1):
                    self._keep(f"{name}_{channel}", each)
        elif {name, without_channel(name)} & (PLACES | SECTIONS):
            self._walk(value, "", depth + 1)
        else:
            self._walk(value, f"{name}_", depth + 1)

    def _listed(self, name: str, value: list[object], depth: int) -> bool:
        if name in EVENT_LISTS:
            unknown = [text(each) for each in value[:32] if not self._event_word(text(each))]
            self._keep(name, ", ".join(filter(None, unknown)) or None)
        elif name in {"coordinates", "location", "position"} and len(value) > 1:  # GeoJSON: longitude first
            self._longitude, self._latitude = value[:2]
        elif depth < MAX_DEPTH:
            for each in value[:MAX_VALUES]:
                if isinstance(each, list):
                    self._listed(name, each, depth + 1)
                elif isinstance(each, dict) and "measurementValue" in each:
                    measured = plain(text(each.get("type")))
                    if measured and not self._one(measured, each["measurementValue"], depth + 1):
                        self._keep(measured, each["measurementValue"])
        return True

    def _event_word(self, word: str) -> bool:
        name = plain(word)
        event = EVENT_NAMES.get(name) or TOLD_EVENTS.get(name) or EVENT_WORDS.get(name)
        if event is not None:
            self._reading.seal_events |= event.value
        return event is not None

    def _where_and_when(self, name: str, value: object) -> bool:
        if name in LATITUDES:
            self._latitude = value if self._latitude is None else self._latitude
        elif name in LONGITUDES:
            self._longitude = value if self._longitude is None else self._longitude
        elif name in TIMES and (at_ms := moment_ms(value)) is not None:
            self.claimed_ms = at_ms if self.claimed_ms is None else self.claimed_ms
        elif name in SEQUENCES:
            self.sequence = whole(value)
        else:
            return False
        return True

    def _quantity(self, name: str, value: object) -> bool:
        if name in {"battery", "bat", "batt"}:
            return self._battery(value)
        field = QUANTITIES.get(name)
        found = number(value)
        if field is None or found is None or within(field, found) is None:
            return False
        if getattr(self._reading, field) is not None:
            return False
        setattr(self._reading, field, int(found) if field == "satellites" else found)
        return True

    def _battery(self, value: object) -> bool:
        found = number(value)
        if found is None or found < 0:
            return False
        if found > BATTERY_MV_ABOVE:
            return self._quantity("battery_v", found / 1000)
        if found >= BATTERY_PCT_FROM:
            return self._quantity("battery_pct", found)
        return not found.is_integer() and self._quantity("battery_v", found)

    def _told(self, name: str, value: object) -> bool:
        """Doors, locks and events."""
        yes = _yes(value)
        if name in DOORS and yes is not None and (isinstance(value, str) or name not in DOORS_IN_WORDS):
            self._reading.door_open = yes
            self._reading.seal_events |= (SealEvent.DOOR_OPENED if yes else SealEvent.NONE).value
        elif name in TAMPERS and yes is not None:
            self._reading.seal_events |= (SealEvent.TAMPERED if yes else SealEvent.NONE).value
        elif name in LIGHTS and (isinstance(value, bool) or (isinstance(value, str) and yes is not None)):
            self._reading.seal_events |= (SealEvent.LIGHT if yes else SealEvent.NONE).value
            self._keep(name, value)
        elif name in INTACT and yes is not None:
            self._set_state(SealState.SEALED if yes else SealState.CUT)
        elif name in LOCKS:
            return self._lock(name, value, yes)  # a dictionary "seal" has been taken apart before
        elif (
            name in TOLD_EVENTS
            and yes is not None
            and (isinstance(value, bool | str) or name not in QUANTITIES)
        ):
            self._reading.seal_events |= (TOLD_EVENTS[name] if yes else SealEvent.NONE).value
        elif (name in MOVING or name in {"mounted", "door_closed"}) and yes is not None:
            self._level(name, yes=yes)
        elif name in {"buffered", "charging"} and yes is not None:
            flag = Flag.BUFFERED if name == "buffered" else Flag.CHARGING
            self._reading.flags |= (flag if yes else Flag.NONE).value
        else:
            return False
        return True

    def _level(self, name: str, *, yes: bool) -> None:
        if name in MOVING:
            self._reading.moving = yes
        elif name == "mounted":
            self._reading.mounted = yes
        else:
            self._reading.door_open = not yes
            self._reading.seal_events |= (SealEvent.NONE if yes else SealEvent.DOOR_OPENED).value

    def _lock(self, name: str, value: object, yes: bool | None) -> bool:  # noqa: FBT001  a third thing is None
        if isinstance(value, str) and value.strip().lower() in TAMPERED_WORDS:
            self._reading.seal_events |= SealEvent.TAMPERED.value
            return True
        if isinstance(value, str):
            state = STATES.get(value.strip().lower())
        elif name in LOCKED_WHEN_TRUE and yes is not None:
            state = SealState.SEALED if yes else SealState.UNLOCKED
        else:
            state = None
        if state is None:
            return False
        self._set_state(state)
        return True

    def _set_state(self, state: SealState) -> None:
        """The worst of what is said of the seal and its parts."""
        if BADNESS.index(state) >= BADNESS.index(SealState(self._reading.seal_state)):
            self._reading.seal_state = state.value
        self._reading.seal_events |= STATE_EVENTS.get(state, SealEvent.NONE).value

    def _words(self, name: str, value: object) -> bool:
        if isinstance(value, str):
            if name in EVENT_LISTS:
                return self._event_word(value)
            if name in {"seal_number", "seal_id"}:
                self._reading.seal_number = value[:MAX_TEXT]
                return True
            if name in {"card_id", "seal_card_id", "card", "tag_id", "rfid"}:
                self._reading.card_id = value[:MAX_TEXT]
                return True
            if (
                name in {"kind", "fix_kind"}
                and value.upper() in FixKind.__members__
                and FixKind[value.upper()]
            ):
                self._fix_kind = FixKind[value.upper()]
                return True
        return False
