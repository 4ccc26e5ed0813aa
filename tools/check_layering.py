#!/usr/bin/python3
"""Check the dependency rule of docs/architecture.md on the #include lines:

    base <- model <- core <- ports <- {agent, rest, ctl};  adapters -> ports;  sim -> core, agent, ports;
    only main knows adapters.

A layer may include itself and the layers below it. The core stays pure: no event loop, no libpq, no files, no clock,
no log, no YAML. Exit status 1 and one line per offence if it does not hold.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

_BELOW_PORTS = {"base", "model", "core"}
_PORTS = _BELOW_PORTS | {"ports"}
ALLOWED = {
    "base": set(),
    "model": {"base"},
    "core": {"base", "model"},
    "ports": _BELOW_PORTS,
    "agent": _PORTS,
    "rest": _PORTS,
    "ctl": _PORTS,
    # The part of the adapters that starts the guard speaks its protocol.
    "adapters": _PORTS | {"guard"},
    "guard": {"base"},
    "main": _PORTS | {"agent", "rest", "ctl", "adapters", "guard"},
    "sim": _PORTS | {"agent"},
    # Tests and benchmarks look at everything.
    "tests": None,
    "bench": None,
}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]')

# Headers that would make a layer impure: reading clocks, files, sockets, or writing logs.
_IMPURE = ("boost/asio", "boost/beast", "libpq", "spdlog", "fstream", "filesystem", "iostream", "thread", "mutex",
           "unistd.h", "sys/", "fcntl.h", "ctime", "time.h", "csignal", "cstdio", "yaml-cpp", "random")
FORBIDDEN = {
    "core": _IMPURE,
    "model": tuple(name for name in _IMPURE if name not in ("yaml-cpp", "filesystem", "fstream")),
    "base": ("boost/", "libpq", "openssl"),
}


def layer_of(path):
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "src" else parts[0]


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1)


def offences(path, layers):
    layer = layer_of(path)
    if layer not in ALLOWED:
        yield f"{path.relative_to(ROOT)}: directory '{layer}' is no known layer"
        return
    allowed = ALLOWED[layer]
    for number, included in includes(path):
        where, target = f"{path.relative_to(ROOT)}:{number}", included.split("/")[0]
        if included.startswith("."):
            yield f"{where}: '{included}': includes are written from src/, not relative"
        elif target in layers and allowed is not None and target != layer and target not in allowed:
            yield f"{where}: layer '{layer}' must not include '{included}' of layer '{target}'"
        for forbidden in FORBIDDEN.get(layer, ()):
            if included == forbidden or included.startswith(forbidden.rstrip("/") + "/") or included.startswith(
                    forbidden + "-"):
                yield f"{where}: layer '{layer}' must not include <{included}>"


def main():
    files = sorted(path for top in ("src", "sim", "tests", "bench") for path in (ROOT / top).rglob("*")
                   if path.suffix in (".h", ".cpp"))
    # Only directories that exist are layers; anything else is a system header.
    layers = {path.name for path in (ROOT / "src").iterdir() if path.is_dir()} | {"sim"}
    found = [offence for path in files for offence in offences(path, layers)]
    print("\n".join(found) if found else f"{len(files)} files keep the dependency rule")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
