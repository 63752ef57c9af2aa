"""What every session works out from its settings before the first connection."""

from __future__ import annotations

import ssl

from gateway.decoders import decoders
from gateway.foreign_topics import ForeignTopics
from sealtrail.contract.errors import SettingsError
from sealtrail.runtime.settings.gateway import MqttSettings


def tls_context(settings: MqttSettings) -> ssl.SSLContext | None:
    """None without TLS. Raises `SettingsError` where there is no broker or the files can't be used."""
    if not settings.host:
        raise SettingsError("gateway.mqtt.host is empty: set it, or start everything with `sealtrail up`")
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=str(settings.tls_ca) if settings.tls_ca else None)
        if settings.tls_cert is not None:
            context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        raise SettingsError(f"gateway.mqtt: TLS files can't be used: {error}") from error
    return context


def filters_of(settings: MqttSettings) -> tuple[str, ...]:
    """What to subscribe to; a session can't work without the first, and can without the others."""
    foreign = ForeignTopics(decoders()) if settings.foreign_topics else ForeignTopics({})
    return (settings.topic_filter, *foreign.filters(like=settings.topic_filter))
