"""Synchronous replication: what commits wait for, who may be elected, and that nothing acknowledged is ever lost."""

import json

import pytest

from lib import Writer
from lib.wait import holds_for, wait_until

def published(cluster):
    """What /sync says, as text."""
    return cluster.key("sync")


def waits_for(node):
    return node.setting("synchronous_standby_names")


def sync_states(leader):
    return dict(leader.sql("SELECT application_name, sync_state FROM pg_stat_replication"))


def sync_text(leader, names, quorum=0):
    listed = json.dumps(",".join(sorted(names))) if names else "null"
    return f'{{"leader":"{leader.name}","quorum":{quorum},"sync_standby":{listed}}}'


def wait_sync(cluster, names, setting, quorum=0, timeout=30):
    """Wait until exactly these standbys are waited for and may be elected."""
    leader = cluster.leader()
    wait_until(lambda: published(cluster) == sync_text(leader, names, quorum) and waits_for(leader) == setting, timeout,
               f"/sync {sync_text(leader, names, quorum)} and '{setting}'")


def chosen(cluster):
    """The one synchronous standby, once there is one."""
    def found():
        state = json.loads(published(cluster) or "{}")
        leader = cluster.leader()
        name = state.get("sync_standby")
        ready = leader and state["leader"] == leader.name and name and waits_for(leader) == name
        return cluster.node(name) if ready else None
    return wait_until(found, 30, "one synchronous standby is chosen")


def switch(cluster, **settings):
    cluster.patch_config({f"synchronous_{name}": value for name, value in settings.items()})


@pytest.fixture
def sync(cluster):
    """The shared cluster with one synchronous standby. Afterwards nothing of it is left (the next test's mending
    replaces the configuration)."""
    switch(cluster, mode=True)
    chosen(cluster)
    yield cluster
    for node in cluster.nodes:
        if not node.alive():
            node.start()
    cluster.wait_leader(60)
    cluster.patch_config({"synchronous_mode": None, "synchronous_mode_strict": None, "synchronous_node_count": None})
    wait_until(lambda: published(cluster) is None and waits_for(cluster.leader()) == "", 30, "asynchronous again")


def test_every_mode_in_its_text_forms(sync):
    cluster, leader = sync, sync.leader()
    one = chosen(cluster)
    other, = [node for node in cluster.replicas() if node is not one]
    both = [one.name, other.name]
    listed = ",".join(sorted(both))
    assert sync_states(leader) == {one.name: "sync", other.name: "async"}
    assert one.answers("/sync") and one.answers("/read-only-sync") and not one.answers("/async")
    assert other.answers("/async") and not other.answers("/sync") and leader.answers("/read-only-sync")
    assert one.status()["sync_standby"] is True
    assert cluster.list()[one.name]["Role"] == "Sync Standby"

    switch(cluster, node_count=2)
    wait_sync(cluster, both, f"2 ({listed})")
    switch(cluster, mode="quorum", node_count=1)
    wait_sync(cluster, both, f"ANY 1 ({listed})", quorum=1)
    assert set(sync_states(leader).values()) == {"quorum"}
    wait_until(lambda: one.answers("/quorum") and other.answers("/quorum"), 10, "/quorum answers on both")
    assert not one.answers("/sync") and one.status()["quorum_standby"] is True
    assert cluster.list()[one.name]["Role"] == "Quorum Standby"
    switch(cluster, node_count=2)
    wait_sync(cluster, both, f"ANY 2 ({listed})", quorum=0)
    switch(cluster, mode="on", node_count=1)
    kept = chosen(cluster)
    wait_sync(cluster, [kept.name], kept.name)
    switch(cluster, mode="off")
    wait_until(lambda: published(cluster) is None and waits_for(leader) == "", 20, "no trace is left")
    switch(cluster, mode=True)
    chosen(cluster)


def test_setting_of_the_users(cluster):
    """It is theirs while the mode is off, ours while it is on, and theirs again afterwards."""
    leader, name = cluster.leader(), cluster.replicas()[0].name
    cluster.set_parameter("synchronous_standby_names", f"ANY 1 ({name})")
    switch(cluster, mode=True, node_count=2)
    names = sorted(node.name for node in cluster.replicas())
    wait_sync(cluster, names, f"2 ({','.join(names)})")
    cluster.patch_config({"synchronous_mode": False})
    wait_until(lambda: published(cluster) is None, 20, "/sync is gone")
    wait_until(lambda: all(waits_for(node) == f"ANY 1 ({name})" for node in cluster.nodes), 20, "the users' own setting")
    assert cluster.leader() is leader


def test_switchover_goes_to_the_synchronous_standby_only(sync):
    cluster, old = sync, sync.leader()
    one = chosen(cluster)
    other, = [node for node in cluster.replicas() if node is not one]
    refused = old.post("/switchover", {"leader": old.name, "candidate": other.name})
    assert (refused.status, refused.text.strip()) == (412, "candidate name does not match with sync_standby")
    with Writer(cluster) as writer:
        writer.wait_progress()
        answer = old.post("/switchover", {"leader": old.name, "candidate": one.name})
        assert (answer.status, answer.text.strip()) == (200, f'Successfully switched over to "{one.name}"')
        assert cluster.wait_healthy(60) is one
        writer.wait_progress()
    writer.verify(*cluster.nodes)
    assert chosen(cluster) is not one


def test_failover_to_the_asynchronous_node_is_a_persons_decision(sync):
    cluster = sync
    one = chosen(cluster)
    other, = [node for node in cluster.replicas() if node is not one]
    done = cluster.ctl("failover", "demo", "--candidate", other.name, stdin="y\ny\n")
    assert f"Are you sure you want to failover to the asynchronous node {other.name}?" in done.stdout, done.stdout
    assert f'Successfully failed over to "{other.name}"' in done.stdout
    assert cluster.wait_healthy(60) is other


@pytest.mark.parametrize("mode", [True, "quorum"])
def test_dead_leader_is_replaced_by_who_has_everything(sync, mode):
    cluster, old = sync, sync.leader()
    switch(cluster, mode=mode, mode_strict=True)
    wait_until(lambda: waits_for(old).startswith("ANY") == (mode == "quorum"), 20, "the mode is in force")
    wait_until(lambda: json.loads(published(cluster))["quorum"] == (1 if mode == "quorum" else 0), 20, "and published")
    allowed = json.loads(published(cluster))["sync_standby"].split(",")
    with Writer(cluster) as writer:
        writer.wait_progress()
        old.kill()
        new = cluster.wait_leader(60, other_than=old)
        assert new.name in allowed
        # Strict: the first commit already waits for the standby that is left.
        writer.wait_progress(timeout=30)
        old.start()
        cluster.wait_healthy(90)
        writer.wait_progress()
    writer.verify(*cluster.nodes)


def test_dead_standbys_cost_no_availability_unless_strict(sync):
    cluster, leader = sync, sync.leader()
    one = chosen(cluster)
    other, = [node for node in cluster.replicas() if node is not one]
    with Writer(cluster) as writer:
        writer.wait_progress()
        one.kill()
        wait_sync(cluster, [other.name], other.name, timeout=40)
        writer.wait_progress(timeout=20)
        other.kill()
        wait_sync(cluster, [], "", timeout=40)
        writer.wait_progress(timeout=20)
        switch(cluster, mode_strict=True)
        wait_sync(cluster, [], "*")
        wait_until(lambda: any(each["name"] == "SyncBlocked" for each in leader.status()["regent"]["conditions"]), 10,
                   "the condition says why commits hang")
        stuck = len(writer.acknowledged)
        holds_for(lambda: len(writer.acknowledged) <= stuck + 1, 2, "nothing is acknowledged without a standby")
        one.start()
        other.start()
        writer.wait_progress(timeout=60)
        cluster.wait_healthy(60)
    writer.verify(*cluster.nodes)


def test_standby_that_stops_is_not_waited_for(sync):
    """It asks the leader to do without it, and stops after that: no commit waits for a server that is not there."""
    cluster = sync
    one = chosen(cluster)
    other, = [node for node in cluster.replicas() if node is not one]
    seen = []

    def stopped_or_released():
        state = json.loads(published(cluster))
        seen.append((state["sync_standby"], one.postmaster() is not None))
        return one.postmaster() is None

    one.signal(15)
    wait_until(stopped_or_released, 30, f"PostgreSQL of {one} is down")
    assert (one.name, False) not in seen, "it went down while commits waited for it"
    assert "waiting for the leader to do without this synchronous standby" in one.log_text()
    wait_sync(cluster, [other.name], other.name)
    wait_until(lambda: not one.alive(), 30, "the agent has ended")
    one.start()
    cluster.wait_healthy(60)
    # The same for a restart; it may be chosen again afterwards.
    assert other.post("/restart").status == 200
    assert "waiting for the leader to do without this synchronous standby" in other.log_text()
    cluster.wait_healthy(60)
    chosen(cluster)
    wait_until(lambda: "nosync" not in cluster.members()[other.name].get("tags", {}), 10, "the hint is taken back")


def test_nosync_tag(sync):
    cluster = sync
    one = chosen(cluster)
    other, = [node for node in cluster.replicas() if node is not one]
    one.configure({"tags": {"nosync": True}})
    assert one.post("/reload").status == 202
    wait_sync(cluster, [other.name], other.name)
    assert one.answers("/async") and not one.answers("/sync")


def test_killed_agent_of_the_leader_keeps_the_promise(sync):
    """The setting survives the agent; after a restart of PostgreSQL commits wait again for whoever is published (I7)."""
    cluster, leader = sync, sync.leader()
    one = chosen(cluster)
    leader.kill_agent()
    assert waits_for(leader) == one.name
    leader.start()
    cluster.wait_healthy(60)
    assert waits_for(leader) == one.name and json.loads(published(cluster))["sync_standby"] == one.name
    assert leader.post("/restart").status == 200
    # Standbys take up to five seconds to connect again: until one does, nobody can be waited for.
    wait_until(lambda: waits_for(leader) and waits_for(leader) == json.loads(published(cluster))["sync_standby"], 30,
               "commits wait for a published standby again")
