"""Clients that a REST server has to survive (F06), as a program of its own: it stands for other machines, so it shares
neither the interpreter of the test nor the processor on equal terms.

Usage: overload.py PORT RECORD KIND:COUNT...    COUNT clients of each kind at a time, until it is killed
RECORD is a file that tells how often each kind has got what it came for: an answer, the server's part of a handshake, or to be
shown out.
"""

import asyncio
import json
import os
import socket
import ssl
import struct
import sys

from lib.ports import HOST

_PATIENCE = 10.0       # for one wait
_REQUEST = "GET /{} HTTP/1.1\r\nHost: overload\r\nConnection: close\r\n\r\n"


def _client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def _reset(writer):
    """Go away as somebody does who has no time to say good-bye."""
    try:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass    # the server was faster
    writer.close()


async def _ask(reader, writer, path):
    writer.write(_REQUEST.format(path).encode())
    return (await reader.read()).startswith(b"HTTP/")


async def primary(reader, writer):
    return await _ask(reader, writer, "primary")


async def patroni(reader, writer):
    return await _ask(reader, writer, "patroni")


async def _until_shown_out(reader, patience):
    """True when the server has closed the connection, politely or not."""
    try:
        await asyncio.wait_for(reader.read(), patience)
    except asyncio.TimeoutError:
        return False
    except OSError:
        pass
    return True


async def slow(reader, writer):
    """A byte now and then, until the server has had enough."""
    for letter in _REQUEST.format("primary"):
        writer.write(letter.encode())
        if await _until_shown_out(reader, 0.2):
            return True
    return False


async def silent(reader, _):
    return await _until_shown_out(reader, _PATIENCE)


async def handshake(reader, writer, hello=_client_hello()):
    """Has the server do its part of a handshake, which is the expensive one, and is gone."""
    writer.write(hello)
    return bool(await reader.read(1))


async def half_handshake(reader, writer, hello=_client_hello()):
    writer.write(hello[:len(hello) // 2])
    return await _until_shown_out(reader, _PATIENCE)


async def _client(kind, port, done):
    while True:
        writer = None
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(HOST, port), _PATIENCE)
            # The count is read after the answer is there: others count meanwhile.
            satisfied = await asyncio.wait_for(kind(reader, writer), 3 * _PATIENCE)
            done[kind.__name__] += bool(satisfied)
        except (OSError, asyncio.TimeoutError):
            # Refused or reset: a client like these tries again.
            continue
        finally:
            if writer:
                _reset(writer)


async def _run(port, record, wanted):
    kinds = {kind.__name__: kind for kind in (primary, patroni, slow, silent, handshake, half_handshake)}
    done = {name: 0 for name, _ in wanted}
    clients = [asyncio.create_task(_client(kinds[name], port, done)) for name, count in wanted for _ in range(int(count))]
    ended = False
    while not ended:
        with open(record + ".new", "w") as file:
            json.dump(done, file)
        os.replace(record + ".new", record)
        # They go on until they are killed; one that ends has broken.
        ended, _ = await asyncio.wait(clients, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*clients)


if __name__ == "__main__":
    os.nice(10)
    asyncio.run(_run(int(sys.argv[1]), sys.argv[2], [each.split(":") for each in sys.argv[3:]]))
