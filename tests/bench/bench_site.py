"""The product as it is installed, empty programs set up alike, accounts and
tokens: what the measures share, and how large they are."""

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import fcgi
from daemon import Daemon
from mariadb import Database, MariaDB
from pool import PASSWORD, Pool
from webserver import Lighttpd, Nginx, WebServer

import bench_parts as parts
from bench_parts import MOUNT, PRODUCT, Bench, EmptyProgram, awake
from bench_results import Run

LIVE_TOKENS = 1000
PAGE = "/private/index.html"


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: float          # of a run
    warm_up: float          # before it
    login_seconds: float
    patience: float         # for the machine to fall quiet
    tries: int              # at a run that others disturb
    starts: int
    requests: int           # before memory is looked at again …
    steps: int              # … and how often on the way; an even number
    revocations: tuple[int, ...]
    sessions: tuple[int, ...]
    moved: int              # sessions of those, in turn
    buffer_pool: str        # of the MariaDB with those sessions


FULL = Plan(rounds=9, seconds=3, warm_up=0.7, login_seconds=5, patience=90,
            tries=3, starts=20, requests=100_000, steps=4,
            revocations=(0, 1000, 100_000, 1_000_000),
            sessions=(10_000, 1_000_000, 10_000_000), moved=5000,
            buffer_pool="6G")
QUICK = Plan(rounds=3, seconds=0.35, warm_up=0.1, login_seconds=1,
             patience=0.5, tries=1, starts=5, requests=40_000, steps=2,
             revocations=(0, 1000, 100_000), sessions=(10_000, 100_000),
             moved=1000, buffer_pool="1G")


# ---- accounts and tokens -----------------------------------------------------

def copy_user(database: Database, login: str, n: int) -> list[str]:
    """So many accounts with the password of one."""
    made = f"{login}-{time.monotonic_ns()}-"
    database.sql(
        "INSERT INTO user (user_id, login, password_hash, status, roles,"
        " claims, session_limit, created_at)"
        " SELECT UNHEX(REPLACE(UUID(), '-', '')), CONCAT(%s, seq),"
        " password_hash, status, roles, claims, session_limit, created_at"
        f" FROM user JOIN seq_1_to_{n} WHERE login = %s", made, login)
    return [f"{made}{number}" for number in range(1, n + 1)]


def refresh_tokens(pool: Pool, logins: list[str], path: Path) -> Path:
    """Signs them all in."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        answers = list(threads.map(
            lambda login: pool.api.login(login, PASSWORD), logins))
    assert all(answer.status == 200 for answer in answers), answers
    path.write_text("".join(answer.json["refresh_token"] + "\n"
                            for answer in answers))
    return path


def mint(pool: Pool, n: int, path: Path, *kind: str) -> Path:
    """Access tokens that no worker has seen; or refresh tokens of sessions that
    are added for them."""
    with path.open("w") as file:
        subprocess.run(parts.program("mint", pool.config, n, *kind),
                       stdout=file, check=True)
    return path


def live_tokens(pool: Pool) -> Path:
    """A thousand; new ones in good time before they expire."""
    path = pool.directory / "live.tokens"
    if not path.exists() or time.time() - path.stat().st_mtime > 120:
        mint(pool, LIVE_TOKENS, path)
    return path


# ---- load --------------------------------------------------------------------

def ask(plan: Plan, web: WebServer, behind: dict[str, Daemon], clients: int,
        *arguments, seconds: float) -> Run:
    """One run of the load generator."""
    processes = {"web server": web.daemon, **behind}
    return parts.drive(
        parts.program("load", "--clients", clients, "--warm-up", plan.warm_up,
                      "--seconds", seconds, "--port", web.port, *arguments),
        {name: daemon.process.pid for name, daemon in processes.items()},
        plan.warm_up, seconds)


def ask_latchkey(plan: Plan, pool: Pool, web: WebServer, clients: int,
                 *arguments, seconds: float | None = None) -> Run:
    """While this pool and no other is awake."""
    behind = {"Latchkey": pool.daemon, "MariaDB": pool.database.server.daemon}
    with awake(pool):
        return ask(plan, web, behind, clients, *arguments,
                   seconds=seconds or plan.seconds)


def ask_empty(plan: Plan, program: EmptyProgram, web: WebServer, clients: int,
              *arguments) -> Run:
    return ask(plan, web, {"empty program": program}, clients, *arguments,
               seconds=plan.seconds)


# ---- servers -----------------------------------------------------------------

class Site:
    """What several measures share, each part made when it is first wanted."""

    def __init__(self, bench: Bench, plan: Plan):
        self.bench = bench
        self.plan = plan

    @cached_property
    def server(self) -> MariaDB:
        return self.bench.mariadb("mariadb", "1G", "256M")

    @cached_property
    def pool(self) -> Pool:
        pool = self.bench.pool("product", self.server)
        pool.web.configure(protect=True)
        self.make_page(pool.web)
        parts.fill(pool.database, "fill_sessions.sql", LIVE_TOKENS)
        self.bench.start(pool)
        return pool

    @cached_property
    def login(self) -> str:
        with awake(self.pool):
            return self.pool.user().login

    def logins(self, n: int) -> list[str]:
        return copy_user(self.pool.database, self.login, n)

    @staticmethod
    def make_page(web: WebServer) -> None:
        path = web.docroot / PAGE.lstrip("/")
        path.parent.mkdir()
        path.write_text("<!DOCTYPE html>\n<title>Members</title>\n"
                        + "<p>For members only.\n" * 50)

    @cached_property
    def nginx(self) -> WebServer:
        return self.bench.web(Nginx, "nginx", self.pool.socket,
                              self.pool.verify_socket)

    # ---- empty programs

    @cached_property
    def empty(self) -> EmptyProgram:
        """With as many processes as serve /verify."""
        return self.bench.empty("empty", PRODUCT["verify_workers"])

    @cached_property
    def empty_lighttpd(self) -> WebServer:
        web = self.bench.web(Lighttpd, "empty-lighttpd", self.empty.socket,
                             self.empty.socket, protect=True)
        self.make_page(web)
        return web

    @cached_property
    def empty_nginx(self) -> WebServer:
        return self.bench.web(Nginx, "empty-nginx", self.empty.socket,
                              self.empty.socket)

    @cached_property
    def empty_refresh(self) -> tuple[EmptyProgram, WebServer]:
        """One that gives the answer to a refresh, in as many processes as
        serve /refresh."""
        answer = self.bench.place / "refresh-answer"
        with awake(self.pool):
            answer.write_bytes(answer_to_refresh(self.pool, self.logins(1)))
        program = self.bench.empty("empty-refresh", PRODUCT["workers"], answer)
        return program, self.bench.web(Lighttpd, "empty-refresh-lighttpd",
                                       program.socket, program.socket,
                                       protect=True)


def answer_to_refresh(pool: Pool, logins: list[str]) -> bytes:
    path = refresh_tokens(pool, logins, pool.directory / "one-token")
    body = json.dumps({"refresh_token": path.read_text().strip()})
    answer = fcgi.call(pool.socket, "POST", f"{MOUNT}/refresh", body.encode())
    assert answer is not None and answer.status == 200, answer
    return answer.body
