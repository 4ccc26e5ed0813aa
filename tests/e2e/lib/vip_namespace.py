"""Runs inside the namespace that lib/vip.py makes: an interface, a way to etcd, and vip-manager."""

import socket
import subprocess
import sys
import threading

_ETCD_PORT = 2379
OWN_ADDRESS = "10.9.8.1/24"


def _pump(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def _relay(listener, path):
    """Carry connections of the loopback port to the Unix socket that leads out."""
    while True:
        inner, _ = listener.accept()
        outer = socket.socket(socket.AF_UNIX)
        outer.connect(path)
        for pair in ((inner, outer), (outer, inner)):
            threading.Thread(target=_pump, args=pair, daemon=True).start()


def main(path, key, name, address, interface):
    # vip-manager wants an interface that has an address already.
    for command in ("link set lo up", f"link add {interface} type veth peer name vip1",
                    f"address add {OWN_ADDRESS} dev {interface}", f"link set {interface} up", "link set vip1 up"):
        subprocess.run(["ip", *command.split()], check=True)
    listener = socket.create_server(("127.0.0.1", _ETCD_PORT))
    threading.Thread(target=_relay, args=(listener, path), daemon=True).start()
    return subprocess.call([
        "/usr/bin/vip-manager", "--ip", address, "--netmask", "24", "--interface", interface, "--trigger-key", key,
        "--trigger-value", name, "--dcs-type", "etcd", "--dcs-endpoints", f"http://127.0.0.1:{_ETCD_PORT}",
        "--interval", "300"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
