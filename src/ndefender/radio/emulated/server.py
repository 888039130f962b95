"""The emulated radio: a listening socket, one thread a client."""

from __future__ import annotations

import contextlib
import socket
import threading

import numpy as np

from ndefender.radio.emulated import address
from ndefender.radio.emulated.context import Counters, build
from ndefender.radio.emulated.link import Link
from ndefender.radio.emulated.phy import AD9361, ChipModel, Phy
from ndefender.radio.emulated.renderer import Renderer
from ndefender.radio.emulated.session import Board, Session

DEFAULT_LINK_BYTES_S = 60e6  # the Zynq, not the cable, limits
DEFAULT_RETUNE_S = 0.001
MAX_CLIENTS = 32  # a client holds a thread; more are turned away
KEEPALIVE_IDLE_S = 10
FIRST_SAMPLES = 512  # rendered at each step of the warm-up
WARM_STEP_HZ = 20e6  # no finer: the warm-up of a low rate would take longer than what it saves
USUAL_BANDWIDTH = 56.0 / 61.44
FACTS = {"hw_model": "AntSDR E200 (emulated)", "hw_serial": "emulated-0001", "fw_version": "ndefender-emulator"}


class EmulatedRadio:
    """An AD9361 board on a TCP port, in threads of this process.

    Args:
        renderer: makes the samples; its `prepare` is called with every sample rate that is set.
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        link_bytes_s: rate of the network link.
        retune_s: time an LO, rate or filter change takes.
        chip: family member to pretend to be.
        rates_hz: sample rates to prepare at the start, so that setting them later takes no time; by default the one
            the board starts with.
        facts: context attributes instead of the default ones.
    """

    def __init__(
        self,
        renderer: Renderer,
        host: str = "127.0.0.1",
        port: int = address.IIOD_PORT,
        link_bytes_s: float = DEFAULT_LINK_BYTES_S,
        retune_s: float = DEFAULT_RETUNE_S,
        *,
        chip: ChipModel = AD9361,
        rates_hz: tuple[float, ...] = (),
        facts: dict[str, str] | None = None,
    ) -> None:
        self.counters = Counters()
        self.phy = Phy(chip, retune_s, renderer.prepare)
        settings = {"link_bytes_s": f"{link_bytes_s:.0f}", "retune_s": f"{retune_s:.6f}"}
        context = build(self.phy, self.counters, FACTS if facts is None else facts, settings)
        self._board = Board(self.phy, context, self.counters, Link(link_bytes_s), renderer)
        self._renderer = renderer
        self._rates_hz = rates_hz
        self._bind_to = (host, port)
        self._listener: socket.socket | None = None
        self._guard = threading.Lock()
        self._sessions: dict[Session, threading.Thread] = {}
        self._acceptor: threading.Thread | None = None

    @property
    def port(self) -> int:
        """TCP port that is listened on; 0 before `start`."""
        return 0 if self._listener is None else int(self._listener.getsockname()[1])

    @property
    def uri(self) -> str:
        """URI for libiio."""
        return address.uri(self._bind_to[0], self.port)

    @property
    def emulator_late(self) -> int:
        """How often a chunk was not rendered when the link wanted it: a measurement with any is void."""
        return self.counters.late

    def start(self) -> None:
        """Prepare the renderer, listen, serve.

        Raises:
            OSError: the address is taken.
        """
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(self._bind_to)
            self._warm_up()
            listener.listen()
        except BaseException:
            listener.close()
            raise
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept, args=(listener,), name="emulated-accept", daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Drop all clients, stop listening; safe to call twice."""
        if self._listener is None or self._acceptor is None:
            return
        with contextlib.suppress(OSError):  # some systems refuse, as it is not connected
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the acceptor
        self._acceptor.join()
        with self._guard:
            sessions = dict(self._sessions)
        for session in sessions:
            session.stop()
        for thread in sessions.values():
            thread.join()
        self._listener.close()
        self._listener = None

    def _warm_up(self) -> None:
        """Visit the whole range once, so that nothing is built or compiled when samples are wanted in time."""
        state, chip = self.phy.state, self.phy.chip
        samples = np.empty((FIRST_SAMPLES, 2), np.int16)
        for rate_hz in set(self._rates_hz or (float(state.rate_hz),)):
            self._renderer.prepare(rate_hz)
            step_hz = max(rate_hz, WARM_STEP_HZ)
            for step in range(int((chip.max_center_hz - chip.min_center_hz) / step_hz) + 1):
                center_hz = chip.min_center_hz + step * step_hz
                self._renderer.render(0, center_hz, rate_hz, rate_hz * USUAL_BANDWIDTH, state.gain_db, samples)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # stopped
            with self._guard:
                if len(self._sessions) >= MAX_CLIENTS:
                    connection.close()
                    continue
                _configure(connection)
                session = Session(self._board, connection)
                thread = threading.Thread(target=self._serve, args=(session,), name="emulated-client", daemon=True)
                self._sessions[session] = thread
                thread.start()

    def _serve(self, session: Session) -> None:
        try:
            session.run()
        finally:
            with self._guard:
                self._sessions.pop(session, None)


def _configure(connection: socket.socket) -> None:
    """Answer at once, and notice clients that vanished without a word."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
