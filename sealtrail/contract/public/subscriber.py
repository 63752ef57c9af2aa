"""Subscribers: who is told of which alerts, and by which channel.

This is the public schema: the file that ``sealtrail subscriber add FILE`` takes,
and the JSON in the subscribers' bucket.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from sealtrail.contract.alert import AlertFamily, Severity
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.incident import ChannelKind, Incident

MAX_URL_CHARACTERS = 2_000
MIN_SECRET_CHARACTERS = 16

SubscriberId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class InvalidSubscriberError(RefusedError):
    """A subscriber that contradicts the schema; the detail names every wrong key."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _host_problem(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?", host):
            return "its host is neither a name in ASCII (write other names in Punycode) nor an address"
        if re.fullmatch(r"[0-9.]+|0[xX][0-9a-fA-F]+", host):
            return "its host is a number that is no address"
    return ""


def _url_problem(url: str) -> str:
    """Why a URL can't be a webhook; empty where it can."""
    if len(url) > MAX_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        return f"a webhook URL is printable ASCII of at most {MAX_URL_CHARACTERS} characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    problems = {
        "a webhook URL begins with https:// (or http://, where the settings allow it)": (
            parts.scheme not in ("https", "http")
        ),
        "a webhook URL holds no user or password: receivers check the signature": "@" in parts.netloc,
        "a webhook URL has no fragment": bool(parts.fragment),
        "port 0 is no port": port == 0,
    }
    found = [text for text, is_so in problems.items() if is_so]
    return "; ".join(found) or _host_problem(parts)


class Webhook(_Model):
    """Notifications by HTTP POST, signed with the secret."""

    url: str = Field(description="Where to POST: https://host[:port]/path.")
    secret: SecretStr = Field(
        description="Key of the HMAC-SHA256 signature, 16 to 200 characters; made where it is left out."
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        problem = _url_problem(url)
        if problem:
            raise ValueError(problem)
        return url

    @field_validator("secret")
    @classmethod
    def _check_secret(cls, secret: SecretStr) -> SecretStr:
        if not MIN_SECRET_CHARACTERS <= len(secret.get_secret_value()) <= 200:  # noqa: PLR2004 - described above
            raise ValueError("a secret has 16 to 200 characters")
        return secret


class Channels(_Model):
    """How a subscriber is told; each channel gets every notification."""

    webhook: Webhook | None = Field(default=None, description="By HTTP POST.")
    mqtt: bool = Field(
        default=False, description="By MQTT on sealtrail/alerts/<subscriber id>/<container>, QoS 1."
    )

    @model_validator(mode="after")
    def _one_at_least(self) -> Channels:
        if self.webhook is None and not self.mqtt:
            raise ValueError("a subscriber needs a webhook or mqtt")
        return self


class Filter(_Model):
    """Which incidents a subscriber hears of.

    Trips and containers are taken together: an incident of a named trip or of
    a named container matches. Both empty means all.
    """

    trips: tuple[str, ...] = Field(default=(), max_length=10_000, description="Trip identifiers.")
    containers: tuple[str, ...] = Field(default=(), max_length=10_000, description="Container numbers.")
    minimum_severity: Severity = Field(default=Severity.MEDIUM, description="Milder ones are not told.")
    families: tuple[AlertFamily, ...] = Field(default=(), description="Alert families; empty means all.")

    def matches(self, incident: Incident) -> bool:
        """Whether an incident, as severe as it is now, is to be told."""
        if incident.severity.rank < self.minimum_severity.rank:
            return False
        if self.families and incident.family not in self.families:
            return False
        if not self.trips and not self.containers:
            return True
        return incident.trip_id in self.trips or incident.container_id in self.containers


class Subscriber(_Model):
    """Somebody who must be told: a customs office, a carrier, an insurer."""

    id: SubscriberId = Field(description="Letters, digits, - and _; part of the MQTT topic.")
    name: Name = Field(description="For people.")
    channels: Channels = Field(description="How to tell them.")
    filter: Filter = Field(default=Filter(), description="What to tell them.")

    @property
    def channel_kinds(self) -> tuple[ChannelKind, ...]:
        """The channels in use."""
        kinds = []
        if self.channels.webhook is not None:
            kinds.append(ChannelKind.WEBHOOK)
        if self.channels.mqtt:
            kinds.append(ChannelKind.MQTT)
        return tuple(kinds)

    def to_json(self) -> bytes:
        """The stored form; holds the secret, because signing needs it."""
        tree = self.model_dump(mode="json")
        if self.channels.webhook is not None:
            tree["channels"]["webhook"]["secret"] = self.channels.webhook.secret.get_secret_value()
        return json.dumps(tree, separators=(",", ":")).encode()

    def shown(self) -> dict[str, Any]:
        """The form for people: the secret is left out."""
        tree = self.model_dump(mode="json")
        if tree["channels"]["webhook"] is not None:
            del tree["channels"]["webhook"]["secret"]
        return tree


def parse_subscriber(data: bytes | str) -> Subscriber:
    """Subscriber from JSON; raises `InvalidSubscriberError` named ``bad_subscriber``."""
    try:
        return Subscriber.model_validate_json(data)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc']) or 'subscriber'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidSubscriberError("bad_subscriber", "; ".join(lines)) from None
