"""The dashboards' files: current, well-formed, and asking only for what the record has."""

from __future__ import annotations

import copy
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana import build, looks, names
from dashboards.grafana.flux import DATASOURCE_UID
from ingest import names as record
from sealtrail.contract.alert import AlertAction, Severity
from sealtrail.contract.reading import SealEvent, SealState

PROVISIONING = Path(build.__file__).parent / "provisioning"
DOCUMENTS = {path.stem: json.loads(path.read_text("utf-8")) for path in build.PROVISIONED.glob("*.json")}
PANELS = [
    pytest.param(panel, id=f"{uid}: {panel['title']}")
    for uid, document in DOCUMENTS.items()
    for panel in document["panels"]
]


def _texts(document: dict[str, Any]) -> list[str]:
    """Every Flux text of a dashboard, as written."""
    panels = [target["query"] for panel in document["panels"] for target in panel["targets"]]
    chosen = document["templating"].get("list", [])
    variables = [variable["query"] for variable in chosen if variable["type"] == "query"]
    return panels + variables


def test_checked_in_files_are_what_the_code_says() -> None:
    """The JSON in the repository is current, complete and without strays."""
    assert build.outdated() == []


def test_check_names_changed_missing_and_stray_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`outdated` sees each way in which a folder can differ from the code."""
    build.write(tmp_path)
    assert build.outdated(tmp_path) == []
    (tmp_path / "sealtrail-trip.json").write_text("{}")
    (tmp_path / "sealtrail-fleet.json").unlink()
    (tmp_path / "old.json").write_text("{}")
    assert build.outdated(tmp_path) == ["old.json", "sealtrail-fleet.json", "sealtrail-trip.json"]
    assert build.main(["--nonsense"]) == 2
    assert "--check" in capsys.readouterr().err


def test_four_dashboards_with_lasting_uids() -> None:
    """Links and bookmarks hang on the uids."""
    assert DOCUMENTS.keys() == {looks.FLEET_UID, looks.TRIP_UID, looks.ALERTS_UID, looks.PIPELINE_UID}


@pytest.mark.parametrize("uid", sorted(DOCUMENTS))
def test_document_survives_the_sdks_model(uid: str) -> None:
    """Reading the JSON into the SDK's model of a dashboard and writing it again loses nothing."""
    register_default_plugins()
    document = copy.deepcopy(DOCUMENTS[uid])
    again = json.loads(json.dumps(Dashboard.from_json(document), cls=JSONEncoder))
    for part in (document, again):  # the model has no place for the query of an annotation
        for annotation in part["annotations"].get("list", []):
            annotation.pop("target")
    assert again == document


@pytest.mark.parametrize("uid", sorted(DOCUMENTS))
def test_dashboard_is_read_only_in_utc_and_has_a_description(uid: str) -> None:
    """Nobody edits a provisioned dashboard by accident or reads a time in a browser's zone."""
    document = DOCUMENTS[uid]
    assert document["editable"] is False
    assert document["timezone"] == "utc"
    assert document["title"].startswith("SealTrail: ")
    assert document["description"]


@pytest.mark.parametrize("uid", sorted(DOCUMENTS))
def test_panels_lie_side_by_side(uid: str) -> None:
    """No panel covers another, none leaves the 24 columns, ids are unique."""
    panels = DOCUMENTS[uid]["panels"]
    places = [panel["gridPos"] for panel in panels]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)


@pytest.mark.parametrize("panel", PANELS)
def test_panel_is_described_and_asks_the_provisioned_source(panel: dict[str, Any]) -> None:
    """Every panel says what it shows and names the data source by its uid."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["datasource"] == {"type": "influxdb", "uid": DATASOURCE_UID}
    assert panel["targets"]
    assert all(target["datasource"]["uid"] == DATASOURCE_UID for target in panel["targets"])
    ref_ids = [target["refId"] for target in panel["targets"]]
    assert len(set(ref_ids)) == len(ref_ids)


MAPS = [
    pytest.param(panel, id=f"{uid}: {panel['title']}")
    for uid, document in DOCUMENTS.items()
    for panel in document["panels"]
    if panel["type"] == "geomap"
]


@pytest.mark.parametrize("panel", MAPS)
def test_map_needs_no_internet_and_its_layers_have_queries(panel: dict[str, Any]) -> None:
    """No layer names another host, every layer's query exists, the view fits a layer that exists."""
    options = panel["options"]
    layers = options["layers"]
    assert "http" not in json.dumps(options)
    assert options["basemap"]["config"]["url"].startswith("data:")
    ref_ids = {target["refId"] for target in panel["targets"]}
    asked = {layer["filterData"]["options"] for layer in layers if "filterData" in layer}
    assert asked == ref_ids
    assert options["view"]["layer"] in {layer["name"] for layer in layers}


def test_names_agree_with_the_record() -> None:
    """What dashboards ask for is spelt as ingest writes it."""
    assert names.READING == record.READING
    assert names.ALERT == record.ALERT
    assert set(names.READING_TAGS) == set(record.READING_TAGS)
    assert set(names.ALERT_TAGS) == set(record.ALERT_TAGS)
    assert set(names.READING_FIELDS) <= set(record.READING_FIELDS)
    assert set(names.ALERT_FIELDS) <= set(record.ALERT_FIELDS)


@pytest.mark.parametrize("uid", sorted(DOCUMENTS))
def test_queries_use_only_listed_fields(uid: str) -> None:
    """Each field that a query filters on is in the list that is held against the record."""
    known = {*names.READING_FIELDS, *names.ALERT_FIELDS}
    for text in _texts(DOCUMENTS[uid]):
        assert set(re.findall(r'r\._field == "(\w+)"', text)) <= known


def test_every_listed_field_is_asked_for() -> None:
    """The list has no field that no panel wants."""
    everything = "\n".join(text for document in DOCUMENTS.values() for text in _texts(document))
    asked = set(re.findall(r'r\._field == "(\w+)"', everything))
    assert asked == {*names.READING_FIELDS, *names.ALERT_FIELDS}


def test_every_state_severity_and_action_has_a_look() -> None:
    """A new member of an enumeration can't show up as a bare number or grey word."""
    assert looks.SEAL_LOOKS.keys() == set(SealState)
    assert looks.SEVERITY_LOOKS.keys() == set(Severity)
    assert looks.ACTION_LOOKS.keys() == {action.value for action in AlertAction}


def test_seal_history_names_every_event() -> None:
    """Each bit of `SealEvent` has its word in the seal history's query."""
    history = next(
        panel for panel in DOCUMENTS[looks.TRIP_UID]["panels"] if panel["title"] == "Seal history"
    )["targets"][0]["query"]
    for event in SealEvent:
        assert f"b: {event.value}) > 0" in history
        assert f'"{(event.name or "").lower()} "' in history


def test_provisioned_source_has_no_secret_and_the_right_uid() -> None:
    """Values come from the environment; the uid is the one that the panels name."""
    document = yaml.safe_load((PROVISIONING / "datasources" / "influxdb.yaml").read_text("utf-8"))
    (source,) = document["datasources"]
    assert source["uid"] == DATASOURCE_UID
    assert source["jsonData"]["version"] == "Flux"
    for value in (
        source["url"],
        source["jsonData"]["organization"],
        source["jsonData"]["defaultBucket"],
        source["secureJsonData"]["token"],
    ):
        assert re.fullmatch(r"\$\{INFLUXDB_\w+\}", value)
