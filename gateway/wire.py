"""`Wire`: how a device family speaks over TCP or UDP.

A decoder module (`gateway.decoders`) that can be reached over sockets has,
beside ``DECODER``, a module-level ``WIRE``. The server (`gateway.listeners`)
knows nothing else about a family::

    bytes of a connection --Framing.cut--> frames --Dialogue.hear--> Heard
      Heard.message  -> decoder -> log          Heard.answer -> device, once the log has the message

One `Framing` and one `Dialogue` for each connection (for UDP: for each
datagram, which `Framing.cut` gets whole). Neither does I/O or reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sealtrail.contract.errors import RefusedError


class StreamError(RefusedError):
    """Bytes in which no frame can be found any more: the connection is closed, the bytes quarantined.

    ``frames`` are those that the same bytes completed before the failure; they count.
    """

    def __init__(self, reason: str, detail: str = "", frames: Sequence[bytes] = ()) -> None:
        super().__init__(reason, detail)
        self.frames = tuple(frames)


class Framing(Protocol):
    """Cuts the bytes of one connection into frames."""

    def cut(self, data: bytes) -> list[bytes]:
        """Frames that ``data`` completes, each as it stands on the wire, delimiters included.

        Whatever fragmentation, the same bytes give the same frames. Between
        calls at most one incomplete frame and the noise before it are kept, neither
        longer than the family's longest frame. What can be skipped (noise before a
        start mark) is returned as one frame of its own, in one piece with all noise
        beside it, so that the decoder refuses it once and by name. Raises
        `StreamError` where the stream can't be followed; nothing else, ever.
        """
        ...

    def rest(self) -> bytes:
        """The incomplete frame that is kept; what a connection that ends leaves behind."""
        ...


class Heard(NamedTuple):
    """What one frame means for the conversation.

    ``identity`` is the device that the frame names, if it does; a login frame's
    holds for the rest of the connection. ``secret`` is what it proves itself
    with (the empty bytes: nothing). ``message`` goes to the decoder and the log,
    None where the frame carries nothing to keep (login, heartbeat). ``answer``
    is sent once the log has ``message``; at once where there is none. An answer
    to a login is sent only if the device may speak; ``refusal`` is sent if not.

    ``answer_refused`` makes the answer for a message that was quarantined, from
    the name of the reason; None: ``answer`` is sent then too, since sending the
    message again would not help.
    """

    identity: str | None = None
    secret: bytes = b""
    message: bytes | None = None
    answer: bytes = b""
    refusal: bytes = b""
    answer_refused: Callable[[str], bytes] | None = None


class Dialogue(Protocol):
    """The server's side of one connection's conversation; a state machine."""

    def hear(self, frame: bytes, received_at_ms: int) -> Heard:
        """What a frame means. Raises `DecodeError` for one that means nothing: it is quarantined."""
        ...


@dataclass(frozen=True, slots=True)
class Wire:
    """A family's way to speak over sockets."""

    framing: Callable[[], Framing]
    dialogue: Callable[[], Dialogue]
    default_port: int  # by convention of the field, or free; a setting may say otherwise
    udp: bool = False  # whether the family also comes as datagrams
