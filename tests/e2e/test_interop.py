"""Regent beside the programs people already have: Debian's Patroni and patronictl 3.0.2 (F50), HAProxy, vip-manager."""

import json
import os

import pytest

from lib import PATRONI, SUBJECT, Cluster, Prober, Writer, sql
from lib.haproxy import Haproxy
from lib.vip import VipManager, namespaces_work
from lib.wait import holds_for, wait_until


# -- patronictl

def test_debians_patronictl_lists_our_cluster(cluster):
    leader = cluster.leader()
    wanted = {node.name: ("Leader", "running", cluster.timeline(), None) if node is leader else
              ("Replica", "running", cluster.timeline(), 0) for node in cluster.nodes}

    def listed():
        return {name: (row["Role"], row["State"], row["TL"], row.get("Lag in MB"))
                for name, row in cluster.list(daemon=PATRONI).items()}
    wait_until(lambda: listed() == wanted, 20, f"the list shows {wanted}")
    table = cluster.ctl("list", daemon=PATRONI)
    assert table.returncode == 0 and "+ Cluster: demo" in table.stdout
    assert cluster.ctl("show-config", daemon=PATRONI).stdout == cluster.ctl("show-config").stdout


def test_debians_patronictl_switches_our_cluster_over(cluster):
    old, (new, _) = cluster.leader(), cluster.replicas()
    done = cluster.ctl("switchover", "demo", "--master", old.name, "--candidate", new.name, "--force", daemon=PATRONI)
    assert done.returncode == 0 and f'Successfully switched over to "{new.name}"' in done.stdout, done
    assert cluster.wait_healthy() is new


def test_debians_patronictl_manages_our_cluster(cluster):
    leader, replica = cluster.leader(), cluster.replicas()[0]
    for command, answer in (
            (("pause", "--wait"), "Success: cluster management is paused"),
            (("resume", "--wait"), "Success: cluster management is resumed"),
            (("edit-config", "demo", "-p", "work_mem=6MB", "--force"), "Configuration changed"),
            (("restart", "demo", replica.name, "--force"), f"Success: restart on member {replica.name}"),
            (("reinit", "demo", replica.name, "--force"), f"Success: reinitialize for member {replica.name}")):
        done = cluster.ctl(*command, daemon=PATRONI)
        assert done.returncode == 0 and answer in done.stdout, (command, done.stdout, done.stderr)
    wait_until(lambda: leader.setting("work_mem") == "6MB", 20, "the parameter is set")
    assert cluster.wait_healthy(60) is leader


# -- a mixed cluster

@pytest.fixture(scope="module")
def mixed():
    """Two nodes of ours, then a Patroni that joins them."""
    with Cluster(names=("n1", "n2")) as cluster:
        cluster.start()
        peer = cluster.add_node("p3", daemon=PATRONI)
        peer.start()
        cluster.wait_healthy(60)
        cluster.make_durable()
        yield cluster


def switch_over(cluster, new):
    old = cluster.leader()
    answer = old.post("/switchover", {"leader": old.name, "candidate": new.name})
    assert answer.status == 200, answer
    assert cluster.wait_healthy(60) is new


def test_patroni_joins_is_switched_over_to_and_back(mixed):
    ours, peer = mixed.node("n1"), mixed.node("p3")
    if mixed.leader() is not ours:
        switch_over(mixed, ours)
    marks = {node: len(node.log_text()) for node in mixed.nodes}
    with Writer(mixed) as writer, Prober(mixed) as prober:
        writer.wait_progress()
        switch_over(mixed, peer)
        writer.wait_progress()
        switch_over(mixed, ours)
        writer.wait_progress()
    writer.verify(*mixed.nodes)
    prober.verify()
    for node in mixed.nodes:
        log = node.log_text()[marks[node]:]
        assert "running pg_rewind from" not in log and "bootstrapped from" not in log, f"{node} only followed"


def test_dead_leader_of_ours_is_replaced_in_a_mixed_cluster(mixed):
    ours = mixed.node("n1")
    if mixed.leader() is not ours:
        switch_over(mixed, ours)
    with Writer(mixed) as writer:
        writer.wait_progress()
        ours.diverge()
        ours.kill()
        new = mixed.wait_leader(60, other_than=ours)
        writer.wait_progress(timeout=30)
        ours.start()
        assert mixed.wait_healthy(90) is new
    writer.verify(*mixed.nodes)


def test_dead_patroni_leader_is_replaced_by_ours(mixed):
    peer = mixed.node("p3")
    if mixed.leader() is not peer:
        switch_over(mixed, peer)
    with Writer(mixed) as writer:
        writer.wait_progress()
        peer.kill()
        new = mixed.wait_leader(60, other_than=peer)
        assert new.daemon is SUBJECT
        writer.wait_progress(timeout=30)
        peer.start()
        assert mixed.wait_healthy(90) is new
    writer.verify(*mixed.nodes)


def test_a_node_changes_its_daemon_and_keeps_its_data(mixed):
    """T15, T30: in maintenance mode an agent can be replaced under a running server; the other program takes over the
    same directory, there and back."""
    node = mixed.node("n2")
    ours = node.daemon
    assert mixed.ctl("pause", "--wait").returncode == 0
    postmaster = node.postmaster()
    for daemon in (PATRONI, ours):
        assert node.stop() == 0
        assert node.postmaster() == postmaster
        node.daemon = daemon
        node.start()
        wait_until(lambda: node.answers("/health") and mixed.members()[node.name]["state"] == "running", 30,
                   f"{daemon.name} manages {node}")
        assert node.postmaster() == postmaster
    assert mixed.ctl("resume", "--wait").returncode == 0
    mixed.wait_healthy(60)
    # And with a stop of the server in between.
    for daemon in (PATRONI, ours):
        mark = len(node.log_text())
        assert node.stop() == 0
        node.daemon = daemon
        node.start()
        mixed.wait_healthy(60)
        assert "bootstrapped from" not in node.log_text()[mark:]
        assert os.path.exists(os.path.join(node.data, "postgresql.base.conf"))


def test_patroni_understands_our_keys(mixed):
    """The words of generation 4 and of generation 3 stand side by side (T1)."""
    for name, member in mixed.members().items():
        role = mixed.node(name).daemon.primary_role if mixed.leader().name == name else "replica"
        assert member["role"] == role
    views = [{row["name"]: row["role"] for row in node.get("/cluster").json()["members"]} for node in mixed.nodes]
    assert all(view == views[0] for view in views), views
    assert json.loads(mixed.key("config"))["ttl"] == mixed.dynamic["ttl"]


# -- what follows the leader

def test_haproxy_follows_the_leader(cluster):
    def behind(proxy):
        return sql.query(proxy.port, "SELECT setting::int FROM pg_settings WHERE name = 'port'", reply_timeout=3)[0][0]

    with Haproxy(cluster) as proxy:
        old, (new, _) = cluster.leader(), cluster.replicas()
        wait_until(lambda: behind(proxy) == old.pg_port, 15, f"HAProxy leads to {old}")
        assert old.post("/switchover", {"leader": old.name, "candidate": new.name}).status == 200
        wait_until(lambda: behind(proxy) == new.pg_port, 15, f"HAProxy leads to {new}")
        wait_until(lambda: proxy.has_dropped(old), 15, f"HAProxy has seen that {old} leads no more")
        cluster.wait_healthy()
        holds_for(lambda: behind(proxy) == new.pg_port, 2, f"HAProxy leads to {new} only")


def test_vip_manager_follows_the_leader(cluster):
    if not namespaces_work():
        pytest.skip("this machine does not let users make network namespaces")
    old, (new, third) = cluster.leader(), cluster.replicas()
    with VipManager(cluster, old) as at_old, VipManager(cluster, new) as at_new, VipManager(cluster, third) as at_third:
        wait_until(at_old.has_address, 15, f"the address is at {old}")
        assert not at_new.has_address() and not at_third.has_address()
        assert old.post("/switchover", {"leader": old.name, "candidate": new.name}).status == 200
        wait_until(at_new.has_address, 15, f"the address is at {new}")
        wait_until(lambda: not at_old.has_address(), 15, f"the address has left {old}")
        assert not at_third.has_address()
    cluster.wait_healthy()
