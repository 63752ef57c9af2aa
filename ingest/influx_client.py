"""The one file that knows influxdb-client: its calls in, our errors out."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import influxdb_client
import structlog
import urllib3.exceptions
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.write_api import SYNCHRONOUS

from sealtrail.contract.errors import SealTrailError, UnavailableError
from sealtrail.runtime.settings.ingest import IngestSettings

_library: Any = influxdb_client  # annotated only in part
LOGGER = structlog.get_logger(__name__)

_DROPPED = re.compile(r"dropped=(\d+)")
_CONTENT_REFUSED = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
_HEADER_ONLY = _library.Dialect(
    header=True, annotations=[], delimiter=",", comment_prefix="#", date_time_format="RFC3339"
)


class LinesRefusedError(SealTrailError):
    """The server answered, and refused some or all of the lines.

    ``dropped`` is how many, None where it doesn't say. The others may or may
    not have been written.
    """

    def __init__(self, message: str, dropped: int | None) -> None:
        super().__init__(message)
        self.dropped = dropped


@contextlib.contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Every failure of the library or the network as `UnavailableError`."""
    try:
        yield
    except (InfluxDBError, urllib3.exceptions.HTTPError, OSError) as error:
        text = str(getattr(error, "message", "") or error).strip().replace("\n", " ")
        raise UnavailableError(f"InfluxDB, {doing}: {text or type(error).__name__}") from error


class InfluxClient:
    """Synchronous calls, each of which raises `UnavailableError` when the server can't serve it."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._client = _library.InfluxDBClient(
            settings.influxdb_url,
            settings.influxdb_token.get_secret_value(),
            org=settings.influxdb_org,
            timeout=round(settings.influxdb_timeout_s * 1000),
            enable_gzip=settings.influxdb_gzip,
        )
        self._write = self._client.write_api(write_options=SYNCHRONOUS)
        self._query = self._client.query_api()

    def close(self) -> None:
        self._client.close()

    def make_bucket(self) -> int:
        """Makes the bucket where it is missing; returns the seconds that it keeps points (0: for ever).

        The retention of a bucket that exists is left alone, because shortening
        it deletes evidence; a difference is logged.
        """
        name, wanted_s = self._settings.influxdb_bucket, self._settings.influxdb_retention_s
        with _translated(f"bucket {name}"):
            api = self._client.buckets_api()
            bucket = api.find_bucket_by_name(name)
            if bucket is None:
                rules = _library.BucketRetentionRules(type="expire", every_seconds=wanted_s)
                bucket = api.create_bucket(
                    bucket_name=name, retention_rules=rules, org=self._settings.influxdb_org
                )
                LOGGER.info("bucket_made", bucket=name, retention_s=wanted_s)
        found_s: int = sum(rule.every_seconds for rule in bucket.retention_rules or ())
        if found_s != wanted_s:
            LOGGER.warning("retention_differs", bucket=name, retention_s=found_s, setting_s=wanted_s)
        return found_s

    def write(self, lines: Sequence[str]) -> None:
        """Writes lines; raises `LinesRefusedError` when the server takes only some or none of them."""
        body = "\n".join(lines).encode()
        with _translated("write"):
            try:
                self._write.write(
                    self._settings.influxdb_bucket, self._settings.influxdb_org, body, write_precision="ns"
                )
            except InfluxDBError as error:
                status = error.response.status if error.response is not None else None
                if status not in _CONTENT_REFUSED:
                    raise
                dropped = _DROPPED.search(error.message or "")
                message = error.message or str(status)
                raise LinesRefusedError(message, int(dropped[1]) if dropped else None) from error

    def query(self, flux: str, parameters: Mapping[str, str | int]) -> Iterator[dict[str, str]]:
        """Rows of a Flux query as text by column; missing values are empty.

        Parameters are sent beside the query as literals, so that no value can
        become part of the program. The server's CSV writes every line end within
        a text as CR LF; they come back as LF.
        """
        with _translated("query"):
            response = self._query.query_raw(flux, params=dict(parameters), dialect=_HEADER_ONLY)
            text = response.read().decode().replace("\r\n", "\n")
        header: list[str] | None = None
        for row in csv.reader(io.StringIO(text, newline="")):
            if not row:
                header = None
            elif header is None:
                header = row
            elif header[1:2] == ["error"]:
                raise UnavailableError(f"InfluxDB, query: {row[1]}")
            else:
                yield dict(zip(header, row, strict=False))
