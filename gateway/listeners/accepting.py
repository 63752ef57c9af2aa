"""Accepting connections, whatever happens to single ones."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import structlog

LOGGER = structlog.get_logger(__name__)

PAUSE_S = 0.2
"""How long nothing is accepted where that can't be done: no file is left, for instance."""


async def accept(listening: socket.socket, family: str, begin: Callable[[socket.socket, str], None]) -> None:
    """Calls ``begin`` with each connection and the address of the other side, until cancelled.

    ``begin`` owns the socket. What fails is logged once until it works again.
    """
    loop = asyncio.get_running_loop()
    troubled = False
    while True:
        try:
            sock, address = await loop.sock_accept(listening)
        except OSError as error:  # no file left, or the connection was gone before it was accepted
            if not troubled:
                LOGGER.warning("accept_failed", family=family, detail=str(error))
            troubled = True
            await asyncio.sleep(PAUSE_S)
            continue
        troubled = False
        begin(sock, str(address[0]))
