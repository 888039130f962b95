"""WebSocket clients that cost next to nothing: plain sockets and one selector, frames counted, pings answered."""

from __future__ import annotations

import base64
import os
import selectors
import socket
import struct
from collections.abc import Callable

OP_TEXT, OP_CLOSE, OP_PING = 0x1, 0x8, 0x9
READ_BYTES = 262_144

Heard = Callable[[bytes], None]


class GoneError(Exception):
    """The server ended the connection."""


def upgraded(port: int, path: str, receive_bytes: int | None = None) -> tuple[socket.socket, bytes]:
    """Connect and upgrade.

    Args:
        port, path: of the WebSocket.
        receive_bytes: kernel buffer, None for the system's own.
    Returns:
        A blocking socket, and what came after the answer's head.
    """
    raw = socket.socket()
    if receive_bytes is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    raw.settimeout(30.0)
    raw.connect(("127.0.0.1", port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    raw.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    got = b""
    while b"\r\n\r\n" not in got:
        more = raw.recv(1 if receive_bytes is not None else 4096)
        if not more:
            raise GoneError("no answer to the upgrade")
        got += more
    head, _, rest = got.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101"):
        raise GoneError(head.split(b"\r\n")[0].decode())
    return raw, rest


class Reader:
    """One client.

    Args:
        port, path: of the WebSocket.
        heard: is told every text message.
    """

    def __init__(self, port: int, path: str, heard: Heard) -> None:
        self.socket, rest = upgraded(port, path)
        self._heard = heard
        self._rest = b""
        self.take(rest)

    def read(self) -> None:
        """Take what is there; call when the socket is readable.

        Raises:
            GoneError: the connection ended.
        """
        got = self.socket.recv(READ_BYTES)
        if not got:
            raise GoneError("closed")
        self.take(got)

    def take(self, got: bytes) -> None:
        """Take whole frames apart (those of a server are not masked); what is left of one waits for more."""
        got = self._rest + got if self._rest else got
        at, end = 0, len(got)
        while end - at >= 2:
            size, head = got[at + 1], 2
            if size == 126:
                if end - at < 4:
                    break
                (size,), head = struct.unpack_from("!H", got, at + 2), 4
            elif size == 127:
                if end - at < 10:
                    break
                (size,), head = struct.unpack_from("!Q", got, at + 2), 10
            if end - at < head + size:
                break
            opcode = got[at] & 0x0F
            payload = got[at + head : at + head + size]
            at += head + size
            if opcode == OP_TEXT:
                self._heard(payload)
            elif opcode == OP_PING:  # a client's frames are masked; with zeros that is no work
                self.socket.sendall(bytes((0x8A, 0x80 | size)) + b"\0\0\0\0" + payload)
            elif opcode == OP_CLOSE:
                raise GoneError("close frame")
        self._rest = got[at:]

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def seq_of(message: bytes) -> int:
    """Number of an envelope, without decoding the rest of it."""
    at = message.rindex(b'"seq":') + 6
    return int(message[at : message.index(b",", at)])


class Crowd:
    """Readers on one selector."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, reader: Reader) -> None:
        """Look after one more."""
        self._selector.register(reader.socket, selectors.EVENT_READ, reader)

    def remove(self, reader: Reader) -> None:
        """Look after it no longer."""
        self._selector.unregister(reader.socket)

    def turn(self, wait_s: float) -> list[Reader]:
        """Read what is there.

        Args:
            wait_s: longest wait for anything at all.
        Returns:
            Those whose connection ended.
        """
        gone = []
        for key, _ in self._selector.select(wait_s):
            reader: Reader = key.data
            try:
                reader.read()
            except (GoneError, OSError):
                gone.append(reader)
        return gone
