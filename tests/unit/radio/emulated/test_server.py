"""The emulated radio against the real client stack, and against clients that mean no good."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from tone import ToneRenderer, expected_step, tone_step

from ndefender.radio.emulated import address
from ndefender.radio.emulated.server import MAX_CLIENTS, EmulatedRadio

iio = pytest.importorskip("iio", exc_type=Exception)
adi = pytest.importorskip("adi", exc_type=Exception)

DEADLINE_S = 20.0


@pytest.fixture
def radio() -> Iterator[EmulatedRadio]:
    made = EmulatedRadio(ToneRenderer(), "127.0.0.1", 0, retune_s=0.0)
    made.start()
    yield made
    made.stop()


def _await(state: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not state():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def _connect(radio: EmulatedRadio) -> socket.socket:
    return socket.create_connection(("127.0.0.1", radio.port), timeout=DEADLINE_S)


def _ask(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    answer = bytearray()
    while not answer.endswith(b"\n"):
        data = connection.recv(1)
        if not data:
            break
        answer += data
    return bytes(answer)


def _exactly(connection: socket.socket, n_bytes: int) -> bytes:
    data = bytearray()
    while len(data) < n_bytes:
        part = connection.recv(n_bytes - len(data))
        assert part
        data += part
    return bytes(data)


def _alive(radio: EmulatedRadio) -> bool:
    with _connect(radio) as connection:
        return _ask(connection, b"VERSION\r\n") == b"0.24.v0.24  \n"


@pytest.mark.skipif(shutil.which("iio_info") is None, reason="libiio-utils is not installed")
def test_iio_info_reads_every_attribute(radio: EmulatedRadio) -> None:
    done = subprocess.run(["iio_info", "-u", radio.uri], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    for expected in (
        "ad9361-phy",
        "cf-ad9361-lpc",
        "ndefender,simulated: 1",
        "[70000000 1 6000000000]",
        "le:S12/16>>0",
    ):
        assert expected in done.stdout
    errors = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
    assert all("trigger" in line for line in errors)  # an AD9361 has none and says so


@pytest.mark.skipif(shutil.which("iio_readdev") is None, reason="libiio-utils is not installed")
def test_iio_readdev_streams(radio: EmulatedRadio) -> None:
    command = ["iio_readdev", "-u", radio.uri, "-b", "4096", "-s", "16384", "cf-ad9361-lpc", "voltage0", "voltage1"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    samples = np.frombuffer(done.stdout, np.int16).reshape(-1, 2)
    assert samples.shape == (16_384, 2)
    assert tone_step(samples[:4096]) == expected_step(2_400e6)


@pytest.mark.parametrize("name", ["ad9361", "Pluto"])
@pytest.mark.parametrize("rate_hz", [1_000_000, 4_000_000])
def test_pyadi_iio_drives_it(radio: EmulatedRadio, name: str, rate_hz: int) -> None:
    board = getattr(adi, name)(radio.uri)
    board.sample_rate = rate_hz
    board.rx_lo = 2_450_000_000
    board.gain_control_mode_chan0 = "manual"
    board.rx_hardwaregain_chan0 = 33
    board.rx_buffer_size = 8192
    data = board.rx()
    first = data[0] if name == "ad9361" else data
    assert board.sample_rate == pytest.approx(rate_hz, abs=2)
    assert board.rx_lo == pytest.approx(2_450_000_000, abs=5)
    assert board.rx_hardwaregain_chan0 == 33
    assert len(first) == 8192
    spectrum = np.abs(np.fft.fft(first))
    assert round(int(np.argmax(spectrum)) / 8192 * 64) == expected_step(2_450e6)


def test_stale_buffers_exist_with_four_kernel_buffers(radio: EmulatedRadio) -> None:
    """Without this, the proof that the AntSDR source never shows stale samples would prove nothing."""
    context = iio.Context(radio.uri)
    phy, device = context.find_device("ad9361-phy"), context.find_device("cf-ad9361-lpc")
    phy.find_channel("voltage0").attrs["sampling_frequency"].value = "4000000"
    for name in ("voltage0", "voltage1"):
        device.find_channel(name).enabled = True
    device.set_kernel_buffers_count(4)
    buffer = iio.Buffer(device, 16_384, False)
    buffer.refill()
    phy.find_channel("altvoltage0", True).attrs["frequency"].value = "2405000000"
    buffer.refill()
    samples = np.frombuffer(buffer.read(), np.int16).reshape(-1, 2)
    assert tone_step(samples[:256]) == expected_step(2_400e6)
    for _ in range(4):
        buffer.refill()
    samples = np.frombuffer(buffer.read(), np.int16).reshape(-1, 2)
    assert tone_step(samples[:256]) == expected_step(2_405e6)
    del buffer


def test_lateness_is_counted_and_read_over_libiio(radio: EmulatedRadio) -> None:
    context = iio.Context(radio.uri)
    attributes = context.find_device("ndefender-emulator").attrs
    device = context.find_device("cf-ad9361-lpc")
    for name in ("voltage0", "voltage1"):
        device.find_channel(name).enabled = True
    device.set_kernel_buffers_count(1)
    renderer = radio._renderer
    assert isinstance(renderer, ToneRenderer)
    attributes["late"].value = "0"
    renderer.hold.clear()
    buffer = iio.Buffer(device, 4096, False)
    release = threading.Timer(0.2, renderer.hold.set)
    release.start()
    buffer.refill()
    release.join()
    assert int(attributes["late"].value) >= 1
    deadline_s = time.monotonic() + 10.0
    while int(attributes["blocks"].value) == 0 and time.monotonic() < deadline_s:
        pass  # the client has the last byte before the server has counted the block; each look is a round trip
    assert int(attributes["blocks"].value) == 1
    assert radio.emulator_late >= 1
    del buffer


def test_several_clients_at_once(radio: EmulatedRadio) -> None:
    results: list[bytes] = []

    def ask() -> None:
        with _connect(radio) as connection:
            for _ in range(20):
                results.append(_ask(connection, b"READ iio:device0 OUTPUT altvoltage0 powerdown\n"))
                _exactly(connection, 3)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [b"2\n"] * 120


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"ZPRINT\r\n", b"-22\n"),
        (b"\x80\x81\n", b"-22\n"),
        (b"READ iio:device9 name\r\n", b"-19\n"),
        (b"READ iio:device0 INPUT voltage9 rssi\r\n", b"-6\n"),
        (b"READ iio:device0 nothing\r\n", b"-2\n"),
        (b"WRITE iio:device0 rx_path_rates 2\r\n1\0", b"-13\n"),
        (b"WRITE iio:device0 OUTPUT altvoltage0 frequency 4\r\nfast", b"-22\n"),
        (b"WRITE iio:device0 OUTPUT altvoltage0 frequency 3\r\n\xff\xff\xff", b"-22\n"),
        (b"WRITE iio:device0 OUTPUT altvoltage0 frequency 3\r\n1e9", b"-22\n"),
        (b"GETTRIG iio:device3\r\n", b"-19\n"),
        (b"READBUF iio:device3 4096\r\n", b"-9\n"),
        (b"CLOSE iio:device3\r\n", b"-6\n"),
        (b"OPEN iio:device3 4096 00000000\r\n", b"-22\n"),
        (b"OPEN iio:device3 4096 00000100\r\n", b"-22\n"),
        (b"OPEN iio:device3 0 00000003\r\n", b"-22\n"),
        (b"OPEN iio:device3 4000000000 00000003\r\n", b"-12\n"),
        (b"OPEN iio:device2 4096 00000003\r\n", b"-1\n"),
        (b"SET iio:device3 BUFFERS_COUNT 0\r\n", b"-22\n"),
        (b"SET iio:device3 BUFFERS_COUNT 4096\r\n", b"-22\n"),
    ],
)
def test_what_cannot_be_is_answered_with_an_errno(radio: EmulatedRadio, request_: bytes, answer: bytes) -> None:
    with _connect(radio) as connection:
        assert _ask(connection, request_) == answer
        assert _ask(connection, b"VERSION\n").startswith(b"0.24")  # still in step


def test_clients_that_cannot_be_understood_are_dropped(radio: EmulatedRadio) -> None:
    for garbage in (b"A" * 5000, b"WRITE iio:device0 x 4000000000\n", bytes(range(11, 256)) * 30):
        with _connect(radio) as connection:
            connection.sendall(garbage)
            try:
                while connection.recv(4096):
                    pass
            except ConnectionError:
                pass
    _await(lambda: not radio._sessions)
    assert _alive(radio)


def test_abrupt_disconnects_leave_nothing_behind(radio: EmulatedRadio) -> None:
    for request in (b"", b"READ iio:dev", b"WRITE iio:device0 ensm_mode 40\nfd", b"READBUF iio:device3 65536\n"):
        connection = _connect(radio)
        connection.sendall(b"OPEN iio:device3 16384 00000003\n" + request)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset, not FIN
        connection.close()
    _await(lambda: not radio._sessions)
    _await(lambda: not [t for t in threading.enumerate() if t.name == "emulated-render"])
    assert _alive(radio)


def test_more_clients_than_it_serves_are_turned_away(radio: EmulatedRadio) -> None:
    kept = [_connect(radio) for _ in range(MAX_CLIENTS)]
    for connection in kept:
        assert _ask(connection, b"VERSION\n").startswith(b"0.24")
    with _connect(radio) as extra:
        assert extra.recv(1) == b""
    for connection in kept:
        connection.close()
    _await(lambda: not radio._sessions)
    assert _alive(radio)


def test_all_attributes_at_once(radio: EmulatedRadio) -> None:
    with _connect(radio) as connection:
        length = int(_ask(connection, b"READ iio:device0 INPUT temp0\n"))
        data = _exactly(connection, length + 1)
    assert data == b"\0\0\0\x0638500\0\0\0\n"


def test_a_block_takes_its_time_on_air_and_on_the_link() -> None:
    radio = EmulatedRadio(ToneRenderer(), "127.0.0.1", 0, link_bytes_s=2e6, retune_s=0.0)
    radio.start()
    with _connect(radio) as connection:
        assert _ask(connection, b"SET iio:device3 BUFFERS_COUNT 1\n") == b"0\n"
        began = time.monotonic()
        assert _ask(connection, b"OPEN iio:device3 30720 00000003\n") == b"0\n"
        assert _ask(connection, b"READBUF iio:device3 122880\n") == b"122880\n"
        filled = time.monotonic()
        assert _exactly(connection, 9) == b"00000003\n"
        assert len(_exactly(connection, 122_880)) == 122_880
        ended = time.monotonic()
    radio.stop()
    assert filled - began >= 30_720 / 30.72e6
    assert ended - began >= 30_720 / 30.72e6 + 122_880 / 2e6


def test_a_second_radio_finds_another_loopback_address() -> None:
    host = address.free_loopback_host(seed=1)
    first = EmulatedRadio(ToneRenderer(), host)
    first.start()
    assert first.uri == f"ip:{host}"
    other = address.free_loopback_host(seed=1)
    assert other != host
    first.stop()
    first.stop()


def test_a_taken_address_says_so(radio: EmulatedRadio) -> None:
    with pytest.raises(OSError, match="in use"):
        EmulatedRadio(ToneRenderer(), "127.0.0.1", radio.port).start()
