"""A standby cluster: a whole cluster that follows another one, here another Regent cluster, and is promoted by hand."""

import pytest

from lib import Cluster, Writer
from lib.daemons import PG_BIN
from lib.node import PASSWORDS
from lib.ports import HOST
from lib.wait import holds_for, wait_until


def standby_leader(cluster):
    found = [node for node in cluster.nodes if node.alive() and node.answers("/standby-leader")]
    return found[0] if len(found) == 1 and cluster.key("leader") == found[0].name else None


def settled(cluster):
    """The standby leader, once everybody else in its cluster streams from it and it streams from the other cluster."""
    leader = standby_leader(cluster)
    if leader is None or leader.status().get("replication_state") != "streaming":
        return None
    rest = {node.name for node in cluster.nodes if node is not leader}
    return leader if rest <= cluster.streaming_from(leader) else None


def wait_settled(cluster, timeout=60):
    return wait_until(lambda: settled(cluster), timeout, "a standby leader and a cascade of replicas")


@pytest.fixture(scope="module")
def sites():
    """A cluster of two nodes, and one of two that follows it."""
    with Cluster(names=("n1", "n2"), scope="east") as east:
        east.start()
        east.patch_config({"slots": {"west": {"type": "physical"}}})
        leader = east.leader()
        leader.sql("SELECT pg_create_physical_replication_slot('west', true) WHERE NOT EXISTS "
                   "(SELECT FROM pg_replication_slots WHERE slot_name = 'west')")
        follow = {"host": HOST, "port": leader.pg_port, "primary_slot_name": "west"}
        with Cluster(names=("s1", "s2"), scope="west", dynamic={"standby_cluster": follow}) as west:
            for node in west.nodes:
                node.start()
            wait_settled(west, 90)
            yield east, west


def rows(node):
    return node.scalar("SELECT count(*) FROM items")


def test_copies_and_says_so(sites):
    east, west = sites
    leader = standby_leader(west)
    replica = next(node for node in west.nodes if node is not leader)
    east.leader().sql("CREATE TABLE items AS SELECT generate_series(1, 100) AS n")
    wait_until(lambda: rows(leader) == rows(replica) == 100, 20, "the rows arrive at the end of the cascade")
    assert west.key("initialize") == east.key("initialize")
    assert leader.setting("primary_slot_name") == "west"
    assert leader.answers("/leader") and not leader.answers("/primary") and not leader.answers("/replica")
    assert not any(node.answers("/primary") for node in west.nodes)
    assert replica.answers("/replica")
    assert leader.status()["role"] == west.members()[leader.name]["role"] == "standby_leader"
    assert west.list()[leader.name]["Role"] == "Standby Leader"
    wait_until(lambda: f"no action. I am ({leader.name}), the standby leader with the lock" in leader.log_text(), 10,
               "the sentence of a standby leader")


def test_failover_promotes_nobody(sites):
    """Another node becomes standby leader and follows the remote server; the timeline stays as it is."""
    east, west = sites
    old = wait_settled(west)
    old.kill()
    new = wait_until(lambda: standby_leader(west), 60, "another standby leader")
    assert new is not old and new.in_recovery()
    old.start()
    assert wait_settled(west) is new
    assert new.status()["timeline"] == east.timeline()
    east.leader().sql("INSERT INTO items SELECT generate_series(1, 50)")
    wait_until(lambda: all(rows(node) == rows(east.leader()) for node in west.nodes), 20, "new rows arrive")


def test_roles_are_exchanged(sites):
    """demote-cluster stops the one cleanly, promote-cluster makes the other one stand on its own; nothing is lost."""
    east, west = sites
    wait_settled(west)
    old = east.leader()
    with Writer(east) as writer:
        writer.wait_progress()
    written = {row[0] for row in old.sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                                         "'public'::regnamespace")}
    west_leader = standby_leader(west)
    done = east.ctl("demote-cluster", "--force", "--host", HOST, "--port", str(west_leader.pg_port))
    assert done.returncode == 0, done
    wait_until(lambda: standby_leader(east), 60, "the first cluster is a standby cluster")
    assert all(node.in_recovery() for node in east.nodes)
    done = west.ctl("promote-cluster", "--force")
    assert done.returncode == 0, done
    leader = west.wait_healthy(60)
    assert written <= {row[0] for row in leader.sql("SELECT relname FROM pg_class WHERE relkind = 'r'")}
    writer.verify(*west.nodes)
    leader.sql("INSERT INTO items SELECT generate_series(1, 7)")
    # It goes on along the new timeline, without a copy and without a rewind.
    wait_settled(east, 60)
    wait_until(lambda: all(rows(node) == rows(leader) for node in east.nodes), 30, "the first cluster follows")
    holds_for(lambda: not any(node.answers("/primary") for node in east.nodes), 3, "nobody leads the first cluster")
    assert east.ctl("demote-cluster", "--force", "--host", "x").returncode == 1
    assert west.ctl("promote-cluster", "--force").returncode == 1


def test_follows_whoever_leads_of_a_list_of_hosts():
    with Cluster(names=("n1", "n2"), scope="east") as east:
        east.start()
        ports = ",".join(str(node.pg_port) for node in east.nodes)
        follow = {"host": f"{HOST},{HOST}", "port": ports}
        with Cluster(names=("s1",), scope="west", dynamic={"standby_cluster": follow}) as west:
            west.nodes[0].start()
            leader = wait_settled(west, 60)
            old, new = east.leader(), east.replicas()[0]
            old.sql("CREATE TABLE items AS SELECT generate_series(1, 10) AS n")
            wait_until(lambda: rows(leader) == 10, 20, "the rows arrive")
            assert old.post("/switchover", {"leader": old.name, "candidate": new.name}).status == 200
            assert east.wait_healthy(60) is new
            new.sql("INSERT INTO items SELECT generate_series(1, 10)")
            wait_until(lambda: rows(leader) == 20, 40, "the rows of the next leader arrive")
            assert leader.in_recovery()


def test_follows_an_archive_alone(tmp_path):
    """No server to connect to: WAL comes from restore_command, the first copy from a method that needs no leader."""
    archive, copies = tmp_path / "archive", tmp_path / "copy"
    archive.mkdir()
    keep = {"postgresql": {"parameters": {"archive_mode": "on", "archive_command": f"cp %p {archive}/%f"}}}
    with Cluster(names=("n1",), scope="east", dynamic=keep) as east:
        source = east.start().leader()
        source.sql("CREATE TABLE items AS SELECT generate_series(1, 10) AS n")
        copies.write_text(f'#!/bin/sh\nfor word; do case $word in --datadir=*) data=${{word#--datadir=}};; esac; done\n'
                          f'exec {PG_BIN}/pg_basebackup -D "$data" -X none -c fast '
                          f'-d "host={HOST} port={source.pg_port} user=replicator password={PASSWORDS["replicator"]}"\n')
        copies.chmod(0o755)
        follow = {"restore_command": f"cp {archive}/%f %p", "create_replica_methods": ["copy"]}
        method = {"postgresql": {"copy": {"command": str(copies), "no_leader": True}}}
        with Cluster(names=("s1",), scope="west", dynamic={"standby_cluster": follow}, local=method) as west:
            west.nodes[0].start()
            leader = wait_until(lambda: standby_leader(west), 60, "a standby leader")
            source.sql("INSERT INTO items SELECT generate_series(1, 10)")
            source.sql("SELECT pg_switch_wal()")
            wait_until(lambda: rows(leader) == 20, 40, "the rows arrive through the archive")
            assert leader.status()["replication_state"] == "in archive recovery"
            assert west.ctl("promote-cluster", "--force").returncode == 0
            assert rows(west.wait_healthy(60)) == 20
