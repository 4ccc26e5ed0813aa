"""A leader whose WAL does not get to the disk any more, while everything else of it works (F54).

hanging_disk.c holds the system calls of PostgreSQL's processes until a file is removed. They can be killed while they wait, so
this is a disk that answers nobody, but not a process that the kernel will not let die: with such a one the agent waits
(rule 016) and lets the lease run out, which these tests do not show.
"""

import os
import pathlib
import subprocess

import pytest

from lib import Cluster, Prober, Witness, Writer
from lib.wait import wait_until
from lib.workload import lost_in_flight

pytestmark = pytest.mark.regent

STALL_TIMEOUT = 3


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    source = pathlib.Path(__file__).with_name("hanging_disk.c")
    target = tmp_path_factory.mktemp("preloaded") / "hanging_disk.so"
    subprocess.run(["cc", "-std=gnu17", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", target, source, "-ldl"],
                   check=True)
    return target


def hanging_flag(node):
    return os.path.join(node.directory, "disk-hangs")


def waits_for_the_disk(node, event):
    return node.scalar("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'IO' AND wait_event = %s", (event,))


@pytest.mark.parametrize("synchronous, suffix, event", [(False, "", "WALWrite"), (True, ".sync", "WALSync")],
                         ids=["async, writes hang", "sync, syncs hang"])
def test_the_leader_gives_up(library, synchronous, suffix, event):
    local = {"postgresql": {"parameters": {"fsync": "on", "wal_sync_method": "fdatasync"}}}
    times = {"ttl": 5, "loop_wait": 1, "retry_timeout": 1}
    with Cluster(local=local, dynamic={**times, "synchronous_mode": synchronous}) as cluster:
        for node in cluster.nodes:
            node.environment = {"LD_PRELOAD": str(library), "HANGING_DISK": hanging_flag(node)}
        cluster.start()
        cluster.patch_config({"primary_stall_timeout": STALL_TIMEOUT})
        if synchronous:
            cluster.wait_sync_calm(1, 0)
        old, timeline = cluster.leader(), cluster.timeline()
        postmaster, flag = old.postmaster(), pathlib.Path(hanging_flag(old) + suffix)
        with Writer(cluster) as writer, Prober(cluster) as prober:
            writer.wait_progress()
            with Witness(cluster, writer) as witness:
                witness.wait_shown(old, writer.acknowledged[-1])
                flag.touch()
                try:
                    wait_until(lambda: waits_for_the_disk(old, event), 20, "somebody waits for the disk")
                    new = cluster.wait_leader(60, other_than=old)
                    writer.wait_progress(timeout=30)
                    wait_until(lambda: old.postmaster() != postmaster, 30, "its processes are gone")
                finally:
                    flag.unlink()
                assert cluster.wait_healthy(60) is new
                assert cluster.timeline() == timeline + 1
                print(f"longest outage {writer.longest_gap:.1f} s")
        # What it wrote before it was ended is the business of I5 and I6.
        missing = writer.missing_on(new)
        assert not (missing and synchronous), f"acknowledged rows are lost: {missing[:10]}"
        lost_in_flight(writer, missing, old, witness)
        for node in cluster.nodes:
            wait_until(lambda node=node: writer.missing_on(node) == missing, 30, f"{node} has what all have")
        prober.verify()
        assert "demoting self because PostgreSQL hangs: its WAL does not get to the disk" in old.log_text()
        assert "PostgreSQL hangs" not in new.log_text()
