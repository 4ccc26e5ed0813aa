"""An agent that hardly gets the processor (F05): it runs for an instant now and then, whatever it is in the middle of."""

import signal
import threading

from . import procs
from .wait import pause


class Starved:
    """Within the block the agent of the node runs `awake` seconds and stands still for `asleep`, again and again. It is
    stopped and continued from outside, so it cannot choose the moment; its guard and its PostgreSQL have all they want."""

    def __init__(self, node, awake, asleep):
        self._node, self._awake, self._asleep = node, awake, asleep
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()

    def _run(self):
        pid = self._node.process.pid
        try:
            while not self._ending.is_set() and self._node.alive():
                procs.send([pid], signal.SIGSTOP)
                self._ending.wait(self._asleep)
                procs.send([pid], signal.SIGCONT)
                pause(self._awake)
        finally:
            procs.send([pid], signal.SIGCONT)
