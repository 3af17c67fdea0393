"""The fault harness: rounds of clients at work while processes die and stand
still, each judged afterwards.

	tests/faults [--minutes N] [--seed S]

Round i of a run with seed S is the first round of a run with seed S + i, so a
round that failed can be seen again by itself.  Threads are not the seed's: it
decides what clients and nemesis do, not how they meet."""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults_checker import Checker, Sampler
from faults_clients import (BusyClient, Client, Roads, Scene, SteadyClient,
                            Watcher)
from faults_history import Event, History
from faults_nemesis import Nemesis
from mariadb import MariaDB, make_template
from pool import FCGI, PASSWORD, Pool
from waiting import until
from webserver import Lighttpd

SESSION_LIMIT = 2
SETTINGS = {
    "workers": 4,
    "verify_workers": 2,
    "refresh_grace": 30,
    "max_staleness": 3,
    "session_limit": SESSION_LIMIT,
    "log_level": "info",
}
SECONDS = 25   # of a round
WATCHERS = 4


@dataclass
class Plan:
    """One kind of round."""

    client: type[Client]
    accounts: int
    devices: int   # of each account
    deeds: tuple[str, ...]


STEADY = Plan(SteadyClient, 64, 1, Nemesis.kills)
BUSY = Plan(BusyClient, 8, 3, Nemesis.kills + Nemesis.pauses)
PLANS = (STEADY, BUSY)


class FaultFound(AssertionError):
    pass


@contextmanager
def installation(directory: Path, settings: dict[str, Any] = SETTINGS
                 ) -> Iterator[tuple[Pool, MariaDB]]:
    """A pool and a MariaDB of its own, both to be killed."""
    with tempfile.TemporaryDirectory(prefix="lk", dir="/tmp") as sockets:
        place = directory / "mariadb"
        place.mkdir()
        server = MariaDB(make_template(directory), place, Path(sockets))
        server.start()
        try:
            pool = Pool(directory, Path(sockets), server.create_database(),
                        settings, Lighttpd)
            pool.set_up()
            try:
                pool.start()
                yield pool, server
            finally:
                pool.stop()
        finally:
            server.stop()


class Round:
    """So many seconds at least, and each deed of the plan once."""

    def __init__(self, pool: Pool, server: MariaDB, plan: Plan, seed: int,
                 seconds: float):
        self.pool = pool
        self.plan = plan
        self.seed = seed
        self.seconds = seconds
        self.history = History()
        self.scene = Scene(
            Roads(pool.api, pool.socket, pool.verify_socket), self.history)
        self.nemesis = Nemesis(pool, server, self.history,
                               self.random("nemesis"), self.scene.over,
                               SETTINGS["max_staleness"])
        self.sampler = Sampler(pool.database, SESSION_LIMIT, self.scene.over)
        self.log_read = len(pool.log())

    def random(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")

    def sign_up(self) -> list[Client]:
        logins = [f"seed{self.seed}-{time.monotonic_ns()}-{i}"
                  for i in range(self.plan.accounts)]
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(
                lambda login: self.pool.api.signup(login, PASSWORD), logins))
        assert all(answer.status == 201 for answer in answers), answers
        return [self.plan.client(self.scene, f"{i}.{device}", login,
                                 self.random(f"client {i}.{device}"))
                for i, login in enumerate(logins)
                for device in range(self.plan.devices)]

    def clear(self) -> None:
        """What rounds before have left is not judged again."""
        for table in ("session", "user", "revocation", "audit"):
            self.pool.database.sql(f"DELETE FROM {table}")

    def watchers(self) -> list[Client]:
        return [Watcher(self.scene, f"watcher{i}", "",
                        self.random(f"watcher {i}"))
                for i in range(WATCHERS)]

    def run(self) -> str:
        """Gives a line on what was done; raises FaultFound."""
        try:
            return self.judge(self.play())
        except Exception as error:
            error.add_note(f"The seed was {self.seed}.")
            raise

    def play(self) -> Sequence[Client]:
        self.clear()
        clients = self.sign_up()
        everybody = clients + self.watchers()
        with (ThreadPoolExecutor(len(everybody) + 1) as threads,
              self.scene.tabs):
            list(threads.map(Client.login, clients))
            self.sampler.start()
            work = [threads.submit(client.run) for client in everybody]
            harm = threads.submit(self.nemesis.run, self.plan.deeds)
            try:
                self.scene.over.wait(self.seconds)
                until(lambda: self.nemesis.turns > 0 or harm.done(),
                      "each deed has been done", 300)
            finally:
                self.scene.over.set()
            harm.result()
            for task in work:
                task.result()
            until(self.pool.serves, "the pool is well at the end")
            list(threads.map(Client.reckon, clients))
        self.sampler.join()
        return clients

    def judge(self, clients: Sequence[Client]) -> str:
        checker = Checker(self.history, self.sampler,
                          grace=SETTINGS["refresh_grace"],
                          max_staleness=SETTINGS["max_staleness"])
        faults = checker.check()
        faults += [f"{client.name} cannot refresh although all is well"
                   for client in clients if client.due]
        faults += [f"a process ended by itself: {line}"
                   for line in self.pool.log()[self.log_read:].splitlines()
                   if "ended with status" in line
                   or "was killed by signal" in line
                   and "signal 9 " not in line]
        if faults:
            raise FaultFound(self.report(faults))
        return self.summary()

    def report(self, faults: list[str]) -> str:
        more = f"\n… and {len(faults) - 5} more" if len(faults) > 5 else ""
        again = f"tests/faults --seed {self.seed} --minutes 0"
        return (f"{len(faults)} faults with seed {self.seed}"
                f" (again: {again})\n\n" + "\n\n".join(faults[:5]) + more)

    def summary(self) -> str:
        events: list[Event] = self.history.events
        count = Counter(event.what for event in events)
        lost = sum(event.status is None for event in events)
        refused = sum(event.status == 503 for event in events)
        done = ", ".join(f"{n} {what}" for what, n in count.most_common())
        return (f"seed {self.seed}: {len(events)} events, {lost} answers"
                f" lost, {refused} times 503, {self.sampler.samples} samples"
                f" ({done})")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="tests/faults", description="Kills and holds the processes of a"
        " private installation under load and judges what clients were told.")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().randrange(10 ** 6))
    options = parser.parse_args()
    if not FCGI.exists():
        parser.error(f"{FCGI} is not there: run tests/check integration, or"
                     " name a build (--enable-test-hooks) in LATCHKEY_BUILD")
    end = time.monotonic() + options.minutes * 60
    seed = options.seed
    with (tempfile.TemporaryDirectory(prefix="lkfaults", dir="/tmp") as place,
          installation(Path(place)) as (pool, server)):
        while True:
            # Every other seed is of the other kind.
            plan = PLANS[seed % len(PLANS)]
            print(Round(pool, server, plan, seed, SECONDS).run(), flush=True)
            seed += 1
            if time.monotonic() + SECONDS > end:
                return


if __name__ == "__main__":
    try:
        main()
    except FaultFound as fault:
        sys.exit(str(fault))
