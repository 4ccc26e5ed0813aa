"""HAProxy in front of a cluster, configured as Patroni's manual says."""

import os
import signal

from . import procs
from .ports import HOST, free_port
from .wait import wait_until

_CONFIG = """
global
    maxconn 100
defaults
    mode tcp
    timeout client 30m
    timeout connect 4s
    timeout server 30m
    timeout check 5s
listen primary
    bind {host}:{port}
    option httpchk OPTIONS /master
    http-check expect status 200
    default-server inter 200 fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""


class Haproxy:
    def __init__(self, cluster):
        self.port = free_port()
        directory = os.path.join(cluster.directory, "haproxy")
        os.makedirs(directory)
        config, self.log = os.path.join(directory, "haproxy.cfg"), os.path.join(directory, "haproxy.log")
        servers = "\n".join(f"    server {node.name} {HOST}:{node.pg_port} check port {node.rest_port}"
                            for node in cluster.nodes)
        with open(config, "w") as file:
            file.write(_CONFIG.format(host=HOST, port=self.port, servers=servers))
        self._process = procs.spawn(["/usr/sbin/haproxy", "-db", "-f", config], directory, self.log)

    def __enter__(self):
        return self

    def has_dropped(self, node):
        """It sends nobody there any more. Until its checks have failed it sends some to the old leader, too."""
        with open(self.log) as log:
            return f"Server primary/{node.name} is DOWN" in log.read()

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        wait_until(lambda: self._process.poll() is not None, 10, "HAProxy has ended")
