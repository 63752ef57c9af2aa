"""What things look like on every dashboard: states, severities, units, links."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import DashboardLink as DashboardLinkBuilder
from grafana_foundation_sdk.builders.dashboard import FieldColor as FieldColorBuilder
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig as ThresholdsBuilder
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from sealtrail.contract.alert import Severity
from sealtrail.contract.reading import FixKind, SealState

GREEN, YELLOW, ORANGE, RED, PURPLE, BLUE, GREY = (
    "#3fa15f",
    "#e0b400",
    "#f08c2e",
    "#d9303e",
    "#8f3bb8",
    "#4a80c4",
    "#8a93a3",
)

SEAL_LOOKS: Final[dict[SealState, tuple[str, str]]] = {
    SealState.UNKNOWN: ("unknown", GREY),
    SealState.SEALED: ("sealed", GREEN),
    SealState.UNLOCKED: ("unlocked", YELLOW),
    SealState.OPEN: ("open", ORANGE),
    SealState.CUT: ("cut", RED),
    SealState.FAULT: ("fault", PURPLE),
}
"""Word and colour of every state; the colours keep apart for red-green blind eyes by lightness."""

SEVERITY_LOOKS: Final[dict[Severity, str]] = {
    Severity.INFO: GREY,
    Severity.LOW: BLUE,
    Severity.MEDIUM: YELLOW,
    Severity.HIGH: ORANGE,
    Severity.CRITICAL: RED,
}

FIX_WORDS: Final[dict[FixKind, str]] = {
    FixKind.NONE: "no position",
    FixKind.GNSS: "satellites",
    FixKind.CELL: "mobile cells",
    FixKind.WIFI: "Wi-Fi",
    FixKind.STALE: "stale",
}

ACTION_LOOKS: Final[dict[str, str]] = {
    "raised": RED,
    "updated": ORANGE,
    "cleared": GREEN,
    "retracted": GREY,
    "logged": BLUE,
}

LATE_S: Final = 300
VERY_LATE_S: Final = 3600
TIME_UNIT: Final = "time:YYYY-MM-DD HH:mm:ss"
DURATION_UNIT: Final = "dtdurations"

FLEET_UID, TRIP_UID, ALERTS_UID, PIPELINE_UID = (
    "sealtrail-fleet",
    "sealtrail-trip",
    "sealtrail-alerts",
    "sealtrail-pipeline",
)

TRIP_URL: Final = f"/d/{TRIP_UID}?var-container=${{__data.fields.container_id}}&${{__url_time_range}}"


def _value_map(looks: dict[str, tuple[str, str]]) -> list[ValueMapping]:
    results = {
        key: ValueMappingResult(text=text, color=color, index=index)
        for index, (key, (text, color)) in enumerate(looks.items())
    }
    return [ValueMap(options=results)]


def seal_mappings() -> list[ValueMapping]:
    return _value_map({str(int(state)): look for state, look in SEAL_LOOKS.items()})


def severity_mappings() -> list[ValueMapping]:
    return _value_map({level.value: (level.value, color) for level, color in SEVERITY_LOOKS.items()})


def action_mappings() -> list[ValueMapping]:
    return _value_map({action: (action, color) for action, color in ACTION_LOOKS.items()})


def fix_mappings() -> list[ValueMapping]:
    return _value_map(
        {str(int(kind)): (word, GREEN if kind is FixKind.GNSS else GREY) for kind, word in FIX_WORDS.items()}
    )


def steps(*pairs: tuple[float | None, str]) -> ThresholdsBuilder:
    """Thresholds from (lower bound, colour), the first bound being None."""
    return ThresholdsBuilder().steps([Threshold(value=value, color=color) for value, color in pairs])


def plain(color: str = BLUE) -> ThresholdsBuilder:
    return steps((None, color))


def warn_above_zero(color: str) -> ThresholdsBuilder:
    return steps((None, GREEN), (1, color))


def by_threshold() -> FieldColorBuilder:
    return FieldColorBuilder().mode(FieldColorModeId.THRESHOLDS)


def by_name() -> FieldColorBuilder:
    return FieldColorBuilder().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME)


def fixed(color: str) -> DynamicConfigValue:
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def unit(name: str) -> DynamicConfigValue:
    return DynamicConfigValue("unit", name)


def title(text: str) -> DynamicConfigValue:
    return DynamicConfigValue("displayName", text)


def width(pixels: int) -> DynamicConfigValue:
    return DynamicConfigValue("custom.width", pixels)


def mapped(mappings: list[ValueMapping]) -> list[DynamicConfigValue]:
    """A table cell that shows a mapped word on its colour."""
    return [
        DynamicConfigValue("mappings", mappings),
        DynamicConfigValue("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
    ]


def time_cell(name: str) -> list[DynamicConfigValue]:
    """A table cell with a moment, to the second."""
    return [title(name), unit(TIME_UNIT), width(170)]


def late_cell() -> list[DynamicConfigValue]:
    """A table cell with a lateness in seconds, coloured once it matters."""
    return [
        title("Late by"),
        unit(DURATION_UNIT),
        DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
        DynamicConfigValue(
            "thresholds",
            steps((None, "text"), (LATE_S, ORANGE), (VERY_LATE_S, RED)).build(),
        ),
    ]


def hidden() -> DynamicConfigValue:
    return DynamicConfigValue("custom.hidden", value=True)


def container_cell() -> list[DynamicConfigValue]:
    """A table cell with a container number that leads to its trip."""
    return [title("Container"), width(140), DynamicConfigValue("links", [trip_link().build()])]


def trip_link() -> DashboardLinkBuilder:
    return DashboardLinkBuilder("Trip of ${__data.fields.container_id}").url(TRIP_URL)


def dashboard_links() -> DashboardLinkBuilder:
    """Tabs that lead from every SealTrail dashboard to the others, keeping the time range."""
    return (
        DashboardLinkBuilder("SealTrail")
        .type(DashboardLinkType.DASHBOARDS)
        .tags(["sealtrail"])
        .keep_time(keep_time=True)
    )
