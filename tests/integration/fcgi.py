"""A FastCGI client that may misbehave: it sends what it is told to, piece by
piece, and reads what comes back."""

import array
import fcntl
import http.client
import io
import select
import socket
import struct
import termios
from collections.abc import Iterable, Mapping
from pathlib import Path

from api import Answer
from waiting import until

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = range(1, 8)
RESPONDER, AUTHORIZER, FILTER = range(1, 4)
KEEP = 1

Address = Path | tuple[str, int]


def record(kind: int, content: bytes = b"", request_id: int = 1) -> bytes:
    padding = -len(content) % 8
    return struct.pack("!BBHHBx", 1, kind, request_id, len(content),
                       padding) + content + bytes(padding)


def begin(role: int = RESPONDER, flags: int = 0) -> bytes:
    return record(BEGIN, struct.pack("!HB5x", role, flags))


def pairs(params: Mapping[str, str]) -> bytes:
    """Names and values as the content of PARAMS records has them."""
    out = bytearray()
    for name, value in params.items():
        for text in (name, value):
            size = len(text.encode())
            out += (bytes([size]) if size < 128
                    else struct.pack("!I", size | 0x80000000))
        out += name.encode() + value.encode()
    return bytes(out)


def variables(method: str, target: str, length: int | None = None,
              **more: str) -> dict[str, str]:
    """What a web server says of a request with so long a body."""
    size = {} if length is None else {"CONTENT_LENGTH": str(length),
                                      "CONTENT_TYPE": "application/json"}
    return {"REQUEST_METHOD": method, "REQUEST_URI": target,
            "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
            **size, **more}


def head(params: Mapping[str, str], **more: int) -> bytes:
    """All of a request that comes before its body."""
    return begin(**more) + record(PARAMS, pairs(params)) + record(PARAMS)


class Connection:
    def __init__(self, address: Address, timeout: float = 30):
        if isinstance(address, tuple):
            self.socket = socket.create_connection(address, timeout)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(address))
        self.reader = self.socket.makefile("rb")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.reader.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def trickle(self, pieces: Iterable[bytes]) -> None:
        """Sends piece by piece, each a moment after the last, until the peer
        answers or hangs up."""
        for piece in pieces:
            if select.select([self.socket], [], [], 0.01)[0]:
                return
            try:
                self.send(piece)
            except (BrokenPipeError, ConnectionResetError):
                return

    def all_taken(self) -> bool:
        """Whether the peer has read all that was sent (unix sockets)."""
        size = array.array("i", [0])
        fcntl.ioctl(self.socket, termios.TIOCOUTQ, size)
        return size[0] == 0

    def records(self) -> list[tuple[int, bytes]]:
        """All records up to the end of the request or the connection."""
        found = []
        while header := self.reader.read(8):
            _, kind, _, size, padding = struct.unpack("!BBHHBx", header)
            content = self.reader.read(size + padding)[:size]
            found.append((kind, content))
            if kind == END:
                break
        return found

    def answer(self) -> Answer | None:
        """The answer; None if the connection ended without one."""
        records = self.records()
        output = b"".join(c for kind, c in records if kind == STDOUT)
        if not output:
            return None
        assert records[-1][0] == END, records
        stream = io.BytesIO(output)
        headers = http.client.parse_headers(stream)
        status = int(headers.get("Status", "200").split()[0])
        answer = Answer(status, headers, stream.read())
        if "Content-Length" in headers:
            assert int(headers["Content-Length"]) == len(answer.body), answer
        return answer

    def ended(self) -> bool:
        """Waits for the peer's end of the connection.  True if it came with
        nothing before it."""
        try:
            return self.reader.read() == b""
        except ConnectionResetError:
            return True


def call(address: Address, method: str, target: str, body: bytes | None = None,
         **more: str) -> Answer | None:
    """One well-behaved request."""
    length = None if body is None else len(body)
    with Connection(address) as connection:
        connection.send(head(variables(method, target, length, **more))
                        + (record(STDIN, body) if body else b"")
                        + record(STDIN))
        return connection.answer()


def authorize(address: Address, target: str, method: str = "GET",
              **params: str) -> Answer:
    """Asks as a web server does, and sends no body, not even its end."""
    with Connection(address) as connection:
        connection.send(head(variables(method, target, **params),
                             role=AUTHORIZER))
        return connection.answer()


def call_each(address: Address, workers: int, method: str, target: str,
              **more: str) -> list[Answer]:
    """The same request, without a body, to every worker that listens there.
    Each has half of one in hand before the first gets the rest, so that none
    can take two."""
    data = head(variables(method, target, **more)) + record(STDIN)
    connections: list[Connection] = []
    try:
        for _ in range(workers):
            connections.append(Connection(address))
            connections[-1].send(data[:20])
        for connection in connections:
            until(connection.all_taken, "a worker for each request")
        for connection in connections:
            connection.send(data[20:])
        return [connection.answer() for connection in connections]
    finally:
        for connection in connections:
            connection.close()
