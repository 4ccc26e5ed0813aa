"""GET /primary under load: a new connection for each request, as health checkers do. And GET /cluster, as dashboards do."""

import json
import re
import resource

from lib import procs
from lib.wait import wait_until
from procfs import cpu_seconds
from row import Figure, Row
from trial import run_script

RATE, SECONDS, CONNECTIONS = 1000, 8, 50
READERS = 16    # of /cluster at one time


def _steady(cluster, leader):
    """A request at its moment, whatever the server does. (what the generator saw, CPU seconds of the agent meanwhile)"""
    report = f"{cluster.directory}/load.json"
    before = cpu_seconds(leader.process.pid)
    generator = run_script("http_load.py", [leader.rest_port, "/primary", RATE, SECONDS, report], cluster.directory,
                           f"{cluster.directory}/load.log")
    wait_until(lambda: generator.poll() is not None, SECONDS + 30, "the load has ended")
    spent = cpu_seconds(leader.process.pid) - before
    assert generator.returncode == 0, "the load generator failed"
    with open(report) as file:
        return json.load(file), spent


def _full(cluster, leader, path, connections):
    """As fast as it is answered, from so many clients at one time: ApacheBench, which takes less of the machine than we."""
    log, percentiles = (f"{cluster.directory}/ab{path.replace('/', '-')}.{kind}" for kind in ("log", "csv"))
    before, own = cpu_seconds(leader.process.pid), resource.getrusage(resource.RUSAGE_CHILDREN)
    generator = procs.spawn(["ab", "-q", "-l", "-r", "-c", str(connections), "-t", str(SECONDS), "-n", "10000000",
                             "-e", percentiles, f"http://127.0.0.1:{leader.rest_port}{path}"], cluster.directory, log)
    wait_until(lambda: generator.poll() is not None, SECONDS + 30, "the load has ended")
    spent, after = cpu_seconds(leader.process.pid) - before, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert generator.returncode == 0, "the load generator failed"
    with open(log) as file:
        text = file.read()
    with open(percentiles) as file:
        times = dict(line.strip().split(",") for line in list(file)[1:])

    def number(name):
        found = re.search(rf"^{name}: +([0-9.]+)", text, re.M)
        return float(found[1]) if found else 0.0
    bad = number("Failed requests") + number("Non-2xx responses")
    return {"good": number("Complete requests") - bad, "bad": bad, "seconds": number("Time taken for tests"), "cpu": spent,
            "own_cpu": after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime,
            "p50": float(times["50"]), "p99": float(times["99"])}


def _run(cluster):
    leader = cluster.leader()
    steady, spent = _steady(cluster, leader)
    full = _full(cluster, leader, "/primary", CONNECTIONS)
    assert cluster.wait_healthy(60) is leader, "the load cost the leader its lock"
    return {"cpu": spent / max(1, steady["good"]) * 1e6, "p99": steady["p99"] * 1e3, "p50": steady["p50"] * 1e3,
            "bad": steady["bad"] + full["bad"], "most": full["good"] / full["seconds"], "most_p99": full["p99"],
            "generator": full["own_cpu"] / full["seconds"] * 100}


def _run_cluster(cluster):
    leader = cluster.leader()
    full = _full(cluster, leader, "/cluster", READERS)
    assert cluster.wait_healthy(60) is leader, "the load cost the leader its lock"
    return {"p50": full["p50"], "p99": full["p99"], "most": full["good"] / full["seconds"],
            "cpu": full["cpu"] / max(1, full["good"]) * 1e6, "bad": full["bad"]}


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
