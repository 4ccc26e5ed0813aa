"""Which programs a node runs: Regent, or Debian's Patroni as a peer and as the yardstick of the tests themselves."""

import dataclasses
import os
import pathlib

PG_BIN = "/usr/lib/postgresql/15/bin"
_BUILD = pathlib.Path(__file__).resolve().parents[3] / "build" / "release" / "bin"


@dataclasses.dataclass(frozen=True)
class Daemon:
    name: str
    agent: str
    ctl: str
    # Patroni's generation of words: 3 says "master" where 4 says "primary" (T1).
    generation: int

    @property
    def primary_role(self):
        return "master" if self.generation < 4 else "primary"


def _subject():
    agent = os.environ.get("REGENT_E2E_DAEMON", str(_BUILD / "regent"))
    ctl = os.environ.get("REGENT_E2E_CTL", str(_BUILD / "regentctl"))
    is_regent = os.path.basename(agent).startswith("regent")
    return Daemon("regent" if is_regent else "patroni", agent, ctl, 4 if is_regent else 3)


SUBJECT = _subject()
PATRONI = Daemon("patroni", "/usr/bin/patroni", "/usr/bin/patronictl", 3)
