"""Settings of the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from sealtrail.runtime.settings.section import Section


class MqttSettings(Section):
    """The broker on which devices publish."""

    client: Literal["own", "paho"] = Field(
        default="own",
        description="Who makes the connection: the gateway's own session, in its event loop, or paho-mqtt.",
    )
    host: str = Field(default="", description="Host of the broker; empty: the embedded one.")
    port: int = Field(default=1883, ge=1, le=65535, description="Port of the broker.")
    username: str = Field(default="", description="User name at the broker.")
    password: SecretStr = Field(default=SecretStr(""), description="Password at the broker.")
    client_id: str = Field(
        default="sealtrail-gateway",
        min_length=1,
        max_length=64,
        description="Client identifier of the persistent session; one per gateway.",
    )
    topic_filter: str = Field(
        default="sealtrail/+/+/up",
        description="Topics that devices publish on. On a broker with MQTT 5 shared subscriptions several "
        "gateways share the load with $share/gateways/sealtrail/+/+/up.",
    )
    foreign_topics: bool = Field(
        default=True,
        description="Whether to subscribe to the topics of OwnTracks, The Things Stack and ChirpStack, too, "
        "in the group of topic_filter if that is shared. A broker that refuses them is told of in the log.",
    )
    keep_alive_s: int = Field(default=30, ge=5, le=600, description="MQTT keep-alive in seconds.")
    tls: bool = Field(default=False, description="Whether to speak TLS to the broker.")
    tls_ca: Path | None = Field(default=None, description="CA certificate that signed the broker's.")
    tls_cert: Path | None = Field(default=None, description="Client certificate, with tls_key.")
    tls_key: Path | None = Field(default=None, description="Key of tls_cert.")


class ListenerSettings(Section):
    """A port for the devices of one family."""

    enabled: bool = Field(default=True, description="Whether the port is open.")
    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for all of IPv4.")
    port: int | None = Field(
        default=None, ge=0, le=65535, description="Port; the family's own if not given, any free one if 0."
    )
    udp: bool = Field(default=False, description="Whether to take datagrams on the same port, too.")
    tls_cert: Path | None = Field(default=None, description="Certificate chain; given: TLS only.")
    tls_key: Path | None = Field(default=None, description="Key of tls_cert.")
    tls_client_ca: Path | None = Field(
        default=None, description="CA that must have signed the devices' own certificates."
    )
    proxy_protocol: bool = Field(
        default=False,
        description="Whether every connection begins with a PROXY protocol v2 header (TCP only). "
        "Only where nobody but the proxy reaches the port: the header is believed.",
    )


class DoorSettings(Section):
    """Bounds of all ports that the gateway itself opens."""

    max_connections: int = Field(
        default=15_000, ge=1, description="Connections to all ports together; beyond it they are refused."
    )
    max_connections_per_address: int = Field(
        default=1_000,
        ge=1,
        description="Connections from one address; mobile networks put many devices behind one.",
    )
    login_timeout_s: float = Field(
        default=30.0, gt=0, description="Time for the TLS handshake, and for naming the device after it."
    )
    idle_timeout_s: float = Field(
        default=1_800.0, gt=0, description="A connection without a complete frame for so long is closed."
    )
    max_pending_per_connection: int = Field(
        default=256,
        ge=1,
        description="Messages of one connection (over UDP: of one address) that the log doesn't have yet.",
    )
    max_pending_messages: int = Field(
        default=5_000, ge=1, description="The same of one port; beyond it its connections aren't read."
    )
    max_pending_bytes: int = Field(
        default=8_388_608, ge=65_536, description="The same in bytes, of one port."
    )
    refused_devices: Literal["quarantine", "close"] = Field(
        default="quarantine",
        description="What happens to a device that may not speak: what it sends is quarantined by the "
        "name of the reason while the connection stays, or the connection is closed after the first frame.",
    )


class HttpSettings(Section):
    """Reports by HTTP POST."""

    enabled: bool = Field(default=False, description="Whether the port is open.")
    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for all of IPv4.")
    port: int = Field(default=8081, ge=0, le=65535, description="Port; any free one if 0.")
    tls_cert: Path | None = Field(default=None, description="Certificate chain; given: HTTPS only.")
    tls_key: Path | None = Field(default=None, description="Key of tls_cert.")
    max_connections: int = Field(
        default=1_000, ge=1, description="Connections at one time; beyond it they are refused with 503."
    )
    max_connections_per_address: int = Field(
        default=100,
        ge=1,
        description="Connections from one address (of IPv6: one /64 network); beyond it 429.",
    )
    requests_per_s: float = Field(
        default=200.0,
        gt=0,
        description="Requests a second from one address in the long run; beyond it 429. A network server "
        "sends those of all its devices from one.",
    )
    burst_requests: int = Field(
        default=2_000, ge=1, description="Requests from one address at once after it was quiet."
    )
    proxies: tuple[str, ...] = Field(
        default=(),
        description="Addresses or networks of proxies in front, whose X-Forwarded-For is believed and whose "
        "connections aren't counted by address.",
    )
    tokens: dict[str, SecretStr] = Field(
        default={},
        description="By family, what the webhook of a network server must say as bearer token or password, "
        "such as [gateway.http.tokens] ttn; it speaks for all devices of the family.",
    )
    max_pending_messages: int = Field(
        default=1_000, ge=1, description="Messages that the log doesn't have yet; beyond it 503."
    )
    max_pending_bytes: int = Field(default=16_777_216, ge=65_536, description="The same in bytes.")
    timeout_s: float = Field(
        default=15.0, gt=0, description="Time for the body to arrive, and again for the log to have it."
    )


class GatewaySettings(Section):
    """The door: MQTT session, ports for devices, batching, quarantine."""

    mqtt: MqttSettings = Field(default=MqttSettings(), description="The broker on which devices publish.")
    listen: dict[str, ListenerSettings] = Field(
        default={}, description="Ports by device family, such as [gateway.listen.gt06]; none by default."
    )
    doors: DoorSettings = Field(default=DoorSettings(), description="Bounds of those ports.")
    http: HttpSettings = Field(default=HttpSettings(), description="Reports by HTTP POST.")
    batch_messages: int = Field(
        default=4_000, ge=1, le=20_000, description="Messages that are decoded and stored together at most."
    )
    linger_ms: int = Field(
        default=20, ge=0, le=1_000, description="How long a batch that isn't full waits for more."
    )
    max_pending_messages: int = Field(
        default=20_000,
        ge=100,
        description="Messages received but not yet in the log, at most; beyond it the socket isn't read.",
    )
    max_pending_bytes: int = Field(
        default=67_108_864,
        ge=1_048_576,
        description="Payload received but not yet taken from the session, at most; as above.",
    )
    max_payload_bytes: int = Field(
        default=262_144,
        ge=128,
        le=400_000,
        description="Larger MQTT payloads are quarantined, cut to this size; over HTTP they are refused.",
    )
    remembered_readings: int = Field(
        default=200_000,
        ge=0,
        description="Identities of recent readings, to drop repetitions before the log (100 bytes each).",
    )
