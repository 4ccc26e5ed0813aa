"""Nodes, agents and servers die, with a writer that remembers what it was promised."""

import os
import shutil
import signal

import pytest

from lib import Prober, Writer
from lib.wait import holds_for, wait_until


def test_dead_leader_node_is_replaced_rewound_and_nothing_is_lost(durable):
    """The whole node dies at once, with WAL that nobody else has (F71): it must come back by pg_rewind (F70)."""
    cluster, old = durable, durable.leader()
    timeline = cluster.timeline()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        old.diverge()
        old.kill()
        new = cluster.wait_leader(60, other_than=old)
        writer.wait_progress(timeout=30)
        assert cluster.timeline() == timeline + 1
        old.start()
        assert cluster.wait_healthy(90) is new
        writer.wait_progress()
    writer.verify(*cluster.nodes)
    prober.verify()
    assert old.scalar("SELECT to_regclass('diverged')") is None, "what nobody had confirmed is gone after the rewind"
    assert "running pg_rewind from" in old.log_text()
    assert cluster.history()[-1][0] == timeline and cluster.history()[-1][4] == new.name


def test_crashed_postmaster_is_restarted_in_place(durable):
    """F12: the lease is held, so the leader recovers where it stands; no failover for it (L4)."""
    cluster, leader = durable, durable.leader()
    timeline, postmaster = cluster.timeline(), leader.postmaster()
    with Writer(cluster) as writer:
        writer.wait_progress()
        os.kill(postmaster, signal.SIGKILL)
        wait_until(lambda: leader.postmaster() not in (None, postmaster), 30, "a new postmaster runs")
        writer.wait_progress(timeout=60)
    assert cluster.wait_healthy() is leader
    # Patroni 3.0 promotes the same node once more; Patroni 4 and Regent recover it as the primary it was.
    assert cluster.timeline() == timeline or leader.daemon.generation < 4
    writer.verify(*cluster.nodes)


def test_crashed_postmaster_of_a_replica_is_restarted(cluster):
    replica = cluster.replicas()[0]
    leader, postmaster = cluster.leader(), replica.postmaster()
    os.kill(postmaster, signal.SIGKILL)
    wait_until(lambda: replica.postmaster() not in (None, postmaster), 30, "a new postmaster runs")
    assert cluster.wait_healthy() is leader


def test_killed_agent_adopts_the_running_postmaster(durable):
    """F01, F11: the agent dies, PostgreSQL does not notice, and the next agent takes both over, key and server."""
    cluster = durable
    with Writer(cluster) as writer:
        for node in (cluster.leader(), cluster.replicas()[0]):
            writer.wait_progress()
            leader, timeline, postmaster = cluster.leader(), cluster.timeline(), node.postmaster()
            node.kill_agent()
            node.start()
            assert cluster.wait_healthy() is leader
            assert (node.postmaster(), cluster.timeline()) == (postmaster, timeline)
    writer.verify(*cluster.nodes)


def test_stopped_agent_of_the_leader_hands_over(durable):
    """F09: a clean stop releases the key after the shutdown checkpoint has reached a replica, so nobody waits for the
    lease to expire, and the old node needs no rewind."""
    cluster, old = durable, durable.leader()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        assert old.stop() == 0
        assert old.postmaster() is None
        assert cluster.key("leader") != old.name
        new = cluster.wait_leader(15, other_than=old)
        writer.wait_progress()
        log_before = len(old.log_text())
        old.start()
        assert cluster.wait_healthy(60) is new
    writer.verify(*cluster.nodes)
    prober.verify()
    assert writer.longest_gap < cluster.dynamic["ttl"], "the lease was released, not waited for"
    assert "running pg_rewind from" not in old.log_text()[log_before:]


def test_stopped_agent_of_a_replica_takes_its_server_along(cluster):
    replica = cluster.replicas()[0]
    assert replica.stop() == 0
    assert replica.postmaster() is None
    member = cluster.members().get(replica.name)
    assert member is None or member["state"] == "stopped"


def test_dead_replica_node_changes_nothing_for_the_others(cluster):
    leader, replica, timeline = cluster.leader(), cluster.replicas()[0], cluster.timeline()
    replica.kill()
    holds_for(lambda: cluster.leader() is leader, 3, "the leader leads on")
    replica.start()
    assert cluster.wait_healthy() is leader
    assert cluster.timeline() == timeline


def test_everything_dies_at_once_and_comes_back(durable):
    """F10: a power cut of all nodes. One of them leads again, and no node starts from scratch."""
    cluster = durable
    identifier = cluster.key("initialize")
    with Writer(cluster) as writer:
        writer.wait_progress()
        for node in cluster.nodes:
            node.freeze()
        for node in cluster.nodes:
            node.kill()
        for node in reversed(cluster.nodes):
            node.start()
        writer.wait_progress(timeout=90)
        cluster.wait_healthy(90)
    writer.verify(*cluster.nodes)
    assert cluster.key("initialize") == identifier


def test_vanished_data_directory_of_the_leader(durable):
    """F53: the leader lets go, another takes over, and nobody runs initdb into the hole."""
    cluster, old = durable, durable.leader()
    identifier = cluster.key("initialize")
    with Writer(cluster) as writer:
        writer.wait_progress()
        os.rename(old.data, old.data + ".away")
        try:
            new = cluster.wait_leader(60, other_than=old)
            writer.wait_progress(timeout=30)
            assert cluster.wait_healthy(90) is new
        finally:
            shutil.rmtree(old.data + ".away")
    assert cluster.key("initialize") == identifier
    writer.verify(*cluster.nodes)


# Patroni 3.0 leaves it waiting for ever: its timeline is ahead of the leader's, and nothing asks for a rewind.
@pytest.mark.regent
def test_replica_promoted_by_hand(durable):
    """F75: a primary without the lease is demoted, and rewound if it must be. It never gets the key for that."""
    cluster, leader = durable, durable.leader()
    stray = cluster.replicas()[0]
    with Writer(cluster) as writer:
        writer.wait_progress()
        # Not waiting for its end: the agent may be faster than the answer.
        stray.sql("SELECT pg_promote(false)")
        wait_until(lambda: stray.in_recovery() and cluster.healthy() is leader, 60, f"{stray} follows again")
        writer.wait_progress()
    assert cluster.key("leader") == leader.name
    writer.verify(*cluster.nodes)
