"""`sealtrail evaluate` as a person runs it."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from sealtrail.cli import cli

SMALL = ["--containers", "12", "--days", "3", "--tick-s", "900"]


def _evaluate(*options: str) -> Result:
    result = CliRunner().invoke(cli, ["evaluate", *SMALL, *options])
    assert result.exit_code == 0, result.output
    return result


def test_all_figures_as_json() -> None:
    """One JSON object: figures of every type, of baselines, misses and false alarms; progress apart."""
    found = json.loads(_evaluate("--seed", "3", "--json").stdout)
    assert len(found["types"]) == 25
    assert found["total"]["truths"] == sum(each["truths"] for each in found["types"])
    assert found["total"]["truths"] == found["total"]["found"] + len(found["missed"])
    assert found["total"]["false"] == len(found["false"])
    assert [each["baseline"]["name"] for each in found["baselines"]] == [
        "every opening",
        "fence",
        "speed limit",
        "k-sigma",
    ]
    assert found["container_days"] > 0


def test_the_same_seed_gives_the_same_figures() -> None:
    """Two runs differ in nothing."""
    assert _evaluate("--seed", "3", "--json").stdout == _evaluate("--seed", "3", "--json").stdout


def test_a_table_for_people() -> None:
    """Types, families and baselines in a table; a tuning seed is called one on standard error."""
    result = _evaluate("--seed", "3")
    for word in ("SEAL_CUT", "LIKELY_THEFT", "breach", "total", "every opening", "times the budget"):
        assert word in result.stdout
    assert "one of those for tuning" in result.stderr
