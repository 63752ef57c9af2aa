"""Answers what people ask: `IncidentCommand` in, `CommandReply` out, refusals by name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import structlog

from alerts import metrics
from alerts.voice import Voice
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.incident import CommandReply, Incident, IncidentCommand
from sealtrail.runtime.log import Answer

LOGGER = structlog.get_logger(__name__)

_decode = msgspec.msgpack.Decoder(IncidentCommand).decode
_encode = msgspec.msgpack.Encoder().encode


def _public(incident: Incident) -> Incident:
    """The incident without what only this service remembers."""
    return Incident(**{name: getattr(incident, name) for name in Incident.__struct_fields__})


def answer_with(voice: Voice) -> Answer:
    """The handler for `subjects.INCIDENT_COMMAND`."""

    async def answer(_subject: str, body: bytes) -> tuple[Mapping[str, str], bytes]:
        action = "unreadable"
        try:
            command = _decode(body)
            action = command.action.value
            change = await voice.decide(command)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reply = CommandReply(refused="bad_request", detail=str(error))
        except RefusedError as error:
            reply = CommandReply(refused=error.reason, detail=error.detail)
        else:
            LOGGER.info("incident_decided", incident=command.incident_id, action=action, actor=command.actor)
            reply = CommandReply(incident=_public(change.incident))
        metrics.COMMANDS.labels(action, reply.refused or "done").inc()
        return {}, _encode(reply)

    return answer
