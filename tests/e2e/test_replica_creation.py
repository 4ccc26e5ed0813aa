"""Copies of a cluster made by real scripts and programs: replica methods, custom bootstrap, recovery to a point in time."""

import os
import shutil
import stat
import subprocess

import psycopg2
import pytest

from lib import Cluster, procs, wait_until
from lib.daemons import PG_BIN
from lib.node import PASSWORDS

pytestmark = pytest.mark.regent

# Relative to the data directory of a node.
ARCHIVE = {"postgresql": {"parameters": {"archive_mode": "on", "archive_command": "cp %p ../../archive/%f"}}}


@pytest.fixture(scope="module")
def source():
    """A cluster of two with an archive, a base backup, and rows before and after a named point in time."""
    with Cluster(("n1", "n2"), dynamic=ARCHIVE) as cluster:
        os.mkdir(os.path.join(cluster.directory, "archive"))
        cluster.start()
        leader = cluster.leader()
        cluster.backup = os.path.join(cluster.directory, "backup")
        subprocess.run([os.path.join(PG_BIN, "pg_basebackup"), "-D", cluster.backup, "-X", "stream", "-c", "fast", "-d",
                        f"host=127.0.0.1 port={leader.pg_port} user=replicator password={PASSWORDS['replicator']}"],
                       check=True, cwd=cluster.directory, capture_output=True)
        leader.sql("CREATE TABLE story AS SELECT 'before' AS chapter")
        leader.sql("SELECT pg_create_restore_point('the_point')")
        leader.sql("INSERT INTO story VALUES ('after')")
        leader.sql("SELECT pg_switch_wal()")
        wait_until(lambda: leader.scalar("SELECT last_archived_wal IS NOT NULL AND failed_count = 0 "
                                         "FROM pg_stat_archiver"), 20, "the archive has it")
        yield cluster


def script(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, stat.S_IRWXU)
    return path


def newcomer(cluster, changes, name="n3"):
    node = cluster.add_node(name, changes=changes)
    return node


@pytest.fixture
def third(source):
    """Makes a third node, and removes it again."""
    made = []

    def make(changes):
        made.append(newcomer(source, changes))
        return made[0]
    yield make
    for node in made:
        if node.alive():
            node.stop()  # its key and its slots go at once
        source.remove_node(node)
    for node in source.nodes:
        if not node.alive():
            node.start()
    source.wait_healthy(60)
    wait_until(lambda: "n3" not in source.members(), 40, "the third node's key is gone")


def streams(cluster, node):
    return wait_until(lambda: node.name in cluster.streaming_from(cluster.leader()), 60, f"{node} streams")


def test_methods_are_tried_in_order(source, third):
    """One fails and leaves rubbish, one fails and wants its data kept, the last one finishes what it left."""
    directory = source.directory
    calls = os.path.join(directory, "calls")
    note = f'echo "$(basename $0) $@" >>{calls}; '
    rubbish = script(directory, "rubbish", note + 'for a in "$@"; do case $a in --datadir=*) d=${a#*=};; esac; done\n'
                     'mkdir -p $d; echo x >$d/rubbish; exit 1\n')
    half = script(directory, "half", note + f"mkdir -p {directory}/n3/data; echo x >{directory}/n3/data/half; exit 3\n")
    finish = script(directory, "finish", note + 'for a in "$@"; do case $a in --datadir=*) d=${a#*=};;'
                    ' --connstring=*) c=${a#*=};; esac; done\n'
                    'ls $d >>' + calls + '\ntest -e $d/half && test ! -e $d/rubbish && rm $d/half || exit 1\n'
                    f'{PG_BIN}/pg_basebackup -X stream -c fast -D $d.new -d "$c" && mv $d.new/* $d/ && rmdir $d.new\n')
    node = third({"postgresql": {
        "create_replica_methods": ["rubbish", "half", "finish"],
        "rubbish": {"command": rubbish, "stanza": "main", "threads": 4},
        "half": {"command": half + " one 'two words'", "no_params": True, "keep_data": True},
        "finish": {"command": finish, "keep_data": True}}})
    node.start()
    streams(source, node)
    with open(calls) as file:
        lines = file.read().splitlines()
    leader = source.leader()
    connection = f"--connstring=host=127.0.0.1 port={leader.pg_port} dbname=postgres user=replicator"
    assert lines[0] == (f"rubbish --scope=demo --datadir={node.data} --role=replica {connection} --stanza=main --threads=4")
    assert lines[1] == "half one two words"
    assert lines[2] == f"finish --scope=demo --datadir={node.data} --role=replica {connection}"
    assert {"half", "regent.incomplete"} >= set(lines[3:]) >= {"half"}
    assert "replica has been created using finish" in node.log_text()


def test_a_snapshot_of_the_leaders_disk(source, third):
    """F71: it looks like a primary that crashed, without a backup's label. Recovered in single-user mode it would leave the
    leader's history; recovered as a standby it goes on where the leader does."""
    leader = source.leader()
    node = third({"postgresql": {"authentication": {"rewind": None}}})
    leader.sql("INSERT INTO story VALUES ('not checkpointed')")
    procs.freeze_under(leader.data)
    try:
        shutil.copytree(leader.data, node.data)
    finally:
        procs.thaw_under(leader.data)
    # On another machine nobody has that number; here the leader's postmaster has.
    os.remove(os.path.join(node.data, "postmaster.pid"))
    node.start()
    streams(source, node)
    assert node.sql("SELECT chapter FROM story") == leader.sql("SELECT chapter FROM story")
    log = node.log_text()
    assert "single user mode" not in log and "pg_rewind" not in log
    leader.sql("DELETE FROM story WHERE chapter = 'not checkpointed'")


def test_basebackup_options_and_progress(source, third):
    directory = source.directory
    programs = os.path.join(directory, "bin")
    os.mkdir(programs)
    for name in os.listdir(PG_BIN):
        if name != "pg_basebackup":
            os.symlink(os.path.join(PG_BIN, name), os.path.join(programs, name))
    script(programs, "pg_basebackup", f'echo "$@" >>{directory}/basebackup.log\nexec {PG_BIN}/pg_basebackup "$@"\n')
    node = third({"postgresql": {"bin_dir": programs, "basebackup": [
        {"max-rate": "4M"}, "no-verify-checksums", {"checkpoint": "fast"}, {"format": "t"}, {"compress": "9"}]}})
    node.start()
    wait_until(lambda: " of " in node.status()["regent"]["job"]["progress"], 30, "the progress is told")
    row = wait_until(lambda: (row := source.list()["n3"]) if "MB" in source.list()["n3"]["Progress"] else None, 30,
                     "the list shows it, too")
    assert row["State"] == "creating replica"
    streams(source, node)
    with open(os.path.join(directory, "basebackup.log")) as file:
        line = file.read()
    for option in ("--max-rate=4M", "--no-verify-checksums", "--checkpoint=fast"):
        assert option in line.split()
    assert "--format" not in line and "--compress" not in line
    log = node.log_text()
    assert "format is not allowed" in log and "compress" in log
    # As a mapping, too; and whoever is asked for a new copy takes it from where it is told to.
    node.configure({"postgresql": {"bin_dir": programs, "basebackup": {"checkpoint": "fast", "max-rate": "200M"}}})
    assert node.post("/reload").status == 202
    assert node.post("/reinitialize", {"force": True}).status == 200
    wait_until(lambda: "--max-rate=200M" in open(os.path.join(directory, "basebackup.log")).read(), 60, "made anew")
    streams(source, node)


def test_copies_are_taken_from_whoever_offers_them(source, third):
    (replica,) = source.replicas()
    replica.configure({"tags": {"clonefrom": True}})
    assert replica.post("/reload").status == 202
    wait_until(lambda: source.members()[replica.name].get("tags", {}).get("clonefrom"), 20, "the tag is known")
    node = third({})
    node.start()
    streams(source, node)
    assert f"bootstrapped from replica '{replica.name}'" in node.log_text()
    leader = source.leader()
    assert node.post("/reinitialize", {"force": True, "from_leader": True}).status == 200
    wait_until(lambda: f"bootstrapped from leader '{leader.name}'" in node.log_text(), 60, "made anew from the leader")
    streams(source, node)
    replica.configure({})
    assert replica.post("/reload").status == 202


def test_a_replica_without_a_leader(source, third):
    """A method that restores from a backup needs nobody who runs."""
    directory = source.directory
    restore = script(directory, "restore", 'for a in "$@"; do case $a in --datadir=*) d=${a#*=};; esac; done\n'
                     f'echo "$@" >>{directory}/restore.log\ncp -a {source.backup} $d.new && mkdir -p $d && '
                     'mv $d.new/* $d/ && rmdir $d.new\n')
    node = third({"tags": {"nofailover": True}, "postgresql": {
        "create_replica_methods": ["basebackup", "restore"], "restore": {"command": restore, "no_leader": True},
        "recovery_conf": {"restore_command": f"cp {directory}/archive/%f %p"}}})
    for other in source.nodes[:2]:
        other.stop()
    node.start()
    wait_until(lambda: node.in_recovery(), 60, "it runs without anybody to copy from")
    log = node.log_text()
    assert "trying to bootstrap (without leader)" in log and "bootstrapped (without leader)" in log
    # It gets on by the archive alone, and streams as soon as there is somebody.
    wait_until(lambda: node.scalar("SELECT count(*) FROM story") == 2, 30, "it replays the archive")
    for other in source.nodes[:2]:
        other.start()
    source.wait_healthy(60, names=("n1", "n2"))
    streams(source, node)


def chapters(node):
    return [row[0] for row in node.sql("SELECT chapter FROM story ORDER BY 1")]


def custom(directory, source, keys, lines=""):
    """A bootstrap section whose method copies the backup."""
    copy = script(directory, "copy", f'echo "$@" >>{directory}/copy.log\n'
                  'for a in "$@"; do case $a in --datadir=*) d=${a#*=};; esac; done\n'
                  f'mkdir -p $d && chmod 700 $d && cp -a {source.backup}/* $d/\n' + lines)
    hook = script(directory, "after", f'echo "$1" >>{directory}/after.log\n'
                  f'{PG_BIN}/psql "$1" -c "CREATE TABLE made_by_hook ()"\n')
    return {"bootstrap": {"method": "copy", "copy": {"command": copy, **keys}, "post_bootstrap": hook}}


def told(directory, name):
    with open(os.path.join(directory, name)) as file:
        return file.read()


@pytest.mark.parametrize("way", ["recovery_conf", "keep_existing_recovery_conf"])
def test_recovery_to_a_point_in_time(source, way):
    settings = {"restore_command": f"cp {source.directory}/archive/%f %p", "recovery_target_name": "the_point",
                "recovery_target_action": "promote"}
    with Cluster(("m1", "m2"), scope="restored") as cluster:
        if way == "recovery_conf":
            bootstrap = custom(cluster.directory, source, {"recovery_conf": settings, "stanza": "main"})
        else:
            lines = "".join(f"echo \"{name} = '{value}'\" >>$d/postgresql.auto.conf\n" for name, value in settings.items())
            bootstrap = custom(cluster.directory, source, {"keep_existing_recovery_conf": True}, lines +
                               "touch $d/recovery.signal\n")
        first, second = cluster.nodes
        # Another password than the superuser has in the backup; one database asks for it.
        bootstrap["postgresql"] = {"authentication": {"superuser": {"username": "postgres", "password": "of this place"}},
                                   "pg_hba": ["host template1 all 127.0.0.1/32 scram-sha-256", "local all all trust",
                                              "host all all 127.0.0.1/32 trust",
                                              "host replication replicator 127.0.0.1/32 md5"]}
        for node in cluster.nodes:
            node.configure(bootstrap)
        first.start()
        wait_until(lambda: cluster.leader() is first, 60, "it is there, and leads")
        assert chapters(first) == ["before"]
        assert first.scalar("SELECT 1", dbname="template1", password="of this place") == 1
        with pytest.raises(psycopg2.OperationalError):
            first.scalar("SELECT 1", dbname="template1", password=PASSWORDS["postgres"])
        assert first.status()["timeline"] > 1
        assert first.setting("restore_command") == "" and "pending_restart" not in first.status()
        assert first.scalar("SELECT count(*) FROM pg_tables WHERE tablename = 'made_by_hook'") == 1
        arguments = told(cluster.directory, "copy.log").split()
        assert arguments[:2] == ["--scope=restored", f"--datadir={first.data}"]
        assert arguments[2:] == (["--stanza=main"] if way == "recovery_conf" else [])
        assert told(cluster.directory, "after.log").startswith("postgres://postgres@")
        second.start()
        cluster.wait_healthy(60)
        assert chapters(second) == ["before"]


def test_a_bootstrap_that_fails_leaves_its_directory_aside(source):
    with Cluster(("m1",), scope="broken") as cluster:
        (node,) = cluster.nodes
        node.configure(custom(cluster.directory, source, {"no_params": True},
                              f"mkdir -p {node.data}; echo x >{node.data}/half; exit 1\n"))
        node.start()
        wait_until(lambda: not node.alive(), 30, "the agent gives up")
        assert node.process.returncode == 1
        assert os.listdir(node.data + ".failed") != [] and not os.path.exists(os.path.join(node.data, "half"))
        assert cluster.key("initialize") is None, "another node may try (F73)"
        assert told(cluster.directory, "copy.log") == "\n", "no parameters"
        # The next attempt may be a good one; one failed directory is kept.
        node.configure({})
        node.start()
        wait_until(lambda: cluster.leader() is node, 60, "a new cluster")
        assert os.path.exists(node.data + ".failed")
