"""`Access`: who may speak at the gateway's own doors, as the doors ask it."""

from __future__ import annotations

from typing import Protocol


class Access(Protocol):
    """Decides who may speak and hears of sessions. Never waits: it is asked in the middle of reading.

    A reason is a short stable snake_case name; ``rate_limited`` is answered over
    HTTP with 429, any other with 403. ``connection_id`` is unique in this process.
    """

    def admit(self, family: str, device_id: str, secret: bytes, now_ms: int) -> str | None:
        """None, or the name of the reason why it may not speak.

        Asked when a connection first names the device and at every login;
        ``secret`` is what the device proves itself with, the empty bytes: nothing.
        """
        ...

    def standing(self, family: str, device_id: str, now_ms: int) -> str | None:
        """None, or why a device that was admitted may speak no longer; asked about once a second."""
        ...

    def opened(self, family: str, device_id: str, connection_id: int, peer: str, now_ms: int) -> None:
        """An admitted device speaks on a connection; a second session of one identity is noticed here."""
        ...

    def spoke(self, family: str, device_id: str, connection_id: int, now_ms: int) -> None:
        """A frame of an admitted device was heard when it arrived: nothing had held its connection back."""
        ...

    def closed(self, family: str, device_id: str, connection_id: int, now_ms: int) -> None:
        """The connection of an admitted device has ended."""
        ...


class Anyone:
    """An `Access` that lets every device speak."""

    def admit(self, family: str, device_id: str, secret: bytes, now_ms: int) -> str | None:
        """See `Access.admit`."""
        del family, device_id, secret, now_ms
        return None

    def standing(self, family: str, device_id: str, now_ms: int) -> str | None:
        """See `Access.standing`."""
        del family, device_id, now_ms
        return None

    def opened(self, family: str, device_id: str, connection_id: int, peer: str, now_ms: int) -> None:
        """See `Access.opened`."""

    def spoke(self, family: str, device_id: str, connection_id: int, now_ms: int) -> None:
        """See `Access.spoke`."""

    def closed(self, family: str, device_id: str, connection_id: int, now_ms: int) -> None:
        """See `Access.closed`."""
