"""Device families, discovered: every module here with a module-level ``DECODER`` is one.

A module whose name begins with an underscore is a part of another one.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
from typing import TypeVar

from sealtrail.contract.decoder import Decoder
from sealtrail.contract.errors import RefusedError

T = TypeVar("T")


@functools.cache
def _by_name() -> tuple[dict[str, Decoder], dict[str, Decoder]]:
    """Decoders by family, and by family and alias; two with one name is a mistake in the code."""
    families: dict[str, Decoder] = {}
    names: dict[str, Decoder] = {}
    for module_info in pkgutil.iter_modules(__path__):
        if module_info.name.startswith("_"):
            continue
        decoder: Decoder = importlib.import_module(f"{__name__}.{module_info.name}").DECODER
        families[decoder.family] = decoder
        for name in (decoder.family, *decoder.aliases):
            if name in names:
                raise ValueError(f"{names[name].family} and {decoder.family} both claim the name {name!r}")
            names[name] = decoder
    return families, names


def decoders() -> dict[str, Decoder]:
    """Every decoder by its family."""
    return dict(_by_name()[0])


def decoder_for(name: str) -> Decoder:
    """The decoder of a family, by family name or alias in any case.

    Raises `RefusedError` named ``unknown_family``.
    """
    families, names = _by_name()
    found = names.get(name.lower())
    if found is None:
        raise RefusedError("unknown_family", f"{name!r}; there are: {', '.join(sorted(families))}")
    return found


def told_beside(decoder: Decoder, name: str, default: T) -> T:
    """What a decoder's module says under a name beside its ``DECODER``; the default where it says nothing."""
    found: T = getattr(sys.modules.get(type(decoder).__module__), name, default)
    return found
