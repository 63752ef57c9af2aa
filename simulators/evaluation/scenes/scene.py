"""What a scene is: changes to a draft before it is driven, after, and to what its devices report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sealtrail.contract.reading import SealState
from simulators.evaluation.columns import Columns
from simulators.evaluation.draft import Draft


def nothing(draft: Draft) -> None:
    """For scenes without a part."""
    del draft


@dataclass(frozen=True)
class Scene:
    """``plan`` places things on the way, ``act`` knows when it is there, ``report`` edits the reports."""

    name: str
    plan: Callable[[Draft], None] = nothing
    act: Callable[[Draft], None] = nothing
    report: Callable[[Draft], None] = nothing
    on_land: bool = True
    at_sea: bool = False
    tracker: bool | None = None  # whether a truck tracker is needed; None: either
    interval_max_min: int = 60  # the seal reports at least so often
    wants_fixes: bool = True  # a position in every report, as far as there is one
    weight: int = 1  # how often it happens beside the others
    convoy: bool = False  # happens to several containers at one time and place


PLAIN = Scene("plain", at_sea=True, wants_fixes=False)


def at_moment(draft: Draft) -> None:
    """``plan`` and ``act`` of scenes that are one event while it is under way."""
    draft.at_ms = draft.moment(draft.reserved[0][0] + 100.0)
    draft.marks_ms.append(draft.at_ms)


def spot(draft: Draft) -> None:
    """Reserve a spot for an event."""
    draft.pick(200.0, 0.15, 0.8)


def state_from(columns: Columns, row: int, state: SealState, until: int | None = None) -> None:
    """Let a device that tells its state tell another one from a row on."""
    part = slice(row, until)
    columns.seal_state[part] = (columns.seal_state[part] != 0) * int(state)


def last_watched(draft: Draft) -> int:
    """A moment shortly before the trip's end."""
    return int(draft.motion.arrives_ms)
