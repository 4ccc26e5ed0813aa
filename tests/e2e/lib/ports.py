"""Loopback ports that nobody else takes while a test run lives.

The ports lie below the kernel's ephemeral range, so no outgoing connection can sit on a port whose server is down
for a while. An abstract socket reserves each of them among runs on the same machine: it ends with the process.
"""

import random
import socket

HOST = "127.0.0.1"
_FIRST, _LAST = 11000, 30000
_reservations = {}


def free_port():
    candidates = list(range(_FIRST, _LAST))
    random.shuffle(candidates)
    for port in candidates:
        if port in _reservations:
            continue
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            reservation.bind(f"\0regent-e2e-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((HOST, port))
        except OSError:
            reservation.close()
            continue
        _reservations[port] = reservation
        return port
    raise RuntimeError(f"no free port between {_FIRST} and {_LAST} on {HOST}")
