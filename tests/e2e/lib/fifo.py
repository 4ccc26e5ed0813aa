"""The other end of a watchdog's testing driver: a named pipe, and all that was ever written to it."""

import os
import threading


class WatchdogPipe:
    def __init__(self, path):
        self.path, self.heard = path, ""
        os.mkfifo(path)
        # Open for writing as well: then the end of one writer is not the end of the pipe.
        self._descriptor = os.open(path, os.O_RDWR)
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.unlink(self.path)
        os.write(self._descriptor, b"\0")
        self._thread.join()
        os.close(self._descriptor)

    def _listen(self):
        while True:
            text = os.read(self._descriptor, 1000).decode()
            self.heard += text.replace("\0", "")
            if "\0" in text:
                return
