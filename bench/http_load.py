"""A load of GET requests of one path on one port, a new connection for each request, from one thread around epoll.

Requests begin at their moments whatever the server does: nothing here waits for an answer, so a slow server cannot slow the
load down.

Usage: http_load.py PORT PATH RATE SECONDS REPORT
"""

import collections
import json
import select
import socket
import sys
import time

_TIMEOUT = 5.0
_MOST_OPEN = 2000


class Load:
    def __init__(self, port, path, rate, seconds):
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        self._address, self._rate, self._seconds = ("127.0.0.1", port), rate, seconds
        self._poll, self._open = select.epoll(), collections.OrderedDict()  # oldest first: fd -> [socket, begun, answer]
        self.times, self.bad = [], 0

    def _begin(self, now):
        connection = socket.socket()
        connection.setblocking(False)
        try:
            connection.connect(self._address)
        except BlockingIOError:
            pass
        except OSError:
            self.bad += 1
            connection.close()
            return
        self._open[connection.fileno()] = [connection, now, b""]
        self._poll.register(connection.fileno(), select.EPOLLOUT)

    def _finish(self, descriptor, good):
        connection, begun, _ = self._open.pop(descriptor)
        connection.close()
        if good:
            self.times.append(time.monotonic() - begun)
        else:
            self.bad += 1

    def _serve(self, descriptor, events):
        state = self._open[descriptor]
        try:
            if events & select.EPOLLOUT and not events & select.EPOLLERR:
                state[0].send(self._request)
                self._poll.modify(descriptor, select.EPOLLIN)
                return
            data = state[0].recv(65536)
        except OSError:
            self._finish(descriptor, False)
            return
        if data:
            state[2] += data
        else:
            self._finish(descriptor, state[2].startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")))

    def _give_up(self, now):
        while self._open:
            descriptor, (_, begun, _) = next(iter(self._open.items()))
            if now - begun < _TIMEOUT:
                return
            self._finish(descriptor, False)

    def run(self):
        begun = now = time.monotonic()
        end, sent = begun + self._seconds, 0
        while now < end or (self._open and now < end + _TIMEOUT):
            while now < end and begun + sent / self._rate <= now:
                if len(self._open) < _MOST_OPEN:
                    self._begin(now)
                else:
                    self.bad += 1
                sent += 1
            wait = begun + sent / self._rate - now
            for descriptor, events in self._poll.poll(max(0.0, min(wait, 0.1))):
                self._serve(descriptor, events)
            now = time.monotonic()
            self._give_up(now)
        self.bad += len(self._open)


def main():
    path, report = sys.argv[2], sys.argv[5]
    port, rate, seconds = map(int, [sys.argv[1], *sys.argv[3:5]])
    load = Load(port, path, rate, seconds)
    load.run()
    times = sorted(load.times) or [_TIMEOUT]
    with open(report, "w") as file:
        json.dump({"good": len(load.times), "bad": load.bad, "seconds": seconds, "p50": times[len(times) // 2],
                   "p99": times[len(times) * 99 // 100], "own_cpu": time.process_time()}, file)


if __name__ == "__main__":
    main()
