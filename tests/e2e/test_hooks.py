"""Scripts of the user: callbacks and the hooks around promotion, stop and bootstrap (compat 1.17, F80)."""

import os
import stat

import pytest

from lib import Cluster
from lib.wait import holds_for, wait_until


def write_script(path, text):
    with open(path, "w") as script:
        script.write("#!/bin/sh\n" + text)
    os.chmod(path, stat.S_IRWXU)
    return str(path)


def lines(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.regent
def test_a_newer_callback_ends_the_older_one_with_its_children(cluster, tmp_path):
    node = cluster.leader()
    log = tmp_path / "callbacks"
    # The first invocation hangs, and so does a child of it.
    script = write_script(tmp_path / "callback", f"""
tail -f /dev/null &
echo "$1 $2 $3 $$ $!" >>{log}
wait
""")
    node.configure({"postgresql": {"callbacks": {"on_restart": script, "on_role_change": script}}})
    assert node.post("/reload").status == 202
    assert node.post("/restart").status == 200
    wait_until(lambda: len(lines(log)) == 1, 20, "the callback runs")
    action, role, scope, *pids = lines(log)[0].split()
    assert (action, scope) == ("on_restart", "demo") and role in ("primary", "master")
    assert all(alive(pid) for pid in pids)
    # A callback that hangs holds up nothing: neither requests nor the next callback.
    assert node.post("/restart").status == 200
    wait_until(lambda: len(lines(log)) == 2, 20, "the next callback runs")
    wait_until(lambda: not any(alive(pid) for pid in pids), 10, "the older one is gone, with its child")
    node.configure({})


@pytest.mark.regent
def test_a_refused_pre_promote_gives_the_lock_to_somebody_else(cluster, tmp_path):
    leader, (first, second) = cluster.leader(), cluster.replicas()
    log = tmp_path / "attempts"
    script = write_script(tmp_path / "refuse", f'echo "$@" >>{log}\nexit 1\n')
    # Whoever is asked first refuses.
    first.configure({"postgresql": {"pre_promote": script}, "tags": {"failover_priority": 5}})
    assert first.post("/reload").status == 202
    wait_until(lambda: "failover_priority" in str(cluster.members()[first.name].get("tags")), 10, "the tag is known")
    cluster.wait_healthy(60)  # with everything received, the priority decides
    leader.stop()
    wait_until(lambda: second.answers("/primary"), 60, "the other replica leads")
    assert lines(log), "the hook was asked"
    assert first.in_recovery()
    leader.start()
    cluster.wait_healthy(60)


@pytest.mark.regent
def test_before_stop_runs_once_and_is_waited_for(cluster, tmp_path):
    node = cluster.replicas()[0]
    log = tmp_path / "stops"
    script = write_script(tmp_path / "before", f'echo asked >>{log}\nsleep 2\necho done >>{log}\n')
    node.configure({"postgresql": {"before_stop": script}})
    assert node.post("/reload").status == 202
    assert node.stop(timeout=60) == 0
    assert lines(log) == ["asked", "done"]
    assert node.postmaster() is None
    node.configure({})
    node.start()
    cluster.wait_healthy(60)


@pytest.mark.regent
def test_post_bootstrap_prepares_the_new_cluster(tmp_path):
    log = tmp_path / "made"
    script = write_script(tmp_path / "post", f"""
psql "$1" -qc 'CREATE TABLE prepared AS SELECT 1' && echo "$1" >>{log}
""")
    with Cluster(names=("n1",), local={"bootstrap": {"post_bootstrap": script}}) as cluster:
        cluster.start()
        assert len(lines(log)) == 1 and lines(log)[0].startswith("postgres://")
        assert cluster.nodes[0].scalar("SELECT count(*) FROM prepared") == 1
        assert cluster.nodes[0].answers("/primary")


@pytest.mark.regent
def test_a_failed_post_bootstrap_leaves_no_cluster_behind(tmp_path):
    script = write_script(tmp_path / "post", "exit 3\n")
    with Cluster(names=("n1",), local={"bootstrap": {"post_bootstrap": script}}) as cluster:
        node = cluster.nodes[0]
        node.start()
        wait_until(lambda: not node.alive(), 60, "the agent gives up")
        assert cluster.key("leader") is None, "nobody leads a cluster that was not made"
        assert os.path.exists(node.data + ".failed")
