"""Promotions that are held up: two from one position must not make the same timeline (I8, F62), and one that comes late
must not make a second primary (I1, I3)."""

import os
import signal

import pytest

from lib import Cluster, procs
from lib.proxy import BLACK_HOLE
from lib.wait import wait_until


def held_up(path):
    """A script that says on one pipe that it was called, and ends when it hears of the other."""
    called, go, script = f"{path}.called", f"{path}.go", f"{path}.sh"
    os.mkfifo(go)
    with open(script, "w") as file:
        file.write(f"#!/bin/sh\ntouch {called}\nread word <{go}\n")
    os.chmod(script, 0o700)
    return called, go, script


def hold_up(cluster, node, script):
    """Among equals the priority decides: this one is elected next, and runs the script before its promotion."""
    node.configure({"postgresql": {"pre_promote": script}, "tags": {"failover_priority": 5}})
    assert node.post("/reload").status == 202
    wait_until(lambda: "failover_priority" in str(cluster.members()[node.name].get("tags")), 10, "the tag is known")
    cluster.wait_healthy(60)


@pytest.mark.regent
def test_a_leader_that_dies_of_its_promotion_leaves_no_twin(tmp_path):
    """The new leader is cut off before it is promoted, so that nobody hears of its timeline, takes a commit and dies. The
    other replica is promoted from the same position. Were the numbers the same, pg_rewind would do nothing when the
    first one comes back, which would keep a row that exists nowhere else."""
    called, go, script = held_up(tmp_path / "promote")
    with Cluster(proxied=True) as cluster:
        cluster.start()
        old, timeline = cluster.leader(), cluster.timeline()
        first, second = cluster.replicas()
        hold_up(cluster, first, script)
        old.kill()
        wait_until(lambda: os.path.exists(called), 60, "the first one is about to be promoted")
        first.isolate(BLACK_HOLE)
        with open(go, "w") as pipe:
            pipe.write("go\n")
        wait_until(lambda: not first.in_recovery(), 15, "the first one is promoted")
        first.sql("CREATE TABLE phantom AS SELECT 1 AS x")
        first.kill()

        assert cluster.wait_leader(60) is second
        assert cluster.timeline() == timeline + 2, "a number is given to one promotion only"
        second.sql("CREATE TABLE kept AS SELECT 1 AS x")
        first.heal()
        first.configure({})
        for node in (first, old):
            node.start()
        cluster.wait_healthy(90)
        for node in cluster.nodes:
            wait_until(lambda n=node: n.scalar("SELECT to_regclass('kept')") is not None, 30, f"{node} has what counts")
            assert node.scalar("SELECT to_regclass('phantom')") is None, f"{node} has a row of a dead timeline"
        # The number that was left out does not keep anybody from following: a copy of a copy, and another leader.
        done = cluster.ctl("reinit", "demo", first.name, "--force", "--wait")
        assert done.returncode == 0, done.stderr
        cluster.wait_healthy(90)


@pytest.mark.regent
def test_an_agent_ends_a_promotion_that_the_one_before_it_asked_for(tmp_path):
    """The server hangs in its promotion, its agent dies, and the next one finds no store: it cannot know of the request
    from its own memory, and the guard that knew would be sent home."""
    called, go, script = held_up(tmp_path / "promote")
    with Cluster(proxied=True) as cluster:
        cluster.start()
        old, new = cluster.leader(), cluster.replicas()[0]
        hold_up(cluster, new, script)
        old.kill()
        wait_until(lambda: os.path.exists(called), 60, "it is about to be promoted")
        startup = new.scalar("SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'")
        os.kill(startup, signal.SIGSTOP)
        with open(go, "w") as pipe:
            pipe.write("go\n")
        wait_until(lambda: os.path.exists(os.path.join(new.data, "regent.promoting")), 10, "the promotion is asked for")
        wait_until(lambda: os.path.exists(os.path.join(new.data, "promote")), 10, "PostgreSQL was told")
        server = new.postmaster()
        new.kill_agent()
        new.isolate(BLACK_HOLE)
        new.configure({})
        new.start()
        wait_until(lambda: "its promotion failed, and may still come" in new.log_text(), 30, "the next agent knows of it")
        wait_until(lambda: procs.state_of(server) in (None, "Z"), 10, "that server is gone")
        new.heal()
        old.start()
        cluster.wait_healthy(90)
