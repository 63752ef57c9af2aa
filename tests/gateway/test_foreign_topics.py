"""Topics of OwnTracks and LoRaWAN network servers: whose they are, and how they come in."""

from __future__ import annotations

import pytest

from gateway.decoders import decoders
from gateway.foreign_topics import ForeignTopics, publish_filters
from gateway.frames import Frames
from gateway.topics import Routes

DECODERS = decoders()
FOREIGN = ForeignTopics(DECODERS)
EUI = "70b3d57ed0000007"


@pytest.mark.parametrize(
    ("topic", "family", "device_id"),
    [
        ("owntracks/jane/phone", "owntracks", "jane-phone"),
        ("owntracks/jane/phone/event", "owntracks", "jane-phone"),
        ("v3/app@ttn/devices/seal-7/up", "ttn", "seal-7"),
        ("v3/app@ttn/devices/seal-7/location/solved", "ttn", "seal-7"),
        (f"application/1/device/{EUI}/event/up", "chirpstack", EUI),
        (f"application/1/device/{EUI}/event/status", "chirpstack", EUI),
        ("sealtrail/owntracks/jane-phone/up", "owntracks", "jane-phone"),
        ("sealtrail/jt701/7560405553/up", "jt701", "7560405553"),
    ],
)
def test_topic_leads_to_its_decoder(topic: str, family: str, device_id: str) -> None:
    """A topic of another system names family and device, and ours go on working."""
    route = Routes(DECODERS)[topic]
    assert (route.decoder, route.device_id, route.refusal) == (DECODERS[family], device_id, None)
    assert route.label == family


@pytest.mark.parametrize(
    "topic",
    ["owntracks/jane doe/phone", "owntracks/jane/päd", "v3/a/devices/a..b/up", f"owntracks/{'a' * 60}/phone"],
)
def test_device_that_cant_be_called_so(topic: str) -> None:
    """A name that no device may have is refused, not changed: two devices must not become one."""
    route = Routes(DECODERS)[topic]
    assert route.decoder is None
    assert route.refusal is not None
    assert route.refusal.reason == "bad_topic"
    assert route.label in DECODERS


@pytest.mark.parametrize(
    "topic",
    [
        "owntracks/jane",
        "owntracks//phone",
        "owntracks/jane/phone/waypoints",
        "v3/a/devices/b/join",
        "application",
        "",
    ],
)
def test_nobodys_topic(topic: str) -> None:
    """Other topics belong to no decoder."""
    assert FOREIGN.match(topic) is None
    route = Routes(DECODERS)[topic]
    assert route.refusal is not None
    assert route.refusal.reason == "bad_topic"


def test_filters() -> None:
    """Filters are plain MQTT, the main ones first, shared in the group of ours if that is."""
    assert FOREIGN.filters() == (
        "application/+/device/+/event/+",
        "owntracks/+/+",
        "v3/+/devices/+/up",
        "owntracks/+/+/event",
        "v3/+/devices/+/location/solved",
    )
    shared = FOREIGN.filters(like="$share/gateways/sealtrail/+/+/up")
    assert shared == tuple(f"$share/gateways/{each}" for each in FOREIGN.filters())
    assert ForeignTopics({}).filters() == ()


@pytest.mark.parametrize(
    ("answers", "accepted"), [(b"\x01\x01", True), (b"\x01\x80", True), (b"\x80\x01", False), (b"", False)]
)
def test_only_our_own_topics_must_be_granted(answers: bytes, accepted: bool) -> None:  # noqa: FBT001  a parameter
    """A broker may refuse the foreign filters, which come after ours."""
    frames = Frames(1, 1_000)
    frames.feed(bytes((0x90, 2 + len(answers), 0, 1)) + answers)
    assert frames.subscription_accepted is accepted
    assert frames.subscription_answers == answers


@pytest.mark.parametrize(
    ("family", "device_id", "bridge", "filters"),
    [
        ("owntracks", "jane-phone", False, ["owntracks/jane/phone", "owntracks/jane/phone/event"]),
        ("owntracks", "a-b-c", False, [
            "owntracks/a/b-c", "owntracks/a-b/c", "owntracks/a/b-c/event", "owntracks/a-b/c/event",
        ]),
        ("owntracks", "phone", False, []),
        ("owntracks", "server", True, ["owntracks/+/+", "owntracks/+/+/event"]),
        ("ttn", "seal-7", False, ["v3/+/devices/seal-7/up", "v3/+/devices/seal-7/location/solved"]),
        ("json", "KE-0001", True, []),
    ],
)  # fmt: skip
def test_where_a_login_may_publish(family: str, device_id: str, bridge: bool, filters: list[str]) -> None:  # noqa: FBT001
    """On every foreign topic that names the device and on no other; a bridge on all of its family."""
    assert publish_filters(DECODERS[family], device_id, bridge=bridge) == filters
    for one in filters:
        if not bridge:
            assert Routes(DECODERS)[one.replace("+", "any")].device_id == device_id
