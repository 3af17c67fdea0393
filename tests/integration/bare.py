"""A pool without a web server: what its sockets serve, and how it reloads."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import fcgi
from api import Answer
from pool import Pool
from waiting import until

HEALTH = ("GET", "/auth/health")


def serves(address: fcgi.Address) -> bool:
    try:
        answer = fcgi.call(address, *HEALTH)
    except (FileNotFoundError, ConnectionError):
        return False
    return answer is not None and answer.status == 200


@contextmanager
def load(pool: Pool, clients: int) -> Iterator[list[Answer | None]]:
    """Clients that call without a pause; gives what they got."""
    got: list[Answer | None] = []
    enough = threading.Event()

    def client() -> None:
        while not enough.is_set():
            try:
                got.append(fcgi.call(pool.socket, *HEALTH))
            except OSError:
                got.append(None)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield got
    finally:
        enough.set()
        for thread in threads:
            thread.join()


def all_served(got: list[Answer | None]) -> bool:
    return all(answer is not None and answer.status == 200 for answer in got)


def reload(pool: Pool, **changes) -> None:
    """Pool.reload() without a web server to ask."""
    before = set(pool.workers())
    pool.write_config(**changes)
    pool.daemon.send(signal.SIGHUP)
    until(lambda: pool.complete() and not before & set(pool.workers()),
          "workers with the new settings")
