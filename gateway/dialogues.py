"""Dialogues that families share."""

from __future__ import annotations

from collections.abc import Callable

from gateway.wire import Heard
from sealtrail.contract.errors import DecodeError


class SelfNaming:
    """For families whose every frame names its device and needs no memory of those before.

    ``identify`` finds the identity in a frame, None where there is none: such a
    frame is refused. ``answer`` makes what the device waits for, empty where it waits for
    nothing. Neither raises; what else is wrong is the decoder's to say.
    """

    def __init__(
        self, identify: Callable[[bytes], str | None], answer: Callable[[bytes], bytes] = lambda _: b""
    ) -> None:
        self._identify = identify
        self._answer = answer

    def hear(self, frame: bytes, received_at_ms: int) -> Heard:
        """See `gateway.wire.Dialogue`."""
        del received_at_ms
        identity = self._identify(frame)
        if identity is None:
            raise DecodeError("no_identity", "the frame doesn't name its device")
        return Heard(identity=identity, message=frame, answer=self._answer(frame))
