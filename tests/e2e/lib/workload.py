"""Clients of a cluster that remember what they were told: the evidence of I1, I5, I8 and L5 (T10)."""

import dataclasses
import itertools
import json
import os
import threading
import time

import psycopg2

from . import sql
from .wait import pause, wait_until

_CANCELLED_WAIT = "canceling wait for synchronous replication"


class _Background:
    def __init__(self):
        self._stopping = threading.Event()
        self._threads = []

    def _run(self, *targets):
        self._threads = [threading.Thread(target=target, daemon=True) for target in targets]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a client thread did not end"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


_table_numbers = itertools.count(1)


class Writer(_Background):
    """Inserts unique integers, one commit each, through whichever node answers GET /primary.

    A row counts as acknowledged only if the server said so and did not say in the same breath that it had stopped
    waiting for a standby (F66). Every acknowledgement is also appended to a file, which outlives a crash of the test.
    """

    def __init__(self, cluster):
        super().__init__()
        self._cluster = cluster
        self.table = f"ledger_{next(_table_numbers)}"
        self._record = os.path.join(cluster.directory, f"{self.table}.jsonl")
        self.acknowledged, self.unknown = [], []    # values in order of time
        self.acknowledgements = []                  # (moment, value, name of the node), in order of time
        self.longest_gap = 0.0                      # seconds between two acknowledgements
        self._last_acknowledgement = None

    def start(self):
        self._run(self._write)

    def wait_progress(self, rows=20, timeout=60):
        """Wait until that many more rows are acknowledged: the cluster accepts writes."""
        wanted = len(self.acknowledged) + rows
        wait_until(lambda: len(self.acknowledged) >= wanted, timeout, f"{rows} more rows are acknowledged")

    def missing_on(self, node):
        acknowledged = set(self.acknowledged)   # before we ask: it may be writing
        return sorted(acknowledged - {row[0] for row in node.sql(f"SELECT id FROM {self.table}", reply_timeout=60)})

    def verify(self, *nodes):
        """Every acknowledged row is on each of the nodes (a replica may need a moment to replay)."""
        assert self.acknowledged, "the writer wrote nothing, so this proves nothing"
        for node in nodes:
            wait_until(lambda: not self.missing_on(node) or not node.in_recovery(), 30, f"{node} has replayed")
            missing = self.missing_on(node)
            assert not missing, (f"{len(missing)} of {len(self.acknowledged)} acknowledged rows are not on {node}: "
                                 f"{missing[:10]}")

    def _primary(self):
        for node in self._cluster.nodes:
            if node.alive() and node.answers("/primary", node.client_rest_port, timeout=2):
                return node
        return None

    def _write(self):
        value = 0
        with open(self._record, "a") as record:
            while not self._stopping.is_set():
                node = self._primary()
                if node is None:
                    pause()
                    continue
                value = self._write_to(node, value, record)

    def _write_to(self, node, value, record):
        """Insert until something goes wrong; returns the last value used, which is never used again."""
        connection = None
        try:
            connection = sql.connect(node.client_pg_port, reply_timeout=5)
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {self.table} (id bigint PRIMARY KEY, node text)")
                while not self._stopping.is_set():
                    value += 1
                    self.unknown.append(value)      # until the answer is here
                    cursor.execute(f"INSERT INTO {self.table} VALUES (%s, %s)", (value, node.name))
                    if any(_CANCELLED_WAIT in notice for notice in connection.notices):
                        connection.notices.clear()
                        continue
                    self.unknown.pop()
                    self._acknowledge(value, node, record)
                    pause(0.005)
        except (psycopg2.Error, OSError):
            pause()
        finally:
            if connection:
                connection.close()
        return value

    def _acknowledge(self, value, node, record):
        now = time.monotonic()
        if self._last_acknowledgement is not None:
            self.longest_gap = max(self.longest_gap, now - self._last_acknowledgement)
        self._last_acknowledgement = now
        record.write(json.dumps({"id": value, "node": node.name, "at": now}) + "\n")
        record.flush()
        self.acknowledgements.append((now, value, node.name))
        self.acknowledged.append(value)


class Witness(_Background):
    """What the replicas have shown of a writer's rows: whatever happens to the leader that wrote a row, and whether or
    not commits wait for a replica, what a replica had is not lost (I6). The last row, every 50 ms: the writer writes
    them in order."""

    def __init__(self, cluster, writer, period=0.05):
        super().__init__()
        self._cluster, self._period = cluster, period
        self._last = (f"SELECT id, node FROM {writer.table} WHERE pg_is_in_recovery() ORDER BY id DESC LIMIT 1")
        self._shown = {}    # (name of the replica, name of the leader that wrote it): highest id

    def start(self):
        self._run(*[lambda node=node: self._watch(node) for node in self._cluster.nodes])

    def shown(self, leader):
        """The highest of the rows which this leader wrote that another node has shown."""
        return max((row for (reader, by), row in list(self._shown.items()) if by == leader.name != reader), default=0)

    def wait_shown(self, leader, row, timeout=30):
        wait_until(lambda: self.shown(leader) >= row, timeout, f"a replica shows row {row} of {leader}")

    def _watch(self, node):
        connection = None
        while not self._stopping.is_set():
            try:
                if connection is None:
                    connection = sql.connect(node.pg_port, reply_timeout=3)
                with connection.cursor() as cursor:
                    cursor.execute(self._last)
                    for row, by in cursor.fetchall():
                        self._shown[node.name, by] = row
            except (psycopg2.Error, OSError):
                if connection:
                    connection.close()
                connection = None
            pause(self._period)


def lost_in_flight(writer, missing, leader, witness):
    """Rows that are missing although `leader`, which is not the leader any more, had acknowledged them. Without
    synchronous replication there may be some, but only what it had sent to nobody when it was ended: the last rows it
    wrote, all of them, and none that a replica had shown. Returns how many there are."""
    if missing:
        written = [value for _, value, by in writer.acknowledgements if by == leader.name]
        assert sorted(missing) == written[-len(missing):], (
            f"lost rows are not the last that {leader} acknowledged: {sorted(missing)[:5]} to {max(missing)}, its last "
            f"was {written[-1:]}")
        seen = witness.shown(leader)
        assert seen < min(missing), f"row {min(missing)} of {leader} is lost, and a replica had shown row {seen}"
    return len(missing)


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Between `asked` and `told` (monotonic seconds) the node committed, or called itself primary, on the timeline."""
    node: str
    timeline: int
    asked: float
    told: float


def contradictions(commits):
    """Pairs of commits that cannot both belong to a cluster with a single writer.

    A commit that was asked for only after another node had committed on a later timeline came too late; and no
    timeline has two primaries (I1, I8).
    """
    found, owners = [], {}
    latest, pending = None, []
    for commit in sorted(commits, key=lambda each: each.asked):
        owner = owners.setdefault(commit.timeline, commit)
        if owner.node != commit.node:
            found.append((owner, commit))
        # Only what was complete before this one was asked for can contradict it.
        for done in [each for each in pending if each.told < commit.asked]:
            pending.remove(done)
            if latest is None or done.timeline > latest.timeline:
                latest = done
        pending.append(commit)
        if latest is not None and latest.timeline > commit.timeline:
            found.append((latest, commit))
    return found


def simultaneous(claims, gap=1.0):
    """Pairs of nodes that called themselves primary at the same time (L5).

    Claims of one node less than `gap` seconds apart are one period; periods of two nodes must not overlap. Timelines
    would be no measure here: a node may answer as primary before it has read its own new timeline.
    """
    periods = []
    for claim in sorted(claims, key=lambda each: each.asked):
        last = next((each for each in reversed(periods) if each.node == claim.node), None)
        if last and claim.asked - last.told < gap:
            periods[periods.index(last)] = dataclasses.replace(last, told=claim.told)
        else:
            periods.append(claim)
    return [(one, other) for index, one in enumerate(periods) for other in periods[index + 1:]
            if one.node != other.node and one.asked < other.told and other.asked < one.told]


class Prober(_Background):
    """Looks at every node every 50 ms, on a connection that stays open as long as it works: can it commit, and does it
    call itself primary? The commits wait for no standby, so they show what the node itself would accept."""

    _INSERT = ("INSERT INTO probe (node) VALUES (%s) RETURNING "
               "('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int")

    def __init__(self, cluster, period=0.05):
        super().__init__()
        self._cluster, self._period = cluster, period
        self.commits, self.claims = [], []

    def start(self):
        self._cluster.leader().sql("CREATE TABLE IF NOT EXISTS probe (node text)")
        self._run(*[lambda node=node: self._watch_commits(node) for node in self._cluster.nodes],
                  *[lambda node=node: self._watch_claims(node) for node in self._cluster.nodes])

    def overlap(self):
        """For how many seconds a node went on committing after a later timeline had begun elsewhere."""
        return max((late.told - first.told for first, late in contradictions(self.commits)), default=0.0)

    def outage(self, since):
        """The longest time in which no node could commit, of those that ended after the moment `since`. Unlike a client
        that looks for the primary, nobody waits here for the answer of a node that stands still."""
        moments = sorted(commit.told for commit in self.commits)
        return max((late - early for early, late in itertools.pairwise(moments) if late > since), default=0.0)

    def verify(self):
        assert self.commits, "the prober saw no commit at all, so this proves nothing"
        assert self.claims, "the prober saw no primary at all, so this proves nothing"
        wrong = contradictions(self.commits)
        assert not wrong, f"two nodes accepted commits (I1), {len(wrong)} times; first {wrong[0]}, last {wrong[-1]}"
        wrong = simultaneous(self.claims)
        assert not wrong, f"two nodes answered 200 on /primary at once (L5): {wrong}"

    def _watch_commits(self, node):
        connection = None
        while not self._stopping.is_set():
            try:
                if connection is None:
                    connection = sql.connect(node.pg_port, reply_timeout=3, options="-c synchronous_commit=local")
                with connection.cursor() as cursor:
                    asked = time.monotonic()
                    cursor.execute("SELECT pg_is_in_recovery()")
                    if not cursor.fetchone()[0]:
                        asked = time.monotonic()
                        cursor.execute(self._INSERT, (node.name,))
                        timeline = cursor.fetchone()[0]
                        self.commits.append(Evidence(node.name, timeline, asked, time.monotonic()))
            except (psycopg2.Error, OSError):
                if connection:
                    connection.close()
                connection = None
            pause(self._period)

    def _watch_claims(self, node):
        while not self._stopping.is_set():
            try:
                asked = time.monotonic()
                answer = node.get("/primary")
                told = time.monotonic()
                if answer.status == 200:
                    self.claims.append(Evidence(node.name, answer.json().get("timeline", 0), asked, told))
            except (OSError, ValueError):
                pass
            pause(self._period)
