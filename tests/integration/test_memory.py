"""The pool under valgrind, over 10,000 requests of every kind."""

import itertools
import signal
from collections.abc import Callable, Iterator

import pytest

from api import Api
from daemon import Daemon
from pool import PASSWORD, Deploy
from waiting import until

REQUESTS = 10_000


def mixed(api: Api) -> Iterator[Callable[[], object]]:
    """Requests without end: mostly what workers see most, some of all."""
    cheap = [
        lambda: api.get("/health"),
        lambda: api.get("/verify"),
        lambda: api.get("/verify", "a.b.c"),
        lambda: api.get("/nothing"),
        lambda: api.get("/login"),
        lambda: api.post("/login", body=b"{"),
        lambda: api.post("/login", {"login": 1}),
        lambda: api.post("/signup", {"login": "weak", "password": "weak"}),
        lambda: api.post("/login", body=b"x" * 20000),
        lambda: api.refresh("lkr1_" + "A" * 96),
        lambda: api.get("/.well-known/jwks.json"),
    ]
    for number in itertools.count():
        login = f"person{number}"
        yield lambda: api.signup(login, PASSWORD)
        yield lambda: api.signup(login, PASSWORD)
        yield lambda: api.login(login, "not the pass phrase")
        tokens = [api.login(login, PASSWORD).json for _ in range(6)]
        token = tokens[-1]
        for _ in range(3):
            access = token["access_token"]
            yield from [lambda: api.get("/verify", access)] * 5
            yield lambda: api.get("/verify/admin", access)
            yield lambda: api.get("/account", access)
            yield lambda: api.get("/sessions", access)
            yield lambda: api.post("/renew", token=access)
            yield from cheap * 4
            yield lambda: api.refresh(token["refresh_token"])
            token = api.refresh(token["refresh_token"]).json
        yield lambda: api.refresh(tokens[-1]["refresh_token"])   # theft
        yield lambda: api.call("DELETE", "/sessions/" + "A" * 22,
                               token=tokens[-2]["access_token"])
        yield lambda: api.post(
            "/logout", {"refresh_token": tokens[-3]["refresh_token"]})
        yield lambda: api.post("/logout-all", token=tokens[-2]["access_token"])


@pytest.mark.slow
@pytest.mark.unsanitized
def test_no_leak_and_no_error(deploy: Deploy) -> None:
    pool = deploy(start=False, workers=1, verify_listen="",
                  worker_requests=0, request_timeout=60)
    reports = pool.directory / "valgrind"
    reports.mkdir()
    pool.daemon = Daemon(
        ["valgrind", "--leak-check=full", "--show-leak-kinds=definite",
         "--errors-for-leak-kinds=definite", "--error-exitcode=99",
         "--child-silent-after-fork=no", f"--log-file={reports}/%p",
         *pool.daemon.argv], pool.daemon.log, pool.env)
    pool.web.start()
    pool.daemon.spawn()
    until(pool.serves, "the pool is ready", 120)
    (worker,), housekeeper = pool.workers(), pool.housekeeper()
    for request in itertools.islice(mixed(pool.api), REQUESTS):
        request()
    assert pool.workers() == [worker], "one worker did it all"
    assert pool.daemon.stop(signal.SIGTERM) == 0, pool.daemon.tail()
    for pid in (worker, housekeeper):
        report = (reports / str(pid)).read_text()
        assert "ERROR SUMMARY: 0 errors" in report, report
        assert "definitely lost: 0 bytes" in report or (
            "no leaks are possible" in report), report
