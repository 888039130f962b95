"""`ndefender emulate radio` as a process: says when it is ready, speaks libiio's protocol, ends on SIGTERM."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

DEADLINE_S = 100.0


def test_it_serves_until_sigterm() -> None:
    command = [sys.executable, "-m", "ndefender", "emulate", "radio", "--scene", "tone", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready, uri = process.stdout.readline().split()
            assert ready == "ready"
            kind, host, port = uri.split(":")
            assert kind == "ip"
            with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as client:
                client.sendall(b"VERSION\r\n")
                assert client.recv(64).startswith(b"0.")
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--scene", "no-such-scene"], "no-such-scene"), (["--scene", "tone", "--host", "192.0.2.1"], "192.0.2.1")],
)
def test_what_it_cannot_do_is_one_line(arguments: list[str], words: str) -> None:
    command = [sys.executable, "-m", "ndefender", "emulate", "radio", "--port", "0", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 1
    assert done.stdout == ""
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
