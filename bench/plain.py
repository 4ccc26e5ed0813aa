"""PostgreSQL with nobody to manage it: the floors that no manager can beat."""

import os
import shutil
import signal
import subprocess

from lib import procs, sql
from lib.cluster import scratch_directory
from lib.daemons import PG_BIN
from lib.ports import HOST, free_port
from lib.wait import wait_until

from trial import WriterProcess, now, write_ballast

# What both programs set as well, so that there is the same to do.
_PARAMETERS = {"shared_buffers": "16MB", "max_connections": "60", "wal_level": "replica", "hot_standby": "on",
               "max_wal_senders": "10", "max_replication_slots": "10", "wal_log_hints": "on", "wal_keep_size": "128MB",
               # In the data directory, so that it goes with it.
               "dynamic_shared_memory_type": "mmap"}


def run(program, *arguments):
    done = subprocess.run([os.path.join(PG_BIN, program), *arguments], capture_output=True, text=True,
                          env={**procs.ENVIRONMENT, "LD_LIBRARY_PATH": ""}, check=False)
    assert done.returncode == 0, f"{program}: {done.stderr}"


class Server:
    def __init__(self, root, name):
        self.name, self.port = name, free_port()
        self.directory = os.path.join(root, name)
        self.data = os.path.join(self.directory, "data")
        self._process = None
        os.makedirs(self.directory)

    def initdb(self):
        run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--data-checksums", "--encoding=UTF8",
            "--locale=C.UTF-8")

    def clone(self, primary):
        run("pg_basebackup", "-D", self.data, "-h", HOST, "-p", str(primary.port), "-U", "postgres", "-X", "stream", "-R",
            "-c", "fast")

    def spawn(self):
        settings = {**_PARAMETERS, "port": self.port, "listen_addresses": HOST, "unix_socket_directories": self.directory}
        arguments = [f"--{key}={value}" for key, value in settings.items()]
        self._process = procs.spawn([os.path.join(PG_BIN, "postgres"), "-D", self.data, *arguments], self.directory,
                                    os.path.join(self.directory, "log"))

    def start(self):
        self.spawn()
        wait_until(lambda: self.sql("SELECT 1"), 30, f"{self.name} is up", 0.01)

    def restart_until_up(self):
        """As fast as can be: try at once, and again as long as the old server's backends keep it from starting."""
        def up():
            if self._process.poll() is not None:
                self.spawn()
            return self.sql("SELECT 1")
        wait_until(up, 30, f"{self.name} is up again", 0.005)

    def kill_postmaster(self):
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def sql(self, statement, **options):
        return sql.query(self.port, statement, **options)

    def client(self):
        return self.name, self.port, 0


class Servers:
    """A directory of plain servers; nothing of them is left when the block ends."""

    def __enter__(self):
        self.root, self.all = scratch_directory(), []
        return self

    def add(self, name):
        self.all.append(Server(self.root, name))
        return self.all[-1]

    def primary(self):
        server = self.add("p1")
        server.initdb()
        server.start()
        return server

    def standby_of(self, primary):
        server = self.add(f"p{len(self.all) + 1}")
        server.clone(primary)
        server.start()
        wait_until(lambda: primary.sql("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"), 30, "it streams")
        return server

    def __exit__(self, *_):
        procs.kill_under(self.root)
        for server in self.all:
            procs.forget_shared_memory(server.data)
        shutil.rmtree(self.root, ignore_errors=True)


def written_to(servers, primary, ballast=False):
    """A writer at work on the primary, as in the trials."""
    primary.sql("CREATE TABLE floor (id bigint PRIMARY KEY, node text)")
    primary.sql("CHECKPOINT")
    if ballast:
        write_ballast(primary, "ballast")
    begun = now()
    writer = WriterProcess(servers.root, [server.client() for server in servers.all], "floor")
    writer.wait_acks(begun, 300, 30, node=primary.name)
    return writer


def crash_recovery(_workshop):
    """kill -9 of the postmaster, and a start at once."""
    with Servers() as servers:
        primary = servers.primary()
        writer = written_to(servers, primary, ballast=True)
        mark = now()
        primary.kill_postmaster()
        primary.spawn()
        primary.restart_until_up()
        writer.wait_interrupted(mark, 30)
        writer.stop()
        return {"outage": writer.outage(mark)[0]}


def promotion(_workshop):
    """kill -9 of the primary's postmaster, and pg_promote on the standby at once."""
    with Servers() as servers:
        primary = servers.primary()
        standby = servers.standby_of(primary)
        writer = written_to(servers, primary)
        mark = now()
        primary.kill_postmaster()
        standby.sql("SELECT pg_promote(true, 30)")
        writer.wait_interrupted(mark, 30)
        writer.stop()
        return {"outage": writer.outage(mark)[0]}


def three_from_nothing(_workshop):
    """initdb and a start; then two clones and their start, one beside the other."""
    with Servers() as servers:
        begun = now()
        primary = servers.primary()
        primary.sql("CREATE TABLE t (n int)")
        writes = now() - begun
        standbys = [servers.add(f"p{number}") for number in (2, 3)]
        backups = [subprocess.Popen(
            [os.path.join(PG_BIN, "pg_basebackup"), "-D", each.data, "-h", HOST, "-p", str(primary.port), "-U", "postgres",
             "-X", "stream", "-R", "-c", "fast"], cwd=servers.root, env=procs.ENVIRONMENT, stderr=subprocess.PIPE, text=True)
            for each in standbys]
        for each, backup in zip(standbys, backups):
            _, why = backup.communicate(timeout=60)
            assert backup.returncode == 0, f"pg_basebackup: {why}"
            each.spawn()
        wait_until(lambda: len(primary.sql("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'")) == 2, 30,
                   "both stream", 0.02)
        return {"writes": writes, "streaming": now() - begun}
