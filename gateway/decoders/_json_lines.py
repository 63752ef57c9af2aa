"""SealTrail JSON over TCP: one payload a line, one answer line for each.

``{"device_id": …, "secret": …}`` alone on a line is a login; its device_id then
holds for lines that name none. Answers, in the order of the lines::

    {"stored":true,"sequence":1043}    the log has it; with the last report's count, if it has one
    {"refused":"bad_value"}            it stands in the quarantine; sending it again doesn't help
    {"welcome":true}                   to a login

A signature (`gateway.access.signatures`) stands on the line of its payload, behind a blank in
place of the line feed: ``{…} .<key id>.<signature>``.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from gateway.framings import Lines
from gateway.wire import Heard, Wire

MOST_BYTES = 65_536

SIGNED = re.compile(rb"(.*[}\]]) (\.[A-Za-z0-9._=-]+)", re.DOTALL)

_parse = msgspec.json.Decoder().decode
_line = msgspec.json.Encoder().encode


def _refused(reason: str) -> bytes:
    return _line({"refused": reason}) + b"\n"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


class JsonDialogue:
    """Names come from a login line or from the reports themselves."""

    def hear(self, frame: bytes, received_at_ms: int) -> Heard:
        """See `gateway.wire.Dialogue`."""
        del received_at_ms
        signed = None if frame.endswith((b"}\n", b"]\n")) else SIGNED.fullmatch(frame.rstrip(b"\r\n"))
        payload = frame
        if signed is not None:
            payload = signed[1]
            frame = payload + b"\n" + signed[2]
        try:
            found = _parse(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Heard(message=frame, answer_refused=_refused)
        if isinstance(found, dict) and "secret" in found:
            return self._login(frame, found)
        reports = [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]
        identity = next((name for report in reports if (name := _text(report.get("device_id")))), None)
        told: dict[str, Any] = {"stored": True}
        if reports and isinstance(reports[-1].get("sequence"), int):
            told["sequence"] = reports[-1]["sequence"]
        return Heard(identity=identity, message=frame, answer=_line(told) + b"\n", answer_refused=_refused)

    @staticmethod
    def _login(frame: bytes, found: dict[str, Any]) -> Heard:
        identity, secret = _text(found.get("device_id")), _text(found.get("secret"))
        if not identity or secret is None or len(found) != 2:  # noqa: PLR2004  the two keys
            return Heard(message=frame, answer_refused=_refused)  # the decoder says what is wrong with it
        try:
            proof = secret.encode()
        except UnicodeEncodeError:  # half a surrogate pair
            return Heard(message=frame, answer_refused=_refused)
        return Heard(
            identity=identity,
            secret=proof,
            answer=_line({"welcome": True}) + b"\n",
            refusal=_refused("not_admitted"),
        )


LINES = Wire(framing=lambda: Lines(MOST_BYTES), dialogue=JsonDialogue, default_port=7001)
