"""One fault under observation: a writer in a process of its own, probers on every node, and a watch on the leader key."""

import itertools
import json
import os
import pathlib
import sys
import threading
import time

from lib import Prober, procs
from lib.wait import pause, wait_until
from lib.workload import contradictions

_HERE = pathlib.Path(__file__).resolve().parent
_tables = itertools.count(1)
now = time.monotonic


def run_script(name, arguments, directory, log):
    """Start one of our own programs in the background, where nothing else of ours shares its interpreter."""
    return procs.spawn([sys.executable, str(_HERE / name), *map(str, arguments)], directory, log,
                       {"PYTHONPATH": os.pathsep.join(sys.path)})


def write_ballast(server, table):
    """Some tens of megabytes of WAL after the last checkpoint: a crashed server has something to recover from."""
    server.sql(f"CREATE TABLE {table} (n int PRIMARY KEY)")
    server.sql(f"INSERT INTO {table} SELECT generate_series(1, 300000)", reply_timeout=60)


class WriterProcess:
    """bench/writer.py, and what it has recorded so far."""

    def __init__(self, directory, nodes, table):
        """`nodes` are (name, PostgreSQL port, REST port or 0). The table must exist."""
        self.table = table
        self._record = os.path.join(directory, f"{table}.jsonl")
        self.acks, self.lost = [], []       # (moment, id, node) and (moment, node, why)
        self._process = run_script("writer.py", [table, self._record, *(":".join(map(str, node)) for node in nodes)],
                                   directory, os.path.join(directory, "writer.log"))
        wait_until(lambda: os.path.exists(self._record), 10, "the writer has started")
        self._file, self._rest = open(self._record), ""

    def read(self):
        if self._file.closed:
            return self
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            at, what, *more = json.loads(line)
            (self.acks if what == "ack" else self.lost).append((at, *more))
        assert self._process.poll() is None, "the writer has ended by itself"
        return self

    def acks_since(self, moment, node=None, other_than=None):
        self.read()
        newest = itertools.takewhile(lambda ack: ack[0] > moment, reversed(self.acks))
        return [ack for ack in newest if (node is None or ack[2] == node) and ack[2] != other_than]

    def wait_acks(self, moment, rows, timeout, **which):
        wait_until(lambda: len(self.acks_since(moment, **which)) >= rows, timeout,
                   f"{rows} rows are acknowledged ({which or 'by anybody'})")

    def wait_interrupted(self, moment, timeout):
        """The connection has broken after `moment`, and writes go on again."""
        wait_until(lambda: self.read().lost and self.lost[-1][0] > moment, timeout, "the writer has lost its connection")
        self.wait_acks(self.lost[-1][0], 100, timeout)

    def outage(self, since, until=None):
        """(seconds, from, to) of the longest time without an acknowledgement that ended after `since`."""
        self.read()
        moments = [ack[0] for ack in self.acks if until is None or ack[0] <= until]
        gaps = [(late - early, early, late) for early, late in itertools.pairwise(moments) if late > since]
        return max(gaps, default=(0.0, since, since))

    def missing_on(self, node):
        acknowledged = {ack[1] for ack in self.read().acks}     # before we ask: it is still writing
        return sorted(acknowledged - {row[0] for row in node.sql(f"SELECT id FROM {self.table}", reply_timeout=60)})

    def stop(self):
        self.read()
        self._process.kill()
        self._process.wait()
        self._file.close()


class LeaderKeyWatch:
    """When the leader key changed hands or was gone, to 10 ms, as the store itself says."""

    def __init__(self, cluster):
        self._cluster, self.changes = cluster, []       # (moment, value or None)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        last = None
        while not self._stopping.is_set():
            try:
                keys = self._cluster.etcd.client.range(self._cluster.prefix() + "leader")
            except (OSError, ValueError, LookupError):
                pause(0.05)
                continue
            key = next(iter(keys.values()), None)
            seen = (key.value, key.create_revision) if key else None
            if seen != last or not self.changes:
                self.changes.append((now(), key.value if key else None))
                last = seen
            pause(0.01)

    def freed_after(self, moment):
        """When the key was first seen without its owner of then, or None."""
        return next((at for at, _ in self.changes if at > moment), None)

    def stop(self):
        self._stopping.set()
        self._thread.join(10)


class Trial:
    """Use as a context manager around the fault; afterwards ask for the figures."""

    def __init__(self, cluster, ballast=False):
        self.cluster, self._ballast = cluster, ballast
        self.old = cluster.wait_healthy(90)
        self.mark = None

    def __enter__(self):
        table = f"bench_{next(_tables)}"
        self.old.sql(f"CREATE TABLE {table} (id bigint PRIMARY KEY, node text)")
        self.old.sql("CHECKPOINT")
        if self._ballast:
            write_ballast(self.old, f"{table}_ballast")
        for node in self.cluster.replicas():
            wait_until(lambda node=node: node.scalar("SELECT to_regclass(%s) IS NOT NULL", (table,)), 30,
                       f"the table is on {node}")
        self.prober = Prober(self.cluster)
        self.prober.start()
        self.key = LeaderKeyWatch(self.cluster)
        self.writer = WriterProcess(self.cluster.directory, [
            (node.name, node.pg_port, node.rest_port) for node in self.cluster.nodes], table)
        begun = now()
        try:
            self.writer.wait_acks(begun, 300, 30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.writer.stop()
        self.key.stop()
        self.prober.stop()

    def inflict(self, fault, *arguments):
        """Remember the moment and do it."""
        self.mark = now()
        fault(*arguments)
        return self.mark

    def wait_new_leader(self, timeout):
        """Another node than before answers as primary. The old one is not asked: it may be frozen."""
        def found():
            return next((node for node in self.cluster.nodes if node is not self.old
                         and node.answers("/primary", timeout=1)), None)
        return wait_until(found, timeout, f"a leader other than {self.old}")

    def outage(self):
        return self.writer.outage(self.mark)

    def overlap(self):
        """For how many seconds a node went on committing beside a later timeline."""
        return max((late.told - first.told for first, late in contradictions(self.prober.commits)), default=0.0)

    def figures(self):
        """After everything has rejoined."""
        leader = self.cluster.wait_healthy(180)
        missing = set(self.writer.missing_on(leader))
        if missing:
            at = [(moment - self.mark, node) for moment, number, node in self.writer.acks if number in missing]
            print(f"  lost: {len(at)} rows, acknowledged {at[0][0]:.3f} s ({at[0][1]}) to {at[-1][0]:.3f} s ({at[-1][1]}) after "
                  f"the fault; {self.old.name} led then, {leader.name} now", flush=True)
        return {"outage": self.outage()[0], "lost": len(missing), "two": self.overlap()}
