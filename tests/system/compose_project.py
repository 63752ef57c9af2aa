"""The compose project as tests see it: the file itself, and what Docker would make of it.

There is no Docker engine in the tests, so the file is resolved by compose-go,
the library with which Docker's own ``compose`` reads it; it is built by name
from the Go module proxy, once, into the cache of built parts (see build.py).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from sealtrail.runtime.nkeys import AccountKey
from tests.parts.build import cache_dir
from tests.shared import ROOT

COMPOSE_GO = "github.com/compose-spec/compose-go/v2"
COMPOSE_GO_VERSION = "v2.16.2"

_KEY = AccountKey.make()

SECRETS = {
    name: f"s-{name.lower()}"
    for name in (
        "NATS_PASSWORD",
        "MQTT_PASSWORD",
        "DEVICE_PASSWORD",
        "INFLUXDB_PASSWORD",
        "INFLUXDB_TOKEN",
        "GRAFANA_PASSWORD",
        "ACCESS_PASSWORD",
    )
} | {"ACCESS_ISSUER_SEED": _KEY.seed, "ACCESS_ISSUER": _KEY.public}
"""Values for every variable that the file demands."""

SERVICES = ("gateway", "access", "ingest", "anomaly", "alerts", "controlroom")

_PROGRAM = """
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func resolved(files []string) ([]byte, error) {
	options, err := cli.NewProjectOptions(files,
		cli.WithOsEnv, cli.WithEnvFiles(), cli.WithDotEnv, cli.WithProfiles([]string{"*"}))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return project.MarshalJSON()
}

func main() {
	text, err := resolved(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}
"""


def absent(reason: str) -> NoReturn:
    """Skips the test by name where a part is missing; in CI nothing may be skipped, so it fails there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def document() -> dict[str, Any]:
    """docker-compose.yml with its anchors merged and its variables as written."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return content


def _reader() -> Path:
    """The program that resolves compose files; built where it is missing."""
    target = cache_dir() / f"compose-config-{COMPOSE_GO_VERSION}"
    if target.exists():
        return target
    if shutil.which("go") is None:
        absent("compose-go: no go on this machine to build it")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.go").write_text(_PROGRAM)
        (Path(folder) / "go.mod").write_text(
            f"module example.invalid/part\n\ngo 1.24\n\nrequire {COMPOSE_GO} {COMPOSE_GO_VERSION}\n"
        )
        partial = target.with_suffix(f".{os.getpid()}.partial")
        environment = {**os.environ, "GOFLAGS": "-mod=mod -buildvcs=false"}
        subprocess.run(["go", "build", "-o", str(partial), "."], cwd=folder, env=environment, check=True)
        partial.rename(target)
    return target


def resolve(variables: dict[str, str], *more_files: str) -> tuple[dict[str, Any], str]:
    """(project, complaint): as Docker would start it, or an empty project and why it would refuse.

    Only ``variables`` are in the environment: neither the tester's own nor a ``.env``.
    """
    files = [str(ROOT / name) for name in ("docker-compose.yml", *more_files)]
    with tempfile.TemporaryDirectory() as elsewhere:  # away from a .env in the project
        run = subprocess.run(
            [str(_reader()), *files],
            cwd=elsewhere,
            env={"PATH": os.environ["PATH"], "HOME": elsewhere, "COMPOSE_DISABLE_ENV_FILE": "1", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
    return (json.loads(run.stdout), "") if run.returncode == 0 else ({}, run.stderr)
