"""`TripFile`: the plan of one journey as customs and carriers write it down (JSON; docs/trip-file.md).

Shape is checked by the model, content that contradicts itself by `check_trip`.
"""

from __future__ import annotations

from pydantic import Field

from sealtrail.contract.alert import AlertType, Severity
from sealtrail.contract.errors import InvalidTripError, RefusedError
from sealtrail.contract.iso6346 import container_number
from sealtrail.contract.public.authorisation_file import AuthorisationFile
from sealtrail.contract.public.corridor_file import CorridorFile
from sealtrail.contract.public.fields import (
    FileModel,
    Metres,
    Name,
    Quantity,
    Seconds,
    Time,
    ms_of,
    text_of,
)
from sealtrail.contract.public.place_file import PlaceFile
from sealtrail.contract.public.trip_checks import check_trip
from sealtrail.contract.public.zone_file import ZoneFile, zone_file
from sealtrail.contract.trip import Checkpoint, SensorLimit, Trip


class CheckpointFile(FileModel):
    """A place that must be passed, in the order of the list."""

    place: PlaceFile = Field(description="with a name of its own")
    due_at: Time | None = Field(default=None, description="latest time of arrival there")


class CargoLimitFile(FileModel):
    """What one quantity may be."""

    quantity: Quantity
    least: float | None = Field(default=None, description="lowest value allowed; missing: any")
    greatest: float | None = Field(default=None, description="highest value allowed; missing: any")
    lasting_s: float = Field(default=0, ge=0, description="outside for so long is an excursion")


class TripFile(FileModel):
    """The plan of one journey of one container under seal."""

    trip_id: Name
    container_id: str = Field(description="ISO 6346 number with its check digit")
    device_ids: tuple[Name, ...] = Field(min_length=1, description="seal and trackers on the container")
    declaration: str = Field(default="", max_length=128, description="number or reference of the declaration")
    lane: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
        description="name of the lane, by which models of its sensors' usual values are found",
    )
    corridor: CorridorFile | None = Field(default=None, description="missing: the route is not watched")
    alternatives: tuple[CorridorFile, ...] = Field(default=(), description="other ways that are as good")
    seal_numbers: tuple[Name, ...] = Field(default=(), description="numbers of the seals as declared")
    departs_at: Time | None = Field(
        default=None, description="sealed and under watch from here on; missing: from the planning on"
    )
    arrives_at: Time | None = Field(default=None, description="planned arrival")
    origin: PlaceFile | None = None
    destination: PlaceFile | None = None
    allowed_places: tuple[PlaceFile, ...] = Field(default=(), description="never a deviation in these")
    checkpoints: tuple[CheckpointFile, ...] = Field(default=(), description="to be passed in this order")
    forbidden_zones: tuple[ZoneFile, ...] = Field(default=(), description="never to be entered")
    dead_zones: tuple[ZoneFile, ...] = Field(default=(), description="known to have no coverage")
    parking_zones: tuple[ZoneFile, ...] = Field(default=(), description="it may stand in these, seal closed")
    cargo_limits: tuple[CargoLimitFile, ...] = Field(default=(), description="what the cargo bears")
    reporting_interval_s: Seconds | None = Field(
        default=None, description="of its devices; missing: as each is seen to report"
    )
    stop_max_s: Seconds | None = Field(
        default=None, description="longest stop outside allowed places; missing: the setting"
    )
    separation_max_m: Metres | None = Field(
        default=None, description="of its devices from each other; missing: the setting"
    )
    authorisations: tuple[AuthorisationFile, ...] = ()
    severities: dict[AlertType, Severity] = Field(
        default={}, description="alert type -> severity, where it differs from the catalogue"
    )

    def to_trip(self) -> Trip:
        """The trip of this file. Raises `InvalidTripError` for content that contradicts itself."""
        try:
            container_id = container_number(self.container_id)
        except RefusedError as error:
            raise InvalidTripError(error.reason, error.detail) from error
        trip = Trip(
            trip_id=self.trip_id,
            container_id=container_id,
            device_ids=self.device_ids,
            declaration=self.declaration,
            lane=self.lane,
            corridor=self.corridor.to_corridor() if self.corridor else None,
            alternatives=tuple(each.to_corridor() for each in self.alternatives),
            seal_numbers=self.seal_numbers,
            departs_at_ms=ms_of(self.departs_at),
            arrives_at_ms=ms_of(self.arrives_at),
            origin=self.origin.to_place() if self.origin else None,
            destination=self.destination.to_place() if self.destination else None,
            allowed_places=tuple(place.to_place() for place in self.allowed_places),
            checkpoints=tuple(
                Checkpoint(place=each.place.to_place(), due_at_ms=ms_of(each.due_at))
                for each in self.checkpoints
            ),
            forbidden_zones=tuple(zone.to_zone() for zone in self.forbidden_zones),
            dead_zones=tuple(zone.to_zone() for zone in self.dead_zones),
            parking_zones=tuple(zone.to_zone() for zone in self.parking_zones),
            cargo_limits=tuple(SensorLimit(**limit.model_dump()) for limit in self.cargo_limits),
            reporting_interval_s=self.reporting_interval_s,
            stop_max_s=self.stop_max_s,
            separation_max_m=self.separation_max_m,
            authorisations=tuple(leave.to_authorisation() for leave in self.authorisations),
            severities={kind.value: severity.value for kind, severity in self.severities.items()},
        )
        check_trip(trip)
        return trip

    @classmethod
    def from_trip(cls, trip: Trip) -> TripFile:
        """The file of a trip; ``TripFile.from_trip(trip).to_trip() == trip``."""
        return cls(
            trip_id=trip.trip_id,
            container_id=trip.container_id,
            device_ids=trip.device_ids,
            declaration=trip.declaration,
            lane=trip.lane,
            corridor=CorridorFile.from_corridor(trip.corridor) if trip.corridor else None,
            alternatives=tuple(CorridorFile.from_corridor(each) for each in trip.alternatives),
            seal_numbers=trip.seal_numbers,
            departs_at=text_of(trip.departs_at_ms),
            arrives_at=text_of(trip.arrives_at_ms),
            origin=PlaceFile.from_place(trip.origin),
            destination=PlaceFile.from_place(trip.destination),
            allowed_places=tuple(PlaceFile.of(each) for each in trip.allowed_places),
            checkpoints=tuple(
                CheckpointFile(place=PlaceFile.of(each.place), due_at=text_of(each.due_at_ms))
                for each in trip.checkpoints
            ),
            forbidden_zones=tuple(zone_file(each) for each in trip.forbidden_zones),
            dead_zones=tuple(zone_file(each) for each in trip.dead_zones),
            parking_zones=tuple(zone_file(each) for each in trip.parking_zones),
            cargo_limits=tuple(
                CargoLimitFile(
                    quantity=each.quantity,
                    least=each.least,
                    greatest=each.greatest,
                    lasting_s=each.lasting_s,
                )
                for each in trip.cargo_limits
            ),
            reporting_interval_s=trip.reporting_interval_s,
            stop_max_s=trip.stop_max_s,
            separation_max_m=trip.separation_max_m,
            authorisations=tuple(AuthorisationFile.from_authorisation(each) for each in trip.authorisations),
            severities={AlertType(kind): Severity(text) for kind, text in trip.severities.items()},
        )
