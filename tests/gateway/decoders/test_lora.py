"""LoRaWAN: Cayenne LPP, makers' own names, and what the network servers add."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decoders._cayenne import KINDS, Value, cayenne
from gateway.decoders.chirpstack import DECODER as CHIRPSTACK
from gateway.decoders.ttn import DECODER as TTN
from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState
from tests.gateway.test_decoders import assert_in_range

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
NETWORK = "2026-11-23T06:29:58.123456789Z"

RECORDS = [
    ("03670110056700FF", [Value(3, "temperature", (27.2,)), Value(5, "temperature", (25.5,))]),
    ("0167FFD7", [Value(1, "temperature", (-4.1,))]),
    ("018806765FF2960A0003E8", [Value(1, "position", (42.3519, -87.9094, 10.0))]),
    ("067104D2FB2E0000", [Value(6, "acceleration", (1.234, -1.234, 0.0))]),
    ("000001", [Value(0, "digital_in", (1.0,))]),
    ("0402FF9C", [Value(4, "analog_in", (-1.0,))]),
    ("0265FFFF", [Value(2, "illuminance", (65535.0,))]),
    ("0168C8", [Value(1, "humidity", (100.0,))]),
    ("01732791", [Value(1, "pressure_hpa", (1012.9,))]),
    ("0186FF9C006400C8", [Value(1, "turning_rate", (-1.0, 1.0, 2.0))]),
    ("0166010175", None),
    ("0167", None),
    ("01670110FF", None),
    ("", None),
]


@pytest.mark.parametrize(("payload", "records"), RECORDS)
def test_cayenne(payload: str, records: list[Value] | None) -> None:
    """Signs and scales are those of the table; what doesn't end with the payload isn't of this form."""
    assert cayenne(bytes.fromhex(payload)) == records


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.sampled_from(sorted(KINDS)), st.binary(min_size=12, max_size=12))
    )
)
def test_cayenne_records_stand_side_by_side(parts: list[tuple[int, int, bytes]]) -> None:
    """Any records of known types are found, each with its channel."""
    payload = b"".join(
        bytes((channel, kind)) + data[: sum(KINDS[kind].sizes)] for channel, kind, data in parts
    )
    found = cayenne(payload)
    told = [(value.channel, value.name) for value in found or []]
    assert told == [(channel, KINDS[kind].name) for channel, kind, _ in parts]


def ttn(codec: dict[str, Any] | None = None, **uplink: Any) -> Reading:
    """The reading of an uplink of The Things Stack."""
    body = {"f_port": 2, "f_cnt": 7, "received_at": NETWORK, "decoded_payload": codec or {}, **uplink}
    ids = {"device_id": "seal-7", "dev_eui": "70B3D57ED0000007", "dev_addr": "260B0007"}
    (reading,) = TTN.decode(
        json.dumps({"end_device_ids": ids, "uplink_message": body}).encode(), None, RECEIVED_AT_MS
    )
    assert_in_range(reading, RECEIVED_AT_MS)
    return reading


def chirpstack(**event: Any) -> list[Reading]:
    """The readings of an event of ChirpStack."""
    event = {"time": NETWORK, "deviceInfo": {"devEui": "70B3D57ED0000007"}, **event}
    return CHIRPSTACK.decode(json.dumps(event).encode(), None, RECEIVED_AT_MS)


EVENTS: list[tuple[dict[str, Any], SealEvent]] = [
    ({"door": "open"}, SealEvent.DOOR_OPENED),
    ({"door": 1}, SealEvent.DOOR_OPENED),
    ({"DOOR_OPEN_STATUS": 1}, SealEvent.DOOR_OPENED),
    ({"doorOpen": True}, SealEvent.DOOR_OPENED),
    ({"magnet_status": "open"}, SealEvent.DOOR_OPENED),
    ({"door_closed": False}, SealEvent.DOOR_OPENED),
    ({"door": "closed"}, SealEvent.NONE),
    ({"door_open": False}, SealEvent.NONE),
    ({"contact": True}, SealEvent.NONE),
    ({"tamper": True}, SealEvent.TAMPERED),
    ({"tamper_status": "uninstalled"}, SealEvent.TAMPERED),
    ({"tamper_status": "installed"}, SealEvent.NONE),
    ({"cover_open": 1}, SealEvent.TAMPERED),
    ({"light_alarm": True}, SealEvent.LIGHT),
    ({"light_status": "bright"}, SealEvent.LIGHT),
    ({"light": 310}, SealEvent.NONE),
    ({"seal": "cut"}, SealEvent.CUT),
    ({"seal_status": "open"}, SealEvent.OPENED),
    ({"seal": {"state": "cut", "events": ["tampered", "cut"]}}, SealEvent.CUT | SealEvent.TAMPERED),
    ({"events": ["Low-Battery", "jamming", "?"]}, SealEvent.LOW_BATTERY | SealEvent.JAMMING),
    ({"alarm": "sos"}, SealEvent.SOS),
    ({"cable_cut": True, "sos": False}, SealEvent.CUT),
    ({"gnss_jamming": 1}, SealEvent.JAMMING),
    ({"shock": True}, SealEvent.SHOCK),
    ({"shock": 3.5}, SealEvent.NONE),
    ({"sensor": {"door_2": "open"}}, SealEvent.DOOR_OPENED),
    ({"seal": "tampered"}, SealEvent.TAMPERED),
    ({"seal": "intact"}, SealEvent.NONE),
    ({"cable": "cut"}, SealEvent.CUT),
    ({"wireStatus": "broken"}, SealEvent.CUT),
    ({"shackle": "out"}, SealEvent.OPENED),
    ({"rope_state": "inserted"}, SealEvent.NONE),
    ({"sealIntact": False}, SealEvent.CUT),
    ({"cable_intact": True}, SealEvent.NONE),
    ({"isTampered": True}, SealEvent.TAMPERED),
    ({"tampering": 1}, SealEvent.TAMPERED),
    ({"intrusion": "detected"}, SealEvent.TAMPERED),
    ({"is_open": True}, SealEvent.DOOR_OPENED),
    ({"alarm": "TAMPER"}, SealEvent.TAMPERED),
    ({"alarm": ["seal_cut", "light"]}, SealEvent.CUT | SealEvent.LIGHT),
    ({"alerts": ["door open", "unlock"]}, SealEvent.DOOR_OPENED | SealEvent.OPENED),
    ({"event": "nothing known"}, SealEvent.NONE),
]


@pytest.mark.parametrize(("codec", "events"), EVENTS, ids=[json.dumps(codec) for codec, _ in EVENTS])
def test_what_a_codec_tells(codec: dict[str, Any], events: SealEvent) -> None:
    """Doors, tampering, light and seals are events by whatever usual name, over both network servers."""
    assert ttn(codec).seal_events == events
    (reading,) = chirpstack(object=codec, fCnt=1)
    assert reading.seal_events == events


VALUES: list[tuple[dict[str, Any], str, object]] = [
    ({"temperature": -12.5}, "temperature_c", -12.5),
    ({"temp1": "21.5"}, "temperature_c", 21.5),
    ({"TempC_SHT": 4}, "temperature_c", 4.0),
    ({"temperature_c": 0}, "temperature_c", 0.0),
    ({"temperature": -400}, "temperature_c", None),
    ({"air": {"temperature": 21, "relativeHumidity": 40}}, "humidity_pct", 40.0),
    ({"battery": 87}, "battery_pct", 87.0),
    ({"battery": 3.61}, "battery_v", 3.61),
    ({"battery": 3610}, "battery_v", 3.61),
    ({"battery": 3}, "battery_pct", None),
    ({"battery": {"level": 55}}, "battery_pct", 55.0),
    ({"BatV": 3.05}, "battery_v", 3.05),
    ({"light": 310}, "light_lux", 310.0),
    ({"shock": 3.5}, "shock_g", 3.5),
    ({"sats": 11}, "satellites", 11),
    ({"lock": "locked"}, "seal_state", SealState.SEALED),
    ({"locked": False}, "seal_state", SealState.UNLOCKED),
    ({"seal": {"number": "KE1"}}, "seal_number", "KE1"),
    ({"rfid": "04A2"}, "card_id", "04A2"),
    ({"motion": True}, "moving", True),
    ({"mounted": False}, "mounted", False),
    ({"lat": -1.2921, "lng": 36.8219}, "latitude_deg", -1.2921),
    ({"gps": {"latitude": 1, "longitude": 179.9}}, "longitude_deg", 179.9),
    ({"location": [36.8, -1.3]}, "latitude_deg", -1.3),
    ({"fix": {"latitude_deg": 1.5, "longitude_deg": 2.5, "kind": "cell"}}, "fix_kind", FixKind.CELL),
    ({"latitude": 0, "longitude": 0}, "fix_kind", FixKind.NONE),
]


@pytest.mark.parametrize(("codec", "field", "value"), VALUES, ids=[json.dumps(each[0]) for each in VALUES])
def test_values(codec: dict[str, Any], field: str, value: object) -> None:
    """Usual names of quantities find their field; what can't be is left out and kept aside."""
    assert getattr(ttn(codec), field) == value


@pytest.mark.parametrize("bad", [95, "north", True, -91.0])
def test_event_survives_a_bad_position(bad: object) -> None:
    """Coordinates that can't be cost the fix and never the event."""
    reading = ttn({"latitude": bad, "longitude": 36.8, "tamper": True})
    assert reading.seal_events == SealEvent.TAMPERED
    assert reading.flags & Flag.POSITION_REFUSED


def test_copies_by_several_gateways_are_one_reading() -> None:
    """The same counter in the same session is the same reading, whoever heard it and a little later."""
    first = ttn(rx_metadata=[{"rssi": -90, "snr": -3.5}, {"rssi": -60, "snr": 9}])
    again = ttn(rx_metadata=[{"rssi": -70}], received_at="2026-11-23T06:29:59Z")
    assert first.reading_id == again.reading_id
    assert first.extra is not None
    assert (first.extra["rssi_dbm"], first.extra["snr_db"], first.extra["gateways"]) == (-60.0, 9.0, 2)
    assert again.extra is not None
    assert again.extra["snr_db"] == 0.0
    one, two = (chirpstack(fCnt=9, devAddr="00189440", rxInfo=[{"rssi": rssi}])[0] for rssi in (-80, -50))
    assert one.reading_id == two.reading_id


@pytest.mark.parametrize(
    "other",
    [
        {"f_cnt": 8},
        {"session_key_id": "AY+="},
        {"received_at": "2026-11-22T06:29:58Z"},
        {"frm_payload": "AWcA/w=="},
    ],
)
def test_other_reports_are_others(other: dict[str, Any]) -> None:
    """Another counter, session or payload, or a counter that starts again on another day: another reading."""
    assert ttn().reading_id != ttn(**other).reading_id


def test_left_out_means_zero() -> None:
    """A missing counter is 0 and a missing boolean false, over both network servers."""
    reading = ttn(f_cnt=None, f_port=None)
    assert reading.sequence == 0
    assert reading.extra is not None
    assert "confirmed" not in reading.extra
    (reading,) = chirpstack(data="A2cBEAVnAP8=")
    assert (reading.sequence, reading.temperature_c) == (0, 27.2)


@pytest.mark.parametrize(
    ("codec", "occurred"),
    [
        ({}, "2026-11-23T06:29:58.123Z"),
        ({"time": "2026-11-23T04:00:00Z"}, "2026-11-23T04:00:00.000Z"),
        ({"timestamp": 1_795_406_400}, "2026-11-23T04:00:00.000Z"),
        ({"timestamp": 1_795_406_400_000}, "2026-11-23T04:00:00.000Z"),
        ({"time": 31}, "2026-11-23T06:29:58.123Z"),
        ({"time": "2027-01-01T00:00:00Z"}, "2026-11-23T06:29:58.123Z"),
        ({"time": "noon"}, "2026-11-23T06:29:58.123Z"),
    ],
)
def test_time(codec: dict[str, Any], occurred: str) -> None:
    """A credible time of the device is the event's; otherwise it is when the network had the message."""
    assert iso(ttn(codec).occurred_at_ms) == occurred


PLACES: list[tuple[dict[str, Any], FixKind]] = [
    ({"frm-payload": {"latitude": 1, "longitude": 2, "source": "SOURCE_GPS"}}, FixKind.STALE),
    ({"user": {"latitude": 1, "longitude": 2, "source": "SOURCE_REGISTRY"}}, FixKind.NONE),
    ({"cloud": {"latitude": 1, "longitude": 2, "source": "SOURCE_WIFI_RSSI_GEOLOCATION"}}, FixKind.WIFI),
    ({"cloud": {"latitude": 1, "longitude": 2, "source": "SOURCE_LORA_TDOA_GEOLOCATION"}}, FixKind.CELL),
    ({"cloud": {"latitude": 100, "longitude": 2, "source": "SOURCE_IP_GEOLOCATION"}}, FixKind.NONE),
    ({"cloud": "?"}, FixKind.NONE),
]


@pytest.mark.parametrize(("locations", "kind"), PLACES)
def test_places_of_the_server(locations: dict[str, Any], kind: FixKind) -> None:
    """The server's place serves where the device tells none, and is trusted no more than its source."""
    assert ttn(locations=locations).fix_kind == kind
    own = ttn({"latitude": 5, "longitude": 6}, locations=locations)
    assert (own.fix_kind, own.latitude_deg) == (FixKind.GNSS, 5.0)


def test_payload_forms() -> None:
    """Without a codec a payload is JSON, Cayenne LPP or kept as bytes; no base64 is refused by name."""

    def of(payload: bytes) -> Reading:
        return ttn(frm_payload=base64.b64encode(payload).decode())

    assert of(b'{"door":"open"}').door_open is True
    assert of(bytes.fromhex("01670110")).temperature_c == 27.2
    unknown = of(b"\xff\xfe").extra
    assert unknown is not None
    assert unknown["payload_hex"] == "fffe"
    with pytest.raises(DecodeError, match="bad_payload"):
        ttn(frm_payload="***")


STATUSES: list[tuple[dict[str, Any], float | None]] = [
    ({"margin": 5, "batteryLevel": 42.5}, 42.5),
    ({"margin": 5}, 0.0),
    ({"margin": 5, "batteryLevelUnavailable": True}, None),
    ({"externalPowerSource": True}, None),
]


@pytest.mark.parametrize(("event", "battery_pct"), STATUSES)
def test_status(event: dict[str, Any], battery_pct: float | None) -> None:
    """A status tells the battery, unless it is unknown or the supply external."""
    (reading,) = chirpstack(**event)
    assert reading.battery_pct == battery_pct


OTHERS: list[dict[str, Any]] = [
    {"devAddr": "00189440", "regionConfigId": "eu868"},
    {"queueItemId": "x", "acknowledged": True, "fCntDown": 3},
    {"downlinkId": 1, "gatewayId": "00", "txInfo": {}},
    {"level": "ERROR", "code": "UPLINK_F_CNT_RETRANSMISSION", "description": "…"},
    {"integrationName": "loracloud", "eventType": "x", "object": {"door": "open"}},
]


@pytest.mark.parametrize("event", OTHERS)
def test_other_events_report_nothing(event: dict[str, Any]) -> None:
    """Join, ack, txack, log and integration events are no reports."""
    assert chirpstack(**event) == []


def test_identity_of_the_topic_in_any_case() -> None:
    """An EUI in capitals is the same device."""
    event = {"time": NETWORK, "deviceInfo": {"devEui": "70b3d57ed0000007"}, "fCnt": 1}
    (reading,) = CHIRPSTACK.decode(json.dumps(event).encode(), "70B3D57ED0000007", RECEIVED_AT_MS)
    assert reading.device_id == "70b3d57ed0000007"


NAMES = st.sampled_from(
    [
        "door",
        "seal",
        "battery",
        "gps",
        "latitude",
        "lon",
        "time",
        "events",
        "light",
        "fix",
        "state",
        "temp_1",
        "x",
        "",
    ]
)
CODECS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(codec=st.dictionaries(NAMES, CODECS, max_size=6), junk=CODECS)
def test_any_object(codec: dict[str, Any], junk: object) -> None:
    """Whatever a codec says gives a reading in range; whatever stands elsewhere, too, or a refusal."""
    ttn(codec)
    try:
        reading = ttn(
            None, f_cnt=junk, rx_metadata=junk, locations=junk, frm_payload=junk, normalized_payload=junk
        )
    except DecodeError as refusal:
        assert refusal.reason == "bad_payload"  # noqa: PT017  the only one that may come
    else:
        assert reading.device_id == "seal-7"


def test_the_worst_part_is_the_state() -> None:
    """Of a seal's parts the worst tells its level, whatever the order."""
    for codec in ({"lock": "locked", "cable": "cut"}, {"cable": "cut", "lock": "locked"}):
        assert ttn(codec).seal_state == SealState.CUT


def test_unknown_words_of_a_list_are_kept() -> None:
    """A word that isn't known stays in ``extra``, beside those that are."""
    reading = ttn({"alarms": ["cut", "flux capacitor"]})
    assert reading.seal_events == SealEvent.CUT
    assert (reading.extra or {})["alarms"] == "flux capacitor"


def test_list_of_measurements() -> None:
    """Measurements that name their type are read, nested lists too; others stay under their type."""
    measured = [
        [{"type": "Latitude", "measurementValue": -1.5}, {"type": "Longitude", "measurementValue": 36.8}],
        {"type": "Air Temperature", "measurementValue": "-4.5"},
        {"type": "Battery", "measurementValue": 90},
        {"type": "Positioning Status", "measurementValue": 2},
        {"measurementValue": 7},
        {"type": "Broken"},
    ]
    reading = ttn({"messages": measured})
    assert (reading.latitude_deg, reading.longitude_deg) == (-1.5, 36.8)
    assert (reading.temperature_c, reading.battery_pct) == (-4.5, 90.0)
    assert (reading.extra or {})["positioning_status"] == 2
