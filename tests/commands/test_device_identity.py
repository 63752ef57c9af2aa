"""What people are told of identities that no device of the family names itself by."""

from __future__ import annotations

import json

import pytest

from gateway.decoders import decoder_for
from gateway.foreign_topics import BRIDGE
from sealtrail.commands.device_identity import doubt_about
from sealtrail.contract.device import Device
from sealtrail.contract.errors import SealTrailError
from tests.shared import shared_rows


def doubt_of(family: str, device_id: str, *capabilities: str) -> str | None:
    return doubt_about(Device(device_id=device_id, family=family, capabilities=capabilities))


FAMILIES = {"jt808": "jt808", "gt06": "gt06", "teltonika": "teltonika", "niot": "niot", "jt701": "jt600"}


@pytest.mark.parametrize(
    ("family", "typed", "right"),
    [
        ("jt808", "13800138000", "013800138000"),
        ("gt06", "0358511021234567", "358511021234567"),
        ("Teltonika", "35630704244101", "356307042441013"),
        ("jt701", "701", "7010416173"),
        ("chirpstack", "70B3D57ED005A1B2", "70b3d57ed005a1b2"),
    ],
)
def test_what_is_typed_wrong_is_told_with_what_it_should_be(family: str, typed: str, right: str) -> None:
    """Leading zeros, other lengths, capitals: told; as the device says it: nothing."""
    assert f"{typed} may never be heard" in str(doubt_of(family, typed))
    assert doubt_of(family, right) is None


@pytest.mark.parametrize("family", ["json", "owntracks", "ttn", "eseal", "no such family"])
def test_families_with_free_names_are_not_doubted(family: str) -> None:
    """Their devices have whatever name somebody gave them; so has a network server."""
    assert doubt_of("chirpstack", "lora-server", BRIDGE) is None
    assert doubt_of(family, "KE-0001") is None


@pytest.mark.parametrize("family", FAMILIES)
def test_no_real_device_is_doubted(family: str) -> None:
    """The names that real frames give."""
    names = set()
    decoder = decoder_for(family)
    for case in shared_rows(f"vectors/traccar/{FAMILIES[family]}.jsonl"):
        frame = case["frame"]
        content = bytes.fromhex(frame) if case["kind"] == "binary" else frame.encode()
        try:
            names |= {reading.device_id for reading in decoder.decode(content, None, 1_800_000_000_000)}
        except SealTrailError:
            continue
    assert names or family in {"gt06", "teltonika"}, "these say it in their login only"
    assert not [json.dumps(doubt_of(family, name)) for name in names if doubt_of(family, name)]
