"""Public formats as pydantic models: what files, devices and HTTP callers write and read."""

from __future__ import annotations

from pydantic import BaseModel

from sealtrail.contract.public.alert_line import AlertLine
from sealtrail.contract.public.device_report import DeviceReport
from sealtrail.contract.public.reading_line import ReadingLine
from sealtrail.contract.public.seal_check_file import SealCheckFile
from sealtrail.contract.public.subscriber import Subscriber
from sealtrail.contract.public.trip_file import TripFile

SCHEMAS: dict[str, type[BaseModel]] = {
    "alert-line": AlertLine,
    "device-report": DeviceReport,
    "reading-line": ReadingLine,
    "seal-check": SealCheckFile,
    "subscriber": Subscriber,
    "trip-file": TripFile,
}
"""Name -> model, for ``sealtrail schema NAME``; a new format is one line here."""
