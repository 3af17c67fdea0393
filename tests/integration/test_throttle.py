"""Guesses at passwords are counted, all of them, and cost more and more time
(ASVS 6.1.1, 6.3.1), but nobody is shut out by somebody else's."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import Answer
from daemon import children, halted
from mariadb import MariaDB
from pool import PASSWORD, Deploy, Pool, User
from test_admin import Admin
from waiting import until

WRONG, NEW = "not the pass phrase", "quite another phrase"
HOME, AWAY = "192.0.2.1", "192.0.2.2"
ATTACKERS = [f"198.51.100.{number}" for number in range(50)]

FREE = 20  # failures
LONG = 8   # more than those: the wait is 256 s, beyond any slow machine

OUTCOME = 'latchkey_sessions_total{{outcome="{}"}}'.format


@pytest.fixture
def pool(deploy: Deploy) -> Pool:
    return deploy(workers=4, trusted_proxies=["127.0.0.1"])


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(50) as executor:
        yield executor


def sign_in(pool: Pool, login: str, address: str = HOME,
            password: str = PASSWORD) -> Answer:
    return pool.api.post("/login", {"login": login, "password": password},
                         headers={"X-Forwarded-For": address})


def guess(pool: Pool, login: str, address: str = ATTACKERS[0]) -> Answer:
    """A wrong one."""
    answer = sign_in(pool, login, address, WRONG)
    assert answer.code in ("invalid_credentials", "too_many_requests",
                           "unavailable"), answer
    return answer


def change(pool: Pool, token: dict, current: str, address: str = HOME
           ) -> Answer:
    return pool.api.post("/password", {
        "current_password": current, "new_password": NEW},
        token=token["access_token"], headers={"X-Forwarded-For": address})


def fail(pool: Pool, login: str, times: int = FREE + LONG,
         address: str = ATTACKERS[0]) -> None:
    """So many guesses that were counted; the clock goes on where they have to
    wait."""
    while times > 0:
        answer = guess(pool, login, address)
        if answer.status == 401:
            times -= 1
        else:
            pool.clock.advance(int(answer.headers["Retry-After"]))


def failures(pool: Pool) -> list[int]:
    """Of each login and origin that has any."""
    return sorted(row["failures"] for row in pool.database.sql(
        "SELECT failures FROM login_failure WHERE failures > 0"))


def events(pool: Pool, event: str) -> list[str]:
    return [row["detail"].decode() for row in pool.database.sql(
        "SELECT detail FROM audit WHERE event = %s ORDER BY audit_id", event)]


# ---- by login ---------------------------------------------------------------

def test_two_hundred_parallel_guesses(deploy: Deploy,
                                      threads: ThreadPoolExecutor) -> None:
    """ASVS 6.3.1: what is hashed is counted, and that is no more than there
    is time for."""
    pool = deploy(workers=8, trusted_proxies=["127.0.0.1"])
    owner = pool.user()
    token = sign_in(pool, owner.login).json
    started = time.monotonic()
    flood = [threads.submit(guess, pool, owner.login, address)
             for address in 4 * ATTACKERS]
    while not all(call.done() for call in flood):
        token = pool.api.refresh(token["refresh_token"]).json
        assert pool.api.verify(token["access_token"]) == 204
    most = FREE + int(math.log2(time.monotonic() - started + 1))
    statuses = [call.result().status for call in flood]
    hashed = statuses.count(401)
    assert FREE <= hashed <= most
    assert statuses.count(429) >= 200 - most - statuses.count(503)
    assert failures(pool) == [hashed]
    metrics = pool.metrics()
    assert metrics[OUTCOME("login_refused")] == hashed
    assert metrics[OUTCOME("login_throttled")] == statuses.count(429)
    assert len(events(pool, "login_failed")) == hashed
    # The owner: where they have been before at once, elsewhere in time.
    assert sign_in(pool, owner.login, HOME).status == 200
    fail(pool, owner.login, LONG)
    waiting = sign_in(pool, owner.login, AWAY)
    assert waiting.status == 429, waiting
    assert sign_in(pool, owner.login, HOME).status == 200
    pool.clock.advance(int(waiting.headers["Retry-After"]))
    assert sign_in(pool, owner.login, AWAY).status == 200
    assert failures(pool) == [], "and the right password resets it"
    assert pool.api.refresh(token["refresh_token"]).status == 200


def test_after_the_wait_one_guess(pool: Pool, threads: ThreadPoolExecutor
                                  ) -> None:
    """Of all that come at that moment."""
    user = pool.user()
    fail(pool, user.login)
    for number in range(3):
        pool.clock.advance(1000)
        answers = list(threads.map(
            lambda address: guess(pool, user.login, address), ATTACKERS))
        assert sorted(answer.status for answer in answers)[:2] == [401, 429]
        assert failures(pool) == [FREE + LONG + number + 1]


def test_unknown_logins_are_treated_alike(pool: Pool) -> None:
    """ASVS 6.3.8: the same answers in the same order."""
    known, unknown = pool.user().login, "nobody-at-all"
    waits = []
    for number in range(FREE + LONG + 3):
        if FREE <= number <= FREE + LONG:
            pool.clock.advance(1000)
        answers = [guess(pool, login) for login in (known, unknown)]
        seen = {(answer.status, answer.body, tuple(
            (name, value) for name, value in answer.headers.items()
            if name.lower() not in ("x-request-id", "date", "retry-after")))
            for answer in answers}
        assert len(seen) == 1, (number, answers)
        status = 401 if number <= FREE + LONG else 429
        assert answers[0].status == status, (number, answers)
        waits += [int(answer.headers["Retry-After"]) for answer in answers
                  if status == 429]
    assert len(waits) == 4 and all(400 < wait <= 512 for wait in waits), waits
    assert failures(pool) == 2 * [FREE + LONG + 1]


def test_waits_end_when_they_say(pool: Pool) -> None:
    """To the second, and no longer than a day whatever comes."""
    user = pool.user()
    fail(pool, user.login)
    for number, failed in enumerate((FREE + LONG, 99, 100, 4_000_000_000)):
        pool.database.sql("UPDATE login_failure SET failures = %s - 1,"
                          " free_at = counted_at", failed)
        assert guess(pool, user.login).status == 401
        wait = int(guess(pool, user.login).headers["Retry-After"])
        assert wait <= {FREE + LONG: 256, 99: 900}.get(failed, 86400)
        pool.clock.advance(wait - 60)
        assert guess(pool, user.login).status == 429
        pool.clock.advance(60)
        assert sign_in(pool, user.login, f"203.0.113.{number}").status == 200
        fail(pool, user.login, 1)


def test_right_password_resets(pool: Pool) -> None:
    user = pool.user()
    for address in (HOME, AWAY, ATTACKERS[0], HOME):
        fail(pool, user.login, FREE - 1, address)
        assert sign_in(pool, user.login, address).status == 200
        assert failures(pool) == []


def test_known_address_has_a_count_of_its_own(pool: Pool) -> None:
    """Neither does it add to that of strangers, nor they to it."""
    user = pool.user()
    assert sign_in(pool, user.login, HOME).status == 200
    fail(pool, user.login, 5, HOME)
    fail(pool, user.login, 3, AWAY)
    fail(pool, user.login, 4, ATTACKERS[0])
    assert failures(pool) == [5, 7]
    fail(pool, user.login, FREE + LONG - 5, HOME)
    assert guess(pool, user.login, HOME).status == 429
    assert guess(pool, user.login, AWAY).status == 401


def test_other_logins_are_left_alone(pool: Pool) -> None:
    user, other = pool.user(), pool.user()
    fail(pool, user.login)
    assert guess(pool, user.login.upper()).status == 429, "one and the same"
    assert sign_in(pool, other.login, ATTACKERS[0]).status == 200


def test_parallel_right_ones_all_succeed(deploy: Deploy,
                                         threads: ThreadPoolExecutor) -> None:
    """Each is a failure until it is known to be none."""
    pool = deploy(workers=8, trusted_proxies=["127.0.0.1"])
    user = pool.user()
    for address in (HOME, AWAY):
        answers = list(threads.map(
            lambda _: sign_in(pool, user.login, address), range(40)))
        assert {answer.status for answer in answers} == {200}
        assert failures(pool) == []


def test_suspended(pool: Pool) -> None:
    user = pool.user()
    pool.suspend(user)
    for _ in range(FREE + 5):
        answer = sign_in(pool, user.login)
        assert (answer.status, answer.code) == (403, "account_suspended")
    fail(pool, user.login)
    assert sign_in(pool, user.login).status == 429


def test_survives_a_restart(pool: Pool) -> None:
    user = pool.user()
    sign_in(pool, user.login, HOME)
    fail(pool, user.login)
    pool.restart()
    assert guess(pool, user.login, ATTACKERS[1]).status == 429
    assert sign_in(pool, user.login, AWAY).status == 429
    assert sign_in(pool, user.login, HOME).status == 200


# ---- by address -------------------------------------------------------------

BURST = 5


@pytest.fixture
def narrow(deploy: Deploy) -> Pool:
    return deploy(workers=4, trusted_proxies=["127.0.0.1"],
                  address_failures=BURST, address_recovery=3600)


def spray(pool: Pool, address: str, times: int = BURST) -> list[int]:
    """One guess at each of many logins."""
    return [guess(pool, f"nobody-{number}", address).status
            for number in range(times)]


def test_address_that_sprays(narrow: Pool) -> None:
    user = narrow.user()
    token = sign_in(narrow, user.login, HOME).json
    assert spray(narrow, HOME) == BURST * [401]
    answer = sign_in(narrow, user.login, HOME)
    assert (answer.status, answer.code) == (429, "too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600
    assert sign_in(narrow, user.login, AWAY).status == 200
    # Sessions at that address go on, and may change the password.
    token = narrow.api.refresh(token["refresh_token"]).json
    assert change(narrow, token, PASSWORD).status == 200


@pytest.mark.parametrize("one, other, same", [
    ("192.0.2.1", "192.0.2.1", True),
    ("192.0.2.1", "192.0.2.2", False),
    ("192.0.2.1", "::ffff:192.0.2.1", True),
    ("192.0.2.1", "203.0.113.9, 192.0.2.1", True),
    ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
    ("2001:db8:0:1::1", "2001:DB8::1:0:0:0:2", True),
    ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ("2001:db8:0:1::1", "192.0.2.1", False),
])
def test_what_is_one_address(narrow: Pool, one: str, other: str, same: bool
                             ) -> None:
    assert spray(narrow, one) == BURST * [401]
    assert guess(narrow, "nobody", other).status == (429 if same else 401)


def test_untrusted_header_is_ignored(deploy: Deploy) -> None:
    pool = deploy(address_failures=BURST, address_recovery=3600)
    assert [guess(pool, f"nobody-{number}", address).status
            for number, address in enumerate(ATTACKERS[:BURST + 2])
            ] == BURST * [401] + 2 * [429]


def test_parallel_guesses_of_one_address(
        narrow: Pool, threads: ThreadPoolExecutor) -> None:
    answers = list(threads.map(
        lambda number: guess(narrow, f"nobody-{number}"), range(40)))
    assert [answer.status for answer in answers].count(401) == BURST
    assert failures(narrow) == BURST * [1]


def test_address_recovers(deploy: Deploy) -> None:
    pool = deploy(trusted_proxies=["127.0.0.1"], address_failures=1,
                  address_recovery=1)
    for _ in range(3):
        until(lambda: guess(pool, "nobody-1").status == 401, "its turn again")


def test_right_ones_use_up_nothing(narrow: Pool) -> None:
    user = narrow.user()
    for _ in range(3 * BURST):
        assert sign_in(narrow, user.login, HOME).status == 200
    assert spray(narrow, HOME) == BURST * [401]


def test_refusals_use_up_nothing(narrow: Pool) -> None:
    """Who knocks while a login waits has not guessed."""
    user = narrow.user()
    for address in ATTACKERS:
        if len(events(narrow, "login_failed")) < FREE + LONG:
            narrow.clock.advance(1000)
            spent = [guess(narrow, user.login, address).status
                     for _ in range(BURST - 1)]
            assert 401 in spent
    for _ in range(3 * BURST):
        assert guess(narrow, user.login, HOME).status == 429
    assert spray(narrow, HOME) == BURST * [401]


# ---- by session -------------------------------------------------------------

def test_session_that_guesses(pool: Pool) -> None:
    """Who has stolen an access token does not have the password; the owner's
    other sessions, and who signs in, are left alone."""
    user = pool.user()
    stolen, own = user.sign_in(), user.sign_in()

    def guess_on(times: int) -> Answer:
        while True:
            answer = change(pool, stolen, WRONG, ATTACKERS[0])
            if answer.status == 429:
                pool.clock.advance(int(answer.headers["Retry-After"]))
            else:
                assert answer.code == "wrong_password", answer
                times -= 1
            if times == 0:
                return change(pool, stolen, WRONG, ATTACKERS[1])

    waits = guess_on(FREE + LONG - 2)
    assert (waits.status, waits.code) == (429, "too_many_requests")
    assert change(pool, stolen, PASSWORD, ATTACKERS[2]).status == 429
    deletion = pool.api.call("DELETE", "/account", {"password": PASSWORD},
                             token=stolen["access_token"])
    assert deletion.status == 429, deletion
    assert len(events(pool, "password_refused")) == FREE + LONG - 2
    assert events(pool, "login_throttled")[-1] == "session, 64 s"
    assert sign_in(pool, user.login, ATTACKERS[3]).status == 200
    assert change(pool, own, PASSWORD).status == 200


def test_owner_under_attack_changes_the_password(pool: Pool) -> None:
    user = pool.user()
    token = user.sign_in()
    fail(pool, user.login)
    assert sign_in(pool, user.login, AWAY).status == 429
    token = pool.api.refresh(token["refresh_token"]).json
    answer = change(pool, token, PASSWORD, AWAY)
    assert answer.status == 200, answer


def test_right_password_resets_the_session(pool: Pool) -> None:
    user = pool.user()
    token = user.sign_in()
    for _ in range(FREE - 1):
        assert change(pool, token, WRONG).status == 403
    weak = pool.api.post("/password", {
        "current_password": PASSWORD, "new_password": "password"},
        token=token["access_token"])
    assert weak.status == 422, weak
    assert failures(pool) == [FREE - 1], "one that was judged right adds none"
    assert change(pool, token, PASSWORD).status == 200
    assert failures(pool) == []


# ---- another password -------------------------------------------------------

def by_admin(pool: Pool, user: User, token: dict) -> None:
    Admin(pool).patch(user, password=NEW)


def by_command_line(pool: Pool, user: User, token: dict) -> None:
    pool.ctl("user", "passwd", user.login.upper(), stdin=NEW)


def by_owner(pool: Pool, user: User, token: dict) -> None:
    assert change(pool, token, PASSWORD, ATTACKERS[0]).status == 200


@pytest.mark.parametrize("reset", [by_admin, by_command_line, by_owner])
def test_new_password_resets(pool: Pool, reset: Callable) -> None:
    """Who could not get in can, at once, from anywhere; what is known of
    addresses and other logins stays."""
    user, other = pool.user(), pool.user()
    token = sign_in(pool, user.login, HOME).json
    fail(pool, other.login)
    fail(pool, user.login, FREE + LONG + 1, HOME)  # twice the wait of the next
    fail(pool, user.login)
    token = pool.api.refresh(token["refresh_token"]).json
    for address in (HOME, AWAY):
        assert sign_in(pool, user.login, address).status == 429
    reset(pool, user, token)
    assert failures(pool) == [FREE + LONG], "of the other login"
    fail(pool, user.login, address=ATTACKERS[1])
    assert sign_in(pool, user.login, AWAY, NEW).status == 429
    assert sign_in(pool, user.login, HOME, NEW).status == 200, "still known"
    reset_again = by_admin if reset is by_owner else reset
    reset_again(pool, user, token)
    assert sign_in(pool, user.login, AWAY, NEW).status == 200


def test_refused_password_resets_nothing(pool: Pool) -> None:
    admin = Admin(pool)
    fail(pool, admin.user.login)
    for members in ({"password": "password"},
                    {"password": NEW, "status": "suspended"}):
        answer = admin.call("PATCH", f"/users/{admin.user_id}", members)
        assert answer.status in (409, 422), answer
    assert failures(pool) == [FREE + LONG]


# ---- two nodes --------------------------------------------------------------

@pytest.fixture
def nodes(deploy: Deploy) -> tuple[Pool, Pool]:
    one = deploy(trusted_proxies=["127.0.0.1"])
    return one, deploy(beside=one, trusted_proxies=["127.0.0.1"])


def advance(nodes: Sequence[Pool], seconds: float) -> None:
    for node in nodes:
        node.clock.advance(seconds)


def fail_on(nodes: Sequence[Pool], login: str, times: int) -> None:
    """On each in turn, when none of them has to wait."""
    for number in range(times):
        if number >= FREE:
            advance(nodes, 1000)
        assert guess(nodes[number % len(nodes)], login).status == 401


def test_one_count_for_all_nodes(nodes: tuple[Pool, Pool],
                                 threads: ThreadPoolExecutor) -> None:
    one, two = nodes
    user = one.user()
    fail_on(nodes, user.login, FREE + LONG)
    assert failures(one) == [FREE + LONG]
    for node in nodes:
        assert guess(node, user.login).status == 429
    advance(nodes, 256)
    answers = list(threads.map(
        lambda number: guess(nodes[number % 2], user.login), range(20)))
    assert [answer.status for answer in answers].count(401) == 1
    advance(nodes, 512)
    assert sign_in(two, user.login, AWAY).status == 200
    assert sign_in(one, user.login, AWAY).status == 200, "known here as well"


@pytest.mark.parametrize("apart", [-120, 120])
def test_clocks_apart(nodes: tuple[Pool, Pool], apart: int) -> None:
    """A wait that the node ahead began is one for the node behind as well,
    and the reverse, but for the difference."""
    one, two = nodes
    two.clock.set(apart)
    user, other = one.user(), one.user()
    for number in range(FREE - 1):
        assert guess(nodes[number % 2], other.login).status == 401, number
    fail_on(nodes, user.login, FREE + LONG)
    for counts in nodes:
        advance(nodes, 1000)
        assert guess(counts, user.login).status == 401
        for node in nodes:
            assert guess(node, user.login).status == 429
    assert failures(one) == [FREE - 1, FREE + LONG + 2]
    advance(nodes, 1024 + 120)
    for node in nodes:
        assert sign_in(node, user.login, AWAY).status == 200


def test_clock_that_was_wrong_locks_nobody_out(nodes: tuple[Pool, Pool]
                                               ) -> None:
    one, two = nodes
    user = one.user()
    two.clock.set(30 * 86400)
    fail(two, user.login)
    assert guess(two, user.login).status == 429
    assert sign_in(one, user.login, AWAY).status == 200


# ---- what is taken back, what is told ---------------------------------------

def test_unjudged_guesses_are_taken_back(deploy: Deploy,
                                         threads: ThreadPoolExecutor) -> None:
    """Refused for want of a turn to hash: neither login nor address has it."""
    pool = deploy(workers=4, hash_concurrency=1, address_failures=2,
                  address_recovery=3600, trusted_proxies=["127.0.0.1"])
    first, second = pool.user(), pool.user()
    with pool.point("hashing") as point:
        held = threads.submit(guess, pool, first.login, AWAY)
        point.reached()
        for _ in range(3):
            answer = guess(pool, second.login, HOME)
            assert answer.status == 503, answer
        assert failures(pool) == [1]
    assert held.result().status == 401
    assert failures(pool) == [1]
    assert len(events(pool, "login_failed")) == 1
    assert [guess(pool, second.login, HOME).status for _ in range(3)
            ] == [401, 401, 429]
    assert failures(pool) == [1, 2]


def test_each_wait_is_told_once(deploy: Deploy) -> None:
    """In the audit; not each guess that is refused in it."""
    pool = deploy(address_failures=FREE + 3, address_recovery=3600)
    user = pool.user()
    fail(pool, user.login, FREE + 3)
    for number in range(5):
        assert guess(pool, user.login).status == 429
        assert guess(pool, f"nobody-{number}").status == 429
    assert events(pool, "login_failed") == (FREE + 3) * ["wrong password"]
    assert events(pool, "login_throttled") == [
        "login, 1 s", "login, 2 s", "login, 4 s", "login, 8 s", "address"]
    assert pool.database.one(
        "SELECT COUNT(*) FROM audit WHERE event = 'login_throttled'"
        " AND ip = '127.0.0.1' AND user_id IS NOT NULL") == 5
    assert "nobody-" not in pool.log(), "what was typed may be a password"


def test_what_a_failure_costs(deploy: Deploy, own_server: MariaDB) -> None:
    """Statements: the user, the neighbour of one that there is not, the count
    read and written, the audit."""
    pool = deploy(server=own_server, workers=1)
    user = pool.user()
    for login in (user.login, "nobody-at-all"):
        guess(pool, login)
    others = set(children(pool.daemon.process.pid)) - set(pool.workers())
    with halted(*others):
        for login, statements in ((user.login, 4), ("nobody-at-all", 5)):
            before = own_server.status("Com_stmt_execute")
            assert guess(pool, login).status == 401
            assert (own_server.status("Com_stmt_execute") - before
                    == statements)
