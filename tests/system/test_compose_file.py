"""docker-compose.yml and its image: well-formed, spelt like the settings, with no password of its own."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import yaml

from sealtrail.cli import VERBS
from sealtrail.runtime.settings.tree import PREFIX, Settings
from tests.shared import ROOT
from tests.system.compose_project import SECRETS, SERVICES, document, resolve

DOCUMENT = document()
OURS = (*SERVICES, "simulator")
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<rest>[^}]*)")


def _leaves(model: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every key of the settings tree that holds a value, as a path."""
    found = set()
    for name, field in model.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            found |= _leaves(field.annotation, (*path, name))
        else:
            found.add((*path, name))
    return found


def _settings_in(environment: dict[str, str]) -> set[tuple[str, ...]]:
    return {
        tuple(name.removeprefix(PREFIX).lower().split("__"))
        for name in environment
        if name.startswith(PREFIX)
    }


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_a_setting(service: str) -> None:
    """Each SEALTRAIL_ variable is a key of the settings tree, so a service can't refuse to start over it."""
    assert _settings_in(DOCUMENT["services"][service]["environment"]) - _leaves(Settings) == set()


def test_every_variable_of_the_image_is_a_setting() -> None:
    """The same for the variables that the Dockerfile sets."""
    names = dict.fromkeys(re.findall(rf"{PREFIX}\w+", (ROOT / "Dockerfile").read_text("utf-8")), "")
    assert names
    assert _settings_in(names) - _leaves(Settings) == set()


@pytest.mark.parametrize("service", OURS)
def test_resolved_environment_makes_settings(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that the container gets is accepted by the settings, types and ranges included."""
    project, complaint = resolve(SECRETS)
    assert complaint == ""
    for name, value in project["services"][service]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.nats.url == "nats://nats:4222"
    assert settings.nats.password.get_secret_value() == SECRETS["NATS_PASSWORD"]


@pytest.mark.parametrize("service", OURS)
def test_command_is_a_verb(service: str) -> None:
    """The image's entry point is ``sealtrail``; what follows must be one of its verbs."""
    verb, *options = DOCUMENT["services"][service]["command"]
    assert verb in VERBS
    module, _ = VERBS[verb].target.split(":")
    source = (ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8")
    assert all(repr(option)[1:-1] in source for option in options)


def test_all_services_of_the_system_are_there() -> None:
    """No service of the pipeline is forgotten, and each has a health check and starts again."""
    for service in SERVICES:
        entry = DOCUMENT["services"][service]
        assert entry["restart"] == "unless-stopped"
        assert any("/readyz" in word for word in entry["healthcheck"]["test"])
        assert entry["depends_on"]["nats"] == {"condition": "service_healthy"}


def test_parts_are_checked_and_kept_on_volumes() -> None:
    """The three that hold data have a health check and a named volume for it."""
    kept = {"nats": "/data", "influxdb": "/var/lib/influxdb2", "grafana": "/var/lib/grafana"}
    for part, folder in kept.items():
        entry = DOCUMENT["services"][part]
        assert entry["healthcheck"]["test"]
        named = [volume.split(":") for volume in entry["volumes"] if not volume.startswith("./")]
        assert [folder, True] in [[target, name in DOCUMENT["volumes"]] for name, target in named]


def test_health_check_is_python_that_parses() -> None:
    """The inline program of the health check asks the port that the settings set."""
    for service in SERVICES:
        entry = DOCUMENT["services"][service]
        program = entry["healthcheck"]["test"][-1]
        ast.parse(program)
        assert f":{entry['environment']['SEALTRAIL_HEALTH__PORT']}/readyz" in program


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_refuses_to_start_without_a_secret(missing: str) -> None:
    """There are no default passwords: each missing one is refused by name, with what to do."""
    _, complaint = resolve({name: value for name, value in SECRETS.items() if name != missing})
    assert f"required variable {missing} is missing" in complaint
    assert "deploy/make_env.py" in complaint


def test_no_secret_has_a_default() -> None:
    """No password, token or key falls back to a value that stands in the file."""
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    for found in VARIABLE.finditer(text):
        if re.search("PASSWORD|TOKEN|SECRET|KEY", found["name"]):
            assert found["rest"].startswith((":?", ":-${")), found[0]


def test_only_mqtt_is_published_to_the_network() -> None:
    """Whatever else has a port is reachable from the machine itself only."""
    project, _ = resolve(SECRETS)
    published = {
        (name, port["target"]): port.get("host_ip")
        for name, service in project["services"].items()
        for port in service.get("ports", [])
    }
    assert published == {
        ("nats", 1883): "0.0.0.0",  # noqa: S104 - devices report from elsewhere
        ("mosquitto", 1883): "0.0.0.0",  # noqa: S104 - the same
        ("influxdb", 8086): "127.0.0.1",
        ("grafana", 3000): "127.0.0.1",
        ("controlroom", 8080): "127.0.0.1",
    }


def test_mounted_files_exist() -> None:
    """A path that is missing would be mounted as an empty folder, and the part would not start."""
    project, _ = resolve(SECRETS)
    for name, service in project["services"].items():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                source = ROOT / volume["source"]
                assert source.exists(), f"{name}: {source}"
                assert volume["read_only"] is True


def test_tls_replaces_the_open_port() -> None:
    """With the TLS file MQTT is published on 8883 only, and every client of it speaks TLS to it."""
    project, complaint = resolve(SECRETS, "deploy/compose.tls.yml")
    assert complaint == ""
    assert [port["target"] for port in project["services"]["nats"]["ports"]] == [8883]
    for name in ("gateway", "alerts"):
        environment = project["services"][name]["environment"]
        assert environment["SEALTRAIL_GATEWAY__MQTT__TLS"] == "true"
        assert environment["SEALTRAIL_GATEWAY__MQTT__PORT"] == "8883"
        assert _settings_in(environment) <= _leaves(Settings)


def test_mosquitto_takes_the_place_of_the_broker() -> None:
    """With MQTT_HOST the gateway, the notifications and the fleet go to the same other broker."""
    project, _ = resolve({**SECRETS, "MQTT_HOST": "mosquitto"})
    for name in ("gateway", "alerts", "simulator"):
        assert project["services"][name]["environment"]["SEALTRAIL_GATEWAY__MQTT__HOST"] == "mosquitto"
    fleet = project["services"]["simulator"]["environment"]
    assert fleet["SEALTRAIL_SIMULATOR__MQTT__HOST"] == "mosquitto"


def test_grafana_gets_what_its_provisioning_asks_for() -> None:
    """Each variable of the data source is set for the container, and the dashboards are where it looks."""
    environment = DOCUMENT["services"]["grafana"]["environment"]
    folder = ROOT / "dashboards" / "grafana" / "provisioning"
    source = (folder / "datasources" / "influxdb.yaml").read_text("utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", source)) <= environment.keys()
    (provider,) = yaml.safe_load((folder / "dashboards" / "sealtrail.yaml").read_text("utf-8"))["providers"]
    targets = {volume.split(":")[1] for volume in DOCUMENT["services"]["grafana"]["volumes"]}
    assert provider["options"]["path"] in targets
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "dashboards" / "grafana" / "provisioned" / home.rsplit("/", 1)[1]).exists()


def test_grafana_and_ingest_use_one_bucket() -> None:
    """What ingest writes, Grafana reads: same organisation, bucket and address as the set-up makes."""
    setup = DOCUMENT["services"]["influxdb"]["environment"]
    grafana = DOCUMENT["services"]["grafana"]["environment"]
    ingest = DOCUMENT["services"]["ingest"]["environment"]
    for part in ("ORG", "BUCKET"):
        made = setup[f"DOCKER_INFLUXDB_INIT_{part}"]
        assert grafana[f"INFLUXDB_{part}"] == ingest[f"SEALTRAIL_INGEST__INFLUXDB_{part}"] == made
    assert grafana["INFLUXDB_URL"] == ingest["SEALTRAIL_INGEST__INFLUXDB_URL"]


def test_image_is_made_of_files_that_exist_and_are_sent() -> None:
    """What the Dockerfile copies is in the repository and let through by .dockerignore."""
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")
    }
    copied = set()
    for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and "--from=page" not in words:
            copied |= {word.rstrip("/") for word in words[1:-1]}
    assert copied
    for path in copied | {"constraints.txt"}:
        assert (ROOT / path).exists(), path
        assert path.split("/")[0] in allowed, path


def test_image_has_every_package_of_the_wheel() -> None:
    """A package that is added to the wheel must be copied into the image's build."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    packages = re.search(r"^packages = \[(.*)\]$", text, re.MULTILINE)
    assert packages is not None
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    for package in re.findall(r'"(\w+)"', packages[1]):
        assert f"COPY {package}/ {package}/" in dockerfile


def test_image_runs_as_nobody_special() -> None:
    """The last stage drops root before the entry point."""
    last = (ROOT / "Dockerfile").read_text("utf-8").split("\nFROM ")[-1]
    assert last.index("USER sealtrail") < last.index("ENTRYPOINT")
