"""The store is away for a minute (F44): killed and started again on the same data, or frozen."""

from lib.wait import pause
from row import LOST, TWO, Figure, Row, outage
from trial import Trial, now

DOWN = 60.0


def _away(cluster, take, give_back):
    with Trial(cluster) as trial:
        trial.inflict(take)
        try:
            pause(DOWN)
        finally:
            give_back()
        back = now()
        trial.writer.wait_acks(back, 100, 120)
        length, begun, ended = trial.outage()
        return {**trial.figures(), "served": begun - trial.mark if length > 1 else DOWN,
                "again": max(0.0, ended - back) if length > 1 else 0.0}


def _killed(cluster):
    return _away(cluster, cluster.etcd.kill, cluster.etcd.start)


def _frozen(cluster):
    return _away(cluster, cluster.etcd.freeze, cluster.etcd.thaw)


_FIGURES = (outage(), Figure("served", "served on for"), Figure("again", "writes again after its return", target=1.0), LOST,
            TWO)

ROWS = [
    Row("store-down", "store killed, 60 s later started again", _FIGURES, _killed, quick=False, seconds=100),
    Row("store-frozen", "store frozen for 60 s", _FIGURES, _frozen, quick=False, default=False, seconds=100),
]
