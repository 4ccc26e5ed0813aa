"""The leader's PostgreSQL crashes under a healthy agent (F12)."""

import os
import signal

from plain import crash_recovery, promotion
from row import LOST, TWO, Row, outage
from trial import Trial


def _kill_postmaster(cluster, ballast=False):
    with Trial(cluster, ballast) as trial:
        trial.inflict(os.kill, trial.old.postmaster(), signal.SIGKILL)
        trial.writer.wait_interrupted(trial.mark, 120)
        return trial.figures()


ROWS = [
    Row("kill-postmaster", "kill -9 of the postmaster, restart in place", (outage(times_floor=1.5), LOST, TWO),
        lambda cluster: _kill_postmaster(cluster, ballast=True), floor=crash_recovery),
    Row("kill-postmaster-0", "the same with primary_start_timeout: 0", (outage(target=0.5), LOST, TWO), _kill_postmaster,
        dynamic={"primary_start_timeout": 0}, floor=promotion, seconds=30),
]
