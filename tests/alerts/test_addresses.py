"""Which addresses webhooks may reach."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from alerts.addresses import is_public, never_allowed, resolve
from sealtrail.contract.errors import RefusedError

REFUSED = [
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "0.0.0.0",  # noqa: S104 - an address to be refused
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "192.0.2.1",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:db8::1",
]


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    """No address of this machine or its network is public, in none of the ways to write it."""
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "193.99.144.80", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public(text: str) -> None:
    """Ordinary addresses on the Internet are public, also behind a translator."""
    assert is_public(ipaddress.ip_address(text))


def test_multicast_is_never_a_receiver() -> None:
    """The setting for private addresses doesn't allow multicast, broadcast or the unspecified address."""
    never = [text for text in REFUSED if never_allowed(ipaddress.ip_address(text))]
    assert never == ["0.0.0.0", "224.0.0.1", "239.1.1.1", "255.255.255.255", "::", "ff02::1"]  # noqa: S104 - as above


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "2130706433", "0x7f000001", "127.1"])
async def test_resolving_refuses_this_machine(host: str) -> None:
    """However a URL writes this machine's address, the address that the resolver makes of it is checked."""
    with pytest.raises(RefusedError) as refused:
        await resolve(host, 80, allow_private=False)
    assert refused.value.reason in ("address_refused", "name_unknown")


async def test_one_private_address_among_public_ones_refuses_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name with a public and a private address is refused whole."""

    def answers(*_args: Any, **_kwargs: Any) -> list[Any]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("8.8.8.8", 443)), (*kind, ("10.0.0.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    with pytest.raises(RefusedError) as refused:
        await resolve("customs.example", 443, allow_private=False)
    assert refused.value.reason == "address_refused"
