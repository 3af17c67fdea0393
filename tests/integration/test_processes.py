"""Master and workers: deadlines, supervision, reload, stop, sockets.  The pool
is spoken to in raw FastCGI, since web servers hide just what is tested here."""

import json
import os
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path

import pytest

import fcgi
from bare import HEALTH, all_served, load, reload, serves
from daemon import (
    Daemon, accepts, children, free_port, name_of, running)
from fcgi import Connection, head, record, variables
from pool import FCGI, PASSWORD, Pool
from waiting import until
from webserver import Apache, Lighttpd, Nginx, WebServer

EX_CONFIG = 78

Start = Callable[..., Pool]


@pytest.fixture
def start(deploy) -> Start:
    """Makes a pool without a web server and waits until it serves."""
    def start_pool(**settings) -> Pool:
        pool = deploy(start=False, **settings)
        pool.daemon.start(lambda: pool.complete() and serves(pool.socket))
        return pool
    return start_pool


def account(login: str) -> bytes:
    return json.dumps({"login": login, "password": PASSWORD}).encode()


def signup_head(body: bytes, missing: int = 0) -> bytes:
    """A signup that announces so many bytes more than body has."""
    return head(variables("POST", "/auth/signup", len(body) + missing))


def pid_of(pool: Pool) -> int:
    return pool.daemon.process.pid


# ---- no peer holds a worker -------------------------------------------------

class TestDeadlines:
    @pytest.fixture
    def pool(self, start: Start) -> Pool:
        return start(workers=1, request_timeout=1)

    def ends(self, pool: Pool, *pieces: bytes) -> None:
        """What is sent is dropped in time, and the one worker serves on."""
        with Connection(pool.socket) as connection:
            for piece in pieces:
                connection.send(piece)
            assert connection.ended()
        assert serves(pool.socket)

    def test_idle_connection(self, pool: Pool):
        self.ends(pool)

    def test_half_a_header(self, pool: Pool):
        self.ends(pool, fcgi.begin()[:5])

    def test_half_sent_params(self, pool: Pool):
        params = fcgi.pairs(variables(*HEALTH))
        self.ends(pool, fcgi.begin(), record(fcgi.PARAMS, params))
        self.ends(pool, fcgi.begin(), record(fcgi.PARAMS, params)[:40])

    def test_trickled_params(self, pool: Pool):
        """A limit that counts each read alone would never be reached."""
        with Connection(pool.socket) as connection:
            connection.send(fcgi.begin())
            connection.trickle(repeat(record(fcgi.PARAMS, b"\1\0x")))
            assert connection.ended()
        assert serves(pool.socket)

    def test_half_sent_body(self, pool: Pool):
        body = account("half")
        with Connection(pool.socket) as connection:
            connection.send(signup_head(body))
            connection.send(record(fcgi.STDIN, body)[:20])
            answer = connection.answer()
        assert (answer.status, answer.code) == (408, "body_timeout")
        assert serves(pool.socket)

    def test_trickled_body(self, pool: Pool):
        body = b" " * 10000
        with Connection(pool.socket) as connection:
            connection.send(signup_head(body))
            connection.trickle(record(fcgi.STDIN, b" ") for _ in body)
            answer = connection.answer()
        assert (answer.status, answer.code) == (408, "body_timeout")
        assert serves(pool.socket)

    def test_peer_that_never_closes(self, pool: Pool):
        """Its answer comes, and so does the next client's."""
        with Connection(pool.socket) as connection:
            connection.send(head(variables(*HEALTH)) + record(fcgi.STDIN))
            assert connection.answer().status == 200
            assert serves(pool.socket)
            assert connection.ended()

    def test_peer_that_sends_for_ever_after_the_answer(self, pool: Pool):
        with Connection(pool.socket) as connection:
            connection.send(head(variables(*HEALTH)))
            with pytest.raises(OSError):
                while True:
                    connection.send(record(fcgi.STDIN, bytes(1000)))
        assert serves(pool.socket)


def test_kept_connections_starve_nobody(start: Start):
    pool = start(workers=2)
    request = (head(variables(*HEALTH), flags=fcgi.KEEP)
               + record(fcgi.STDIN))
    kept = [Connection(pool.socket) for _ in range(8)]
    for connection in kept:
        connection.send(request)
    for connection in kept:
        assert connection.answer().status == 200
    assert serves(pool.socket)
    for connection in kept:
        assert connection.ended()
        connection.close()


# ---- requests that are not what they seem -----------------------------------

@pytest.fixture(scope="module")
def usual(deploy_module) -> Pool:
    pool = deploy_module(start=False, workers=2)
    pool.daemon.start(lambda: serves(pool.socket))
    return pool


def test_short_body_changes_nothing(usual: Pool):
    body = account("short")
    for end in (record(fcgi.STDIN), record(fcgi.ABORT), b""):
        with Connection(usual.socket) as connection:
            connection.send(signup_head(body, missing=2)
                            + record(fcgi.STDIN, body) + end)
            connection.socket.shutdown(socket.SHUT_WR)
            answer = connection.answer()
        assert answer is None or answer.status >= 400
    assert usual.database.one(
        "SELECT COUNT(*) FROM user WHERE login = 'short'") == 0


def test_params_cut_short_are_no_request(usual: Pool):
    """Also where the cut falls between two of them."""
    params = fcgi.pairs(variables(*HEALTH))
    for part in (params, params[:40]):
        with Connection(usual.socket) as connection:
            connection.send(fcgi.begin() + record(fcgi.PARAMS, part))
            connection.socket.shutdown(socket.SHUT_WR)
            assert connection.ended()


def test_unread_body(usual: Pool):
    """Far more than socket buffers hold: the answer comes all the same."""
    pieces = 64
    with Connection(usual.socket) as connection:
        connection.send(head(variables("POST", "/auth/signup", pieces << 15)))
        for _ in range(pieces):
            connection.send(record(fcgi.STDIN, bytes(1 << 15)))
        connection.send(record(fcgi.STDIN))
        answer = connection.answer()
    assert (answer.status, answer.code) == (413, "body_too_large")


@pytest.mark.parametrize("web", [Lighttpd, Nginx, Apache])
def test_unread_body_through_a_web_server(deploy, web: type[WebServer]):
    """The answer is the pool's, not an error page about a broken pipe."""
    pool = deploy(web, socket_mode="0666")
    body = b" " * 1_000_000
    for method, path, status, code in 5 * (
            ("POST", "/signup", 413, "body_too_large"),
            ("POST", "/verify", 401, "invalid_token"),
            ("POST", "/nowhere", 404, "not_found"),
            ("DELETE", "/signup", 405, "method_not_allowed")):
        answer = pool.api.raw(method, "/auth" + path, body,
                              {"Content-Type": "application/json"})
        assert (answer.status, answer.code) == (status, code), path


@pytest.mark.parametrize("role", [fcgi.AUTHORIZER, fcgi.FILTER])
def test_other_roles_get_no_leave(usual: Pool, role: int):
    with Connection(usual.socket) as connection:
        connection.send(head(variables(*HEALTH), role=role)
                        + record(fcgi.STDIN))
        assert connection.answer().status == 403


def test_unknown_role_is_dropped(usual: Pool):
    with Connection(usual.socket) as connection:
        connection.send(head(variables(*HEALTH), role=9) + record(fcgi.STDIN))
        assert connection.ended()
    assert serves(usual.socket)


def test_garbage_is_dropped(usual: Pool):
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", bytes(100), b"\xff" * 100,
                    fcgi.begin() + record(fcgi.PARAMS, b"\xff" * 9)):
        with Connection(usual.socket) as connection:
            connection.send(garbage)
            assert connection.ended()
    assert serves(usual.socket)


# ---- deaths -----------------------------------------------------------------

def test_killed_worker_is_replaced(start: Start):
    pool = start(workers=2)
    (victim, other) = pool.workers()
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(pool.workers()) == 2 and victim not in pool.workers(),
          "another worker")
    assert other in pool.workers()
    assert serves(pool.socket)
    assert f"process {victim} was killed by signal 9" in pool.log()


def test_crash_loop_is_slowed_down(start: Start):
    """Each worker dies as soon as it is there; the pauses get longer, and
    the pool is well again by itself."""
    pool = start(workers=1)
    for _ in range(4):
        (worker,) = until(pool.workers, "a worker")
        os.kill(worker, signal.SIGKILL)
        until(lambda: worker not in pool.workers(), "its end")
    until(lambda: serves(pool.socket), "a worker that lives")
    assert pool.log().count("killed by signal 9") == 4


def test_killed_master_takes_the_others_along(start: Start):
    pool = start(workers=2)
    processes = children(pid_of(pool))
    assert len(processes) == 2 + 1 + 2
    pool.daemon.send(signal.SIGKILL)
    assert pool.daemon.wait() == -signal.SIGKILL
    until(lambda: not any(running(pid) for pid in processes), "none is left")
    pool.daemon.start(lambda: serves(pool.socket))


def test_recycling_loses_no_request(start: Start):
    pool = start(workers=2, worker_requests=5)
    first = set(pool.workers())
    with load(pool, clients=8) as got:
        until(lambda: len(got) > 500, "500 answers")
    assert all_served(got)
    assert not first & set(pool.workers())
    assert "killed" not in pool.log()


def shift_schema(pool: Pool, versions: int) -> None:
    """Makes the schema look newer than the program, or as it was."""
    pool.database.sql("UPDATE schema_version SET version = version + %s"
                      " ORDER BY version DESC LIMIT 1", versions)


def stops_for_the_schema(pool: Pool) -> None:
    assert pool.daemon.wait() == EX_CONFIG
    assert "install the newer Latchkey" in pool.log()
    assert not pool.socket.exists()
    shift_schema(pool, -1)
    pool.daemon.start(lambda: serves(pool.socket))


def test_wrong_schema_stops_the_pool(deploy):
    pool = deploy(start=False)
    shift_schema(pool, 1)
    pool.daemon.spawn()
    stops_for_the_schema(pool)


def test_wrong_schema_found_later_stops_the_pool(deploy, own_server):
    """MariaDB was away at the start, so the pool served without it."""
    pool = deploy(start=False, server=own_server)
    own_server.stop()
    pool.daemon.start(lambda: serves(pool.socket))
    own_server.start()
    shift_schema(pool, 1)
    with suppress(OSError):  # it has stopped already
        answer = fcgi.call(pool.socket, "POST", "/auth/signup",
                           account("early"))
        assert answer is None or answer.status >= 500
    stops_for_the_schema(pool)


# ---- stop and reload --------------------------------------------------------

def test_stop_waits_for_the_request_in_flight(start: Start):
    pool = start(workers=2)
    body = account("late")
    data = record(fcgi.STDIN, body) + record(fcgi.STDIN)
    with Connection(pool.socket) as connection:
        connection.send(signup_head(body) + data[:20])
        in_flight(connection)
        pool.daemon.send(signal.SIGTERM)
        until(lambda: not pool.socket.exists(), "no new connections")
        connection.send(data[20:])
        assert connection.answer().status == 201
    assert pool.daemon.wait() == 0


def in_flight(connection: Connection) -> None:
    """Waits until a worker has taken all that was sent."""
    until(connection.all_taken, "a worker has the request")


def test_stop_does_not_wait_for_ever(start: Start):
    pool = start(workers=2, drain_timeout=1, request_timeout=300)
    with Connection(pool.socket) as connection:
        connection.send(signup_head(account("never")))
        in_flight(connection)
        pool.daemon.send(signal.SIGTERM)
        assert pool.daemon.wait() == 0
        assert connection.ended()
    assert "does not finish and is killed" in pool.log()


def test_terminal_stops_it_as_well(start: Start):
    """Ctrl-C reaches all processes; only the master heeds it."""
    pool = start(workers=2)
    for worker in pool.workers():
        os.kill(worker, signal.SIGINT)
        os.kill(worker, signal.SIGHUP)
    assert serves(pool.socket)
    pool.daemon.send(signal.SIGINT)
    assert pool.daemon.wait() == 0
    assert "killed" not in pool.log()


def test_reload_loses_no_request(start: Start):
    pool = start(workers=2)
    with load(pool, clients=8) as got:
        for workers in (3, 2, 4):
            reload(pool, workers=workers)
            seen = len(got)
            until(lambda: len(got) > seen + 100, "100 answers more")
    assert all_served(got)
    assert "killed" not in pool.log()


def test_reload_does_not_cut_a_request(start: Start):
    pool = start(workers=1)
    (old,) = pool.workers()
    body = account("reload")
    data = record(fcgi.STDIN, body) + record(fcgi.STDIN)
    with Connection(pool.socket) as connection:
        connection.send(signup_head(body) + data[:20])
        in_flight(connection)
        pool.daemon.send(signal.SIGHUP)
        until(lambda: len(pool.workers()) == 2, "old and new")
        assert serves(pool.socket)
        connection.send(data[20:])
        assert connection.answer().status == 201
    until(lambda: old not in pool.workers(), "the old one's end")


@pytest.mark.parametrize("changes, reason", [
    ({"workers": "many"}, "workers"),
    ({"listen": "/tmp/elsewhere.sock", "workers": 1}, "listen"),
])
def test_bad_reload_keeps_the_old_settings(start: Start, changes, reason):
    """As a whole: nothing of a refused file comes into force."""
    pool = start(workers=2)
    before = pool.workers()
    pool.write_config(**changes)
    pool.daemon.send(signal.SIGHUP)
    until(lambda: "the old settings stay in force" in pool.log(), "a refusal")
    assert reason in pool.log().partition("the old settings stay")[2]
    assert pool.workers() == before
    assert serves(pool.socket)


# ---- sockets ----------------------------------------------------------------

def test_socket_mode(start: Start):
    pool = start()
    assert stat.S_IMODE(pool.socket.stat().st_mode) == 0o660
    assert pool.daemon.stop() == 0
    assert not pool.socket.exists()


def test_dead_socket_is_replaced(deploy):
    pool = deploy(start=False)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(pool.socket))
        dead.listen()
    assert pool.socket.is_socket()
    pool.daemon.start(lambda: serves(pool.socket))


def test_live_socket_is_left_alone(start: Start):
    pool = start()
    second = run(pool)
    assert second.returncode != 0
    assert "another process listens" in second.stderr
    assert serves(pool.socket)


def test_file_in_the_way_is_left_alone(deploy):
    pool = deploy(start=False)
    pool.socket.write_text("precious")
    refused = run(pool)
    assert refused.returncode != 0
    assert "is no socket" in refused.stderr
    assert pool.socket.read_text() == "precious"


def test_another_socket_is_not_removed(start: Start):
    """Whoever replaced our socket keeps theirs when we stop."""
    pool = start()
    pool.socket.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(pool.socket))
        assert pool.daemon.stop() == 0
        assert pool.socket.is_socket()
    pool.socket.unlink()


def run(pool: Pool, *argv: str) -> subprocess.CompletedProcess:
    """Runs the program to its end, which must be near."""
    return subprocess.run([FCGI, "--config", pool.config, *argv], text=True,
                          capture_output=True, timeout=60,
                          env={**os.environ, **pool.env})


def test_tcp_on_loopback(deploy):
    port = free_port()
    pool = deploy(start=False, listen=f"tcp:127.0.0.1:{port}")
    pool.daemon.start(lambda: serves(("127.0.0.1", port)))


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "[::]",
                                     "[::ffff:127.0.0.1]"])
def test_tcp_elsewhere_is_refused(deploy, address: str):
    pool = deploy(start=False)
    refused = run(pool, "--listen", f"tcp:{address}:{free_port()}")
    assert refused.returncode == EX_CONFIG
    assert "loopback" in refused.stderr


@pytest.mark.parametrize("listen, reason", [
    ("/tmp/" + "x" * 103, "107"),
    ("tcp:127.0.0.1", "ADDRESS:PORT"),
    ("tcp:127.0.0.1:0", "ADDRESS:PORT"),
    ("tcp:localhost:9000", "ADDRESS:PORT"),
    ("fd:stdin", "descriptor"),
    ("fd:0", "no listening stream socket"),
    ("fd:77", "no listening stream socket"),
    ("systemd:latchkey", "LISTEN_PID and LISTEN_FDS are not set"),
])
def test_useless_listen_is_refused(deploy, listen: str, reason: str):
    pool = deploy(start=False)
    refused = run(pool, "--listen", listen)
    assert refused.returncode == EX_CONFIG
    assert reason in refused.stderr


def test_spawn_fcgi(deploy, sockets: Path):
    pool = deploy(start=False, listen="fd:0", verify_listen="")
    spawner = Daemon(["spawn-fcgi", "-n", "-s", pool.socket, "--",
                      FCGI, "--config", pool.config],
                     pool.directory / "spawn-fcgi.log", pool.env)
    try:
        spawner.start(lambda: serves(pool.socket))
        until(lambda: sorted(map(name_of, children(spawner.process.pid)))
              == ["lk-housekeeper", "lk-purger", "lk-worker", "lk-worker"],
              "one pool")
    finally:
        status = spawner.stop()
    assert status == 0


def test_lighttpd_bin_path(deploy):
    pool = deploy(start=False, listen="fd:0", verify_listen="")
    port = free_port()
    config = pool.directory / "bin-path.conf"
    config.write_text(f"""
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{pool.directory}"
server.modules = ("mod_fastcgi")
fastcgi.server = ("/auth" => ((
    "socket" => "{pool.socket}",
    "bin-path" => "{FCGI} --config {pool.config}",
    "max-procs" => 1,
    "check-local" => "disable")))
""")
    lighttpd = Daemon(["lighttpd", "-D", "-f", config],
                      pool.directory / "bin-path.log", pool.env)
    pool.api.port = port
    try:
        lighttpd.start(lambda: accepts(port))
        (master,) = until(lambda: children(lighttpd.process.pid), "the pool")
        until(lambda: pool.api.get("/health").status == 200, "health")
    finally:
        lighttpd.stop()
    until(lambda: not running(master), "the pool has stopped as well")
