"""A plain HTTP client for the REST API: raw enough to see what a health checker sees."""

import dataclasses
import json
import socket
import ssl

from .ports import HOST


@dataclasses.dataclass(frozen=True)
class Response:
    status: int
    text: str
    headers: str

    def json(self):
        return json.loads(self.text)


def _connect(port, timeout, tls):
    connection = socket.create_connection((HOST, port), timeout)
    if not tls:
        return connection
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return context.wrap_socket(connection)
    except BaseException:
        connection.close()
        raise


def request(port, method, path, body=None, timeout=5, headers=(), tls=False):
    """One request on one connection. `body` may be text, or anything JSON can say."""
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}:{port}", "Connection: close", *headers]
    if text is not None:
        lines.append(f"Content-Length: {len(text.encode())}")
    with _connect(port, timeout, tls) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + (text or "")).encode())
        data = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, content = data.decode(errors="replace").partition("\r\n\r\n")
    if not head.startswith("HTTP/"):
        raise ConnectionError(f"{method} {path}: no HTTP answer")
    return Response(int(head.split(None, 2)[1]), content, head)
