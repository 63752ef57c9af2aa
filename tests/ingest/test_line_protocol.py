"""Line protocol, byte for byte."""

from __future__ import annotations

from ingest import line_protocol, names
from ingest.details import Details, unpack
from ingest.line_protocol import alert_line, reading_lines
from sealtrail.contract.reading import Reading
from tests.ingest.fleet import START_MS, alert, placed, report


def test_a_bare_reading() -> None:
    """Missing fields and bits that aren't set don't appear; codes and times do, as integers."""
    (line,) = reading_lines([report(255)])
    assert line == (
        "reading,container_id=MSCU6639870,device_id=7012345678,family=jt701,has_position=false "
        'snapshot="[1790000000700,0,null,null,null,null,null,0,0,null]",'
        r'details="[\"00000000000000ff\"]",'
        "received_at_ms=1790000000700i,fix_kind=0i,seal_state=0i"
        " 1790000000000000255"
    )


def test_every_field_and_every_escape() -> None:
    """All fields at once, with everything in names and texts that line protocol gives a meaning."""
    reading = Reading(
        device_id='a,b =c"d',
        family="eseal",
        reading_id=2**64 - 1,
        occurred_at_ms=START_MS,
        received_at_ms=START_MS,
        sequence=-1,
        device_time_ms=0,
        flags=3,
        fix_kind=2,
        latitude_deg=-0.0,
        longitude_deg=1e-7,
        accuracy_m=1.0,
        altitude_m=-3.5,
        speed_kmh=2.0,
        course_deg=3.0,
        satellites=0,
        hdop=4.0,
        seal_state=4,
        seal_events=1 << 21,
        seal_number='x"y\\,\n',
        card_id="",
        door_open=True,
        mounted=False,
        moving=True,
        light_lux=5.0,
        shock_g=6.0,
        tilt_deg=7.0,
        temperature_c=-8.5,
        humidity_pct=9.0,
        battery_pct=10.0,
        battery_v=11.0,
        external_v=12.0,
        odometer_km=1e22,
        signal_pct=14.0,
        extra={"b": 'say "hi"', "a": 1},
    )
    (line,) = reading_lines([reading])
    assert line == (
        r'reading,container_id=a\,b\ \=c"d,device_id=a\,b\ \=c"d,family=eseal,has_position=true '
        'snapshot="[1790000000000,2,-0.0,1e-7,1.0,2.0,3.0,4,2097152,10.0]",'
        r'details="[\"ffffffffffffffff\",-1,0,1.0,-3.5,3.0,0,4.0,false,true,1e22]",'
        "received_at_ms=1790000000000i,flags=3i,"
        "fix_kind=2i,latitude_deg=-0.0,longitude_deg=1e-7,speed_kmh=2.0,"
        "seal_state=4i,seal_events=2097152i,door_open=true,light_lux=5.0,"
        "shock_g=6.0,tilt_deg=7.0,temperature_c=-8.5,humidity_pct=9.0,battery_pct=10.0,battery_v=11.0,"
        "external_v=12.0,signal_pct=14.0,"
        'seal_number="x\\"y\\\\,\n",card_id="",'
        r'extra="{\"a\":1,\"b\":\"say \\\"hi\\\"\"}" 1790000000000551615'
    )


def test_details_leave_nulls_out_only_at_their_end() -> None:
    """A missing value among the details keeps the others in their places."""
    (line,) = reading_lines([report(1, course_deg=3.5)])
    assert r'details="[\"0000000000000001\",null,null,null,null,3.5]",' in line
    assert unpack('["0000000000000001",null,null,null,null,3.5]') == Details(
        "0000000000000001", course_deg=3.5
    )


def test_bits_are_written_where_one_is_set() -> None:
    """Each combination of set and unset bits has its own fields, whichever came first."""
    told = [
        [field for field in line.split(" ")[1].split(",") if field.startswith(names.BITS_FIELDS)]
        for line in reading_lines(
            [report(number, flags=number & 1, seal_events=number & 2) for number in (0, 1, 2, 3, 0)]
        )
    ]
    flags, events = "flags=1i", "seal_events=2i"
    assert told == [[], [flags], [events], [flags, events], []]


def test_only_the_newest_of_a_series_carries_a_snapshot() -> None:
    """A batch that catches up writes one snapshot per device, not one per report."""
    lines = reading_lines([placed(1, START_MS + 2), placed(2, START_MS), report(3, START_MS + 5)])
    assert ["snapshot=" in line for line in lines] == [True, False, True]


def test_remembered_templates_are_bounded() -> None:
    """Reports that vary in which fields they have can't fill the memory."""
    fields = names.FLOAT_FIELDS[-13:]
    apart = sum(1 << bit for bit, name in enumerate(fields) if name not in names.DETAIL_FIELDS)
    many = [
        report(mask, START_MS, **{name: 1.0 for bit, name in enumerate(fields) if mask >> bit & 1})
        for mask in range(2 ** len(fields))
    ]
    lines = reading_lines(many)
    assert len(lines) == 8_192
    assert len(line_protocol._templates) <= line_protocol.MOST_TEMPLATES  # noqa: SLF001 - the bound is what is tested
    assert all(line.count("=1.0") == (mask & apart).bit_count() for mask, line in enumerate(lines))


def test_an_alert_event() -> None:
    """Type, severity and action are tags; the sentence is quoted; lateness is in seconds."""
    assert (
        alert_line(alert(1))
        == (
            "alert,action=raised,container_id=MSCU6639870,severity=critical,type=SEAL_CUT "
            "received_at_ms=1790007200000i,late_by_s=7200i,latitude_deg=-1.0,longitude_deg=36.0,"
            f'alert_id="{"ab" * 12}",event_id="{alert(1).event_id}",trip_id="trip-1",device_id="7012345678",'
            r'rule="seal_cut",sentence="Seal \"A, b\" cut at 12:00\\n" '
        )
        + alert_line(alert(1)).rsplit(" ", 1)[1]
    )
    times = {int(alert_line(alert(cause)).rsplit(" ", 1)[1]) for cause in range(50)}
    assert len(times) == 50
    assert {time // 1_000_000 for time in times} == {START_MS}
