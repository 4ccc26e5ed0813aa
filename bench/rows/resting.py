"""What the leader's agent takes of the machine when nothing happens."""

from lib.wait import pause
from procfs import cpu_seconds, helpers, memory
from row import Figure, Row

_SETTLE, _WATCH = 20.0, 60.0


def _rest(cluster):
    leader = cluster.leader()
    pause(_SETTLE)
    agent = leader.process.pid
    before, helpers_before = cpu_seconds(agent), {pid: cpu_seconds(pid) for pid in helpers(agent, leader.data)}
    pause(_WATCH)
    per_hour = 3600 / _WATCH
    rss, pss, private = memory(agent)
    # Only those that stay: a program that the agent runs now and then is no part of what it takes at rest.
    beside = [pid for pid in helpers(agent, leader.data) if pid in helpers_before]
    return {"rss": rss, "pss": pss, "private": private, "cpu": (cpu_seconds(agent) - before) * per_hour,
            "helpers": len(beside), "helpers_pss": sum(memory(pid)[1] for pid in beside),
            "helpers_cpu": sum(cpu_seconds(pid) - helpers_before[pid] for pid in beside) * per_hour}


ROWS = [
    Row("rest-resources", "the leader's agent at rest",
        (Figure("rss", "resident memory", "MB", target=10.0), Figure("pss", "its share of it (Pss)", "MB"),
         Figure("private", "private pages", "MB"), Figure("cpu", "CPU per hour", target=0.25),
         Figure("helpers", "processes beside it", ""), Figure("helpers_pss", "their share of memory", "MB"),
         Figure("helpers_cpu", "their CPU per hour")),
        _rest, quick=False, seconds=85),
]
