"""Whatever clients do to the REST API of a leader, it keeps its lease (F06, L4).

The API has a thread and a budget of connections of its own. What it shares with the control loop is the processor, and that
GET /patroni asks the loop for a cycle. Whether the loop still comes round in time is told by the leader key, which must stay the
very same key on the very same session, and by the metric of the loop's lateness.
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from lib import Cluster, Writer, overload, procs
from lib.wait import holds_for, wait_until

pytestmark = pytest.mark.regent

LEASES = 2
TTL, LOOP_WAIT = 5, 1
DYNAMIC = {"ttl": TTL, "loop_wait": LOOP_WAIT, "retry_timeout": 1}
# A renewal is due this long after the last one, and so long after it the agent begins to stop PostgreSQL (docs/guard.md). A
# loop that wakes up later than what lies between has cost the leader its lease.
RENEWED_AFTER, FENCED_AFTER = min(LOOP_WAIT, TTL / 3), 0.8 * TTL


@contextlib.contextmanager
def clients(cluster, port, **counts):
    """So many clients of each kind (lib/overload.py) at a time. Yields a function that tells what they have achieved."""
    record = os.path.join(cluster.directory, f"overload.{'.'.join(counts)}.json")    # not what others have achieved
    wanted = [f"{kind}:{count}" for kind, count in counts.items()]
    log = os.path.join(cluster.directory, "overload.log")
    process = procs.spawn([sys.executable, overload.__file__, str(port), record, *wanted], cluster.directory, log,
                          {"PYTHONPATH": os.pathsep.join(sys.path)})

    def achieved():
        assert process.poll() is None, pathlib.Path(log).read_text()
        with open(record) as file:
            return json.load(file)
    try:
        yield achieved
    finally:
        process.kill()
        process.wait()


def lateness(node):
    return float(re.search(r"^regent_loop_lateness_seconds\{.*\} (\S+)$", node.get("/metrics").text, re.M)[1])


def assert_unmoved(cluster, **counts):
    leader = cluster.wait_healthy(90)
    cluster.wait_lease(TTL)
    before = cluster.keys()["leader"]
    timeline, postmaster = cluster.timeline(), leader.postmaster()

    def same():
        key = cluster.keys()["leader"]
        return (key.value, key.lease, key.create_revision) == (before.value, before.lease, before.create_revision)
    with Writer(cluster) as writer:
        writer.wait_progress()
        with clients(cluster, leader.rest_port, **counts) as achieved:
            wait_until(lambda: all(achieved().values()), 60, "every kind of client has got what it came for")
            holds_for(same, LEASES * TTL, "the leader key is the same")
            # Somebody who asks like everybody else is answered, be it at the second attempt.
            wait_until(lambda: leader.answers("/primary"), 30, "a health check is answered")
            writer.wait_progress()
            late, = wait_until(lambda: [lateness(leader)], 30, "the metrics are answered")
            print(f"{achieved()}; the loop was late by {late:.3f} s at most, the writer waited {writer.longest_gap:.2f} s")
    assert late < FENCED_AFTER - RENEWED_AFTER
    assert same() and cluster.wait_healthy(60) is leader
    assert (cluster.timeline(), leader.postmaster()) == (timeline, postmaster)
    writer.verify(*cluster.nodes)


@pytest.fixture(scope="module")
def plain():
    with Cluster(dynamic=DYNAMIC) as cluster:
        yield cluster.start()


def test_flood(plain):
    """Requests as fast as they are answered; GET /patroni has the loop come round for each."""
    assert_unmoved(plain, primary=40, patroni=40)


def test_clients_that_take_their_time(plain):
    """More of them than the server keeps connections: those who ask get their answer all the same."""
    assert_unmoved(plain, slow=300, silent=300, primary=4)


def test_abandoned_handshakes(tmp_path):
    certificate, key = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with Cluster(dynamic=DYNAMIC, local={"restapi": {"certfile": certificate, "keyfile": key}}) as cluster:
        cluster.start()
        assert_unmoved(cluster, handshake=40, half_handshake=200)
