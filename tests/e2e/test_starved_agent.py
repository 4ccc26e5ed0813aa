"""A leader whose agent hardly gets the processor, for several lease lengths (F05).

It may keep its lease, if renewals still make it. If it cannot confirm them in time, its own check or its guard ends
PostgreSQL, and then somebody else leads, or it leads again itself, if the store had its renewals and only the answers came
too late. In any case there is never a second primary (I1, L5), and nothing is lost: in synchronous mode nothing at all
(I5), otherwise at most the last rows that no replica had shown, and only to another leader (I6).
"""

import itertools
import os

import pytest

from lib import Cluster, Prober, Witness, Writer
from lib.starve import Starved
from lib.wait import holds_for, wait_until
from lib.workload import lost_in_flight

pytestmark = pytest.mark.regent

LEASES = int(os.environ.get("REGENT_E2E_STARVED_LEASES", "3"))
TTL = 5
DYNAMIC = {"ttl": TTL, "loop_wait": 1, "retry_timeout": 1}
ENDED = ("the guard ended PostgreSQL", "because DCS is not accessible and I was a leader", "failed to update leader lock",
         "because I have no leader lock")


@pytest.fixture(scope="module")
def cluster():
    with Cluster(dynamic=DYNAMIC) as cluster:
        yield cluster.start()


@pytest.mark.parametrize("synchronous, awake, asleep", [(False, 0.02, 1.5), (False, 0.002, 1.0), (True, 0.002, 3.0)],
                         ids=["async, little", "async, next to nothing", "sync, rarely"])
def test_starved_leader(cluster, synchronous, awake, asleep):
    cluster.wait_healthy(90)
    cluster.patch_config({"synchronous_mode": synchronous})
    old = cluster.wait_healthy(90)
    if synchronous:
        cluster.wait_sync_calm(1, 0)
    cluster.wait_lease(TTL)
    timeline, postmaster, said = cluster.timeline(), old.postmaster(), len(old.log_text())
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        with Witness(cluster, writer) as witness:
            witness.wait_shown(old, writer.acknowledged[-1])
            with Starved(old, awake, asleep):
                holds_for(old.alive, LEASES * TTL, "the agent lives")
            leader = cluster.wait_healthy(90)
            writer.wait_progress()
    prober.verify()
    # It may be ended more than once and lead again, but once deposed it stays a replica (L4).
    leaders = [node for _, node in sorted({(commit.timeline, commit.node) for commit in prober.commits})]
    assert sum(one != other for one, other in itertools.pairwise(leaders)) == (leader is not old), leaders
    missing = writer.missing_on(leader)
    said = old.log_text()[said:]
    if cluster.timeline() == timeline:
        outcome = "kept its lease"
        assert (leader, old.postmaster()) == (old, postmaster)
    else:
        outcome = "its PostgreSQL was ended"
        assert old.postmaster() != postmaster
        assert any(sentence in said for sentence in ENDED), said
    if leader is old or synchronous:
        assert not missing, f"acknowledged rows are lost: {missing[:10]}"
    else:
        lost_in_flight(writer, missing, old, witness)
    for node in cluster.nodes:
        wait_until(lambda node=node: writer.missing_on(node) == missing, 30, f"{node} has what all have")
    print(f"{awake * 1000:.0f} ms awake, {asleep:.1f} s asleep: {outcome}, {leader} leads after {old}, longest outage "
          f"{writer.longest_gap:.1f} s, {len(missing)} rows lost in flight")
