"""What `list` costs the person who types it."""

import statistics
import subprocess

from lib import procs
from row import Figure, Row
from trial import now

_TIMES = 7


def _list(cluster):
    took, resident = [], []
    command = [cluster.daemon.ctl, "-c", cluster.nodes[0].config_file, "list"]
    for _ in range(_TIMES):
        begun = now()
        done = subprocess.run(command, cwd=cluster.directory, env={**procs.ENVIRONMENT, "HOME": cluster.directory},
                              capture_output=True, text=True, check=False)
        took.append(now() - begun)
        assert done.returncode == 0 and done.stdout.count("running") + done.stdout.count("streaming") >= 3, done
        # A process starts with the high-water mark of the one that forked it: time(1) is small, we are not.
        timed = subprocess.run(["/usr/bin/time", "-f", "%M", *command], cwd=cluster.directory, text=True,
                               env={**procs.ENVIRONMENT, "HOME": cluster.directory}, capture_output=True, check=True)
        resident.append(int(timed.stderr.split()[-1]) / 1024)
    return {"took": statistics.median(took) * 1e3, "rss": statistics.median(resident)}


ROWS = [
    Row("list", "list", (Figure("took", "time", "ms", target=15.0), Figure("rss", "resident memory", "MB", target=15.0)),
        _list, seconds=12),
]
