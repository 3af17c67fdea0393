"""Two pools on two sockets, one pool on one; and the metrics of both."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import fcgi
import prometheus
from daemon import free_port, halted
from mariadb import MariaDB
from pool import Deploy, Pool
from waiting import until

# Without credentials: what a route answers where it is served.
VERIFY_POOL = {
    ("GET", "/verify"): 401, ("POST", "/verify"): 401,
    ("GET", "/verify/admin"): 401, ("GET", "/.well-known/jwks.json"): 200,
    ("GET", "/health"): 200, ("GET", "/ready"): 200, ("GET", "/metrics"): 200,
    ("POST", "/health"): 405,
}
SESSION_POOL = {
    ("POST", "/signup"): 400, ("POST", "/login"): 400,
    ("POST", "/refresh"): 400, ("POST", "/renew"): 401,
    ("POST", "/logout"): 401, ("POST", "/logout-all"): 401,
    ("GET", "/account"): 401, ("GET", "/sessions"): 401,
    ("DELETE", "/sessions/AAAAAAAAAAAAAAAAAAAAAA"): 401,
    ("GET", "/login"): 405,
    ("POST", "/token"): 400, ("POST", "/introspect"): 400,
    ("POST", "/revoke"): 400,
    ("GET", "/.well-known/oauth-authorization-server"): 200,
}


def statuses(address: fcgi.Address) -> dict[tuple[str, str], int]:
    return {(method, path): fcgi.call(address, method, "/auth" + path).status
            for method, path in VERIFY_POOL | SESSION_POOL}


def nothing_but(some: dict) -> dict:
    return {route: some.get(route, 404)
            for route in VERIFY_POOL | SESSION_POOL}


def test_routes_of_each_pool(pool: Pool) -> None:
    assert statuses(pool.verify_socket) == nothing_but(VERIFY_POOL)
    assert statuses(pool.socket) == VERIFY_POOL | SESSION_POOL


def test_over_tcp_nothing_but_checks(deploy: Deploy) -> None:
    address = ("127.0.0.1", free_port())
    pool = deploy(verify_listen=f"tcp:127.0.0.1:{address[1]}")
    assert statuses(address) == nothing_but(
        {route: status for route, status in VERIFY_POOL.items()
         if route[1].startswith("/verify")})
    token = pool.user().sign_in()["access_token"]
    answers = fcgi.call_each(address, 1, "GET", "/auth/verify",
                             HTTP_AUTHORIZATION=f"Bearer {token}")
    assert [answer.status for answer in answers] == [204]


def test_one_pool_has_all(deploy: Deploy) -> None:
    pool = deploy(verify_listen="")
    assert pool.verify_workers() == []
    assert statuses(pool.socket) == VERIFY_POOL | SESSION_POOL


def test_web_server_sends_each_path_to_its_pool(pool: Pool) -> None:
    with ThreadPoolExecutor() as threads, halted(*pool.verify_workers()):
        waiting = threads.submit(pool.api.get, "/health")
        assert pool.api.get("/ready").status == 200
        pool.user().sign_in()
        assert not waiting.done()
    assert waiting.result().status == 200
    with halted(*pool.workers()):
        for path in ("/verify?x=1", "/verify/admin", "/health", "/metrics",
                     "/.well-known/jwks.json"):
            assert pool.api.get(path).status in (200, 401), path


def test_verify_pool_needs_no_database(deploy: Deploy, own_server: MariaDB
                                       ) -> None:
    pool = deploy(server=own_server, workers=1, verify_workers=3)
    user = pool.user()
    ended, living = (user.sign_in()["access_token"] for _ in range(2))
    assert pool.api.post("/logout", token=ended).status == 204
    for answer in fcgi.call_each(pool.verify_socket, 3, "GET",
                                 "/auth/.well-known/jwks.json"):
        assert answer.json["keys"]
    for _ in range(2):
        assert pool.dead_everywhere(ended)
        assert pool.alive_everywhere(living)
    for path in ("/ready", "/health", "/metrics"):
        assert fcgi.call(pool.verify_socket, "GET", "/auth" + path
                         ).status == 200
    connections = [row for row in own_server.sql("SHOW PROCESSLIST")
                   if row["User"] == pool.database.name]
    assert len(connections) <= 3, "of worker, housekeeper and purger"


def test_one_pool_keeps_a_worker_free_of_a_hanging_database(
        deploy: Deploy, own_server: MariaDB) -> None:
    pool = deploy(server=own_server, verify_listen="", workers=3)
    token = pool.user().sign_in()
    access, held = token["access_token"], "latchkey_slow_permits_held"
    done = threading.Event()

    def refresh_on_and_on() -> set[int]:
        seen = set()
        while not done.is_set():
            seen.add(pool.api.refresh(token["refresh_token"]).status)
        return seen

    with ThreadPoolExecutor(8) as threads:
        with halted(own_server.daemon.process.pid):
            clients = [threads.submit(refresh_on_and_on) for _ in range(8)]
            try:
                until(lambda: pool.metrics()[held] == 2, "all but one wait")
                assert pool.api.verify(access) == 204
                assert pool.api.get("/verify/admin", access).status == 403
                assert pool.api.get("/health").status == 200
                assert pool.api.verify(access + "x") == 401
            finally:
                done.set()
        assert all(client.result() <= {200, 503} for client in clients)
    until(pool.api.ready, "well by itself")
    assert pool.api.refresh(token["refresh_token"]).status == 200
    assert pool.metrics()[held] == 0


# ---- metrics ----------------------------------------------------------------

OUTCOME = 'latchkey_sessions_total{{outcome="{}"}}'


def test_outcomes_are_counted(deploy: Deploy) -> None:
    pool = deploy()
    user = pool.user()

    def moved(before: dict[str, float]) -> dict[str, float]:
        after = pool.metrics()
        return {name.split('"')[1]: after[name] - before[name]
                for name in before if name.startswith("latchkey_sessions_")
                and after[name] != before[name]}

    before = pool.metrics()
    tokens = [user.sign_in() for _ in range(6)]
    assert moved(before) == {"login": 6, "evicted": 1}
    pool.api.login(user.login, "not the pass phrase")
    assert moved(before) == {"login": 6, "evicted": 1, "login_refused": 1}

    before = pool.metrics()
    first = tokens[-1]["refresh_token"]
    second = pool.api.refresh(first).json
    assert moved(before) == {"refresh": 1}
    pool.api.refresh(first)
    assert moved(before) == {"refresh": 1, "grace": 1}
    pool.api.post("/renew", token=second["access_token"])
    assert moved(before) == {"refresh": 1, "grace": 1, "renew": 1}

    pool.api.refresh(second["refresh_token"])
    before = pool.metrics()
    assert pool.api.refresh(first).code == "refresh_token_reused"
    assert moved(before) == {"reuse": 1, "ended": 1}


def test_requests_are_counted_by_route_and_code(deploy: Deploy) -> None:
    pool = deploy()
    token = pool.user().sign_in()
    before = pool.metrics()
    for _ in range(3):
        pool.api.verify(token["access_token"])
    pool.api.verify(None)
    pool.api.get("/verify/admin", token["access_token"])
    pool.api.call("DELETE", "/sessions/" + "A" * 22,
                  token=token["access_token"])
    pool.api.get("/nothing")

    def moved(name: str) -> float:
        return pool.metrics()[name] - before.get(name, 0)

    requests = ('latchkey_requests_total{{method="{}",route="{}",'
                'code="{}"}}').format
    assert moved(requests("*", "/verify", 204)) == 3
    assert moved(requests("*", "/verify", 401)) == 1
    assert moved(requests("*", "/verify/*", 403)) == 1
    assert moved(requests("DELETE", "/sessions/*", 404)) == 1
    assert moved(requests("*", "other", 404)) == 1
    duration = "latchkey_request_duration_seconds"
    labels = 'method="*",route="/verify"'
    assert moved(f'{duration}_count{{{labels}}}') == 4
    assert moved(f'{duration}_bucket{{{labels},le="+Inf"}}') == 4
    assert moved(f'{duration}_sum{{{labels}}}') > 0


def test_processes_and_index(deploy: Deploy) -> None:
    pool = deploy(workers=3, verify_workers=2, index_entries=77)
    metrics = pool.metrics()
    for process, count in (("worker", 3), ("verify_worker", 2),
                           ("housekeeper", 1), ("purger", 1)):
        label = f'{{process="{process}"}}'
        assert metrics["latchkey_processes" + label] == count
        assert metrics["latchkey_restarts_total" + label] == 0
    assert metrics["latchkey_index_entries"] == 77
    assert metrics["latchkey_index_entries_used"] == 0
    assert 0 <= metrics["latchkey_feed_lag_seconds"] < 30
    token = pool.user().sign_in()["access_token"]
    pool.api.post("/logout", token=token)
    assert pool.metrics()["latchkey_index_entries_used"] == 1
    # One and the same count, whichever pool is asked.
    for address in (pool.socket, pool.verify_socket):
        text = fcgi.call(address, "GET", "/auth/metrics").body.decode()
        assert prometheus.samples(text)["latchkey_index_entries_used"] == 1


@pytest.mark.parametrize("allowed, address, status", [
    (["192.0.2.0/24", "2001:db8::/32"], "192.0.2.7", 200),
    (["192.0.2.0/24", "2001:db8::/32"], "2001:db8::1", 200),
    (["192.0.2.0/24", "2001:db8::/32"], "192.0.3.7", 403),
    (["127.0.0.1", "::1"], "192.0.2.7", 403),
    (["127.0.0.1", "::1"], "::1", 200),
])
def test_metrics_only_for_whom_they_are(
        deploy: Deploy, allowed: list[str], address: str, status: int
        ) -> None:
    pool = deploy(metrics_allow=allowed, trusted_proxies=["127.0.0.1"])
    answer = pool.api.get("/metrics", headers={"X-Forwarded-For": address})
    assert answer.status == status, answer
    if status == 403:
        assert answer.code == "forbidden"
    elsewhere = fcgi.call(pool.socket, "GET", "/auth/metrics",
                          REMOTE_ADDR=address)
    assert elsewhere.status == status


def test_metrics_say_nothing_of_people(deploy: Deploy) -> None:
    pool = deploy()
    user = pool.user("editor")
    token = user.sign_in()
    pool.api.get("/verify/editor", token["access_token"])
    text = pool.api.get("/metrics").body.decode()
    for secret in (user.login, user.user_id, token["session_id"], "editor"):
        assert secret not in text
