"""Programs that have to clean up after themselves when somebody stops them."""

import signal


def _end(*_):
    # The clean-up that follows must not be interrupted by an impatient second Ctrl-C.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    raise KeyboardInterrupt


def end_tidily():
    """SIGINT and SIGTERM become a KeyboardInterrupt, once. The run script starts us where SIGINT is ignored."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _end)
