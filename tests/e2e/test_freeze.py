"""Agents and nodes that stop without dying, and go on later as if nothing had happened (F02, F03)."""

import pytest

from lib import Prober, Writer
from lib.wait import holds_for, wait_until


def test_frozen_agent_of_the_leader(durable):
    """F02: its key expires, another leads, and after the thaw it must neither write nor lead with what it remembers."""
    cluster, old = durable, durable.leader()
    timeline = cluster.timeline()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        old.freeze_agent()
        new = cluster.wait_leader(60, other_than=old)
        writer.wait_progress(timeout=30)
        old.thaw_agent()
        assert cluster.wait_healthy(60) is new
        holds_for(lambda: cluster.leader() is new, 2, "the new leader stays")
    assert cluster.timeline() == timeline + 1
    assert cluster.key("leader") == new.name
    # Nothing stops the frozen leader's PostgreSQL at its deadline: what a replica confirmed to it after the promotion is
    # gone when it rejoins. All agree on what that is; that nothing is lost is the guard's promise, tested below.
    wait_until(lambda: len({frozenset(writer.missing_on(node)) for node in cluster.nodes}) == 1, 30,
               "all hold the same rows")
    print(f"the frozen leader's PostgreSQL committed for {prober.overlap():.1f} s beside the new one's; "
          f"{len(writer.missing_on(new))} acknowledged rows are gone")


@pytest.mark.guard
def test_frozen_agent_is_fenced(durable):
    """I1, I3: the guard stops PostgreSQL at the lease's deadline when the agent cannot."""
    cluster, old = durable, durable.leader()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        old.freeze_agent()
        cluster.wait_leader(60, other_than=old)
        holds_for(lambda: True, 2, "the new leader leads for a while")
        old.thaw_agent()
        cluster.wait_healthy(60)
    prober.verify()
    writer.verify(*cluster.nodes)


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
