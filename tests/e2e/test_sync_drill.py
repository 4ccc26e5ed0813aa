"""Synchronous replication under fire: a writer, random faults, and not one acknowledged row lost (I5).

REGENT_E2E_DRILL is the number of faults (50 is the promise, a few are enough for every day), REGENT_E2E_DRILL_SEED
repeats a drill.
"""

import json
import os
import random

import pytest

from lib import Cluster, Writer
from lib.proxy import BLACK_HOLE, REFUSE
from lib.wait import wait_until

FAULTS = int(os.environ.get("REGENT_E2E_DRILL", "6"))


def inflict(kind, node):
    """Something happens to the node; returns what ends it."""
    if kind == "kill":
        node.kill()
        return node.start
    if kind == "freeze":
        node.freeze()
        return node.thaw
    if kind == "freeze agent":
        node.freeze_agent()
        return node.thaw_agent
    node.isolate(REFUSE if kind == "cut" else BLACK_HOLE)
    return node.heal


# A frozen agent cannot stop its PostgreSQL; whoever commits there waits for a standby that will never confirm again.
@pytest.mark.regent
def test_drill():
    """A writer through random kills, freezes and partitions of the leader and of standbys, in both modes (I5)."""
    seed = int(os.environ.get("REGENT_E2E_DRILL_SEED", random.randrange(10**6)))
    print(f"REGENT_E2E_DRILL_SEED={seed}")
    chance = random.Random(seed)
    with Cluster(proxied=True, dynamic={"synchronous_mode": True}) as cluster:
        cluster.start()
        with Writer(cluster) as writer:
            for number in range(FAULTS):
                cluster.patch_config({"synchronous_mode": chance.choice([True, "quorum"]),
                                      "synchronous_mode_strict": chance.random() < 0.3})
                leader = cluster.leader()
                wait_until(lambda: (json.loads(cluster.key("sync") or "{}").get("sync_standby") or "") != "", 40,
                           "there is a synchronous standby")
                writer.wait_progress(timeout=60)
                node = leader if chance.random() < 0.6 else chance.choice(cluster.replicas())
                kind = chance.choice(["kill", "freeze", "freeze agent", "cut", "black hole"])
                print(f"fault {number + 1}: {kind} {node}, {cluster.key('sync')}")
                end = inflict(kind, node)
                writer.wait_progress(timeout=120)
                end()
                cluster.wait_healthy(120)
        writer.verify(*cluster.nodes)
        print(f"{len(writer.acknowledged)} acknowledged rows, longest pause {writer.longest_gap:.1f} s")
