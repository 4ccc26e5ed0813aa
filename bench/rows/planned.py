"""What an operator does on purpose: a switchover, and the end of the leader's agent."""

import signal

from lib.wait import wait_until
from row import LOST, TWO, Figure, Row, lost, outage
from trial import Trial, now


def _switchover(cluster):
    with Trial(cluster) as trial:
        old, new = trial.old, cluster.replicas()[0]
        option = "--master" if cluster.daemon.generation < 4 else "--leader"
        trial.mark = now()
        done = cluster.ctl("switchover", cluster.scope, option, old.name, "--candidate", new.name, "--force")
        returned = now()
        assert "Successfully switched over" in done.stdout, f"{done.stdout} {done.stderr}"
        trial.writer.wait_acks(trial.mark, 100, 60, node=new.name)
        writes_again = trial.outage()[2]
        return {**trial.figures(), "command": returned - trial.mark, "tail": max(0.0, returned - writes_again)}


def _end_agent(cluster):
    with Trial(cluster) as trial:
        trial.inflict(trial.old.signal, signal.SIGTERM)
        trial.writer.wait_acks(trial.mark, 100, 60, other_than=trial.old.name)
        wait_until(lambda: not trial.old.alive(), 60, "the agent has ended")
        trial.old.start()
        return trial.figures()


ROWS = [
    Row("switchover", "switchover", (outage(target=0.4), Figure("command", "the command took"),
                                     Figure("tail", "it returned after the first write", target=0.5), lost(target=0), TWO),
        _switchover),
    Row("end-agent", "SIGTERM to the leader's agent", (outage(target=0.4), LOST, TWO), _end_agent, seconds=30),
]
