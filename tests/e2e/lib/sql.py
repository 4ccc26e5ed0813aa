"""PostgreSQL connections whose every reply has a deadline.

A statement_timeout would not do: PostgreSQL answers a cancelled wait for a synchronous standby with success (F66).
So the client gives up on its own side, and the outcome is then unknown, not failed.
"""

import select
import threading
import time

import psycopg2
import psycopg2.extensions


class NoReply(psycopg2.OperationalError):
    """The deadline passed without a reply: the statement may or may not have been done."""


def _wait_for_reply(connection):
    end = time.monotonic() + connection.reply_timeout
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        remaining = max(0.0, end - time.monotonic())
        read, write = ([connection.fileno()], []) if state == psycopg2.extensions.POLL_READ else (
            [], [connection.fileno()])
        if not any(select.select(read, write, [], remaining)):
            raise NoReply(f"no reply within {connection.reply_timeout} s")


psycopg2.extensions.set_wait_callback(_wait_for_reply)


def connect(port, host="127.0.0.1", dbname="postgres", reply_timeout=10, **options):
    kind = type("Connection", (psycopg2.extensions.connection,), {"reply_timeout": reply_timeout})
    connection = psycopg2.connect(host=host, port=port, dbname=dbname, user=options.pop("user", "postgres"),
                                  connection_factory=kind, connect_timeout=5, **options)
    connection.autocommit = True
    return connection


def query(port, statement, parameters=None, **options):
    """Run one statement on a connection of its own and return the rows."""
    connection = connect(port, **options)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


_kept = threading.local()


def look(port, statement, parameters=None):
    """Ask something harmless, on a connection that stays open for the next question: tests look again and again, and a
    new backend costs a hundred times what the answer does. One that has ended meanwhile is replaced."""
    connections = _kept.__dict__.setdefault("connections", {})
    connection = connections.pop(port, None)
    if connection and not any(select.select([connection.fileno()], [], [], 0)):
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                rows = cursor.fetchall()
            connections[port] = connection
            return rows
        except psycopg2.Error:
            pass    # its server, or it alone, is not there any more
    if connection:
        connection.close()
    connection = connect(port, reply_timeout=3)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    connections[port] = connection
    return rows
