"""gpsd's lines: what is read, what is skipped, what is refused, and how a stream is cut."""

from __future__ import annotations

import contextlib
import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndefender.system.gpsd_reports import Device, Devices, Lines, NotAReport, Sky, Tpv, Version, decode

TPV = (
    b'{"class":"TPV","device":"/dev/ttyUSB0","mode":3,"time":"2026-11-22T12:00:00.500Z","ept":0.005,"lat":37.42,'
    b'"lon":-122.08,"altHAE":8.0,"altMSL":40.5,"alt":40.5,"track":90.1,"speed":8.2,"climb":0.1,"eps":1}'
)


def test_a_position() -> None:
    report = decode(TPV)
    assert isinstance(report, Tpv)
    assert (report.device, report.mode, report.lat, report.lon) == ("/dev/ttyUSB0", 3, 37.42, -122.08)
    assert (report.alt_msl, report.alt_hae, report.speed, report.track) == (40.5, 8.0, 8.2, 90.1)
    assert report.time == datetime.datetime(2026, 11, 22, 12, 0, 0, 500_000, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b'{"class":"TPV","mode":1}', Tpv(mode=1)),
        (b'{"class":"SKY","hdop":0.9,"nSat":9,"uSat":6}', Sky(hdop=0.9, seen=9, used=6)),
        (b'{"class":"DEVICE","path":"/dev/a","activated":0}', Device("/dev/a", 0)),
        (b'{"class":"DEVICES","devices":[{"class":"DEVICE","path":"/dev/a"}]}', Devices([Device("/dev/a")])),
        (b'{"class":"VERSION","release":"3.22","proto_major":3}', Version("3.22")),
        (b'{"class":"WATCH","enable":true}', None),
        (b'{"class":"SOMETHING_NEW"}', None),
    ],
)
def test_what_is_read_and_what_is_not(line: bytes, wanted: object) -> None:
    assert decode(line) == wanted


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"HTTP/1.1 400 Bad Request",
        b"$GPGGA,120000.00*00",
        TPV[:-1],
        b'{"class":7}',
        b'{"class":"TPV","mode":"three"}',
        b'{"class":"TPV","mode":4}',
        b'{"class":"TPV","mode":3,"lat":91,"lon":0}',
        b'{"class":"TPV","mode":3,"lat":0,"lon":-180.1}',
        b'{"class":"TPV","mode":3,"lat":NaN,"lon":0}',
        b'{"class":"TPV","mode":3,"lat":1e999,"lon":0}',
        b'{"class":"TPV","mode":3,"time":"yesterday"}',
        b'{"class":"TPV","mode":3,"time":"2026-11-22T12:00:00"}',
        b'{"class":"TPV","speed":-1}',
        b'{"class":"SKY","nSat":-1}',
        b'{"class":"SKY","satellites":[' + b",".join([b"{}"] * 300) + b"]}",
        b'{"class":"TPV","device":"\xff\xfe"}',
        b"[" * 5000 + b"]" * 5000,
        b'{"class":"TPV","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_what_gpsd_does_not_say(line: bytes) -> None:
    with pytest.raises(NotAReport):
        decode(line)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_report_or_refused(line: bytes) -> None:
    with contextlib.suppress(NotAReport):
        decode(line)


@given(
    st.dictionaries(
        st.sampled_from(["class", "mode", "lat", "lon", "altMSL", "time", "satellites", "device", "nSat", "devices"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False),
            st.sampled_from(["TPV", "SKY", "DEVICES", "2026-11-22T12:00:00Z", ""]),
            st.lists(st.dictionaries(st.sampled_from(["used", "class", "path"]), st.booleans())),
        ),
    )
)
def test_any_values_are_a_report_or_refused(values: dict[str, object]) -> None:
    try:
        report = decode(json.dumps(values).encode())
    except NotAReport:
        return
    if isinstance(report, Tpv) and report.lat is not None:
        assert -90 <= report.lat <= 90


@given(st.lists(st.binary(min_size=1, max_size=20).map(lambda line: line.replace(b"\n", b".")), max_size=8), st.data())
def test_lines_are_the_same_however_they_arrive(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\r\n" for line in lines)
    cutter, out, at = Lines(), [], 0
    while at < len(stream):
        n = data.draw(st.integers(1, 7))
        out += cutter.feed(stream[at : at + n])
        at += n
    assert out == [line.strip() for line in lines if line.strip()]


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_memory_is_bounded_and_the_next_line_is_found(chunks: list[bytes]) -> None:
    cutter = Lines(max_line_bytes=16)
    for chunk in chunks:
        assert all(len(line) <= 16 for line in cutter.feed(chunk))
        assert len(cutter._rest) <= 16
    assert cutter.feed(b"\ngood\n")[-1:] == [b"good"]


def test_an_endless_line_is_counted_once() -> None:
    cutter = Lines(max_line_bytes=16)
    for _ in range(100):
        assert cutter.feed(b"x" * 16) == []
    assert cutter.feed(b"x\nnext\n") == [b"next"]
    assert cutter.too_long == 1
