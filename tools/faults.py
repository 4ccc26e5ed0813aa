#!/usr/bin/python3
"""docs/faults.md: what is known to break the invariants, where it is tested, and how far we are.

The columns of tests are found: a test that is about a fault cites its number. The names and the state are kept here.
Usage: tools/faults.py [--check]   rewrites docs/faults.md, or fails if it is not current.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

HELD, PART, LATER = "held", "in part", "not yet"
FAULTS = [
    ("Agent and host", [
        (1, "agent killed, primary lives on", HELD, "the guard outlives the agent; a restarted one adopts the server and sends it home; armed for as long as a promotion may come, also after a pause in it"),
        (2, "agent frozen beyond the lease, then resumes", HELD, "the guard; after the thaw nothing is written that was decided under a lease that ran out"),
        (3, "whole node frozen", PART, "what was in flight may finish in the milliseconds after the thaw, before the guard acts; synchronous replication covers it"),
        (4, "OOM kill of the agent, fork fails", HELD, "stopping works by signals and needs no fork; the guard has all it needs in memory and open, and tries again what failed"),
        (5, "agent starved of CPU", HELD, "late wake-ups are logged, measured and judged by the deadline; the guard acts if the agent cannot; a leader that its guard had to end hands over"),
        (6, "REST clients exhaust descriptors or threads", HELD, "who may not ask is refused before a body is read; a crowd from one address makes room itself; the descriptor limit is raised for the agent alone"),
        (7, "log disk full, reader of the log blocked", HELD, ""),
        (8, "signals during an external program", HELD, ""),
        (9, "SIGTERM of the primary's agent under load", HELD, ""),
        (10, "power cut of everything", HELD, "a position after a restart is unknown until the WAL on the disk was read or replayed to its end"),
        (11, "pid reused, zombie postmaster", HELD, "")]),
    ("PostgreSQL process", [
        (12, "postmaster killed, children linger", HELD, ""),
        (13, "postmaster stopped, sessions go on", HELD, "primary_hang_timeout, primary_stall_timeout"),
        (14, "one backend hangs during demotion", HELD, ""),
        (15, "a replication client blocks the shutdown", HELD, ""),
        (16, "a backend's death restarts the postmaster", PART, "treated as a crash under lease"),
        (17, "the monitoring query times out", HELD, ""),
        (18, "hours of WAL to replay", PART, "waited for; a promotion is given up only when nothing moves for a minute, says when it waits for the archive, and does not ask it again after a clean shutdown whose WAL is all here; the file that a starting server replays, or waits for, is told"),
        (19, "replay paused by a smaller setting", HELD, ""),
        (20, "a parameter that prevents the start", PART, "what PostgreSQL's own executable refuses never gets to a server; a library that is not there, or more memory than there is, still prevents the start"),
        (21, "wrong password, pg_hba refuses", PART, "refused and down are told apart; a reload takes new credentials for the members and the store; another port waits for a restart")]),
    ("Clocks", [
        (22, "wall clock steps back", HELD, ""),
        (23, "wall clock steps forward", HELD, ""),
        (24, "the machine was suspended", HELD, ""),
        (25, "clocks drift", HELD, "up to a tenth of the lease")]),
    ("Store", [
        (26, "majority lost", HELD, "with failsafe mode the leader serves on"),
        (27, "every call slow", PART, "near retry_timeout a read and a renewal do not fit one after the other"),
        (28, "only the primary loses the store", HELD, "with failsafe mode a member that reads the store goes on promising only to whom it promised before the key was gone"),
        (29, "a stale member answers", HELD, ""),
        (30, "the watch is silently dead", HELD, ""),
        (31, "the store ends a lease early or late", PART, "late ends are simulated"),
        (32, "the reply to a write is lost", HELD, ""),
        (33, "keys deleted or edited by hand", HELD, "the leader writes them back"),
        (34, "store restored from a backup", PART, "accepted after a ttl of silence; until somebody leads in it, what members read before it went back says who may be elected (ADR 13); an agent that was restarted meanwhile takes a lock of its own that came back, and a logical slot younger than the backup is made anew"),
        (35, "Consul session invalidated", LATER, "no Consul"),
        (36, "ZooKeeper suspended or lost", LATER, "no ZooKeeper"),
        (37, "Kubernetes conflicts and throttling", LATER, "no Kubernetes"),
        (38, "embedded Raft in a minority", LATER, "no embedded Raft"),
        (39, "credentials or certificates expire", HELD, "renewed ones are read with a reload, one reload after the other, and by every new connection"),
        (40, "garbage in the keys", HELD, "")]),
    ("Network", [
        (41, "primary cut off from everybody", HELD, ""),
        (42, "replicas cannot reach the primary", PART, "a slow partition is noticed when the member key or the connection is gone"),
        (43, "one-way and partial partitions", HELD, "simulated"),
        (44, "only REST blocked", HELD, ""),
        (45, "flapping link", LATER, ""),
        (46, "random links clogged one by one", PART, "links are cut and healed at random, not slowed one by one"),
        (47, "black hole instead of a reset", HELD, ""),
        (48, "address changes, DNS fails", PART, "names never block the loop"),
        (49, "two answers of 200, or none", HELD, ""),
        (50, "Patroni peers in the same cluster", HELD, "3.0.2")]),
    ("Storage", [
        (51, "pg_wal full", PART, "the crash loop, and a recovery that takes too long, are bounded by primary_start_timeout"),
        (52, "disk full during a clone or rewind", PART, "marked, cleaned, retried with back-off"),
        (53, "data directory vanishes", HELD, ""),
        (54, "writes hang on the primary", PART, "WAL that does not get to the disk is noticed by what waits for it; not tried with processes that cannot be killed"),
        (55, "the agent's own reads hang", HELD, ""),
        (56, "torn or failed write of a configuration file", HELD, ""),
        (57, "fsync fails once", LATER, ""),
        (58, "pg_control damaged", HELD, "")]),
    ("Election, synchronous replication, timelines", [
        (59, "a lagging replica wins", HELD, "a member that does not know its position yet is waited for"),
        (60, "published position no standby could confirm", HELD, ""),
        (61, "ahead, but on a dead branch", HELD, "also when an archive feeds it"),
        (62, "the same timeline forked twice", PART, "numbers are tickets; of promotions by hand or by Patroni it is found out and copied anew, unless the WAL that tells is gone"),
        (63, "death between two steps of a promotion", HELD, "in synchronous mode those who could have been elected instead stay electable until the first standby is confirmed; an agent that is started while a promotion may still come ends it; a leader that died before it recorded its timeline lacks nothing; what was left behind for good stands in the store"),
        (64, "death between two steps of a demotion", HELD, ""),
        (65, "/sync and the setting disagree", HELD, ""),
        (66, "in-doubt commits become visible", PART, "a limit of PostgreSQL; the checkers do not count such rows as acknowledged"),
        (67, "standby and primary die together", HELD, "nobody else is elected; an operator may override with a manual failover"),
        (68, "cascades confuse the sync set", HELD, "a replica never goes back to the deposed leader that its tag names: it would confirm what is lost"),
        (69, "rewind dies midway", HELD, "one that could not begin is waited for, and is no reason to remove data"),
        (70, "rewind lacks WAL or is skipped", HELD, ""),
        (71, "old primary has more WAL", HELD, "its end is found out offline, which the guard spares; a snapshot of the leader's disk is told from it by its timeline, and recovered as a standby"),
        (72, "clone interrupted", HELD, ""),
        (73, "bootstrap races", HELD, "a member that may not lead any more gives its claim back; one that failed again for the same reason waits, beside the data directory it is kept why"),
        (74, "duplicate name, foreign data", HELD, "whoever answers to the name at the address in the member key keeps the second one from starting; a lock is retaken only by the machine that took it, else it has to expire"),
        (75, "promoted by hand", HELD, ""),
        (76, "logical slots lost or too far", HELD, "a copy that is not proven whole is not offered, and one that we dropped is not made anew; a timeline that begins where another one did has its own maker"),
        (77, "a slot pins WAL or is lost", HELD, "named; slots of others are never dropped")]),
    ("Operators, callbacks", [
        (78, "switchover with a failing candidate", HELD, ""),
        (79, "pause, manual change, resume", PART, ""),
        (80, "callbacks hang", HELD, "callbacks; hooks that can block are bounded by deadlines; before_stop runs once, within the time of a stop that is bounded")]),
]

PLACES = [
    ("golden", "tests/golden/scenarios", "*.txt"),
    ("simulator", "sim", "**/*"),
    ("unit and store tests", "tests/unit", "**/*_test.cpp"),
    ("unit and store tests", "tests/conformance", "*.cpp"),
    ("end to end", "tests/e2e", "test_*.py"),
]


def citations():
    found = {}
    for column, folder, pattern in PLACES:
        for path in sorted((ROOT / folder).glob(pattern)):
            if path.suffix not in (".txt", ".h", ".cpp", ".py"):
                continue
            for number in set(re.findall(r"\bF(\d\d)\b", path.read_text(encoding="utf-8"))):
                found.setdefault((int(number), column), []).append(path.stem.removesuffix("_test").removeprefix("test_"))
    return found


def document():
    found = citations()
    columns = list(dict.fromkeys(column for column, _, _ in PLACES))
    lines = ["# Faults", "",
             "What is known to break the invariants, where it is tried, and how far we are. Written by `tools/faults.py`: the test",
             "columns are the places that cite the number, the state is kept in that script.", "",
             f"*{HELD}*: the invariants hold under it. *{PART}*: with the limit named. *{LATER}*: not tried."]
    for title, faults in FAULTS:
        lines += ["", f"## {title}", "", "| fault | state | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]
        for number, name, state, limit in faults:
            if state == HELD and not any((number, column) in found for column in columns):
                sys.exit(f"F{number:02} is said to be {HELD}, but no test cites it")
            cells = [", ".join(dict.fromkeys(found.get((number, column), []))) for column in columns]
            lines.append(f"| **F{number:02}** {name} | {state}{': ' + limit if limit else ''} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    target = ROOT / "docs/faults.md"
    if sys.argv[1:] == ["--check"]:
        if not target.exists() or target.read_text(encoding="utf-8") != document():
            sys.exit("docs/faults.md is not current: run tools/faults.py")
    else:
        target.write_text(document(), encoding="utf-8")


main()
