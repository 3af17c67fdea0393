"""`latchkeyctl` changes users, ends sessions and revokes tokens; running pools
learn of it by their feed."""

import json
import subprocess
from collections.abc import Callable

import jwt
import pytest

from pool import CTL, PASSWORD, Deploy, Pool, User
from test_admin import Admin
from waiting import until
from webserver import TOP

REFUSED, USAGE = 1, 2
OTHER = "quite another pass phrase"

AT, RT, LOGIN = "access token", "refresh token", "login"

# The command, and what lives on after it: of the tokens of before, and whether
# the password still opens a session.
CHANGES: list[tuple[str, Callable[[User, dict], list[str]], set[str]]] = [
    ("suspend", lambda user, _: ["user", "suspend", user.login], set()),
    ("delete", lambda user, _: ["user", "delete", user.login], set()),
    ("passwd", lambda user, _: ["user", "passwd", user.login], set()),
    ("reissue-id", lambda user, _: ["user", "reissue-id", user.login],
     {LOGIN}),
    ("roles", lambda user, _: ["user", "roles", user.login, "author"],
     {RT, LOGIN}),
    ("same roles", lambda user, _: ["user", "roles", user.login, "editor"],
     {AT, RT, LOGIN}),
    ("claims",
     lambda user, _: ["user", "claims", user.login, '{"plan": "pro"}'],
     {RT, LOGIN}),
    ("same claims", lambda user, _: ["user", "claims", user.login, "{ }"],
     {AT, RT, LOGIN}),
    ("limit", lambda user, _: ["user", "limit", user.login, "3"],
     {AT, RT, LOGIN}),
    ("session end", lambda _, token: ["session", "end", token["session_id"]],
     {LOGIN}),
    ("session end --user",
     lambda user, _: ["session", "end", "--user", user.login], {LOGIN}),
    ("revoke --session",
     lambda _, token: ["revoke", "--session", token["session_id"]], {LOGIN}),
    ("revoke --user", lambda user, _: ["revoke", "--user", user.login],
     {RT, LOGIN}),
    ("revoke --all", lambda *_: ["revoke", "--all"], {RT, LOGIN}),
]


@pytest.mark.parametrize("argv, lives", [row[1:] for row in CHANGES],
                         ids=[row[0] for row in CHANGES])
def test_what_ends(pool: Pool, argv: Callable, lives: set[str]) -> None:
    user, bystander = pool.user("editor"), pool.user()
    token, other = user.sign_in(), bystander.sign_in()
    pool.ctl(*argv(user, token), stdin=OTHER)
    if AT in lives:
        assert pool.alive_everywhere(token["access_token"])
    else:
        until(lambda: pool.dead_everywhere(token["access_token"]),
              "the feed brings it")
    assert pool.api.refresh(token["refresh_token"]).status == (
        200 if RT in lives else 401)
    assert (pool.api.login(user.login, PASSWORD).status == 200) == (
        LOGIN in lives)
    assert pool.api.refresh(other["refresh_token"]).status == 200


def test_revoke_one_token(pool: Pool) -> None:
    user = pool.user()
    one = user.sign_in()
    two = pool.api.post("/renew", token=one["access_token"]).json
    jti = jwt.decode(one["access_token"],
                     options={"verify_signature": False})["jti"]
    pool.ctl("revoke", "--jti", jti)
    until(lambda: pool.dead_everywhere(one["access_token"]),
          "the feed brings it")
    assert pool.alive_everywhere(two["access_token"])


def test_suspended_and_back(pool: Pool) -> None:
    user = pool.user()
    shown = pool.ctl_json("user", "suspend", user.login)
    assert shown["status"] == "suspended"
    answer = pool.api.login(user.login, PASSWORD)
    assert (answer.status, answer.code) == (403, "account_suspended")
    assert pool.api.login(user.login, "wrong").code == "invalid_credentials"
    assert pool.ctl_json("user", "activate", user.login)["status"] == "active"
    user.sign_in()


def test_password(pool: Pool) -> None:
    user = pool.user()
    weak = pool.ctl("user", "passwd", user.login, stdin="password\n",
                    status=REFUSED)
    assert "guessable" in weak.stderr
    user.sign_in()
    pool.ctl("user", "passwd", user.login, stdin=OTHER + "\n")
    assert pool.api.login(user.login, OTHER).status == 200


@pytest.mark.parametrize("key, says", [
    (None, "master.key"), (b"A" * 43 + b"\n", "does not open")])
def test_password_takes_the_master_key(
        deploy: Deploy, key: bytes | None, says: str) -> None:
    """It alone tells which failed sign-ins are the user's."""
    pool = deploy()
    user = pool.user()
    before = pool.master_key.read_bytes()
    pool.master_key.unlink()
    if key is not None:
        pool.master_key.write_bytes(key)
        pool.master_key.chmod(0o600)
    done = pool.ctl("user", "passwd", user.login, stdin=OTHER, status=REFUSED)
    assert says in done.stderr, done
    pool.master_key.write_bytes(before)
    pool.master_key.chmod(0o600)
    user.sign_in()


def test_lower_limit_holds_at_once(pool: Pool) -> None:
    user = pool.user()
    tokens = [user.sign_in() for _ in range(4)]
    shown = pool.ctl_json("user", "limit", user.login, "2")
    assert shown["session_limit"] == 2
    for old in tokens[:2]:
        until(lambda: pool.dead_everywhere(old["access_token"]),
              "the feed brings it")
    for new in tokens[2:]:
        assert pool.alive_everywhere(new["access_token"])
    assert len(user.session_rows()) == 2
    assert user.sign_in()["evicted"] == [tokens[2]["session_id"]]
    assert pool.ctl_json("user", "limit", user.login,
                         "default")["session_limit"] is None


def test_new_id(pool: Pool) -> None:
    user = pool.user()
    shown = pool.ctl_json("user", "reissue-id", user.login)
    assert shown["user_id"] != user.user_id
    assert user.sign_in()["user_id"] == shown["user_id"]


def test_last_admin(deploy: Deploy) -> None:
    pool = deploy()
    one, two = pool.user("admin"), pool.user("admin")
    for argv in (["suspend"], ["delete"], ["roles", "editor"]):
        pool.ctl("user", argv[0], one.login, *argv[1:])
        done = pool.ctl("user", argv[0], two.login, *argv[1:], status=REFUSED)
        assert "last active administrator" in done.stderr
        two.sign_in()
        one = pool.user("admin")
    # A suspended one does not count.
    pool.ctl("user", "suspend", one.login)
    pool.ctl("user", "suspend", two.login, status=REFUSED)


def test_sessions(pool: Pool) -> None:
    user = pool.user()
    old, new = user.sign_in(device="old"), user.sign_in(device="new")
    listed = pool.ctl("session", "list", user.login).stdout
    assert listed.index(new["session_id"]) < listed.index(old["session_id"])
    rows = pool.ctl("--json", "session", "list", user.login).stdout
    assert rows.count("\n") == 2 and '"device":"old"' in rows


@pytest.mark.parametrize("argv", [
    ["user", "suspend"], ["user", "claims"],
    ["user", "claims", "x", "{}", "{}"],
    ["user", "limit", "x"], ["user", "limit", "x", "0"],
    ["user", "limit", "x", "-1"], ["user", "limit", "x", "1001"],
    ["user", "limit", "x", "5x"], ["session", "end"],
    ["session", "end", "short"], ["revoke"], ["revoke", "--jti", "x"],
    ["revoke", "--all", "x"], ["audit", "x"],
    ["audit", "--after", "x"], ["audit", "--limit", "0"], ["audit", "--user"], ["revoke", "--user"], ["purge", "x"]])
def test_usage(pool: Pool, argv: list[str]) -> None:
    assert pool.ctl(*argv, status=USAGE).stderr.strip()


@pytest.mark.parametrize("argv", [
    ["user", "suspend", "nobody-here"], ["user", "claims", "nobody-here"],
    ["user", "claims", "nobody-here", "{}"], ["user", "limit", "nobody-here", "3"],
    ["session", "list", "nobody-here"], ["session", "end", "A" * 22],
    ["revoke", "--session", "A" * 22], ["revoke", "--user", "nobody-here"]])
def test_nobody(pool: Pool, argv: list[str]) -> None:
    assert pool.ctl(*argv, status=REFUSED).stderr.strip()


def test_purge(deploy: Deploy) -> None:
    pool = deploy(session_idle_timeout=1000, session_lifetime=1000)
    user = pool.user()
    user.sign_in()
    assert pool.daemon.stop() == 0
    pool.clock.advance(5000)
    pool.ctl("purge")
    assert user.session_rows() == []


def test_audit(pool: Pool) -> None:
    user, other = pool.user("editor"), pool.user()
    user.sign_in()
    other.sign_in()
    pool.ctl("user", "suspend", user.login)
    rows = [json.loads(line) for line in pool.ctl(
        "--json", "audit", "--user", user.login).stdout.splitlines()]
    assert [row["event"] for row in rows] == [
        "user_suspended", "login", "roles_changed", "signup"]
    assert {row["user_id"] for row in rows} == {user.user_id}
    assert [row["ip"] for row in rows] == ["", "127.0.0.1", "", "127.0.0.1"]
    table = pool.ctl("audit", "--limit", "2").stdout.splitlines()
    assert len(table) == 3 and "user_suspended" in table[1]
    assert other.user_id in table[2]


def test_audit_by_cursor(pool: Pool) -> None:
    """The same rows as the endpoint's, page by page."""
    user = pool.user("editor")
    for _ in range(3):
        user.sign_in()
    admin = Admin(pool)
    audit_ids = [row["audit_id"] for row in admin.rows(
        "/audit", user_id=user.user_id)]
    assert len(audit_ids) == 5
    seen, after = [], []
    while len(seen) < 5:
        page = [json.loads(line)["audit_id"] for line in pool.ctl(
            "--json", "audit", "--user", user.login, "--limit", "2",
            *after).stdout.splitlines()]
        assert len(page) == min(2, 5 - len(seen))
        seen += page
        after = ["--after", page[-1]]
    assert seen == audit_ids
    assert pool.ctl("--json", "audit", *after, "--user", user.login
                    ).stdout == ""


COMPLETIONS = [
    (["us"], {"user"}),
    (["user", "s"], {"show", "suspend"}),
    (["user", "c"], {"claims"}),
    (["-c", "some.conf", "keys", "ro"], {"rotate"}),
    (["keys", "rotate", "--"], {"--alg", "--refresh", "--revoke"}),
    (["revoke", "--"], {"--session", "--jti", "--user", "--all"}),
    (["nonsense", "x"], set()),
]


@pytest.mark.parametrize("words, offered", COMPLETIONS)
def test_completion(words: list[str], offered: set[str]) -> None:
    script = """
        PATH=$1:$PATH; source deploy/latchkeyctl.bash; shift
        COMP_WORDS=(latchkeyctl "$@"); COMP_CWORD=$#
        _latchkeyctl; printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-euc", script, "bash", str(CTL.parent), *words],
        capture_output=True, text=True, check=True, cwd=TOP)
    assert set(done.stdout.split()) == offered
