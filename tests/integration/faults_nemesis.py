"""What goes wrong in a round: processes are killed and held, one deed after
another, in an order that the seed decides.  Each deed is over when what was
killed has been started again."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon import Daemon, children
from faults_history import NEMESIS, Event, History
from mariadb import MariaDB
from pool import Pool
from waiting import until

# What the checker reads of a deed: since when, until when was it surely so?
MARIADB_AWAY = "MariaDB is away"
FEED_STANDS = "the housekeeper stands still"
INDEX_UNREAD = "a new master has not met MariaDB yet"


def running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def stands(pid: int) -> bool:
    """Stopped, or gone before it could be."""
    try:
        return "\nState:\tT" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def send(pid: int, number: int) -> None:
    """To one that may have died meanwhile; its master has not waited for it
    or has just now: numbers of processes are not used again so soon."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Nemesis:
    def __init__(self, pool: Pool, server: MariaDB, history: History,
                 rng: random.Random, over: threading.Event,
                 max_staleness: float):
        self.pool = pool
        self.server = server
        self.history = history
        self.rng = rng
        self.over = over
        self.max_staleness = max_staleness
        self.turns = 0

    kills = ("kill_worker", "kill_workers", "kill_verify_worker",
             "kill_housekeeper", "kill_master", "kill_mariadb")
    pauses = ("hold_worker", "hold_workers", "hold_housekeeper",
              "hold_mariadb", "kill_mariadb_and_master")

    def run(self, deeds: tuple[str, ...]) -> None:
        """Each deed once in every turn, in any order, until it is over."""
        while not self.over.is_set():
            for deed in self.rng.sample(deeds, len(deeds)):
                self.over.wait(self.rng.uniform(0.3, 1.5))
                if self.over.is_set():
                    return
                with self.noted(deed):
                    getattr(self, deed)()
            self.turns += 1

    @contextmanager
    def noted(self, what: str) -> Iterator[None]:
        event = Event(NEMESIS, what, time.monotonic())
        yield
        self.history.note(event)

    # ---- processes --------------------------------------------------------

    def of_pool(self, *names: str) -> list[int]:
        return [pid for name in names for pid in self.pool.processes(name)]

    def kill(self, pids: list[int]) -> None:
        for pid in pids:
            send(pid, signal.SIGKILL)

    @contextmanager
    def held(self, pids: list[int]) -> Iterator[None]:
        for pid in pids:
            send(pid, signal.SIGSTOP)
        until(lambda: all(map(stands, pids)), "they stand still")
        try:
            yield
        finally:
            for pid in pids:
                send(pid, signal.SIGCONT)

    def one_of(self, pids: list[int]) -> list[int]:
        return [self.rng.choice(pids)] if pids else []

    def die(self, daemon: Daemon) -> None:
        daemon.send(signal.SIGKILL)
        daemon.wait()

    def outage(self) -> float:
        """Short, or long enough for verification to end."""
        return self.rng.choice((0, 0.5, self.max_staleness + 1.5))

    # ---- kills ------------------------------------------------------------

    def kill_worker(self) -> None:
        self.kill(self.one_of(self.of_pool("lk-worker")))

    def kill_workers(self) -> None:
        self.kill(self.of_pool("lk-worker", "lk-verify"))

    def kill_verify_worker(self) -> None:
        self.kill(self.one_of(self.of_pool("lk-verify")))

    def kill_housekeeper(self) -> None:
        self.kill(self.of_pool("lk-housekeeper"))

    def kill_master(self) -> None:
        self.kill_master_only()
        self.start_master()
        until(self.pool.serves, "the pool is well again")

    def kill_master_only(self) -> None:
        """Its children go with it (PR_SET_PDEATHSIG)."""
        family = children(self.pool.daemon.process.pid)
        self.die(self.pool.daemon)
        until(lambda: not any(map(running, family)), "its children are gone")

    def start_master(self) -> None:
        self.pool.daemon.spawn()

    def kill_mariadb(self) -> None:
        self.die(self.server.daemon)
        with self.noted(MARIADB_AWAY):
            self.over.wait(self.outage())
        self.server.start()
        until(self.pool.serves, "the pool is well again")

    def kill_mariadb_and_master(self) -> None:
        self.die(self.server.daemon)
        with self.noted(MARIADB_AWAY):
            self.kill_master_only()
            with self.noted(INDEX_UNREAD):
                self.start_master()
                self.over.wait(self.outage())
        self.server.start()
        until(self.pool.serves, "the pool is well again")

    # ---- pauses -----------------------------------------------------------

    def hold_worker(self) -> None:
        with self.held(self.one_of(self.of_pool("lk-worker", "lk-verify"))):
            self.over.wait(self.rng.uniform(0.1, 3))

    def hold_workers(self) -> None:
        with self.held(self.of_pool("lk-worker", "lk-verify")):
            self.over.wait(self.rng.uniform(0.1, 1))

    def hold_housekeeper(self) -> None:
        with self.held(self.of_pool("lk-housekeeper")), \
                self.noted(FEED_STANDS):
            self.over.wait(self.outage())

    def hold_mariadb(self) -> None:
        self.server.daemon.freeze()
        try:
            with self.noted(MARIADB_AWAY):
                self.over.wait(self.outage())
        finally:
            self.server.daemon.send(signal.SIGCONT)
        until(self.pool.serves, "the pool is well again")
