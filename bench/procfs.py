"""What the kernel says about a process."""

import os
import time

from lib import procs


def cpu_seconds(pid):
    """User and system time so far, of all its threads, also of those that have ended; to the nanosecond, where
    /proc/PID/stat has only ticks."""
    clock_of_the_process = (~pid << 3) | 2
    return time.clock_gettime(clock_of_the_process)


def memory(pid):
    """Resident, proportional and private megabytes."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file.readlines()[1:]:
            key, value = line.split(":")
            found[key] = int(value.split()[0]) / 1024
    return found["Rss"], found["Pss"], found["Private_Clean"] + found["Private_Dirty"]


def helpers(agent, data_directory):
    """Processes that descend from the agent and are not PostgreSQL's."""
    return [pid for pid in procs.descendants(agent)
            if procs.working_directory(pid) != os.path.realpath(data_directory)]
