"""What stands still without dying: the leader's agent (F02), the leader's PostgreSQL (F13)."""

from lib import procs
from lib.wait import pause
from row import LOST, TWO, Figure, Row, lost, outage
from trial import Trial, now

# The frozen part stays frozen this long after the failover, or so long if there is none.
_THAW_AFTER, _PATIENCE = 3.0, 60.0
_SYNC = {"synchronous_mode": True}


def _freeze(trial, freeze, thaw):
    trial.inflict(freeze)
    try:
        trial.wait_new_leader(_PATIENCE)
        pause(_THAW_AFTER)
    except AssertionError as nobody:
        print(f"  thawed without a failover: {nobody}", flush=True)
    finally:
        thawed = now()
        thaw()
    # By whomever: the thawed node may win the lock back.
    trial.writer.wait_acks(thawed, 100, 120)
    freed = trial.key.freed_after(trial.mark)
    return {**trial.figures(), **({"failover": freed - trial.mark} if freed else {})}


def _freeze_agent(cluster):
    with Trial(cluster) as trial:
        return _freeze(trial, trial.old.freeze_agent, trial.old.thaw_agent)


def _freeze_postgres(cluster):
    with Trial(cluster) as trial:
        data = trial.old.data
        return _freeze(trial, lambda: procs.freeze_under(data), lambda: procs.thaw_under(data))


_FAILOVER = Figure("failover", "the leader key was free after")

ROWS = [
    Row("freeze-agent", "agent frozen, PostgreSQL alive, async", (TWO, LOST, outage(), _FAILOVER), _freeze_agent,
        quick=False, seconds=75),
    Row("freeze-agent-sync", "agent frozen, PostgreSQL alive, synchronous", (TWO, lost(target=0), outage(), _FAILOVER),
        _freeze_agent, dynamic=_SYNC, quick=False, seconds=75),
    Row("freeze-postgres", "all of PostgreSQL frozen, async", (outage(target=15), LOST, TWO, _FAILOVER), _freeze_postgres,
        quick=False, seconds=75),
    Row("freeze-postgres-sync", "all of PostgreSQL frozen, synchronous", (outage(target=15), lost(target=0), TWO, _FAILOVER),
        _freeze_postgres, dynamic=_SYNC, quick=False, default=False, seconds=75),
]
