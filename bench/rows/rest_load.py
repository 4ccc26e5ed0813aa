"""GET /primary under load: a new connection for each request, as health checkers do. And GET /cluster, as dashboards do."""

import json

from lib.wait import wait_until
from procfs import cpu_seconds
from row import Figure, Row
from trial import run_script

RATE, SECONDS, CONNECTIONS = 1000, 8, 50
READERS = 16    # of /cluster at one time


def _load(cluster, leader, rate, path="/primary", connections=CONNECTIONS):
    """(what the generator saw, CPU seconds of the agent meanwhile)"""
    report = f"{cluster.directory}/load.json"
    before = cpu_seconds(leader.process.pid)
    generator = run_script("http_load.py", [leader.rest_port, path, rate, connections, SECONDS, report], cluster.directory,
                           f"{cluster.directory}/load.log")
    wait_until(lambda: generator.poll() is not None, SECONDS + 30, "the load has ended")
    spent = cpu_seconds(leader.process.pid) - before
    assert generator.returncode == 0, "the load generator failed"
    with open(report) as file:
        return json.load(file), spent


def _run(cluster):
    leader = cluster.leader()
    steady, spent = _load(cluster, leader, RATE)
    full, _ = _load(cluster, leader, 0)
    assert cluster.wait_healthy(60) is leader, "the load cost the leader its lock"
    return {"cpu": spent / max(1, steady["good"]) * 1e6, "p99": steady["p99"] * 1e3, "p50": steady["p50"] * 1e3,
            "bad": steady["bad"] + full["bad"], "most": full["good"] / full["seconds"],
            "most_p99": full["p99"] * 1e3, "generator": full["own_cpu"] / full["seconds"] * 100}


def _run_cluster(cluster):
    leader = cluster.leader()
    full, spent = _load(cluster, leader, 0, "/cluster", READERS)
    assert cluster.wait_healthy(60) is leader, "the load cost the leader its lock"
    return {"p50": full["p50"] * 1e3, "p99": full["p99"] * 1e3, "most": full["good"] / full["seconds"],
            "cpu": spent / max(1, full["good"]) * 1e6, "bad": full["bad"]}


ROWS = [
    Row("rest-cluster", f"GET /cluster, {READERS} clients, a new connection each",
        (Figure("p50", "median", "ms", target=2.0), Figure("p99", "p99", "ms"), Figure("most", "answered", "/s"),
         Figure("cpu", "CPU of the agent per request", "us"), Figure("bad", "unanswered", "")),
        _run_cluster, seconds=20),
    Row("rest", f"GET /primary, {RATE}/s, a new connection each",
        (Figure("cpu", "CPU of the agent per request", "us", times_less=25), Figure("p99", "p99", "ms", target=5.0),
         Figure("p50", "median", "ms"), Figure("most", f"most with {CONNECTIONS} clients", "/s"),
         Figure("most_p99", "p99 then", "ms"), Figure("generator", "CPU of the load generator then", "%"),
         Figure("bad", "unanswered", "")),
        _run, seconds=30),
]
