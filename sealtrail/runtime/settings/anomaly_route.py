"""Settings of the rules about the way: direction, zones, checkpoints, stops, times, early movement."""

from __future__ import annotations

from pydantic import Field

from sealtrail.runtime.settings.section import Section


class RouteSettings(Section):
    """What counts as going backwards, as a passage, as a stop, as late."""

    coarse_fix_m: float = Field(
        default=1_000,
        gt=0,
        description="A fix that may be wrong by more than this says nothing of passages, crossings and "
        "arrivals.",
    )

    # wrong way
    wrong_way_m: float = Field(
        default=5_000, gt=0, description="So far back along the corridor from its furthest point is wrong."
    )
    wrong_way_reports: int = Field(
        default=3, ge=1, description="And so many reports, each further back than the one before."
    )
    wrong_way_far_m: float = Field(
        default=15_000,
        gt=0,
        description="So far back, two reports are enough: of devices that report seldom.",
    )
    wrong_way_clear_m: float = Field(
        default=1_000, gt=0, description="So far forward again ends it, or turns a retreat into none."
    )
    wrong_way_winding: float = Field(
        default=2.0,
        ge=1,
        description="Between two reports a corridor is at most so many times as long as the straight way; "
        "what looks longer is a place where it comes near itself.",
    )

    # forbidden zones
    zone_reports: int = Field(
        default=2, ge=1, description="So many reports in a row inside a forbidden zone raise an alert."
    )
    zone_sure_m: float = Field(
        default=500, ge=0, description="Or one report that is deeper inside than its uncertainty and this."
    )
    zone_crossing_share: float = Field(
        default=0.2,
        gt=0,
        description="Two reports outside show a crossing where the straight way between them runs deeper "
        "inside the zone than their uncertainty and this part of its length: roads aren't straight.",
    )

    # checkpoints
    checkpoint_beyond_m: float = Field(
        default=2_000,
        ge=0,
        description="So far beyond a checkpoint, its radius and the uncertainty it counts as missed.",
    )
    checkpoint_speed_m_s: float = Field(
        default=25,
        gt=0,
        description="A checkpoint may have been passed between two reports where the way there and on asks "
        "for no more speed than this,",
    )
    checkpoint_detour: float = Field(
        default=1.5, ge=1, description="and for no more than so many times the straight way."
    )

    # stops
    stop_max_s: float = Field(
        default=1_800,
        gt=0,
        description="Longest stop outside allowed places, where the trip names no other.",
    )
    stop_long_factor: float = Field(
        default=4, ge=1, description="A stop so many times as long as allowed is high instead of medium."
    )
    stop_radius_m: float = Field(
        default=200,
        gt=0,
        description="Who stays within this (and the uncertainty) of where a stop began stands; a fix that "
        "may be wrong by more neither proves nor ends a stop.",
    )
    stop_leave_m: float = Field(
        default=1_000, gt=0, description="One report further away than this ends a stop,"
    )
    stop_leave_reports: int = Field(default=2, ge=1, description="or so many in a row that are nearer.")

    # times
    overdue_grace_s: float = Field(
        default=1_800,
        ge=0,
        description="So much later than planned a departure, checkpoint or arrival is overdue.",
    )
    overdue_blind_s: float = Field(
        default=86_400,
        ge=0,
        description="Where no report shows that it is late, as nothing is heard or in a dead zone, it is "
        "overdue only this much later still.",
    )
    eta_window_s: float = Field(
        default=7_200, gt=0, description="The average speed of an estimate of arrival is that of so long."
    )
    eta_least_m_s: float = Field(
        default=1, gt=0, description="Slower than this on average there is no estimate of arrival."
    )
