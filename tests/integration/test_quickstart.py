"""deploy/quickstart, run as a newcomer runs it, but for packages and build."""

import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import fcgi
from api import Answer, Api
from cookies import Browser, cookie_header, cookies_of
from daemon import Daemon, children, free_port, name_of
from pool import BUILD, CTL
from waiting import until
from webserver import TOP

NOBODY = 65534
# What runs as each --server.
SERVERS = {"lighttpd": "lighttpd", "nginx": "nginx", "apache": "apache2"}


def descendants(pid: int) -> set[int]:
    found = set()
    try:
        for child in children(pid):
            found |= {child} | descendants(child)
    except FileNotFoundError:
        pass  # it has ended meanwhile
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
        self.spawn(*more)
        until(lambda: self.daemon.check_alive()
              and f"\nready {self.url}\n" in self.said(), "it is ready", 60)

    def spawn(self, *more: str | Path) -> None:
        self.output.write_bytes(b"")
        self.daemon = Daemon([*self.command, *more], self.output, self.env)
        self.daemon.spawn()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stops it; nothing that it started may be left."""
        started = self.processes()
        assert started
        sockets = (self.state / "run").resolve(strict=True)
        assert self.daemon.stop(number) == 0, self.said()
        assert self.all_gone(started)
        assert not sockets.exists()

    def processes(self) -> dict[int, str | None]:
        """All that it runs, by name."""
        return {pid: name_of(pid)
                for pid in descendants(self.daemon.process.pid)}

    def all_gone(self, started: Iterable[int]) -> bool:
        """Whether these have ended, and all others that it may have started:
        each holds its lock."""
        with (self.state / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return not any(Path(f"/proc/{pid}").exists() for pid in started)

    def pools(self) -> set[str]:
        """The names of the workers that run."""
        return {"lk-worker", "lk-verify"} & set(self.processes().values())

    def said(self) -> str:
        return self.output.read_text()

    def refused(self, *more: str) -> str:
        """Runs it where it must not start, and gives what it says."""
        done = subprocess.run(
            [str(word) for word in (*self.command, *more)], text=True,
            capture_output=True, timeout=60, env={**os.environ, **self.env})
        assert done.returncode != 0, done
        return done.stderr

    def ctl(self, *argv: str) -> None:
        subprocess.run([CTL, "-c", self.state / "latchkey.conf", *argv],
                       check=True, capture_output=True, timeout=60)

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
    assert statuses == ["204", "403", "401", "204", "204", "204"]
    first, again = re.findall(r"(?:^|})(lkr1_\S+)$", said, re.M)
    assert first == again, "the same successor"
    assert "refresh_token_reused" in said
    assert '{"ended":1}' in said
    assert '"keys"' in said and '{"status":"ready"}' in said
    quickstart.stop()


def test_lines_of_readme_about_oauth(quickstart: Quickstart) -> None:
    """As printed, for alice of the section before."""
    quickstart.start()
    assert quickstart.api.signup("alice", "a long pass phrase").status == 201
    section = (TOP / "README.md").read_text().split("\n## OAuth\n")[1]
    lines = re.findall(r"^    (.*)$|^$", section.split("\n## ")[0], re.M)
    script = "\n".join(lines).replace(
        ":8080", f":{quickstart.port}").replace(
        "./build/", f"{BUILD}/").replace("./var/", f"{quickstart.state}/")
    done = subprocess.run(["bash", "-eu"], input=script, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done
    said = done.stdout
    assert f'"token_endpoint":"{quickstart.url}/token"' in said
    assert re.findall(r'"active":(\w+)', said) == ["true", "false"]
    assert re.findall(r"HTTP/1.1 (\d+)", said) == ["200"]
    assert "error" not in said
    quickstart.stop()


def test_lines_of_readme_about_administration(quickstart: Quickstart
                                               ) -> None:
    quickstart.start()
    section = (TOP / "README.md").read_text().split(
        "\n## Administration\n")[1]
    lines = re.findall(r"^    (.*)$|^$", section.split("\n| ")[0], re.M)
    script = "\n".join(lines).replace(
        ":8080", f":{quickstart.port}").replace(
        "./var/", f"{quickstart.state}/")
    done = subprocess.run(["bash", "-eu"], input=script, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done
    said = done.stdout
    assert '"code"' not in said, said
    assert '{"ended":0}' in said and '"live_sessions":1' in said
    for event in ("user_created", "roles_changed", "user_suspended",
                  "user_activated", "user_tokens_revoked"):
        assert f'"event":"{event}"' in said
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


@pytest.mark.parametrize("server", ["nginx", "apache"])
def test_killed_outright(quickstart: Quickstart, server: str) -> None:
    """Nothing outlives it even then, and the data are good."""
    quickstart.start("--server", server, "--php")
    sockets = (quickstart.state / "run").resolve(strict=True)
    started = quickstart.processes()
    quickstart.daemon.stop(signal.SIGKILL)
    until(lambda: quickstart.all_gone(started), "all have ended")
    quickstart.start()
    assert not sockets.exists()
    assert quickstart.api.login("admin", quickstart.password()).status == 200
    quickstart.stop()


@pytest.mark.parametrize("server", ["nginx", "apache"])
def test_server_that_ends_ends_it(quickstart: Quickstart, server: str) -> None:
    """And its workers, which it leaves behind."""
    quickstart.start("--server", server, "--php")
    started = quickstart.processes()
    (master,) = [pid for pid in children(quickstart.daemon.process.pid)
                 if started[pid] == SERVERS[server]]
    os.kill(master, signal.SIGKILL)
    assert quickstart.daemon.wait() == 1
    assert f"{server} ended" in quickstart.said()
    until(lambda: quickstart.all_gone(started), "all have ended")


def take_port(taker: socket.socket) -> int:
    """One that the kernel gives to no client: Apache's next one has to be
    free."""
    while True:
        port = free_port()
        try:
            taker.bind(("127.0.0.1", port))
        except OSError:
            continue  # connections linger there
        return port


@pytest.mark.parametrize("server", SERVERS)
def test_server_that_cannot_start(quickstart: Quickstart, server: str) -> None:
    """The last one of all: its port is taken, though nobody answers there."""
    with socket.socket() as other:
        quickstart.spawn("--server", server, "--php",
                         "--port", str(take_port(other)))
        assert quickstart.daemon.wait(120) == 1
    assert f"{server} ended" in quickstart.said()
    until(lambda: quickstart.all_gone(()), "all have ended")


@pytest.mark.parametrize("name, number", [
    ("mariadb-install", signal.SIGINT), ("mariadbd", signal.SIGTERM),
    ("lk-worker", signal.SIGINT), ("nginx", signal.SIGTERM)])
def test_stopped_half_way(quickstart: Quickstart, name: str, number: int
                          ) -> None:
    quickstart.spawn("--server", "nginx", "--php")
    until(lambda: name in quickstart.processes().values(), f"{name} runs", 60)
    started = quickstart.processes()
    # 0 if it was all up before the signal came.
    assert quickstart.daemon.stop(number) in (0, 128 + number)
    until(lambda: quickstart.all_gone(started), "all have ended")
    assert not (quickstart.state / "run").is_symlink()


# ---- the demo ---------------------------------------------------------------

@pytest.mark.parametrize("server", SERVERS)
def test_protected_folders(quickstart: Quickstart, server: str) -> None:
    quickstart.start("--server", server, "--php")
    assert SERVERS[server] in quickstart.processes().values()
    browser = Browser(quickstart.api)

    def visit(path: str) -> Answer:
        return quickstart.api.raw("GET", path, None, {
            "Cookie": cookie_header(browser.jar)})

    for path in ("/private/", "/private/hello.php", "/editors/"):
        assert visit(path).status == 401
        sent_on = quickstart.api.raw("GET", path, None,
                                     {"Accept": "text/html"})
        assert sent_on.status == 303
        assert sent_on.headers["Location"] == f"/auth/continue?to={path}"

    answer = browser.post("/login", {
        "login": "admin", "password": quickstart.password(), "cookies": True})
    assert cookies_of(answer).keys() == {"lk_at", "lk_rt"}
    user = answer.json["user_id"]
    assert b"because you are signed in" in visit("/private/").body
    assert told(visit("/private/hello.php")) == {
        "AUTH_USER": user, "AUTH_ROLES": "admin", "REMOTE_USER": user}
    assert visit("/editors/").status == 403

    quickstart.ctl("user", "roles", "admin", "admin,editor")
    until(lambda: visit("/editors/").status == 401, "the old roles are dead")
    assert browser.go_on("/editors/").headers["Location"] == "/editors/"
    assert b"have the role" in visit("/editors/").body
    assert told(visit("/private/hello.php"))["AUTH_ROLES"] == "admin,editor"

    for path in ("/auth/ui/", "/auth/ui/style.css", "/auth/ui/latchkey.js"):
        page = visit(path)
        assert page.status == 200, page
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    quickstart.stop()


def told(answer: Answer) -> dict[str, str]:
    """What the page in PHP has been told, by what it shows."""
    assert answer.status == 200, answer
    return dict(re.findall(r"<dt>(\w+)</dt>\s*<dd><code>(.*)</code></dd>",
                           answer.body.decode()))


def test_page_escapes_what_it_shows(quickstart: Quickstart) -> None:
    quickstart.start("--php")
    answer = fcgi.call(
        (quickstart.state / "run").resolve() / "php.sock", "GET",
        "/private/hello.php", AUTH_USER="<b>&", AUTH_ROLES="\"'\xff",
        SCRIPT_FILENAME=str(quickstart.state / "htdocs/private/hello.php"))
    assert told(answer) == {"AUTH_USER": "&lt;b&gt;&amp;",
                            "AUTH_ROLES": "&quot;&#039;\xff",
                            "REMOTE_USER": ""}
    quickstart.stop()


# ---- what it refuses, and whom it serves ------------------------------------

@pytest.mark.parametrize("server, value", [
    ("lighttpd", "tcp:127.0.0.1:9"), ("nginx", "tcp:127.0.0.1:9"),
    ("apache", "/tmp/x.sock"), ("apache", "")])
def test_socket_that_the_server_cannot_ask(
        quickstart: Quickstart, tmp_path: Path, server: str, value: str
        ) -> None:
    over = tmp_path / "over.conf"
    over.write_text(f'verify_listen = "{value}"\n')
    said = quickstart.refused("--server", server, "--config", str(over))
    assert f"with {server} verify_listen" in said


@pytest.mark.parametrize("argv", [
    ("--port", "0"), ("--port", "65536"), ("--port", "http"), ("--port",),
    ("--workers", "0"), ("--nonsense",), ("--config", "/nonexistent"),
    ("--server", "iis"), ("--server",), ("--server", "../apache")])
def test_usage(quickstart: Quickstart, argv: tuple[str, ...]) -> None:
    assert quickstart.refused(*argv)
    assert not quickstart.state.exists()


@pytest.mark.parametrize("server", SERVERS)
def test_as_an_ordinary_user(server: str) -> None:
    """Who can read only what is meant to be read."""
    become = () if os.geteuid() else (
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        directory = Path(place)
        directory.chmod(0o755)
        for folder in ("deploy", "app/web"):
            shutil.copytree(TOP / folder, directory / "top" / folder)
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
            quickstart.start("--server", server, "--php")
            answer = quickstart.api.login("admin", quickstart.password())
            page = quickstart.api.raw(
                "GET", "/private/hello.php", None, {"Authorization":
                f"Bearer {answer.json['access_token']}"})
            assert told(page)["AUTH_USER"] == answer.json["user_id"]
            assert quickstart.api.raw("GET", "/auth/ui/").status == 200
            quickstart.stop()
        finally:
            quickstart.daemon.stop()
