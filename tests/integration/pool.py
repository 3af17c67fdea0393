"""A deployment of Latchkey for tests: settings, database, pool, web server."""

import itertools
import json
import mmap
import os
import secrets
import signal
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fcgi
import prometheus
from api import Answer, Api
from daemon import Daemon, children, name_of
from mariadb import Database
from waiting import until
from webserver import TOP, WebServer

BUILD = Path(os.environ.get("LATCHKEY_BUILD", TOP / "build/check/hooks"))
FCGI = BUILD / "app/latchkey-fcgi"
CTL = BUILD / "app/latchkeyctl"

# Cheap hashing; tests that are about its cost set their own.
SETTINGS = {
    "argon2_memory_kib": 1024,
    "argon2_time": 1,
    "workers": 2,
    "verify_workers": 1,
    "log_level": "debug",
    "log_target": "stderr",
}

PASSWORD = "a long pass phrase"


class Clock:
    """What the processes of one deployment add to the time, all at once."""

    def __init__(self, path: Path):
        self.path = path
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8)

    def set(self, seconds: float) -> None:
        self.map[:] = struct.pack("=q", round(seconds * 1_000_000))

    def added(self) -> float:
        (microseconds,) = struct.unpack("=q", self.map[:])
        return microseconds / 1_000_000

    def advance(self, seconds: float) -> None:
        self.set(self.added() + seconds)

    def to_the_next_second(self) -> None:
        """So that a whole one is to come."""
        self.advance(-(time.time() + self.added()) % 1)


class Point:
    """A named place in the code at which processes are held."""

    def __init__(self, path: Path):
        self.path = path
        self.reached_path = path.with_name(path.name + ".reached")

    def __enter__(self) -> "Point":
        self.reached_path.unlink(missing_ok=True)  # of one that was killed
        self.path.touch()
        return self

    def __exit__(self, *_) -> None:
        self.release()

    def reached(self) -> int:
        """Waits until a process stands there, and gives the latest's id."""
        (number, *_) = until(lambda: self.reached_path.exists()
                             and self.reached_path.read_text().split(),
                             f"{self.path.name} is reached")
        return int(number)

    def release(self) -> None:
        self.path.unlink(missing_ok=True)


@dataclass
class User:
    """An account made by a test, which knows its password."""

    pool: "Pool"
    login: str
    password: str
    user_id: str

    def sign_in(self, **more) -> dict[str, Any]:
        """Opens a session and gives the token answer."""
        answer = self.pool.api.login(self.login, self.password, **more)
        assert answer.status == 200, answer
        return answer.json

    def epoch(self) -> int:
        return self.pool.database.one(
            "SELECT epoch FROM user WHERE login = %s", self.login)

    def session_rows(self) -> list[dict]:
        return self.pool.database.sql(
            "SELECT session.* FROM session JOIN user USING (user_id)"
            " WHERE login = %s ORDER BY session_id", self.login)


Deploy = Callable[..., "Pool"]

socket_numbers = itertools.count(1)


class Pool:
    """latchkey-fcgi with its settings, its database and a web server: session
    workers and verify workers on two sockets, as the quickstart has it, or,
    with an empty verify_listen, one pool that does it all."""

    def __init__(self, directory: Path, sockets: Path, database: Database,
                 settings: dict[str, Any], web: type[WebServer]):
        self.directory = directory
        self.database = database
        number = next(socket_numbers)
        self.socket = sockets / f"{number}.sock"
        self.verify_socket = sockets / f"{number}-verify.sock"
        self.points = directory / "points"
        self.points.mkdir()
        self.clock = Clock(directory / "clock")
        self.master_key = directory / "master.key"
        self.env = {
            "LATCHKEY_TEST_CLOCK": str(self.clock.path),
            "LATCHKEY_TEST_POINTS": str(self.points),
            "ASAN_OPTIONS": f"log_path={directory}/sanitizer",
            "UBSAN_OPTIONS": f"log_path={directory}/sanitizer"
                             ":print_stacktrace=1",
        }
        self.settings = {
            "mount": "/auth",
            **SETTINGS,
            "listen": str(self.socket),
            "verify_listen": str(self.verify_socket),
            "database_options": str(
                database.option_file(directory / "my.cnf")),
            "master_key_file": str(self.master_key),
            **settings,
        }
        if self.settings["verify_listen"] != str(self.verify_socket):
            self.verify_socket = self.socket
        mount = self.settings["mount"]
        self.web = web(directory, self.socket, self.verify_socket, mount)
        self.issuer = self.settings.setdefault(
            "issuer", f"http://127.0.0.1:{self.web.port}")
        self.api = Api(self.web.port, mount)
        self.config = directory / "latchkey.conf"
        self.write_config()
        self.daemon = Daemon([FCGI, "--config", self.config],
                             directory / "latchkey.log", self.env)
        self.numbers = itertools.count(1)

    # ---- its life ---------------------------------------------------------

    def write_config(self, **changes) -> None:
        self.settings.update(changes)
        self.config.write_text("".join(
            f"{name} = {quoted(value)}\n"
            for name, value in self.settings.items()))

    def set_up(self) -> None:
        """Schema and keys, as an administrator makes them."""
        self.ctl("migrate")
        self.ctl("keys", "init")

    def start(self) -> None:
        self.daemon.spawn()
        self.web.start()
        until(self.serves, "the pool is ready")

    def restart(self, **changes) -> None:
        """Stops the pool and starts it with other settings."""
        assert self.daemon.stop() == 0
        self.write_config(**changes)
        self.daemon.spawn()
        until(self.serves, "the pool is ready again")

    def reload(self, **changes) -> None:
        """Changes settings under the running pool: new workers, all of them."""
        before = set(children(self.daemon.process.pid))
        self.write_config(**changes)
        self.daemon.send(signal.SIGHUP)
        until(lambda: self.serves() and not before
              & set(children(self.daemon.process.pid)),
              "processes with the new settings")

    def stop(self) -> None:
        """Stops it all, and fails if it did not end well."""
        self.web.stop()
        status = self.daemon.stop()
        reports = sorted(self.directory.glob("sanitizer.*"))
        assert not reports, reports[0].read_text(errors="replace")
        assert status in (0, None), self.daemon.tail()

    def processes(self, name: str) -> list[int]:
        return [pid for pid in children(self.daemon.process.pid)
                if name_of(pid) == name]

    def workers(self) -> list[int]:
        return self.processes("lk-worker")

    def verify_workers(self) -> list[int]:
        return self.processes("lk-verify")

    def complete(self) -> bool:
        """Whether every process of the settings is there."""
        verify_workers = (self.settings["verify_workers"]
                          if self.settings["verify_listen"] else 0)
        return self.daemon.check_alive() and (
            len(self.workers()) == self.settings["workers"]
            and len(self.verify_workers()) == verify_workers)

    def serves(self) -> bool:
        return self.complete() and self.api.ready()

    def housekeeper(self) -> int:
        """The one that there is; a reload makes two for a moment."""
        (pid,) = until(lambda: len(found := self.processes("lk-housekeeper"))
                       == 1 and found, "one housekeeper")
        return pid

    def log(self) -> str:
        return self.daemon.log.read_text(errors="replace")

    # ---- what tests do with it --------------------------------------------

    def ctl(self, *argv: str, stdin: str = "", status: int | None = 0
            ) -> subprocess.CompletedProcess:
        """status: the one that it must end with; None: any."""
        done = subprocess.run(
            [CTL, "-c", self.config, *argv], input=stdin, text=True,
            capture_output=True, timeout=120, env={**os.environ, **self.env})
        assert status in (None, done.returncode), (argv, done)
        return done

    def ctl_json(self, *argv: str) -> Any:
        return json.loads(self.ctl("--json", *argv).stdout)

    def point(self, name: str) -> Point:
        return Point(self.points / name)

    def user(self, *roles: str, password: str = PASSWORD) -> User:
        """A new account, its login unlike any other."""
        login = f"user{next(self.numbers)}-{secrets.token_hex(4)}"
        answer = self.api.signup(login, password)
        assert answer.status == 201, answer
        if roles:
            self.ctl("user", "roles", login, ",".join(roles))
        return User(self, login, password, answer.json["user_id"])

    def suspend(self, user: User) -> None:
        """As plain SQL does it: behind Latchkey's back."""
        self.database.sql("UPDATE user SET status = 'suspended'"
                          " WHERE login = %s", user.login)

    def verify_everywhere(self, token: str, path: str = "/verify"
                          ) -> list[int]:
        """What each worker of every pool says of an access token."""
        pools = [(self.socket, self.settings["workers"])]
        if self.verify_socket != self.socket:
            pools.append((self.verify_socket, self.settings["verify_workers"]))
        return [answer.status for socket, workers in pools
                for answer in fcgi.call_each(
                    socket, workers, "GET", self.settings["mount"] + path,
                    HTTP_AUTHORIZATION=f"Bearer {token}")]

    def dead_everywhere(self, token: str) -> bool:
        return set(self.verify_everywhere(token)) == {401}

    def alive_everywhere(self, token: str) -> bool:
        return set(self.verify_everywhere(token)) == {204}

    def metrics(self) -> dict[str, float]:
        """Each sample by its name and labels, as they are written."""
        answer = self.api.get("/metrics")
        assert answer.status == 200, answer
        return prometheus.samples(answer.body.decode())

    def dead(self, token: str) -> bool:
        """Whether an access token is refused as invalid."""
        answer: Answer = self.api.get("/verify", token)
        if answer.status == 204:
            return False
        assert answer.status == 401, answer
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        return True


def quoted(value: Any) -> str:
    """A value as libconfuse reads it."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case list():
            return "{" + ", ".join(map(quoted, value)) + "}"
        case _:
            return '"' + str(value).replace("\\", "\\\\").replace(
                '"', '\\"') + '"'
