"""`Decoder`: what a device family must offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from sealtrail.contract.reading import Reading


class Decoder(Protocol):
    """Turns one frame of one device family into readings.

    Stateless: equal arguments give equal readings. An implementation lives in
    one file of ``gateway/decoders/`` as a module-level ``DECODER`` and is
    discovered there; the module's docstring is the family's datasheet.
    """

    @property
    def family(self) -> str:
        """Lower-case letters and digits; the level after the root in the MQTT topic."""
        ...

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names under which people know the family."""
        ...

    @property
    def binary(self) -> bool:
        """Whether people write a frame of it as hex digits."""
        ...

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """Readings of one frame, in the order in which they stand in it.

        ``device_id`` is the identity that the transport vouches for (topic,
        session) or None. An empty list means a sound frame that reports
        nothing (heartbeat, acknowledgement). Raises `DecodeError`, and never
        anything else, whatever the bytes.
        """
        ...


@runtime_checkable
class ZonedDecoder(Protocol):
    """A decoder of a family whose devices report times of a zone that their frames don't name."""

    def in_zone(self, ahead_ms: int) -> Decoder:
        """The decoder of a device whose clock is ahead of UTC by that; equal arguments, equal decoders."""
        ...
