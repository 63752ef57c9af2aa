"""Lines of GPX and KML files.

Read as a stream of elements; a document type is refused, and with it every
entity of one's own, so that a file can't reach for others or blow up.
"""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.geometry import LonLat

DEEPEST = 64
_GPX_POINTS = {"trkpt": "trk", "rtept": "rte"}


def lines_of_xml(data: bytes, most_points: int) -> tuple[str, list[list[LonLat]]]:
    """(format, lines) of a GPX or KML file. Raises `InvalidTripError`.

    GPX: the segments of its one track, or its one route. KML: its one line string.
    """
    reader = _Reader(most_points)
    reader.read(data)
    if reader.root == "gpx":
        found = {kind: count for kind, count in reader.containers.items() if count}
        if sum(found.values()) > 1:
            said = " and ".join(f"{count} {kind}" for kind, count in found.items())
            raise InvalidTripError(
                "several_lines", f"GPX with {said}: leave one; give other ways as --alternative"
            )
        return "GPX", reader.lines
    if reader.root == "kml":
        if len(reader.lines) > 1:
            raise InvalidTripError(
                "several_lines",
                f"KML with {len(reader.lines)} lines: leave one; give other ways as --alternative",
            )
        return "KML", reader.lines
    raise InvalidTripError("corridor_format", f"XML of {reader.root!r}, which is neither GPX nor KML")


class _Reader:
    def __init__(self, most_points: int) -> None:
        self.root = ""
        self.lines: list[list[LonLat]] = []
        self.containers = {"trk": 0, "rte": 0}
        self._most = most_points
        self._points = 0
        self._path: list[str] = []
        self._text: list[str] | None = None

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise InvalidTripError("corridor_format", f"no well-formed XML: {error}") from error

    def _doctype(self, *_: object) -> NoReturn:
        raise InvalidTripError("corridor_xml_doctype", "a document type is not accepted: remove <!DOCTYPE …>")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        self.root = self.root or name
        self._path.append(name)
        if len(self._path) > DEEPEST:
            raise InvalidTripError("corridor_format", f"XML deeper than {DEEPEST} levels")
        if name in self.containers:
            self.containers[name] += 1
        if name in {"trkseg", "rte"}:
            self.lines.append([])
        elif name in _GPX_POINTS and self.lines:
            self._add(attributes.get("lon", ""), attributes.get("lat", ""))
        elif name == "coordinates" and self._path[-2:-1] == ["LineString"]:
            self.lines.append([])
            self._text = []

    def _end(self, _tag: str) -> None:
        if self._path.pop() == "coordinates" and self._text is not None:
            for place in "".join(self._text).split():
                self._add(*[*place.split(","), ""][:2])
            self._text = None

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _add(self, longitude: str, latitude: str) -> None:
        self._points += 1
        if self._points > self._most:
            raise InvalidTripError("corridor_file_too_large", f"more than {self._most} points")
        try:
            self.lines[-1].append((float(longitude), float(latitude)))
        except ValueError as error:
            raise InvalidTripError(
                "corridor_format", f"a point with longitude {longitude!r} and latitude {latitude!r}"
            ) from error
