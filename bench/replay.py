"""The requests of many idle clusters against one etcd, without their agents: the same kinds at the same rates, on keys as
large as theirs, beside one open watch for each of their members."""

import base64
import http.client
import itertools
import json
import os
import resource
import shutil
import socket
import threading
import time

from lib.cluster import scratch_directory
from lib.etcd import Etcd
from lib.ports import HOST
from lib.wait import pause

from procfs import cpu_seconds, memory

# What idle agents ask for all the time; the rest is rare.
KINDS = ("Range", "Txn", "Put", "LeaseKeepAlive")
_MEMBERS, _THREADS, _SECONDS = 3, 16, 15.0
_MEMBER = json.dumps({"conn_url": f"postgres://{HOST}:5432/postgres", "api_url": f"http://{HOST}:8008/patroni",
                      "state": "running", "role": "replica", "version": "3.0.2", "xlog_location": 67108960, "timeline": 1})


def _encoded(text):
    return base64.b64encode(text.encode()).decode()


def _fill(etcd, clusters):
    """Keys and leases of all of them. Returns the leases."""
    leases = []
    for cluster in range(clusters):
        lease = etcd.client.call("/v3/lease/grant", {"TTL": 3600})["ID"]
        leases.append(lease)
        prefix = f"/service/c{cluster}/"
        puts = {"initialize": "7000000000000000000", "config": json.dumps({"ttl": 30, "loop_wait": 10}),
                "status": json.dumps({"optime": 67108960}), "leader": "n1",
                **{f"members/n{member}": _MEMBER for member in range(_MEMBERS)}}
        etcd.client.call("/v3/kv/txn", {"compare": [], "success": [
            {"requestPut": {"key": _encoded(prefix + key), "value": _encoded(value)}} for key, value in puts.items()]})
    return leases


def _open_watches(port, clusters):
    opened = []
    for cluster in range(clusters):
        prefix = f"/service/c{cluster}/"
        body = json.dumps({"create_request": {"key": _encoded(prefix), "range_end": _encoded(prefix[:-1] + "0")}})
        for _ in range(_MEMBERS):
            stream = socket.create_connection((HOST, port), 10)
            stream.sendall(f"POST /v3/watch HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            opened.append(stream)
    return opened


class _Generator:
    def __init__(self, port, clusters, leases, rates):
        self._port, self._clusters, self._leases = port, clusters, leases
        self._kinds = [kind for kind in KINDS if rates[kind] > 0]
        self._rates = rates
        self.times, self._lock = [], threading.Lock()

    def _request(self, kind, number):
        cluster = number % self._clusters
        prefix, status = f"/service/c{cluster}/", _encoded(json.dumps({"optime": 67108960 + number}))
        put = {"key": _encoded(prefix + "status"), "value": status}
        if kind == "Range":
            return "/v3/kv/range", {"key": _encoded(prefix), "range_end": _encoded(prefix[:-1] + "0")}
        if kind == "LeaseKeepAlive":
            return "/v3/lease/keepalive", {"ID": self._leases[cluster]}
        if kind == "Put":
            return "/v3/kv/put", put
        return "/v3/kv/txn", {"compare": [{"key": _encoded(prefix + "leader"), "target": "VALUE", "value": _encoded("n1")}],
                              "success": [{"requestPut": put}]}

    def _work(self, thread, end):
        """Every thread does its share of each kind, at moments of its own."""
        connection = http.client.HTTPConnection(HOST, self._port, timeout=10)
        begun = time.monotonic()
        gaps = {kind: _THREADS / self._rates[kind] for kind in self._kinds}
        due = {kind: begun + gap * thread / _THREADS for kind, gap in gaps.items()}
        for number in itertools.count(thread * 7919):
            kind = min(due, key=due.get)
            if due[kind] >= end:
                return
            pause(max(0.0, due[kind] - time.monotonic()))
            asked = time.monotonic()
            if asked >= end:
                return
            due[kind] += gaps[kind]
            path, body = self._request(kind, number)
            connection.request("POST", path, json.dumps(body))
            connection.getresponse().read()
            with self._lock:
                self.times.append(time.monotonic() - asked)

    def run(self):
        end = time.monotonic() + _SECONDS
        threads = [threading.Thread(target=self._work, args=(number, end), daemon=True) for number in range(_THREADS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()


def run(rates, clusters):
    """`rates` are requests per second, by kind."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    directory = scratch_directory()
    etcd, streams = Etcd(os.path.join(directory, "etcd")), []
    try:
        etcd.start()
        leases = _fill(etcd, clusters)
        streams = _open_watches(etcd.port, clusters)
        generator = _Generator(etcd.port, clusters, leases, rates)
        before = cpu_seconds(etcd.pid)
        generator.run()
        spent = cpu_seconds(etcd.pid) - before
        times = sorted(generator.times)
        assert times, "nothing was asked"
        return {"asked": sum(rates.values()), "done": len(times) / _SECONDS, "p50": times[len(times) // 2],
                "p99": times[len(times) * 99 // 100], "cpu": spent / _SECONDS * 100, "rss": memory(etcd.pid)[0],
                "streams": len(streams)}
    finally:
        for stream in streams:
            stream.close()
        etcd.kill()
        shutil.rmtree(directory, ignore_errors=True)
