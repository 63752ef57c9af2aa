"""Builds the real servers that tests and benchmarks talk to, once, into a cache.

InfluxDB 2.7 and Telegraf have no package in the registries that a closed
network reaches, but their sources are Go modules (and, for InfluxDB's Flux
engine, Rust crates). The recipe:

* ``influxd`` v2.7.12: the main module's one ``replace`` line is repeated in a
  throw-away module, ``PKG_CONFIG`` names InfluxData's wrapper (it compiles
  libflux with cargo), and newer compilers' lints are capped because libflux
  denies warnings.
* ``telegraf``: only the three plugins that the benchmark needs are compiled.

Run ``python -m tests.parts.build influxd`` (or ``telegraf``); the path of the
binary is printed on the last line. The cache is ``$SEALTRAIL_PARTS_DIR`` or
``~/.cache/sealtrail/parts``.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

INFLUXDB_MODULE = "github.com/influxdata/influxdb/v2"
INFLUXDB_VERSION = "v2.7.12"
PKG_CONFIG_MODULE = "github.com/influxdata/pkg-config@v0.2.7"
TELEGRAF_MODULE = "github.com/influxdata/telegraf"
TELEGRAF_VERSION = "v1.36.4"
TELEGRAF_TAGS = "custom,inputs.mqtt_consumer,outputs.influxdb_v2,parsers.json"


class CannotBuildError(RuntimeError):
    """A compiler that the recipe needs is not on this machine."""


def cache_dir() -> Path:
    """Folder of built parts; outside the repository, shared by all checkouts."""
    configured = os.environ.get("SEALTRAIL_PARTS_DIR")
    return Path(configured) if configured else Path.home() / ".cache" / "sealtrail" / "parts"


def _run(*command: str, cwd: Path, env: dict[str, str]) -> str:
    print("+", *command, file=sys.stderr, flush=True)
    return subprocess.run(command, cwd=cwd, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout


def _need(*programs: str) -> None:
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        raise CannotBuildError(f"not on PATH: {', '.join(missing)}")


def _go_env(gobin: Path) -> dict[str, str]:
    return {**os.environ, "GOBIN": str(gobin), "GOFLAGS": "-mod=mod -buildvcs=false"}


def _replace_lines(module: str, version: str, cwd: Path, env: dict[str, str]) -> list[str]:
    """``replace`` directives of a module: Go ignores them in dependencies, so they are copied."""
    listing = json.loads(_run("go", "mod", "download", "-json", f"{module}@{version}", cwd=cwd, env=env))
    parsed = json.loads(_run("go", "mod", "edit", "-json", listing["GoMod"], cwd=cwd, env=env))
    lines = []
    for entry in parsed.get("Replace") or []:
        old, new = entry["Old"], entry["New"]
        source = " ".join(filter(None, (old["Path"], old.get("Version"))))
        target = " ".join(filter(None, (new["Path"], new.get("Version"))))
        lines.append(f"replace {source} => {target}")
    return lines


def _build_module(
    module: str, version: str, package: str, tags: str, scratch: Path, env: dict[str, str], target: Path
) -> None:
    gomod = scratch / "go.mod"
    gomod.write_text("module example.invalid/part\n\ngo 1.24\n")
    lines = [
        "module example.invalid/part",
        "go 1.24",
        f"require {module} {version}",
        *_replace_lines(module, version, scratch, env),
    ]
    gomod.write_text("\n".join(lines) + "\n")
    partial = target.with_suffix(".partial")
    _run("go", "build", "-tags", tags, "-ldflags", "-s -w", "-o", str(partial), package, cwd=scratch, env=env)
    partial.rename(target)


def build_influxd(target: Path) -> None:
    """Compiles InfluxDB's server to ``target`` (about 6 minutes on 2 cores, cold)."""
    _need("go", "cargo", "rustc")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        env = _go_env(scratch / "bin")
        _run("go", "install", PKG_CONFIG_MODULE, cwd=scratch, env=env)
        wrapper = scratch / "rustc-wrapper"
        wrapper.write_text('#!/bin/sh\nexec "$@" --cap-lints=warn\n')
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        env |= {
            "PKG_CONFIG": str(scratch / "bin" / "pkg-config"),
            "RUSTC_WRAPPER": str(wrapper),
            "RUSTUP_TOOLCHAIN": os.environ.get("RUSTUP_TOOLCHAIN", "stable"),
        }
        module_dir = scratch / "module"
        module_dir.mkdir()
        _build_module(
            INFLUXDB_MODULE,
            INFLUXDB_VERSION,
            f"{INFLUXDB_MODULE}/cmd/influxd",
            "sqlite_foreign_keys,sqlite_json",
            module_dir,
            env,
            target,
        )


def build_telegraf(target: Path) -> None:
    """Compiles the benchmark's peer to ``target`` with only the plugins that it uses."""
    _need("go")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        _build_module(
            TELEGRAF_MODULE,
            TELEGRAF_VERSION,
            f"{TELEGRAF_MODULE}/cmd/telegraf",
            TELEGRAF_TAGS,
            scratch,
            _go_env(scratch / "bin"),
            target,
        )


RECIPES = {"influxd": (INFLUXDB_VERSION, build_influxd), "telegraf": (TELEGRAF_VERSION, build_telegraf)}


def cached(name: str) -> Path:
    """Where the built part lies, whether or not it has been built."""
    return cache_dir() / f"{name}-{RECIPES[name][0]}"


def build(name: str) -> Path:
    """Path of the part ``name``, built first where the cache lacks it.

    Raises :class:`CannotBuildError` without the compilers, and
    ``subprocess.CalledProcessError`` when a compiler refuses.
    """
    target = cached(name)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        RECIPES[name][1](target)
    return target


if __name__ == "__main__":
    for part in sys.argv[1:] or ["influxd"]:
        print(build(part))
