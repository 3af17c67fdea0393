"""Signing up, signing in, deletion: what is taken, what is refused and how."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import Answer, Api
from encoding import decode
from pool import PASSWORD, Deploy, Pool, User
from waiting import until


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


@pytest.mark.parametrize("password, reasons", [
    ("short", ["too_short"]),
    ("1234567", ["too_short"]),
    ("", ["too_short"]),
    ("ééééééé", ["too_short"]),
    ("x" * 1025, ["too_long"]),
    ("my-login-here!", ["contains_login"]),
    ("password", ["guessable"]),
    ("P4ssw0rd!", ["guessable"]),
    ("qwertzuiop", ["guessable"]),
    ("aaaaaaaaaaaa", ["guessable"]),
])
def test_weak_passwords(api: Api, password: str, reasons: list[str]) -> None:
    answer = api.signup("My-Login-Here", password)
    assert (answer.status, answer.code) == (422, "weak_password"), answer
    assert set(reasons) <= set(answer.json["reasons"]), answer


@pytest.mark.parametrize("password", [
    "kq7 vzw!", "éàüøñçßå", "x7" * 512, " leading and trailing ",
    "tab\tand\nline", "☎" * 100,
])
def test_passwords_are_taken_as_received(api: Api, password: str) -> None:
    login = f"taker-{abs(hash(password))}"
    assert api.signup(login, password).status == 201
    assert api.login(login, password).status == 200
    for other in (password[:-1], password + " ", password.upper() + "x",
                  unicodedata.normalize("NFD", password) + "x"):
        assert api.login(login, other).status == 401


def test_passwords_are_not_normalised(api: Api) -> None:
    composed = unicodedata.normalize("NFC", "éàüñç" * 4)
    decomposed = unicodedata.normalize("NFD", composed)
    assert api.signup("as-received", composed).status == 201
    assert api.login("as-received", decomposed).status == 401


@pytest.mark.parametrize("signed_up, signs_in", [
    ("Alice@Example.org", "alice@example.ORG"),
    ("zo\u0065\u0308", "ZO\u00cb"),
    ("stra\u00dfe", "STRASSE"),
    ("\u0391\u03a3", "\u03b1\u03c2"),
])
def test_one_person_has_one_spelling(api: Api, signed_up: str, signs_in: str
                                     ) -> None:
    made = api.signup(signed_up, PASSWORD)
    assert made.status == 201, made
    assert made.json["login"] == unicodedata.normalize(
        "NFC", signs_in.casefold())
    answer = api.login(signs_in, PASSWORD)
    assert answer.status == 200, answer
    assert answer.json["user_id"] == made.json["user_id"]
    taken = api.signup(signs_in, PASSWORD)
    assert (taken.status, taken.code) == (409, "login_taken"), taken


def test_logins_differ_as_bytes(api: Api) -> None:
    """A collation of the database's must not make two people one."""
    ids = {api.signup(login, PASSWORD).json["user_id"]
           for login in ("resume", "resum\u00e9", "resume ")}
    assert len(ids) == 3


@pytest.mark.parametrize("login", [
    "", "a" * 255, "\u00e9" * 128, "a\nb", "a\tb", "a\x7fb", "a\u0085b",
    "a\u202eb", "a\u2028b"])
def test_logins_that_cannot_be(api: Api, login: str) -> None:
    answer = api.signup(login, PASSWORD)
    assert (answer.status, answer.code) == (400, "invalid_request"), answer


def test_longest_login(api: Api) -> None:
    assert api.signup("b" * 254, PASSWORD).status == 201
    assert api.login("B" * 254, PASSWORD).status == 200


def test_signup_can_be_switched_off(deploy: Deploy) -> None:
    pool = deploy(signup=False)
    answer = pool.api.signup("alice", PASSWORD)
    assert (answer.status, answer.code) == (403, "signup_disabled"), answer
    assert pool.database.one("SELECT COUNT(*) FROM user") == 0
    pool.ctl("user", "add", "alice", stdin=PASSWORD + "\n")
    assert pool.api.login("alice", PASSWORD).status == 200


def test_signup_gives_no_roles(pool: Pool, user: User) -> None:
    assert pool.api.verify(user.sign_in()["access_token"]) == 204
    assert pool.api.get("/verify/admin",
                        user.sign_in()["access_token"]).status == 403


def test_unknown_login_and_wrong_password_are_alike(
        pool: Pool, api: Api, user: User) -> None:
    """ASVS 6.3.8."""
    suspended = pool.user()
    pool.suspend(suspended)
    answers = [api.login(login, "not the pass phrase")
               for login in (user.login, "nobody-at-all", suspended.login)]
    own = ("x-request-id", "date")
    seen = {(answer.status, answer.body, tuple(
        (name, value) for name, value in answer.headers.items()
        if name.lower() not in own)) for answer in answers}
    assert len(seen) == 1, seen
    assert (answers[0].status, answers[0].code) == (401,
                                                    "invalid_credentials")


def test_suspended_only_after_the_right_password(
        pool: Pool, api: Api, user: User) -> None:
    pool.suspend(user)
    wrong = api.login(user.login, "not the pass phrase")
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    right = api.login(user.login, user.password)
    assert (right.status, right.code) == (403, "account_suspended")
    assert user.session_rows() == []


@pytest.mark.parametrize("device, status", [
    ("", 200), ("d" * 100, 200), ("d" * 101, 400), ("my\x07phone", 400)])
def test_device_names(api: Api, user: User, device: str, status: int) -> None:
    answer = api.login(user.login, user.password, device=device)
    assert answer.status == status, answer
    if status == 400:
        assert answer.code == "invalid_request"


def test_argon2_by_default_and_rehash_when_it_changes(deploy: Deploy) -> None:
    """ASVS 11.4.2; sessions outlive the rehash, for the password is the same
    (design §2, credential_tag)."""
    pool = deploy(argon2_memory_kib=19456, argon2_time=2)
    user = pool.user()

    def stored() -> str:
        return pool.database.one("SELECT password_hash FROM user").decode()

    assert stored().startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    token = user.sign_in()
    before = stored()
    user.sign_in()
    assert stored() == before, "no rehash while nothing changed"
    pool.restart(argon2_memory_kib=2048, argon2_time=3)
    assert pool.api.login(user.login, "not the pass phrase").status == 401
    assert stored() == before, "a wrong password rehashes nothing"
    user.sign_in()
    assert stored().startswith("$argon2id$v=19$m=2048,t=3,p=1$")
    assert pool.api.verify(token["access_token"]) == 204
    answer = pool.api.refresh(token["refresh_token"])
    assert answer.status == 200, answer
    assert pool.api.login(user.login, user.password).status == 200


def test_session_of_an_older_password_stays_dead_after_a_rehash(
        deploy: Deploy) -> None:
    """Tags are carried along only where they match the old hash."""
    pool = deploy()
    user, other = pool.user(), pool.user(password="another pass phrase")
    token = user.sign_in()
    pool.database.sql(
        "UPDATE user JOIN user other ON other.login = %s"
        " SET user.password_hash = other.password_hash"
        " WHERE user.login = %s", other.login, user.login)
    pool.restart(argon2_time=2)
    assert pool.api.login(user.login, "another pass phrase").status == 200
    answer = pool.api.refresh(token["refresh_token"])
    assert (answer.status, answer.code) == (401, "invalid_refresh_token")


# ---- deletion ---------------------------------------------------------------

def delete(pool: Pool, token: dict, password: str = PASSWORD) -> Answer:
    return pool.api.call("DELETE", "/account", {"password": password},
                         token=token["access_token"])


class TestDeletion:
    @pytest.fixture(scope="class")
    def pool(self, deploy_module: Deploy) -> Pool:
        return deploy_module(workers=3, verify_workers=3)

    def test_everything_is_gone_or_dead(self, pool: Pool, user: User) -> None:
        other = pool.user().sign_in()
        tokens = [user.sign_in() for _ in range(3)]
        answer = delete(pool, tokens[0])
        assert (answer.status, answer.body) == (204, b"")
        for token in tokens:
            assert pool.dead_everywhere(token["access_token"])
            refused = pool.api.refresh(token["refresh_token"])
            assert (refused.status, refused.code) == (
                401, "invalid_refresh_token"), refused
        assert pool.alive_everywhere(other["access_token"])
        for table in ("user", "session"):
            assert pool.database.one(
                f"SELECT COUNT(*) FROM {table} WHERE user_id = %s",
                decode(user.user_id)) == 0
        gone = pool.api.login(user.login, PASSWORD)
        assert (gone.status, gone.code) == (401, "invalid_credentials")
        assert delete(pool, tokens[1]).status == 401

    def test_login_is_free_again(self, pool: Pool, user: User) -> None:
        """And whoever takes it is another: no token of before is theirs."""
        old = user.sign_in()
        assert delete(pool, old).status == 204
        made = pool.api.signup(user.login, "quite another phrase")
        assert made.status == 201, made
        assert made.json["user_id"] != user.user_id
        new = pool.api.login(user.login, "quite another phrase").json
        assert pool.alive_everywhere(new["access_token"])
        assert pool.dead_everywhere(old["access_token"])
        assert pool.api.refresh(old["refresh_token"]).status == 401

    def test_wrong_password(self, pool: Pool, user: User) -> None:
        token = user.sign_in()
        answer = delete(pool, token, "not the pass phrase")
        assert (answer.status, answer.code) == (403, "wrong_password"), answer
        for members in ({}, {"password": None}, {"current_password": "x"}):
            answer = pool.api.call("DELETE", "/account", members,
                                   token=token["access_token"])
            assert (answer.status, answer.code) == (400, "invalid_request")
        assert pool.api.call("DELETE", "/account", {"password": PASSWORD}
                             ).status == 401
        assert pool.alive_everywhere(token["access_token"])
        assert pool.api.login(user.login, PASSWORD).status == 200


class TestLastAdmin:
    """The last active one cannot go: nobody could make another."""

    @pytest.fixture
    def pool(self, deploy: Deploy) -> Pool:
        return deploy(workers=4)

    def test_stays(self, pool: Pool) -> None:
        admin, other = pool.user("admin"), pool.user("editor")
        suspended = pool.user("admin", "editor")
        pool.suspend(suspended)
        token = admin.sign_in()
        answer = delete(pool, token)
        assert (answer.status, answer.code) == (409, "last_admin"), answer
        assert pool.api.verify(token["access_token"]) == 204
        assert pool.api.login(admin.login, PASSWORD).status == 200
        wrong = delete(pool, token, "not the pass phrase")
        assert wrong.code == "wrong_password", wrong
        pool.ctl("user", "roles", other.login, "editor,admin")
        assert delete(pool, token).status == 204
        assert delete(pool, other.sign_in()).code == "last_admin"

    def test_two_that_go_at_once(self, pool: Pool) -> None:
        for _ in range(5):
            admins = [pool.user() for _ in range(2)]
            pool.database.sql("UPDATE user SET roles = 'admin'")
            tokens = [admin.sign_in() for admin in admins]
            with (ThreadPoolExecutor() as threads,
                  pool.point("own_checked") as point):
                answers = [threads.submit(delete, pool, token)
                           for token in tokens]
                point.reached()
                until(lambda: pool.metrics()["latchkey_hashing_wanted"] == 2,
                      "both have checked the password")
                point.release()
            assert sorted(answer.result().status for answer in answers) == [
                204, 409]
            assert pool.database.one(
                "SELECT COUNT(*) FROM user WHERE status = 'active'"
                " AND FIND_IN_SET('admin', roles)") == 1
            pool.database.sql("DELETE FROM user")
