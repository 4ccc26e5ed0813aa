"""Agents and nodes that stop without dying, and go on later as if nothing had happened (F02, F03)."""

from lib import Writer
from lib.wait import holds_for, wait_until


def test_frozen_leader_node(durable):
    """F03: agent and PostgreSQL sleep and wake together, as a virtual machine does."""
    cluster, old = durable, durable.leader()
    timeline = cluster.timeline()
    with Writer(cluster) as writer:
        writer.wait_progress()
        old.freeze()
        new = cluster.wait_leader(60, other_than=old)
        writer.wait_progress(timeout=30)
        old.thaw()
        assert cluster.wait_healthy(60) is new
    assert cluster.timeline() == timeline + 1
    writer.verify(*cluster.nodes)


def test_frozen_agent_of_a_replica(cluster):
    leader, replica, timeline = cluster.leader(), cluster.replicas()[0], cluster.timeline()
    replica.freeze_agent()
    holds_for(lambda: leader.answers("/primary"), 4, "the leader leads on")
    replica.thaw_agent()
    assert cluster.wait_healthy() is leader
    assert cluster.timeline() == timeline
