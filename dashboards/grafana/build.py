"""Writes the dashboards as the JSON that Grafana provisions.

``python -m dashboards.grafana.build`` writes ``provisioned/*.json`` beside this
file; ``--check`` writes nothing and exits 1, naming the files, where they are
not what the code says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.grafana.alert_queue import alert_queue
from dashboards.grafana.fleet import fleet
from dashboards.grafana.pipeline import pipeline
from dashboards.grafana.trip import trip

PROVISIONED: Final = Path(__file__).parent / "provisioned"


def dashboards() -> list[Dashboard]:
    """All of them, in the order in which Grafana lists them."""
    return [fleet(), trip(), alert_queue(), pipeline()]


def _without_nulls(value: Any) -> Any:
    """Leaves out what isn't set. The first threshold's ``value`` stays null: that is minus infinity."""
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {
            key: _without_nulls(item)
            for key, item in value.items()
            if item is not None or value.keys() == {"value", "color"}
        }
    return value


def rendered() -> dict[str, str]:
    """File name -> text, ending with a newline; equal code gives equal text."""
    files = {}
    for builder in dashboards():
        document: dict[str, Any] = _without_nulls(json.loads(json.dumps(builder.build(), cls=JSONEncoder)))
        files[f"{document['uid']}.json"] = json.dumps(document, indent=2, sort_keys=True) + "\n"
    return files


def outdated(folder: Path = PROVISIONED) -> list[str]:
    """Names of files in ``folder`` that are missing, differ, or belong to no dashboard."""
    wanted = rendered()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(folder: Path = PROVISIONED) -> list[Path]:
    """Writes every dashboard and removes files that belong to none."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = rendered()
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    written = []
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        stale = outdated()
        if stale:
            sys.stderr.write(f"not current: {', '.join(stale)}; run python -m dashboards.grafana.build\n")
        return 1 if stale else 0
    if arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    for path in write():
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
