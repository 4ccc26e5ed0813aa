"""The checkers and the proxy themselves: one that cannot fail proves nothing."""

import socket
import threading

import pytest

from lib.ports import HOST
from lib.proxy import BLACK_HOLE, DROP_REPLIES, REFUSE, Proxy
from lib.workload import Evidence, contradictions, lost_in_flight, simultaneous


def evidence(*rows):
    return [Evidence(*row) for row in rows]


def test_a_clean_failover_is_no_contradiction():
    assert not contradictions(evidence(("a", 1, 0, 1), ("a", 1, 1, 2), ("b", 2, 3, 4), ("a", 3, 5, 6)))


def test_a_commit_in_flight_during_the_failover_is_no_contradiction():
    # Asked for before the new primary's first commit was complete: it may have been done before it.
    assert not contradictions(evidence(("a", 1, 0, 1), ("b", 2, 3, 4), ("a", 1, 3.5, 5)))


def test_an_old_primary_that_goes_on_committing_is_found():
    assert contradictions(evidence(("a", 1, 0, 1), ("b", 2, 3, 4), ("a", 1, 4.5, 5)))


def test_two_primaries_on_one_timeline_are_found():
    assert contradictions(evidence(("a", 2, 0, 1), ("b", 2, 3, 4)))


def test_one_primary_after_the_other_is_not_simultaneous():
    assert not simultaneous(evidence(("a", 1, 0, 0.1), ("a", 1, 0.2, 0.3), ("b", 1, 0.4, 0.5), ("a", 3, 9, 9.1)))


def test_interleaved_claims_are_simultaneous():
    assert simultaneous(evidence(("a", 1, 0, 0.1), ("b", 2, 0.2, 0.3), ("a", 1, 0.4, 0.5)))


# -- the proxy

@pytest.fixture
def echo():
    """A proxy in front of a server that says everything twice."""
    with socket.create_server((HOST, 0)) as server:
        def serve():
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(client,), daemon=True).start()

        def answer(client):
            while data := client.recv(100):
                client.sendall(data + data)

        threading.Thread(target=serve, daemon=True).start()
        proxy = Proxy(server.getsockname()[1])
        yield proxy
        proxy.close()


def ask(proxy, connection=None, timeout=0.5):
    try:
        connection = connection or socket.create_connection((HOST, proxy.port))
        connection.settimeout(timeout)
        connection.sendall(b"x")
        return connection.recv(100)
    except TimeoutError:
        return "silence"
    except OSError:
        return b""


def test_proxy_passes(echo):
    assert ask(echo) == b"xx"


def test_proxy_refuses_new_and_resets_old_connections(echo):
    old = socket.create_connection((HOST, echo.port))
    assert ask(echo, old) == b"xx"
    echo.set_mode(REFUSE)
    assert ask(echo, old) == ask(echo) == b""
    echo.heal()
    assert ask(echo) == b"xx"


def test_black_hole_holds_what_is_under_way_until_it_is_healed(echo):
    connection = socket.create_connection((HOST, echo.port))
    assert ask(echo, connection) == b"xx"
    echo.set_mode(BLACK_HOLE)
    assert ask(echo, connection) == "silence"
    echo.heal()
    connection.settimeout(5)
    assert connection.recv(100) == b"xx"


def test_lost_replies_are_lost_although_the_request_arrived(echo):
    connection = socket.create_connection((HOST, echo.port))
    assert ask(echo, connection) == b"xx"
    echo.set_mode(DROP_REPLIES)
    assert ask(echo, connection) == "silence"
    echo.heal()
    assert ask(echo, connection) == b"", "a connection that is out of step is not used again"
    assert ask(echo) == b"xx"


class _Shown:
    def __init__(self, row):
        self._row = row

    def shown(self, _):
        return self._row


class _Wrote:
    """Node n1 had rows 1 to 5 acknowledged, then n2 the rows from 7 on."""
    acknowledgements = [*((at, at, "n1") for at in range(1, 6)), (7, 7, "n2"), (8, 8, "n2")]


class _Old:
    name = "n1"


@pytest.mark.parametrize("missing, shown", [([], 5), ([5], 4), ([4, 5], 0)])
def test_the_end_that_nobody_saw_may_be_lost(missing, shown):
    assert lost_in_flight(_Wrote, missing, _Old, _Shown(shown)) == len(missing)


@pytest.mark.parametrize("missing, shown", [([4], 0), ([3, 5], 0), ([5, 7], 0), ([4, 5], 4), ([8], 0)])
def test_a_hole_or_a_row_that_was_seen_may_not_be_lost(missing, shown):
    with pytest.raises(AssertionError):
        lost_in_flight(_Wrote, missing, _Old, _Shown(shown))
