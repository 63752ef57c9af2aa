"""A model's bytes: the same model again, or a refusal by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.models.arrays import pack
from anomaly.models.blob import HEADER_BYTES, decode, encode
from anomaly.models.scorers import Scorer
from sealtrail.contract.errors import InvalidModelError
from sealtrail.contract.model import MOST_BLOB_BYTES
from tests.anomaly.models.made import LAYOUT, WIDTH, model, scorers

ROWS = np.random.default_rng(4).normal(size=(40, WIDTH))
FOREST = model(list(scorers())[-1])
STEPS = model(list(scorers())[4])


@pytest.mark.parametrize("scorer", list(scorers()), ids=lambda each: each.kind)
def test_every_kind_comes_back(scorer: Scorer) -> None:
    """Decoded, a model has the same bytes, the same threshold and the same scores."""
    made = model(scorer, lane="mombasa-malaba")
    again = decode(encode(made))
    assert encode(again) == encode(made)
    assert again.score(ROWS).tobytes() == made.score(ROWS).tobytes()
    assert (again.name, again.lane, again.layout) == ("json-mombasa-malaba", "mombasa-malaba", LAYOUT)


def rewritten(blob: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The bytes of a model whose content was changed by somebody who knows how to hash."""
    content = msgspec.msgpack.decode(blob[HEADER_BYTES:])
    change(content)
    body = msgspec.msgpack.encode(content)
    return blob[:3] + hashlib.sha256(body).digest() + body


def arrays(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["arrays"].update({name: value})


def packed(array: Any) -> list[Any]:
    return list(msgspec.to_builtins(pack(np.asarray(array)), builtin_types=(bytes,)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c.update(kind="lstm"), "unknown_scorer"),
        (lambda c: c.update(channels=["temperature_c", "mood"]), "unknown_channel"),
        (lambda c: c.update(channels=["temperature_c", "temperature_c"]), "unknown_channel"),
        (lambda c: c.update(channels=["temperature_c"]), "bad_array_shape"),
        (lambda c: c.update(extra=1), "malformed_model"),
        (lambda c: c.update(threshold=float("nan")), "malformed_model"),
        (lambda c: c.update(budget=0.0), "malformed_model"),
        (lambda c: c.update(units=[[0, 1], [0, 1], [0, 0]]), "malformed_model"),
        (lambda c: c.update(lane="a b"), "bad_lane_name"),
        (lambda c: c["tail"].update(scale=-1.0), "bad_tail"),
        (lambda c: c["standard"].update(width=packed(np.zeros(WIDTH))), "malformed_model"),
        (arrays("features", packed(np.full((5, 7), WIDTH))), "bad_tree"),
        (arrays("features", packed(np.full((5, 7), -1))), "bad_tree"),
        (arrays("features", packed(np.zeros((5, 6), int))), "bad_tree"),
        (arrays("thresholds", packed(np.zeros((5, 3)))), "bad_array_shape"),
        (arrays("thresholds", ["<f8", [5, 7], b"short"]), "bad_array_shape"),
        (arrays("thresholds", ["<f8", [1 << 40, 1 << 40], b""]), "bad_array_shape"),
        (arrays("thresholds", ["<f8", [5, -7], b""]), "bad_array_shape"),
        (arrays("thresholds", ["|O", [5, 7], b"x" * 280]), "bad_array_type"),
        (arrays("thresholds", packed(np.full((5, 7), np.nan))), "not_finite"),
        (lambda c: c["arrays"].pop("norm"), "array_missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_inside_is_refused_by_name(
    change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    """Sound hash or not: every part is checked before it is used."""
    with pytest.raises(InvalidModelError) as caught:
        decode(rewritten(encode(FOREST), change))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (arrays("counts", packed(np.full(WIDTH, 1))), "bad_array_shape"),
        (arrays("counts", packed([1] * (WIDTH - 1) + [WIDTH + 1])), "bad_steps"),
        (arrays("counts", packed([0] + [2] * (WIDTH - 2) + [4])), "bad_steps"),
        (arrays("points", packed(np.zeros(2 * WIDTH))), "bad_steps"),
    ],
)
def test_steps_that_do_not_rise_are_refused(change: Callable[[dict[str, Any]], None], reason: str) -> None:
    """Counts must fit the points, and the points of a function must rise."""
    with pytest.raises(InvalidModelError) as caught:
        decode(rewritten(encode(STEPS), change))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "no_model_header"),
        (b"SM\x01", "no_model_header"),
        (b"\x80\x04" + b"x" * 60, "no_model_header"),
        (b"SM\x02" + b"x" * 60, "unknown_model_version"),
        (encode(FOREST)[:-1], "damaged_model"),
        (b"x" * (MOST_BLOB_BYTES + 1), "model_too_large"),
    ],
)
def test_bytes_that_are_no_model_are_refused(blob: bytes, reason: str) -> None:
    """Empty, cut, foreign, newer and endless bytes have a name each."""
    with pytest.raises(InvalidModelError) as caught:
        decode(blob)
    assert caught.value.reason == reason


@given(st.binary(max_size=300))
def test_any_body_is_a_model_or_a_refusal(body: bytes) -> None:
    """Whatever stands behind a sound header raises nothing but a refusal."""
    blob = b"SM\x01" + hashlib.sha256(body).digest() + body
    with pytest.raises(InvalidModelError):
        decode(blob)
