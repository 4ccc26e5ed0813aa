"""The rows of the table, in the order in which they are shown."""

from . import crash, decide, empty, frozen, listing, node_death, planned, resting, rest_load, store

ROWS = [*crash.ROWS, *planned.ROWS, *node_death.ROWS, *frozen.ROWS, *store.ROWS, *rest_load.ROWS, *resting.ROWS,
        *listing.ROWS, *empty.ROWS, *decide.ROWS]
