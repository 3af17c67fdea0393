"""deploy/quickstart, run as a newcomer runs it, but for packages and build."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from api import Api
from daemon import Daemon, children, free_port, name_of
from pool import BUILD
from waiting import until
from webserver import TOP

NOBODY = 65534


def descendants(pid: int) -> set[int]:
    found = set()
    for child in children(pid):
        found |= {child} | descendants(child)
    return found


class Quickstart:
    def __init__(self, directory: Path, top: Path = TOP,
                 build: Path = BUILD, become: tuple[str, ...] = ()):
        self.state = directory / "state"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/auth"
        self.api = Api(self.port)
        self.command = [*become, top / "deploy/quickstart", "--no-install",
                        "--dir", self.state, "--port", self.port]
        self.output = directory / "output"
        self.env = {"LATCHKEY_BUILD": str(build)}
        self.daemon = Daemon(self.command, self.output, self.env)

    def start(self, *more: str | Path) -> None:
        """Starts it and waits for the line that it promises."""
        self.output.write_bytes(b"")
        self.daemon = Daemon([*self.command, *more], self.output, self.env)
        self.daemon.start(lambda: f"\nready {self.url}\n" in self.said())

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stops it; nothing that it started may be left."""
        started = descendants(self.daemon.process.pid)
        assert started
        sockets = (self.state / "run").resolve(strict=True)
        assert self.daemon.stop(number) == 0, self.said()
        assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
        assert not sockets.exists()

    def pools(self) -> set[str]:
        """The names of the workers that run."""
        names = map(name_of, descendants(self.daemon.process.pid))
        return {"lk-worker", "lk-verify"} & set(names)

    def said(self) -> str:
        return self.output.read_text()

    def refused(self, *more: str) -> str:
        """Runs it where it must not start, and gives what it says."""
        done = subprocess.run(
            [str(word) for word in (*self.command, *more)], text=True,
            capture_output=True, timeout=60, env={**os.environ, **self.env})
        assert done.returncode != 0, done
        return done.stderr

    def password(self) -> str:
        return (self.state / "admin-password").read_text().strip()


@pytest.fixture
def quickstart(tmp_path: Path) -> Iterator[Quickstart]:
    """In a directory whose path is longer than a socket's may be."""
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    made = Quickstart(deep)
    yield made
    made.daemon.stop()


def test_from_first_start_to_second(quickstart: Quickstart) -> None:
    quickstart.start("--workers", "2")
    assert quickstart.pools() == {"lk-worker", "lk-verify"}
    answer = quickstart.api.login("admin", quickstart.password())
    assert answer.status == 200, answer
    assert quickstart.api.get("/verify/admin",
                              answer.json["access_token"]).status == 204
    for name in ("admin-password", "my.cnf", "master.key"):
        mode = stat.S_IMODE((quickstart.state / name).stat().st_mode)
        assert mode == 0o600, name
    password = quickstart.password()
    quickstart.stop()

    quickstart.start()
    assert "creating the database server" not in quickstart.said()
    assert quickstart.password() == password
    assert quickstart.api.login("admin", password).status == 200
    refreshed = quickstart.api.refresh(answer.json["refresh_token"])
    assert refreshed.status == 200, "sessions outlive the restart"
    quickstart.stop(signal.SIGINT)


def test_printed_lines_work_as_printed(quickstart: Quickstart) -> None:
    quickstart.start()
    said = quickstart.said()
    lines = said[said.index("URL="):said.index("\nready ")]
    done = subprocess.run(["bash", "-eu"], input=lines, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done
    assert '"user_id"' in done.stdout
    assert done.stdout.count('"access_token"') == 2
    assert done.stdout.count("204 No Content") == 2
    assert '"code"' not in done.stdout, done.stdout
    quickstart.stop()


def test_lines_of_readme_work_as_printed(quickstart: Quickstart,
                                         tmp_path: Path) -> None:
    short = tmp_path / "short.conf"
    short.write_text("refresh_grace = 1\n")
    quickstart.start("--config", short)
    (block,) = re.findall(r"^```sh\n(.*?)^```$",
                          (TOP / "README.md").read_text(), re.S | re.M)
    assert ":8080" in block
    done = subprocess.run(
        ["bash", "-eu"], text=True, capture_output=True, timeout=60,
        input=block.replace(":8080", f":{quickstart.port}"))
    assert done.returncode == 0, done
    said = done.stdout
    statuses = re.findall(r"HTTP/1.1 (\d+)", said)
    assert statuses == ["204", "403", "401", "204", "204"]
    first, again = re.findall(r"(?:^|})(lkr1_\S+)$", said, re.M)
    assert first == again, "the same successor"
    assert "refresh_token_reused" in said
    assert '{"ended":1}' in said
    assert '"keys"' in said and '{"status":"ready"}' in said
    quickstart.stop()


def test_settings_are_laid_over_the_defaults(quickstart: Quickstart,
                                             tmp_path: Path) -> None:
    over = tmp_path / "over.conf"
    over.write_text("# mine\nrefresh_grace = 0\nworkers = 3\n"
                    'client_id = "quick"\nverify_listen = ""\n')
    quickstart.start("--config", over, "--workers", "1")
    merged = (quickstart.state / "latchkey.conf").read_text()
    assert "workers = 1\n" in merged and "workers = 3" not in merged
    assert merged.count("issuer") == 1
    signed_in = quickstart.api.login("admin", quickstart.password()).json
    token = signed_in["refresh_token"]
    assert quickstart.pools() == {"lk-worker"}
    assert quickstart.api.verify(signed_in["access_token"]) == 204
    assert quickstart.api.refresh(token).status == 200
    until(lambda: quickstart.api.refresh(token).code
          == "refresh_token_reused", "the parent is late at once")
    quickstart.stop()


def test_bad_settings_are_named(quickstart: Quickstart, tmp_path: Path
                                ) -> None:
    over = tmp_path / "over.conf"
    over.write_text("refresh_grace = 1000\n")
    said = quickstart.refused("--config", str(over))
    assert "refresh_grace" in said and "1000" in said


def test_port_that_is_taken(quickstart: Quickstart) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert "is taken" in quickstart.refused("--port", str(port))
    assert not quickstart.state.exists()


def test_second_one_on_the_same_data(quickstart: Quickstart) -> None:
    quickstart.start()
    assert "in use" in quickstart.refused("--port", str(free_port()))
    assert quickstart.api.ready(), "the first one is unharmed"
    quickstart.stop()


def test_killed_outright(quickstart: Quickstart) -> None:
    """Nothing outlives it even then, and the data are good."""
    quickstart.start()
    sockets = (quickstart.state / "run").resolve(strict=True)
    started = descendants(quickstart.daemon.process.pid)
    quickstart.daemon.stop(signal.SIGKILL)
    until(lambda: not [pid for pid in started
                       if Path(f"/proc/{pid}").exists()], "all have ended")
    quickstart.start()
    assert not sockets.exists()
    assert quickstart.api.login("admin", quickstart.password()).status == 200
    quickstart.stop()


def test_server_that_ends_ends_it(quickstart: Quickstart) -> None:
    quickstart.start()
    (lighttpd,) = [pid for pid in descendants(quickstart.daemon.process.pid)
                   if name_of(pid) == "lighttpd"]
    os.kill(lighttpd, signal.SIGKILL)
    assert quickstart.daemon.wait() == 1
    assert "lighttpd ended" in quickstart.said()


@pytest.mark.parametrize("argv", [
    ("--port", "0"), ("--port", "65536"), ("--port", "http"), ("--port",),
    ("--workers", "0"), ("--nonsense",), ("--config", "/nonexistent")])
def test_usage(quickstart: Quickstart, argv: tuple[str, ...]) -> None:
    assert quickstart.refused(*argv)
    assert not quickstart.state.exists()


def test_as_an_ordinary_user() -> None:
    """Who can read only what is meant to be read."""
    become = () if os.geteuid() else (
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        directory = Path(place)
        directory.chmod(0o755)
        shutil.copytree(TOP / "deploy", directory / "top/deploy")
        (directory / "build/app").mkdir(parents=True)
        for name in ("latchkey-fcgi", "latchkeyctl"):
            shutil.copy(BUILD / "app" / name, directory / "build/app")
        home = directory / "home"
        home.mkdir()
        if become:
            os.chown(home, NOBODY, NOBODY)
        quickstart = Quickstart(home, directory / "top", directory / "build",
                                (*become, "env", f"HOME={home}"))
        try:
            quickstart.start()
            assert quickstart.api.login(
                "admin", quickstart.password()).status == 200
            quickstart.stop()
        finally:
            quickstart.daemon.stop()
