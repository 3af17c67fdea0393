"""The same job at any mount and behind each web server."""

import os
import signal

import pytest

from api import Api
from journey import main_job
from pool import Deploy
from waiting import until
from webserver import Apache, Lighttpd, Nginx, WebServer


def manners(api: Api) -> None:
    """What a web server in between could spoil."""
    challenge = api.get("/verify")
    assert challenge.status == 401
    assert challenge.headers["WWW-Authenticate"] == "Bearer"
    assert api.post("/login", body=b" " * 20000).code == "body_too_large"
    assert api.post("/login", body=b"{").code == "invalid_json"
    assert api.get("/login").headers["Allow"] == "POST"
    assert api.get("/nothing").code == "not_found"
    assert api.call("PUT", "/login").code == "method_not_allowed"
    assert api.get("/verify/admin?x=%2f").status == 401
    assert api.get("/.well-known/jwks.json").json["keys"]
    assert api.get("/health").status == 200


@pytest.mark.parametrize("web", [Lighttpd, Nginx, Apache])
@pytest.mark.parametrize("mount", ["/auth", "/a/deeper/mount", ""],
                         ids=["auth", "deeper", "root"])
def test_main_job(deploy: Deploy, web: type[WebServer], mount: str) -> None:
    # Apache runs as another user when the tests are root's.
    pool = deploy(web, mount=mount, socket_mode="0666")
    main_job(pool.api)
    manners(pool.api)
    if mount:
        outside = pool.api.raw("GET", mount + "x/health")
        assert outside.status == 404


def test_client_cannot_name_another_path(deploy: Deploy) -> None:
    pool = deploy()
    token = pool.user().sign_in()["access_token"]
    for path in ("/../auth/account", "/./account", "/sessions/../account"):
        answer = pool.api.raw("GET", "/auth" + path, None,
                              {"Authorization": f"Bearer {token}"})
        # lighttpd resolves dots before it asks; Latchkey never does.
        assert answer.status in (200, 404), answer


def test_killed_workers_are_replaced(deploy: Deploy) -> None:
    pool = deploy(workers=2)
    user = pool.user()
    token = user.sign_in()
    for worker in pool.workers():
        os.kill(worker, signal.SIGKILL)
        until(lambda: worker not in pool.workers()
              and len(pool.workers()) == 2, "another worker in its place")
        assert pool.api.verify(token["access_token"]) == 204
    assert pool.api.refresh(token["refresh_token"]).status == 200
    main_job(pool.api)


def test_client_cannot_set_its_address(deploy: Deploy) -> None:
    """ASVS 4.1.3: X-Forwarded-For counts only from a trusted proxy."""
    forged = {"X-Forwarded-For": "192.0.2.1", "X_Forwarded_For": "192.0.2.2",
              "Forwarded": "for=192.0.2.3", "X-Real-Ip": "192.0.2.4"}

    def address_of(pool) -> str:
        user = pool.user()
        answer = pool.api.post(
            "/login", {"login": user.login, "password": user.password},
            headers=forged)
        (row,) = pool.api.get(
            "/sessions", answer.json["access_token"]).json["sessions"]
        return row["ip"]

    assert address_of(deploy()) == "127.0.0.1"
    trusting = deploy(trusted_proxies=["127.0.0.0/8"])
    del forged["X_Forwarded_For"]
    assert address_of(trusting) == "192.0.2.1"
