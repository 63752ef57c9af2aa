"""Settings of access: who may speak, and how logins are answered."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from sealtrail.runtime.settings.section import Section


class AccessSettings(Section):
    """Who may speak."""

    unknown_devices: Literal["accept", "quarantine"] = Field(
        default="accept",
        description="What becomes of reports of devices that aren't in the registry but reach the gateway: "
        "'accept' judges them, so that no breach is missed for want of an entry; 'quarantine' keeps them "
        "with their reason until the device is added, for when all devices are in the registry.",
    )
    shared_login: bool = Field(
        default=False,
        description="Embedded server: whether user 'device' may log in and report for any device: for a "
        "simulated fleet or a bridge that you trust. Its password is nats.device_password.",
    )
    user: str = Field(
        default="access", min_length=1, description="User of the access service in NATS's system account."
    )
    password: SecretStr = Field(default=SecretStr(""), description="Its password.")
    issuer_seed: SecretStr = Field(
        default=SecretStr(""),
        description="Seed (SA…) of the account key that signs logins, whose public half NATS's configuration "
        "names as issuer. Empty: logins at NATS aren't answered here.",
    )
    device_account: str = Field(
        default="FIELD", min_length=1, description="Account of NATS in which devices and subscribers are."
    )
    logins_at_once: int = Field(
        default=4, ge=1, le=64, description="Costly passwords that are checked at the same time."
    )
    mosquitto_dir: Path | None = Field(
        default=None,
        description="Folder in which the access service keeps Mosquitto's password and access list current; "
        "empty: none is written.",
    )
    mosquitto_pid_file: Path | None = Field(
        default=None,
        description="File with Mosquitto's process id: it is told (SIGHUP) to read the files again.",
    )
    messages_per_s: float = Field(
        default=50.0,
        gt=0,
        description="Messages a second that one device may send in the long run, unless the registry says "
        "otherwise for it.",
    )
    burst_messages: int = Field(
        default=20_000,
        ge=1,
        description="Messages that a device may send at once after being quiet: a backlog of days.",
    )
    unknown_messages_per_s: float = Field(
        default=200.0,
        gt=0,
        description="Messages a second of all unknown or refused devices together, and of all messages that "
        "name no device; where unknown devices are accepted, new ones among them a second.",
    )
    unknown_devices_most: int = Field(
        default=50_000,
        ge=100,
        description="Unknown devices that are accepted and whose rates are remembered (250 bytes each); each "
        "may send messages_per_s and burst_messages.",
    )
    excess_kept_bytes: int = Field(
        default=262_144,
        ge=0,
        description="Bytes of excess messages that are kept for each device in an hour; of more only their "
        "number and size is recorded.",
    )
    suspicion_every_s: float = Field(
        default=3_600.0,
        ge=1,
        description="The same suspicion about the same device is told at most once in this time.",
    )
