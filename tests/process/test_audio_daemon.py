"""Audio over a real PulseAudio daemon with a null sink, and over ALSA's mixer by its plug-in for PulseAudio."""

from __future__ import annotations

import asyncio
import random
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from ndefender.errors import CommandRejected
from ndefender.events.host import AudioSection
from ndefender.system.alsa import CALL_TIMEOUT_S
from ndefender.system.audio import Audio
from ndefender.system.backend import Offline
from ndefender.system.emulated.daemon import DaemonMissing
from ndefender.system.emulated.pulse import SINK, EmulatedPulse
from ndefender.system.pulse import REQUEST_TIMEOUT_S

DEADLINE_S = 15.0
SIGNAL_S = 0.2  # the contract's bound from the change to a client
NOWHERE = "unix:/nonexistent/native"


async def until(condition: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                await asyncio.sleep(0.002)
    except TimeoutError:
        pytest.fail(f"not within {DEADLINE_S} s: {what}")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pulse-") as path:  # short: a socket's name has 108 bytes
        yield Path(path)


@pytest.fixture(scope="module")
def daemon(folder: Path) -> Iterator[EmulatedPulse]:
    pulse = EmulatedPulse(folder)
    try:
        pulse.start()
    except DaemonMissing as error:
        pytest.skip(str(error))
    yield pulse
    pulse.stop()


@pytest.fixture
async def audio(daemon: EmulatedPulse) -> AsyncIterator[Audio]:
    backend = Audio(daemon.address)
    yield backend
    daemon.resume()
    await backend.close()


def pactl(daemon: EmulatedPulse, *arguments: str) -> None:
    command = ["pactl", "--server", daemon.address, *arguments]
    subprocess.run(command, check=True, timeout=DEADLINE_S, capture_output=True)


class Signals:
    """A watch that goes on beside the test."""

    def __init__(self, audio: Audio) -> None:
        self.times_s: list[float] = []
        self.ended_by: BaseException | None = None
        self._audio = audio
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        try:
            async for _ in self._audio.watch():
                self.times_s.append(time.monotonic())
        except Offline as error:
            self.ended_by = error

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def signals(audio: Audio, daemon: EmulatedPulse) -> AsyncIterator[Signals]:
    watching = Signals(audio)
    while not watching.times_s:  # until the subscription is known to stand
        await audio.mute(True)
        await audio.mute(False)
        await asyncio.sleep(0.005)
    yield watching
    daemon.resume()
    await watching.stop()


async def test_volume_and_mute_are_set_and_read_back(audio: Audio) -> None:
    for percent in (0, 1, 42, 99, 100):
        await audio.volume(percent)
        assert await audio.read() == AudioSection(volume_percent=percent, muted=False, sink=SINK)
    await audio.mute(True)
    assert (await audio.read()).muted is True
    await audio.mute(False)
    assert (await audio.read()).muted is False


async def test_the_balance_is_kept(audio: Audio, daemon: EmulatedPulse) -> None:
    pactl(daemon, "set-sink-volume", SINK, "40%", "80%")
    assert (await audio.read()).volume_percent == 80
    await audio.volume(40)
    shown = subprocess.run(
        ["pactl", "--server", daemon.address, "get-sink-volume", SINK], check=True, capture_output=True, text=True
    ).stdout
    assert "20%" in shown
    assert "40%" in shown
    await audio.volume(0)
    await audio.volume(60)  # what the shares were is gone: all channels alike
    assert (await audio.read()).volume_percent == 60


async def test_what_another_program_does_is_signalled_at_once(
    audio: Audio, daemon: EmulatedPulse, signals: Signals
) -> None:
    await audio.volume(50)
    before = await audio.read()
    await until(lambda: time.monotonic() - signals.times_s[-1] > 0.1, "quiet")
    heard = len(signals.times_s)
    pactl(daemon, "set-sink-volume", SINK, "33%")
    asked_s = time.monotonic()
    await until(lambda: len(signals.times_s) > heard, "a signal")
    assert signals.times_s[heard] - asked_s < SIGNAL_S
    after = await audio.read()
    assert after.volume_percent == 33
    assert audio.changed(before, after)
    assert not audio.changed(after, after)


async def test_another_default_sink_is_followed(audio: Audio, daemon: EmulatedPulse, signals: Signals) -> None:
    await until(lambda: time.monotonic() - signals.times_s[-1] > 0.1, "quiet")
    heard = len(signals.times_s)
    pactl(daemon, "load-module", "module-null-sink", "sink_name=headset")
    pactl(daemon, "set-default-sink", "headset")
    await until(lambda: len(signals.times_s) > heard, "a signal")
    assert (await audio.read()).sink == "headset"
    pactl(daemon, "unload-module", "module-null-sink")  # both: what is left is the dummy that is always there
    section = await audio.read()
    assert section.sink == "auto_null"
    pactl(daemon, "load-module", "module-null-sink", f"sink_name={SINK}")
    pactl(daemon, "set-default-sink", SINK)
    assert (await audio.read()).sink == SINK


@pytest.mark.parametrize("percent", [-1, 101, 10**9])
async def test_a_volume_out_of_range_is_refused(audio: Audio, percent: int) -> None:
    with pytest.raises(CommandRejected) as caught:
        await audio.volume(percent)
    assert (caught.value.status, str(percent) in caught.value.message) == (400, True)


async def test_a_hung_daemon_is_offline_in_time_and_comes_back(
    audio: Audio, daemon: EmulatedPulse, signals: Signals
) -> None:
    await audio.volume(70)
    n_files = len(list(Path("/proc/self/fd").iterdir()))
    daemon.hang()
    longest_s = 0.0
    for _ in range(3):
        asked_s = time.monotonic()
        with pytest.raises(Offline, match="no answer for"):
            await audio.read()
        longest_s = max(longest_s, time.monotonic() - asked_s)
    assert longest_s < REQUEST_TIMEOUT_S + 0.5
    with pytest.raises(CommandRejected) as caught:
        await audio.mute(True)
    assert (caught.value.status, caught.value.code) == (409, "audio_absent")
    daemon.resume()
    section = await audio.read()
    assert section.volume_percent == 70
    assert len(list(Path("/proc/self/fd").iterdir())) <= n_files + 1  # what was given up was closed


async def test_the_loop_is_never_stalled_by_a_hung_daemon(audio: Audio, daemon: EmulatedPulse) -> None:
    await audio.read()
    daemon.hang()
    reading = asyncio.create_task(audio.read())
    longest_s, then_s = 0.0, time.monotonic()
    while not reading.done():
        await asyncio.sleep(0.002)
        now_s = time.monotonic()
        longest_s, then_s = max(longest_s, now_s - then_s), now_s
    assert longest_s < 0.2
    with pytest.raises(Offline):
        await reading


async def test_a_cancelled_request_hurts_nobody(audio: Audio, daemon: EmulatedPulse) -> None:
    await audio.read()
    for _ in range(5):
        daemon.hang()
        reading = asyncio.create_task(audio.read())
        await asyncio.sleep(0.01)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        daemon.resume()  # the answer comes, to nobody
        assert (await audio.read()).sink == SINK


async def test_requests_cancelled_in_the_middle_of_their_answers_leave_no_complaint(audio: Audio) -> None:
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(str(context)))
    await audio.read()
    rng = random.Random(7)
    for _ in range(800):
        reading = asyncio.create_task(audio.read())
        await asyncio.sleep(rng.uniform(0.0, 0.002))
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert (await audio.read()).sink == SINK
    await audio.close()
    assert complaints == []


async def test_a_command_that_is_given_up_before_its_turn_is_never_begun(audio: Audio, daemon: EmulatedPulse) -> None:
    await audio.volume(61)
    daemon.hang()
    first = asyncio.create_task(audio.read())
    second = asyncio.create_task(audio.volume(17))
    await asyncio.sleep(0.05)
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    daemon.resume()
    await until(first.done, "the first is over")
    assert (await audio.read()).volume_percent == 61


async def test_a_watch_can_be_given_up_while_the_daemon_hangs(
    audio: Audio, daemon: EmulatedPulse, signals: Signals
) -> None:
    daemon.hang()
    async with asyncio.timeout(DEADLINE_S):
        await signals.stop()


async def test_a_daemon_that_dies_ends_the_watch_and_is_found_again(
    audio: Audio, daemon: EmulatedPulse, signals: Signals
) -> None:
    await audio.read()
    daemon.kill()
    await until(lambda: signals.ended_by is not None, "the watch ended")
    assert "went away" in str(signals.ended_by)
    with pytest.raises(Offline, match="cannot be reached"):
        await audio.read()
    with pytest.raises(Offline):
        async for _ in audio.watch():
            pass
    daemon.start()
    assert (await audio.read()).sink == SINK


async def test_something_else_at_the_socket(folder: Path) -> None:
    path = folder / "other"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff" * 4096)
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(talk, path)
    audio = Audio(f"unix:{path}")
    with pytest.raises(Offline):
        await audio.read()
    await audio.close()
    server.close()


@pytest.fixture
def alsa(daemon: EmulatedPulse, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server of the user's; ALSA's default card is the plug-in over the daemon."""
    if not list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_ctl_pulse.so")):
        pytest.skip("libasound2-plugins is not installed")
    config = folder / "asound.conf"
    config.write_text(f'ctl.!default {{ type pulse server "{daemon.address}" }}\n', encoding="ascii")
    monkeypatch.setenv("PULSE_SERVER", NOWHERE)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))


@pytest.fixture
async def mixer(alsa: None, daemon: EmulatedPulse) -> AsyncIterator[Audio]:
    backend = Audio()
    yield backend
    daemon.resume()
    await backend.close()


async def test_without_a_server_the_card_is_read_and_set(mixer: Audio) -> None:
    await mixer.volume(42)
    assert await mixer.read() == AudioSection(volume_percent=42, muted=False, sink="Master")
    await mixer.mute(True)
    await mixer.volume(30)
    assert await mixer.read() == AudioSection(volume_percent=30, muted=True, sink="Master")
    await mixer.mute(False)
    assert (await mixer.read()).muted is False


async def test_the_card_signals_changes_too(mixer: Audio, daemon: EmulatedPulse) -> None:
    watching = Signals(mixer)
    while not watching.times_s:
        pactl(daemon, "set-sink-volume", SINK, "20%")
        pactl(daemon, "set-sink-volume", SINK, "21%")
        await asyncio.sleep(0.005)
    await until(lambda: time.monotonic() - watching.times_s[-1] > 0.1, "quiet")
    heard = len(watching.times_s)
    pactl(daemon, "set-sink-volume", SINK, "60%")
    asked_s = time.monotonic()
    await until(lambda: len(watching.times_s) > heard, "a signal")
    assert watching.times_s[heard] - asked_s < SIGNAL_S
    assert (await mixer.read()).volume_percent == 60
    await watching.stop()


async def test_a_card_that_hangs_is_given_up_and_taken_back(mixer: Audio, daemon: EmulatedPulse) -> None:
    await mixer.volume(55)
    daemon.hang()
    for _ in range(3):
        asked_s = time.monotonic()
        with pytest.raises(Offline, match="ALSA: no answer for"):
            await mixer.read()
        assert time.monotonic() - asked_s < CALL_TIMEOUT_S + 0.5
    daemon.resume()

    async def back() -> bool:
        try:
            return (await mixer.read()).volume_percent == 55
        except Offline:
            return False

    async with asyncio.timeout(DEADLINE_S):
        while not await back():
            await asyncio.sleep(0.01)


async def test_neither_server_nor_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "asound.conf"
    config.write_text("# no card\n", encoding="ascii")
    monkeypatch.setenv("PULSE_SERVER", NOWHERE)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    audio = Audio()
    with pytest.raises(Offline, match=r"PulseAudio.*; ALSA"):
        await audio.read()
    with pytest.raises(CommandRejected) as caught:
        await audio.volume(10)
    assert (caught.value.status, caught.value.code) == (409, "audio_absent")
    await audio.close()
    await audio.close()
