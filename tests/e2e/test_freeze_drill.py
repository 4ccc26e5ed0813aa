"""Leaders that stand still in every way there is, again and again: the agent, its PostgreSQL, both, or the agent dead and its
guard alive (F01, F02, F03, F13), with a writer, and probers that would see two primaries.

REGENT_E2E_FREEZES is the number of rounds of each fault in each mode (20 is the promise, one is enough for every day).
What must hold each time:

- No node commits after another one has committed on a later timeline, not even commits that wait for nobody (I1), and at no
  time two nodes answer 200 on /primary (L5). A machine that stands still as a whole, its guard included, is the
  exception the manual names: what it commits between its thaw and its end is measured, and in synchronous mode never
  acknowledged to a client that waits for a standby.
- In synchronous mode nothing acknowledged is lost (I5). Otherwise only the last rows of the old leader that no
  replica had shown, without a hole (I6; see lost_in_flight).
- One fault is one change of the leader (L4): the timeline is one higher, and has one owner (I8).
- Everything streams again, without an operator (L2).
"""

import dataclasses
import os
import time
from typing import Callable

import pytest

from lib import Cluster, Prober, Witness, Writer, procs
from lib.wait import wait_until
from lib.workload import contradictions, lost_in_flight, simultaneous

pytestmark = pytest.mark.regent

ROUNDS = int(os.environ.get("REGENT_E2E_FREEZES", "1"))
DYNAMIC = {"ttl": 5, "loop_wait": 1, "retry_timeout": 1, "primary_hang_timeout": 2}


def freeze_agent_and_postgres(node):
    node.freeze_agent()
    procs.freeze_under(node.data)
    assert procs.state_of(node.guard()) not in (None, "T", "t"), "the guard was to stay awake"


def thaw_agent_and_postgres(node):
    procs.thaw_under(node.data)
    node.thaw_agent()


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    begin: Callable
    end: Callable
    guarded: bool       # its guard is awake and its agent is not: PostgreSQL must be dead before the end
    agent_lives: bool = True


FAULTS = [
    Fault("agent frozen", lambda node: node.freeze_agent(), lambda node: node.thaw_agent(), True),
    Fault("PostgreSQL frozen", lambda node: procs.freeze_under(node.data), lambda node: procs.thaw_under(node.data), False),
    Fault("agent and PostgreSQL frozen", freeze_agent_and_postgres, thaw_agent_and_postgres, True),
    Fault("machine frozen", lambda node: node.freeze(), lambda node: node.thaw(), False),
    Fault("agent killed", lambda node: node.kill_agent(), lambda node: node.start(), True, agent_lives=False),
]


@pytest.fixture(scope="module", params=[False, True], ids=["async", "sync"])
def drilled(request):
    with Cluster(dynamic={**DYNAMIC, "synchronous_mode": request.param}) as cluster:
        cluster.synchronous = request.param
        yield cluster.start()


class Round:
    """One fault from a calm cluster to a calm cluster."""

    def __init__(self, cluster, writer, witness, fault, lost_before):
        self.cluster, self.writer, self.witness, self.fault = cluster, writer, witness, fault
        self.old = self.calm_leader()
        self.begun = time.monotonic()
        self._lost_before = lost_before

    def calm_leader(self):
        leader = self.cluster.wait_healthy(90)
        if self.cluster.synchronous:
            self.cluster.wait_sync_calm(1, 0)
        self.cluster.wait_lease(DYNAMIC["ttl"])
        wait_until(lambda: leader.status()["regent"]["guard"]["state"] == "armed", 20, "the guard is armed")
        return leader

    def wait_successor(self):
        # The old one is not asked: it may take its time to say nothing.
        others = [node for node in self.cluster.nodes if node is not self.old]
        return wait_until(lambda: next((node for node in others if node.answers("/primary", timeout=1)), None), 60,
                          f"a leader other than {self.old}")

    def run(self):
        old, timeline, postmaster = self.old, self.cluster.timeline(), self.old.postmaster()
        guard = old.guard()
        assert guard, "there is no guard"
        self.writer.wait_progress()
        # Something of what this leader wrote is known to be elsewhere: its loss would be found.
        self.witness.wait_shown(old, self.writer.acknowledged[-1])
        self.fault.begin(old)
        try:
            new = self.wait_successor()
            self.writer.wait_progress(timeout=60)
            if self.fault.guarded:
                assert old.postmaster() is None, "its guard has not ended PostgreSQL"
        finally:
            self.thawed = time.monotonic()
            self.fault.end(old)
        wait_until(lambda: old.postmaster() != postmaster, 30, f"the PostgreSQL of {old} that stood still is gone")
        self.gone = time.monotonic()
        if not self.fault.agent_lives:
            wait_until(lambda: procs.state_of(guard) in (None, "Z"), 20, "the guard has ended, its work is done")
        assert self.calm_leader() is new, "one fault, one change of the leader (L4)"
        assert self.cluster.timeline() == timeline + 1
        missing = [row for row in self.writer.missing_on(new) if row not in self._lost_before]
        assert not (missing and self.cluster.synchronous), f"acknowledged rows are lost: {missing[:10]}"
        lost_in_flight(self.writer, missing, old, self.witness)
        return missing


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_drill(drilled, fault):
    cluster, outages, lost, rounds = drilled, [], [], []
    # In case the one before has failed.
    for node in cluster.nodes:
        node.thaw()
        if not node.alive():
            node.start()
    cluster.wait_healthy(90)
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        with Witness(cluster, writer) as witness:
            for _ in range(ROUNDS):
                rounds.append(Round(cluster, writer, witness, fault, lost))
                lost += rounds[-1].run()
                outages.append(prober.outage(rounds[-1].begun))
    mode = "sync" if cluster.synchronous else "async"
    late = [commit for _, commit in contradictions(prober.commits)]
    print(f"{fault.name}, {mode}: {ROUNDS} rounds, outages {min(outages):.1f} to {max(outages):.1f} s, {len(lost)} rows lost in "
          f"flight, {len(late)} late commits")
    for node in cluster.nodes:
        wait_until(lambda node=node: writer.missing_on(node) == sorted(lost), 30, f"{node} has what all have")
    if fault.name != "machine frozen":
        return prober.verify()
    for commit in late:
        thawed = next((each for each in rounds if each.old.name == commit.node
                       and each.thawed <= commit.told and commit.asked <= each.gone), None)
        assert thawed, f"a commit on an old timeline, and not of a machine that had just been thawed: {commit}"
        print(f"  {commit.node} committed {commit.told - thawed.thawed:.3f} s after its thaw")
    assert not simultaneous(prober.claims)
