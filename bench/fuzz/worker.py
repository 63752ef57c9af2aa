"""One target in a process of its own: ``python -m bench.fuzz.worker TARGET SECONDS FOLDER``.

libFuzzer drives it. What breaks a promise is saved and the run goes on; what hangs or fills the
memory ends it, and libFuzzer saves that input.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
import traceback
from pathlib import Path

HANG_S = 20
"""After so long on one input libFuzzer ends the process."""
SLOW_S = 1.0
"""CPU of one input, with the instrumentation; an input is 16 KiB at most."""
MOST_INPUT_BYTES = 16_384
MOST_MEMORY_MB = 1_024
NO_ATHERIS = 3


class Notebook:
    """Saves inputs that broke a promise, one for each place in the code and kind of failure."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()

    def note(self, error: BaseException, data: bytes) -> None:
        """Saves ``data`` and what it did, unless the like is known."""
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
        what = f"{type(error).__name__} at {where}"
        kind = f"{what}: {error}" if type(error).__name__ == "BrokenPromiseError" else what
        if kind in self._known:
            return
        self._known.add(kind)
        name = hashlib.sha256(data).hexdigest()[:12]
        text = "".join(traceback.format_exception(error))
        (self._folder / f"{name}.bin").write_bytes(data)
        (self._folder / f"{name}.txt").write_text(f"{kind}\n\n{text}", encoding="utf-8")


def main(name: str, seconds: int, folder: Path) -> None:
    """Fuzzes until the time is over; statistics go to standard error as libFuzzer writes them."""
    try:
        import atheris  # noqa: PLC0415  an optional dependency, asked for by name
    except ImportError:
        print("atheris isn't installed: pip install 'sealtrail[fuzz]'", file=sys.stderr)
        os._exit(NO_ATHERIS)
    with atheris.instrument_imports(include=["gateway", "sealtrail"], enable_loader_override=False):
        from bench.fuzz.targets import targets  # noqa: PLC0415  imported only now, to be instrumented

        target = next(each for each in targets() if each.name == name)
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed[:MOST_INPUT_BYTES])
    notebook = Notebook(folder)

    def one(data: bytes) -> None:
        begun_s = time.process_time()
        try:
            target.run(data)
        except Exception as error:  # noqa: BLE001  a finding of whatever kind
            notebook.note(error, data)
        if time.process_time() - begun_s > SLOW_S:
            notebook.note(TimeoutError("slow"), data)

    options = [
        f"-max_total_time={seconds}",
        f"-timeout={HANG_S}",
        f"-max_len={MOST_INPUT_BYTES}",
        f"-rss_limit_mb={MOST_MEMORY_MB}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
