"""Planned changes of the leader, by REST and by the control tool."""

import os

import pytest

from lib import SUBJECT, Cluster, Prober, Writer
from lib.wait import wait_until


def test_switchover_by_rest(durable):
    cluster, old = durable, durable.leader()
    new, other = cluster.replicas()
    timeline = cluster.timeline()
    with Writer(cluster) as writer, Prober(cluster) as prober:
        writer.wait_progress()
        # Any member takes the request, not only the leader.
        answer = other.post("/switchover", {"leader": old.name, "candidate": new.name})
        assert (answer.status, answer.text.strip()) == (200, f'Successfully switched over to "{new.name}"')
        assert cluster.wait_healthy(60) is new
        writer.wait_progress()
    writer.verify(*cluster.nodes)
    prober.verify()
    assert cluster.timeline() == timeline + 1
    assert cluster.key("failover") in (None, "{}"), "the request is consumed (F78)"
    roles = [line for line in new.hook_lines() if line.startswith("on_role_change")]
    assert roles[-1] == f"on_role_change {SUBJECT.primary_role} demo"


def test_switchover_by_ctl(cluster):
    old, (new, _) = cluster.leader(), cluster.replicas()
    done = cluster.ctl("switchover", "demo", "--leader", old.name, "--candidate", new.name, "--force")
    assert done.returncode == 0, done.stderr
    assert f'Successfully switched over to "{new.name}"' in done.stdout
    assert cluster.wait_healthy() is new


@pytest.mark.regent
def test_switchover_tells_how_long_each_step_took(cluster):
    """The old leader does, in its log and its status, and the control tool when there is something to tell."""
    old, (new, _) = cluster.leader(), cluster.replicas()
    done = cluster.ctl("switchover", "demo", "--leader", old.name, "--candidate", new.name, "--force")
    assert done.returncode == 0, done.stderr

    def told():
        handover = old.status()["regent"].get("handover")
        return handover and handover["writes_paused"] is not None and handover
    handover = wait_until(told, 20, "the last step was seen")
    assert (handover["kind"], handover["to"]) == ("switchover", new.name)
    steps = [handover[step] for step in ("stopped", "taken_over", "promoted")]
    assert sum(steps) == pytest.approx(handover["writes_paused"], abs=0.002)
    assert f"switchover to {new.name}: writes were paused for " in old.log_text()
    last = done.stdout.splitlines()[-1]
    assert last.startswith(("Writes were paused for ", "+")), done.stdout
    assert cluster.wait_healthy() is new
    # One that leads again has nothing to tell: what was is not taken for what will be.
    assert new.post("/switchover", {"leader": new.name, "candidate": old.name}).status == 200
    assert cluster.wait_healthy() is old
    wait_until(lambda: "handover" not in old.status()["regent"], 20, "the past is forgotten")


@pytest.mark.regent
def test_switchover_does_not_wait_for_the_archive(tmp_path):
    """F18: all that the leader wrote is there; an archive that hangs could only delay the promotion, again and again."""
    asked, closed = tmp_path / "asked", tmp_path / "closed"
    tmp_path.chmod(0o777)
    command = f"test -e {closed} && echo $PWD %f >>{asked} && sleep 5; false"
    with Cluster(names=("n1", "n2"), dynamic={"postgresql": {"recovery_conf": {"restore_command": command}}}) as cluster:
        cluster.start()
        old, (new,) = cluster.leader(), cluster.replicas()
        closed.touch()
        answer = old.post("/switchover", {"leader": old.name, "candidate": new.name})
        assert answer.status == 200, answer
        wait_until(lambda: cluster.leader() is new and new.accepts_writes(), 60, "the new leader")
        asks = asked.read_text().splitlines() if asked.exists() else []
        # Once the stream ended PostgreSQL asks before anybody can tell it not to; not again.
        assert len([line for line in asks if line.startswith(new.data)]) <= 1, asks
        closed.unlink()
        assert cluster.wait_healthy(90) is new
        assert not os.path.exists(os.path.join(new.data, "regent.restore"))
        # And one that follows again may restore what is the leader's.
        assert new.post("/switchover", {"leader": new.name, "candidate": old.name}).status == 200
        assert cluster.wait_healthy(90) is old


def test_switchover_to_any_replica(cluster):
    old = cluster.leader()
    answer = old.post("/switchover", {"leader": old.name})
    assert answer.status == 200, answer
    assert cluster.wait_healthy() is not old


def test_switchover_by_the_interactive_dialogue(cluster):
    old, (new, _) = cluster.leader(), cluster.replicas()
    done = cluster.ctl("switchover", stdin=f"{old.name}\n{new.name}\nnow\ny\n")
    assert done.returncode == 0, done.stderr
    assert cluster.wait_healthy() is new


def test_scheduled_switchover_can_be_seen_and_flushed(cluster):
    leader, (candidate, _) = cluster.leader(), cluster.replicas()
    answer = leader.post("/switchover", {"leader": leader.name, "candidate": candidate.name,
                                         "scheduled_at": "2101-01-01T00:00:00+00:00"})
    assert (answer.status, answer.text.strip()) == (202, "Switchover scheduled")
    assert leader.get("/cluster").json()["scheduled_switchover"] == {
        "at": "2101-01-01T00:00:00+00:00", "from": leader.name, "to": candidate.name}
    done = cluster.ctl("flush", "demo", "switchover", "--force")
    assert done.returncode == 0 and "Success: scheduled switchover deleted" in done.stdout
    assert cluster.key("failover") in (None, "{}")


@pytest.mark.parametrize("body, status", [
    ({"leader": "nobody"}, 412),
    ({"leader": "LEADER", "candidate": "nobody"}, 412),
    # Patroni 3.0 tries, and says 503.
    pytest.param({"leader": "LEADER", "candidate": "LEADER"}, 400, marks=pytest.mark.regent),
    ({}, 400),
    ("{", 400),
    ({"leader": "LEADER", "scheduled_at": "rubbish"}, 422),
    ({"leader": "LEADER", "scheduled_at": "2001-01-01T00:00:00+00:00"}, 422),
    ({"leader": "LEADER", "scheduled_at": "2101-01-01T00:00:00"}, 400),
])
def test_refused_switchovers(cluster, body, status):
    leader = cluster.leader()
    if isinstance(body, dict):
        body = {key: leader.name if value == "LEADER" else value for key, value in body.items()}
    assert leader.post("/switchover", body).status == status
    assert cluster.key("failover") in (None, "{}")
    assert cluster.leader() is leader


def test_manual_failover_by_rest(cluster):
    new = cluster.replicas()[0]
    answer = new.post("/failover", {"candidate": new.name})
    assert (answer.status, answer.text.strip()) == (200, f'Successfully failed over to "{new.name}"')
    assert cluster.wait_healthy() is new


def test_manual_failover_by_ctl(cluster):
    new = cluster.replicas()[0]
    done = cluster.ctl("failover", "demo", "--candidate", new.name, "--force")
    assert done.returncode == 0 and f'Successfully failed over to "{new.name}"' in done.stdout, done.stdout
    assert cluster.wait_healthy() is new


def test_refused_failovers(cluster):
    leader = cluster.leader()
    for body in ({}, {"candidate": ""}):
        assert leader.post("/failover", body).status == 400
    assert leader.post("/failover", {"candidate": "nobody"}).status == 412
    assert cluster.leader() is leader


def test_there_and_back_again(cluster):
    """Every node leads once; each former leader follows again without a rewind or a clone."""
    marks = {node: len(node.log_text()) for node in cluster.nodes}
    for _ in range(3):
        old = cluster.leader()
        new = cluster.nodes[(cluster.nodes.index(old) + 1) % 3]
        assert old.post("/switchover", {"leader": old.name, "candidate": new.name}).status == 200
        assert cluster.wait_healthy() is new
    for node in cluster.nodes:
        log = node.log_text()[marks[node]:]
        assert "running pg_rewind from" not in log and "bootstrapped from" not in log
    done = cluster.ctl("history", "-f", "json")
    assert done.returncode == 0
    wait_until(lambda: cluster.history()[-1][0] == cluster.timeline() - 1, 10, "the history is written")
