"""The documents say what is there: every verb, alert type and link."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from sealtrail.cli import VERBS, cli
from sealtrail.contract.alert import AlertType
from sealtrail.contract.public import SCHEMAS
from tests.shared import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def test_readme_names_every_verb() -> None:
    """A newcomer finds each verb in the README's table."""
    text = (ROOT / "README.md").read_text()
    assert [verb for verb in VERBS if f"`{verb}`" not in text] == []


def test_every_alert_type_is_documented() -> None:
    """The catalogue for people has every name that may appear in an alert."""
    text = (ROOT / "docs" / "alerts.md").read_text()
    assert [kind.value for kind in AlertType if f"`{kind.value}`" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: object) -> None:
    """Every relative link points to a file that exists."""
    path = ROOT / str(document)
    targets = LINK.findall(path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None
            yield from _commands(found, f"{name} {sub}")
    else:
        yield name, command


@pytest.mark.parametrize(("name", "command"), list(_commands(cli, "sealtrail")), ids=str)
def test_every_verb_has_help_with_an_example(name: str, command: click.Command) -> None:
    """--help explains the verb, shows an example, and explains every option."""
    assert "xample" in (command.help or ""), name
    undescribed = [
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert undescribed == []


def test_schema_prints_each_name() -> None:
    """`sealtrail schema` lists the names, and each prints as a JSON Schema."""
    runner = CliRunner()
    names = runner.invoke(cli, ["schema"]).output.split()
    assert names == sorted(SCHEMAS)
    for name in names:
        result = runner.invoke(cli, ["schema", name])
        assert result.exit_code == 0
        assert '"properties"' in result.output
