"""Which addresses a webhook may reach.

A webhook's URL comes from a subscriber, so it must not become a way into the
network that this service runs in. Names are resolved here, every address is
checked, and the connection goes to a checked address and no other: a name that
changes its answer in between (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from sealtrail.contract.errors import RefusedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_ANYCAST_RELAY = ipaddress.IPv4Network("192.88.99.0/24")


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to by translation or tunnel, if any."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _NAT64) or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def is_public(address: Address) -> bool:
    """Whether an address is an ordinary one on the Internet.

    Loopback, private, shared, link-local, multicast, reserved and unspecified
    ones aren't; an IPv6 address that stands for an IPv4 address is judged by
    that as well.
    """
    inner = _embedded(address)
    if inner is not None:
        mapped = isinstance(address, ipaddress.IPv6Address) and (
            address.ipv4_mapped is not None or any(address in network for network in _NAT64)
        )
        return mapped and is_public(inner)
    if isinstance(address, ipaddress.IPv6Address):
        return address.is_global and not address.is_multicast and not address.is_site_local
    return address.is_global and not address.is_multicast and address not in _ANYCAST_RELAY


def never_allowed(address: Address) -> bool:
    """Multicast, broadcast and unspecified addresses are no receiver's, whatever the settings say."""
    inner = _embedded(address)
    if inner is not None and inner != ipaddress.IPv4Address(1):  # ::1 looks like a compatible address
        return never_allowed(inner)
    return address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255"


async def resolve(host: str, port: int, *, allow_private: bool) -> list[Address]:
    """Checked addresses of a host, in the resolver's order.

    Raises `RefusedError` named ``address_refused`` when any of them isn't
    allowed, and ``name_unknown`` when there is none.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RefusedError("name_unknown", f"{host}: {error}") from error
    addresses: list[Address] = []
    for *_, where in found:
        address = ipaddress.ip_address(str(where[0]).split("%", 1)[0])
        if never_allowed(address) or not (allow_private or is_public(address)):
            raise RefusedError("address_refused", f"{host} is at {address}, which isn't allowed")
        if address not in addresses:
            addresses.append(address)
    if not addresses:
        raise RefusedError("name_unknown", f"{host} has no address")
    return addresses
