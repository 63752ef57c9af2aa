"""Admission: what is believed of whom, without any I/O."""

from __future__ import annotations

import base64
import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import signatures
from gateway.access.admission import Admission
from gateway.access.registry import RegistryView
from gateway.access.sequences import Counting
from gateway.access.suspicions import Suspicions
from gateway.batch import BatchDecoder
from gateway.decoders import decoders
from gateway.decoders._json_lines import JsonDialogue
from gateway.session import Delivery
from sealtrail.contract.clock import iso
from sealtrail.contract.device import Device, DeviceState, SignatureAlgorithm, SigningKey, Suspicion
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.subjects import device_up_topic
from sealtrail.runtime.settings.access import AccessSettings
from tests.gateway.decoders.jt808_frames import IDENTITY, framed, location

NOW_MS = 1_790_000_000_000
SECRET = b"s" * 32
HMAC = SigningKey(
    key_id="k1",
    algorithm=SignatureAlgorithm.HMAC_SHA256,
    key=base64.b64encode(SECRET).decode(),
    valid_from_ms=NOW_MS - 1_000,
    valid_until_ms=NOW_MS + 1_000,
)


class Hall:
    """An admission with these devices, and what it told."""

    def __init__(self, *devices: Device, **settings: object) -> None:
        access = AccessSettings.model_validate(settings)
        self.view = RegistryView(access)
        for device in devices:
            self.change(device)
        self.suspicions = Suspicions(4, access.suspicion_every_s)
        self.activated: list[str] = []
        self.admission = Admission(self.view, access, self.suspicions, self.activated.append, dict)
        self.decoder = BatchDecoder(decoders(), 4, 65_536, self.admission)
        self.admission.begin(NOW_MS)

    def change(self, device: Device) -> None:
        self.view.take(device.device_id, msgspec.json.encode(device))

    def refusal(self, device_id: str, payload: bytes = b"{}", family: str = "json") -> str:
        """The reason by which a message is refused; empty: it isn't."""
        try:
            self.admission.admit(family, device_id, payload)
        except DecodeError as error:
            return error.reason
        return ""


def _device(device_id: str = "KE-0001", **known: object) -> Device:
    return Device(device_id=device_id, family="json", **known)  # type: ignore[arg-type]  # fields of Device


def _report(sequence: int, device_id: str = "KE-0001", at_s: int | None = None) -> Delivery:
    minute, second = divmod(sequence % 3_600 if at_s is None else at_s, 60)
    text = f'{{"sequence":{sequence},"occurred_at":"2026-09-21T06:{minute:02d}:{second:02d}Z"}}'
    return device_up_topic("json", device_id), text.encode(), 1


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (DeviceState.PROVISIONED, ""),
        (DeviceState.ACTIVE, ""),
        (DeviceState.SUSPENDED, "suspended_device"),
        (DeviceState.RETIRED, "retired_device"),
    ],
)
def test_state_decides(state: DeviceState, reason: str) -> None:
    """Suspended and retired devices are refused by name, and that they speak is told."""
    hall = Hall(_device(state=state))
    assert hall.refusal("KE-0001") == reason
    assert hall.suspicions.told == ({Suspicion.SUSPENDED_DEVICE: 1} if reason else {})


def test_unknown_device_is_refused_unless_the_setting_accepts_it() -> None:
    """And an invented name can't be told of more often than is bearable."""
    strict, open_ = Hall(unknown_devices="quarantine"), Hall(unknown_devices="accept")
    assert open_.refusal("new") == ""
    assert {strict.refusal(f"new-{number}") for number in range(500)} == {"unknown_device"}
    assert strict.suspicions.told[Suspicion.UNKNOWN_DEVICE] == 60
    assert open_.suspicions.told == {}


def test_other_family_is_refused() -> None:
    """A device can't be spoken for in another protocol, whose frames may say anything."""
    assert Hall(_device()).refusal("KE-0001", b"$", "jt701") == "family_mismatch"


def test_first_report_activates_once() -> None:
    """Until the registry says something new about the device."""
    hall = Hall(_device())
    assert [hall.refusal("KE-0001") for _ in range(3)] == [""] * 3
    assert hall.activated == ["KE-0001"]


def test_suspension_takes_effect_at_the_next_message() -> None:
    """What was used up of the rate stays used up, also after resuming."""
    hall = Hall(_device(messages_per_s=0.001, changed_at_ms=1), burst_messages=2)
    assert hall.refusal("KE-0001") == ""
    hall.change(_device(messages_per_s=0.001, state=DeviceState.SUSPENDED, changed_at_ms=2))
    assert hall.refusal("KE-0001") == "suspended_device"
    hall.change(_device(messages_per_s=0.001, state=DeviceState.ACTIVE, changed_at_ms=3))
    assert hall.refusal("KE-0001") == "rate_limited"


def test_the_newest_record_holds_whatever_its_clock_says() -> None:
    """The machine on which a device is suspended may be behind the one that made it active."""
    hall = Hall(_device(state=DeviceState.ACTIVE, changed_at_ms=2))
    hall.change(_device(state=DeviceState.SUSPENDED, changed_at_ms=1))
    assert hall.refusal("KE-0001") == "suspended_device"


def test_mad_device_is_bounded_and_starves_nobody() -> None:
    """All its messages are counted, a bounded part is kept, the rest told in one record; others go on."""
    hall = Hall(_device("mad"), _device("good"), messages_per_s=1, burst_messages=10, excess_kept_bytes=500)
    flood = [_report(number, "mad") for number in range(1_000)]
    batch = hall.decoder.decode([*flood, _report(1, "good")], NOW_MS, {}, set())
    assert batch.accepted["json"] == 11
    assert batch.quarantined["json", "rate_limited"] == 990
    kept = [message for message in batch.refused["json"] if message.payload]
    (told,) = (message for message in batch.refused["json"] if not message.payload)
    assert 0 < sum(len(message.payload) for message in kept) <= 500
    assert told.device_id == "mad"
    assert told.detail.startswith(f"{990 - len(kept)} further messages")
    later = hall.decoder.decode([_report(2_000, "mad"), _report(2_001, "mad")], NOW_MS + 1_000, {}, set())
    assert (later.accepted["json"], later.quarantined["json", "rate_limited"]) == (1, 1)


def test_mad_device_that_is_not_in_the_registry_is_bounded_too() -> None:
    """Unknown devices that are accepted have the rate of known ones; the excess is refused and counted."""
    hall = Hall(
        unknown_devices="accept", messages_per_s=1, burst_messages=10, excess_kept_bytes=500,
        unknown_messages_per_s=1,
    )  # fmt: skip
    flood = [_report(number, "mad") for number in range(1_000)]
    batch = hall.decoder.decode([*flood, _report(1, "other")], NOW_MS, {}, set())
    assert (batch.accepted["json"], batch.quarantined["json", "rate_limited"]) == (11, 990)
    kept = [message for message in batch.refused["json"] if message.payload]
    (told,) = (message for message in batch.refused["json"] if not message.payload)
    assert 0 < sum(len(message.payload) for message in kept) <= 500
    assert told.detail.startswith(f"{990 - len(kept)} further messages")
    later = hall.decoder.decode([_report(2_000, "mad"), _report(2_001, "mad")], NOW_MS + 1_000, {}, set())
    assert (later.accepted["json"], later.quarantined["json", "rate_limited"]) == (1, 1)


def test_invented_names_do_not_get_round_the_rate() -> None:
    """New names are let in at a rate of their own; a device that was heard before goes on meanwhile."""
    hall = Hall(unknown_devices="accept", unknown_devices_most=100, unknown_messages_per_s=1)
    assert hall.refusal("good") == ""
    reasons = [hall.refusal(f"invented-{number}") for number in range(1_000)]
    assert (reasons.count(""), reasons.count("rate_limited")) == (99, 901)
    assert hall.refusal("invented-90") == ""
    hall.admission.begin(NOW_MS + 5_000)
    assert [hall.refusal(f"late-{number}") for number in range(10)].count("") == 5


def test_messages_that_name_nobody_are_bounded() -> None:
    """Noise at a door and wrong topics share one rate; what is too much is counted and told, not kept."""
    hall = Hall(unknown_messages_per_s=1, excess_kept_bytes=100)
    noise: list[Delivery] = [("tcp/gt06/?no_start_mark?none", b"?" * 40, -number) for number in range(1, 501)]
    wrong: list[Delivery] = [("elsewhere", b"?" * 40, number) for number in range(1, 501)]
    batch = hall.decoder.decode([*noise, *wrong], NOW_MS, {}, set())
    assert batch.quarantined.total() == 1_000
    assert batch.quarantined["gt06", "no_start_mark"] == 60
    kept = [message for each in batch.refused.values() for message in each]
    assert len(kept) == 60 + 2 + 1
    assert kept[-1].detail.startswith("938 further messages")


def test_clock_of_a_device_is_the_registrys() -> None:
    """A JT/T 808 terminal that isn't set to GMT+8 is read by its own offset, once the registry has it."""
    terminal = Device(device_id=IDENTITY.hex(), family="jt808")
    hall = Hall(terminal)

    def occurred_at(serial: int) -> str:
        frame = framed(0x0200, location(), serial=serial)
        batch = hall.decoder.decode(
            [(device_up_topic("jt808", IDENTITY.hex()), frame, 1)], NOW_MS * 2, {}, set()
        )
        ((reading,),) = batch.readings.values()
        return iso(reading.occurred_at_ms)

    assert occurred_at(1) == "2026-11-23T06:00:00.000Z"
    hall.change(msgspec.structs.replace(terminal, clock_ahead_s=0))
    assert occurred_at(2) == "2026-11-23T14:00:00.000Z"
    hall.change(msgspec.structs.replace(terminal, clock_ahead_s=-12_600))
    assert occurred_at(3) == "2026-11-23T17:30:00.000Z"


def test_damaged_frames_of_a_device_are_kept_beside_noise() -> None:
    """A flood that names nobody, or has a wrong secret, costs a known device none of its own frames."""
    tracker = Device(device_id="868120143196532", family="gt06")
    hall = Hall(
        tracker, unknown_messages_per_s=0.01, messages_per_s=0.01, burst_messages=5, excess_kept_bytes=0
    )
    noise: list[Delivery] = [("tcp/gt06/?no_start_mark?none", b"?", -number) for number in range(1, 100)]
    forged: list[Delivery] = [
        (f"http/gt06/{tracker.device_id}?bad_secret?", b"?", -number) for number in range(100, 200)
    ]
    own: list[Delivery] = [
        (f"tcp/gt06/{tracker.device_id}?bad_crc?it", b"!", -number) for number in range(200, 210)
    ]
    batch = hall.decoder.decode([*noise, *forged, *own], NOW_MS, {}, set())
    assert [message.payload for message in batch.refused["gt06"] if message.reason == "bad_crc"] == [b"!"] * 5
    assert batch.quarantined["gt06", "rate_limited"] == 98 + 100 + 5


@pytest.mark.parametrize("required", [True, False])
def test_signature_is_checked_before_anything_is_believed(*, required: bool) -> None:
    """A right one is taken off; a wrong one is refused and told; a missing one as the registry says."""
    hall = Hall(_device(signing_keys=(HMAC,), signature_required=required))
    payload = b'{"occurred_at":"2026-09-21T06:00:00Z"}'
    signed = signatures.sign(payload, "k1", SignatureAlgorithm.HMAC_SHA256, SECRET)
    assert hall.admission.admit("json", "KE-0001", signed) == payload
    assert hall.refusal("KE-0001", signed.replace(b"06:00", b"07:00")) == "bad_signature"
    assert hall.refusal("KE-0001", signed.replace(b".k1.", b".k2.")) == "bad_signature"
    assert hall.refusal("KE-0001", payload + b"\n.k1.%%%") == "bad_signature"
    assert hall.refusal("KE-0001", payload) == ("unsigned" if required else "")
    assert hall.suspicions.told == {Suspicion.BAD_SIGNATURE: 1}


def test_keys_overlap_and_end() -> None:
    """During a rotation both keys hold; each only within its time."""
    new_secret = b"n" * 32
    new = SigningKey(
        key_id="k2",
        algorithm=SignatureAlgorithm.HMAC_SHA256,
        key=base64.b64encode(new_secret).decode(),
        valid_from_ms=NOW_MS,
    )
    hall = Hall(_device(signing_keys=(HMAC, new), signature_required=True))
    old_signed = signatures.sign(b"{}", "k1", SignatureAlgorithm.HMAC_SHA256, SECRET)
    new_signed = signatures.sign(b"{}", "k2", SignatureAlgorithm.HMAC_SHA256, new_secret)
    found = {}
    for at_ms in (NOW_MS - 1, NOW_MS, NOW_MS + 1_000):
        hall.admission.begin(at_ms)
        found[at_ms - NOW_MS] = (hall.refusal("KE-0001", old_signed), hall.refusal("KE-0001", new_signed))
    assert found == {-1: ("", "bad_signature"), 0: ("", ""), 1_000: ("bad_signature", "")}


def test_ed25519_of_the_standard() -> None:
    """RFC 8032, 7.1, test 3: the public key verifies what the private key signed."""
    private = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    message = bytes.fromhex("af82")
    signed = signatures.sign(message, "e", SignatureAlgorithm.ED25519, private)
    found = signatures.split(signed)
    assert found is not None
    assert found.signature.hex().startswith(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    )
    key = SigningKey(
        key_id="e",
        algorithm=SignatureAlgorithm.ED25519,
        key=base64.b64encode(public).decode(),
        valid_from_ms=0,
    )
    assert signatures.check(found, (key,), NOW_MS) == message


@given(st.binary(max_size=400))
def test_any_bytes_are_admitted_or_refused_by_name(payload: bytes) -> None:
    """Nothing that a device can send raises anything else."""
    hall = Hall(_device(signing_keys=(HMAC,), signature_required=True))
    assert hall.refusal("KE-0001", payload) in {"bad_signature", "unsigned"}
    ends_as_json = payload.endswith((b"}", b"]"))  # which no signature does
    expected = "unsigned" if ends_as_json else "bad_signature"
    assert hall.refusal("KE-0001", payload + b"\n.k1." + payload) == expected


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_signature_over_tcp_stands_on_the_line(end: bytes) -> None:
    """A blank in place of the line feed: what the door hands on is the signed message itself."""
    payload = b'[{"sequence":7,"occurred_at":"2026-11-23T06:30:00Z","device_id":"KE-0001"}]'
    message = signatures.sign(payload, "k1", SignatureAlgorithm.HMAC_SHA256, b"secret" * 6)
    heard = JsonDialogue().hear(message.replace(b"\n", b" ") + end, NOW_MS)
    assert (heard.identity, heard.message) == ("KE-0001", message)
    assert heard.answer == b'{"stored":true,"sequence":7}\n'


def _told(numbers: list[int]) -> int:
    counting = Counting()
    return sum(counting.two_count(number, NOW_MS + index * 1_000) for index, number in enumerate(numbers))


@pytest.mark.parametrize(
    "numbers",
    [
        list(range(1_000)),
        [*range(900, 1_000), *range(1_100)],  # started again, and past the old end
        [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1],  # fails at every start
        [5, 4, 7, 6, 9, 8, 11, 10, 13, 12],  # numbered earlier, told later
        [100, 101, 5_000, 5_001, 5_002],  # much was lost
        [*range(100, 120), *range(110, 200)],  # a count kept only now and then, one restart
    ],
)
def test_one_device_is_never_taken_for_two(numbers: list[int]) -> None:
    """Whatever one device's count does that is only careless."""
    assert _told(numbers) == 0


@pytest.mark.parametrize(("ahead", "behind"), [(1_000, 1_000), (1_000, 990), (9_000, 4), (50, 45)])
def test_two_that_count_under_one_name_are_noticed(ahead: int, behind: int) -> None:
    """A copy of a device, wherever its count stands, within thirty reports of each."""
    both = zip(itertools.count(ahead), itertools.count(behind), strict=False)
    assert _told(list(itertools.chain.from_iterable(itertools.islice(both, 30)))) > 0


@pytest.mark.parametrize("numbers", [[*range(2, 11), 5, 11], [*range(100, 120), 117, 120], [7, 8, 9, 7, 10]])
def test_one_used_number_amid_others_is_noticed(numbers: list[int]) -> None:
    """A report sent again under a new time shows as soon as the device itself counts on."""
    assert _told(numbers) == 1


def test_backlog_is_no_evidence() -> None:
    """Old times in any order say nothing about who counts."""
    counting = Counting()
    counting.two_count(1_000, NOW_MS)
    assert not any(counting.two_count(number % 90, NOW_MS - 1 - number) for number in range(500))


def test_copy_is_told_as_a_replayed_sequence() -> None:
    """Through the decoder: readings of two counts under one name become one suspicion with both counts."""
    hall = Hall(_device())
    counts = itertools.chain.from_iterable(zip(range(100, 120), range(3_001, 3_021), strict=True))
    reports = [_report(count, at_s=index) for index, count in enumerate(counts)]
    hall.decoder.decode(reports, NOW_MS, {}, set())
    assert hall.suspicions.told == {Suspicion.REPLAYED_SEQUENCE: 1}
