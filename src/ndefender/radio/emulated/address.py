"""Where an emulated radio can listen without being in anyone's way.

libiio 0.24 takes `ip:HOST:PORT`, so any free port does; older clients know only port 30431, for which the loopback
network has sixteen million addresses.
"""

from __future__ import annotations

import os
import random
import socket

IIOD_PORT = 30_431
ATTEMPTS = 64


def uri(host: str, port: int) -> str:
    """Return the libiio URI of a radio at that address; the default port is left out."""
    return f"ip:{host}" if port == IIOD_PORT else f"ip:{host}:{port}"


def free_loopback_host(port: int = IIOD_PORT, seed: int | None = None) -> str:
    """Return a loopback address on which `port` is free now.

    Args:
        port: TCP port to be listened on.
        seed: of the sequence of addresses tried; the process id when None.
    Raises:
        OSError: no free address among those tried.
    """
    rng = random.Random(os.getpid() if seed is None else seed)
    for _ in range(ATTEMPTS):
        host = f"127.{rng.randint(1, 254)}.{rng.randint(1, 254)}.{rng.randint(1, 254)}"
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return host
    raise OSError(f"no loopback address with a free port {port} among {ATTEMPTS} tried")
