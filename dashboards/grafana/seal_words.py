"""Flux: what a report's seal event bits mean, in words."""

from __future__ import annotations

from typing import Final

from sealtrail.contract.reading import SealEvent

IMPORT: Final = 'import "bitwise"'


def seal_event_words(column: str = "seal_events") -> str:
    """Flux expression: the names of the set bits, separated by spaces; needs `IMPORT`."""
    terms = [
        f'(if bitwise.sand(a: r.{column}, b: {event.value}) > 0 then "{_word(event)} " else "")'
        for event in SealEvent
    ]
    return "\n      + ".join(terms)


def _word(event: SealEvent) -> str:
    return (event.name or "").lower()
