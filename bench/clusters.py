"""Clusters for the rows: one at a time, kept from row to row as long as the settings are the same."""

import os
import shutil

from lib import PATRONI, SUBJECT, Cluster
from lib.wait import wait_until

DAEMONS = {"regent": SUBJECT, "patroni": PATRONI}
# fsync stays on, unlike in the tests; nobody connects but us.
LOCAL = {"postgresql": {"parameters": {"fsync": None}}}


class Workshop:
    """Where the rows of one subject (regent, patroni or floor) get what they work on."""

    def __init__(self, subject, logs=None):
        self.subject, self._logs = subject, logs
        self._cluster, self._settings = None, None
        self.label = ""     # what the logs are kept under

    @property
    def daemon(self):
        return DAEMONS[self.subject]

    def new_cluster(self, dynamic, names=("n1", "n2", "n3")):
        return Cluster(names=names, daemon=self.daemon, dynamic=dynamic, local=LOCAL)

    def cluster(self, settings):
        """Three healthy nodes. The last ones are used again if they have the same settings and can be mended."""
        if self._cluster and self._settings == settings:
            try:
                return self._mended()
            except AssertionError as error:
                print(f"  the cluster is rebuilt: {error}", flush=True)
        self.drop()
        self._cluster, self._settings = self.new_cluster(settings), settings
        self._cluster.__enter__()
        self._cluster.start(180)
        return self._settled()

    def _mended(self):
        for node in self._cluster.nodes:
            node.thaw()
            if not node.alive():
                node.start()
        self._cluster.wait_healthy(120)
        return self._settled()

    def _settled(self):
        if self._settings.get("synchronous_mode"):
            wait_until(lambda: '"sync_standby":"' in (self._cluster.key("sync") or "").replace(" ", ""), 60,
                       "a synchronous standby is confirmed")
        return self._cluster

    def save_logs(self, cluster=None):
        """Keep the logs of the agents and servers for somebody who wants to know where the time went."""
        cluster = cluster or self._cluster
        if not self._logs or not cluster:
            return
        for node in cluster.nodes:
            target = os.path.join(self._logs, self.label)
            os.makedirs(target, exist_ok=True)
            for name in ("agent.log", "postgresql.log"):
                path = os.path.join(node.directory, name)
                if os.path.exists(path):
                    shutil.copy(path, os.path.join(target, f"{node.name}.{name}"))

    def drop(self):
        if self._cluster:
            self._cluster.destroy()
            self._cluster = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.drop()
