"""Runs the rows of the table for Regent and for Debian's Patroni, alternating, and says what they cost.

Started by ./run bench. Everything it starts lies in scratch directories and is gone when it ends.
"""

import argparse
import os
import pathlib
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e")]

from lib import PATRONI  # noqa: E402
from lib.signals import end_tidily  # noqa: E402

import picture  # noqa: E402
import report  # noqa: E402
import scale  # noqa: E402
from clusters import Workshop  # noqa: E402
from rows import ROWS  # noqa: E402

_started = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - _started:6.1f} s] {text}", flush=True)


def parsed():
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="how often each row is run (3)")
    parser.add_argument("--rows", metavar="NAME,NAME", help="only these; 'all' for those too that are left out by default")
    parser.add_argument("--only", choices=("regent", "patroni"), help="only one of the two")
    parser.add_argument("--quick", action="store_true", help="only the rows that take less than half a minute")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    parser.add_argument("--no-scale", action="store_true", help="without the part about many members and clusters")
    # The run script copies these to where they were asked for; see there.
    parser.add_argument("--json", metavar="FILE", help="write every single figure there")
    parser.add_argument("--picture", metavar="FILE.svg", help="draw the medians there")
    parser.add_argument("--logs", metavar="DIRECTORY", help="keep the logs of agents and servers there")
    arguments = parser.parse_args()
    known = {row.name for row in ROWS} | {"scale"}
    named = (arguments.rows or "").split(",") if arguments.rows not in (None, "all") else []
    if set(named) - known:
        parser.error(f"no such rows: {', '.join(sorted(set(named) - known))}; there are {', '.join(sorted(known))}")
    arguments.chosen = [row for row in ROWS if (row.name in named if named else (
        (row.quick or not arguments.quick) and (row.default or arguments.rows == "all")))]
    arguments.scale = "scale" in named if named else not arguments.quick and not arguments.no_scale
    return arguments


def subjects(only):
    installed = os.access(PATRONI.agent, os.X_OK)
    if only == "patroni" and not installed:
        raise SystemExit(f"{PATRONI.agent} is not installed")
    return [name for name in ("regent", "patroni") if only in (None, name) and (name == "regent" or installed)]


def by_settings(rows):
    """Rows with the same settings next to each other, so that they can share a cluster."""
    order = []
    for row in rows:
        if row.settings not in order:
            order.append(row.settings)
    return sorted(rows, key=lambda row: order.index(row.settings))


def run_row(row, workshop):
    if workshop.subject == "floor":
        return row.floor(workshop)
    if row.needs_cluster:
        return row.run(workshop.cluster(row.settings))
    workshop.drop()
    return row.run(workshop)


def run_subject(rows, workshop, results, repeat):
    """One round of one subject. A row that fails says why, and the round goes on."""
    for row in by_settings(rows):
        if row.only not in (None, workshop.subject) and workshop.subject != "floor":
            continue
        if workshop.subject == "floor" and not row.floor:
            continue
        begun = time.monotonic()
        workshop.label = f"{row.name}-{workshop.subject}-{repeat}"
        try:
            figures = run_row(row, workshop)
            results.add(row.name, workshop.subject, figures)
            shown = "  ".join(f"{key} {value:.4g}" for key, value in figures.items())
            say(f"{repeat}. {workshop.subject:7} {row.name:20} {shown}  ({time.monotonic() - begun:.0f} s)")
        except Exception as error:  # pylint: disable=broad-except
            results.fail(row.name, workshop.subject, f"{type(error).__name__}: {error}")
            say(f"{repeat}. {workshop.subject:7} {row.name:20} FAILED: {type(error).__name__}: {error}")
            workshop.save_logs()
            workshop.drop()
        workshop.save_logs()


def expected_minutes(rows, names, repeat):
    seconds = sum(row.seconds for row in rows for name in names if row.only in (None, name))
    return (seconds + 15 * len(names) * len({str(row.settings) for row in rows})) * repeat / 60


def main():
    arguments = parsed()
    if arguments.list:
        for row in ROWS:
            print(f"{row.name:22} {row.seconds:4} s  {'quick ' if row.quick else '      '} {row.title}")
        return 0
    end_tidily()
    names = subjects(arguments.only)
    rows, results = arguments.chosen, report.Results(names)
    say(f"{len(rows)} rows, {arguments.repeat} times, for {' and '.join(names)}: about "
        f"{expected_minutes(rows, names, arguments.repeat):.0f} min"
        + (f", and {scale.MINUTES * len(names)} min for the cost at scale" if arguments.scale else ""))
    try:
        for repeat in range(1, arguments.repeat + 1):
            for subject in ("floor", *names):
                with Workshop(subject, arguments.logs) as workshop:
                    run_subject(rows, workshop, results, repeat)
        if arguments.scale:
            results.scale = scale.run(names, say)
    except KeyboardInterrupt:
        say("stopped; these are the figures so far")
    print(report.table(rows, results))
    if arguments.json:
        report.write_json(arguments.json, rows, results)
    if arguments.picture:
        picture.write(arguments.picture, rows, results)
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
