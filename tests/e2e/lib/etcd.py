"""A real etcd on loopback ports, and a small client of its v3 JSON gateway."""

import base64
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import urllib.request

from .ports import HOST, free_port
from .procs import ENVIRONMENT, kill_under, send, spawn
from .wait import wait_until

ETCD, ETCDCTL = "/usr/bin/etcd", "/usr/bin/etcdctl"


@dataclasses.dataclass(frozen=True)
class KeyValue:
    value: str
    lease: int
    version: int
    create_revision: int
    mod_revision: int


def _encode(text):
    return base64.b64encode(text.encode()).decode()


def _decode(text):
    return base64.b64decode(text or "").decode()


def _prefix_end(prefix):
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


class EtcdClient:
    def __init__(self, port):
        self.url = f"http://{HOST}:{port}"

    def call(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=3) as response:
            return json.load(response)

    def healthy(self):
        with urllib.request.urlopen(self.url + "/health", timeout=2) as response:
            return json.load(response)["health"] == "true"

    def range(self, prefix):
        """All keys below the prefix: {key: KeyValue}."""
        answer = self.call("/v3/kv/range", {"key": _encode(prefix), "range_end": _encode(_prefix_end(prefix))})
        return {
            _decode(kv["key"]): KeyValue(_decode(kv.get("value")), int(kv.get("lease", 0)), int(kv["version"]),
                                         int(kv["create_revision"]), int(kv["mod_revision"]))
            for kv in answer.get("kvs", [])}

    def put(self, key, value):
        self.call("/v3/kv/put", {"key": _encode(key), "value": _encode(value)})

    def delete(self, key):
        self.call("/v3/kv/deleterange", {"key": _encode(key)})

    def delete_prefix(self, prefix):
        self.call("/v3/kv/deleterange", {"key": _encode(prefix), "range_end": _encode(_prefix_end(prefix))})

    def lease(self, lease):
        """(granted ttl, remaining ttl, keys) of a lease."""
        answer = self.call("/v3/lease/timetolive", {"ID": lease, "keys": True})
        return int(answer["grantedTTL"]), int(answer["TTL"]), [_decode(key) for key in answer.get("keys", [])]


class Etcd:
    """One etcd server. It can be killed and started again on the same data and ports."""

    def __init__(self, directory):
        self.directory = directory
        self.port, self._peer_port = free_port(), free_port()
        self.client = EtcdClient(self.port)
        self.log = os.path.join(directory, "etcd.log")
        self._process = None
        os.makedirs(directory)

    def start(self):
        client, peer = f"http://{HOST}:{self.port}", f"http://{HOST}:{self._peer_port}"
        self._process = spawn(
            [ETCD, "--name", "etcd", "--data-dir", "data", "--listen-client-urls", client,
             "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", f"etcd={peer}"], self.directory, self.log)
        wait_until(self.client.healthy, 30, "etcd answers")
        return self

    def kill(self):
        kill_under(self.directory)
        if self._process:
            self._process.wait()

    def _ctl(self, *arguments):
        subprocess.run([ETCDCTL, *arguments], check=True, capture_output=True, cwd=self.directory,
                       env={**ENVIRONMENT, "ETCDCTL_API": "3"})

    def save(self):
        """A backup of everything that is there now, for restore()."""
        self._ctl("--endpoints", self.client.url, "snapshot", "save", "backup")

    def restore(self):
        """As the manual says, under the old name and addresses: the id of the cluster stays, its term begins anew."""
        self.kill()
        shutil.rmtree(os.path.join(self.directory, "data"))
        peer = f"http://{HOST}:{self._peer_port}"
        self._ctl("snapshot", "restore", "backup", "--name", "etcd", "--data-dir", "data", "--initial-cluster",
                  f"etcd={peer}", "--initial-advertise-peer-urls", peer)
        return self.start()

    def header(self):
        """(id of the cluster, raft term)"""
        header = self.client.call("/v3/kv/range", {"key": _encode("x")})["header"]
        return header["cluster_id"], int(header["raft_term"])

    @property
    def pid(self):
        return self._process.pid

    def freeze(self):
        send([self.pid], signal.SIGSTOP)

    def thaw(self):
        send([self.pid], signal.SIGCONT)
