"""A replica whose position is part of the leader's history, and what it still needs to stream: history files, WAL, and an
archive that does not feed it a branch that ended (F61)."""

import glob
import os

import pytest

from lib import Cluster
from lib.wait import holds_for, wait_until

pytestmark = pytest.mark.regent


def hand_over(cluster, old, new):
    answer = old.post("/switchover", {"leader": old.name, "candidate": new.name})
    assert answer.status == 200, answer
    wait_until(lambda: cluster.leader() is new, 60, f"{new} leads")


def leave_one_behind(cluster):
    """The first leader, the one that leads on timeline 2, and a replica that stopped on timeline 1."""
    first = cluster.start().leader()
    second, late = cluster.replicas()
    first.sql("CREATE TABLE items AS SELECT generate_series(1, 10) AS n")
    late.stop()
    hand_over(cluster, first, second)
    cluster.wait_healthy(60, names=(first.name, second.name))
    return first, second, late


def rebuild(cluster, node):
    """A new copy of the leader, which has the history of the present timeline and no other."""
    begun = "trying to bootstrap from leader"
    before = node.log_text().count(begun)
    answer = node.post("/reinitialize", {"force": True})
    assert answer.status == 200, answer
    wait_until(lambda: node.log_text().count(begun) > before, 30, f"{node} is copied")


def histories(node):
    return {os.path.basename(path)[:8]: os.path.getsize(path) for path in glob.glob(f"{node.data}/pg_wal/*.history")}


def conditions(node):
    return {one["name"]: one["detail"] for one in node.status().get("regent", {}).get("conditions", [])}


@pytest.mark.parametrize("who", ["another_member", "nobody"])
def test_a_missing_history_file_is_fetched_or_left_empty(who):
    with Cluster() as cluster:
        first, second, late = leave_one_behind(cluster)
        hand_over(cluster, second, first)
        cluster.wait_healthy(60, names=(first.name, second.name))
        # As a leader that was copied on timeline 3.
        os.remove(f"{first.data}/pg_wal/00000002.history")
        if who == "nobody":
            os.remove(f"{second.data}/pg_wal/00000002.history")
        first.sql("INSERT INTO items SELECT generate_series(1, 10)")
        late.start()
        cluster.wait_healthy(60)
        wait_until(lambda: late.scalar("SELECT count(*) FROM items") == 20, 20, "the rows arrive")
        assert "fetching the timeline histories" in late.log_text()
        assert histories(late)["00000003"] > 0
        assert (histories(late)["00000002"] > 0) == (who == "another_member")
        # And again after a restart of its server, which looks for the newest timeline first.
        assert late.post("/restart").status == 200
        cluster.wait_healthy(60)


def test_a_replica_whose_wal_is_gone_says_so_and_is_copied_where_that_is_allowed():
    """The leader was copied on timeline 3; a replica that stayed on 1 needs the WAL of 2 (clones never had it)."""
    with Cluster() as cluster:
        first, second, late = leave_one_behind(cluster)
        rebuild(cluster, first)
        cluster.wait_healthy(60, names=(first.name, second.name))
        hand_over(cluster, second, first)
        cluster.wait_healthy(60, names=(first.name, second.name))
        rebuild(cluster, second)
        cluster.wait_healthy(60, names=(first.name, second.name))
        hand_over(cluster, first, second)
        cluster.wait_healthy(60, names=(first.name, second.name))
        assert second.status()["timeline"] == 4 and not histories(second).get("00000002"), "empty or absent"
        late.start()
        detail = wait_until(lambda: conditions(late).get("WalMissing"), 60, "a condition names what is missing")
        assert f"{second.name} does not have WAL file 0000000" in detail and "reinitialize this member" in detail
        assert late.scalar("SELECT count(*) FROM items") == 10, "it serves what it has"
        holds_for(lambda: "WalMissing" in conditions(late), 5, "it goes on saying so")
        cluster.patch_config({"postgresql": {"remove_data_directory_on_rewind_failure": True}})
        cluster.wait_healthy(90)
        assert "removing the data directory: the WAL that it needs is gone" in late.log_text()
        assert conditions(late) == {}


@pytest.fixture
def archived(tmp_path):
    """Everybody archives, unless the file `block` is there, and restores, unless the file `closed` is."""
    (tmp_path / "archive").mkdir()
    keep = f"test ! -e {tmp_path}/block && cp %p {tmp_path}/archive/%f"
    # Whole segments that nobody received, which the leader may have published, are no reason to wait for it.
    dynamic = {"maximum_lag_on_failover": 1 << 30,
               "postgresql": {"parameters": {"archive_mode": "on", "archive_command": keep},
                              "recovery_conf": {"restore_command": f"test ! -e {tmp_path}/closed && cp {tmp_path}/archive/%f %p"}}}
    with Cluster(dynamic=dynamic) as cluster:
        cluster.start()
        cluster.root = tmp_path
        yield cluster


def test_an_archive_does_not_feed_a_branch_that_ended(archived):
    cluster = archived
    old = cluster.leader()
    new, late = cluster.replicas()
    old.sql("CREATE TABLE items AS SELECT generate_series(1, 10) AS n")
    wait_until(lambda: late.scalar("SELECT count(*) FROM items") == 10, 20, "the rows arrive")
    late.stop()
    # What only the dying leader had gets into the archive, where the next leader would find it before its promotion; the
    # history of the next timeline does not.
    (cluster.root / "closed").touch()
    old.diverge()
    old.sql("SELECT pg_switch_wal()", options="-c synchronous_commit=local")
    old.sql("CREATE TABLE diverged_too (n int)", options="-c synchronous_commit=local")
    segment = old.scalar("SELECT pg_walfile_name(pg_switch_wal())")
    wait_until((cluster.root / "archive" / segment).exists, 30, f"{segment} is archived")
    (cluster.root / "block").touch()
    old.kill()
    assert cluster.wait_leader(60, other_than=old) is new
    (cluster.root / "closed").unlink()
    new.sql("INSERT INTO items SELECT generate_series(1, 10)")
    late.start()
    cluster.wait_healthy(60, names=(new.name, late.name))
    wait_until(lambda: late.scalar("SELECT count(*) FROM items") == 20, 20, "the rows of the new leader arrive")
    assert late.scalar("SELECT to_regclass('diverged')") is None
    assert "running pg_rewind" not in late.log_text(), "it never was on that branch"
    # The old leader was: it is rewound, with WAL of its own branch from the archive if need be. What it has not archived
    # yet would be lost with that, so it waits for the archive, however often it has to try.
    old.start()
    wait_until(lambda: "before the rewind" in conditions(old).get("RewindFailed", ""), 60, "it says what it waits for")
    wait_until(lambda: old.log_text().count("rewind failed: cannot archive") > 3, 60, "it goes on trying")
    assert "removing the data directory" not in old.log_text()
    (cluster.root / "block").unlink()
    cluster.wait_healthy(90)
    assert old.scalar("SELECT to_regclass('diverged')") is None
    # Followers take part in the next change of the leader without a restart, and from the archive what belongs to it.
    started = late.scalar("SELECT pg_postmaster_start_time()")
    hand_over(cluster, new, old)
    cluster.wait_healthy(60)
    assert late.scalar("SELECT pg_postmaster_start_time()") == started


@pytest.mark.parametrize("fork", ["0/2000000", "0/F0000000"])
def test_a_history_of_a_branch_that_ended_in_the_archive_keeps_nobody_from_starting(archived, fork):
    cluster = archived
    leader, replica = cluster.leader(), cluster.replicas()[0]
    for number in (2, 3):
        (cluster.root / "archive" / f"0000000{number}.history").write_text(f"1\t{fork}\tdead\n")
    replica.stop()
    leader.sql("CREATE TABLE items AS SELECT generate_series(1, 10) AS n")
    replica.start()
    cluster.wait_healthy(60)
    assert replica.scalar("SELECT count(*) FROM items") == 10
    assert replica.status()["timeline"] == 1
