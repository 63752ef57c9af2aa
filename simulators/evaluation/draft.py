"""`Draft`: one trip while it is being made; scenes change it before, while and after it is driven."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sealtrail.contract.trip import (
    Authorisation,
    Corridor,
    Place,
    SealCheck,
    SensorLimit,
    Trip,
    TripEvent,
    TripEventKind,
    Zone,
)
from simulators.evaluation.columns import Columns, blank
from simulators.evaluation.motion import Halt, Motion, Slow, Turn
from simulators.evaluation.profile import HOUR_MS, MINUTE_MS, EvaluationProfile
from simulators.evaluation.truth import Scripted
from simulators.evaluation.ways import Floats, Ints, Way

ENDS_M = 15_000.0
"""So far from both ends nothing is placed: origin and destination are circles there."""
CLEAR_M = 3_000.0


class NoRoomError(Exception):
    """The way, or the time until the world ends, is too short for a scene."""


class Identity(NamedTuple):
    """Numbers of one container and what is on it."""

    container_id: str
    seal_id: str
    tracker_id: str | None
    seal_number: str
    card_id: str
    other_card_id: str


class Bump(NamedTuple):
    """Between two places on the way the container is ``right_m`` beside the line, rising over ``ramp_m``."""

    from_m: float
    to_m: float
    right_m: float
    ramp_m: float


class Habits(NamedTuple):
    """What a container's devices can do, the same on every trip, and how they report."""

    interval_ms: int  # while moving
    rest_factor: int  # so many times longer at rest
    says_interval: bool  # the plan names the longest interval
    fix_every: int  # a position in every n-th report only
    covered: bool  # there is a network all the way (for ships)
    tells_state: bool  # the seal's state in every report; else events only
    has_door: bool
    has_mount: bool
    names_seal: bool


@dataclass
class Draft:
    profile: EvaluationProfile
    identity: Identity
    way: Way
    trip_id: str
    scene: str
    departs_ms: int  # as planned
    habits: Habits
    dead: tuple[tuple[float, float], ...]  # stretches without a network, metres along
    rng: random.Random
    noise: np.random.Generator
    leaves_ms: float = 0.0  # as driven
    halts: list[Halt] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    slow: list[Slow] = field(default_factory=list)
    bumps: list[Bump] = field(default_factory=list)
    reserved: list[tuple[float, float]] = field(default_factory=list)
    checkpoints: list[tuple[float, float]] = field(default_factory=list)  # (metres along, radius)
    forbidden: list[Zone] = field(default_factory=list)
    alternatives: list[Corridor] = field(default_factory=list)
    limits: list[SensorLimit] = field(default_factory=list)
    authorisations: list[Authorisation] = field(default_factory=list)
    reefer_c: float | None = None
    stop_max_s: float | None = None
    arrives_late: bool = False  # the time plan is tight
    openings: list[int] = field(default_factory=list)  # rows of openings with leave
    rerouted: bool = False  # the plan changes under way
    mute_id: str | None = None  # a device that the plan names and that never speaks
    parts_at: Halt | None = None  # where the truck leaves the box behind
    bumps_until_ms: float = float("inf")
    motion: Motion = field(default_factory=lambda: Motion(np.zeros(2), np.zeros(2)))
    nominal: Motion = field(default_factory=lambda: Motion(np.zeros(2), np.zeros(2)))
    trip: Trip | None = None
    at_ms: int = 0  # when the scene's event happens
    marks_ms: list[int] = field(default_factory=list)  # the seal reports at these moments too
    silences: list[tuple[float, float, bool]] = field(default_factory=list)  # (from, until, kept in memory)
    seal: Columns = field(default_factory=lambda: blank("", "", "", np.zeros(0, np.int64)))
    tracker: Columns | None = None
    events: list[TripEvent] = field(default_factory=list)
    pending: list[Claim] = field(default_factory=list)
    truths: list[Scripted] = field(default_factory=list)

    # -- where -------------------------------------------------------------------

    @property
    def reach_m(self) -> float:
        """How far it surely comes before the world ends, hours to spare for what happens then."""
        hours = (self.profile.end_ms - self.departs_ms) / HOUR_MS - 20
        return min(self.way.length_m - ENDS_M, hours * (24_000 if self.way.at_sea else 28_000))

    def free(self, from_m: float, to_m: float, *, anywhere: bool = False) -> bool:
        """Whether nothing is planned for a stretch, it has a network and no ferry."""
        taken = [*self.reserved, *self.way.ferries, *(() if anywhere else self.dead)]
        return all(to_m + CLEAR_M < a or from_m - CLEAR_M > b for a, b in taken)

    def pick(self, need_m: float, low: float = 0.15, high: float = 0.8, *, anywhere: bool = False) -> float:
        """Beginning of a free stretch of the way, which is then reserved. Raises `NoRoomError`."""
        first = max(ENDS_M, low * self.way.length_m)
        last = min(self.reach_m, high * self.way.length_m) - need_m
        if last <= first:
            raise NoRoomError
        anywhere = anywhere or self.way.at_sea
        for _ in range(80):
            from_m = self.rng.uniform(first, last)
            if self.free(from_m, from_m + need_m, anywhere=anywhere):
                self.reserved.append((from_m, from_m + need_m))
                return from_m
        raise NoRoomError

    def straight(self, need_m: float, low: float = 0.15, high: float = 0.8) -> float:
        """`pick` of a stretch without a corner."""
        for _ in range(60):
            kept = list(self.reserved)
            from_m = self.pick(need_m, low, high)
            corners = self.way.starts_m
            if not ((corners > from_m - 1_500) & (corners < from_m + need_m + 1_500)).any():
                return from_m
            self.reserved = kept
        raise NoRoomError

    def right_m(self, along_m: Floats) -> Floats:
        """How far beside the line it drives there."""
        found = 0.06 * self.way.half_width_m * np.sin(along_m / (0.02 * self.way.length_m + 9_000.0))
        fade = np.clip(np.minimum(along_m, self.way.length_m - along_m) / ENDS_M, 0.0, 1.0)
        found = found * fade
        for bump in self.bumps:
            rise = np.minimum(along_m - bump.from_m, bump.to_m - along_m) / bump.ramp_m
            part = np.clip(rise, 0.0, 1.0)
            found = found * (1 - part) + bump.right_m * part
        return found

    def position(self, at_ms: Floats) -> tuple[Floats, Floats]:
        """Where it truly is."""
        along_m = self.motion.at(at_ms)
        beside = self.right_m(along_m)
        if self.bumps and np.isfinite(self.bumps_until_ms):
            beside = np.where(at_ms >= self.bumps_until_ms, 0.0, beside)
        return self.way.place(along_m, beside)

    def here(self, name: str, at_ms: float, radius_m: float) -> Place:
        """A circle around where it truly is at a moment."""
        latitude, longitude = self.position(np.array([float(at_ms)]))
        return Place(
            name=name,
            latitude_deg=round(float(latitude[0]), 5),
            longitude_deg=round(float(longitude[0]), 5),
            radius_m=radius_m,
        )

    def circle(self, name: str, along_m: float, radius_m: float, right_m: float = 0.0) -> Place:
        """A circle on (or beside) the way's line."""
        latitude, longitude = self.way.point(along_m, right_m)
        return Place(name=name, latitude_deg=latitude, longitude_deg=longitude, radius_m=radius_m)

    # -- when --------------------------------------------------------------------

    def halt(self, minutes: float, kind: str, name: str = "", low: float = 0.15, high: float = 0.8) -> Halt:
        """A stop somewhere free."""
        along_m = self.pick(200.0, low, high)
        made = Halt(along_m, round(minutes * MINUTE_MS), kind, name)
        self.halts.append(made)
        return made

    def during(self, halt: Halt, part: float) -> int:
        """The moment at which so large a part of a stop is over, in whole seconds."""
        begins = next(a for a, _, at in self.motion.stands() if abs(at - halt.along_m) < 1.0)
        return int(begins + part * halt.lasts_ms) // 1000 * 1000

    def moment(self, along_m: float) -> int:
        """When it is there for the first time, in whole seconds; reports of that moment are made."""
        return int(self.motion.reaches_ms(along_m)) // 1000 * 1000

    # -- what --------------------------------------------------------------------

    def record(self, kind: TripEventKind, at_ms: float, recorded_ms: float, **content: object) -> TripEvent:
        """A trip event of this trip."""
        event = TripEvent(
            event_id=f"{self.trip_id}/{kind.value}/{len(self.events)}",
            kind=kind,
            occurred_at_ms=int(at_ms),
            recorded_at_ms=int(recorded_ms),
            container_id=self.identity.container_id,
            trip_id=self.trip_id,
            actor="customs officer",
            **content,  # type: ignore[arg-type]  # fields by name
        )
        self.events.append(event)
        return event

    def leave(
        self, number: str, from_ms: float, until_ms: float, *, place: Place | None, cards: tuple[str, ...]
    ) -> Authorisation:
        """An authorisation of this trip."""
        return Authorisation(
            authorisation_id=f"{self.trip_id}-{number}",
            granted_by="Customs",
            valid_from_ms=int(from_ms),
            valid_until_ms=int(until_ms),
            card_ids=cards,
            place=place,
            reason="inspection",
        )

    def check(self, at_ms: float, recorded_ms: float, condition: int, **content: object) -> TripEvent:
        """Somebody looks at the seal."""
        check = SealCheck(
            check_id=f"{self.trip_id}-C{len(self.events)}",
            checked_at_ms=int(at_ms),
            condition=condition,
            party="Customs",
            party_role="CU",
            **content,  # type: ignore[arg-type]  # fields by name
        )
        return self.record(TripEventKind.SEAL_CHECKED, at_ms, recorded_ms, seal_check=check)

    def claim(self, alert_type: str | None, from_ms: float, until_ms: float, **content: object) -> None:
        """Script an event of the truth; its evidence is filled in when receipts are known."""
        self.pending.append(
            Claim(alert_type, int(from_ms), int(until_ms), **content)  # type: ignore[arg-type]  # by name
        )


@dataclass
class Claim:
    """A truth whose receipt isn't known yet.

    ``rows`` are reports of ``of`` (the seal where None) that show it, of which
    the first ``needed`` to arrive complete the evidence; without rows
    ``known_ms`` is when it could be known (by the log's clock).
    """

    alert_type: str | None
    from_ms: int
    until_ms: int
    rows: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    of: Columns | None = None
    needed: int = 1
    known_ms: int = 0
    event: TripEvent | None = None
    also: tuple[str, ...] = ()
    withdrawn: bool = False
    may_be_withdrawn: bool = False
    kind: str = ""
    tolerance_ms: int = 0
