"""The client whose outage is measured: one process that commits a row every 5 ms through whoever answers GET /primary.

While its connection works it looks at nothing else, as a connection pool does. When the connection breaks or a statement has
had no answer for a second, it asks all nodes at once, each every 10 ms, and goes to the first that answers 200. A node
without a REST port is simply tried. Each line of the record is [moment, what, ...]:
["ack", id, node] for a row the server acknowledged, ["lost", node, why] for a connection that broke.

Usage: writer.py TABLE RECORD NAME:PG_PORT:REST_PORT...
"""

import json
import queue
import sys
import threading
import time

import psycopg2

from lib import rest, sql
from lib.wait import pause

PERIOD = 0.005
_SEARCH_PERIOD = 0.01
_REPLY_TIMEOUT = 1.0
_CANCELLED_WAIT = "canceling wait for synchronous replication"


class Search:
    """Who is the primary? One thread per node, idle except while the question is open."""

    def __init__(self, nodes):
        self._asked, self._found = threading.Event(), queue.Queue()
        self._nodes = nodes
        for node in nodes:
            threading.Thread(target=self._watch, args=(node,), daemon=True).start()

    def run(self):
        while not self._found.empty():
            self._found.get()
        self._asked.set()
        node = self._found.get()
        self._asked.clear()
        return node

    def _watch(self, node):
        _, _, rest_port = node
        while self._asked.wait():
            try:
                if not rest_port or rest.request(rest_port, "GET", "/primary", timeout=0.5).status == 200:
                    self._found.put(node)
            except (OSError, ValueError):
                pass
            pause(_SEARCH_PERIOD)


class Client:
    def __init__(self, table, record, nodes):
        self._insert = f"INSERT INTO {table} VALUES (%s, %s)"
        self._record, self._search, self._value = record, Search(nodes), 0

    def note(self, *what):
        self._record.write(json.dumps([time.monotonic(), *what]) + "\n")

    def run(self):
        while True:
            name, port, _ = self._search.run()
            connection = None
            try:
                connection = sql.connect(port, reply_timeout=_REPLY_TIMEOUT)
                self._write(name, connection)
            except (psycopg2.Error, OSError) as error:
                self.note("lost", name, str(error).strip().partition("\n")[0])
            finally:
                if connection:
                    connection.close()

    def _write(self, name, connection):
        due = time.monotonic()
        with connection.cursor() as cursor:
            while True:
                self._value += 1
                cursor.execute(self._insert, (self._value, name))
                # Given up waiting for a standby: the server says so in a warning, and the row counts as unknown (F66).
                if any(_CANCELLED_WAIT in notice for notice in connection.notices):
                    connection.notices.clear()
                else:
                    self.note("ack", self._value, name)
                due = max(due + PERIOD, time.monotonic())
                pause(max(0.0, due - time.monotonic()))


def main():
    table, record, *nodes = sys.argv[1:]
    split = [node.split(":") for node in nodes]
    with open(record, "w", buffering=1) as file:
        Client(table, file, [(name, int(pg), int(rest_port)) for name, pg, rest_port in split]).run()


if __name__ == "__main__":
    main()
