"""Everything dies at once, or one after the other: what was acknowledged is on a disk, and whoever leads next has it."""

import json
import signal

import pytest

from lib import Cluster, Writer
from lib.procs import send
from lib.wait import wait_until


@pytest.fixture(params=["quorum", False], ids=["quorum", "async"])
def cluster_with_delayed_replica(request):
    with Cluster(dynamic={"synchronous_mode": request.param}) as cluster:
        cluster.start()
        leader = cluster.leader()
        delayed, behind = cluster.replicas()
        if request.param:
            wait_until(lambda: (json.loads(cluster.key("sync") or "{}").get("sync_standby") or "").count(",") == 1, 30,
                       "both replicas are voters")
        delayed.configure({"postgresql": {"recovery_conf": {"recovery_min_apply_delay": "1h"}}})
        assert delayed.post("/reload").status == 202
        wait_until(lambda: delayed.setting("recovery_min_apply_delay") == "1h", 20, "replay is delayed")
        yield cluster, leader, delayed, behind



@pytest.mark.regent
def test_unreplayed_wal_counts_after_a_power_cut(cluster_with_delayed_replica):
    """F10, F59: of two replicas the one that holds more wins, although after its start it has replayed less. In quorum
    mode it alone had confirmed the last commits (I5)."""
    cluster, leader, delayed, behind = cluster_with_delayed_replica
    leader.sql("CREATE TABLE ledger AS SELECT 0 AS id")
    wait_until(lambda: behind.scalar("SELECT to_regclass('ledger') IS NOT NULL"), 10, "the table is on the other replica")
    receiver = behind.scalar("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'")
    send([receiver], signal.SIGSTOP)
    for row in range(1, 101):
        leader.sql("INSERT INTO ledger VALUES (%s)", (row,))
    end = leader.scalar("SELECT pg_current_wal_lsn()")
    wait_until(lambda: delayed.scalar("SELECT %s::pg_lsn <= pg_last_wal_receive_lsn()", (end,)), 10,
               "one replica received everything")
    assert delayed.scalar("SELECT to_regclass('ledger')") is None, "it is to replay that in an hour"
    for node in cluster.nodes:
        node.freeze()
    for node in cluster.nodes:
        node.kill()
    behind.start()
    delayed.start()
    new = cluster.wait_leader(90)
    assert new.scalar("SELECT count(*) FROM ledger") == 101
    assert new is delayed
    delayed.configure({})
    leader.start()
    cluster.wait_healthy(90)


@pytest.mark.regent
def test_a_second_death_loses_nothing_and_waits_for_nobody():
    """ADR 11: the new leader dies before it has a standby of its own. Those elect again who could have been elected
    instead of it, the first leader among them."""
    with Cluster(dynamic={"synchronous_mode": "quorum", "ttl": 20}) as cluster:
        cluster.start()
        first = cluster.leader()
        cluster.wait_sync_calm(2, 1)
        with Writer(cluster) as writer:
            writer.wait_progress()
            first.kill()
            second = cluster.wait_leader(60, other_than=first)
            second.kill()
            first.start()
            third = cluster.wait_leader(90, other_than=second)
            writer.wait_progress(timeout=60)
            second.start()
            assert cluster.wait_healthy(120) is third
        writer.verify(*cluster.nodes)
