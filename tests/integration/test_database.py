"""MariaDB away and back again; and what must never reach it."""

import os
import signal

import pymysql
import pytest

from api import Api
from daemon import children, halted
from encoding import PREFIX, RefreshToken, encode
from mariadb import MariaDB
from pool import PASSWORD, Deploy, Pool
from waiting import until


@pytest.fixture
def pool(deploy: Deploy, own_server: MariaDB) -> Pool:
    return deploy(server=own_server)


def needing_database(api: Api, token: dict) -> dict[str, int]:
    """The status of each call that cannot do without MariaDB."""
    access = token["access_token"]
    answers = {
        "signup": api.signup("late", PASSWORD),
        "login": api.login("late", PASSWORD),
        "refresh": api.refresh(token["refresh_token"]),
        "renew": api.post("/renew", token=access),
        "logout": api.post("/logout", token=access),
        "logout by refresh token": api.post(
            "/logout", {"refresh_token": token["refresh_token"]}),
        "logout-all": api.post("/logout-all", token=access),
        "sessions": api.get("/sessions", access),
        "delete session": api.call(
            "DELETE", "/sessions/" + token["session_id"], token=access),
        "account": api.get("/account", access),
        "ready": api.get("/ready"),
    }
    for name, answer in answers.items():
        if answer.status == 503:
            assert answer.code == "unavailable", (name, answer)
    return {name: answer.status for name, answer in answers.items()}


def verifies_without_it(api: Api, token: dict) -> None:
    """From the index, in which the end of this session does not stand."""
    assert api.verify(token["access_token"]) == 204
    assert api.get("/verify/admin", token["access_token"]).status == 403


def check_bad_input_gets_its_code(api: Api) -> None:
    assert api.post("/login", body=b"{").code == "invalid_json"
    assert api.post("/login", {}).code == "invalid_request"
    assert api.get("/account").status == 401
    assert api.get("/nothing").status == 404
    assert api.get("/health").status == 200


def test_stopped_and_started_again(pool: Pool, own_server: MariaDB) -> None:
    """I6."""
    api, user = pool.api, pool.user()
    token = user.sign_in()
    processes = children(pool.daemon.process.pid)
    own_server.stop()
    statuses = needing_database(api, token)
    assert set(statuses.values()) == {503}, statuses
    verifies_without_it(api, token)
    check_bad_input_gets_its_code(api)
    own_server.start()
    until(api.ready, "well by itself")
    assert api.verify(token["access_token"]) == 204
    answer = api.refresh(token["refresh_token"])
    assert answer.status == 200, answer
    user.sign_in()
    assert children(pool.daemon.process.pid) == processes, "the same"


def test_killed(pool: Pool, own_server: MariaDB) -> None:
    """I5: an acknowledged ending survives the end of MariaDB."""
    api, user = pool.api, pool.user()
    ended, living = user.sign_in(), user.sign_in()
    assert api.post("/logout", token=ended["access_token"]).status == 204
    own_server.daemon.send(signal.SIGKILL)
    own_server.daemon.wait()
    own_server.start()
    until(api.ready, "well by itself")
    assert pool.dead(ended["access_token"])
    assert api.verify(living["access_token"]) == 204


def test_hanging(pool: Pool, own_server: MariaDB) -> None:
    """Every wait for MariaDB is bounded, and checks wait for nothing."""
    token = pool.user().sign_in()
    own_server.daemon.freeze()
    try:
        verifies_without_it(pool.api, token)
        assert pool.api.get("/account", token["access_token"]).status == 503
        verifies_without_it(pool.api, token)
        assert pool.api.get("/health").status == 200
    finally:
        own_server.daemon.send(signal.SIGCONT)
    until(pool.api.ready, "well by itself")
    assert pool.api.verify(token["access_token"]) == 204


def test_pool_starts_without_it(deploy: Deploy, own_server: MariaDB) -> None:
    pool = deploy(server=own_server, start=False)
    own_server.stop()
    pool.web.start()
    pool.daemon.spawn()
    until(lambda: pool.api.raw("GET", "/auth/health").status == 200,
          "the pool answers")
    assert pool.api.get("/ready").status == 503
    assert pool.api.login("alice", PASSWORD).status == 503
    check_bad_input_gets_its_code(pool.api)
    own_server.start()
    until(pool.api.ready, "well by itself")
    pool.user().sign_in()


@pytest.mark.parametrize("table", ["user", "session", "deployment"])
def test_table_away(deploy: Deploy, table: str) -> None:
    """A dump is being restored: tables are dropped and made again.  Nobody is
    signed out by it."""
    pool = deploy()
    user = pool.user()
    token = user.sign_in()
    pool.database.sql(f"RENAME TABLE {table} TO away")
    for answer in (
            pool.api.get("/account", token["access_token"]),
            pool.api.login(user.login, PASSWORD),
            pool.api.refresh(token["refresh_token"])):
        assert answer.status in (200, 503), answer
    pool.database.sql(f"RENAME TABLE away TO {table}")
    until(pool.api.ready, "well again")
    assert pool.alive_everywhere(token["access_token"])
    assert pool.api.refresh(token["refresh_token"]).status == 200


def test_connection_killed_by_an_administrator(pool: Pool,
                                               own_server: MariaDB) -> None:
    user = pool.user()
    token = user.sign_in()
    for row in pool.database.sql("SHOW PROCESSLIST"):
        if row["User"] == pool.database.name:
            pool.database.sql(f"KILL {row['Id']}")
    answer = pool.api.refresh(token["refresh_token"])
    if answer.status == 503:
        answer = pool.api.refresh(token["refresh_token"])
    assert answer.status == 200, answer


class Meter:
    """The server's own counters, read on one connection."""

    def __init__(self, connection: pymysql.Connection):
        self.connection = connection

    def read(self) -> dict[str, int]:
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions',"
                " 'Connections', 'Com_stmt_execute', 'Com_stmt_prepare',"
                " 'Queries')")
            return {row["Variable_name"]: int(row["Value"])
                    for row in cursor.fetchall()}


def forged(good: str) -> list[str]:
    token = RefreshToken.read(good)
    token.mac = os.urandom(32)
    other = RefreshToken(token.key_id, os.urandom(16), 1, os.urandom(16),
                         os.urandom(32))
    unknown_key = RefreshToken.read(good)
    unknown_key.key_id += 1
    return [token.text(), other.text(), unknown_key.text(), good[:-1],
            PREFIX, "", "x" * 101, PREFIX + encode(os.urandom(72))]


def test_what_is_forged_or_garbage_never_reaches_it(deploy: Deploy,
                                                    own_server: MariaDB
                                                    ) -> None:
    pool = deploy(server=own_server, workers=1)
    api, token = pool.api, pool.user().sign_in()
    altered = token["access_token"][:-4] + "AAAA"
    with (halted(pool.housekeeper(), *pool.processes("lk-purger")),
          pool.database.connect() as connection):
        meter = Meter(connection)
        before = meter.read()
        for refresh_token in forged(token["refresh_token"]):
            assert api.refresh(refresh_token).status == 401
            assert api.post("/logout", {"refresh_token": refresh_token}
                            ).status in (400, 401)
        for path in ("/signup", "/login", "/refresh", "/logout"):
            assert api.post(path, body=b"\xff{]").status == 400
            assert api.post(path, {"x": 1}).status == 400
            assert api.post(path, body=b"x" * 20000).status == 413
        for access_token in (None, "x", altered, token["refresh_token"]):
            for method, path in (("GET", "/verify"), ("GET", "/account"),
                                 ("GET", "/sessions"), ("POST", "/renew"),
                                 ("POST", "/logout-all")):
                assert api.call(method, path,
                                token=access_token).status == 401
        assert api.signup("weak", "weak").status == 422
        assert api.get("/nothing").status == 404
        assert api.get("/login").status == 405
        assert api.get("/health").status == 200
        after = meter.read()
        # The meter itself asked once; the same client, when it means it:
        assert {name: after[name] - before[name] for name in before} == {
            "Questions": 1, "Queries": 1, "Connections": 0,
            "Com_stmt_execute": 0, "Com_stmt_prepare": 0}
        assert api.refresh(token["refresh_token"]).status == 200
        assert meter.read()["Com_stmt_execute"] > after["Com_stmt_execute"]


def test_a_refresh_is_one_read_and_one_write(deploy: Deploy,
                                             own_server: MariaDB) -> None:
    pool = deploy(server=own_server, workers=1)
    token = pool.user().sign_in()
    token = pool.api.refresh(token["refresh_token"]).json
    with (halted(pool.housekeeper(), *pool.processes("lk-purger")),
          pool.database.connect() as connection):
        meter = Meter(connection)
        before = meter.read()
        assert pool.api.refresh(token["refresh_token"]).status == 200
        after = meter.read()
    assert after["Com_stmt_execute"] - before["Com_stmt_execute"] == 2
    assert after["Com_stmt_prepare"] == before["Com_stmt_prepare"]
