"""A TCP proxy in user space, one per link, that can be cut, slowed down or made to swallow replies (T2).

The kernels of test machines rarely have a delay queue, and only a proxy can lose a reply after the request was
done, which is the ambiguous outcome F32 is about.
"""

import socket
import threading

from .ports import HOST, free_port
from .wait import pause

PASS, BLACK_HOLE, REFUSE, DROP_REPLIES = "pass", "black hole", "refuse", "drop replies"


class Proxy:
    """Listens on `port` and forwards to `target` (a port on loopback) according to `mode`."""

    def __init__(self, target):
        self.target, self.port = target, free_port()
        self._mode, self.delay = PASS, 0.0
        self._sockets, self._lock, self._closed = set(), threading.Lock(), False
        self._listener = socket.create_server((HOST, self.port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def mode(self):
        return self._mode

    def set_mode(self, mode):
        """BLACK_HOLE holds every byte until healed; REFUSE resets what exists and what comes; DROP_REPLIES delivers
        requests and throws the answers away."""
        self._mode = mode
        if mode == REFUSE:
            self._reset_all()

    def heal(self):
        # Connections that lost replies are out of step and cannot be used again.
        if self._mode == DROP_REPLIES:
            self._reset_all()
        self._mode = PASS

    def close(self):
        self._closed = True
        self._listener.close()
        self._reset_all()

    def _reset_all(self):
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = None
        try:
            self._wait_for_passage()
            if self._mode == REFUSE or self._closed:
                return
            server = socket.create_connection((HOST, self.target), 5)
            server.settimeout(None)
            with self._lock:
                self._sockets |= {client, server}
            replies = threading.Thread(target=self._pump, args=(server, client, True), daemon=True)
            replies.start()
            self._pump(client, server, False)
            replies.join()
        except OSError:
            pass
        finally:
            with self._lock:
                self._sockets -= {client, server}
            for each in (client, server):
                if each:
                    each.close()

    def _wait_for_passage(self):
        while self._mode == BLACK_HOLE and not self._closed:
            pause(0.02)

    def _pump(self, source, sink, is_reply):
        try:
            while data := source.recv(65536):
                if self.delay:
                    pause(self.delay)
                self._wait_for_passage()
                if is_reply and self._mode == DROP_REPLIES:
                    continue
                sink.sendall(data)
        except OSError:
            pass
        # A half-closed stream is passed on as such, but not through a hole.
        self._wait_for_passage()
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
