"""What the log says, and what it never says (ASVS 16)."""

import re

import fcgi
from encoding import decode
from pool import PASSWORD, Deploy

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
    """In the audit and in the log; of what was typed for a login that there is
    not, in neither: now and then that is a password."""
    pool = deploy(session_limit=3, session_limit_policy="deny")
    user, suspended = pool.user(), pool.user()
    pool.suspend(suspended)
    tokens = [user.sign_in() for _ in range(3)]
    password = {"current_password": "not the pass phrase",
                "new_password": "quite another phrase"}
    for login, status in ((user.login, 401), ("typed-by-mistake", 401),
                          ("no\x07login", 401), (suspended.login, 401)):
        assert pool.api.login(login, "not the pass phrase").status == status
    assert pool.api.login(suspended.login, PASSWORD).status == 403
    assert pool.api.login(user.login, PASSWORD).status == 409
    pool.ctl("user", "roles", user.login, "editor")
    pool.api.post("/logout", {"refresh_token": tokens[0]["refresh_token"]})
    token = pool.api.refresh(tokens[1]["refresh_token"]).json["access_token"]
    pool.api.post("/password", password, token=token)
    pool.api.call("DELETE", "/account", {"password": "x"}, token=token)
    password["current_password"] = PASSWORD
    token = pool.api.post("/password", password, token=token
                          ).json["access_token"]
    pool.api.call("DELETE", "/account",
                  {"password": password["new_password"]}, token=token)
    rows = pool.database.sql("SELECT * FROM audit "
                             "WHERE event NOT LIKE 'key_%%' "
                             "ORDER BY audit_id")
    own, other = decode(user.user_id), decode(suspended.user_id)
    assert [(row["event"], row["user_id"], row["detail"].decode())
            for row in rows] == [
        ("signup", own, ""), ("signup", other, ""), *3 * [("login", own, "")],
        ("login_failed", own, "wrong password"),
        ("login_failed", None, "unknown login"),
        ("login_failed", None, "unknown login"),
        ("login_failed", other, "wrong password"),
        ("login_failed", other, "suspended"),
        ("login_failed", own, "session limit"),
        ("roles_changed", own, "editor"), ("logout", own, ""),
        ("password_refused", own, ""), ("password_refused", own, "deletion"),
        ("password_changed", own, ""), ("login", own, ""),
        ("user_deleted", own, "")]
    log = pool.log()
    assert "typed-by-mistake" not in log
    for row in rows:
        if row["event"] == "roles_changed":
            assert row["ip"] == b""
            continue
        assert row["ip"] == b"127.0.0.1"
        assert f"event={row['event']} " in log
