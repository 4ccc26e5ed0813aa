"""What one decision costs: the C++ benchmark beside us."""

import json
import pathlib
import subprocess

from row import Figure, Row

_PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "bin" / "decide_bench"
_CASES = {f"decide_as/{role}/{members}": Figure(f"{role}-{members}", f"as {role}, {members} members", "us")
          for role in ("leader", "replica") for members in (3, 50)}


def _decide(_workshop):
    done = subprocess.run([str(_PROGRAM), "--benchmark_format=json"], capture_output=True, text=True, check=True)
    found = {each["name"]: each for each in json.loads(done.stdout)["benchmarks"]}
    assert all(found[name]["time_unit"] == "us" for name in _CASES)
    return {figure.key: found[name]["cpu_time"] for name, figure in _CASES.items()}


ROWS = [Row("decide", "one decision (CPU)", tuple(_CASES.values()), _decide, needs_cluster=False, only="regent", seconds=10)]
