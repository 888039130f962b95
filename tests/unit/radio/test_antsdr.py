"""What is particular to the AntSDR source; what holds for every source is in `test_conformance`."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from tone import ToneRenderer

from ndefender.errors import SourceLost, SourceTimeout, SourceUnavailable, TuningRejected
from ndefender.radio.antsdr import AntSdr
from ndefender.radio.emulated.phy import AD9363
from ndefender.radio.emulated.server import EmulatedRadio
from ndefender.radio.iio_buffer import IioBuffer
from ndefender.radio.source import Tuning

TUNING = Tuning(2_401e6, 4e6, 3e6, "manual", 30.0, "A_BALANCED", 8192, 1)
TIMEOUT_S = 5.0


class _LoggingRenderer(ToneRenderer):
    """Notes when each stretch began."""

    def __init__(self) -> None:
        super().__init__()
        self.began_ns: list[int] = []

    def render(self, start_sample_ns: int, *args: object) -> int:
        self.began_ns.append(start_sample_ns)
        return super().render(start_sample_ns, *args)


@pytest.fixture
def radio() -> Iterator[EmulatedRadio]:
    made = EmulatedRadio(_LoggingRenderer(), "127.0.0.1", 0, retune_s=0.0)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def source(radio: EmulatedRadio) -> Iterator[AntSdr]:
    made = AntSdr(radio.uri, settle_s=0.0)
    made.open()
    yield made
    made.close()


def _renderer(radio: EmulatedRadio) -> _LoggingRenderer:
    renderer = radio._renderer
    assert isinstance(renderer, _LoggingRenderer)
    return renderer


def _read(source: AntSdr, n_samples: int = 8192) -> np.ndarray:
    out = np.zeros((n_samples, 2), np.int16)
    source.read_into(out, TIMEOUT_S)
    return out


def test_an_emulated_board_says_that_it_is_simulated(radio: EmulatedRadio) -> None:
    source = AntSdr(radio.uri)
    info = source.open()
    source.close()
    assert info.simulated
    assert (info.kind, info.full_scale, info.finite) == ("antsdr", 2048.0, False)
    assert (info.min_center_hz, info.max_center_hz) == (70e6, 6e9)
    assert (info.min_rate_hz, info.max_rate_hz) == (521e3, 61.44e6)
    assert info.max_bandwidth_hz == 56e6


def test_a_board_that_does_not_say_so_is_not_simulated() -> None:
    radio = EmulatedRadio(ToneRenderer(), "127.0.0.1", 0)
    radio._board.context.attributes.pop("ndefender,simulated")
    radio.start()
    source = AntSdr(radio.uri)
    assert not source.open().simulated
    source.close()
    radio.stop()


def test_an_ad9363_is_known_by_what_it_answers() -> None:
    radio = EmulatedRadio(ToneRenderer(), "127.0.0.1", 0, retune_s=0.0, chip=AD9363)
    radio.start()
    source = AntSdr(radio.uri)
    info = source.open()
    assert (info.min_center_hz, info.max_center_hz, info.max_bandwidth_hz) == (325e6, 3.8e9, 20e6)
    with pytest.raises(TuningRejected, match="3800000000"):
        source.tune(replace(TUNING, center_hz=5_800e6))
    with pytest.raises(TuningRejected, match="20000000"):
        source.tune(replace(TUNING, bandwidth_hz=56e6))
    source.close()
    radio.stop()


def test_only_what_changed_is_written(radio: EmulatedRadio, source: AntSdr, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def watch(name: str) -> None:
        real: Callable[[float], None] = getattr(radio.phy, name)

        def spy(value: float) -> None:
            written.append(name)
            real(value)

        monkeypatch.setattr(radio.phy, name, spy)

    for name in ("set_center", "set_rate", "set_bandwidth", "set_gain"):
        watch(name)
    source.tune(TUNING)
    assert set(written) == {"set_center", "set_rate", "set_bandwidth", "set_gain"}
    written.clear()
    source.tune(replace(TUNING, tuning_id=2))
    assert written == []
    source.tune(replace(TUNING, center_hz=2_410e6))
    assert written == ["set_center"]
    written.clear()
    source.tune(replace(TUNING, center_hz=5_800e6))
    assert written == ["set_center", "set_gain"]  # another gain table: the chip has set its gain by itself


def test_a_value_that_reads_back_otherwise_is_rejected_and_written_again(
    radio: EmulatedRadio, source: AntSdr, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.tune(TUNING)
    with monkeypatch.context() as patch:
        patch.setattr(radio.phy, "set_center", lambda hz: None)
        with pytest.raises(TuningRejected, match="frequency: wanted 2410000000") as caught:
            source.tune(replace(TUNING, center_hz=2_410e6))
        assert caught.value.got == pytest.approx(2_401e6, abs=5)
    with pytest.raises(SourceLost, match="not tuned"):
        _read(source)
    assert source.tune(replace(TUNING, center_hz=2_410e6)).center_hz == pytest.approx(2_410e6, abs=5)


def test_gain_outside_the_lo_band_is_rejected_with_its_limits(source: AntSdr) -> None:
    source.tune(replace(TUNING, center_hz=915e6, gain_db=73.0))
    assert source.gain_limits().max_db == 73
    with pytest.raises(TuningRejected, match="-10 to 62 dB") as caught:
        source.tune(replace(TUNING, center_hz=5_800e6, gain_db=70.0))
    assert caught.value.wanted == 70.0
    source.tune(replace(TUNING, center_hz=5_800e6, gain_db=-10.0))
    assert (source.gain_limits().min_db, source.gain_limits().max_db) == (-10, 62)


def test_an_unknown_port_is_rejected(source: AntSdr) -> None:
    with pytest.raises(TuningRejected, match="rf_port_select"):
        source.tune(replace(TUNING, rx_port="D_BALANCED"))


def test_agc_reports_the_gain_it_chose(radio: EmulatedRadio, source: AntSdr) -> None:
    weak = replace(TUNING, gain_mode="slow_attack")
    source.tune(replace(TUNING, gain_db=0.0))
    _read(source)
    source.tune(weak)
    for _ in range(20):
        _read(source)
    got = source.tune(weak)
    assert got.gain_mode == "slow_attack"
    assert got.gain_db == radio.phy.state.gain_db > 0


def test_clipping_is_counted(source: AntSdr) -> None:
    source.tune(replace(TUNING, gain_db=60.0))
    out = np.zeros((8192, 2), np.int16)
    meta = source.read_into(out, TIMEOUT_S)
    assert meta.clipped_samples == np.count_nonzero(np.any(np.abs(out.astype(int)) >= 2047, axis=1)) > 4000


def test_the_first_block_began_when_it_says(radio: EmulatedRadio, source: AntSdr) -> None:
    source.tune(TUNING)
    _renderer(radio).began_ns.clear()
    out = np.zeros((8192, 2), np.int16)
    meta = source.read_into(out, TIMEOUT_S)
    true_ns = radio.phy.epoch_ns + _renderer(radio).began_ns[0]
    assert abs(meta.host_ns - true_ns) <= meta.host_uncertainty_ns
    called_ns = time.monotonic_ns()
    later = source.read_into(out, TIMEOUT_S)
    returned_ns = time.monotonic_ns()
    assert called_ns <= later.host_ns <= returned_ns - round(8192 / 4e6 * 1e9)


def test_no_block_in_time_is_a_timeout_and_the_next_read_is_fresh(radio: EmulatedRadio, source: AntSdr) -> None:
    source.tune(TUNING)
    _renderer(radio).hold.clear()
    out = np.zeros((8192, 2), np.int16)
    with pytest.raises(SourceTimeout):
        source.read_into(out, 0.05)
    _renderer(radio).hold.set()
    assert source.read_into(out, TIMEOUT_S).n_samples == 8192


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((16, 2), np.int32),
        np.zeros((16, 3), np.int16),
        np.zeros(32, np.int16),
        np.zeros((2, 16), np.int16).T,
        np.zeros((0, 2), np.int16),
    ],
)
def test_an_unfit_array_is_an_error_of_the_caller(source: AntSdr, out: np.ndarray) -> None:
    source.tune(TUNING)
    with pytest.raises(ValueError, match="int16"):
        source.read_into(out, TIMEOUT_S)


def test_use_before_open_and_before_tune_says_so(radio: EmulatedRadio) -> None:
    source = AntSdr(radio.uri)
    with pytest.raises(SourceLost, match="not open"):
        source.tune(TUNING)
    source.open()
    with pytest.raises(SourceLost, match="not tuned"):
        _read(source)
    with pytest.raises(SourceLost, match="not tuned"):
        source.gain_limits()
    source.close()


def test_closing_frees_the_connection_at_once(radio: EmulatedRadio, source: AntSdr) -> None:
    source.tune(TUNING)
    _read(source)
    assert radio._sessions
    source.close()
    deadline = time.monotonic() + TIMEOUT_S
    while radio._sessions:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("error", [FileNotFoundError("Could not find libiio C library"), ImportError("no module iio")])
def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def missing(name: str) -> ModuleType:
        raise error

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(SourceUnavailable, match="apt install libiio0"):
        AntSdr("ip:127.0.0.1").open()


def test_nothing_at_the_address_says_so(radio: EmulatedRadio) -> None:
    radio.stop()
    with pytest.raises(SourceUnavailable, match=r"ip:127\.0\.0\.1:9"):
        AntSdr("ip:127.0.0.1:9").open()


class _FakeBuffer:
    """Stands in for libiio's binding in the timing arithmetic."""

    Buffer = staticmethod(lambda device, n_samples, cyclic: None)


def test_a_later_answer_widens_the_uncertainty() -> None:
    buffer = IioBuffer(_FakeBuffer, None, "test", 1000, 1e6)  # 1 ms
    buffer._created_from_ns, buffer._created_by_ns = 0, 100_000
    assert buffer._began(5, 10) == (50_000, 50_000)  # the first block began with the buffer
    host_ns, uncertainty_ns = buffer._began(10_000_000, 13_000_000)  # 2 ms to spare, nothing to compare with
    assert (host_ns - uncertainty_ns, host_ns + uncertainty_ns) == (10_000_000, 12_000_000)
    host_ns, uncertainty_ns = buffer._began(20_000_000, 23_000_000)
    assert (host_ns - uncertainty_ns, host_ns + uncertainty_ns) == (20_000_000, 20_100_000)
    host_ns, uncertainty_ns = buffer._began(30_000_000, 33_700_000)  # 0.7 ms later than the quickest
    assert (host_ns - uncertainty_ns, host_ns + uncertainty_ns) == (30_000_000, 30_800_000)
