"""Three PostgreSQL nodes under regent with a real etcd between them, to play with or as an unattended story.

Started by ./run demo. Everything it makes lies in one scratch directory and is gone when it ends.
"""

import argparse
import os
import pathlib
import select
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))

from lib import Cluster, Writer, wait_until  # noqa: E402
from lib.ports import HOST  # noqa: E402
from lib.signals import end_tidily  # noqa: E402

_started = time.monotonic()


def say(text=""):
    print(f"[{time.monotonic() - _started:5.1f} s] {text}" if text else "", flush=True)


def new_cluster():
    # Unlike in the tests, fsync stays on. The nodes have no other secrets.
    return Cluster(local={"postgresql": {"parameters": {"fsync": None}}})


def start(cluster):
    say("starting etcd and three empty nodes; one of them initialises the cluster, the others clone it")
    cluster.start()
    # A commit is acknowledged only when a replica has it too, so losing a node loses nothing that was acknowledged.
    cluster.make_durable()
    say(f"{cluster.leader().name} leads, both replicas stream")


def table(cluster, node=None):
    node = node or next(node for node in cluster.nodes if node.alive())
    print(cluster.ctl("list").stdout, flush=True)


# ------------------------------------------------------------------------------------------------ the story

def story():
    with new_cluster() as cluster:
        start(cluster)
        table(cluster)
        with Writer(cluster) as writer:
            writer.wait_progress(200)
            say(f"a client writes; {len(writer.acknowledged)} rows acknowledged so far")

            first = cluster.leader()
            first.diverge()
            first.kill()
            say(f"kill -9: {first.name} is dead, agent and PostgreSQL, with WAL that no other node has")
            second = cluster.wait_leader(60, other_than=first)
            writer.wait_progress(200, 60)
            say(f"{second.name} has taken over; the client was without a primary for {writer.longest_gap:.1f} s")
            table(cluster, second)

            first.start()
            wait_until(lambda: cluster.healthy() is second, 120, f"{first.name} has rejoined")
            if "running pg_rewind from" not in first.log_text():
                raise AssertionError(f"{first.name} has rejoined, but not by pg_rewind")
            say(f"{first.name} was started again and has rejoined by pg_rewind, as a replica of {second.name}")

            gap, writer.longest_gap = writer.longest_gap, 0.0
            done = cluster.ctl("switchover", cluster.scope, "--leader", second.name, "--candidate", first.name,
                               "--force")
            if "Successfully switched over" not in done.stdout:
                raise AssertionError(f"the switchover failed: {done.stdout} {done.stderr}")
            wait_until(lambda: cluster.healthy() is first, 60, f"{first.name} leads and the others follow")
            writer.wait_progress(200, 60)
            say(f"planned switchover back to {first.name}; the client waited {writer.longest_gap:.1f} s")
            table(cluster, first)

        writer.verify(*cluster.nodes)
        say(f"every one of {len(writer.acknowledged)} acknowledged rows is on every node; nothing was lost "
            f"(longest time without a primary: {max(gap, writer.longest_gap):.1f} s)")


# ------------------------------------------------------------------------------------------------ to play with

HELP = """Commands here:
  list                show the cluster
  kill NODE|leader    kill -9 the whole node, agent and PostgreSQL
  start NODE          start a killed node again
  switchover          let another node lead
  quit, or Ctrl-C     stop everything and remove it"""


def introduce(cluster):
    home = os.environ.get("REGENT_DEMO_HOME", ".")
    ctl = f"{home}/build/release/bin/regentctl -c {cluster.nodes[0].config_file}"
    ports = ",".join(str(node.pg_port) for node in cluster.nodes)
    hosts = ",".join([HOST] * len(cluster.nodes))
    print("\nConnect to whoever is the primary:")
    print(f'  psql "host={hosts} port={ports} user=postgres dbname=postgres target_session_attrs=read-write"')
    print("or to one node (PostgreSQL, REST API, log of the agent):")
    for node in cluster.nodes:
        print(f"  {node.name}  psql -h {HOST} -p {node.pg_port} -U postgres postgres   "
              f"http://{HOST}:{node.rest_port}/patroni   {node.log}")
    print("\nTry in another terminal:")
    for command in ("list", "topology", "switchover", "pause", "resume", "edit-config", "history"):
        print(f"  {ctl} {command}")
    print(f"\n{HELP}\n", flush=True)


def named(cluster, name):
    return cluster.leader() if name == "leader" else next((node for node in cluster.nodes if node.name == name), None)


def obey(cluster, line):
    """Do what was typed; returns False if it was the end."""
    command, _, name = line.strip().partition(" ")
    if command in ("quit", "exit"):
        return False
    if command == "list":
        table(cluster)
    elif command in ("kill", "start"):
        node = named(cluster, name.strip())
        if node is None:
            print(f"There is no node '{name}'.")
        elif command == "kill" and node.alive():
            node.kill()
            say(f"{node.name} is dead; its lease lives on for at most {cluster.dynamic['ttl']} s")
        elif command == "start" and not node.alive():
            node.start()
            say(f"{node.name} is starting")
        else:
            print(f"{node.name} is {'running' if node.alive() else 'dead'} already.")
    elif command == "switchover":
        leader = cluster.leader()
        print(leader.post("/switchover", {"leader": leader.name}).text if leader else "There is no leader now.")
    elif command:
        print(HELP)
    return True


def play():
    with new_cluster() as cluster:
        start(cluster)
        introduce(cluster)
        table(cluster)
        leader = cluster.leader()
        # Unbuffered: select must see a second line that came with the first.
        typed = open(0, "rb", buffering=0)
        listening = [typed]
        while True:
            ready, _, _ = select.select(listening, [], [], 1)
            line = typed.readline() if ready else None
            if line == b"":
                listening = []      # no terminal: only Ctrl-C ends it
            elif line is not None and not obey(cluster, line.decode(errors="replace")):
                return
            now = cluster.leader()
            if now is not None and now is not leader:
                say(f"{now.name} leads now" + (f", {leader.name} did before" if leader else ""))
                table(cluster)
                leader = now


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--script", action="store_true", help="tell the whole story unattended and end")
    arguments = parser.parse_args()
    end_tidily()
    try:
        (story if arguments.script else play)()
        say("everything is removed")
    except KeyboardInterrupt:
        say("stopped; everything is removed")
        return 130 if arguments.script else 0
    except AssertionError as failure:
        say(f"FAILED: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
