#!/usr/bin/python3
"""Check what no compiler checks: no paths of one machine, no sleeping tests, no unfinished code, no file that is too
long, no tabs or trailing blanks. One line per offence; exit status 1 if there is any."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = {".h", ".cpp", ".py", ".sh", ".cmake", ""}
MAX_LINES = 700

# (what, pattern, which paths it applies to, which paths are excused)
RULES = [
    ("a path of one machine", re.compile(r"(?<![\w.}])/(home|root|work|Users|tmp(?!/[\w.-]*XXXXXX))/\w"), r".*",
     r"^tools/check_hygiene\.py$"),
    # Up to 50 ms between two looks at a condition is polling, not sleeping.
    ("a sleep in a test; wait for a condition instead",
     re.compile(r"this_thread::sleep_(for|until)\b(?!.*(\b[1-5]?\dms\b|milliseconds\([1-5]?\d\)))"
                r"|\b(u|nano|pg_|time\.)sleep\b|^\s*sleep\s+\d"), r"^(tests|sim|demo)/", r"^$"),
    ("unfinished code", re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), r".*", r"^tools/check_hygiene\.py$"),
    ("a process ended by name", re.compile(r"\b(pkill|killall)\b"), r".*", r"^tools/check_hygiene\.py$"),
    ("a blank at the end of the line", re.compile(r"[ \t]+$"), r".*\.(h|cpp|py|txt|cmake)$", r"^tests/golden/"),
    ("a tab", re.compile(r"\t"), r".*\.(h|cpp|py)$", r"^$"),
]


def tracked_files():
    try:
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                                capture_output=True, check=False).stdout.decode().split("\0")
    except FileNotFoundError:
        listed = []
    # Without git, or in an exported source tree, look at everything but the build.
    names = [name for name in listed if name] or [
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if "build" not in path.relative_to(ROOT).parts]
    return sorted(name for name in names if (ROOT / name).is_file())


def main():
    found = []
    for name in tracked_files():
        path = ROOT / name
        if path.suffix not in CODE | {".txt", ".md", ".yml", ".json"}:
            continue
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        if path.suffix in (".h", ".cpp") and len(lines) > MAX_LINES:
            found.append(f"{name}: {len(lines)} lines; split it by concept (at most {MAX_LINES})")
        if path.suffix not in CODE | {".txt"}:
            continue
        for what, pattern, applies, excused in RULES:
            if re.match(applies, name) and not re.match(excused, name):
                found += [f"{name}:{number}: {what}: {line.strip()[:100]}"
                          for number, line in enumerate(lines, 1) if pattern.search(line)]
    print("\n".join(found) if found else "no offence found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
