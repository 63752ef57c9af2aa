"""PROXY protocol version 2: who is behind the proxy.

Source: HAProxy's ``proxy-protocol.txt``, section 2.2::

    0   12  0D0A0D0A000D0A515549540A
    12  1   version 2 (high nibble), command (low nibble): 0 local, 1 proxied
    13  1   address family (high nibble): 1 IPv4, 2 IPv6; transport (low nibble)
    14  2   number of bytes that follow
    16      source, destination (4 or 16 bytes each), source port, destination port (2 each), more
"""

from __future__ import annotations

import ipaddress

from sealtrail.contract.errors import RefusedError

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
HEAD_BYTES = 16
MOST_BYTES = 2_048
"""Addresses, and more about TLS than any proxy tells."""

_VERSION_2 = 0x20
_LOCAL, _PROXIED = 0, 1
_ADDRESS_BYTES = {1: 4, 2: 16}
_PORTS_BYTES = 4


class ProxyError(RefusedError):
    """A connection that doesn't begin as a proxy's does."""


def body_length(head: bytes) -> int:
    """Bytes that follow the first `HEAD_BYTES`; raises `ProxyError`."""
    if len(head) != HEAD_BYTES or not head.startswith(SIGNATURE):
        raise ProxyError("no_proxy_header", "the connection doesn't begin with a PROXY v2 header")
    if head[12] & 0xF0 != _VERSION_2 or head[12] & 0x0F not in (_LOCAL, _PROXIED):
        raise ProxyError("no_proxy_header", f"version and command {head[12]:#04x}")
    length = int.from_bytes(head[14:16], "big")
    if length > MOST_BYTES:
        raise ProxyError("no_proxy_header", f"{length} bytes of addresses")
    return length


def source_address(head: bytes, body: bytes) -> str | None:
    """The client's address; None where the proxy speaks for itself or doesn't say. Raises `ProxyError`."""
    if head[12] & 0x0F == _LOCAL:
        return None
    size = _ADDRESS_BYTES.get(head[13] >> 4)
    if size is None:
        return None
    if len(body) < 2 * size + _PORTS_BYTES:
        raise ProxyError("no_proxy_header", f"{len(body)} bytes are no two addresses")
    return str(ipaddress.ip_address(body[:size]))
