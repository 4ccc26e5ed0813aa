"""vip-manager next to a node: it puts an address on an interface while its node holds the leader key.

Each one lives in a user and network namespace of its own, so the address never touches the machine. Nothing but a Unix
socket leads out of there. Debian's vip-manager 1.0 asks etcd's v2 API, which does not see keys written through v3, so
the way out ends at a translator of the one request it makes.
"""

import http.server
import json
import os
import socketserver
import subprocess
import sys
import threading

from . import procs

ADDRESS = "10.9.8.7"
_INTERFACE = "vip0"
_INSIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vip_namespace.py")


class _Translator(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """GET /v2/keys/... on a Unix socket, answered from etcd's v3 keys."""
    daemon_threads = True

    def __init__(self, path, client):
        class Handler(http.server.BaseHTTPRequestHandler):
            def address_string(self):
                return "vip-manager"

            def log_message(self, *_):
                pass

            def do_GET(self):
                key = self.path.partition("?")[0].removeprefix("/v2/keys")
                try:
                    found = client.range(key).get(key)
                except OSError:
                    return self.send_error(503)
                body = {"action": "get", "node": {
                    "key": key, "value": found.value, "modifiedIndex": found.mod_revision,
                    "createdIndex": found.create_revision}} if found else {
                        "errorCode": 100, "message": "Key not found", "cause": key, "index": 1}
                text = json.dumps(body).encode()
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        super().__init__(path, Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def namespaces_work():
    """Whether this user may make network namespaces; some containers forbid it."""
    return subprocess.run(["unshare", "-Urn", "ip", "link", "add", "vip0", "type", "veth", "peer", "name", "vip1"],
                          capture_output=True, env=procs.ENVIRONMENT).returncode == 0


class VipManager:
    def __init__(self, cluster, node):
        self._directory = os.path.join(node.directory, "vip")
        os.makedirs(self._directory)
        exit_path = os.path.join(self._directory, "etcd.sock")
        self._translator = _Translator(exit_path, cluster.etcd.client)
        self.log = os.path.join(self._directory, "vip-manager.log")
        self._process = procs.spawn(
            ["unshare", "-Urn", sys.executable, _INSIDE, exit_path, cluster.prefix() + "leader", node.name, ADDRESS,
             _INTERFACE], self._directory, self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        procs.kill_under(self._directory)
        self._process.wait()
        self._translator.shutdown()

    def has_address(self):
        """Whether the address is on the interface, seen from inside the namespace."""
        done = subprocess.run(
            ["nsenter", "-t", str(self._process.pid), "-U", "-n", "--preserve-credentials", "ip", "-br", "address",
             "show", "dev", _INTERFACE], capture_output=True, text=True, env=procs.ENVIRONMENT)
        return ADDRESS in done.stdout
