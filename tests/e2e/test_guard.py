"""What ends PostgreSQL when its agent cannot (I3): the guard, and the watchdog beside it."""

import os
import signal

import pytest

from lib import Prober, Writer, procs
from lib.fifo import WatchdogPipe
from lib.wait import holds_for, wait_until

pytestmark = pytest.mark.regent


def armed(node):
    return node.status()["regent"]["guard"]["state"] == "armed"


def test_frozen_agent_is_fenced(durable):
    """F02: no two primaries, nothing acknowledged is lost, and after the thaw it neither writes nor leads."""
    cluster, old = durable, durable.leader()
    timeline = cluster.timeline()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        old.freeze_agent()
        new = cluster.wait_leader(60, other_than=old)
        writer.wait_progress(timeout=30)
        assert old.postmaster() is None
        old.thaw_agent()
        assert cluster.wait_healthy(60) is new
        holds_for(lambda: cluster.leader() is new, 2, "the new leader stays")
    assert cluster.timeline() == timeline + 1
    prober.verify()
    writer.verify(*cluster.nodes)
    assert "the guard ended PostgreSQL" in old.log_text()


def test_killed_agent_is_fenced(durable):
    """F01: PostgreSQL outlives its agent, but not its lease."""
    cluster, old = durable, durable.leader()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        old.kill_agent()
        cluster.wait_leader(60, other_than=old)
        writer.wait_progress(timeout=30)
        assert old.postmaster() is None
        wait_until(lambda: old.guard() is None, 10, "the guard has ended, its work is done")
        old.start()
        cluster.wait_healthy(60)
    prober.verify()
    writer.verify(*cluster.nodes)


def test_restarted_agent_takes_over_from_the_guard(cluster):
    """F01: the agent is back before its lease ends, PostgreSQL never stopped, and the old guard goes home."""
    leader = cluster.leader()
    wait_until(lambda: armed(leader), 10, "the guard is armed")
    before, postmaster = leader.guard(), leader.postmaster()
    leader.kill_agent()
    assert procs.state_of(before) is not None
    leader.start()
    wait_until(lambda: leader.answers("/primary"), 30, "it leads again")
    wait_until(lambda: armed(leader), 10, "its own guard is armed")
    wait_until(lambda: procs.state_of(before) in (None, "Z"), 10, "the old guard is gone")
    assert cluster.wait_healthy() is leader
    assert leader.postmaster() == postmaster


def test_killed_guard_is_replaced(cluster):
    leader = cluster.leader()
    wait_until(lambda: armed(leader), 10, "the guard is armed")
    first = leader.guard()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: leader.guard() not in (None, first) and armed(leader), 10, "another guard is armed")
    assert f"the guard (pid {first}) was killed by signal 9" in leader.log_text()
    assert "regent_guard_armed{" in leader.get("/metrics").text


def test_replicas_and_pause_have_nothing_to_end(cluster):
    """I14: in pause a frozen agent changes nothing."""
    leader = cluster.leader()
    for node in cluster.replicas():
        assert not armed(node)
    assert leader.request("PATCH", "/config", {"pause": True}).status == 200
    wait_until(lambda: not armed(leader), 15, "the guard is disarmed")
    postmaster = leader.postmaster()
    leader.freeze_agent()
    wait_until(lambda: cluster.key("leader") is None, 60, "the lock has run out")
    holds_for(lambda: leader.postmaster() == postmaster, 2, "PostgreSQL is left alone")
    leader.thaw_agent()
    wait_until(lambda: leader.answers("/primary"), 30, "it leads again")
    assert leader.request("PATCH", "/config", {"pause": None}).status == 200
    wait_until(lambda: armed(leader), 15, "the guard is armed again")


def test_watchdog(cluster, tmp_path):
    """Opened before the promotion, kept alive by renewals, follows the ttl, closed in pause and at the end."""
    node = cluster.leader()
    with WatchdogPipe(tmp_path / "watchdog") as pipe:
        node.stop()
        cluster.wait_leader(30, other_than=node)
        node.configure({"watchdog": {"mode": "required", "driver": "testing", "device": str(pipe.path)}})
        node.start()
        cluster.wait_healthy(60)
        assert pipe.heard == ""
        assert cluster.ctl("switchover", "--candidate", node.name, "--force").returncode == 0
        wait_until(lambda: cluster.leader() is node, 30, "it leads")
        ttl = cluster.dynamic["ttl"]
        wait_until(lambda: pipe.heard.startswith(f"Ctimeout={ttl - 5}\n11"), 20, "it is kept alive")
        assert node.request("PATCH", "/config", {"ttl": ttl + 2}).status == 200
        wait_until(lambda: f"Ctimeout={ttl - 3}\n1" in pipe.heard, 20, "it follows the ttl")
        assert node.request("PATCH", "/config", {"pause": True}).status == 200
        wait_until(lambda: pipe.heard.endswith("V"), 20, "it is closed in pause")
        assert node.request("PATCH", "/config", {"pause": None}).status == 200
        wait_until(lambda: pipe.heard.endswith("1"), 20, "it is opened again")
        node.stop()
        assert pipe.heard.endswith("V")
    node.start()
    cluster.wait_healthy(60)
    # Its device is gone: it must not lead any more, until its configuration says otherwise.
    assert node.status()["watchdog_failed"] is True
    leader = cluster.leader()
    assert leader.post("/switchover", {"leader": leader.name, "candidate": node.name}).status in (412, 503)
    node.configure({})
    node.signal(signal.SIGHUP)
    wait_until(lambda: "watchdog_failed" not in node.status(), 20, "the configuration was read again")


def test_frozen_postgres_is_replaced(durable):
    """F13: all processes of PostgreSQL stand still, the agent does not."""
    cluster, old = durable, durable.leader()
    assert old.request("PATCH", "/config", {"primary_hang_timeout": 3}).status == 200
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        procs.freeze_under(old.data)
        new = cluster.wait_leader(60, other_than=old)
        writer.wait_progress(timeout=30)
        assert cluster.wait_healthy(60) is new
    prober.verify()
    writer.verify(*cluster.nodes)
    assert "PostgreSQL hangs" in old.log_text()


def test_frozen_postmaster_is_named(cluster):
    """F13: sessions work, new connections do not."""
    leader = cluster.leader()
    os.kill(leader.postmaster(), signal.SIGSTOP)

    def named():
        return "PostgresHangs" in [item["name"] for item in leader.status()["regent"]["conditions"]]
    wait_until(named, 30, "the condition is there")
    os.kill(leader.postmaster(), signal.SIGCONT)
    wait_until(lambda: not named(), 30, "the condition is gone")
    assert cluster.wait_healthy() is leader
