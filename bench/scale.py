"""What many members and many clusters cost the store.

One idle cluster of three real nodes is measured by etcd's own counters; so is the same with two of them, which tells what
one replica adds. Clusters of 50 and 200 do not fit on one machine: keys of members that do not exist are added to those of
the three real ones, which makes every answer as large as it would be, and the requests of the missing agents are projected.
The requests of 100 and 1000 clusters are replayed against one etcd by bench/replay.py.
"""

import json
import urllib.request

from lib.ports import HOST
from lib.wait import pause

import replay
from clusters import Workshop
from procfs import cpu_seconds
from row import DEFAULT

MINUTES = 9
_WINDOW, _SETTLE = 60.0, 15.0
MEMBERS, CLUSTERS = (50, 200), (1, 100, 1000)
_KINDS = ("Range", "Txn", "Put", "DeleteRange", "LeaseKeepAlive", "LeaseGrant", "LeaseTimeToLive", "Watch", "MemberList")


def counters(port):
    """Requests that etcd has received so far, by kind; events it has told watchers; bytes it has sent."""
    found = {}
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            name, _, value = line.rpartition(" ")
            kind = next((kind for kind in _KINDS if f'grpc_method="{kind}"' in name), None)
            if name.startswith("grpc_server_msg_received_total") and kind:
                found[kind] = float(value)
            elif name == "etcd_debugging_mvcc_events_total":
                found["watch events"] = float(value)
            elif name == "etcd_network_client_grpc_sent_bytes_total":
                found["bytes"] = float(value)
    return found


def _per_minute(cluster, leader):
    """(by kind per minute, CPU seconds per hour of etcd and of the leader's agent)"""
    pause(_SETTLE)
    pids = cluster.etcd.pid, leader.process.pid
    before, spent = counters(cluster.etcd.port), [cpu_seconds(pid) for pid in pids]
    pause(_WINDOW)
    after = counters(cluster.etcd.port)
    cpu = [(cpu_seconds(pid) - past) * 3600 / _WINDOW for pid, past in zip(pids, spent)]
    return {key: (value - before.get(key, 0)) * 60 / _WINDOW for key, value in after.items()}, cpu


def _requests(rates):
    return sum(value for key, value in rates.items() if key in _KINDS)


def _kinds(rates):
    return ", ".join(f"{key} {value:.0f}" for key, value in sorted(rates.items(), key=lambda item: -item[1])
                     if key in _KINDS and value >= 0.5) or "none"


def _add_stand_ins(cluster, members):
    """Keys of members that do not exist, up to `members` in all. All but the first replicate from the first, so that the
    leader keeps no slot for them."""
    for number in range(4, members + 1):
        tags = {} if number == 4 else {"replicatefrom": "s4"}
        member = {"conn_url": f"postgres://{HOST}:1/postgres", "api_url": f"http://{HOST}:1/patroni", "state": "running",
                  "role": "replica", "version": "3.0.2", "xlog_location": 67108960, "timeline": 1, "tags": tags}
        cluster.etcd.client.put(f"{cluster.prefix()}members/s{number}", json.dumps(member))


def _measure(name, say, lines):
    found = {}
    with Workshop(name) as workshop:
        cluster = workshop.cluster(DEFAULT)
        leader = cluster.leader()
        found["3"], cpu = _per_minute(cluster, leader)
        three = found["3"]
        lines.append(f"  3 members: {_requests(three):.0f} requests a minute ({_kinds(three)}; watch events sent "
                     f"{three['watch events']:.0f}), {three['bytes'] / 1024:.0f} kB; CPU per hour: etcd {cpu[0]:.1f} s, the "
                     f"leader's agent {cpu[1]:.2f} s")
        say(f"{name}: {lines[-1].strip()}")
        replica = cluster.replicas()[0]
        replica.stop()
        two, _ = _per_minute(cluster, leader)
        replica.start()
        cluster.wait_healthy(120)
        one_more = {key: max(0.0, value - two.get(key, 0)) for key, value in three.items()}
        found["one replica more"] = one_more
        lines.append(f"  one replica adds {_requests(one_more):.0f} requests a minute ({_kinds(one_more)})")
        for members in MEMBERS:
            _add_stand_ins(cluster, members)
            rates, cpu = _per_minute(cluster, cluster.leader())
            all_of_them = _requests(rates) + (members - 3) * _requests(one_more)
            size = rates["bytes"] + (members - 3) * one_more["bytes"] * members / 3
            found[str(members)] = rates
            lines.append(f"  {members} members, 3 of them real: {_requests(rates):.0f} requests a minute, "
                         f"{rates['bytes'] / 1024:.0f} kB; with {members} agents (projected) {all_of_them:.0f} requests, "
                         f"{size / 1024:.0f} kB; CPU per hour of the leader's agent {cpu[1]:.2f} s")
            say(f"{name}: {lines[-1].strip()}")
    return found


def _replay(rates, say, lines):
    for clusters in CLUSTERS:
        per_second = _requests(rates) * clusters / 60
        figures = replay.run({kind: rates.get(kind, 0) * clusters / 60 for kind in replay.KINDS}, clusters)
        lines.append(f"  {clusters} idle clusters: {per_second * 60:.0f} requests a minute. Replayed with {figures['streams']} "
                     f"open watches: {figures['done']:.0f} requests a second done of {figures['asked']:.0f}, median "
                     f"{figures['p50'] * 1e3:.1f} ms, p99 {figures['p99'] * 1e3:.1f} ms, etcd at {figures['cpu']:.0f} % of one "
                     f"CPU, {figures['rss']:.0f} MB")
        say(lines[-1].strip())


def run(names, say):
    """{"lines": what to print, "figures": per minute, by subject, members and kind}. What fails says so."""
    lines, figures = ["Cost at scale, of idle clusters with the default settings"], {}
    for name in names:
        lines.append(f"{name}:")
        try:
            figures[name] = _measure(name, say, lines)
            _replay(figures[name]["3"], say, lines)
        except (AssertionError, OSError, LookupError) as error:
            lines.append(f"  FAILED: {type(error).__name__}: {error}")
            say(lines[-1])
    return {"lines": lines, "figures": figures}
