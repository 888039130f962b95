"""One client connection: requests in, answers out, bounded whatever arrives."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from ndefender.errors import NdefenderError
from ndefender.radio.emulated import protocol
from ndefender.radio.emulated.context import RX_DEVICE, Counters
from ndefender.radio.emulated.link import Link
from ndefender.radio.emulated.model import VERSION_MAJOR, VERSION_MINOR, VERSION_TAG, Context
from ndefender.radio.emulated.phy import Phy
from ndefender.radio.emulated.protocol import Refused, Request, Verb
from ndefender.radio.emulated.renderer import Renderer
from ndefender.radio.emulated.stream import Block, Stream, budget_ok
from ndefender.units import NS_PER_MS, NS_PER_S

MAX_VALUE_BYTES = 65_536  # the longest legal write is a filter of 128 taps, about 3 KB
MAX_BUFFER_BYTES = 256 << 20  # memory of one client's blocks
MAX_BLOCKS = 64
DEFAULT_TIMEOUT_S = 5.0  # libiio's
MAX_TIMEOUT_S = 3600.0
TURNAROUND_NS = NS_PER_MS  # what iiod on a Zynq needs to wake up and start sending; sooner is not late
STALL_NS = NS_PER_MS  # a send that takes longer met a full socket: the link stood still


class Disconnected(NdefenderError):
    """The client went away or can no longer be understood. Reaction: end the session."""


@dataclass(slots=True)
class Board:
    """What all sessions share.

    Args:
        buffers_count: kernel buffers of the receive device, as `SET … BUFFERS_COUNT` left it.
        timeout_s: longest wait for a block; one for all clients, as in iiod.
    """

    phy: Phy
    context: Context
    counters: Counters
    link: Link
    renderer: Renderer
    buffers_count: int = 4
    timeout_s: float = DEFAULT_TIMEOUT_S


class Session:
    """A client's conversation; runs in its own thread.

    Args:
        board: the emulated board.
        connection: a connected socket, owned by the session from now on.
    """

    def __init__(self, board: Board, connection: socket.socket) -> None:
        self._board = board
        self._connection = connection
        self._received = bytearray()
        self._stream: Stream | None = None
        self._answers: dict[Verb, Callable[[Request], bytes]] = {
            Verb.PRINT: lambda _: protocol.document(board.context.xml()),
            Verb.VERSION: lambda _: b"%d.%d.%-7s\n" % (VERSION_MAJOR, VERSION_MINOR, VERSION_TAG.encode()),
            Verb.TIMEOUT: self._set_timeout,
            Verb.READ: self._read,
            Verb.WRITE: self._write,
            Verb.GETTRIG: self._trigger,
            Verb.SETTRIG: self._trigger,
            Verb.SET: self._set_buffers,
            Verb.OPEN: self._open,
            Verb.CLOSE: self._close,
            Verb.READBUF: self._read_buffer,
            Verb.WRITEBUF: self._write_buffer,
        }

    def run(self) -> None:
        """Serve until the client leaves."""
        try:
            while True:
                self._serve(self._line())
        except (Disconnected, OSError):
            return
        finally:
            self._drop_stream()
            self._connection.close()

    def stop(self) -> None:
        """Make `run` return; called from another thread."""
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # already gone

    def _serve(self, line: bytes) -> None:
        if not line:
            return  # iiod ignores empty lines
        try:
            request = protocol.parse(line)
            if request.verb is Verb.EXIT:
                raise Disconnected
            answer = self._answers[request.verb](request)
        except Refused as refused:
            self._board.counters.refused += 1
            answer = protocol.integer(-refused.code)
        self._connection.sendall(answer)

    def _line(self) -> bytes:
        """Return the next line without its ending; a line that is too long ends the session."""
        while (end := self._received.find(b"\n")) < 0:
            if len(self._received) > protocol.MAX_LINE_BYTES:
                raise Disconnected
            self._receive(protocol.MAX_LINE_BYTES)
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        if len(line) > protocol.MAX_LINE_BYTES:
            raise Disconnected
        return line.rstrip(b"\r")

    def _take(self, n_bytes: int) -> bytes:
        """Return the next `n_bytes` of the stream."""
        while len(self._received) < n_bytes:
            self._receive(n_bytes - len(self._received))
        data = bytes(self._received[:n_bytes])
        del self._received[:n_bytes]
        return data

    def _receive(self, limit: int) -> None:
        data = self._connection.recv(limit)
        if not data:
            raise Disconnected
        self._received += data

    def _set_timeout(self, request: Request) -> bytes:
        # 0 means to wait for ever; bounded here so that an abandoned session ends
        self._board.timeout_s = min(request.number / 1000, MAX_TIMEOUT_S) if request.number else MAX_TIMEOUT_S
        return protocol.integer(0)

    def _read(self, request: Request) -> bytes:
        context = self._board.context
        if request.attribute:
            found = context.attribute(request.device, request.kind, request.channel, request.attribute)
            return protocol.value(found.read())
        results: list[str | int] = []
        for attribute in context.group(request.device, request.kind, request.channel):
            try:
                results.append(attribute.read())
            except Refused as refused:
                results.append(-refused.code)
        return protocol.values(results)

    def _write(self, request: Request) -> bytes:
        if request.number > MAX_VALUE_BYTES:
            raise Disconnected  # what follows cannot be told from requests
        data = self._take(request.number)
        if not request.attribute:
            raise Refused(errno.ENOSYS)
        try:
            text = data.partition(b"\0")[0].decode("ascii").removesuffix("\n")
        except UnicodeDecodeError:
            raise Refused(errno.EINVAL) from None
        found = self._board.context.attribute(request.device, request.kind, request.channel, request.attribute)
        found.set(text)
        return protocol.integer(len(data))

    def _trigger(self, request: Request) -> bytes:
        self._board.context.find(request.device)
        raise Refused(errno.ENODEV)

    def _set_buffers(self, request: Request) -> bytes:
        self._board.context.find(request.device)
        if not 1 <= request.number <= MAX_BLOCKS:
            raise Refused(errno.EINVAL)
        self._board.buffers_count = request.number
        return protocol.integer(0)

    def _open(self, request: Request) -> bytes:
        board = self._board
        device = board.context.find(request.device)
        if device.name != RX_DEVICE or request.cyclic:
            raise Refused(errno.EPERM)  # receive only
        if self._stream is not None:
            raise Refused(errno.EBUSY)
        channels = device.scan_channels(request.mask)
        if request.number == 0:
            raise Refused(errno.EINVAL)
        if not budget_ok(request.number, len(channels), board.buffers_count, MAX_BUFFER_BYTES):
            raise Refused(errno.ENOMEM)
        self._stream = Stream(board.phy, board.renderer, board.counters, request.number, channels, board.buffers_count)
        return protocol.integer(0)

    def _close(self, request: Request) -> bytes:
        self._board.context.find(request.device)
        if self._stream is None:
            raise Refused(errno.ENXIO)
        self._drop_stream()
        return protocol.integer(0)

    def _drop_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _write_buffer(self, request: Request) -> bytes:
        self._board.context.find(request.device)
        raise Refused(errno.EBADF)  # nothing is ever open for output

    def _read_buffer(self, request: Request) -> bytes:
        device = self._board.context.find(request.device)
        if self._stream is None or device.name != RX_DEVICE:
            raise Refused(errno.EBADF)
        stream, rest_bytes = self._stream, request.number
        mask: int | None = sum(1 << channel for channel in stream.channels)
        while rest_bytes >= stream.sample_bytes:
            block = stream.refill(self._board.timeout_s)
            if block is None:
                raise Refused(errno.ETIMEDOUT)
            n_bytes = min(rest_bytes, block.samples.nbytes)
            self._connection.sendall(protocol.block_header(n_bytes, mask))
            self._send(stream, block, n_bytes)
            mask = None
            rest_bytes -= n_bytes
        return protocol.integer(0) if rest_bytes else b""

    def _send(self, stream: Stream, block: Block, n_bytes: int) -> None:
        """Send a block's first `n_bytes` chunk by chunk, each when the link would have carried its last byte."""
        data = block.samples.data.cast("B")[:n_bytes]
        chunk_bytes = stream.chunk_samples * stream.sample_bytes
        ready_ns = block.end_ns
        for index, first in enumerate(range(0, n_bytes, chunk_bytes)):
            piece = data[first : first + chunk_bytes]
            wanted_ns, due_ns = self._board.link.reserve(len(piece), ready_ns)
            rendered_ns = stream.wait_rendered(block, index)
            if rendered_ns is None:
                raise Disconnected
            self._board.counters.late += rendered_ns > max(wanted_ns, block.end_ns + TURNAROUND_NS)
            before_ns = time.monotonic_ns()
            if due_ns > before_ns:
                time.sleep((due_ns - before_ns) / NS_PER_S)
                before_ns = time.monotonic_ns()
            self._connection.sendall(piece)
            after_ns = time.monotonic_ns()
            ready_ns = due_ns if after_ns - before_ns < STALL_NS else after_ns
        self._board.counters.blocks += 1
