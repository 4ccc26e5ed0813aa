"""Replication slots: of members, permanent ones, and other people's (F76, F77). The consumer is a real pg_recvlogical."""

import json
import os
import re
import signal

import pytest

from lib import Cluster, holds_for, wait_until
from lib.daemons import PG_BIN
from lib.ports import HOST
from lib.procs import spawn

pytestmark = pytest.mark.regent

CDC = {"type": "logical", "database": "postgres", "plugin": "test_decoding"}
DYNAMIC = {
    "slots": {"cdc": CDC, "archive": {"type": "physical"}},
    "postgresql": {"parameters": {"wal_level": "logical", "wal_receiver_status_interval": "1s",
                                  "synchronous_standby_names": "ANY 1 (*)"}},
}


@pytest.fixture(scope="module")
def slots():
    with Cluster(dynamic=DYNAMIC) as cluster:
        cluster.start()
        cluster.leader().sql("CREATE TABLE changes (id int PRIMARY KEY)")
        yield cluster


@pytest.fixture(autouse=True)
def mended(slots):
    for node in slots.nodes:
        if not node.alive():
            node.start()
    slots.wait_healthy(60)
    slots.wait_leader().request("PUT", "/config", slots.dynamic)
    wait_until(lambda: ready(slots), 60, "every replica has a copy of the logical slot that is ready")


def ledger(node):
    """GET /slots by name."""
    return {slot["name"]: slot for slot in node.get("/slots").json()["slots"]}


def names(node):
    return {row[0] for row in node.sql("SELECT slot_name FROM pg_replication_slots")}


def confirmed(node):
    return node.scalar("SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE slot_name = 'cdc'")


def ready(cluster):
    return "cdc" in names(cluster.leader()) and all(
        ledger(node).get("cdc", {}).get("ready") for node in cluster.replicas())


def conditions(node):
    return {condition["name"] for condition in node.status()["regent"]["conditions"]}


class Consumer:
    """Reads the slot of whoever leads, into one file."""

    def __init__(self, cluster):
        self.cluster, self.process = cluster, None
        self.file = os.path.join(cluster.directory, "changes.out")
        self.log = os.path.join(cluster.directory, "consumer.log")

    def seen(self):
        try:
            with open(self.file) as file:
                return [int(number) for number in re.findall(r"changes: INSERT: id\[integer\]:(\d+)", file.read())]
        except FileNotFoundError:
            return []

    def __enter__(self):
        leader = self.cluster.leader()
        self.process = spawn(
            [os.path.join(PG_BIN, "pg_recvlogical"), "-d",
             f"host={HOST} port={leader.pg_port} user=postgres dbname=postgres", "-S", "cdc", "--start", "-f", self.file,
             "--fsync-interval", "0", "--status-interval", "1"], self.cluster.directory, self.log)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def wait_seen(self, last):
        wait_until(lambda: last in self.seen(), 30, f"the consumer has seen {last}")


def insert(cluster, first, last):
    cluster.leader().sql("INSERT INTO changes SELECT generate_series(%s, %s)", (first, last))


def switch_over(cluster):
    old = cluster.leader()
    assert old.post("/switchover", {"leader": old.name}).status == 200
    return old, cluster.wait_healthy(60)


def test_members_and_permanent_slots_are_everywhere(slots):
    leader = slots.leader()
    for node in slots.nodes:
        wanted = {"cdc", "archive"} | {other.name for other in slots.nodes if other is not node}
        wait_until(lambda node=node, wanted=wanted: names(node) == wanted, 20, f"{node} has the slots {wanted}")
    status = json.loads(slots.key("status"))
    assert set(status["slots"]) == {"n1", "n2", "n3", "cdc", "archive"}
    assert status["retain_slots"] == ["n1", "n2", "n3"]
    entry = ledger(leader)["archive"]
    assert (entry["owner"], entry["type"], entry["active"]) == ("permanent", "physical", False)
    assert ledger(leader)[slots.replicas()[0].name]["owner"] == "member"
    assert all(node.setting("hot_standby_feedback") == "on" for node in slots.nodes)


def test_physical_slots_on_replicas_follow_the_leader(slots):
    leader, (replica, other) = slots.leader(), slots.replicas()
    leader.sql("SELECT pg_replication_slot_advance('archive', pg_current_wal_lsn())")
    for name in ("archive", other.name):
        position = "SELECT restart_lsn - '0/0' FROM pg_replication_slots WHERE slot_name = %s"
        target = leader.scalar(position, (name,))
        wait_until(lambda name=name, target=target: replica.scalar(position, (name,)) >= target, 20,
                   f"the slot {name} of {replica} has followed")


def test_the_tool_shows_the_ledger(slots):
    done = slots.ctl("slots", "demo", "-f", "json")
    assert done.returncode == 0, done.stderr
    rows = {(row["Member"], row["Slot"]): row for row in json.loads(done.stdout)}
    leader, (replica, _) = slots.leader(), slots.replicas()
    assert rows[leader.name, "cdc"]["Owner"] == "permanent"
    assert rows[replica.name, "cdc"]["State"] == "copy, ready"
    assert rows[leader.name, replica.name]["State"] == "active"


def test_a_consumer_misses_nothing_through_a_switchover_and_a_failover(slots):
    consumer = Consumer(slots)
    with consumer:
        insert(slots, 1, 50)
        consumer.wait_seen(50)
    # What it has not read yet must come from the next leaders.
    insert(slots, 51, 100)
    assert all(confirmed(node) <= confirmed(slots.leader()) for node in slots.replicas())
    switch_over(slots)
    insert(slots, 101, 150)
    with consumer:
        consumer.wait_seen(120)
    wait_until(lambda: ready(slots), 60, "the copies are ready again")
    insert(slots, 151, 200)
    old = slots.leader()
    old.kill()
    slots.wait_leader(60, other_than=old)
    insert(slots, 201, 250)
    with consumer:
        consumer.wait_seen(250)
    assert set(consumer.seen()) == set(range(1, 251))
    # Again and again is allowed, a gap is not: after every repetition it goes on where it was.
    for before, after in zip(consumer.seen(), consumer.seen()[1:]):
        assert after <= before + 1
    old.start()
    slots.wait_healthy(60)
    wait_until(lambda: ready(slots), 60, "the old leader has a copy that is ready, too")


def test_a_consumer_that_hangs_does_not_keep_the_leader_from_stopping(slots):
    """F15: PostgreSQL waits for its consumers when it stops, and this one confirms nothing any more."""
    consumer = Consumer(slots)
    with consumer:
        insert(slots, 1001, 1050)
        consumer.wait_seen(1050)
        consumer.process.send_signal(signal.SIGSTOP)
        try:
            insert(slots, 1051, 1100)
            old, _ = switch_over(slots)
            assert "which keeps PostgreSQL from stopping" in old.log_text()
        finally:
            consumer.process.send_signal(signal.SIGCONT)


def test_a_copy_that_is_not_proven_is_not_offered(slots):
    """Who cannot ask the leader does not know whether the catalog rows that decoding needs are still there (I16)."""
    for node in slots.nodes:
        node.configure({"postgresql": {"authentication": {"rewind": {"username": "nobody"}}}})
        assert node.post("/reload").status == 202
    switch_over(slots)
    # The new leader's was proven before; the next one's cannot be.
    _, leader = switch_over(slots)
    wait_until(lambda: "SlotLost" in conditions(leader), 20, "the loss has a name")
    assert "cdc" not in names(leader)
    holds_for(lambda: "cdc" not in names(leader), 2, "no other slot is made under its name")
    for node in slots.nodes:
        node.configure({})
        assert node.post("/reload").status == 202
    # A person decides to begin anew.
    slots.patch_config({"slots": {"cdc": None}})
    wait_until(lambda: "cdc" not in json.loads(slots.key("status"))["slots"], 20, "it is forgotten")
    slots.patch_config({"slots": {"cdc": CDC}})
    wait_until(lambda: "cdc" in names(leader), 20, "it is there again")


def test_slots_of_others_are_left_alone(slots):
    slots.patch_config({"ignore_slots": [{"name": "left_alone", "type": "logical"}]})
    leader = slots.leader()
    leader.sql("SELECT pg_create_logical_replication_slot(name, 'test_decoding') FROM "
               "(VALUES ('left_alone'), ('leftover')) AS slots (name)")
    leader.sql("SELECT pg_create_physical_replication_slot('foreign_one', true)")
    others = {"left_alone", "leftover", "foreign_one"}
    holds_for(lambda: others <= names(leader), 3, "the leader keeps what is not its own")
    assert ledger(leader)["foreign_one"]["owner"] == "foreign"
    assert ledger(leader)["left_alone"]["owner"] == "ignored"
    old, _ = switch_over(slots)
    # On a replica before PostgreSQL 16 a logical slot is of no use to anybody, unless somebody said otherwise.
    wait_until(lambda: "leftover" not in names(old), 20, "the leftover is gone")
    assert {"left_alone", "foreign_one"} <= names(old)
    for name in ("left_alone", "foreign_one"):
        old.sql("SELECT pg_drop_replication_slot(%s)", (name,))


def test_a_slot_taken_out_of_the_configuration_goes(slots):
    slots.patch_config({"slots": {"archive": None}})
    wait_until(lambda: all("archive" not in names(node) for node in slots.nodes), 20, "it is gone everywhere")


def test_the_slot_of_an_absent_member_is_kept_for_a_while(slots):
    leader, (gone, other) = slots.leader(), slots.replicas()
    gone.stop()
    wait_until(lambda: gone.name not in slots.members(), 20, "its key is gone")
    holds_for(lambda: gone.name in names(leader) and gone.name in names(other), 2, "its slots are kept")
    assert ledger(leader)[gone.name]["owner"] == "retained"
    assert gone.name in json.loads(slots.key("status"))["retain_slots"]
    slots.patch_config({"member_slots_ttl": "2s"})
    wait_until(lambda: gone.name not in names(leader) | names(other), 20, "they are gone after member_slots_ttl")


def test_no_slots_where_they_are_not_used(slots):
    slots.patch_config({"postgresql": {"use_slots": False}})
    wait_until(lambda: not any(names(node) for node in slots.nodes), 30, "no slot is left")
    assert slots.healthy()
