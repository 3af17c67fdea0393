"""What the log says, and what it never says (ASVS 16)."""

import re

import fcgi
from pool import Deploy

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
                  r"(error|warn|info|debug) [a-z]+\[\d+\] .*")


def test_no_secret_and_no_forged_line(deploy: Deploy) -> None:
    pool = deploy(log_level="debug")
    password = "Seldom-Seen-Words-17"
    user = pool.user(password=password)
    token = user.sign_in(device="a device")
    second = pool.api.refresh(token["refresh_token"]).json
    pool.clock.advance(100)
    pool.api.refresh(token["refresh_token"])
    pool.api.login(user.login, password + "wrong")
    pool.api.login(password, password)
    pool.api.signup("x\n2026-01-01T00:00:00.000Z info worker[1] forged",
                    password)
    pool.api.post("/login", body=password.encode())
    fcgi.call(pool.socket, "GET",
              "/auth/nothing?access_token=" + second["access_token"],
              HTTP_AUTHORIZATION=f"Bearer {second['access_token']}x",
              HTTP_USER_AGENT="x\n2026-01-01T00:00:00.000Z forged \x1b[31m")
    fcgi.call(pool.socket, "GET\n2026-01-01T00:00:00.000Z forged",
              "/auth/\n2026-01-01T00:00:00.000Z forged \x1b[31m")
    log = pool.log()
    for secret in (password, token["access_token"], token["refresh_token"],
                   second["access_token"], "lkr1_", "$argon2", "eyJ"):
        assert secret not in log
    assert "\x1b" not in log
    for line in log.splitlines():
        assert LINE.fullmatch(line), line
        assert not line.startswith("2026-01-01T00:00:00")


def test_answers_can_be_found_in_the_log_by_request_id(deploy: Deploy
                                                       ) -> None:
    pool = deploy()
    user = pool.user()
    pool.suspend(user)
    answer = pool.api.login(user.login, user.password)
    assert answer.headers["X-Request-Id"] in pool.log()


def test_every_authentication_event_is_on_record(deploy: Deploy) -> None:
    """In the audit what took place, in the log what was tried, too."""
    pool = deploy()
    user = pool.user()
    token = user.sign_in()
    pool.api.login(user.login, "not the pass phrase")
    pool.ctl("user", "roles", user.login, "editor")
    pool.api.post("/logout", {"refresh_token": token["refresh_token"]})
    rows = pool.database.sql("SELECT event, ip FROM audit "
                             "WHERE event NOT LIKE 'key_%%' "
                             "ORDER BY audit_id")
    events = [row["event"] for row in rows]
    assert {row["ip"] for row in rows} == {b"127.0.0.1", b""}
    assert events == ["signup", "login", "roles_changed", "logout"]
    log = pool.log()
    for event in ("signup", "login", "login_failed", "logout"):
        assert f"event={event} " in log
