"""Settings of the judgement. Every figure that a rule compares with stands here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sealtrail.runtime.settings.anomaly_cargo import CargoSettings
from sealtrail.runtime.settings.anomaly_gnss import GnssSettings
from sealtrail.runtime.settings.anomaly_route import RouteSettings
from sealtrail.runtime.settings.anomaly_seal import SealRuleSettings
from sealtrail.runtime.settings.anomaly_sensors import SensorSettings
from sealtrail.runtime.settings.anomaly_silence import SilenceSettings

SeverityOrOff = Literal["low", "medium", "high", "critical", "off"]


class AnomalySettings(
    SealRuleSettings, SilenceSettings, GnssSettings, CargoSettings, RouteSettings, SensorSettings
):
    """What counts as a breach, a deviation, a jump; and how much is remembered."""

    # memory
    snapshot_interval_s: float = Field(
        default=30.0,
        gt=0,
        description="How often a partition's state is saved; what came since is judged again after a crash.",
    )
    failed_batch_tries: int = Field(
        default=3,
        ge=1,
        description="A batch of the log that fails to be judged (a fault of the program) is tried so often, "
        "the partition standing still; then what fails of it is set aside, container by container.",
    )
    history_reports: int = Field(
        default=16,
        ge=8,
        le=4096,
        description="Newest reports of one device that are kept in event-time order (between half of "
        "it and all of it): a late report within them is judged as if it had come in time. "
        "About 30 bytes each.",
    )
    history_reports_busy: int = Field(
        default=8_192,
        ge=8,
        le=65_536,
        description="The same while reports of a device come late or in bursts: eight times as many are kept "
        "as a late report went back, or as came at once, up to this.",
    )
    history_reports_spare: int = Field(
        default=262_144,
        ge=0,
        description="So many reports of a partition are kept beyond the histories, of each device as many, "
        "as long as that is at least four times its history: partitions of up to some thousand devices have "
        "their late reports judged in place however late they come. About 75 bytes each; 0: none.",
    )
    seal_stretches_kept: int = Field(
        default=8,
        ge=8,
        description="Before its history so many stretches of equal reports of one seal are kept (at times "
        "with as many single reports), into which older reports are set. About 35 bytes each.",
    )
    seal_stretches_kept_busy: int = Field(
        default=256,
        ge=32,
        description="The same while reports older than the history arrive.",
    )
    path_reports_kept: int = Field(
        default=8,
        ge=8,
        description="Before its history so many positions of one device are kept (at times three times as "
        "many), among which older reports are judged. About 30 bytes each.",
    )
    path_reports_kept_busy: int = Field(
        default=256,
        ge=32,
        description="The same while reports older than the history arrive (at times twice as many).",
    )
    signals_kept: int = Field(
        default=128,
        ge=16,
        description="Transitions of one device and rule that stay open to correction, for example "
        "by an authorisation that arrives late.",
    )
    custody_events_kept: int = Field(
        default=256,
        ge=16,
        description="Trip events that are remembered for each container; of more, those are given up that "
        "reach least far (ended trips, expired leave), and what was said of their time stands.",
    )
    sweep_interval_s: float = Field(
        default=10.0,
        ge=1,
        description="What is silent or overdue is looked for so often, by the log's own clock.",
    )
    tick_interval_s: float = Field(
        default=15.0,
        ge=1,
        description="So often the judgement writes down on the log that time has passed, partition by "
        "partition, so that silence and lateness are noticed though nothing is reported.",
    )
    batch_readings: int = Field(
        default=500, ge=1, description="Readings judged at once where a file is judged (`sealtrail judge`)."
    )
    clock_behind_s: float = Field(
        default=15_552_000,
        ge=86_400,
        description="A report whose time is so long before its receipt comes of a device with a wrong clock "
        "(the wrong year, satellite weeks that have run over), not from a memory; it is judged at receipt.",
    )
    late_after_s: float = Field(
        default=300, ge=0, description="A report later than this is called late in the alert's sentence."
    )

    # learned models
    model_alarms_per_container_day: float = Field(
        default=0.01,
        gt=0,
        le=10,
        description="False alarms that a learned model may raise in a day of one container; the threshold of "
        "a model that is trained follows from it (`sealtrail models train`).",
    )

    # uncertainty of a fix
    gnss_uncertainty_m: float = Field(
        default=30, gt=0, description="1-sigma radius of a satellite fix whose device claims none."
    )
    wifi_uncertainty_m: float = Field(
        default=150, gt=0, description="1-sigma radius of a Wi-Fi fix whose device claims none."
    )
    cell_uncertainty_m: float = Field(
        default=5_000, gt=0, description="1-sigma radius of a mobile-network fix whose device claims none."
    )
    least_uncertainty_m: float = Field(
        default=5, gt=0, description="No fix is believed to be better than this, whatever its device claims."
    )
    uncertainty_factor: float = Field(
        default=2.0, gt=0, description="How many times its 1-sigma radius a fix may be wrong."
    )

    # seal custody
    card_grace_s: float = Field(
        default=120,
        ge=0,
        description="An opening reported without a card takes the card of another report of the same device "
        "about the same opening within this time.",
    )
    place_max_age_s: float = Field(
        default=1_800,
        ge=0,
        description="An opening reported without a usable fix is placed by the container's fix nearest in "
        "time, if it is no further away in time than this; else its place is unknown.",
    )
    place_stood_max_s: float = Field(
        default=7_200,
        ge=0,
        description="Else the container is taken to have stood where its last fix before the opening and its "
        "first after it both are, if neither is further away in time than this.",
    )
    place_wait_periods: float = Field(
        default=1.25,
        ge=0,
        description="For so many of its trip's reporting intervals it is taken to stand at the last one, "
        "if that is older by one interval at most, while none after it has come; then an opening that "
        "only this explains is raised. 0: it is raised at once, and taken back if it stood.",
    )
    rearm_at_expiry: bool = Field(
        default=True,
        description="A seal opened with authorisation counts as armed again when the authorisation has "
        "expired, even where no closing was reported.",
    )
    severity_without_trip: SeverityOrOff = Field(
        default="high",
        description="Severity of a seal breach on a container for which no trip was ever planned; "
        "off: not raised.",
    )
    severity_unpaired_opening: SeverityOrOff = Field(
        default="medium",
        description="Severity of an opening of a device that is paired with no container (in a depot this "
        "is handling); cuts and tampering follow severity_without_trip. off: not raised.",
    )

    # plausibility of positions
    max_speed_m_s: float = Field(
        default=40, gt=0, description="Faster than this a container does not travel by road, rail or sea."
    )
    time_slack_s: float = Field(
        default=30, ge=1, description="Added to the time between two fixes: clocks are coarse and drift."
    )
    reacquire_fixes: int = Field(
        default=5,
        ge=2,
        description="So many consecutive fixes that agree replace the position held for true.",
    )
    zero_island_deg: float = Field(
        default=0.001, ge=0, description="A fix this close to 0 N 0 E is a device's word for `unknown`."
    )
    frozen_speed_kmh: float = Field(
        default=20,
        gt=0,
        description="A satellite fix that repeats the last place exactly isn't believed of a device that "
        "says that it drives at least so fast,",
    )
    frozen_m: float = Field(
        default=500, ge=0, description="and that at this speed has come so far since, or further."
    )

    # route
    dwell_reports: int = Field(
        default=2, ge=1, description="So many reports outside the corridor make a deviation."
    )
    dwell_s: float = Field(
        default=180, ge=0, description="Or so much time between the first and the newest report outside."
    )
    dwell_spacing_s: float = Field(
        default=10, ge=0, description="Reports closer in time than this count once for the dwell."
    )
    clear_fraction: float = Field(
        default=0.1, ge=0, lt=1, description="Back means inside by this part of the corridor's half width."
    )
    clear_reports: int = Field(default=2, ge=1, description="So many reports inside end a deviation.")
    critical_beyond_m: float = Field(
        default=50_000, gt=0, description="Further than this outside the corridor a deviation is critical."
    )
    leg_max_m: float = Field(
        default=50_000,
        ge=1_000,
        le=200_000,
        description="Corridor legs are cut to this length.",
    )
