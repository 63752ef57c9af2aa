"""Verbs of `sealtrail trip` about the seal: leave to open it, a look at it, the end of the watch."""

from __future__ import annotations

import secrets
from typing import Any

import click
from pydantic import ValidationError

from sealtrail.commands.trip_options import CIRCLE, MOMENT, actor, as_json
from sealtrail.commands.trip_reading import wrong
from sealtrail.commands.trip_recording import happened, record, tell
from sealtrail.contract.clock import iso, wall_clock_ms
from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.public.authorisation_file import AuthorisationFile
from sealtrail.contract.public.seal_check_file import CONDITIONS, SealCheckFile
from sealtrail.contract.trip import SealCheck, Trip, TripEvent, TripEventKind


@click.command()
@click.argument("trip_id")
@click.option("--by", "granted_by", required=True, help="Office or person that grants it.")
@click.option("--valid-from", "--from", "valid_from", required=True, help="Start, RFC 3339.")
@click.option("--valid-until", "--until", "valid_until", required=True, help="End, RFC 3339.")
@click.option("--card", "cards", multiple=True, help="Card that may open; several times; none allows any.")
@click.option(
    "--place", type=CIRCLE, help="Where: latitude,longitude,radius like 0.636,34.28,500m; else anywhere."
)
@click.option("--reason", default="", help="Why, for the record.")
@as_json
@click.pass_context
def authorise(  # noqa: PLR0913 (one parameter for each option)
    ctx: click.Context,
    trip_id: str,
    *,
    granted_by: str,
    valid_from: str,
    valid_until: str,
    cards: tuple[str, ...],
    place: dict[str, Any] | None,
    reason: str,
    as_json: bool,
) -> None:
    """Allow the seal of TRIP_ID to be opened: who, where and when.

    An opening within that time that was told as a breach before is taken back.

    Example: sealtrail trip authorise T-0001 --by "Customs Malaba"
    --valid-from 2026-11-23T08:00:00Z --valid-until 2026-11-23T10:00:00Z --card 0012260888
    --place 0.636,34.28,500m
    """
    parts = {
        "authorisation_id": secrets.token_hex(8),
        "granted_by": granted_by,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "card_ids": cards,
        "place": place,
        "reason": reason,
    }
    try:
        leave = AuthorisationFile.model_validate(parts).to_authorisation()
    except ValidationError as error:
        raise InvalidTripError("invalid_authorisation", wrong(error)) from error

    def make(known: Trip, now_ms: int) -> TripEvent:
        return TripEvent(
            event_id=leave.authorisation_id,
            kind=TripEventKind.AUTHORISED,
            occurred_at_ms=now_ms,
            recorded_at_ms=now_ms,
            container_id=known.container_id,
            trip_id=trip_id,
            actor=granted_by,
            authorisation=leave,
        )

    tell(record(ctx, trip_id, make), f"authorised ({leave.authorisation_id})", as_json=as_json)


def _check(parts: dict[str, Any]) -> SealCheck:
    try:
        return SealCheckFile.model_validate(parts).to_seal_check()
    except ValidationError as error:
        raise InvalidTripError("invalid_seal_check", wrong(error)) from error


@click.command()
@click.argument("trip_id")
@click.option(
    "--condition",
    required=True,
    type=click.IntRange(min(CONDITIONS), max(CONDITIONS)),
    help="UN/EDIFACT 4517: " + ", ".join(f"{number} {word}" for number, word in CONDITIONS.items()) + ".",
)
@click.option("--party", required=True, help="Who looked.")
@click.option(
    "--role", required=True, help="UN/EDIFACT 9303: CU customs, CA carrier, TO terminal operator, …"
)
@click.option("--seal-expected", help="Number it should have; else the trip's, where it has one seal.")
@click.option("--seal-seen", help="Number that it has.")
@click.option("--replaced-by", help="Number of the seal put on instead.")
@click.option("--place", type=CIRCLE, help="Where: latitude,longitude,radius like 0.636,34.28,50m.")
@click.option("--at", "at_ms", type=MOMENT, help="When, RFC 3339; else now.")
@click.option("--remark", default="", help="Anything else worth knowing.")
@actor
@as_json
@click.pass_context
def check_seal(  # noqa: PLR0913 (one parameter for each option)
    ctx: click.Context,
    trip_id: str,
    *,
    condition: int,
    party: str,
    role: str,
    seal_expected: str | None,
    seal_seen: str | None,
    replaced_by: str | None,
    place: dict[str, Any] | None,
    at_ms: int | None,
    remark: str,
    actor: str,
    as_json: bool,
) -> None:
    """Record what somebody saw of the seal of TRIP_ID at a change of custody (WCO SAFE).

    A check puts the seal under watch again; a seal put on instead becomes the trip's.

    Example: sealtrail trip check-seal T-0001 --condition 4 --seal-expected KRA0017352
    --seal-seen KRA0017352 --replaced-by KRA0017399 --party "Customs Malaba" --role CU
    """
    parts: dict[str, Any] = {
        "check_id": secrets.token_hex(8),
        "condition": condition,
        "party": party,
        "party_role": role,
        "seal_expected": seal_expected,
        "seal_seen": seal_seen,
        "replaced_by": replaced_by,
        "place": place,
        "remark": remark,
        "checked_at": iso(happened(at_ms, wall_clock_ms())),
    }
    _check(parts)

    def make(known: Trip, now_ms: int) -> TripEvent:
        expected = seal_expected
        if expected is None and len(known.seal_numbers) == 1:
            expected = known.seal_numbers[0]
        check = _check({**parts, "seal_expected": expected})
        return TripEvent(
            event_id=check.check_id,
            kind=TripEventKind.SEAL_CHECKED,
            occurred_at_ms=check.checked_at_ms,
            recorded_at_ms=now_ms,
            container_id=known.container_id,
            trip_id=trip_id,
            actor=actor,
            seal_check=check,
        )

    event = record(ctx, trip_id, make)
    replaced = f", replaced by {replaced_by}" if replaced_by else ""
    tell(event, f"seal found {CONDITIONS[condition]}{replaced} ({event.event_id})", as_json=as_json)


@click.command()
@click.argument("trip_id")
@click.option("--at", "at_ms", type=MOMENT, help="When it ended, RFC 3339; else now.")
@actor
@as_json
@click.pass_context
def end(ctx: click.Context, trip_id: str, *, at_ms: int | None, actor: str, as_json: bool) -> None:
    """End a trip: from then on its seal is no longer watched.

    Example: sealtrail trip end T-0001 --actor "J. Mwangi"
    """

    def make(known: Trip, now_ms: int) -> TripEvent:
        return TripEvent(
            event_id=secrets.token_hex(12),
            kind=TripEventKind.ENDED,
            occurred_at_ms=happened(at_ms, now_ms),
            recorded_at_ms=now_ms,
            container_id=known.container_id,
            trip_id=trip_id,
            actor=actor,
        )

    event = record(ctx, trip_id, make)
    tell(event, f"ended {iso(event.occurred_at_ms)}", as_json=as_json)
