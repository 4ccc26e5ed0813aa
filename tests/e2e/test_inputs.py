"""Bad input: one clear sentence that names the file, key or address; nothing is deleted, nothing crashes."""

import os
import re
import shutil
import socket
import subprocess

import pytest
import yaml

from lib import Cluster, wait_until
from lib.daemons import PG_BIN
from lib.node import PASSWORDS
from lib.ports import HOST, free_port
from lib.procs import ENVIRONMENT
from lib.proxy import REFUSE
from lib.wait import holds_for


@pytest.fixture(scope="module")
def place():
    """An etcd and one node x1 of a scope of its own, which is not started."""
    with Cluster(names=("x1",), scope="other") as place:
        yield place


@pytest.fixture
def node(place):
    node = place.nodes[0]
    node.configure({})
    open(node.log, "w").close()
    yield node
    node.destroy()
    shutil.rmtree(node.data, ignore_errors=True)
    place.etcd.client.delete_prefix(place.prefix())


def initdb(node, mode=0o700):
    subprocess.run([f"{PG_BIN}/initdb", "-D", node.data, "-A", "trust", "--no-sync"], check=True, capture_output=True,
                   cwd=node.directory, env=ENVIRONMENT)
    os.chmod(node.data, mode)


def contents(directory):
    return sorted(os.path.join(root, name) for root, _, names in os.walk(directory) for name in names)


def run_to_its_end(node, timeout=20):
    """Start the agent, which is expected to refuse, and return what it said."""
    node.start()
    wait_until(lambda: not node.alive(), timeout, "the agent has given up")
    assert node.process.returncode == 1, node.log_text()
    return node.log_text()


def one_clear_sentence(text, *words):
    """One line says it all, and there is no trace of a crash."""
    assert any(all(word in line for word in words) for line in text.splitlines()), (words, text)
    assert "Traceback" not in text and "terminate called" not in text
    return True


# -- the configuration file

@pytest.mark.regent
@pytest.mark.parametrize("text, words", [
    ("scope: [demo\n", ("config.yml",)),
    ("- a\n", ("config.yml",)),
    ("", ("config.yml",)),
])
def test_broken_yaml(node, text, words):
    with open(node.config_file, "w") as file:
        file.write(text)
    one_clear_sentence(run_to_its_end(node), *words)


@pytest.mark.regent
def test_missing_file(node):
    os.remove(node.config_file)
    one_clear_sentence(run_to_its_end(node), "config.yml")


@pytest.mark.regent
@pytest.mark.parametrize("missing, word", [
    ({"scope": None}, "scope"),
    ({"restapi": None}, "restapi"),
    ({"etcd3": None}, "etcd3"),
    ({"postgresql": None}, "postgresql"),
    ({"postgresql": {"data_dir": None}}, "postgresql.data_dir"),
    ({"postgresql": {"authentication": None}}, "postgresql.authentication"),
    ({"postgresql": "x"}, "postgresql"),
    ({"restapi": {"listen": "127.0.0.1:99999"}}, "restapi.listen"),
])
def test_missing_or_wrong_keys(node, missing, word):
    node.configure(missing)
    one_clear_sentence(run_to_its_end(node), word)
    assert not os.path.exists(node.data)


@pytest.mark.parametrize("change, code, word", [
    ({}, 0, ""),
    ({"scope": None}, 1, "scope"),
    ({"postgresql": {"bin_dir": "/nonexistent"}}, 1, "/nonexistent"),
    ({"bootstrap": {"dcs": {"ttl": "abc"}}}, 1, "bootstrap.dcs.ttl"),
    ({"bootstrap": {"dcs": {"postgresql": {"parameters": {"work_mem": "10XB"}}}}}, 1,
     "bootstrap.dcs.postgresql.parameters.work_mem 10XB"),
    ({"postgresql": {"parameters": {"max_connections": 100}}}, 1, "max_connections has no effect here"),
    ({"restapi": {"thread_pool_size": 5}}, 1, "restapi.thread_pool_size has no effect"),
])
def test_validate_config(node, change, code, word):
    # The validator refuses loopback as an address for others; this one is loopback too, but it does not know.
    addresses = {"restapi": {"connect_address": f"127.0.0.2:{node.rest_port}"},
                 "postgresql": {"connect_address": f"127.0.0.2:{node.pg_port}"}}
    node.configure(addresses)
    config = node.config
    for key, value in change.items():
        if value is None:
            del config[key]
        else:
            config[key] = {**config[key], **value}
    with open(node.config_file, "w") as file:
        yaml.safe_dump(config, file)
    done = subprocess.run([node.daemon.agent, "--validate-config", node.config_file], capture_output=True, text=True,
                          timeout=30, cwd=node.directory, env=ENVIRONMENT)
    assert done.returncode == code, done.stderr
    assert word in done.stdout + done.stderr


def test_version(node):
    for program, pattern in ((node.daemon.agent, r"^\S+ \d+\.\d+\.\d+$"), (node.daemon.ctl, r"version \d+\.\d+")):
        command = [program, "--version"] if program == node.daemon.agent else [
            program, "-c", node.config_file, "version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=node.directory, env=ENVIRONMENT)
        assert done.returncode == 0 and re.search(pattern, done.stdout.strip()), done


# -- places and addresses

@pytest.mark.regent
def test_busy_rest_port(node):
    with socket.create_server((HOST, node.rest_port)):
        one_clear_sentence(run_to_its_end(node), f"{HOST}:{node.rest_port}", "restapi.listen")
    assert not os.path.exists(node.data)


def test_unreachable_store_is_waited_for(node):
    """As Patroni does: a machine may come up before its store. It says which address it is waiting for."""
    port = free_port()
    node.configure({"etcd3": {"hosts": [f"{HOST}:{port}"]}})
    node.start()
    wait_until(lambda: str(port) in node.log_text() and HOST in node.log_text(), 20, "the log names the address")
    assert node.alive()
    assert node.stop(timeout=15) == 0
    assert not os.path.exists(node.data)


@pytest.mark.regent
def test_missing_programs_of_postgresql(place, node):
    node.configure({"postgresql": {"bin_dir": "/nonexistent"}})
    one_clear_sentence(run_to_its_end(node), "/nonexistent")
    assert not os.path.exists(node.data)
    assert place.key("initialize") is None, "another node may try"


@pytest.mark.regent
def test_control_tool_without_a_store(place, node):
    port = free_port()
    node.configure({"etcd3": {"hosts": [f"{HOST}:{port}"]}})
    done = place.ctl("list", timeout=60)
    assert done.returncode == 1 and one_clear_sentence(done.stderr, f"{HOST}:{port}")


def test_control_tool_without_a_cluster(place, node):
    done = place.ctl("list", "nosuch")
    assert done.returncode == 0 and "nosuch" in done.stdout
    assert place.ctl("nosuch").returncode == 2


# -- data directories

@pytest.mark.regent
def test_data_directory_with_wrong_permissions(node):
    initdb(node, mode=0o777)
    before = contents(node.data)
    node.start()
    wait_until(lambda: "permission" in node.log_text(), 20, "the log speaks of permissions")
    one_clear_sentence(node.log_text(), node.data, "permission")
    assert set(before) <= set(contents(node.data))


@pytest.mark.regent
def test_data_directory_of_another_major_version(node):
    initdb(node)
    with open(os.path.join(node.data, "PG_VERSION"), "w") as file:
        file.write("14\n")
    before = contents(node.data)

    def said():
        return any(node.data in line and "14" in line and "15" in line for line in node.log_text().splitlines())
    node.start()
    wait_until(said, 20, "the log names the directory and both versions")
    assert contents(node.data) == before


def test_data_directory_of_another_cluster_is_refused_and_kept(cluster):
    """F74, I9: the stranger ends, keeps its data, and the cluster does not notice."""
    leader = cluster.leader()
    stranger = cluster.add_node("x1")
    try:
        initdb(stranger)
        before = contents(stranger.data)
        log = run_to_its_end(stranger)
        assert "system ID mismatch, node x1 belongs to a different cluster" in log
        # Patroni converts postgresql.conf before it looks; nothing may be gone.
        assert {path for path in before if "/base/" in path or "/global/" in path} <= set(contents(stranger.data))
        assert cluster.key("leader") == leader.name and leader.answers("/primary")
        if stranger.daemon.name == "regent":
            assert "members/x1" not in cluster.keys()
    finally:
        cluster.remove_node(stranger)


@pytest.mark.regent
def test_second_node_of_the_same_name_is_refused(cluster):
    """F74: the second one ends before it touches a key or a server."""
    first = cluster.node("n1")
    member = cluster.members()["n1"]["api_url"]
    twin = cluster.add_node("x1")
    try:
        twin.configure({"name": "n1"})
        assert "Can't start; there is already a node named 'n1' running" in run_to_its_end(twin)
        assert not os.path.exists(twin.data)
        assert first.alive() and cluster.members()["n1"]["api_url"] == member
    finally:
        cluster.remove_node(twin)


def copy_machine(cluster, leader, name):
    """A node with the leader's data, name and addresses; only what it listens on is its own, as on another machine."""
    twin = cluster.add_node(name)
    subprocess.run(
        [f"{PG_BIN}/pg_basebackup", "-D", twin.data, "-X", "stream", "--checkpoint=fast", "-h", HOST, "-p",
         str(leader.pg_port), "-U", "replicator"], check=True, capture_output=True, cwd=twin.directory,
        env={**ENVIRONMENT, "PGPASSWORD": PASSWORDS["replicator"]})
    own = leader.config
    twin.configure({"name": leader.name,
                    "restapi": {"connect_address": own["restapi"]["connect_address"]},
                    "postgresql": {"connect_address": own["postgresql"]["connect_address"]}})
    return twin


@pytest.mark.regent
def test_copy_of_the_leaders_machine_is_refused(cluster):
    """F74, I1: the address in the member key is its own, as it believes. It ends before it touches anything."""
    leader = cluster.leader()
    twin = copy_machine(cluster, leader, "x1")
    try:
        assert os.path.exists(os.path.join(twin.data, "regent.session")), "the copy has all files of the original"
        before, key = contents(twin.data), cluster.keys()["leader"]
        assert f"there is already a node named '{leader.name}' running" in run_to_its_end(twin)
        assert contents(twin.data) == before
        assert cluster.keys()["leader"] == key and leader.answers("/primary")
    finally:
        cluster.remove_node(twin)


@pytest.mark.regent
def test_copy_of_the_leaders_machine_never_takes_its_lock():
    """F74, I1: it reaches the store and not the original, which renews its lease."""
    with Cluster(proxied=True) as cluster:
        cluster.start()
        leader = cluster.leader()
        twin = copy_machine(cluster, leader, "x1")
        cluster.nodes.remove(twin)
        try:
            leader.links[2].set_mode(REFUSE)
            key, timeline = cluster.keys()["leader"], leader.status()["timeline"]
            twin.start()
            waits = "waiting for a leader lock in my name that I have no record of"
            wait_until(lambda: waits in twin.log_text(), 30, "the copy waits")
            leader.heal()
            holds_for(lambda: cluster.keys()["leader"] == key and leader.accepts_writes()
                      and not twin.accepts_writes() and not twin.answers("/primary"), cluster.dynamic["ttl"] + 5,
                      "the original leads, the copy does not")
            conditions = {condition["name"]: condition["detail"] for condition in twin.status()["regent"]["conditions"]}
            assert "give this member another name" in conditions["NamesakeHoldsLock"]
            assert leader.status()["timeline"] == timeline
        finally:
            twin.destroy()


@pytest.mark.regent
def test_a_lost_record_costs_the_rest_of_the_lease():
    """F74, F10: after a boot of the machine nothing tells it from a copy of itself."""
    with Cluster(names=("n1",)) as cluster:
        cluster.start()
        node = cluster.nodes[0]
        node.kill()
        os.remove(os.path.join(node.data, "regent.session"))
        node.start()
        wait_until(lambda: node.answers("/liveness") and "NamesakeHoldsLock" in str(node.status()["regent"]), 20, "it waits")
        cluster.wait_leader(cluster.dynamic["ttl"] + 15)


def test_sigterm_while_waiting_for_a_leader(place, node):
    """A node whose cluster exists, but whose leader is away, ends when asked to."""
    place.etcd.client.put(place.prefix() + "initialize", "1234567890123456789")
    node.start()
    wait_until(lambda: "waiting for leader to bootstrap" in node.log_text(), 20, "the node waits")
    assert node.stop(timeout=15) == 0
    assert not os.path.exists(node.data)
