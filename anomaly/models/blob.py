"""A model as bytes: magic, version, SHA-256, then MessagePack with raw arrays inside. Never a pickle.

Everything is checked before anything is used: sizes, types, shapes, finiteness,
and what the arrays point at. Whatever is wrong is refused by name.
"""

from __future__ import annotations

import hashlib
import math

import msgspec

from anomaly.models.arrays import Packed, of_shape, pack, unpack
from anomaly.models.features import FLOORS, Layout
from anomaly.models.model import Model, Unit
from anomaly.models.scorers import SCORERS
from anomaly.models.tail import Tail, check
from sealtrail.contract.errors import InvalidModelError
from sealtrail.contract.model import MOST_BLOB_BYTES, name_of

MAGIC = b"SM"
VERSION = 1
DIGEST_BYTES = 32
HEADER_BYTES = 3 + DIGEST_BYTES
MOST_ARRAYS = 16


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is in the bytes."""

    family: str
    lane: str
    channels: tuple[str, ...]
    solar: bool
    standard: dict[str, Packed]
    kind: str
    arrays: dict[str, Packed]
    units: tuple[tuple[float, float], ...]  # scorer, guard, stream
    tail: Tail
    threshold: float
    budget: float
    calibrated: bool


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Content)


def sha256_of(blob: bytes) -> str:
    """The hash by which people and events name these bytes."""
    return hashlib.sha256(blob).hexdigest()


def encode(model: Model) -> bytes:
    """The model's bytes; equal models have equal bytes. Reason: ``model_too_large``."""
    units = (model.scorer_unit, model.guard_unit, model.stream)
    body = _encode(
        Content(
            family=model.family,
            lane=model.lane,
            channels=model.layout.channels,
            solar=model.layout.solar,
            standard={"centre": pack(model.centre), "width": pack(model.width)},
            kind=model.scorer.kind,
            arrays={name: pack(array) for name, array in sorted(model.scorer.arrays().items())},
            units=tuple((unit.middle, unit.spread) for unit in units),
            tail=model.tail,
            threshold=model.threshold,
            budget=model.budget,
            calibrated=model.calibrated,
        )
    )
    blob = MAGIC + bytes((VERSION,)) + hashlib.sha256(body).digest() + body
    if len(blob) > MOST_BLOB_BYTES:
        raise InvalidModelError("model_too_large", f"{len(blob)} bytes, at most {MOST_BLOB_BYTES}")
    return blob


def decode(blob: bytes) -> Model:
    """The model of these bytes. Raises `InvalidModelError`.

    Reasons: ``model_too_large``, ``no_model_header``, ``unknown_model_version``,
    ``damaged_model``, ``malformed_model``, ``unknown_channel``, ``unknown_scorer``,
    and those of arrays and scorers.
    """
    if len(blob) > MOST_BLOB_BYTES:
        raise InvalidModelError("model_too_large", f"{len(blob)} bytes, at most {MOST_BLOB_BYTES}")
    if len(blob) < HEADER_BYTES or blob[:2] != MAGIC:
        raise InvalidModelError("no_model_header", f"{len(blob)} bytes")
    if blob[2] != VERSION:
        raise InvalidModelError("unknown_model_version", f"{blob[2]}, this program knows {VERSION}")
    body = blob[HEADER_BYTES:]
    if hashlib.sha256(body).digest() != blob[3:HEADER_BYTES]:
        raise InvalidModelError("damaged_model", "the hash is another")
    try:
        content = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidModelError("malformed_model", str(error)) from error
    return _model(content)


def _model(content: Content) -> Model:
    layout = _layout(content)
    width = len(layout.names)
    standard = {name: unpack(name, each) for name, each in content.standard.items()}
    spread = of_shape(standard, "width", width)
    if (spread <= 0).any():
        raise InvalidModelError("malformed_model", "a feature's width is not positive")
    if content.kind not in SCORERS:
        raise InvalidModelError("unknown_scorer", content.kind)
    if len(content.arrays) > MOST_ARRAYS:
        raise InvalidModelError("malformed_model", f"{len(content.arrays)} arrays")
    arrays = {name: unpack(name, each) for name, each in content.arrays.items()}
    scorer_unit, guard_unit, stream = _units(content)
    if not math.isfinite(content.threshold) or not 0 < content.budget < math.inf:
        raise InvalidModelError("malformed_model", "no threshold or no budget")
    return Model(
        name=name_of(content.family, content.lane),
        family=content.family,
        lane=content.lane,
        layout=layout,
        centre=of_shape(standard, "centre", width),
        width=spread,
        scorer=SCORERS[content.kind].of(arrays, width),
        scorer_unit=scorer_unit,
        guard_unit=guard_unit,
        tail=check(content.tail),
        threshold=content.threshold,
        budget=content.budget,
        calibrated=content.calibrated,
        stream=stream,
    )


def _layout(content: Content) -> Layout:
    unknown = [name for name in content.channels if name not in FLOORS]
    if unknown or not content.channels or len(set(content.channels)) != len(content.channels):
        raise InvalidModelError("unknown_channel", ", ".join(unknown) or "none, or one twice")
    return Layout(content.channels, content.solar)


def _units(content: Content) -> list[Unit]:
    units = [Unit(middle, spread) for middle, spread in content.units]
    sound = all(math.isfinite(unit.middle) and 0 < unit.spread < math.inf for unit in units)
    if not sound or len(units) != 3:  # noqa: PLR2004 (scorer, guard, stream)
        raise InvalidModelError("malformed_model", "bad units of a score")
    return units
