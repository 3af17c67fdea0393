"""The measures, each of which gives rows of the table."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import fcgi
from mariadb import MariaDB
from pool import PASSWORD, Pool
from waiting import until
from webserver import WebServer

import bench_parts as parts
from bench_parts import MOUNT, PRODUCT, awake, say
from bench_results import Ratio, Row, Run, Side, Value, interleave
from bench_site import (LIVE_TOKENS, PAGE, Plan, Site, ask_empty, ask_latchkey,
                        live_tokens, mint, refresh_tokens)

CLIENTS = 16            # where a row does not say another number
CONNECTIONS = 16        # of the bare compare-and-swap
SWAP_WARM_UP = 0.5      # its own


class Measure:
    name: str

    def __init__(self, site: Site):
        self.site = site
        self.plan = site.plan
        self.bench = site.bench

    def rows(self) -> Iterator[Row]:
        raise NotImplementedError

    def interleave(self, sides: dict[str, Callable[[], Run]]) -> list[Side]:
        tried = {name: partial(self.bench.undisturbed, run, self.plan.tries)
                 for name, run in sides.items()}
        return interleave(tried, self.plan.rounds)

    def compare(self, title: str, target: float,
                sides: dict[str, Callable[[], Run]]) -> Ratio:
        """The first of the sides is ours."""
        self.bench.await_quiet(title, self.plan.patience)
        say(f"{self.name}: {title}")
        ours, *others = self.interleave(sides)
        return Ratio(self.name, title, target, ours, others)


class Memory(Measure):
    """The first of all: what a process has in common with those of other pools
    would be shared out among them."""

    name = "memory"
    LIMIT = 40     # MB
    GROWTH = 1.02  # in the second half of the requests

    def rows(self) -> Iterator[Row]:
        pool = self.site.pool
        say(f"{self.name}: idle, and after {self.plan.requests:,} requests")
        with awake(pool):
            loads = self.loads()
            pool.restart()
            sizes = [(0, self.size(pool))]
            total = 0
            for step in range(1, self.plan.steps + 1):
                for load in loads:
                    total += self.ask(load)
                while total < self.plan.requests * step / self.plan.steps:
                    total += self.ask(loads[-1])
                sizes.append((total, self.size(pool)))
        idle, half, end = sizes[0], sizes[self.plan.steps // 2], sizes[-1]
        detail = "; ".join(f"{size:.1f} MB after {n:,}" for n, size in sizes)
        yield Value(self.name, "memory of the pool, idle", "MB", self.LIMIT,
                    [idle[1]], "PSS of all processes, "
                    f"{PRODUCT['workers']} + {PRODUCT['verify_workers']}"
                    " workers")
        yield Value(self.name, f"memory of the pool after {end[0]:,} requests",
                    "MB", self.LIMIT, [end[1]], detail)
        yield Value(self.name, "growth of the memory in the second half of"
                    " those requests", "×", self.GROWTH, [end[1] / half[1]],
                    f"from {half[0]:,} to {end[0]:,} requests")

    def loads(self) -> list[tuple]:
        """Of each kind, and more tokens than any worker remembers."""
        place = self.bench.place
        logins = place / "memory.logins"
        logins.write_text("".join(f"{login}\t{PASSWORD}\n"
                                  for login in self.site.logins(500)))
        held = refresh_tokens(self.site.pool, self.site.logins(CLIENTS),
                              place / "memory.refresh")
        tokens = mint(self.site.pool, 10 * LIVE_TOKENS,
                      place / "memory.tokens")
        return [("login", f"{MOUNT}/login", logins),
                ("refresh", "--write", held, f"{MOUNT}/refresh", held),
                ("get", f"{MOUNT}/verify", tokens)]

    def ask(self, load: tuple) -> int:
        mode, *arguments = load
        pool = self.site.pool
        found = ask_latchkey(self.plan, pool, pool.web, CLIENTS, mode,
                             *arguments, seconds=0.5)
        if found.errors:
            self.bench.notes.append(f"while memory was watched, {mode} met"
                                    f" errors: {found.errors}")
        return found.requests

    def size(self, pool: Pool) -> float:
        self.bench.await_quiet("a look at memory", self.plan.patience)
        return parts.pss(pool.daemon.process.pid) / 1e6


class Start(Measure):
    name = "start"
    LIMIT = 200  # ms

    def rows(self) -> Iterator[Row]:
        pool = self.site.pool
        token = mint(pool, 1, self.bench.place / "start.token").read_text()
        say(f"{self.name}: {self.plan.starts} times")
        with awake(pool):
            times = [self.start(pool, token.strip())
                     for _ in range(self.plan.starts)]
            until(pool.serves, "the pool is ready again")
        yield Value(self.name, "start of the pool to its first answer", "ms",
                    self.LIMIT, times, "from the exec to 204 for a live token,"
                    " through FastCGI")

    @staticmethod
    def start(pool: Pool, token: str) -> float:
        assert pool.daemon.stop() == 0
        started = time.perf_counter()
        pool.daemon.spawn()
        while True:
            with suppress(ConnectionRefusedError, FileNotFoundError):
                answer = fcgi.call(pool.verify_socket, "GET",
                                   f"{MOUNT}/verify",
                                   HTTP_AUTHORIZATION=f"Bearer {token}")
                if answer and answer.status == 204:
                    return (time.perf_counter() - started) * 1000


@dataclass
class Place:
    """Where a token is shown, and to whom in the place of Latchkey."""

    title: str  # with a gap for what tokens
    ours: Callable[[Site], WebServer]
    empty: Callable[[Site], WebServer]
    path: str
    status: int


PLACES = (
    Place("/verify{}, lighttpd", lambda site: site.pool.web,
          lambda site: site.empty_lighttpd, f"{MOUNT}/verify", 204),
    Place("/verify{}, nginx", lambda site: site.nginx,
          lambda site: site.empty_nginx, f"{MOUNT}/verify", 204),
    Place("Authorizer and a static file{}, lighttpd",
          lambda site: site.pool.web, lambda site: site.empty_lighttpd, PAGE,
          200),
)


class Verify(Measure):
    name = "verify"
    TARGET = 0.90
    kind = ""

    def rows(self) -> Iterator[Row]:
        for place in PLACES:
            for clients in (16, 64):
                title = f"{place.title.format(self.kind)}, {clients} clients"
                yield self.compare(title, self.TARGET, {
                    "Latchkey": partial(self.ours, place, clients),
                    "empty program": partial(self.empty, place, clients)})

    def ours(self, place: Place, clients: int) -> Run:
        return self.show(place, clients, live_tokens(self.site.pool))

    def show(self, place: Place, clients: int, tokens: Path, *options) -> Run:
        return ask_latchkey(self.plan, self.site.pool, place.ours(self.site),
                            clients, "--expect", place.status, *options,
                            "get", place.path, tokens)

    def empty(self, place: Place, clients: int) -> Run:
        return ask_empty(self.plan, self.site.empty, place.empty(self.site),
                         clients, "--expect", place.status, "get", place.path,
                         live_tokens(self.site.pool))


class New(Verify):
    """The same with tokens that come once: each signature is verified."""

    name = "new"
    TARGET = 0.60
    kind = ", tokens that come once"
    per_second = 15_000  # tokens that do for a run of a second

    def ours(self, place: Place, clients: int) -> Run:
        whole = self.plan.seconds + self.plan.warm_up
        while True:
            tokens = mint(self.site.pool, round(self.per_second * whole),
                          self.bench.place / "new.tokens")
            found = self.show(place, clients, tokens, "--once")
            if found.seconds > 0.98 * self.plan.seconds:
                return found
            self.per_second *= 2


class Refresh(Measure):
    name = "refresh"
    TARGET = 0.80

    def rows(self) -> Iterator[Row]:
        """The bare compare-and-swap has a database of its own, with as many
        sessions: it moves them, and they would look stolen."""
        pool = self.site.pool
        swapped = self.bench.pool("swapped", self.site.server)
        parts.fill(swapped.database, "fill_sessions.sql", LIVE_TOKENS)
        for clients in (16, 64):
            path = self.bench.place / f"refresh-{clients}.tokens"
            with awake(pool):
                refresh_tokens(pool, self.site.logins(clients), path)
            yield self.compare(f"/refresh, lighttpd, {clients} clients",
                               self.TARGET, {
                "Latchkey": partial(refresh, self.plan, pool, clients, path),
                "bare compare-and-swap": partial(self.swap, swapped),
                "empty program": partial(self.empty, clients, path)})

    def swap(self, swapped: Pool) -> Run:
        return parts.drive(
            parts.program("swap", swapped.settings["database_options"],
                          CONNECTIONS, self.plan.seconds),
            {"MariaDB": self.site.server.daemon.process.pid}, SWAP_WARM_UP,
            self.plan.seconds)

    def empty(self, clients: int, tokens: Path) -> Run:
        return ask_empty(self.plan, *self.site.empty_refresh, clients,
                         "--fixed", "refresh", f"{MOUNT}/refresh", tokens)


def refresh(plan: Plan, pool: Pool, clients: int, tokens: Path) -> Run:
    """The tokens go on from run to run."""
    return ask_latchkey(plan, pool, pool.web, clients, "--write", tokens,
                        "refresh", f"{MOUNT}/refresh", tokens)


class Login(Measure):
    name = "login"
    TARGET = 0.95

    def rows(self) -> Iterator[Row]:
        """Every login is another account's: none evicts a session."""
        yield self.compare(
            f"/login, Argon2id by default, lighttpd, {CLIENTS} clients",
            self.TARGET, {"Latchkey": self.ours, "bare Argon2id": self.bare})

    def ours(self) -> Run:
        seconds = self.plan.login_seconds
        n = round(100 * os.cpu_count() * (seconds + self.plan.warm_up))
        path = self.bench.place / "logins"
        path.write_text("".join(f"{login}\t{PASSWORD}\n"
                                for login in self.site.logins(n)))
        pool = self.site.pool
        return ask_latchkey(self.plan, pool, pool.web, CLIENTS, "login",
                            f"{MOUNT}/login", path, seconds=seconds)

    def bare(self) -> Run:
        return parts.drive(
            parts.program("argon2-rate", PRODUCT["argon2_memory_kib"],
                          PRODUCT["argon2_time"], self.plan.login_seconds,
                          os.cpu_count()), {}, 0, self.plan.login_seconds)


class Growing(Measure):
    """The same work on more and more rows, against the fewest."""

    TARGET: float
    what: str

    def compare_sizes(self, sides: dict[int, Callable[[], Run]], title: str
                      ) -> Iterator[Row]:
        names = {f"{size:,} {self.what}": run for size, run in sides.items()}
        self.bench.await_quiet(title, self.plan.patience)
        say(f"{self.name}: {title} with {', '.join(names)}")
        least, *more = self.interleave(names)
        for size, side in zip(sides, [least, *more]):
            side.size = size
        for side in more:
            yield Ratio(self.name, f"{title}, {side.name}", self.TARGET, side,
                        [least])


class Revocations(Growing):
    """Each number has a pool of its own, all with room for as many."""

    name = "revocations"
    TARGET = 0.97
    what = "live revocations"

    def rows(self) -> Iterator[Row]:
        pools = {n: self.pool(n) for n in self.plan.revocations}
        yield from self.compare_sizes(
            {n: partial(self.verify, pool) for n, pool in pools.items()},
            f"/verify, lighttpd, {CLIENTS} clients")

    def pool(self, n: int) -> Pool:
        """Once it has fallen quiet: for a while after its start the feed reads
        more than later."""
        say(f"{self.name}: {n:,} of them")
        pool = self.bench.pool(f"revocations-{n}", self.site.server,
                               index_entries=2 * max(self.plan.revocations))
        parts.fill(pool.database, "fill_sessions.sql", LIVE_TOKENS)
        if n > 0:
            parts.fill(pool.database, "fill_revocations.sql", n)
        self.bench.start(pool)
        with awake(pool):
            until(lambda: self.has_taken_in(pool, n), "the index has them")
            self.bench.await_quiet(f"{n:,} revocations", self.plan.patience)
        return pool

    @staticmethod
    def has_taken_in(pool: Pool, n: int) -> bool:
        metrics = pool.metrics()
        return (metrics["latchkey_index_entries_used"] >= n
                and metrics["latchkey_index_fallback"] == 0)

    def verify(self, pool: Pool) -> Run:
        return ask_latchkey(self.plan, pool, pool.web, CLIENTS, "get",
                            f"{MOUNT}/verify", live_tokens(pool))


class Sessions(Growing):
    """Each client rotates many in turn, which lie all over the table."""

    name = "sessions"
    TARGET = 0.85
    what = "sessions"

    def rows(self) -> Iterator[Row]:
        """On a MariaDB of its own, whose buffer pool holds them all."""
        server = self.bench.mariadb("mariadb-sessions", self.plan.buffer_pool,
                                    "1G")
        sides = {n: self.side(server, n) for n in self.plan.sessions}
        yield from self.compare_sizes(
            sides, f"/refresh, lighttpd, {CLIENTS} clients")

    def side(self, server: MariaDB, n: int) -> Callable[[], Run]:
        say(f"{self.name}: {n:,} of them")
        moved = self.plan.moved
        pool = self.bench.pool(f"sessions-{n}", server)
        parts.fill(pool.database, "fill_sessions.sql", n - moved)
        tokens = mint(pool, moved, pool.directory / "refresh.tokens",
                      "sessions")
        self.bench.start(pool)
        return partial(refresh, self.plan, pool, CLIENTS, tokens)


MEASURES: dict[str, type[Measure]] = {
    measure.name: measure
    for measure in (Memory, Start, Verify, New, Refresh, Login, Revocations,
                    Sessions)}
