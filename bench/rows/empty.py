"""Three empty nodes and an empty store, until the cluster writes and all stream."""

from lib.wait import wait_until
from plain import three_from_nothing
from row import Figure, Row, DEFAULT
from trial import now


def _accepting(cluster):
    return next((node for node in cluster.nodes if node.accepts_writes() and node.answers("/primary")), None)


def _bootstrap(workshop):
    with workshop.new_cluster(DEFAULT) as cluster:
        begun = now()
        for node in cluster.nodes:
            node.start()
        leader = wait_until(lambda: _accepting(cluster), 60, "a leader accepts writes", 0.02)
        leader.sql("CREATE TABLE t (n int)")
        writes = now() - begun
        wait_until(lambda: len(cluster.streaming_from(leader)) == 2, 120, "both replicas stream", 0.02)
        streaming = now() - begun
        workshop.save_logs(cluster)
        return {"writes": writes, "streaming": streaming}


ROWS = [
    Row("empty", "three empty nodes", (Figure("writes", "until the leader writes", target=3.5),
                                       Figure("streaming", "until all stream", target=5.0)),
        _bootstrap, needs_cluster=False, floor=three_from_nothing, seconds=15),
]
