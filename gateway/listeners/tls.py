"""TLS of the gateway's own ports."""

from __future__ import annotations

import asyncio.sslproto
import ssl
from pathlib import Path

from sealtrail.contract.errors import SettingsError

CONNECTION_BUFFER_BYTES = 32_768
"""More than a TLS record. asyncio would take 256 KB for each connection: 2.5 GB for ten thousand."""


def server_context(
    key: str, cert: Path | None, private_key: Path | None, client_ca: Path | None = None
) -> ssl.SSLContext | None:
    """A context for TLS 1.2 and later; None without a certificate.

    ``key`` is the section's name for messages. With ``client_ca`` a client must
    have a certificate that it signed. Raises `SettingsError`.
    """
    if cert is None:
        if private_key is not None or client_ca is not None:
            raise SettingsError(f"{key}: tls_key or tls_client_ca without tls_cert")
        return None
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(cert, private_key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise SettingsError(f"{key}: TLS files can't be used: {error}") from error
    asyncio.sslproto.SSLProtocol.max_size = CONNECTION_BUFFER_BYTES
    return context
