"""Failsafe mode: without the store the leader serves on while every other member promises not to take its place."""

import json

import pytest

from lib import PATRONI, Cluster, Prober, Writer
from lib.proxy import BLACK_HOLE
from lib.wait import holds_for, wait_until

FAILSAFE = {"failsafe_mode": True}


def ready(cluster):
    """Everybody is named in the failsafe key."""
    def named():
        members = json.loads(cluster.key("failsafe") or "{}")
        return members.keys() == {node.name for node in cluster.nodes}
    wait_until(named, 20, "the failsafe key names every member")
    return cluster.leader()


@pytest.fixture
def failsafe(durable):
    durable.patch_config(FAILSAFE)
    ready(durable)
    return durable


@pytest.fixture
def proxied():
    with Cluster(proxied=True, dynamic=FAILSAFE) as cluster:
        cluster.start()
        cluster.make_durable()
        ready(cluster)
        yield cluster


def active(node):
    return node.status().get("failsafe_mode_is_active", False)


def metric(node):
    lines = node.get("/metrics").text.splitlines()
    return next(line.split()[-1] for line in lines if line.startswith("patroni_failsafe_mode_is_active{"))


def others(cluster, leader):
    return [node for node in cluster.nodes if node is not leader]


def test_frozen_store_is_not_noticed_by_clients(failsafe):
    """F26, I13: for longer than any lease lasts."""
    cluster, leader, timeline = failsafe, failsafe.leader(), failsafe.timeline()
    assert json.loads(leader.get("/failsafe").text).keys() == {node.name for node in cluster.nodes}
    assert metric(leader) == "0"
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        cluster.etcd.freeze()
        wait_until(lambda: active(leader), cluster.dynamic["ttl"], "the leader is in failsafe mode")
        wait_until(lambda: all(map(active, others(cluster, leader))), 20, "the members know it")
        assert metric(leader) == "1" and leader.status()["cluster_unlocked"]
        holds_for(lambda: leader.answers("/primary") and leader.answers("/leader"), cluster.dynamic["ttl"] + 3,
                  "the leader serves")
        writer.wait_progress()
        cluster.etcd.thaw()
        wait_until(lambda: not active(leader), 20, "failsafe mode is over")
        assert cluster.wait_healthy() is leader and cluster.timeline() == timeline
        writer.wait_progress()
    writer.verify(*cluster.nodes)
    prober.verify()
    log = leader.log_text()
    assert "continue to run as a leader because failsafe mode is enabled and all members are accessible" in log
    assert log.count("failsafe mode began") == 1 and log.count("failsafe mode ended") == 1


def test_one_silent_member_ends_it(failsafe):
    """I13: one that does not answer might be taking over. The leader is down before it could be promoted."""
    cluster, leader = failsafe, failsafe.leader()
    silent = others(cluster, leader)[0]
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        cluster.etcd.kill()
        wait_until(lambda: active(leader), cluster.dynamic["ttl"], "the leader is in failsafe mode")
        silent.freeze_agent()
        wait_until(lambda: not leader.answers("/primary"), cluster.dynamic["ttl"] + 2, "the leader gave up")
        wait_until(leader.in_recovery, 30, "the old leader is a read-only node")
        silent.thaw_agent()
        cluster.etcd.start()
        writer.wait_progress(timeout=90)
        cluster.wait_healthy(60)
    writer.verify(*cluster.nodes)
    prober.verify()


def test_only_the_leader_loses_the_store(proxied):
    """F28: the lock expires before everybody's eyes, and nobody takes it."""
    cluster = proxied
    leader, timeline = cluster.leader(), cluster.timeline()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        leader.store_link.set_mode(BLACK_HOLE)
        wait_until(lambda: cluster.key("leader") is None, cluster.dynamic["ttl"] + 10, "the lock has expired")
        holds_for(lambda: cluster.key("leader") is None and leader.answers("/primary"), 6, "the leader serves")
        member = others(cluster, leader)[0]
        roles = {row["name"]: row["role"] for row in member.get("/cluster").json()["members"]}
        assert roles[leader.name] == "leader" and active(member)
        writer.wait_progress()
        leader.heal()
        wait_until(lambda: cluster.key("leader") == leader.name and not active(leader), 20, "the lock is back")
        assert cluster.wait_healthy() is leader and cluster.timeline() == timeline
    writer.verify(*cluster.nodes)
    prober.verify()


@pytest.mark.regent
def test_patroni_and_we_let_each_other_go_on():
    """F50: the request and its answer are understood both ways."""
    with Cluster(names=("n1",), dynamic=FAILSAFE) as cluster:
        cluster.start()
        peer = cluster.add_node("p2", daemon=PATRONI)
        peer.start()
        cluster.wait_healthy(60)
        for leader in (cluster.node("n1"), peer):
            old = cluster.leader()
            if old is not leader:
                # It waits for the promises of a moment ago, perhaps longer than the request does.
                old.post("/switchover", {"leader": old.name, "candidate": leader.name})
                wait_until(lambda: cluster.healthy() is leader, 60, f"{leader.name} leads")
            ready(cluster)
            # Started again, etcd still has the lease; Patroni gives up when it has expired meanwhile.
            cluster.etcd.kill()
            wait_until(lambda: active(leader), cluster.dynamic["ttl"], f"{leader.name} is in failsafe mode")
            # Patroni would give up at once, we at the end of the lease.
            long_enough = 4 if leader is peer else cluster.dynamic["ttl"] + 2
            holds_for(lambda: leader.answers("/primary"), long_enough, f"{leader.name} serves")
            cluster.etcd.start()
            wait_until(lambda: not active(leader), 30, "failsafe mode is over")
            assert cluster.wait_healthy(60) is leader
