"""The whole settings tree, frozen, and where each value came from.

Order of precedence: environment (``SEALTRAIL_SECTION__KEY``), then the TOML file
(``--settings FILE`` or ``SEALTRAIL_SETTINGS``), then the defaults. Unknown keys
are refused in both.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from sealtrail.contract.errors import SettingsError
from sealtrail.runtime.settings.access import AccessSettings
from sealtrail.runtime.settings.alerts import AlertSettings
from sealtrail.runtime.settings.anomaly import AnomalySettings
from sealtrail.runtime.settings.controlroom import ControlRoomSettings
from sealtrail.runtime.settings.gateway import GatewaySettings
from sealtrail.runtime.settings.health import HealthSettings, LoggingSettings
from sealtrail.runtime.settings.ingest import IngestSettings
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.settings.risk import RiskSettings
from sealtrail.runtime.settings.simulator import SimulatorSettings

PREFIX = "SEALTRAIL_"
FILE_VARIABLE = "SEALTRAIL_SETTINGS"
NOT_SETTINGS = frozenset(
    {
        FILE_VARIABLE,
        "SEALTRAIL_STOP_WITH_PARENT",
        "SEALTRAIL_PARTS_DIR",
        "SEALTRAIL_INFLUXD",
        "SEALTRAIL_TELEGRAF",
    }
)
"""Variables with our prefix that are not settings of a service."""


class Settings(BaseSettings):
    """Everything that can be set, for all services together."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid", validate_default=True
    )

    state_dir: Path = Field(
        default=Path(".sealtrail"),
        description="Folder of the embedded server, the embedded store, logs and run files.",
    )
    partitions: int = Field(
        default=4,
        ge=1,
        le=256,
        description="Parts of the log, by container. Choose once: changing it needs an empty log.",
    )
    nats: NatsSettings = Field(default=NatsSettings(), description="The log and its server.")
    gateway: GatewaySettings = Field(default=GatewaySettings(), description="The door.")
    access: AccessSettings = Field(default=AccessSettings(), description="Who may speak.")
    ingest: IngestSettings = Field(default=IngestSettings(), description="The record.")
    anomaly: AnomalySettings = Field(default=AnomalySettings(), description="The judgement.")
    alerts: AlertSettings = Field(default=AlertSettings(), description="The voice.")
    risk: RiskSettings = Field(default=RiskSettings(), description="Which trips to inspect first.")
    controlroom: ControlRoomSettings = Field(default=ControlRoomSettings(), description="The view.")
    simulator: SimulatorSettings = Field(default=SimulatorSettings(), description="The simulated fleet.")
    health: HealthSettings = Field(default=HealthSettings(), description="Health and metrics endpoint.")
    logging: LoggingSettings = Field(default=LoggingSettings(), description="Logs.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file (which is passed as arguments)."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


class Effective(NamedTuple):
    """One value as it is in force. Secrets show only whether they are set."""

    key: str
    value: str
    source: str
    description: str


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"settings file {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path} is not TOML: {error}") from error


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    sections = {name.upper() for name in Settings.model_fields}
    for name in environment:
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            section = name.removeprefix(PREFIX).split("__", 1)[0]
            if section.upper() not in sections:
                raise SettingsError(
                    f"environment variable {name}: there is no setting {section.lower()!r}; "
                    "see `sealtrail settings`"
                )


def _explain(error: ValidationError, path: Path | None) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in problem["loc"])
        text = "no such setting" if problem["type"] == "extra_forbidden" else problem["msg"]
        lines.append(f"{key}: {text}")
    source = f"{path} or the environment" if path else "the environment"
    return f"settings from {source}: " + "; ".join(lines)


def settings_file(path: Path | None) -> Path | None:
    """The settings file in force: the one given, else the one the environment names."""
    if path is None and os.environ.get(FILE_VARIABLE):
        return Path(os.environ[FILE_VARIABLE])
    return path


def load(path: Path | None = None) -> Settings:
    """The effective settings; raises `SettingsError` naming every wrong key."""
    path = settings_file(path)
    from_file = _read_file(path) if path is not None else {}
    _refuse_unknown_variables(os.environ)
    try:
        return Settings(**from_file)
    except ValidationError as error:
        raise SettingsError(_explain(error, path)) from error


def _leaves(model: Any, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if hasattr(type(value), "model_fields"):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value, field.description or ""


def _given(tree: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from _given(value, f"{prefix}.{name}" if prefix else str(name))
            yield f"{prefix}.{name}" if prefix else str(name)


def effective(path: Path | None = None) -> list[Effective]:
    """Every setting in force, with its source: ``environment``, ``file`` or ``default``."""
    path = settings_file(path)
    settings = load(path)
    in_file = set(_given(_read_file(path))) if path is not None else set()
    in_environment = set(_given(EnvSettingsSource(Settings)()))
    result = []
    for key, value, description in _leaves(settings):
        if key in in_environment:
            source = "environment"
        elif key in in_file:
            source = f"file {path}"
        else:
            source = "default"
        if isinstance(value, SecretStr):
            shown = "(set)" if value.get_secret_value() else "(not set)"
        else:
            shown = str(value)
        result.append(Effective(key, shown, source, description))
    return result
