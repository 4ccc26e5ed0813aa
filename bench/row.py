"""What a row of the table is. The rows themselves are in bench/rows."""

import dataclasses
import typing

# The defaults of both programs.
DEFAULT = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number of a row. `target` is the most it may be for Regent; `times_floor` says the same in multiples of the floor
    measured in the same run; `times_less` in how many times less than the other program."""
    key: str
    label: str
    unit: str = "s"
    target: typing.Optional[float] = None
    times_floor: typing.Optional[float] = None
    times_less: typing.Optional[float] = None


OUTAGE, LOST, TWO = Figure("outage", "write outage"), Figure("lost", "acknowledged rows lost", ""), Figure(
    "two", "two primaries", target=0)


def outage(**target):
    return dataclasses.replace(OUTAGE, **target)


def lost(**target):
    return dataclasses.replace(LOST, **target)


@dataclasses.dataclass(frozen=True)
class Row:
    """`run(cluster)` gets three healthy nodes with `dynamic` settings, and leaves them so that they mend by themselves;
    with `needs_cluster` False it gets a Workshop (bench/clusters.py) and makes what it needs. It returns figures by key.
    `floor(Workshop)` returns what the same costs with no manager at all, under the same keys. `seconds` is how long one
    run takes about."""
    name: str
    title: str
    figures: tuple
    run: typing.Callable
    dynamic: dict = dataclasses.field(default_factory=dict)
    needs_cluster: bool = True
    floor: typing.Optional[typing.Callable] = None
    only: typing.Optional[str] = None
    quick: bool = True
    default: bool = True
    seconds: int = 20

    @property
    def settings(self):
        return {**DEFAULT, **self.dynamic}
