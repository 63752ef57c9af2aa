"""What the items of a report write into, and the small forms that they share."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.decoders._values import Extra, within
from sealtrail.contract.reading import Flag, Reading, SealEvent, SealState

MAX_TEXT = 512  # characters of a device's text that are kept

COUNTRY_CODES = range(200, 800)  # mobile country codes; other numbers are another form of item

EVENTS = {"removing": SealEvent.TAMPERED, "tampering": SealEvent.TAMPERED, "vibration": SealEvent.SHOCK}


@dataclass(slots=True)
class Draft:
    """A reading in the making."""

    reading: Reading
    extra: Extra = field(default_factory=dict)
    padlock: bool = False  # an item that only padlocks send was there

    def put(self, quantity: str, value: float) -> None:
        """A measured value; outside its credible range it stays away, and ``extra`` says what was sent."""
        kept = within(quantity, value)
        setattr(self.reading, quantity, int(kept) if quantity == "satellites" and kept is not None else kept)
        if kept is None:
            self.extra[f"refused_{quantity}"] = value

    def add_event(self, event: SealEvent, name: str = "") -> None:
        """What has happened, with the maker's own name for it."""
        self.reading.seal_events |= event.value
        if name:
            known = str(self.extra.get("alarms", ""))
            if name not in known.split(","):
                self.extra["alarms"] = f"{known},{name}" if known else name

    def set_state(self, state: SealState) -> None:
        """Level of the seal; the worst of those that one report gives."""
        if _BADNESS[state] > _BADNESS[SealState(self.reading.seal_state)]:
            self.reading.seal_state = state.value

    def set_charging(self, *, charging: bool) -> None:
        """Whether the battery is being charged."""
        self.extra["charging"] = charging
        if charging:
            self.reading.flags |= Flag.CHARGING.value

    def add_cells(self, cells: list[str]) -> None:
        """Cells as ``mcc-mnc-lac-cid[@signal]``."""
        known = [str(self.extra["cells"])] if "cells" in self.extra else []
        if cells:
            self.extra["cells"] = " ".join([*known, *cells])


_BADNESS = {
    SealState.UNKNOWN: 0,
    SealState.SEALED: 1,
    SealState.UNLOCKED: 2,
    SealState.FAULT: 3,
    SealState.OPEN: 4,
    SealState.CUT: 5,
}


def text_of(raw: bytes, encoding: str = "ascii") -> str:
    """A device's text without padding; what can't be shown is replaced."""
    found = raw.decode(encoding, "replace").strip("\0 \r\n\t")
    return "".join(character if character.isprintable() else "\ufffd" for character in found)[:MAX_TEXT]


def signed_magnitude(word: int) -> int:
    """A 16-bit number whose highest bit is its sign."""
    return -(word & 0x7FFF) if word & 0x8000 else word


def signed_byte(value: int) -> int:
    """Two's complement of 8 bits."""
    return value - 256 if value > 127 else value  # noqa: PLR2004  two's complement


def number(raw: bytes) -> int:
    """Unsigned, high byte first."""
    return int.from_bytes(raw, "big")


def signed(raw: bytes) -> int:
    """Two's complement, high byte first."""
    return int.from_bytes(raw, "big", signed=True)


def country(raw: bytes) -> bool:
    """Whether bytes begin with a mobile country code."""
    return number(raw[:2]) in COUNTRY_CODES


def wifi(raw: bytes) -> str:
    """Access points ``address@dBm`` of seven bytes each, blanks between."""
    found = []
    for at in range(0, len(raw) - 6, 7):
        address = raw[at : at + 6]
        if any(address):
            found.append(f"{address.hex(':')}@{signed_byte(raw[at + 6])}")
    return " ".join(found)
