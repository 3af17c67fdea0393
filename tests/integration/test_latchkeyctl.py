"""`latchkeyctl`: what it does, what it says, its exit statuses."""

import stat

import pytest

from pool import PASSWORD, Deploy, Pool
from waiting import until

REFUSED, USAGE = 1, 2


def test_user_add(pool: Pool) -> None:
    pool.ctl("user", "add", "Root-User", "--role", "admin", "--role",
             "editor", stdin=PASSWORD + "\nsecond line\n")
    answer = pool.api.login("root-user", PASSWORD)
    assert answer.status == 200, answer
    assert pool.api.get("/verify/admin",
                        answer.json["access_token"]).status == 204
    shown = pool.ctl_json("user", "show", "ROOT-user")
    assert shown["login"] == "root-user"
    assert sorted(shown["roles"]) == ["admin", "editor"]
    assert shown["user_id"] == answer.json["user_id"]
    assert "root-user" in pool.ctl("user", "list").stdout
    assert "root-user" in pool.ctl("--json", "user", "list").stdout


@pytest.mark.parametrize("argv, stdin", [
    (["user", "add", "weakling"], "short\n"),
    (["user", "add", "a\nb"], PASSWORD),
    (["user", "show", "nobody-here"], ""),
    (["user", "roles", "nobody-here", "admin"], ""),
])
def test_refused(pool: Pool, argv: list[str], stdin: str) -> None:
    done = pool.ctl(*argv, stdin=stdin, status=REFUSED)
    assert done.stderr.strip(), "it says why"


def test_login_taken(pool: Pool) -> None:
    user = pool.user()
    pool.ctl("user", "add", user.login.upper(), stdin=PASSWORD,
             status=REFUSED)


@pytest.mark.parametrize("argv", [
    [], ["nonsense"], ["user"], ["user", "nonsense"], ["user", "add"],
    ["user", "show"], ["keys"], ["--nonsense"], ["migrate", "too", "many"],
    ["user", "add", "norole", "--role", "No Role"],
    ["user", "roles", "norole", "No Role"]])
def test_usage(pool: Pool, argv: list[str]) -> None:
    done = pool.ctl(*argv, status=USAGE)
    assert done.stderr.strip()


def test_no_password(pool: Pool) -> None:
    pool.ctl("user", "add", "empty", stdin="", status=USAGE)
    pool.ctl("user", "show", "empty", status=REFUSED)


def test_roles_kill_the_tokens_made_from_the_old_ones(pool: Pool) -> None:
    user = pool.user("editor")
    token = user.sign_in()
    pool.ctl("user", "roles", user.login, "")
    until(lambda: pool.dead(token["access_token"]), "the feed brings it")
    fresh = pool.api.refresh(token["refresh_token"])
    assert fresh.status == 200, "the session lives on"
    assert pool.api.get("/verify/editor",
                        fresh.json["access_token"]).status == 403


# As many as a user may have: each takes three bytes more than its name, and
# all together 800.
MOST_ROLES = [f"{n:032}" for n in range(22)] + ["a" * 27]


def test_most_roles(pool: Pool) -> None:
    user = pool.user("editor")
    pool.ctl("user", "add", "full-house", *flags("--role", MOST_ROLES),
             stdin=PASSWORD)
    pool.ctl("user", "roles", user.login, ",".join(MOST_ROLES))
    for login in ("full-house", user.login):
        assert sorted(pool.ctl_json("user", "show", login)["roles"]) == sorted(
            MOST_ROLES)
        assert pool.api.login(login, PASSWORD).status == 200


def flags(flag: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


@pytest.mark.parametrize("more", [1, 5000])
def test_too_many_roles(pool: Pool, more: int) -> None:
    user = pool.user("editor")
    roles = [*MOST_ROLES, *(f"x{n}" for n in range(more))]
    for argv in (["add", f"crowd{more}", *flags("--role", roles)],
                 ["roles", user.login, ",".join(roles)]):
        done = pool.ctl("user", *argv, stdin=PASSWORD, status=REFUSED)
        assert "too many" in done.stderr and "800" in done.stderr
    pool.ctl("user", "show", f"crowd{more}", status=REFUSED)
    assert pool.ctl_json("user", "show", user.login)["roles"] == ["editor"]
    assert user.epoch() == 1, "of editor"


@pytest.mark.parametrize("roles", [",".join(MOST_ROLES) + ",b", "No Role"])
@pytest.mark.parametrize("more", [{}, {"cookies": True}])
def test_roles_beyond_the_rules(pool: Pool, roles: str, more: dict) -> None:
    """Plain SQL can write them; then no session is opened that would have no
    tokens, and none moves on."""
    user = pool.user()
    token = user.sign_in()
    pool.database.sql("UPDATE user SET roles = %s WHERE login = %s", roles,
                      user.login)
    answer = pool.api.post(
        "/login", {"login": user.login, "password": PASSWORD, **more},
        headers={"X-Latchkey": "1"})
    assert (answer.status, answer.code) == (500, "internal")
    for _ in range(2):
        answer = pool.api.refresh(token["refresh_token"])
        assert (answer.status, answer.code) == (500, "internal")
    (row,) = user.session_rows()
    assert row["generation"] == 1
    request = answer.headers["X-Request-Id"]
    assert [line for line in pool.log().splitlines()
            if request in line and "role" in line]
    pool.ctl("user", "roles", user.login, "editor")
    assert pool.api.refresh(token["refresh_token"]).status == 200
    user.sign_in()


def test_keys(deploy: Deploy) -> None:
    pool = deploy(set_up=False, start=False)
    pool.ctl("migrate")
    pool.ctl("keys", "init")
    assert stat.S_IMODE(pool.master_key.stat().st_mode) == 0o600
    assert pool.database.one("SELECT COUNT(*) FROM signing_key") == 1
    assert pool.database.one("SELECT COUNT(*) FROM refresh_key") == 1
    listed = pool.ctl("keys", "list").stdout
    kid = pool.database.one("SELECT kid FROM signing_key").decode()
    assert kid in listed and "active" in listed and "ES256" in listed
    assert kid in pool.ctl("--json", "keys", "list").stdout
    # Again changes nothing.
    before = pool.master_key.read_bytes()
    pool.ctl("keys", "init")
    assert pool.master_key.read_bytes() == before
    assert pool.database.one("SELECT COUNT(*) FROM signing_key") == 1
    # What lies in the database is sealed.
    sealed = pool.database.one("SELECT sealed FROM signing_key")
    assert b"PRIVATE KEY" not in sealed and before.strip() not in sealed


def test_master_key_others_can_read_is_refused(deploy: Deploy) -> None:
    pool = deploy(start=False)
    pool.master_key.chmod(0o640)
    pool.daemon.spawn()
    assert pool.daemon.wait() != 0
    assert str(pool.master_key) in pool.log()
    pool.daemon.process = None


def test_status(pool: Pool) -> None:
    assert pool.ctl("status").stdout.strip()
    assert isinstance(pool.ctl_json("status"), dict)


@pytest.mark.parametrize("line, says", [
    ("nonsense = 1", "nonsense"),
    ('refresh_grace = "soon"', "refresh_grace"),
    ("refresh_grace = 301", "refresh_grace"),
    ("refresh_grace = -1", "refresh_grace"),
    ("workers = 0", "workers"),
    ("session_limit = 0", "session_limit"),
    ('mount = "auth"', "mount"),
    ('trusted_proxies = {"nowhere"}', "trusted_proxies"),
    ("refresh_grace = ", "latchkey.conf"),
    ("refresh_grace = 1\nrefresh_grace = 2", "refresh_grace"),
])
def test_check_config(deploy: Deploy, line: str, says: str) -> None:
    """Errors come with file and line."""
    pool = deploy(set_up=False, start=False)
    pool.ctl("check-config")
    good = [row for row in pool.config.read_text().splitlines()
            if row.split(" ")[0] != line.split(" ")[0]]
    pool.config.write_text("\n".join([*good, line, ""]))
    done = pool.ctl("check-config", status=REFUSED)
    assert says in done.stderr
    assert f"{pool.config}:" in done.stderr


def test_issuer_is_required(deploy: Deploy) -> None:
    pool = deploy(set_up=False, start=False)
    pool.config.write_text("\n".join(
        line for line in pool.config.read_text().splitlines()
        if not line.startswith("issuer")) + "\n")
    assert "issuer" in pool.ctl("check-config", status=REFUSED).stderr
