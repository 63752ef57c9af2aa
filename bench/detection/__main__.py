"""``python -m bench.detection``: what the judgement finds in real data, in figures."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from bench.detection import gfw, journeys, nab
from bench.detection.result import Report
from bench.detection.table import render

PARTS = ("journeys", "gfw", "nab")
FOLDERS = {"journeys": "container-journeys", "gfw": "gfw-tracks", "nab": "nab"}
FILES = {"journeys": "journey-*.csv", "gfw": "*.csv.gz", "nab": "*/*.csv.gz"}
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def measure(data: Path, parts: tuple[str, ...]) -> Report:
    """Figures of the parts whose data is there; the others by name in ``skipped``."""
    report = Report()
    for part in parts:
        folder = data / FOLDERS[part]
        if not any(folder.glob(FILES[part])):
            report.skipped.append(f"{part}: no {FILES[part]} in {FOLDERS[part]} of the data folder")
        elif part == "journeys":
            report.journeys = journeys.run(folder)
            report.skipped += [f"journeys: {each}: no itinerary" for each in journeys.unknown(folder)]
        elif part == "gfw":
            report.gfw = gfw.run(folder)
        else:
            report.nab = nab.run(folder)
    if report.journeys and report.journeys[0].shocks_said is None:
        report.skipped.append("journeys: shocks found: no rule says SHOCK")
    return report


@click.command()
@click.option(
    "--only", type=click.Choice(PARTS), multiple=True, help="Only this part; may be given several times."
)
@click.option(
    "--data",
    type=click.Path(exists=False, file_okay=False, path_type=Path),
    default=DATA,
    help="Folder with container-journeys, gfw-tracks and nab. [default: ../shared/data]",
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write JSON here."
)
def main(*, only: tuple[str, ...], data: Path, json_file: Path | None) -> None:
    """Measure detection on real journeys, tracks and series (docs/detection.md).

    A part whose data is absent is left out by name.

    Example: python -m bench.detection --only gfw --json gfw.json
    """
    report = measure(data, only or PARTS)
    print(render(report))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


if __name__ == "__main__":
    main()
