"""Public formats as pydantic models: what files, devices and HTTP callers write and read."""

from __future__ import annotations

from pydantic import BaseModel

from sealtrail.contract.public.device_report import DeviceReport
from sealtrail.contract.public.reading_line import ReadingLine

SCHEMAS: dict[str, type[BaseModel]] = {
    "device-report": DeviceReport,
    "reading-line": ReadingLine,
}
"""Name -> model, for ``sealtrail schema NAME``; a new format is one line here."""
