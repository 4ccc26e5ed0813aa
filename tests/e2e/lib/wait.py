"""Waiting for conditions. The only place in the tests where time passes on purpose."""

import threading
import time
import urllib.error

import psycopg2

# What a node says while it is going down or coming up: not an answer yet, so ask again until the deadline.
NOT_YET = (OSError, urllib.error.URLError, psycopg2.Error, ValueError, LookupError)

_POLL_SECONDS = 0.05
_never = threading.Event()


def pause(seconds=_POLL_SECONDS):
    """Let a little time pass between two looks at the same thing."""
    _never.wait(seconds)


def wait_until(condition, timeout, what, period=_POLL_SECONDS):
    """Poll `condition` until it is true and return its value; fail with `what` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        reason = ""
        try:
            value = condition()
        except NOT_YET as error:
            value, reason = None, f" (last error: {type(error).__name__}: {str(error).strip()})"
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"did not happen within {timeout} s: {what}{reason}")
        pause(period)


def holds_for(condition, seconds, what):
    """Fail as soon as `condition` is false during the next `seconds`: for things that must NOT happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), f"did not hold for {seconds} s: {what}"
        pause()
