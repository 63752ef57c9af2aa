"""``python -m bench.fuzz``: hostile input for whatever reads bytes of strangers; one table."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from bench.fuzz.targets import Target, targets
from bench.table import columns

EXECUTED = re.compile(rb"stat::number_of_executed_units:\s*(\d+)")
PEAK_MB = re.compile(rb"stat::peak_rss_mb:\s*(\d+)")
COVERED = re.compile(rb"#\d+\s.*?cov: (\d+)")
GRACE_S = 120
"""Time for reading the seeds and, at the end, for the last input, beside the time of the run itself."""


class Outcome(NamedTuple):
    """What became of one target."""

    name: str
    inputs: int
    covered: int  # edges of the code under test
    peak_mb: int
    seconds: float
    findings: list[str]


def _fuzzed(target: Target, seconds: int, folder: Path) -> Outcome:
    place = folder / target.name.replace(":", "-")
    place.mkdir(parents=True, exist_ok=True)
    for old in [*place.glob("*.txt"), *place.glob("*.bin"), *_artefacts(place)]:
        old.unlink()
    begun_s = time.monotonic()
    with (place / "fuzzer.log").open("wb") as log:
        command = [sys.executable, "-m", "bench.fuzz.worker", target.name, str(seconds), str(place)]
        try:
            code = subprocess.run(
                command, stderr=log, stdout=log, timeout=seconds + GRACE_S, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    said = (place / "fuzzer.log").read_bytes()
    findings = [each.read_text(encoding="utf-8").partition("\n")[0] for each in sorted(place.glob("*.txt"))]
    findings += [f"{each.name}: ended by libFuzzer" for each in _artefacts(place)]
    if code and not findings:
        findings.append(f"the process ended with {code}: see {place / 'fuzzer.log'}")
    return Outcome(
        target.name,
        _last(EXECUTED, said),
        _last(COVERED, said),
        _last(PEAK_MB, said),
        time.monotonic() - begun_s,
        findings,
    )


def _artefacts(place: Path) -> list[Path]:
    return sorted(path for kind in ("crash", "timeout", "oom", "leak") for path in place.glob(f"{kind}-*"))


def _last(pattern: re.Pattern[bytes], text: bytes) -> int:
    found = pattern.findall(text)
    return int(found[-1]) if found else 0


def _table(outcomes: list[Outcome]) -> Iterator[str]:
    rows = [["target", "inputs", "edges", "peak MB", "seconds", "findings"]]
    for one in outcomes:
        figures = [f"{one.inputs:,}", str(one.covered), str(one.peak_mb), f"{one.seconds:.0f}"]
        rows.append([one.name, *figures, str(len(one.findings)) if one.findings else "none"])
    yield from columns(rows)
    yield f"{sum(one.inputs for one in outcomes):,} inputs"
    for one in outcomes:
        for finding in one.findings:
            yield f"  {one.name}: {finding}"


@click.command()
@click.option("--seconds", default=60, show_default=True, help="How long each target is fuzzed.")
@click.option("--family", help="Only the targets of this device family.")
@click.option("--target", "wanted", multiple=True, help="Only this target; may be given several times.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".fuzz"),
    show_default=True,
    help="Where inputs that found something new are kept between runs, and those that broke a promise.",
)
@click.option("--list", "only_list", is_flag=True, help="List the targets.")
def main(*, seconds: int, family: str | None, wanted: tuple[str, ...], folder: Path, only_list: bool) -> None:
    """Fuzz decoders, framings, dialogues, packets, headers and files with atheris (libFuzzer).

    Exits with 1 where an input broke a promise; the input and the trace are in the folder.

    Example: python -m bench.fuzz --seconds 600 --family gt06
    """
    chosen = [
        target
        for target in targets()
        if (family is None or target.family == family) and (not wanted or target.name in wanted)
    ]
    if not chosen:
        raise click.UsageError("no such target; --list shows them")
    if only_list:
        for target in chosen:
            print(f"{target.name}  ({len(target.seeds)} seeds)")
        return
    if importlib.util.find_spec("atheris") is None:
        raise click.ClickException("atheris isn't installed: pip install 'sealtrail[fuzz]'")
    outcomes: list[Outcome] = []
    for target in chosen:
        print(f"[{time.strftime('%H:%M:%S')}] {target.name}", file=sys.stderr, flush=True)
        outcomes.append(_fuzzed(target, seconds, folder))
    for line in _table(outcomes):
        print(line)
    if any(one.findings for one in outcomes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
