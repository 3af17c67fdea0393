"""A FastCGI application in the place of PHP-FPM: it answers every request with
the parameters and the body that it got, as JSON."""

import json
import socket
import struct
import threading
from pathlib import Path

from fcgi import BEGIN, END, PARAMS, STDIN, STDOUT, record


def read_pairs(data: bytes) -> list[tuple[str, str]]:
    """The content of PARAMS records, duplicates and all."""
    found, at = [], 0
    while at < len(data):
        sizes = []
        for _ in range(2):
            size = data[at]
            if size < 128:
                at += 1
            else:
                size = struct.unpack_from("!I", data, at)[0] & 0x7fffffff
                at += 4
            sizes.append(size)
        name = data[at:at + sizes[0]].decode()
        at += sizes[0]
        found.append((name, data[at:at + sizes[1]].decode("latin-1")))
        at += sizes[1]
    return found


class Echo:
    def __init__(self, path: Path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        path.chmod(0o666)  # Apache under test is another user
        self.listener.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.answer(connection)

    @staticmethod
    def answer(connection: socket.socket) -> None:
        content: dict[int, bytes] = {BEGIN: b"", PARAMS: b"", STDIN: b""}
        with connection.makefile("rb") as reader:
            while header := reader.read(8):
                _, kind, request_id, size, padding = struct.unpack(
                    "!BBHHBx", header)
                data = reader.read(size + padding)[:size]
                if kind == STDIN and not data:
                    break
                content[kind] += data
            else:
                return
        body = json.dumps({"params": read_pairs(content[PARAMS]),
                           "body": content[STDIN].decode("latin-1")}).encode()
        output = (b"Status: 200 OK\r\nContent-Type: application/json\r\n"
                  b"\r\n" + body)
        connection.sendall(
            b"".join(record(STDOUT, output[at:at + 32000], request_id)
                     for at in range(0, len(output), 32000))
            + record(STDOUT, b"", request_id)
            + record(END, bytes(8), request_id))
