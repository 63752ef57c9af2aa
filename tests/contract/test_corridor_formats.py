"""Corridors drawn elsewhere: one line in degrees, or a refusal that says what to do."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealtrail.contract.errors import InvalidTripError
from sealtrail.contract.geometry import beside_m, vector
from sealtrail.contract.public.corridor_formats import corridor_of, length_of, read_line

POINTS = ((10.0, 50.0), (11.0, 50.5), (12.0, 51.0))
LINE: dict[str, Any] = {"type": "LineString", "coordinates": [list(point) for point in POINTS]}
GPX = '<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">{}</gpx>'


def track(*segments: tuple[tuple[float, float], ...]) -> str:
    inner = "".join(
        "<trkseg>"
        + "".join(f'<trkpt lat="{lat}" lon="{lon}"><ele>5</ele></trkpt>' for lon, lat in segment)
        + "</trkseg>"
        for segment in segments
    )
    return f"<trk><name>A1</name>{inner}</trk>"


def route(*points: tuple[float, float]) -> str:
    return "<rte>" + "".join(f'<rtept lon="{lon}" lat="{lat}"/>' for lon, lat in points) + "</rte>"


def collection(*lines: dict[str, Any], **more: Any) -> str:
    features = [{"type": "Feature", "properties": {"name": "x"}, "geometry": line} for line in lines]
    return json.dumps({"type": "FeatureCollection", "features": features, **more})


WGS84 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
PLACE_MARK = (
    "<kml><Placemark><LineString><coordinates>\n10,50,0\n11,50.5 12,51,7 "
    "</coordinates></LineString></Placemark></kml>"
)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (json.dumps(LINE), "GeoJSON"),
        ("\ufeff" + json.dumps({"type": "Feature", "properties": None, "geometry": LINE}), "GeoJSON"),
        (collection(LINE, {"type": "Point", "coordinates": [1, 2]}, crs=WGS84), "GeoJSON"),
        (
            collection(
                {"type": "MultiLineString", "coordinates": [[[10, 50], [11, 50.5]], [[11, 50.5], [12, 51]]]}
            ),
            "GeoJSON",
        ),
        (GPX.format(track(POINTS)), "GPX"),
        (GPX.format('<wpt lat="1" lon="2"/>' + track(POINTS[:2], POINTS[1:])), "GPX"),
        (GPX.format(route(*POINTS)), "GPX"),
        (PLACE_MARK, "KML"),
        ("LINESTRING (10 50, 11 50.5, 12 51)", "WKT"),
        ("srid=4326; LineString ZM (10 50 1 2, 11 50.5 1 2, 12 51 1 2);\n", "WKT"),
        ("MULTILINESTRING ((10 50, 11 50.5), (11 50.5, 12 51))", "WKT"),
    ],
)
def test_each_form_gives_the_line(text: str, form: str) -> None:
    """Whatever program wrote it, with heights, several parts or other things beside it."""
    found = read_line(text.encode())
    assert (found.form, found.points) == (form, POINTS)


def test_the_antimeridian_is_a_place_like_any_other() -> None:
    """Longitudes beyond 180 and lines cut at 180 are the line that was meant."""
    assert read_line(b"LINESTRING (179 0, 190 1)").points == ((179, 0), (-170, 1))
    cut = {"type": "MultiLineString", "coordinates": [[[179, 0], [180, 0]], [[-180, 0], [-179, 0]]]}
    assert read_line(json.dumps(cut).encode()).points == ((179, 0), (180, 0), (-180, 0), (-179, 0))


ENTITY = (
    '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>' + GPX.format("&b;").partition("?>")[2]
)
OUTSIDE = '<!DOCTYPE gpx SYSTEM "file:///etc/passwd">' + GPX.format("").partition("?>")[2]
MERCATOR = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "corridor_format"),
        ("hello", "corridor_format"),
        ("POINT (1 2)", "corridor_format"),
        ("LINESTRING (1 2, 3)", "corridor_format"),
        ("LINESTRING (1 2, 3 x)", "corridor_format"),
        ("LINESTRING ((1 2, 3 4), 5)", "corridor_format"),
        ("[" * 100_000, "corridor_format"),
        ("[1]", "corridor_format"),
        ('{"type": "LineString", "coordinates": {"a": 1}}', "corridor_format"),
        ('{"type": "LineString", "coordinates": [[true, 1], [1, 2]]}', "corridor_format"),
        ('{"type": "FeatureCollection", "features": 5}', "corridor_without_line"),
        ('{"type": "Feature", "geometry": null}', "corridor_without_line"),
        ("<gpx><trk>", "corridor_format"),
        ("<svg/>", "corridor_format"),
        ("<a>" * 100 + "</a>" * 100, "corridor_format"),
        ('<gpx><rte><rtept lat="1"/></rte></gpx>', "corridor_format"),
        ("<gpx/>", "corridor_without_line"),
        (ENTITY, "corridor_xml_doctype"),
        (OUTSIDE, "corridor_xml_doctype"),
        (GPX.format(track(POINTS) + track(POINTS)), "several_lines"),
        (GPX.format(track(POINTS) + route(*POINTS)), "several_lines"),
        (GPX.format(track(POINTS[:1], POINTS[2:])), "several_lines"),
        (PLACE_MARK.replace("<kml>", "<kml>" + PLACE_MARK[5:-6]), "several_lines"),
        (collection(LINE, LINE), "several_lines"),
        (collection(LINE, crs=MERCATOR), "corridor_reference_system"),
        ("SRID=3857;LINESTRING (1 2, 3 4)", "corridor_reference_system"),
        ("LINESTRING (4415000 -450000, 4416000 -451000)", "corridor_out_of_range"),
        ("LINESTRING (51 112, 52 113)", "corridor_out_of_range"),
        ("LINESTRING (nan 1, 2 2)", "corridor_out_of_range"),
    ],
)
def test_what_is_no_one_line_is_refused_by_name(text: str, reason: str) -> None:
    """Nothing is guessed: several lines, other units, damage and documents that reach for more."""
    with pytest.raises(InvalidTripError) as refusal:
        read_line(text.encode())
    assert refusal.value.reason == reason


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_no_text_is_too_strange(text: str) -> None:
    """Any text at all is a line or is refused."""
    try:
        assert len(read_line(text.encode()).points) > 0
    except InvalidTripError as refusal:
        reason = refusal.reason
        assert reason.startswith("corridor_")


def test_a_long_drawing_is_simplified_and_says_by_how_much() -> None:
    """Tens of thousands of points become a plan that fits the log, nowhere further off than stated."""
    points = [
        (10 + i * 0.0002, 50 + 0.3 * math.sin(i / 3000) + 0.0002 * math.sin(i / 7)) for i in range(30_000)
    ]
    drawn = corridor_of(read_line(json.dumps({"type": "LineString", "coordinates": points}).encode()), 2_000)
    kept = [vector(*point) for point in drawn.corridor.coordinates]
    assert len(kept) <= 2_000
    assert drawn.points_drawn == 30_000
    assert drawn.tolerance_m is not None
    assert drawn.tolerance_m <= 400
    for point in points[::501]:
        off = min(beside_m(vector(*point), a, b)[0] for a, b in itertools.pairwise(kept))
        assert off <= drawn.tolerance_m


def test_the_width_comes_from_the_file_or_the_option() -> None:
    """A corridor file of ours brings its widths; an option replaces them; without either it is refused."""
    feature = {"type": "Feature", "geometry": LINE, "properties": {"half_width_m": [500, 700]}}
    line = read_line(json.dumps(feature).encode())
    assert corridor_of(line, None).corridor.half_width_m == (500, 700)
    assert corridor_of(line, 900.0).corridor.half_width_m == (900,)
    with pytest.raises(InvalidTripError, match="corridor_without_width"):
        corridor_of(read_line(json.dumps(LINE).encode()), None)


@pytest.mark.parametrize(
    ("text", "metres"), [("5km", 5_000), ("800 m", 800), ("3 NMI", 5_556), ("2.5mi", 4_023.36)]
)
def test_lengths_are_read_with_their_units(text: str, metres: float) -> None:
    """Kilometres, metres, nautical and statute miles, with or without a blank."""
    assert length_of(text) == pytest.approx(metres)
