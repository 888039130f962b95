"""`ndefender emulate radio` as a process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

PROGRAM = "from ndefender.radio.emulated.main import run; run('noise', '127.0.0.1', 0, 60e6, 0.001, (2500000.0,))"


@pytest.mark.slow
def test_it_says_when_it_is_ready_and_ends_on_sigterm() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        word, uri = process.stdout.readline().split()
        assert word == "ready"
        _, host, port = uri.split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(b"PRINT\n")
            assert int(connection.makefile("rb").readline()) > 1000
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
