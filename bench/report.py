"""The figures of a run, as a table and as JSON."""

import json
import os
import platform
import statistics
import time


class Results:
    """Every figure of every run, by row, subject and key."""

    def __init__(self, subjects):
        self.subjects, self.scale = subjects, {"lines": [], "figures": {}}
        self._values, self.failures = {}, []
        self.begun = time.time()

    def add(self, row, subject, figures):
        for key, value in figures.items():
            self._values.setdefault((row, subject, key), []).append(value)

    def fail(self, row, subject, why):
        self.failures.append({"row": row, "subject": subject, "why": why})

    def values(self, row, subject, key):
        return self._values.get((row, subject, key), [])

    def median(self, row, subject, key):
        values = self.values(row, subject, key)
        return statistics.median(values) if values else None


def limit(row, figure, results):
    """The most this figure may be for Regent, or None."""
    if figure.target is not None:
        return figure.target
    floor = results.median(row.name, "floor", figure.key)
    if figure.times_floor and floor:
        return figure.times_floor * floor
    other = results.median(row.name, "patroni", figure.key)
    return other / figure.times_less if figure.times_less and other else None


def verdict(row, figure, results):
    """Whether the median keeps the target. What must be nothing must be nothing every time."""
    values, most = results.values(row.name, "regent", figure.key), limit(row, figure, results)
    if most is None or not values:
        return ""
    return "yes" if (max(values) if most == 0 else statistics.median(values)) <= most else "NO"


def _number(value):
    if value is None:
        return "-"
    if value == 0 or value >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _with_spread(values):
    if not values:
        return "-"
    middle = _number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({_number(min(values))}..{_number(max(values))})"


def _ratio(figure, ours, theirs):
    """How many times better Regent is."""
    if not ours or not theirs:
        return ""
    return f"{ours / theirs if figure.unit == '/s' else theirs / ours:.1f}"


_HEAD = ("", "regent", "patroni", "ratio", "floor", "at most", "kept")


def _lines(row, results):
    yield (row.title, *[""] * 6)
    for figure in row.figures:
        name = f"  {figure.label}" + (f" [{figure.unit}]" if figure.unit else "")
        ours, theirs, floor = (results.values(row.name, subject, figure.key) for subject in ("regent", "patroni", "floor"))
        if not ours and not theirs:
            continue
        most = limit(row, figure, results)
        yield (name, _with_spread(ours), _with_spread(theirs),
               _ratio(figure, results.median(row.name, "regent", figure.key),
                      results.median(row.name, "patroni", figure.key)),
               _with_spread(floor) if floor else "", _number(most) if most is not None else "",
               verdict(row, figure, results))


def table(rows, results):
    lines = [_HEAD, *[line for row in rows for line in _lines(row, results)]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = ["", "Medians, with the least and the most in brackets. Ratio: how many times less (of /s: more) Regent takes.", ""]
    text += ["  ".join(cell.ljust(width) if number == 0 else cell.rjust(width)
                       for number, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines]
    text += [f"FAILED: {each['row']}, {each['subject']}: {each['why']}" for each in results.failures]
    text += ["", *results.scale["lines"]] if results.scale["lines"] else []
    return "\n".join(text) + "\n"


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {"cpus": os.cpu_count(), "cpu": models[0] if models else "", "kernel": platform.release(),
            "load": os.getloadavg()}


def write_json(path, rows, results):
    content = {
        "begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(results.begun)), "machine": machine(),
        "rows": [{
            "name": row.name, "title": row.title, "settings": row.settings,
            "figures": [{
                "key": figure.key, "label": figure.label, "unit": figure.unit, "at_most": limit(row, figure, results),
                "kept": verdict(row, figure, results),
                **{subject: results.values(row.name, subject, figure.key) for subject in (*results.subjects, "floor")},
            } for figure in row.figures],
        } for row in rows],
        "failures": results.failures, "scale": results.scale,
    }
    with open(path, "w") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
