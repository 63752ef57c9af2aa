"""Ports for real parts that are told theirs before they start."""

from __future__ import annotations

import random
import socket

_LOWEST, _HIGHEST = 15_000, 32_000
"""Below the range from which Linux takes the near end of outgoing connections."""

_dice = random.SystemRandom()  # the tests' own dice are seeded alike in every process


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on, and that no outgoing connection will take."""
    while True:
        port = _dice.randint(_LOWEST, _HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
