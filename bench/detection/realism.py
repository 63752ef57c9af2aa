"""``python -m bench.detection.realism``: the evaluation world beside real journeys, is it as nasty.

Quantiles of what its devices report beside those of the container journeys of
``../shared/data`` (or ``--data``); left out by name where they are absent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import numpy as np

from sealtrail.commands.judge_input import readings_of
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.reading import FixKind, Reading
from simulators.evaluation.profile import EvaluationProfile
from simulators.evaluation.ways import Floats, apart_m, unit_vectors
from simulators.evaluation.world import EvaluationWorld

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "container-journeys"
QUANTILES = (0.1, 0.5, 0.9, 0.99, 1.0)
FAST_M_S = 40.0

Series = dict[str, Floats]


def real(folder: Path) -> list[Reading]:
    """Readings of all journeys of a folder; rows that are none are passed over."""

    def pass_over(number: int, error: RefusedError) -> None:
        del number, error

    found: list[Reading] = []
    for path in sorted(folder.glob("journey-*.csv")):
        with path.open(encoding="utf-8") as lines:
            found += readings_of(lines, pass_over)
    return found


def simulated(profile: EvaluationProfile) -> tuple[list[Reading], list[Reading]]:
    """What the seals of an evaluation world send: (on roads, at sea); trucks have no like in the journeys."""
    world = EvaluationWorld(profile)
    sorted_out: tuple[list[Reading], list[Reading]] = ([], [])
    for _, items in world.stream():
        for item in items:
            if isinstance(item, list):
                for each in item:
                    if each.external_v is None:
                        sorted_out[each.container_id in world.ships].append(each)
    return sorted_out


def series(readings: Iterable[Reading]) -> tuple[Series, dict[str, float]]:
    """Values of each quantity, and shares; by device in event-time order, reports of one second once."""
    devices: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        devices[reading.device_id].append(reading)
    found: dict[str, list[Floats]] = defaultdict(list)
    counts = {"reports": 0.0, "placed": 0.0, "cell": 0.0, "pairs": 0.0, "fast": 0.0}
    for own in devices.values():
        own.sort(key=lambda each: (each.occurred_at_ms, each.reading_id))
        times = np.unique(np.array([each.occurred_at_ms for each in own]) // 1000)
        found["seconds between reports"].append(np.diff(times).astype(np.float64))
        placed = [each for each in own if each.latitude_deg is not None and each.fix_kind != FixKind.STALE]
        _positions(placed, found, counts)
        counts["reports"] += len(times)
        for name, value in _SENSORS.items():
            values = [(each.occurred_at_ms, value(each)) for each in own]
            told = np.array([(at_ms, x) for at_ms, x in values if x is not None], np.float64).reshape(-1, 2)
            found[name].append(told[:, 1])
            if name == "temperature, °C":
                hours = np.maximum(np.diff(told[:, 0]) / 3.6e6, 0.25)
                found["change of temperature, °C an hour"].append(np.abs(np.diff(told[:, 1])) / hours)
    shares = {
        "reports with a position": counts["placed"] / max(1.0, counts["reports"]),
        "positions from cells": counts["cell"] / max(1.0, counts["placed"]),
        f"steps faster than {FAST_M_S:.0f} m/s": counts["fast"] / max(1.0, counts["pairs"]),
    }
    return {name: np.concatenate(parts) for name, parts in found.items()}, shares


_SENSORS: dict[str, Callable[[Reading], float | None]] = {
    "shock, g": lambda each: each.shock_g,
    "tilt, degrees": lambda each: each.tilt_deg,
    "temperature, °C": lambda each: each.temperature_c,
    "humidity, %": lambda each: each.humidity_pct,
    "light, lux": lambda each: each.light_lux,
}


def _positions(placed: list[Reading], found: dict[str, list[Floats]], counts: dict[str, float]) -> None:
    accuracy = [each.accuracy_m for each in placed if each.fix_kind == FixKind.GNSS]
    known = np.array([each for each in accuracy if each is not None], np.float64)
    found["accuracy of satellite fixes, m"].append(known)
    counts["placed"] += len(placed)
    counts["cell"] += sum(each.fix_kind == FixKind.CELL for each in placed)
    at_s = np.array([each.occurred_at_ms / 1000 for each in placed])
    vectors = unit_vectors(
        np.array([each.latitude_deg or 0.0 for each in placed]),
        np.array([each.longitude_deg or 0.0 for each in placed]),
    )
    seconds = np.diff(at_s)
    apart = seconds > 0
    found["seconds between positions"].append(seconds[apart])
    speed = apart_m(vectors[1:], vectors[:-1])[apart] / (seconds[apart] + 30)
    found["speed from one to the next, m/s"].append(speed)
    counts["pairs"] += len(speed)
    counts["fast"] += float((speed > FAST_M_S).sum())


def render(sources: list[tuple[Series, dict[str, float]]]) -> str:
    """A Markdown table; the sources stand in each cell in their order."""
    heads = " | ".join("greatest" if part == 1 else f"{part:.0%}" for part in QUANTILES)
    lines = [f"| real / roads / sea | {heads} |", "|---" * (len(QUANTILES) + 1) + "|"]
    for name, values in sources[0][0].items():
        if len(values):
            found = [_quantiles(series_of[name]) for series_of, _ in sources]
            cells = [" / ".join(f"{each[part]:.4g}" for each in found) for part in QUANTILES]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| share of | real | roads | sea |", "|---|---|---|---|"]
    for name in sources[0][1]:
        lines.append(f"| {name} | {' | '.join(f'{shares[name]:.2%}' for _, shares in sources)} |")
    return "\n".join(lines)


def _quantiles(values: Floats) -> dict[float, float]:
    return {part: float(np.quantile(values, part)) if len(values) else float("nan") for part in QUANTILES}


@click.command()
@click.option("--seed", default=1, help="Seed of the world. [default: 1]")
@click.option("--containers", default=60, help="Containers of the world. [default: 60]")
@click.option("--days", default=20.0, help="Days of the world. [default: 20]")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=DATA,
    help="Folder with journey-*.csv. [default: ../shared/data/container-journeys]",
)
def main(*, seed: int, containers: int, days: float, data: Path) -> None:
    """Compare the evaluation world with real container journeys.

    Example: python -m bench.detection.realism --seed 1 --containers 60 --days 20
    """
    journeys = real(data)
    if not journeys:
        print(f"skipped: no journey-*.csv in {data.name}")
        return
    profile = EvaluationProfile(seed=seed, containers=containers, days=days)
    print(render([series(each) for each in (journeys, *simulated(profile))]))


if __name__ == "__main__":
    main()
