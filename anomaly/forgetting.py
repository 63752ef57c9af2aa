"""Parts of plans that nothing refers to any more are forgotten, so that years of trips leave nothing behind.

What refers to a part: the plans of all trips that containers' custody logs still
hold, ended ones too, so that a late report is judged by what held at its time;
the rules' states, wherever they are kept; and signals. A number that is given
to another part is therefore in no state that could take the one for the other.
"""

from __future__ import annotations

import numpy as np

from anomaly.memory import Memory
from anomaly.plans import Used
from anomaly.reports import number_hash
from anomaly.rules import passages, zone_forbidden

LEAST_PARTS = 1024
"""Fewer are never looked through."""


def forget_plans(memory: Memory) -> None:
    """Forget what nothing refers to, whenever the parts have doubled since the last time."""
    if len(memory.plans) >= max(LEAST_PARTS, 2 * memory.parts_used):
        forget_unused(memory)


def forget_unused(memory: Memory) -> None:
    """Forget every part of a plan that nothing refers to."""
    plans = memory.plans
    used, seal_numbers = _used(memory)
    plans.seal_numbers.clear()
    plans.seal_numbers.update(seal_numbers)
    legs = plans.forget(used)
    # pointers plus 1; 0, "lost", stays as it is
    pointers = np.concatenate(([0], legs + 1)).astype(np.int32)
    for states in memory.lanes.each_state():
        states["route_leg"] = pointers[states["route_leg"]]
    memory.parts_used = len(plans)


def _used(memory: Memory) -> tuple[Used, set[int]]:
    """Numbers of parts in plans, states and signals; hashes of the seal numbers that plans name."""
    used = Used(set(), set(), set(), set(), set(), set())
    seal_numbers: set[int] = set()
    for file in memory.containers.files:
        for plan in file.custody.plans if file.custody is not None else ():
            for name in ("corridor", "limits", "forbidden", "checkpoints", "ends"):
                kept = used.corridors if name == "corridor" else getattr(used, name)
                kept.add(int(plan[name][0]))
        for segment in file.custody.segments if file.custody is not None else ():
            seal_numbers.update(number_hash(number) for number in segment.trip.seal_numbers)
        for track in file.tracks_of(zone_forbidden.NAME):
            used.zones.update(int(each.numbers["zone"]) for each in track.signals)
        for track in file.tracks_of(passages.NAME):
            used.checkpoints.update(
                int(each.numbers["plan"]) for each in track.signals if "plan" in each.numbers
            )
    for states in memory.lanes.each_state():
        for column, parts in (
            ("route_of", used.corridors),
            ("back_of", used.corridors),
            ("pass_of", used.checkpoints),
            ("zone_in", used.zones),
            ("zone_new", used.zones),
        ):
            parts.update((np.unique(states[column]) - 1).tolist())
        used.corridors.update(np.unique(states["pass_way"] // passages.WAYS).tolist())
    return used, seal_numbers
