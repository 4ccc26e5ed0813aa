"""Fixtures shared by the end-to-end tests.

Most tests borrow one cluster, `cluster`, which is brought back to its first state before each of them: building a
cluster takes seconds, mending one takes less. A test that needs something special makes its own with `Cluster(...)`.
"""

import pathlib
import signal

import pytest

from lib import SUBJECT, Cluster, living_clusters
from lib.wait import wait_until

_LOG_TAIL_LINES = 60


def pytest_configure(config):
    # The run script starts us in the background, where SIGINT is ignored; both signals must reach the teardown.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.addinivalue_line("markers", "regent: what Regent does better; not asked of another daemon under test")


def pytest_collection_modifyitems(config, items):
    """With another daemon under test (to check the tests themselves) leave out what only Regent promises."""
    absent = set() if SUBJECT.name == "regent" else {"regent"}
    left_out = [item for item in items if absent & {marker.name for marker in item.iter_markers()}]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Attach the tails of all logs of the living clusters to the report of a failed test."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for cluster in living_clusters():
        root = pathlib.Path(cluster.directory)
        for path in sorted([*root.glob("*/*.log"), *root.glob("*/vip/*.log")]):
            lines = path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
            report.sections.append((str(path.relative_to(root)), "\n".join(lines)))


class _Shared:
    """The cluster that tests borrow, rebuilt only if it cannot be mended."""

    def __init__(self):
        self.cluster = None

    def get(self):
        if self.cluster:
            try:
                return self._mended()
            except AssertionError as error:
                print(f"the shared cluster is rebuilt: {error}")
                self.drop()
        self.cluster = Cluster()
        self.cluster.__enter__()
        return self.cluster.start()

    def _mended(self):
        cluster = self.cluster
        for node in cluster.nodes:
            node.thaw()
            changed = node.changed
            node.configure({})
            if not node.alive():
                node.start()
            elif changed:
                node.signal(signal.SIGHUP)
        leader = cluster.wait_leader(60)
        answer = leader.request("PUT", "/config", cluster.dynamic)
        assert answer.status == 200, answer
        cluster.wait_healthy(60)
        wait_until(lambda: cluster.key("failover") in (None, "{}"), 10, "no switchover is pending")
        # The agents notice the configuration in their next cycle; until then they may still report the old state.
        wait_until(lambda: all(node.setting("max_connections") == "60" or "pending_restart" in node.status()
                               for node in cluster.nodes), 20, "the agents have seen the configuration")
        for node in cluster.nodes:
            if "pending_restart" in node.status():
                assert node.post("/restart").status == 200
        wait_until(lambda: not any("pending_restart" in node.status() for node in cluster.nodes), 20,
                   "no restart is pending")
        cluster.wait_healthy(60)
        return cluster

    def drop(self):
        if self.cluster:
            self.cluster.destroy()
            self.cluster = None


@pytest.fixture(scope="session")
def shared():
    shared = _Shared()
    yield shared
    shared.drop()


@pytest.fixture
def cluster(shared):
    """Three healthy nodes n1, n2, n3 with the default configuration. Which one leads is not said."""
    return shared.get()


@pytest.fixture
def durable(cluster):
    """The same, with commits acknowledged only after a standby has them."""
    cluster.make_durable()
    return cluster
