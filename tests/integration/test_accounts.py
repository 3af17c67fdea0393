"""Signing up and signing in: what is taken, what is refused and how."""

import unicodedata

import pytest

from api import Api
from pool import PASSWORD, Deploy, Pool, User


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
])
def test_weak_passwords(api: Api, password: str, reasons: list[str]) -> None:
    answer = api.signup("My-Login-Here", password)
    assert (answer.status, answer.code) == (422, "weak_password"), answer
    assert set(reasons) <= set(answer.json["reasons"]), answer


@pytest.mark.parametrize("password", [
    "abcd efg", "éééééééé", "x7" * 512, " leading and trailing ",
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
    composed = unicodedata.normalize("NFC", "é" * 20)
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
