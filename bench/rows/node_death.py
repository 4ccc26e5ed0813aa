"""The leader's node dies: its agent, its helpers and its PostgreSQL at once (F04)."""

from row import LOST, TWO, Figure, Row, lost, outage
from trial import Trial

# From the moment the store let go of the leader's key; nobody may lead before it.
_AFTER_LEASE = Figure("after_lease", "of that, after the lease's end")


def _die(cluster):
    with Trial(cluster) as trial:
        trial.inflict(trial.old.kill)
        trial.writer.wait_acks(trial.mark, 100, 120, other_than=trial.old.name)
        freed = trial.key.freed_after(trial.mark)
        after = {"after_lease": max(0.0, trial.outage()[2] - freed)} if freed else {}
        trial.old.start()
        return {**trial.figures(), **after}


def _row(name, title, target, **more):
    bounded = Figure(_AFTER_LEASE.key, _AFTER_LEASE.label, target=0.5)
    return Row(name, title, (outage(target=target), bounded, LOST, TWO), _die, **more)


ROWS = [
    _row("node-death", "node death, async, ttl 30", None, quick=False, seconds=65),
    _row("node-death-ttl20", "node death, async, ttl 20", None, dynamic={"ttl": 20, "loop_wait": 5, "retry_timeout": 5},
         quick=False, seconds=50),
    _row("node-death-ttl5", "node death, async, ttl 5", 5.5, dynamic={"ttl": 5, "loop_wait": 1, "retry_timeout": 1},
         only="regent", seconds=25),
    Row("node-death-sync", "node death, synchronous mode, ttl 30", (outage(target=3.0), lost(target=0), TWO), _die,
        dynamic={"synchronous_mode": True}, quick=False, seconds=65),
]
