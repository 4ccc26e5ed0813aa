"""A cluster of nodes around one etcd, in a scratch directory of its own."""

import json
import os
import shutil
import subprocess
import tempfile
import weakref

from . import procs
from .daemons import SUBJECT
from .etcd import Etcd
from .node import Node, merged
from .wait import pause, wait_until

# The shortest times Patroni accepts, so that a failover takes the least time it can (T13).
DYNAMIC = {
    "ttl": 20, "loop_wait": 1, "retry_timeout": 3, "maximum_lag_on_failover": 1048576,
    "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": {"max_connections": 60}},
}
# A commit is acknowledged only after a standby has it on disk. The standby with the most WAL, which is the one that
# wins the election, then has every acknowledged row, so "nothing acknowledged is lost" is exact, no matter of luck.
DURABLE = {"postgresql": {"parameters": {"synchronous_standby_names": "ANY 1 (*)"}}}

_living = weakref.WeakSet()


def living_clusters():
    return list(_living)


def scratch_directory():
    if os.geteuid() == 0:
        raise RuntimeError("PostgreSQL does not run as root: start these tests with ./run e2e")
    return os.path.realpath(tempfile.mkdtemp(prefix="regent-e2e."))


class Cluster:
    """Use as a context manager: whatever happens inside, nothing of it is left when the block ends. If `proxied`, every
    link between a node and the rest of the world can be cut, slowed down or made to lose replies."""

    def __init__(self, names=("n1", "n2", "n3"), daemon=SUBJECT, dynamic=None, local=None, proxied=False,
                 scope="demo"):
        self.scope, self.daemon = scope, daemon
        self.dynamic = merged(DYNAMIC, dynamic or {})
        self._local, self._proxied = local or {}, proxied
        self.directory = scratch_directory()
        self.etcd = Etcd(os.path.join(self.directory, "etcd"))
        self.nodes = []
        _living.add(self)
        for name in names:
            self.add_node(name)

    def __enter__(self):
        try:
            self.etcd.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(self, *_):
        self.destroy()

    def destroy(self):
        _living.discard(self)
        procs.freeze_under(self.directory)
        for node in self.nodes:
            node.destroy()
        self.etcd.kill()
        procs.kill_under(self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- nodes

    def add_node(self, name, daemon=None, changes=None):
        node = Node(name, os.path.join(self.directory, name), daemon or self.daemon, self._base_config(),
                    self.etcd.port, self._proxied)
        node.configure(changes or {})
        self.nodes.append(node)
        return node

    def remove_node(self, node):
        node.destroy()
        shutil.rmtree(node.directory, ignore_errors=True)
        self.nodes.remove(node)

    def _base_config(self):
        base = {
            "scope": self.scope, "namespace": "/service/",
            "bootstrap": {
                "dcs": self.dynamic,
                "initdb": ["data-checksums", {"encoding": "UTF8"}, {"locale": "C.UTF-8"}],
                "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust",
                           "host replication replicator 127.0.0.1/32 md5"],
            },
            "postgresql": {
                "parameters": {
                    "shared_buffers": "16MB", "logging_collector": "on", "log_filename": "postgresql.log",
                    # Processes die in these tests, the machine does not: what was written stays written.
                    "fsync": "off",
                    # In the data directory, so that it goes with it.
                    "dynamic_shared_memory_type": "mmap",
                },
            },
        }
        return merged(base, self._local)

    def node(self, name):
        return next(node for node in self.nodes if node.name == name)

    def start(self, timeout=90):
        for node in self.nodes:
            node.start()
        self.wait_healthy(timeout)
        return self

    # -- what is

    def prefix(self):
        return f"/service/{self.scope}/"

    def keys(self):
        """The cluster's keys in the store, by their name below the prefix."""
        prefix = self.prefix()
        return {key[len(prefix):]: value for key, value in self.etcd.client.range(prefix).items()}

    def key(self, name):
        found = self.keys().get(name)
        return found and found.value

    def members(self):
        return {name.partition("/")[2]: json.loads(kv.value) for name, kv in self.keys().items()
                if name.startswith("members/")}

    def history(self):
        return json.loads(self.key("history") or "[]")

    def leader(self):
        """The node that answers as primary and holds the leader key, if there is exactly one."""
        primaries = [node for node in self.nodes if node.alive() and node.answers("/primary")]
        return primaries[0] if len(primaries) == 1 and self.key("leader") == primaries[0].name else None

    def replicas(self):
        leader = self.leader()
        return [node for node in self.nodes if node is not leader]

    def timeline(self):
        return self.leader().status()["timeline"]

    def streaming_from(self, leader):
        return {row[0] for row in leader.look(
            "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'")}

    def healthy(self, names=None):
        """A leader that everyone (or every one of `names`) streams from, on one timeline, all of it reported so.
        Returns the leader."""
        leader = self.leader()
        wanted = {node for node in self.nodes if names is None or node.name in names}
        replicas = wanted - {leader}
        if leader is None or not {node.name for node in replicas} <= self.streaming_from(leader):
            return None
        timeline, members = leader.status()["timeline"], self.members()
        reported = all(
            node.answers("/replica") and node.status()["timeline"] == timeline
            and members[node.name].get("timeline") == timeline and members[node.name]["state"] == "running"
            for node in replicas)
        own = members[leader.name]
        leads = (own["role"], own.get("timeline")) == (leader.daemon.primary_role, timeline)
        return leader if reported and leads else None

    def wait_healthy(self, timeout=60, names=None):
        return wait_until(lambda: self.healthy(names), timeout,
                          f"a leader and every replica streaming from it ({names or 'all nodes'})")

    def wait_leader(self, timeout=60, other_than=None):
        def found():
            leader = self.leader()
            return leader if leader is not other_than else None
        return wait_until(found, timeout, f"a leader other than {other_than}" if other_than else "a leader")

    def wait_lease(self, ttl, timeout=40):
        """The leader key hangs on a lease of so many seconds: the setting may be younger than the lease in use, and a
        cluster takes times below Patroni's minimums only when it knows that every member is Regent."""
        return wait_until(lambda: self.etcd.client.lease(self.keys()["leader"].lease)[0] == ttl, timeout,
                          f"a lease of {ttl} s is in use")

    # -- synchronous mode

    def sync_state(self):
        """The key /sync as (names, quorum, revision) if it is the present leader's, else None."""
        key, leader = self.keys().get("sync"), self.leader()
        state = json.loads(key.value) if key else {}
        if leader is None or state.get("leader") != leader.name:
            return None
        names = [name for name in (state.get("sync_standby") or "").split(",") if name]
        return names, state["quorum"], key.mod_revision

    def takes_over(self):
        """Whether the standbys are to notice a silent leader: their connection to it says so."""
        config = self.leader().get("/config").json()
        wanted = config.get("synchronous_takeover_after", 1) not in (0, False, "off", "false")
        return wanted and config.get("synchronous_mode") not in (None, False, "off")

    def _sync_picture(self, voters, quorum):
        """All that has to stand still before somebody may rely on a confirmed standby, or None while it is not as it
        should be. A setting that changes primary_conninfo restarts the WAL receivers, and a standby whose receiver
        restarts is not confirmed for a moment: who kills the leader then waits for an election nobody may win."""
        leader, sync = self.leader(), self.sync_state()
        if sync is None or (len(sync[0]), sync[1]) != (voters, quorum):
            return None
        patience, receivers = self.takes_over(), {}
        for node in self.nodes:
            if node is leader:
                continue
            (pid, conninfo), = node.sql("SELECT pid, conninfo FROM pg_stat_wal_receiver WHERE status = 'streaming'")
            if ("tcp_user_timeout=1000" in conninfo) != patience:
                return None
            receivers[node.name] = pid
        senders = {name: (pid, state) for name, pid, state in leader.sql(
            "SELECT application_name, pid, sync_state FROM pg_stat_replication WHERE state = 'streaming'")}
        bound = all(senders[name][1] in ("sync", "quorum") for name in sync[0])
        return (leader.name, sync, receivers, senders) if bound else None

    def wait_sync_calm(self, voters, quorum, timeout=60):
        """Wait until so many standbys are confirmed, bound and connected as the settings say, and stay so across a
        cycle of the leader; returns their names."""
        def calm():
            before = self._sync_picture(voters, quorum)
            # The answer is that of a cycle that began after the question, unless the last one is younger than 100 ms.
            pause(0.15)
            self.leader().status()
            return before and before == self._sync_picture(voters, quorum) and before[1][0]
        return wait_until(calm, timeout, f"{voters} standbys are confirmed, and stay so")

    # -- what is done

    def patch_config(self, change):
        answer = self.leader().request("PATCH", "/config", change)
        assert answer.status == 200, f"PATCH /config {change}: {answer}"
        return answer.json()

    def set_parameter(self, name, value, timeout=30):
        """Set a PostgreSQL parameter for the cluster and wait until every node has it."""
        self.patch_config({"postgresql": {"parameters": {name: value}}})
        wait_until(lambda: all(node.setting(name) == value for node in self.nodes if node.alive()), timeout,
                   f"{name} = {value} on every node")

    def make_durable(self):
        (name, value), = DURABLE["postgresql"]["parameters"].items()
        self.set_parameter(name, value)

    def ctl(self, *arguments, stdin="", daemon=None, timeout=90):
        """Run the control tool with the first node's configuration file."""
        return subprocess.run(
            [(daemon or self.daemon).ctl, "-c", self.nodes[0].config_file, *arguments], input=stdin, text=True,
            capture_output=True, timeout=timeout, cwd=self.directory,
            env={**procs.ENVIRONMENT, "HOME": self.directory})

    def list(self, daemon=None):
        """The rows of `list -f json`, by member name."""
        done = self.ctl("list", "-f", "json", daemon=daemon)
        assert done.returncode == 0, done.stderr
        return {row["Member"]: row for row in json.loads(done.stdout)}
