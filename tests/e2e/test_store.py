"""The store is gone, slow or answers into the void; nodes are cut off from it, or from everybody."""

import pytest

from lib import Cluster, Prober, Writer
from lib.proxy import BLACK_HOLE, DROP_REPLIES, REFUSE
from lib.wait import holds_for, wait_until


@pytest.fixture(scope="module")
def proxied_cluster():
    with Cluster(proxied=True) as cluster:
        cluster.start()
        cluster.make_durable()
        yield cluster


@pytest.fixture
def proxied(proxied_cluster):
    """Every link between a node and the rest of the world goes through a proxy."""
    for node in proxied_cluster.nodes:
        node.heal()
    proxied_cluster.wait_healthy(60)
    return proxied_cluster


def no_primary(cluster):
    return not any(node.answers("/primary") for node in cluster.nodes)


def test_outage_of_the_store(durable):
    """F26: without the store nobody may lead. All go on serving reads, and the old leader resumes afterwards."""
    cluster, leader = durable, durable.leader()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        cluster.etcd.kill()
        wait_until(lambda: no_primary(cluster), cluster.dynamic["ttl"], "nobody answers as primary any more")
        wait_until(leader.in_recovery, 30, "the old leader is a read-only node")
        holds_for(lambda: no_primary(cluster) and all(node.in_recovery() for node in cluster.nodes), 3,
                  "three read-only nodes")
        cluster.etcd.start()
        writer.wait_progress(timeout=60)
        cluster.wait_healthy(60)
    writer.verify(*cluster.nodes)
    prober.verify()


@pytest.mark.regent
def test_restored_backup_of_the_store(durable):
    """F34: the id of the cluster is the old one, its term is lower than the agents know. They go on by themselves."""
    cluster = durable
    agents = {node.name: node.process.pid for node in cluster.nodes}
    for _ in range(2):
        cluster.etcd.kill()
        cluster.etcd.start()
        cluster.wait_healthy(60)
    cluster.etcd.save()
    before = cluster.etcd.header()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        cluster.etcd.restore()
        after = cluster.etcd.header()
        assert after[0] == before[0] and after[1] < before[1], "the same id and a lower term"
        # Until then the leader serves on under the lease it had.
        wait_until(lambda: all("etcd was restored" in node.log_text() for node in cluster.nodes),
                   2 * cluster.dynamic["ttl"], "everybody gave up what it knew of the store")
        cluster.wait_leader(cluster.dynamic["ttl"] + 40)
        writer.wait_progress(timeout=60)
        cluster.wait_healthy(60)
    assert {node.name: node.process.pid for node in cluster.nodes if node.alive()} == agents, "nobody was restarted"
    writer.verify(*cluster.nodes)
    prober.verify()


def test_short_outage_changes_nothing(cluster):
    leader, timeline = cluster.leader(), cluster.timeline()
    cluster.etcd.freeze()
    holds_for(lambda: not leader.in_recovery(), 1.5, "the leader is a primary")
    cluster.etcd.thaw()
    assert cluster.wait_healthy() is leader
    assert cluster.timeline() == timeline


@pytest.mark.parametrize("mode", [BLACK_HOLE, REFUSE])
def test_only_the_leader_loses_the_store(proxied, mode):
    """F28, I3: it must be read-only before anybody else may be promoted."""
    cluster, old = proxied, proxied.leader()
    timeline = cluster.timeline()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        old.store_link.set_mode(mode)
        new = cluster.wait_leader(60, other_than=old)
        writer.wait_progress(timeout=30)
        old.heal()
        assert cluster.wait_healthy(60) is new
    assert cluster.timeline() == timeline + 1, "one fault, one change (L4)"
    writer.verify(*cluster.nodes)
    prober.verify()


@pytest.mark.parametrize("mode", [BLACK_HOLE, REFUSE])
def test_the_leader_is_cut_off_from_everybody(proxied, mode):
    """F41: store, replicas and clients are all on the other side."""
    cluster, old = proxied, proxied.leader()
    timeline = cluster.timeline()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        old.isolate(mode)
        new = cluster.wait_leader(60, other_than=old)
        writer.wait_progress(timeout=30)
        # It may still be shutting down: walsenders wait for replicas they cannot reach (F15).
        assert not old.accepts_writes()
        old.heal()
        assert cluster.wait_healthy(60) is new
    assert cluster.timeline() == timeline + 1, "one fault, one change (L4)"
    writer.verify(*cluster.nodes)
    prober.verify()


def test_a_replica_loses_the_store(proxied):
    cluster, leader, timeline = proxied, proxied.leader(), proxied.timeline()
    replica = cluster.replicas()[0]
    replica.store_link.set_mode(BLACK_HOLE)
    holds_for(lambda: leader.answers("/primary") and not leader.in_recovery(), 6, "the leader leads on")
    assert replica.in_recovery() and replica.name in cluster.streaming_from(leader)
    replica.heal()
    assert cluster.wait_healthy() is leader
    assert cluster.timeline() == timeline


def test_slow_store(proxied):
    """F27: every answer is late, but in time."""
    cluster, leader, timeline = proxied, proxied.leader(), proxied.timeline()
    for node in cluster.nodes:
        node.store_link.delay = 0.3
    holds_for(lambda: leader.answers("/primary"), 8, "the leader leads on")
    for node in cluster.nodes:
        node.heal()
    assert cluster.wait_healthy() is leader
    assert cluster.timeline() == timeline


def test_lost_replies(proxied):
    """F32: what the leader writes is done, but it never hears of it. That counts as not renewed, and never as two
    primaries."""
    cluster, old = proxied, proxied.leader()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        old.store_link.set_mode(DROP_REPLIES)
        wait_until(lambda: not old.answers("/primary"), cluster.dynamic["ttl"] + 5, "the leader gives up")
        old.heal()
        cluster.wait_healthy(60)
        writer.wait_progress()
    writer.verify(*cluster.nodes)
    prober.verify()


def test_all_lose_the_store_and_find_it_again(proxied):
    cluster = proxied
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        for node in cluster.nodes:
            node.store_link.set_mode(REFUSE)
        wait_until(lambda: no_primary(cluster), cluster.dynamic["ttl"], "nobody answers as primary any more")
        for node in cluster.nodes:
            node.heal()
        writer.wait_progress(timeout=60)
        cluster.wait_healthy(60)
    writer.verify(*cluster.nodes)
    prober.verify()
