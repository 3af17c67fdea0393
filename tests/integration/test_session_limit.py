"""The session limit (design §3, I4): never exceeded; the session that was used
least recently goes first, or nobody is let in, or the person chooses."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from api import Answer
from encoding import decode, encode
from mariadb import MariaDB
from pool import PASSWORD, Deploy, Pool, User
from waiting import until

LIMIT = 5
NO_SUCH = "A" * 22


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


def test_the_least_recently_used_session_goes(pool: Pool, user: User) -> None:
    tokens = [user.sign_in() for _ in range(LIMIT)]
    assert all("evicted" not in token for token in tokens)
    tokens[0] = pool.api.refresh(tokens[0]["refresh_token"]).json
    newest = user.sign_in()
    victim = tokens.pop(1)
    assert newest["evicted"] == [victim["session_id"]]
    assert pool.dead(victim["access_token"])
    answer = pool.api.refresh(victim["refresh_token"])
    assert (answer.status, answer.code) == (401, "invalid_refresh_token")
    for token in [*tokens, newest]:
        assert pool.api.verify(token["access_token"]) == 204
    assert len(user.session_rows()) == LIMIT


def test_renewing_is_use(pool: Pool, user: User) -> None:
    tokens = [user.sign_in() for _ in range(LIMIT)]
    answer = pool.api.post("/renew", token=tokens[0]["access_token"])
    assert answer.status == 200, answer
    assert user.sign_in()["evicted"] == [tokens[1]["session_id"]]


def test_evicts_down_to_a_lowered_limit(pool: Pool, user: User) -> None:
    tokens = [user.sign_in() for _ in range(LIMIT)]
    pool.database.sql("UPDATE user SET session_limit = 2 WHERE login = %s",
                      user.login)
    newest = user.sign_in()
    assert sorted(newest["evicted"]) == sorted(
        token["session_id"] for token in tokens[:4])
    assert len(user.session_rows()) == 2
    assert pool.api.verify(tokens[4]["access_token"]) == 204


def test_other_users_sessions_do_not_count(pool: Pool, user: User) -> None:
    other = pool.user()
    for _ in range(LIMIT):
        user.sign_in()
    assert "evicted" not in other.sign_in()


def test_dead_sessions_do_not_count(deploy: Deploy) -> None:
    pool = deploy(session_idle_timeout=4000)
    user = pool.user()
    for _ in range(LIMIT):
        user.sign_in()
    pool.clock.advance(4001)
    assert "evicted" not in user.sign_in()
    assert len(user.session_rows()) == 1


@contextmanager
def sampled(pool: Pool) -> Iterator[list[int]]:
    """How many sessions there are, by another connection all the while."""
    done = threading.Event()
    seen: list[int] = []

    def sample() -> None:
        with (pool.database.connect() as connection,
              connection.cursor() as cursor):
            while not done.is_set():
                cursor.execute("SELECT COUNT(*) AS n FROM session")
                seen.append(cursor.fetchone()["n"])

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield seen
    finally:
        done.set()
        sampler.join()


def test_parallel_logins_never_exceed_the_limit(deploy: Deploy) -> None:
    """I4."""
    pool = deploy(workers=8)
    user = pool.user()
    with sampled(pool) as seen, ThreadPoolExecutor(40) as threads:
        tokens = list(threads.map(lambda _: user.sign_in(), range(40)))
    assert len(seen) >= 40, "sampled while logins ran"
    assert max(seen) <= LIMIT
    alive = {row["session_id"] for row in user.session_rows()}
    assert len(alive) == LIMIT
    evicted = [session for token in tokens
               for session in token.get("evicted", [])]
    assert len(evicted) == len(set(evicted)) == 40 - LIMIT
    for token in tokens:
        status = pool.api.verify(token["access_token"])
        assert status == (401 if token["session_id"] in evicted else 204)


# ---- nobody is let in -------------------------------------------------------

def refused(user: User) -> Answer:
    """A login that finds no room."""
    answer = user.pool.api.login(user.login, user.password)
    assert (answer.status, answer.code) == (409, "session_limit"), answer
    return answer


class TestNoRoom:
    @pytest.fixture(scope="class", params=["deny", "pick"])
    def pool(self, deploy_module: Deploy, request: pytest.FixtureRequest
             ) -> Pool:
        return deploy_module(session_limit=2, verify_workers=2,
                             session_limit_policy=request.param)

    def test_the_answer_names_the_sessions(self, pool: Pool, user: User
                                           ) -> None:
        tokens = [user.sign_in(device=f"device {number}")
                  for number in range(2)]
        pool.api.refresh(tokens[0]["refresh_token"])
        listed = pool.api.get("/sessions", tokens[0]["access_token"]
                              ).json["sessions"]
        answer = refused(user)
        assert answer.json["sessions"] == [
            {**row, "current": False} for row in listed]
        assert [row["device"] for row in listed] == ["device 0", "device 1"]
        policy = pool.settings["session_limit_policy"]
        assert ("ticket" in answer.json) == (policy == "pick")
        assert len(user.session_rows()) == 2
        assert all(pool.alive_everywhere(token["access_token"])
                   for token in tokens)
        assert pool.database.one("SELECT COUNT(*) FROM revocation") == 0

    def test_only_after_the_right_password(self, pool: Pool, user: User
                                           ) -> None:
        for _ in range(2):
            user.sign_in()
        answer = pool.api.login(user.login, "not the pass phrase")
        assert (answer.status, answer.code) == (401, "invalid_credentials")
        assert "sessions" not in answer.json

    def test_one_that_ends_makes_room(self, pool: Pool, user: User) -> None:
        tokens = [user.sign_in() for _ in range(2)]
        refused(user)
        pool.api.post("/logout", token=tokens[0]["access_token"])
        assert "evicted" not in user.sign_in()
        refused(user)

    def test_own_limit(self, pool: Pool, user: User) -> None:
        pool.database.sql("UPDATE user SET session_limit = 3 WHERE login = %s",
                          user.login)
        for _ in range(3):
            user.sign_in()
        refused(user)
        pool.database.sql("UPDATE user SET session_limit = 1 WHERE login = %s",
                          user.login)
        assert len(refused(user).json["sessions"]) == 3

    def test_many_refusals_are_no_failures(self, pool: Pool, user: User
                                           ) -> None:
        """The password was right each time: nobody is throttled."""
        for _ in range(2):
            user.sign_in()
        for _ in range(30):
            refused(user)


def test_dead_sessions_make_room(deploy: Deploy) -> None:
    pool = deploy(session_limit=2, session_limit_policy="deny",
                  session_idle_timeout=4000)
    user = pool.user()
    for _ in range(2):
        user.sign_in()
    refused(user)
    pool.clock.advance(4001)
    user.sign_in()
    assert len(user.session_rows()) == 1


@pytest.mark.parametrize("policy", ["evict", "deny", "pick"])
def test_sessions_of_a_revoked_refresh_key_make_room(
        deploy: Deploy, policy: str) -> None:
    """They first, even if they were used later, and no more of them than need
    be; their access tokens are good until then."""
    pool = deploy(session_limit=3, session_limit_policy=policy)
    user = pool.user()
    old = [user.sign_in() for _ in range(2)]
    pool.ctl("keys", "rotate", "--refresh", "--revoke")
    pool.database.sql("UPDATE session SET last_used_at = last_used_at"
                      " + INTERVAL 60 SECOND")
    for token in old:
        assert pool.api.refresh(token["refresh_token"]).status == 401
    new = [user.sign_in()]
    for left in (1, 0):
        new.append(user.sign_in())
        assert new[-1]["evicted"] == [old[1 - left]["session_id"]]
        assert [pool.api.verify(token["access_token"]) for token in old] == (
            (2 - left) * [401] + left * [204])
        assert len(user.session_rows()) == 3
    if policy == "evict":
        assert user.sign_in()["evicted"] == [new[0]["session_id"]]
    else:
        assert len(refused(user).json["sessions"]) == 3
    assert pool.api.refresh(new[-1]["refresh_token"]).status == 200


def test_session_of_a_revoked_refresh_key_is_picked(deploy: Deploy) -> None:
    """Where there is no room without it, either."""
    pool = deploy(session_limit=2, session_limit_policy="pick")
    user = pool.user()
    old = user.sign_in()
    pool.ctl("keys", "rotate", "--refresh", "--revoke")
    new = user.sign_in()
    pool.database.sql("UPDATE user SET session_limit = 1 WHERE login = %s",
                      user.login)
    answer = refused(user)
    assert [row["session_id"] for row in answer.json["sessions"]] == [
        new["session_id"], old["session_id"]]
    answer = by_ticket(pool, answer.json["ticket"], old["session_id"])
    assert answer.status == 200, answer
    assert answer.json["evicted"] == [new["session_id"]]
    assert len(user.session_rows()) == 1


@pytest.mark.parametrize("policy", ["deny", "pick"])
def test_parallel_logins_are_let_in_up_to_the_limit(
        deploy: Deploy, policy: str) -> None:
    """I4."""
    pool = deploy(workers=8, session_limit_policy=policy)
    user = pool.user()
    with sampled(pool) as seen, ThreadPoolExecutor(30) as threads:
        answers = list(threads.map(
            lambda _: pool.api.login(user.login, user.password), range(30)))
    assert len(seen) >= 20 and max(seen) <= LIMIT
    assert sorted(answer.status for answer in answers) == (
        LIMIT * [200] + (30 - LIMIT) * [409])
    assert all(pool.alive_everywhere(answer.json["access_token"])
               for answer in answers if answer.status == 200)


# ---- the person chooses -----------------------------------------------------

@pytest.fixture(scope="module")
def choosy(deploy_module: Deploy) -> Pool:
    return deploy_module(session_limit=2, session_limit_policy="pick",
                         workers=3, verify_workers=2)


def by_ticket(pool: Pool, ticket: str, end_session: str, **more) -> Answer:
    return pool.api.post("/login", {
        "ticket": ticket, "end_session": end_session, **more})


def is_refused(answer: Answer) -> bool:
    return (answer.status, answer.code) == (401, "invalid_credentials")


class TestTicket:
    @pytest.fixture
    def pool(self, choosy: Pool) -> Pool:
        return choosy

    @pytest.fixture
    def tokens(self, user: User) -> list[dict]:
        return [user.sign_in() for _ in range(2)]

    @pytest.fixture
    def ticket(self, user: User, tokens: list[dict]) -> str:
        return refused(user).json["ticket"]

    @pytest.mark.parametrize("chosen", [0, 1])
    def test_opens_one_in_place_of_the_chosen(
            self, pool: Pool, user: User, tokens: list[dict], ticket: str,
            chosen: int) -> None:
        ended, kept = tokens[chosen], tokens[1 - chosen]
        answer = by_ticket(pool, ticket, ended["session_id"], device="new")
        assert answer.status == 200, answer
        new = answer.json
        assert new["user_id"] == user.user_id
        assert "evicted" not in new
        assert pool.dead_everywhere(ended["access_token"])
        assert pool.api.refresh(ended["refresh_token"]).status == 401
        for token in (kept, new):
            assert pool.alive_everywhere(token["access_token"])
        listed = pool.api.get("/sessions", new["access_token"]
                              ).json["sessions"]
        assert [(row["session_id"], row["device"]) for row in listed] == [
            (new["session_id"], "new"), (kept["session_id"], "")]

    def test_once(self, pool: Pool, tokens: list[dict], ticket: str) -> None:
        assert by_ticket(pool, ticket, tokens[0]["session_id"]).status == 200
        for token in tokens:
            assert is_refused(by_ticket(pool, ticket, token["session_id"]))
        assert pool.api.verify(tokens[1]["access_token"]) == 204

    def test_wrong_ones(self, pool: Pool, tokens: list[dict], ticket: str
                        ) -> None:
        raw = decode(ticket.removeprefix("lkt1_"))
        mutated = ["lkt1_" + encode(raw[:place] + bytes([raw[place] ^ 1])
                                    + raw[place + 1:])
                   for place in range(0, len(raw), 5)]
        assert len(raw) == 76 and len(mutated) == 16
        last = ticket[:-1] + chr(ord(ticket[-1]) + 1)
        for wrong in ["", "lkt1_", ticket[:-1], ticket + "A", ticket + "=",
                      last, "x" * 107, tokens[0]["refresh_token"],
                      tokens[0]["access_token"], *mutated]:
            answer = by_ticket(pool, wrong, tokens[0]["session_id"])
            assert is_refused(answer), (wrong, answer)
        assert pool.api.verify(tokens[0]["access_token"]) == 204
        assert by_ticket(pool, ticket, tokens[0]["session_id"]).status == 200

    def test_is_no_refresh_token(self, pool: Pool, ticket: str) -> None:
        assert pool.api.refresh(ticket).code == "invalid_refresh_token"
        assert pool.api.verify(ticket) == 401

    def test_after_another_login(self, pool: Pool, user: User,
                                 tokens: list[dict], ticket: str) -> None:
        pool.api.post("/logout", token=tokens[0]["access_token"])
        user.sign_in()
        assert is_refused(by_ticket(pool, ticket, tokens[1]["session_id"]))
        assert pool.api.verify(tokens[1]["access_token"]) == 204

    def test_after_another_ticket(self, pool: Pool, user: User,
                                  tokens: list[dict], ticket: str) -> None:
        second = refused(user).json["ticket"]
        assert by_ticket(pool, second, tokens[0]["session_id"]).status == 200
        assert is_refused(by_ticket(pool, ticket, tokens[1]["session_id"]))

    def by_api(self, user: User, token: dict) -> None:
        assert user.pool.api.post(
            "/password", {"current_password": PASSWORD,
                          "new_password": "quite another phrase"},
            token=token["access_token"]).status == 200

    def by_sql(self, user: User, token: dict) -> None:
        user.pool.database.sql(
            "UPDATE user SET password_hash = CONCAT(password_hash, 'x')"
            " WHERE login = %s", user.login)

    @pytest.mark.parametrize("change", [by_api, by_sql])
    def test_after_a_change_of_the_password(
            self, pool: Pool, user: User, tokens: list[dict], ticket: str,
            change: Callable) -> None:
        change(self, user, tokens[0])
        assert is_refused(by_ticket(pool, ticket, tokens[1]["session_id"]))

    def test_after_suspension(self, pool: Pool, user: User,
                              tokens: list[dict], ticket: str) -> None:
        pool.suspend(user)
        answer = by_ticket(pool, ticket, tokens[0]["session_id"])
        assert (answer.status, answer.code) == (403, "account_suspended")
        assert len(user.session_rows()) == 2

    def test_after_deletion(self, pool: Pool, user: User, tokens: list[dict],
                            ticket: str) -> None:
        assert pool.api.call("DELETE", "/account", {"password": PASSWORD},
                             token=tokens[0]["access_token"]).status == 204
        assert is_refused(by_ticket(pool, ticket, tokens[1]["session_id"]))

    def test_session_that_is_not_the_callers(
            self, pool: Pool, user: User, tokens: list[dict], ticket: str
            ) -> None:
        """Nothing of another's ends, no room is made, the ticket is as good
        as before."""
        other = pool.user().sign_in()
        for strange in (other["session_id"], NO_SUCH):
            answer = by_ticket(pool, ticket, strange)
            assert (answer.status, answer.code) == (409, "session_limit")
            assert answer.json["ticket"] == ticket
            assert len(answer.json["sessions"]) == 2
        assert len(user.session_rows()) == 2
        pool.api.post("/logout", token=tokens[0]["access_token"])
        answer = by_ticket(pool, ticket, other["session_id"])
        assert answer.status == 200, "there is room: nothing need end"
        assert pool.api.verify(tokens[1]["access_token"]) == 204
        assert pool.alive_everywhere(other["access_token"])

    def test_there_is_room_meanwhile(self, pool: Pool, user: User,
                                     tokens: list[dict], ticket: str) -> None:
        pool.api.post("/logout", token=tokens[0]["access_token"])
        answer = by_ticket(pool, ticket, tokens[0]["session_id"])
        assert answer.status == 200, answer
        assert pool.api.verify(tokens[1]["access_token"]) == 204
        assert len(user.session_rows()) == 2

    @pytest.mark.parametrize("limit, evicted", [(1, 2), (2, 1), (3, 0)])
    def test_limit_was_lowered(self, pool: Pool, user: User, limit: int,
                               evicted: int) -> None:
        """One choice is enough: what else is too many goes by itself."""
        lower = "UPDATE user SET session_limit = %s WHERE login = %s"
        pool.database.sql(lower, 3, user.login)
        tokens = [user.sign_in() for _ in range(3)]
        pool.database.sql(lower, limit, user.login)
        answer = by_ticket(pool, refused(user).json["ticket"],
                           tokens[2]["session_id"])
        assert answer.status == 200, answer
        assert answer.json.get("evicted", []) == [
            token["session_id"] for token in tokens[:evicted][::-1]]
        assert len(user.session_rows()) == limit
        for token in [*tokens[:evicted], tokens[2]]:
            assert pool.dead_everywhere(token["access_token"])

    @pytest.mark.parametrize("tickets", [1, 4])
    def test_many_at_once(self, pool: Pool, user: User, tokens: list[dict],
                          tickets: int) -> None:
        """One session, whether it is one ticket or several."""
        texts = [refused(user).json["ticket"] for _ in range(tickets)]
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(
                lambda number: by_ticket(
                    pool, texts[number % tickets],
                    tokens[number % 2]["session_id"]), range(20)))
        assert sorted(answer.status for answer in answers) == (
            [200] + 19 * [401]), answers
        assert len(user.session_rows()) == 2
        assert [pool.dead(token["access_token"]) for token in tokens
                ].count(True) == 1


def test_ticket_is_good_for_a_minute(deploy: Deploy) -> None:
    pool = deploy(session_limit=1, session_limit_policy="pick")
    users = [pool.user() for _ in range(3)]
    tokens = [user.sign_in() for user in users]
    tickets = [refused(user).json["ticket"] for user in users]
    sessions = [token["session_id"] for token in tokens]
    pool.clock.advance(30)
    assert by_ticket(pool, tickets[0], sessions[0]).status == 200
    # One that finds no room meanwhile is not good for longer by that.
    again = by_ticket(pool, tickets[1], NO_SUCH)
    assert again.status == 409, again
    pool.clock.advance(31)
    assert is_refused(by_ticket(pool, again.json["ticket"], sessions[1]))
    assert is_refused(by_ticket(pool, tickets[2], sessions[2]))
    assert pool.api.verify(tokens[2]["access_token"]) == 204


def test_ticket_on_another_node(deploy: Deploy) -> None:
    one = deploy(session_limit=1, session_limit_policy="pick")
    two = deploy(beside=one, session_limit=1, session_limit_policy="pick")
    user = one.user()
    token = user.sign_in()
    ticket = refused(user).json["ticket"]
    assert by_ticket(two, ticket, token["session_id"]).status == 200
    assert is_refused(by_ticket(one, ticket, token["session_id"]))
    until(lambda: one.dead(token["access_token"]), "the feed brings it")


BOTH = {"login": "alice", "password": PASSWORD}


@pytest.mark.parametrize("members", [
    {}, {"login": "alice"}, {"password": PASSWORD}, {"ticket": "x"},
    {"end_session": NO_SUCH}, {"login": "alice", "end_session": NO_SUCH},
    {"ticket": "x", "password": PASSWORD}, {**BOTH, "ticket": "x"},
    {**BOTH, "end_session": NO_SUCH},
    {**BOTH, "ticket": "x", "end_session": NO_SUCH},
    {"login": "alice", "ticket": "x", "end_session": NO_SUCH},
    {"password": PASSWORD, "ticket": "x", "end_session": NO_SUCH},
    {"ticket": "x", "end_session": "no id"},
    {"ticket": "x", "end_session": NO_SUCH[:-1]},
    {"ticket": "x", "end_session": NO_SUCH[:-1] + "B"},
    {"ticket": "x", "end_session": None},
    {"ticket": 1, "end_session": NO_SUCH},
    {"ticket": "x", "end_session": NO_SUCH, "device": "a\nb"},
    {"ticket": "x", "end_session": NO_SUCH, "cookies": "yes"},
], ids=lambda members: "+".join(members) or "nothing")
def test_one_pair_of_members_whole(choosy: Pool, members: dict) -> None:
    answer = choosy.api.post("/login", members)
    assert (answer.status, answer.code) == (400, "invalid_request"), answer


def test_form_comes_first(deploy: Deploy, own_server: MariaDB) -> None:
    """What is malformed is so even while nothing else can be said."""
    pool = deploy(server=own_server, session_limit_policy="pick")
    own_server.stop()
    whole = pool.api.post("/login", {"ticket": "x", "end_session": NO_SUCH})
    assert whole.status in (401, 503), whole
    for members in ({}, {"ticket": "x"}, {**BOTH, "ticket": "x"},
                    {"ticket": "x", "end_session": "no id"}):
        answer = pool.api.post("/login", members)
        assert (answer.status, answer.code) == (400, "invalid_request")
