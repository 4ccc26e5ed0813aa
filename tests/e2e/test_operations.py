"""What an operator does all day: configuration, restarts, reinitialisation, maintenance mode."""

import datetime
import json
import os
import signal
import subprocess

import pytest

from lib import Cluster, Writer
from lib.ports import HOST, free_port
from lib.wait import holds_for, wait_until

FAR = "2101-01-01T00:00:00+00:00"


def pending(cluster):
    return {node.name for node in cluster.nodes if node.status().get("pending_restart")}


# -- dynamic configuration

def test_parameter_that_needs_no_restart(cluster):
    postmasters = [node.postmaster() for node in cluster.nodes]
    cluster.set_parameter("work_mem", "5MB")
    cluster.patch_config({"postgresql": {"parameters": {"work_mem": None}}})
    wait_until(lambda: all(node.setting("work_mem") == "4MB" for node in cluster.nodes), 20, "the default is back")
    assert json.loads(cluster.key("config")) == cluster.dynamic
    assert [node.postmaster() for node in cluster.nodes] == postmasters


def test_parameter_that_needs_a_restart(cluster):
    leader, everyone = cluster.leader(), {node.name for node in cluster.nodes}
    cluster.patch_config({"postgresql": {"parameters": {"max_connections": 80}}})
    wait_until(lambda: pending(cluster) == everyone, 20, "every node reports that a restart is pending")
    assert all(node.setting("max_connections") == "60" for node in cluster.nodes)
    wait_until(lambda: all(member.get("pending_restart") for member in cluster.members().values()), 30,
               "the member keys say so too")
    assert "*" in cluster.ctl("list").stdout
    # A member that has nothing pending is left alone; with --pending all three are restarted once.
    done = cluster.ctl("restart", "demo", "--pending", "--force")
    assert done.returncode == 0, done.stderr
    for name in everyone:
        assert f"Success: restart on member {name}" in done.stdout
    assert cluster.wait_healthy(60) is leader
    assert all(node.setting("max_connections") == "80" for node in cluster.nodes)
    wait_until(lambda: not pending(cluster), 20, "nothing is pending")


@pytest.mark.regent
def test_another_port_waits_for_a_restart(cluster):
    """F21: until then the agents talk to the server where it is, and the others are told that address."""
    leader = cluster.leader()
    replicas = [node for node in cluster.nodes if node is not leader]
    old_port, new_port = leader.pg_port, free_port()
    streaming = {node.name for node in replicas}
    leader.configure({"postgresql": {"listen": f"{HOST}:{new_port}", "connect_address": f"{HOST}:{new_port}"}})
    try:
        assert leader.request("POST", "/reload").status == 202
        wait_until(lambda: "port" in leader.status().get("pending_restart_reason", {}), 20, "a restart is pending")
        # A new connection of the monitor, of the replicas, of the tool.
        for node in replicas:
            node.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walreceiver'")
        wait_until(lambda: cluster.streaming_from(leader) >= streaming, 30, "the replicas stream again")
        assert leader.status()["state"] == "running"
        assert cluster.members()[leader.name]["conn_url"].endswith(f":{old_port}/postgres")
        leader.pg_port = new_port
        assert cluster.ctl("restart", "demo", leader.name, "--force").returncode == 0
        wait_until(lambda: cluster.members()[leader.name]["conn_url"].endswith(f":{new_port}/postgres"), 20,
                   "the new address is told")
        wait_until(lambda: cluster.streaming_from(leader) >= streaming, 30, "the replicas stream from there")
    finally:
        leader.pg_port = old_port
        leader.configure({})
        leader.request("POST", "/reload")
        cluster.ctl("restart", "demo", leader.name, "--force")
        cluster.wait_healthy(60)


@pytest.mark.regent
def test_reload_takes_other_credentials_and_another_port(cluster):
    """F21, F39: a password is rotated and the REST API moves; members and tool go on understanding each other."""
    secret = {"restapi": {"authentication": {"username": "u", "password": "p"}}}
    login = ["Authorization: Basic dTpw"]
    moved, new_port = cluster.replicas()[0], free_port()
    old_port, moved_to = moved.rest_port, {"listen": f"{HOST}:{new_port}", "connect_address": f"{HOST}:{new_port}"}
    try:
        for node in cluster.nodes:
            node.configure(secret)
            assert node.request("POST", "/reload").status == 202
        wait_until(lambda: all(node.request("POST", "/reload").status == 401 for node in cluster.nodes), 20,
                   "nobody is served without the password")
        # An address of somebody else: nothing changes, and the log says why.
        moved.configure({"restapi": {**secret["restapi"], **moved_to, "listen": f"192.0.2.1:{new_port}"}})
        assert moved.request("POST", "/reload", headers=login).status == 202
        wait_until(lambda: f"restapi was not reloaded: restapi.listen: cannot listen on 192.0.2.1:{new_port}"
                   in moved.log_text(), 20, "the log names the address")
        assert moved.request("POST", "/reload").status == 401
        moved.configure({"restapi": {**secret["restapi"], **moved_to}})
        assert moved.request("POST", "/reload", headers=login).status == 202
        wait_until(lambda: moved.answers("/replica", new_port), 20, "it answers on the new port")
        with pytest.raises(OSError):
            moved.request("GET", "/patroni")
        moved.rest_port = new_port
        wait_until(lambda: f":{new_port}/" in cluster.members()[moved.name]["api_url"], 20, "the others are told")
        # The candidate is asked there, with the new password.
        leader = cluster.leader()
        done = cluster.ctl("switchover", "demo", "--leader", leader.name, "--candidate", moved.name, "--force")
        assert done.returncode == 0 and "Successfully" in done.stdout, (done.stdout, done.stderr)
        assert cluster.wait_healthy(60) is moved
    finally:
        for node in cluster.nodes:
            node.configure({})
            node.signal(signal.SIGHUP)
        moved.rest_port = old_port
        cluster.wait_healthy(60)


@pytest.mark.regent
def test_a_value_that_postgresql_refuses_is_answered_and_does_no_harm(cluster):
    """F20: written verbatim it would keep every other change from being used, and every server from starting again."""
    leader = cluster.leader()
    wrong = {"postgresql": {"parameters": {"work_mem": "10XB", "max_wal_size": "2GB"}}}
    answer = leader.request("PATCH", "/config", wrong)
    assert answer.status == 400 and answer.text.startswith(
        "postgresql.parameters: work_mem = '10XB': invalid value for parameter"), answer
    assert json.loads(cluster.key("config")) == cluster.dynamic

    # Somebody insists, or writes to the store.
    assert leader.request("PATCH", "/config?force_invalid=true", wrong).status == 200
    wait_until(lambda: all(node.setting("max_wal_size") == "2GB" for node in cluster.nodes), 20, "the good one is used")
    assert all(node.setting("work_mem") == "4MB" for node in cluster.nodes)
    for node in cluster.nodes:
        wait_until(lambda n=node: "ParametersRefused" in str(n.status()["regent"]["conditions"]), 20, "it says so")
        assert "work_mem = '10XB' in the dynamic configuration: invalid value" in node.log_text()
        assert node.post("/restart").status == 200
    cluster.wait_healthy(60)
    cluster.patch_config({"postgresql": {"parameters": {"work_mem": "6MB"}}})
    wait_until(lambda: all(node.setting("work_mem") == "6MB" for node in cluster.nodes), 20, "the right one is used")
    for node in cluster.nodes:
        wait_until(lambda n=node: "ParametersRefused" not in str(n.status()["regent"]["conditions"]), 20, "all is well")


@pytest.mark.regent
def test_pending_restart_gives_its_reason(cluster):
    cluster.patch_config({"postgresql": {"parameters": {"max_connections": 80}}})
    wait_until(lambda: len(pending(cluster)) == 3, 20, "every node reports that a restart is pending")
    for node in cluster.nodes:
        assert node.status()["pending_restart_reason"] == {
            "max_connections": {"old_value": "60", "new_value": "80"}}
    cluster.patch_config({"postgresql": {"parameters": {"max_connections": 60}}})
    wait_until(lambda: not pending(cluster), 20, "the old value needs no restart")


@pytest.mark.parametrize("method, body, status", [
    ("PATCH", "{bad", 400), ("PATCH", "", 400), ("PUT", "{bad", 400), ("POST", "{}", 501),
])
def test_malformed_configuration_requests(cluster, method, body, status):
    leader, before = cluster.leader(), cluster.key("config")
    assert leader.request(method, "/config", body).status == status
    assert cluster.key("config") == before
    assert leader.answers("/primary")


def test_useless_values_do_not_hurt(cluster):
    """F40: whatever gets into /config, the cluster runs on, and a correction repairs everything."""
    leader = cluster.leader()
    for value in ({"ttl": "abc"}, {"loop_wait": []}, {"postgresql": 1}):
        leader.request("PATCH", "/config", value)
    holds_for(lambda: leader.answers("/primary"), 4, "the leader leads on")
    assert leader.request("PUT", "/config", cluster.dynamic).status == 200
    assert cluster.wait_healthy() is leader
    wait_until(lambda: leader.get("/config").json() == cluster.dynamic, 20, "the correction is in effect")


def test_edit_and_show_config(cluster):
    done = cluster.ctl("edit-config", "demo", "-s", "loop_wait=2", "-p", "work_mem=6MB", "--force")
    assert done.returncode == 0 and "Configuration changed" in done.stdout, done.stderr
    shown = cluster.ctl("show-config").stdout
    assert "loop_wait: 2\n" in shown and "work_mem: 6MB\n" in shown
    wait_until(lambda: all(node.setting("work_mem") == "6MB" for node in cluster.nodes), 20, "every node has it")
    assert "Not changed" in cluster.ctl("edit-config", "demo", "-s", "loop_wait=2", "--force").stdout


# -- local configuration

def test_reload_by_rest_and_by_signal(cluster):
    node = cluster.replicas()[0]
    postmaster = node.postmaster()
    node.configure({"postgresql": {"parameters": {"work_mem": "7MB"}}})
    answer = node.post("/reload")
    assert (answer.status, answer.text.strip()) == (202, "reload scheduled")
    wait_until(lambda: node.setting("work_mem") == "7MB", 20, "the new value after POST /reload")
    node.configure({"postgresql": {"parameters": {"work_mem": "8MB"}}, "tags": {"zone": "b"}})
    node.signal(signal.SIGHUP)
    wait_until(lambda: node.setting("work_mem") == "8MB", 20, "the new value after SIGHUP")
    wait_until(lambda: node.status().get("tags") == {"zone": "b"}, 20, "the new tag")
    assert node.postmaster() == postmaster
    assert node.get("/replica?tag_zone=b").status == 200 and node.get("/replica?tag_zone=a").status == 503


def test_reload_by_ctl(cluster):
    done = cluster.ctl("reload", "demo", "--force")
    assert done.returncode == 0
    for node in cluster.nodes:
        assert f"Reload request received for member {node.name}" in done.stdout


def test_broken_file_keeps_the_last_good_configuration(cluster):
    node = cluster.leader()
    with open(node.config_file, "w") as file:
        file.write("scope: [demo\n")
    node.signal(signal.SIGHUP)
    holds_for(lambda: node.alive() and node.answers("/primary"), 3, "the leader leads on")
    node.configure({})
    node.signal(signal.SIGHUP)
    assert cluster.wait_healthy() is node


def test_protected_rest_api(cluster):
    leader = cluster.leader()
    for node in cluster.nodes:
        node.configure({"restapi": {"authentication": {"username": "u", "password": "p"}}})
        node.signal(signal.SIGHUP)
    wait_until(lambda: leader.request("PATCH", "/config", {}).status == 401, 20, "the password is asked for")
    for method, path in (("PUT", "/config"), ("POST", "/restart"), ("POST", "/switchover"), ("POST", "/reinitialize"),
                         ("POST", "/reload"), ("POST", "/failover")):
        assert leader.request(method, path, {}).status == 401
    assert leader.get("/config").status == leader.get("/patroni").status == 200
    assert leader.request("POST", "/reload", {}, headers=["Authorization: Basic dTp4"]).status == 401
    assert leader.request("POST", "/reload", {}, headers=["Authorization: Basic dTpw"]).status == 202
    done = cluster.ctl("reload", "demo", leader.name, "--force")
    assert "Reload request received" in done.stdout


# -- restarts

def test_restart_of_a_replica_and_of_the_leader(cluster):
    leader, timeline = cluster.leader(), cluster.timeline()
    for node in (cluster.replicas()[0], leader):
        postmaster = node.postmaster()
        answer = node.post("/restart")
        assert (answer.status, answer.text.strip()) == (200, "restarted successfully")
        assert node.postmaster() not in (None, postmaster)
        assert cluster.wait_healthy() is leader
    assert cluster.timeline() == timeline


def test_restart_with_conditions(cluster):
    leader = cluster.leader()
    postmaster = leader.postmaster()
    for condition in ({"role": "replica"}, {"restart_pending": True}, {"postgres_version": "9.6.0"}):
        assert leader.post("/restart", condition).status == 503, condition
    for mistake in ({"role": "bad"}, {"timeout": -1}, {"postgres_version": "x"}, {"nosuch": 1}, "{"):
        assert leader.post("/restart", mistake).status == 400, mistake
    assert leader.postmaster() == postmaster


def in_seconds(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


@pytest.mark.regent
def test_scheduled_restart(cluster):
    """It is told to everybody, done in time and once; an agent that was restarted meanwhile still knows of it."""
    replica = cluster.replicas()[0]
    answer = replica.post("/restart", {"schedule": FAR})
    assert (answer.status, answer.text.strip()) == (202, "Restart scheduled")
    assert replica.post("/restart", {"schedule": FAR}).status == 409
    wait_until(lambda: FAR in cluster.ctl("list").stdout, 10, "the list shows when")
    assert replica.status()["scheduled_restart"] == {"schedule": FAR}
    replica.kill_agent()
    replica.start()
    wait_until(lambda: replica.answers("/liveness")
               and replica.status().get("scheduled_restart") == {"schedule": FAR}, 30, "the new agent knows the plan")
    done = cluster.ctl("flush", "demo", "restart", "--force")
    assert f"Success: flush scheduled restart for member {replica.name}" in done.stdout
    assert replica.request("DELETE", "/restart").status == 404
    postmaster = replica.postmaster()
    assert replica.post("/restart", {"schedule": in_seconds(2), "role": "replica"}).status == 202
    wait_until(lambda: replica.postmaster() not in (None, postmaster), 30, "the server was restarted in time")
    cluster.wait_healthy(30)
    assert "scheduled_restart" not in replica.status()


def test_restart_by_ctl(cluster):
    leader = cluster.leader()
    postmasters = {node: node.postmaster() for node in cluster.nodes}
    done = cluster.ctl("restart", "demo", "-r", "replica", "--force")
    assert done.returncode == 0, done.stderr
    for node in cluster.replicas():
        assert f"Success: restart on member {node.name}" in done.stdout
        assert node.postmaster() not in (None, postmasters[node])
    assert leader.postmaster() == postmasters[leader]
    cluster.wait_healthy()


# -- reinitialisation

def test_reinitialised_replica_is_cloned_anew(cluster):
    leader, node = cluster.leader(), cluster.replicas()[0]
    marker = os.path.join(node.data, "old")
    with open(marker, "w"):
        pass
    done = cluster.ctl("reinit", "demo", node.name, "--force", "--wait")
    assert done.returncode == 0, done.stderr
    assert f"Success: reinitialize for member {node.name}" in done.stdout
    assert f"Reinitialize is completed on: {node.name}" in done.stdout
    assert not os.path.exists(marker)
    assert cluster.wait_healthy(60) is leader


def test_the_leader_is_not_reinitialised(cluster):
    leader = cluster.leader()
    answer = leader.post("/reinitialize")
    assert (answer.status, answer.text.strip()) == (503, "I am the leader, can not reinitialize")
    done = cluster.ctl("reinit", "demo", leader.name, "--force")
    assert done.returncode == 1
    assert cluster.wait_healthy() is leader


# -- maintenance mode

@pytest.fixture
def paused(cluster):
    done = cluster.ctl("pause", "--wait")
    assert done.returncode == 0 and "Success: cluster management is paused" in done.stdout, done.stderr
    yield cluster
    if json.loads(cluster.key("config")).get("pause"):
        assert cluster.ctl("resume", "--wait").returncode == 0


def test_pause_and_resume(paused):
    cluster, leader = paused, paused.leader()
    assert "Maintenance mode: on" in cluster.ctl("list").stdout
    assert leader.status()["pause"] is True
    again = cluster.ctl("pause")
    assert again.returncode == 1 and "Cluster is already paused" in again.stderr
    answer = leader.post("/switchover", {"leader": leader.name})
    assert (answer.status, answer.text.strip()) == (
        400, "Switchover is possible only to a specific candidate in a paused state")
    wait_until(lambda: f"PAUSE: no action. I am ({leader.name}), the leader with the lock" in leader.log_text(), 10,
               "the leader says that it is paused")
    done = cluster.ctl("resume", "--wait")
    assert done.returncode == 0 and "Success: cluster management is resumed" in done.stdout
    assert cluster.ctl("resume").returncode == 1
    assert cluster.wait_healthy() is leader


def test_paused_agent_does_not_start_postgresql(paused):
    """I14: what somebody stopped in maintenance mode stays down until the mode ends or a restart is asked for."""
    replica = paused.replicas()[0]
    os.kill(replica.postmaster(), signal.SIGKILL)
    wait_until(lambda: replica.postmaster() is None, 10, "the postmaster is gone")
    holds_for(lambda: replica.postmaster() is None, 4, "nobody starts it")
    done = paused.ctl("restart", "demo", replica.name, "--force")
    assert f"Success: restart on member {replica.name}" in done.stdout
    wait_until(lambda: replica.postmaster() is not None, 20, "the postmaster runs")


def test_paused_agent_leaves_postgresql_running_when_it_ends(paused):
    """T30."""
    cluster, leader, timeline = paused, paused.leader(), paused.timeline()
    postmaster = leader.postmaster()
    with Writer(cluster) as writer:
        writer.wait_progress()
        assert leader.stop() == 0
        assert leader.postmaster() == postmaster and not leader.in_recovery()
        leader.start()
        assert cluster.wait_leader() is leader
        writer.wait_progress()
    assert (leader.postmaster(), cluster.timeline()) == (postmaster, timeline)
    writer.verify(leader)


def test_switchover_to_a_named_candidate_works_in_maintenance_mode(paused):
    old, (new, _) = paused.leader(), paused.replicas()
    assert old.post("/switchover", {"leader": old.name, "candidate": new.name}).status == 200
    wait_until(lambda: paused.leader() is new, 30, f"{new} leads")


# -- reading commands

def test_reading_commands(cluster):
    leader = cluster.leader()
    assert cluster.ctl("topology").returncode == 0
    dsn = cluster.ctl("dsn", "-r", "replica").stdout
    assert any(f"port={node.pg_port}" in dsn for node in cluster.replicas())
    assert f"port={leader.pg_port}" in cluster.ctl("dsn").stdout
    done = cluster.ctl("query", "-c", "SELECT 1 AS one", "--format", "json", "-U", "postgres", "-d", "postgres")
    assert json.loads(done.stdout) == [{"one": 1}], done.stderr
    assert cluster.ctl("version", "demo").returncode == 0
    listed = cluster.ctl("list", "-f", "tsv").stdout.splitlines()
    assert len(listed) == 4 and listed[0].split("\t")[:3] == ["Cluster", "Member", "Host"]
    metrics = leader.get("/metrics").text
    assert 'patroni_postgres_running{scope="demo"' in metrics


# -- keys removed by hand (F33)

def test_deleted_leader_key(cluster):
    """A healthy primary takes its key again; no replica is promoted meanwhile."""
    leader, timeline = cluster.leader(), cluster.timeline()
    cluster.etcd.client.delete(cluster.prefix() + "leader")
    assert cluster.wait_healthy(30) is leader
    assert cluster.timeline() == timeline


def test_deleted_keys_are_written_again(cluster):
    leader = cluster.leader()
    history = cluster.key("history")
    for name in ("status", f"members/{leader.name}", "initialize", "config"):
        cluster.etcd.client.delete(cluster.prefix() + name)
    wait_until(lambda: {"status", f"members/{leader.name}", "initialize", "config"} <= set(cluster.keys()), 30,
               "the keys are back")
    assert int(cluster.key("initialize")) == leader.scalar("SELECT system_identifier FROM pg_control_system()")
    assert cluster.wait_healthy() is leader
    assert cluster.key("history") == history


def test_deleted_prefix(cluster):
    """Everything is gone at once: the same leader leads on, and the configuration comes back from its cache."""
    leader, identifier = cluster.leader(), cluster.key("initialize")
    cluster.etcd.client.delete_prefix(cluster.prefix())
    assert cluster.wait_healthy(60) is leader
    assert cluster.key("initialize") == identifier
    wait_until(lambda: json.loads(cluster.key("config") or "{}") == cluster.dynamic, 20, "/config is back")


# -- what an agent thought (O3)

@pytest.mark.regent
def test_decisions_of_an_agent_are_made_again():
    """On SIGUSR1 the last decisions are written down with what they were made from; the simulator decides as the agent
    did."""
    with Cluster(names=("n1",)) as cluster:
        node = cluster.nodes[0]
        node.configure({"log": {"dir": node.directory}})
        cluster.start()
        record = os.path.join(node.directory, "regent-n1.decisions")
        node.signal(signal.SIGUSR1)
        wait_until(lambda: os.path.exists(record) and open(record).read().endswith("\n"), 10, "the decisions are there")
        assert os.stat(record).st_mode & 0o077 == 0
        assert "trying to bootstrap a new cluster" in open(os.path.join(node.directory, "regent-n1.report")).read()
        simulator = os.path.join(os.path.dirname(node.daemon.agent), "regent-sim")
        done = subprocess.run([simulator, "--replay", record], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "bootstrap in progress" in done.stdout and ", 0 different" in done.stdout
