"""Families that speak over sockets, discovered: every decoder module with a module-level ``WIRE``."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from gateway import decoders
from gateway.wire import Wire


@functools.cache
def _by_family() -> dict[str, Wire]:
    found: dict[str, Wire] = {}
    for module_info in pkgutil.iter_modules(decoders.__path__):
        if module_info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{decoders.__name__}.{module_info.name}")
        wire = getattr(module, "WIRE", None)
        if isinstance(wire, Wire):
            found[module.DECODER.family] = wire
    return found


def wires() -> dict[str, Wire]:
    """Every wire by its family."""
    return dict(_by_family())
