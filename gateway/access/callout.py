"""`Callout`: what NATS is answered when somebody signs in. Pure: claims in, claims out.

NATS's server sends a signed token with what the client said (user, password,
certificates); the answer is a token signed by the account key that the server's
configuration names as issuer, and holds either an error or a user's token with
its permissions. Source: docs.nats.io, "Auth Callout"; nats-server
``auth_callout.go``; nats-io/jwt v2 ``authorization_claims.go``.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.decoders import decoders
from gateway.foreign_topics import BRIDGE, publish_filters
from sealtrail.contract.device import SPEAKING, Device
from sealtrail.contract.subjects import device_down_topic, device_up_topic
from sealtrail.runtime.nkeys import AccountKey, TokenError

MQTT_OWN = "$MQTT.sub.>"
"""Where NATS delivers what a QoS 1 subscription of MQTT hears."""
UNLIMITED = -1


class Request(NamedTuple):
    """Somebody who wants to sign in."""

    server_id: str
    user_nkey: str
    user: str
    password: str
    fingerprints: tuple[str, ...]  # SHA-256 of the certificates that the server has verified, own one first
    address: str
    client_id: str  # of MQTT; empty for other clients
    is_mqtt: bool


class Grant(NamedTuple):
    """What somebody may do who has signed in: subjects of NATS."""

    user: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def read_request(claims: Mapping[str, Any]) -> Request:
    """The request in a server's token; raises `TokenError` ``bad_request``."""
    try:
        body = claims["nats"]
        options, client = body["connect_opts"], body["client_info"]
        certificates = (body.get("client_tls") or {}).get("verified_chains") or []
        chain = certificates[0] if certificates else []
        request = Request(
            server_id=body["server_id"]["id"],
            user_nkey=body["user_nkey"],
            user=options.get("user", ""),
            password=options.get("pass", ""),
            fingerprints=tuple(_fingerprint(text) for text in chain[:1]),
            address=client.get("host", ""),
            client_id=client.get("mqtt_id", ""),
            is_mqtt=client.get("type") == "mqtt",
        )
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise TokenError("bad_request", f"{type(error).__name__}: {error}") from error
    if not all(isinstance(part, str) for part in request[:4]):
        raise TokenError("bad_request", "its parts are no text")
    return request


def _fingerprint(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def subject(topic: str) -> str:
    """Subject of an MQTT topic or filter without ``#``: NATS writes a level's own dot as ``//``."""
    return ".".join("*" if level == "+" else level.replace(".", "//") for level in topic.split("/"))


def device_grant(device: Device) -> Grant | None:
    """A device may report as itself and hear its own answers; None while it may not speak.

    One of a family with topics of its own may report on those that name it, a
    bridge on all of its family.
    """
    if device.state not in SPEAKING:
        return None
    up = device_up_topic(device.family, device.device_id)
    down = device_down_topic(device.family, device.device_id)
    decoder = decoders().get(device.family)
    bridge = BRIDGE in device.capabilities
    foreign = publish_filters(decoder, device.device_id, bridge=bridge) if decoder is not None else []
    # the part of the gateways that it belongs to, where they share the devices: NATS asks after mapping
    publish = (subject(up), f"{subject(up)}.*", *(subject(topic) for topic in foreign))
    return Grant(device.device_id, publish, (subject(down), MQTT_OWN))


def subscriber_grant(user: str, subscriber_id: str) -> Grant:
    """A subscriber may hear of its own alerts, and say nothing."""
    alerts = f"sealtrail.alerts.{subscriber_id}"
    return Grant(user, (), (alerts, f"{alerts}.>", MQTT_OWN))


def answer(request: Request, grant: Grant | None, key: AccountKey, account: str, now_s: int) -> str:
    """The token that answers; without a grant it refuses, and doesn't say why."""
    claims: dict[str, Any] = {
        "iss": key.public,
        "sub": request.user_nkey,
        "aud": request.server_id,
        "iat": now_s,
    }
    body: dict[str, Any] = {"type": "authorization_response", "version": 2}
    if grant is None:
        body["error"] = "not authorised"
    else:
        body["jwt"] = _user_token(request, grant, key, account, now_s)
    return key.token({**claims, "nats": body})


def _user_token(request: Request, grant: Grant, key: AccountKey, account: str, now_s: int) -> str:
    publish = {"allow": list(grant.publish)} if grant.publish else {"deny": [">"]}
    return key.token(
        {
            "iss": key.public,
            "sub": request.user_nkey,
            "aud": account,
            "name": grant.user,
            "iat": now_s,
            "nats": {
                "type": "user",
                "version": 2,
                "subs": UNLIMITED,
                "data": UNLIMITED,
                "payload": UNLIMITED,
                "pub": publish,
                "sub": {"allow": list(grant.subscribe)},
                "allowed_connection_types": ["MQTT"],
            },
        }
    )
