"""A dead leader is replaced before its lease ends, because its commits need a standby that takes the lock over."""

import os
import signal

import pytest

from lib import Cluster, Writer
from lib.wait import holds_for, wait_until

pytestmark = pytest.mark.regent


@pytest.fixture(scope="module")
def takeover():
    """Three nodes with the default times: a lease of half a minute."""
    times = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}
    with Cluster(dynamic={**times, "synchronous_mode": True}) as cluster:
        cluster.start()
        yield cluster


def prepare(cluster, mode, **settings):
    """Back to three members, in this mode and with these settings, which have arrived everywhere."""
    for node in cluster.nodes:
        node.thaw()
        if not node.alive():
            node.start()
    cluster.wait_healthy(90)
    cluster.patch_config({"synchronous_mode": mode, **settings})
    names = cluster.wait_sync_calm(*((2, 1) if mode == "quorum" else (1, 0)))
    return cluster.leader(), names


def session_lives(cluster, node):
    """Its member key hangs on the same lease as the leader key it had."""
    return f"members/{node.name}" in cluster.keys()


@pytest.mark.parametrize("mode", [True, "quorum"])
def test_dead_leader_is_replaced_before_its_lease_ends(takeover, mode):
    cluster = takeover
    old, confirmed = prepare(cluster, mode)
    with Writer(cluster) as writer:
        writer.wait_progress()
        old.kill()
        new = cluster.wait_leader(30, other_than=old)
        writer.wait_progress(timeout=30)
        assert session_lives(cluster, old), "the lease of the dead leader had run out"
        assert new.name in confirmed
        assert f"taking the leader lock over from {old.name}, which gives no sign of life" in new.log_text()
        print(f"longest pause {writer.longest_gap:.2f} s")
        old.start()
        assert cluster.wait_healthy(90) is new
        writer.wait_progress()
    writer.verify(*cluster.nodes)


def test_frozen_agent_is_not_overtaken(takeover):
    """Its PostgreSQL answers and streams: the lease decides, or the agent when it wakes up."""
    cluster = takeover
    old, _ = prepare(cluster, True)
    with Writer(cluster) as writer:
        writer.wait_progress()
        old.freeze_agent()
        holds_for(lambda: cluster.key("leader") == old.name, 4, "nobody takes the lock over")
        writer.wait_progress()
        old.thaw_agent()
        assert cluster.wait_healthy(60) is old
    writer.verify(*cluster.nodes)


def test_crash_of_postgresql_alone_is_the_agents_affair(takeover):
    cluster = takeover
    old, _ = prepare(cluster, True)
    timeline = cluster.timeline()
    with Writer(cluster) as writer:
        writer.wait_progress()
        os.kill(old.postmaster(), signal.SIGKILL)
        writer.wait_progress(timeout=60)
        assert cluster.wait_healthy(60) is old
    assert cluster.timeline() == timeline
    writer.verify(*cluster.nodes)


def test_the_connection_notices_a_silent_peer(takeover):
    """The kernel does, without waking anybody up; switched off, the setting is as it was."""
    cluster = takeover
    _, confirmed = prepare(cluster, True)
    standby = cluster.node(confirmed[0])
    wait_until(lambda: "tcp_user_timeout=1000" in standby.setting("primary_conninfo"), 20, "it would notice")
    cluster.patch_config({"synchronous_takeover_after": 0})
    wait_until(lambda: "tcp_user_timeout" not in standby.setting("primary_conninfo"), 30, "the users' own")
    cluster.patch_config({"synchronous_takeover_after": None})
    wait_until(lambda: "tcp_user_timeout=1000" in standby.setting("primary_conninfo"), 30, "it would notice again")
    cluster.wait_healthy(60)


def test_switched_off_the_lease_decides(takeover):
    cluster = takeover
    old, _ = prepare(cluster, True, synchronous_takeover_after=False, ttl=5, loop_wait=1, retry_timeout=1)
    cluster.wait_lease(5)
    with Writer(cluster) as writer:
        writer.wait_progress()
        old.kill()
        new = cluster.wait_leader(40, other_than=old)
        assert not session_lives(cluster, old), "the lock was taken before the lease ended"
        assert "taking the leader lock over" not in new.log_text().split("promoted self")[-1]
        old.start()
        cluster.wait_healthy(90)
    writer.verify(*cluster.nodes)
