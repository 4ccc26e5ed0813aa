"""Processes a test starts, found again by their working directory, and ended by pid.

Everything runs with a working directory inside the scratch directory (a postmaster and its children always have
their data directory), so a process is ours exactly if its working directory is: nothing is ever found by name.
"""

import os
import signal
import subprocess

from .wait import wait_until

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "COLUMNS": "200",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def spawn(argv, cwd, log, environment=None):
    """Start a program in a session of its own with its output appended to the file `log`."""
    with open(log, "ab") as out:
        return subprocess.Popen(
            argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            env={**ENVIRONMENT, "HOME": str(cwd), **(environment or {})})


def state_of(pid):
    """The state letter of the process (Z: zombie), or None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def working_directory(pid):
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as comm:
            return comm.read().strip()
    except OSError:
        return ""


def pids_under(directory):
    """Living processes whose working directory is `directory` or lies below it."""
    root = os.path.realpath(directory)
    pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return [pid for pid in pids if (working_directory(pid) + "/").startswith(root + "/") and state_of(pid) != "Z"]


def _parent(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])
    except OSError:
        return None


def descendants(ancestor):
    """Living processes that descend from this one: helpers that work elsewhere are found by nothing else."""
    pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    found = {ancestor}
    while True:
        more = {pid for pid in pids if pid not in found and _parent(pid) in found and state_of(pid) not in ("Z", None)}
        if not more:
            return sorted(found - {ancestor})
        found |= more


def send(pids, signum):
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            pass


def freeze_under(directory):
    """SIGSTOP everything below, until no process is left that could still start another one."""
    def all_stopped():
        running = [pid for pid in pids_under(directory) if state_of(pid) not in ("T", "t")]
        send(running, signal.SIGSTOP)
        return not running
    wait_until(all_stopped, 10, f"every process under {directory} is stopped")


def thaw_under(directory):
    send(pids_under(directory), signal.SIGCONT)


def kill_under(directory):
    """SIGKILL everything below at once, as a power cut would: nothing gets to react to the death of another."""
    def all_gone():
        pids = pids_under(directory)
        send(pids, signal.SIGKILL)
        return not pids
    wait_until(all_gone, 20, f"every process under {directory} is gone")


def forget_shared_memory(data_directory):
    """A postmaster that was killed leaves its segment behind; its pid file says which one it is."""
    try:
        with open(os.path.join(data_directory, "postmaster.pid")) as file:
            segment = file.read().splitlines()[6].split()[1]
    except (OSError, IndexError):
        return
    subprocess.run(["ipcrm", "-m", segment], stderr=subprocess.DEVNULL, check=False)
