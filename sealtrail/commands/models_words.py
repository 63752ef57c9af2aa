"""A model and its card in words, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sealtrail.contract.clock import iso
from sealtrail.contract.model import Candidate, HeldOut, KnownModel, ModelCard


def as_builtins(known: KnownModel) -> dict[str, Any]:
    """A version with its card for programs; times as text."""
    shown: dict[str, Any] = msgspec.to_builtins(known)
    for name in ("proposed_at", "decided_at"):
        at_ms = shown.pop(f"{name}_ms")
        shown[name] = None if at_ms is None else iso(at_ms)
    shown["card"] = card_as_builtins(known.card)
    return shown


def card_as_builtins(card: ModelCard) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(card)
    return shown | {"from": iso(shown.pop("from_ms")), "until": iso(shown.pop("until_ms"))}


def line_of(known: KnownModel) -> str:
    """A version on one line."""
    card = known.card
    decided = f" by {known.decided_by} {iso(known.decided_at_ms)[:10]}" if known.decided_at_ms else ""
    calibrated = "calibrated" if card.calibrated else "uncalibrated"
    return (
        f"{known.name} {known.version}  {known.state.value}{decided}  {card.winner}, {calibrated}, "
        f"recall {card.held_out.recall:.0%} at {card.budget:g} false alarms a container-day, "
        f"from {card.containers} containers"
    )


def text_of(known: KnownModel) -> str:
    """Everything on the card, for a person who is to accept it."""
    heading = [line_of(known), f"proposed by {known.proposed_by} {iso(known.proposed_at_ms)}"]
    if known.reason:
        heading.append(f"reason: {known.reason}")
    return "\n".join([*heading, *_card(known.card)])


def _card(card: ModelCard) -> Iterator[str]:
    yield ""
    yield f"for        devices of family {card.family}, {f'lane {card.lane}' if card.lane else 'any lane'}"
    yield (
        f"data       {card.rows} reports of {card.devices} devices on {card.containers} containers, "
        f"{card.container_days:.1f} container-days, {iso(card.from_ms)[:16]} to {iso(card.until_ms)[:16]}"
    )
    few = ", ".join(card.sources[:5])
    yield f"from       {few}{f' and {len(card.sources) - 5} more' if len(card.sources) > 5 else ''}"  # noqa: PLR2004
    yield f"divided    {card.divided}"
    yield (
        f"fitted     {card.rows_fitted} of {card.rows_ready} reports with all features; "
        f"{card.rows_trimmed} left out as too strange; seed {card.seed}"
    )
    yield f"features   {', '.join(card.features)}"
    for name, why in card.left_out.items():
        yield f"left out   {name}: {why}"
    yield f"threshold  {card.threshold:.4g} for {card.budget:g} false alarms a container-day"
    yield (
        f"tail       {card.scores_pooled} stretches of {card.memory_reports} reports; generalised Pareto "
        f"above {card.tail_begin:.4g}, scale {card.tail_scale:.3g}, shape {card.tail_shape:.2f}"
    )
    if not card.calibrated:
        yield f"           UNCALIBRATED: {card.uncalibrated_because}"
    yield from _held_out(card.held_out)
    yield ""
    yield f"candidates, each with {card.guard} beside it, by anomalies put into ordinary reports:"
    yield from _table(card)
    yield ""
    made_with = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    yield f"made with  {made_with}"
    yield f"licence    {card.licence}"
    yield f"sha256     {card.sha256}  ({card.blob_bytes} bytes)"


def _held_out(held: HeldOut) -> Iterator[str]:
    yield (
        f"held out   {held.rows} reports, {held.container_days:.1f} container-days: "
        f"recall {held.recall:.0%}; {held.realised} false alarms where {held.expected:.3g} were allowed"
        f"{_ratio(held.realised, held.expected)}"
    )
    if held.looser_expected > held.expected * 1.01:
        yield (
            f"           at {held.looser_budget:.3g} a container-day: {held.looser_realised} where "
            f"{held.looser_expected:.3g} were allowed{_ratio(held.looser_realised, held.looser_expected)}"
        )


def _ratio(realised: int, expected: float) -> str:
    return f" (ratio {realised / expected:.2g})" if expected > 0 else ""


def _table(card: ModelCard) -> Iterator[str]:
    kinds = next((list(each.recall_by_kind) for each in card.candidates if each.recall_by_kind), [])
    yield "  ".join([f"{'':<8}", f"{'all':>5}", *(f"{kind:>9}" for kind in kinds)])
    for each in card.candidates:
        yield _row(each, kinds, chosen=each.kind == card.winner)


def _row(candidate: Candidate, kinds: list[str], *, chosen: bool) -> str:
    name = f"{candidate.kind}{'*' if chosen else ''}"
    if candidate.failed:
        return f"{name:<8}  not compared: {candidate.failed}"
    shares = (f"{candidate.recall_by_kind[kind]:>9.0%}" for kind in kinds)
    return "  ".join([f"{name:<8}", f"{candidate.recall:>5.0%}", *shares])
