"""A request that its client has given up is served all the same, later: what
it brings is then old, and not stolen."""

import json
import os
import signal

import fcgi
from pool import Deploy
from waiting import until


def test_stalled_worker_makes_no_thief_of_its_client(deploy: Deploy) -> None:
    """The worker read the session and stalled; the client gave up, sent its
    token again and went on.  The worker finds its token two generations old."""
    pool = deploy(workers=2)
    user = pool.user()
    token = user.sign_in()
    body = json.dumps({"refresh_token": token["refresh_token"]}).encode()
    with pool.point("refresh_read") as point:
        abandoned = fcgi.Connection(pool.socket)
        abandoned.send(
            fcgi.head(fcgi.variables("POST", "/auth/refresh", len(body)))
            + fcgi.record(fcgi.STDIN, body) + fcgi.record(fcgi.STDIN))
        point.reached()
        stalled = int(point.reached_path.read_text())
        os.kill(stalled, signal.SIGSTOP)
    try:
        again = pool.api.refresh(token["refresh_token"])
        assert again.status == 200, again
        following = pool.api.refresh(again.json["refresh_token"])
        assert following.status == 200, following
    finally:
        os.kill(stalled, signal.SIGCONT)
    answer = abandoned.answer()
    assert answer.status == 503, answer
    assert len(user.session_rows()) == 1
    last = pool.api.refresh(following.json["refresh_token"])
    assert last.status == 200, last


def test_old_token_of_a_request_that_is_new_is_theft(deploy: Deploy) -> None:
    pool = deploy(workers=2)
    user = pool.user()
    first = user.sign_in()["refresh_token"]
    second = pool.api.refresh(first).json["refresh_token"]
    assert pool.api.refresh(second).status == 200
    answer = pool.api.refresh(first)
    assert (answer.status, answer.code) == (401, "refresh_token_reused")
    until(lambda: user.session_rows() == [], "the session has ended")
