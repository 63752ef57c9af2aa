"""`Details`: values of a reading that share one text field in InfluxDB.

A field costs the server more than a microsecond a point, whatever is in it, so
those that are evidence and that no chart asks for stand together
(docs/benchmarks.md). Records from before that have a field for each.
"""

from __future__ import annotations

import msgspec

from ingest import names


class Details(msgspec.Struct, array_like=True, gc=False):
    """`names.DETAIL_FIELDS`, in that order; those missing at the end are None."""

    reading_id: str
    sequence: int | None = None
    device_time_ms: int | None = None
    accuracy_m: float | None = None
    altitude_m: float | None = None
    course_deg: float | None = None
    satellites: int | None = None
    hdop: float | None = None
    mounted: bool | None = None
    moving: bool | None = None
    odometer_km: float | None = None


unpack = msgspec.json.Decoder(Details).decode
"""Details of their text."""

IDENTITY_BEGINS = len('["')
IDENTITY_ENDS = IDENTITY_BEGINS + 16
"""Where the identity stands in the text."""

if Details.__struct_fields__ != names.DETAIL_FIELDS:
    raise AssertionError("the record's details aren't spelt alike")
