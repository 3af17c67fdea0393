"""Under systemd: sockets that it passes, word that it gets, and the units.  No
systemd need run: its part is played by its protocols."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import fcgi
from bare import HEALTH, all_served, load, reload, serves
from daemon import children, free_port
from fcgi import Connection, head, record, variables
from pool import FCGI, PASSWORD, Pool
from waiting import until
from webserver import TOP

EX_CONFIG = 78
ACTIVATE = Path(__file__).with_name("activate.py")
UNITS = TOP / "deploy/systemd"


class Systemd:
    """What systemd does for latchkey.service.  It keeps the sockets open when
    the service ends."""

    def __init__(self, pool: Pool, notify: str):
        self.pool = pool
        pool.socket = pool.socket.with_suffix(".activated")
        pool.verify_socket = pool.socket.with_suffix(".verify")
        self.sockets = {"latchkey": listening(pool.socket),
                        "verify": listening(pool.verify_socket)}
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(notify.replace("@", "\0", 1))
        self.notified.settimeout(60)
        pool.daemon.env["NOTIFY_SOCKET"] = notify
        self.pass_(self.sockets)

    def pass_(self, sockets: dict[str, socket.socket]) -> None:
        """What the service gets from its next start on."""
        fds = [passed.fileno() for passed in sockets.values()]
        daemon = self.pool.daemon
        daemon.argv = [sys.executable, str(ACTIVATE), *map(str, fds), "--",
                       str(FCGI), "--config", str(self.pool.config)]
        daemon.pass_fds = fds
        daemon.env["LISTEN_FDS"] = str(len(fds))
        daemon.env["LISTEN_FDNAMES"] = ":".join(sockets)

    def start(self) -> None:
        self.pool.daemon.spawn()
        assert self.told() == "READY=1"

    def told(self) -> str:
        """The next that the service says of itself."""
        try:
            return self.notified.recv(1000).decode()
        except TimeoutError:
            raise AssertionError(self.pool.daemon.tail()) from None

    def close(self) -> None:
        for opened in (*self.sockets.values(), self.notified):
            opened.close()


def listening(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen(1024)
    return made


@pytest.fixture
def systemd(deploy: Callable[..., Pool], sockets: Path) -> Iterator[Systemd]:
    pool = deploy(start=False, listen="systemd:latchkey",
                  verify_listen="systemd:verify")
    made = Systemd(pool, f"{pool.socket}.notify")
    yield made
    pool.daemon.stop()
    made.close()


@pytest.fixture
def pool(systemd: Systemd) -> Pool:
    return systemd.pool


def request(path: str) -> bytes:
    return head(variables("GET", path)) + record(fcgi.STDIN)


# ---- its life ---------------------------------------------------------------

def test_each_pool_has_its_socket(systemd: Systemd, pool: Pool):
    systemd.start()
    assert serves(pool.socket) and serves(pool.verify_socket)
    body = json.dumps({"login": "alice", "password": PASSWORD}).encode()
    for address, status in ((pool.verify_socket, 404), (pool.socket, 201)):
        answer = fcgi.call(address, "POST", "/auth/signup", body)
        assert answer.status == status
    assert pool.complete()


def test_connection_from_before_the_start(systemd: Systemd, pool: Pool):
    with (Connection(pool.socket, 60) as first,
          Connection(pool.verify_socket, 60) as second):
        first.send(request("/auth/health"))
        second.send(request("/auth/verify"))
        systemd.start()
        assert first.answer().status == 200
        assert second.answer().status == 401


def test_connection_between_stop_and_start(systemd: Systemd, pool: Pool):
    systemd.start()
    assert pool.daemon.stop() == 0
    assert systemd.told() == "STOPPING=1"
    with Connection(pool.socket, 60) as connection:
        connection.send(request("/auth/health"))
        systemd.start()
        assert connection.answer().status == 200


def test_reload(systemd: Systemd, pool: Pool):
    systemd.start()
    with load(pool, clients=4) as got:
        for workers in (3, 1):
            reload(pool, workers=workers)
            assert [systemd.told(), systemd.told()] == ["RELOADING=1",
                                                        "READY=1"]
            seen = len(got)
            until(lambda: len(got) > seen + 100, "100 answers more")
    assert all_served(got)
    assert serves(pool.verify_socket)


def test_refused_reload(systemd: Systemd, pool: Pool):
    """Nothing hangs in a reload that is never over."""
    systemd.start()
    pool.write_config(listen="systemd:other")
    pool.daemon.send(signal.SIGHUP)
    assert [systemd.told(), systemd.told()] == ["RELOADING=1", "READY=1"]
    assert "a change of listen needs a restart" in pool.log()
    assert serves(pool.socket)


def test_stop_waits_for_the_request_in_flight(systemd: Systemd, pool: Pool):
    systemd.start()
    body = json.dumps({"login": "late", "password": PASSWORD}).encode()
    data = record(fcgi.STDIN, body) + record(fcgi.STDIN)
    with Connection(pool.socket) as connection:
        connection.send(head(variables("POST", "/auth/signup", len(body)))
                        + data[:20])
        until(connection.all_taken, "a worker has the request")
        pool.daemon.send(signal.SIGTERM)
        assert systemd.told() == "STOPPING=1"
        connection.send(data[20:])
        assert connection.answer().status == 201
    assert pool.daemon.wait() == 0
    # They are systemd's, and stay.
    assert pool.socket.is_socket() and pool.verify_socket.is_socket()


def test_abstract_notify_socket(deploy: Callable[..., Pool]):
    pool = deploy(start=False, listen="systemd:latchkey",
                  verify_listen="systemd:verify")
    made = Systemd(pool, f"@{pool.socket}.notify")
    made.start()
    assert pool.daemon.stop() == 0
    made.close()


def test_descriptors(systemd: Systemd, pool: Pool):
    """Whatever they were: no worker hangs in accept(), no program that was
    started by this one gets them, and each pool has its own only."""
    for passed in systemd.sockets.values():
        passed.setblocking(True)
    systemd.start()
    until(pool.complete, "all processes")
    for fd in (3, 4):
        info = Path(f"/proc/{pool.daemon.process.pid}/fdinfo/{fd}")
        flags = int(re.search(r"flags:\s*(\d+)", info.read_text())[1], 8)
        assert flags & os.O_NONBLOCK and flags & os.O_CLOEXEC
    session, verify = (os.fstat(passed.fileno()).st_ino
                       for passed in systemd.sockets.values())
    own = {pid: {session} for pid in pool.workers()} | {
        pid: {verify} for pid in pool.verify_workers()}
    for pid in children(pool.daemon.process.pid):
        until(lambda: inodes(pid) & {session, verify} == own.get(pid, set()),
              "the sockets of others are closed")


def inodes(pid: int) -> set[int]:
    """What a process has open."""
    return {os.stat(fd).st_ino for fd in Path(f"/proc/{pid}/fd").iterdir()}


# ---- strictness -------------------------------------------------------------

def refused(pool: Pool, reason: str) -> None:
    pool.daemon.spawn()
    assert pool.daemon.wait() == EX_CONFIG
    assert reason in pool.daemon.tail(1), pool.daemon.tail()
    pool.daemon.process = None


@pytest.mark.parametrize("env, reason", [
    ({"LISTEN_PID": "1"}, "LISTEN_PID is not this process's id"),
    ({"LISTEN_PID": "x"}, "LISTEN_PID is not this process's id"),
    ({"LISTEN_FDS": "0"}, "LISTEN_FDS is no number"),
    ({"LISTEN_FDS": "9"}, "LISTEN_FDS is no number"),
    ({"LISTEN_FDS": "-1"}, "LISTEN_FDS is no number"),
    ({"LISTEN_FDS": "3", "LISTEN_FDNAMES": "latchkey:verify:x"},
     "descriptor 5 is not open"),
    ({"LISTEN_FDNAMES": "latchkey"}, "does not name each of 2"),
    ({"LISTEN_FDNAMES": "latchkey:verify:x"}, "does not name each of 2"),
    ({"LISTEN_FDNAMES": ""}, "does not name each of 2"),
    ({"LISTEN_FDNAMES": "latchkey:other"}, 'no socket named "verify"'),
    ({"LISTEN_FDNAMES": "Latchkey:verify"}, 'no socket named "latchkey"'),
    ({"LISTEN_FDNAMES": "verify:verify"}, 'no socket named "latchkey"'),
    ({"LISTEN_FDNAMES": "latchkey:latchkey"}, "more than one socket"),
])
def test_wrong_environment(systemd: Systemd, pool: Pool, env: dict[str, str],
                           reason: str):
    pool.daemon.env.update(env)
    refused(pool, reason)


def test_socket_that_no_setting_names(systemd: Systemd, pool: Pool):
    """Who connects there would wait for ever."""
    pool.write_config(verify_listen="")
    refused(pool, 'systemd passed a socket named "verify"')


def datagrams() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def not_listening() -> socket.socket:
    return socket.socket(socket.AF_UNIX)


def packets() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.bind("")
    made.listen()
    return made


def abstract() -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind("")
    made.listen()
    return made


def tcp(address: str) -> socket.socket:
    return socket.create_server((address, 0))


@pytest.mark.parametrize("make, reason", [
    (datagrams, "no listening stream socket"),
    (not_listening, "no listening stream socket"),
    (packets, "no listening stream socket"),
    (abstract, "abstract"),
    (lambda: tcp("0.0.0.0"), "loopback"),
    (lambda: open("/dev/null"), "no listening stream socket"),
])
def test_useless_socket(systemd: Systemd, pool: Pool, make: Callable,
                        reason: str):
    with make() as useless:
        systemd.pass_({"verify": systemd.sockets["verify"],
                       "latchkey": useless})
        refused(pool, reason)


def test_tcp_serves_less(systemd: Systemd, pool: Pool):
    """As a port that the service opened itself."""
    with tcp("127.0.0.1") as verify:
        systemd.pass_({**systemd.sockets, "verify": verify})
        systemd.start()
        assert fcgi.call(verify.getsockname(), "GET",
                         "/auth/verify").status == 401
        assert fcgi.call(verify.getsockname(), *HEALTH).status == 404
        assert serves(pool.socket)


def test_variables_of_another_process(deploy: Callable[..., Pool]):
    """They stand about in the environment of what was started by hand."""
    pool = deploy(start=False)
    pool.daemon.env.update(LISTEN_PID="1", LISTEN_FDS="2",
                           LISTEN_FDNAMES="latchkey:verify",
                           NOTIFY_SOCKET="vsock:2:1")
    pool.daemon.start(lambda: serves(pool.socket))


# ---- the units --------------------------------------------------------------

def test_units(tmp_path: Path):
    """systemd finds no fault in them, with the program where it is."""
    for unit in UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace(
            "/usr/local/sbin/latchkey-fcgi", str(FCGI)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *tmp_path.iterdir()],
        text=True, capture_output=True, timeout=60)
    assert "latchkey" not in done.stdout + done.stderr
    assert done.returncode == 0, done


def test_units_and_settings_agree(deploy: Callable[..., Pool]):
    """The settings that the service unit gives, with the sockets' names."""
    service = (UNITS / "latchkey.service").read_text()
    settings = dict(re.findall(r'^#\t(\w+) = "(.*)"$', service, re.M))
    names = {re.search(r"^FileDescriptorName=(.*)$", unit.read_text(), re.M)[1]
             for unit in UNITS.glob("*.socket")}
    assert {settings["listen"], settings["verify_listen"]} == {
        f"systemd:{name}" for name in names}
    assert settings["user"] == re.search(r"^User=(.*)$", service, re.M)[1]
