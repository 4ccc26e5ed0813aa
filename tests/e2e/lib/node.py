"""One node of a cluster: an agent, its configuration file and its PostgreSQL, below one directory."""

import copy
import os
import signal
import stat

import psycopg2
import yaml

from . import procs, rest, sql
from .daemons import PG_BIN
from .ports import HOST, free_port
from .proxy import Proxy
from .wait import wait_until

PASSWORDS = {"postgres": "postgres-pw", "replicator": "replicator-pw", "rewinder": "rewinder-pw"}


def merged(base, changes):
    """A deep merge in which None removes a key, as PATCH /config does."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return {key: value for key, value in result.items() if value is not None}


class Node:
    """`links` are the proxies that others must go through to reach this node, and it to reach the store; without
    them everybody goes the direct way. The tests themselves look at a node directly, its clients do not."""

    def __init__(self, name, directory, daemon, base_config, etcd_port, with_links=False):
        self.name, self.directory, self.daemon = name, directory, daemon
        self.pg_port, self.rest_port = free_port(), free_port()
        self.links = [Proxy(port) for port in (etcd_port, self.pg_port, self.rest_port)] if with_links else []
        self.store_link = self.links[0] if with_links else None
        self.client_pg_port, self.client_rest_port = (
            (link.port for link in self.links[1:]) if with_links else (self.pg_port, self.rest_port))
        self.data, self.log = os.path.join(directory, "data"), os.path.join(directory, "agent.log")
        self.config_file, self.hooks = os.path.join(directory, "config.yml"), os.path.join(directory, "hooks.log")
        self.pgpass = os.path.join(directory, "pgpass")
        self.process = None
        self.environment = {}       # more variables for the agent, which its PostgreSQL inherits
        os.makedirs(directory)
        self._base = merged(base_config, self._own_config(etcd_port))
        self._changes = {}
        self.configure({})

    def _own_config(self, etcd_port):
        hook = os.path.join(self.directory, "hook")
        with open(hook, "w") as script:
            script.write(f'#!/bin/sh\necho "$@" >>"{self.hooks}"\n')
        os.chmod(hook, stat.S_IRWXU)
        etcd = {"hosts": [f"{HOST}:{etcd_port}"]}
        if self.links:
            # Without use_proxies the agent would discover etcd's own address and walk around the proxy.
            etcd = {"hosts": [f"{HOST}:{self.store_link.port}"], "use_proxies": True}
        roles = {"superuser": "postgres", "replication": "replicator", "rewind": "rewinder"}
        return {
            "name": self.name,
            "restapi": {"listen": f"{HOST}:{self.rest_port}", "connect_address": f"{HOST}:{self.client_rest_port}"},
            "etcd3": etcd,
            "postgresql": {
                "listen": f"{HOST}:{self.pg_port}", "connect_address": f"{HOST}:{self.client_pg_port}",
                "data_dir": self.data, "bin_dir": PG_BIN, "pgpass": self.pgpass,
                "authentication": {
                    kind: {"username": user, "password": PASSWORDS[user]} for kind, user in roles.items()},
                "callbacks": {
                    f"on_{event}": hook for event in ("start", "stop", "restart", "reload", "role_change")},
                "parameters": {"unix_socket_directories": self.directory, "log_directory": self.directory},
            },
        }

    # -- configuration and the agent's life

    @property
    def config(self):
        return merged(self._base, self._changes)

    @property
    def tls(self):
        return "certfile" in self.config["restapi"]

    @property
    def changed(self):
        return bool(self._changes)

    def configure(self, changes):
        """Replace the local changes to the configuration file. The agent learns of it by SIGHUP or POST /reload."""
        self._changes = changes
        with open(self.config_file, "w") as file:
            yaml.safe_dump(self.config, file, sort_keys=False)

    def start(self):
        assert not self.alive(), f"agent of {self.name} runs already"
        self.process = procs.spawn([self.daemon.agent, self.config_file], self.directory, self.log, self.environment)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, signum):
        self.process.send_signal(signum)

    def stop(self, timeout=60):
        """Ask the agent to end and wait for it; returns its exit status."""
        self.signal(signal.SIGTERM)
        wait_until(lambda: not self.alive(), timeout, f"agent of {self.name} has ended after SIGTERM")
        return self.process.returncode

    def kill_agent(self):
        """SIGKILL of the agent alone: PostgreSQL lives on (F01)."""
        self.process.kill()
        self.process.wait()

    def kill(self):
        """The whole node dies at once. Nobody may notice the death of a neighbour first, so all are frozen before."""
        helpers = procs.descendants(self.process.pid)
        procs.send(helpers, signal.SIGSTOP)
        procs.freeze_under(self.directory)
        procs.send(helpers, signal.SIGKILL)
        procs.kill_under(self.directory)
        self.process.wait()

    def freeze_agent(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw_agent(self):
        self.process.send_signal(signal.SIGCONT)

    def freeze(self):
        procs.freeze_under(self.directory)

    def thaw(self):
        procs.thaw_under(self.directory)

    def guard(self):
        """Pid of the guard of this node's agent (docs/guard.md), or None."""
        mine = [pid for pid in procs.pids_under(self.directory) if procs.name_of(pid) == "regent-guard"]
        assert len(mine) <= 1, mine
        return mine[0] if mine else None

    def isolate(self, mode):
        """Cut every link (F41): neither the store, nor the other nodes, nor clients get through."""
        for link in self.links:
            link.set_mode(mode)

    def heal(self):
        for link in self.links:
            link.delay = 0.0
            link.heal()

    def destroy(self):
        """Leave no process of this node behind, whatever state it is in."""
        procs.kill_under(self.directory)
        procs.forget_shared_memory(self.data)
        if self.process:
            self.process.wait()
        for link in self.links:
            link.close()

    # -- PostgreSQL

    def postmaster(self):
        """Pid of the running postmaster of our own data directory, or None."""
        try:
            with open(os.path.join(self.data, "postmaster.pid")) as file:
                pid = int(file.readline())
        except (OSError, ValueError):
            return None
        ours = procs.working_directory(pid) == os.path.realpath(self.data) and procs.state_of(pid) != "Z"
        return pid if ours else None

    def sql(self, statement, parameters=None, **options):
        return sql.query(self.pg_port, statement, parameters, **options)

    def scalar(self, statement, parameters=None, **options):
        return self.sql(statement, parameters, **options)[0][0]

    def look(self, question, parameters=None):
        """The rows of a SELECT that changes nothing."""
        return sql.look(self.pg_port, question, parameters)

    def setting(self, name):
        return self.scalar("SELECT current_setting(%s)", (name,))

    def in_recovery(self):
        return self.look("SELECT pg_is_in_recovery()")[0][0]

    def accepts_writes(self):
        """Whether a client that gets through to it could commit. A server that refuses connections does not."""
        try:
            return not self.in_recovery()
        except psycopg2.OperationalError:
            return False

    def diverge(self):
        """Commit something no replica will ever receive, so that this node must be rewound after a failover. Its
        walsenders stay frozen: kill the node next."""
        self.sql("CHECKPOINT")
        procs.send([row[0] for row in self.sql("SELECT pid FROM pg_stat_replication")], signal.SIGSTOP)
        self.sql("CREATE TABLE diverged AS SELECT generate_series(1, 1000) AS n", options="-c synchronous_commit=local")

    # -- REST API and logs

    def request(self, method, path, body=None, timeout=5, headers=()):
        return rest.request(self.rest_port, method, path, body, timeout, headers, self.tls)

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body=None, timeout=60):
        return self.request("POST", path, {} if body is None else body, timeout)

    def answers(self, path, port=None, timeout=5):
        """Whether the path answers 200; a node that does not answer at all does not."""
        try:
            return rest.request(port or self.rest_port, "GET", path, timeout=timeout, tls=self.tls).status == 200
        except OSError:
            return False

    def status(self):
        return self.get("/patroni").json()

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def hook_lines(self):
        try:
            with open(self.hooks) as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def __repr__(self):
        return f"<{self.name}>"
