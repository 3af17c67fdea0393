"""Revoked means dead at once (I8): in every worker of both pools, on every
node, with an index that is too small, and after a restart."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

import fcgi
from api import Answer
from daemon import children, halted, running
from encoding import decode
from endings import ENDINGS, Ending, by_logout_all
from mariadb import MariaDB
from pool import Deploy, Pool, User
from waiting import until

INSERT_ENDED_SESSION = (
    "INSERT INTO revocation (kind, target, epoch, revoked_at, expires_at)"
    " VALUES ('session', %s, 0, UTC_TIMESTAMP(6),"
    " UTC_TIMESTAMP(6) + INTERVAL 1 HOUR)")

FALLBACK = "latchkey_index_fallback"


# ---- one node ---------------------------------------------------------------

class TestEveryWorker:
    @pytest.fixture(scope="class")
    def pool(self, deploy_module: Deploy) -> Pool:
        return deploy_module(workers=3, verify_workers=3)

    @pytest.fixture
    def user(self, pool: Pool) -> User:
        return pool.user()

    def test_each_is_asked(self, pool: Pool, user: User) -> None:
        """What the tests below rest on."""
        token = user.sign_in()["access_token"]
        assert pool.verify_everywhere(token) == 6 * [204]
        for address, role, pids in (
                (pool.socket, "worker", pool.workers()),
                (pool.verify_socket, "verify", pool.verify_workers())):
            answers = fcgi.call_each(address, 3, "GET", "/auth/health")
            ids = {"req=" + answer.headers["X-Request-Id"]
                   for answer in answers}
            lines = [line.split() for line in pool.log().splitlines()]
            assert {line[2] for line in lines if line[3] in ids} == {
                f"{role}[{pid}]" for pid in pids}

    @pytest.mark.parametrize("end", ENDINGS)
    def test_the_very_next_request(self, pool: Pool, user: User, end: Ending
                                   ) -> None:
        other = pool.user().sign_in()["access_token"]
        token = user.sign_in()
        assert pool.alive_everywhere(token["access_token"])
        end(pool, user, token)
        assert pool.dead_everywhere(token["access_token"])
        assert pool.alive_everywhere(other)

    def test_all_access_tokens_of_the_session(self, pool: Pool, user: User
                                              ) -> None:
        first = user.sign_in()
        second = pool.api.refresh(first["refresh_token"]).json
        third = pool.api.post("/renew", token=second["access_token"]).json
        by_logout_all(pool, user, second)
        for token in (first, second, third):
            assert pool.dead_everywhere(token["access_token"])
        assert pool.alive_everywhere(user.sign_in()["access_token"])

    def test_roles_changed_from_outside(self, pool: Pool, user: User) -> None:
        token = user.sign_in()
        pool.ctl("user", "roles", user.login, "editor")
        until(lambda: pool.dead_everywhere(token["access_token"]),
              "the feed brings it")
        fresh = pool.api.refresh(token["refresh_token"]).json["access_token"]
        assert pool.alive_everywhere(fresh)
        assert set(pool.verify_everywhere(fresh, "/verify/editor")) == {204}


def test_restarted_pool_reads_before_it_answers(deploy: Deploy) -> None:
    pool = deploy(workers=2, verify_workers=2)
    user = pool.user()
    ended, living = user.sign_in(), user.sign_in()
    pool.api.post("/logout", token=ended["access_token"])
    for number in (signal.SIGTERM, signal.SIGKILL):
        processes = children(pool.daemon.process.pid)
        pool.daemon.stop(number)
        until(lambda: not any(map(running, processes)), "none is left")
        pool.daemon.spawn()
        until(lambda: pool.daemon.check_alive() and answers(pool),
              "it listens")
        # Until it has read all it may answer 503, never 204.
        seen = set()
        until(lambda: seen.update(pool.verify_everywhere(
            ended["access_token"])) or 401 in seen, "it knows")
        assert seen <= {401, 503}
        until(pool.complete, "all processes")
        assert pool.dead_everywhere(ended["access_token"])
        assert pool.alive_everywhere(living["access_token"])


def answers(pool: Pool) -> bool:
    """One request waits in the queue of the socket as soon as that is there;
    what it gets does not matter."""
    try:
        return fcgi.call(pool.verify_socket, "GET", "/auth/health") is not None
    except (FileNotFoundError, ConnectionError):
        return False


@pytest.mark.parametrize("shorter", [60, 1])
def test_reload_with_a_shorter_lifetime_keeps_revocations(
        deploy: Deploy, shorter: int) -> None:
    """Access tokens of the longer one live on."""
    pool = deploy(access_token_lifetime=1200)
    user = pool.user()
    tokens = [user.sign_in() for _ in range(3)]
    pool.reload(access_token_lifetime=shorter)
    pool.reload(access_token_lifetime=30)
    for token in tokens:
        pool.api.post("/logout", {"refresh_token": token["refresh_token"]})
    kept = pool.database.sql(
        "SELECT TIMESTAMPDIFF(SECOND, revoked_at, expires_at) AS kept"
        " FROM revocation")
    assert [row["kept"] for row in kept] == 3 * [1200 + 5 + 600]
    assert all(pool.dead(token["access_token"]) for token in tokens)


# ---- an index that is too small ---------------------------------------------

ENTRIES = 4


def overfill(pool: Pool) -> list[str]:
    """Ends more sessions than the index has room for; gives their tokens."""
    ended = []
    for _ in range(2):
        user = pool.user()
        tokens = [user.sign_in() for _ in range(ENTRIES)]
        for token in tokens:
            answer = pool.api.post("/logout", token=token["access_token"])
            assert answer.status == 204, answer
            assert pool.dead_everywhere(token["access_token"])
        ended += [token["access_token"] for token in tokens]
    return ended


def test_overfilled_index_lets_no_revoked_token_pass(
        deploy: Deploy, own_server: MariaDB) -> None:
    pool = deploy(server=own_server, index_entries=ENTRIES, verify_workers=2)
    living = pool.user().sign_in()["access_token"]
    assert pool.metrics()[FALLBACK] == 0
    ended = overfill(pool)
    metrics = pool.metrics()
    assert metrics[FALLBACK] == 1
    assert metrics["latchkey_index_entries"] == ENTRIES
    assert metrics["latchkey_index_entries_used"] == ENTRIES
    assert pool.alive_everywhere(living)
    assert all(pool.dead_everywhere(token) for token in ended)
    # It is MariaDB that is asked: without it nobody passes.
    own_server.stop()
    assert set(pool.verify_everywhere(living)) == {503}
    own_server.start()
    until(pool.api.ready, "well by itself")
    assert pool.alive_everywhere(living)
    assert all(pool.dead_everywhere(token) for token in ended)


def test_overfilled_index_recovers(deploy: Deploy) -> None:
    """Once the rows have ended: their tokens have expired long before."""
    pool = deploy(index_entries=ENTRIES)
    ended = overfill(pool)
    pool.clock.advance(1000)
    until(lambda: pool.metrics()[FALLBACK] == 0, "MariaDB is left alone")
    token = pool.user().sign_in()
    assert pool.alive_everywhere(token["access_token"])
    by_logout_all(pool, token["user_id"], token)
    assert pool.dead_everywhere(token["access_token"])
    assert all(pool.dead_everywhere(old) for old in ended)


def test_index_of_one_entry(deploy: Deploy) -> None:
    pool = deploy(index_entries=1)
    overfill(pool)


# ---- two nodes on one database ----------------------------------------------

@pytest.fixture
def nodes(deploy: Deploy) -> tuple[Pool, Pool]:
    one = deploy()
    return one, deploy(beside=one)


@pytest.mark.parametrize("end", ENDINGS)
def test_ended_on_one_node_is_dead_on_the_other(
        nodes: tuple[Pool, Pool], end: Ending) -> None:
    one, two = nodes
    user, other = one.user(), one.user().sign_in()
    token = user.sign_in()
    for node in nodes:
        assert node.alive_everywhere(token["access_token"])
    end(one, user, token)
    assert one.dead_everywhere(token["access_token"])
    until(lambda: two.dead(token["access_token"]), "the feed brings it")
    assert two.dead_everywhere(token["access_token"])
    assert two.alive_everywhere(other["access_token"])


def test_one_pass_of_the_feed_brings_all(nodes: tuple[Pool, Pool]) -> None:
    """The first to arrive shows that the rest has, too."""
    one, two = nodes
    user = one.user()
    tokens = [user.sign_in() for _ in range(5)]
    with halted(two.housekeeper()):
        for token in tokens:
            one.api.post("/logout", token=token["access_token"])
    until(lambda: two.dead(tokens[-1]["access_token"]), "the feed brings it")
    assert all(two.dead(token["access_token"]) for token in tokens)


def test_rows_committed_out_of_the_order_of_their_ids(
        nodes: tuple[Pool, Pool]) -> None:
    """A transaction has taken the lower id and is held open, while the higher
    ones of others are committed and fed."""
    one, two = nodes
    user = one.user()
    held, *others = [user.sign_in() for _ in range(5)]
    with one.database.connect() as late, late.cursor() as cursor:
        late.begin()
        cursor.execute(INSERT_ENDED_SESSION, decode(held["session_id"]))
        for token in others:
            one.api.post("/logout", token=token["access_token"])
            until(lambda: two.dead(token["access_token"]),
                  "the feed brings it")
        for node in nodes:
            assert node.alive_everywhere(held["access_token"])
        late.commit()
    assert one.database.one(
        "SELECT target = %s FROM revocation ORDER BY revocation_id LIMIT 1",
        decode(held["session_id"])) == 1
    for node in nodes:
        until(lambda: node.dead(held["access_token"]), "the feed brings it")
        assert node.dead_everywhere(held["access_token"])


class TestClocksApart:
    """I8 where the second node's clock is two minutes off: no time decides."""

    @pytest.fixture(params=[-120, 120])
    def nodes(self, deploy: Deploy, request: pytest.FixtureRequest
              ) -> tuple[Pool, Pool]:
        one = deploy()
        two = deploy(beside=one, start=False)
        two.clock.set(request.param)
        two.start()
        return one, two

    def sign_in_on(self, node: Pool, user: User) -> dict:
        answer = node.api.login(user.login, user.password)
        assert answer.status == 200, answer
        return answer.json

    def test_sessions_that_end(self, nodes: tuple[Pool, Pool]) -> None:
        user = nodes[0].user()
        for made_on, ended_on in (nodes, nodes[::-1]):
            for path in ("/logout", "/logout-all"):
                token = self.sign_in_on(made_on, user)["access_token"]
                for node in nodes:
                    assert node.alive_everywhere(token)
                answer = ended_on.api.post(path, token=token)
                assert answer.status < 300, answer
                until(lambda: made_on.dead(token), "the feed brings it")
                assert made_on.dead_everywhere(token)
                # Who signs in right after is not hit by it.
                again = self.sign_in_on(made_on, user)["access_token"]
                for node in nodes:
                    assert node.alive_everywhere(again)

    def test_roles_that_change(self, nodes: tuple[Pool, Pool]) -> None:
        user = nodes[0].user()
        for number, (changed_on, used_on) in enumerate((nodes, nodes[::-1])):
            token = self.sign_in_on(used_on, user)
            changed_on.ctl("user", "roles", user.login, f"role{number}")
            fresh = used_on.api.refresh(token["refresh_token"]).json
            for node in nodes:
                until(lambda: node.dead(token["access_token"]),
                      "the feed brings it")
                assert node.dead_everywhere(token["access_token"])
                assert set(node.verify_everywhere(
                    fresh["access_token"], f"/verify/role{number}")) == {204}

    def test_roles_that_change_during_a_refresh(
            self, nodes: tuple[Pool, Pool]) -> None:
        user = nodes[0].user()
        for (changed_on, used_on), role in ((nodes, "editor"),
                                            (nodes[::-1], "author")):
            token = self.sign_in_on(used_on, user)
            with (ThreadPoolExecutor() as threads,
                  used_on.point("refresh_read") as point):
                refreshing = threads.submit(used_on.api.refresh,
                                            token["refresh_token"])
                point.reached()
                changed_on.ctl("user", "roles", user.login, role)
                point.release()
                answer: Answer = refreshing.result()
            assert answer.status == 200, answer
            for node in nodes:
                until(lambda: node.dead(answer.json["access_token"]),
                      "the feed brings it")
