"""Keys that rotate (design 6; check 8): what a key is good for in each of its
states, on every node and in every worker."""

import itertools
import time

import jwt
import pytest

import fcgi
from api import Answer
from daemon import halted
from encoding import RefreshToken
from forge import Forge
from keyring import (JWKS, LEAD, active, dies_everywhere, follows, header_of,
                     hurry, kid_of, listed, looked_after, of_kind, public_kids,
                     rotate, states)
from mariadb import MariaDB
from pool import Deploy, Pool, User
from waiting import until

DAY = 86400
RETENTION = 300 + 5 + 600  # seconds: lifetime, leeway, margin
REFUSED, USAGE = 1, 2


def access(user: User) -> str:
    return user.sign_in()["access_token"]


# ---- algorithms -------------------------------------------------------------

def test_every_algorithm_after_the_other(deploy: Deploy) -> None:
    """What one key has signed lives on under the next."""
    pool = deploy(session_limit=100)
    user = pool.user()
    tokens, public = [access(user)], [kid_of(access(user))]
    for alg in ("EdDSA", "RS256", "PS256", "HS256", "ES256"):
        key = rotate(pool, "--alg", alg)
        assert (key["alg"], key["state"]) == (alg, "active")
        token = until(lambda: (token := access(user))
                      and kid_of(token) == key["kid"] and token,
                      "it signs")
        assert header_of(token) == {
            "alg": alg, "kid": key["kid"], "typ": "at+jwt"}
        tokens.append(token)
        if alg != "HS256":
            public.append(key["kid"])
        for old in tokens:
            assert pool.alive_everywhere(old)
            assert pool.dead_everywhere(old[:-8] + "AAAAAAAA")
        assert public_kids(pool) == public
        keys = jwt.PyJWKSet.from_dict(pool.api.get(JWKS).json)
        if alg != "HS256":
            jwt.decode(token, keys[key["kid"]].key, algorithms=[alg],
                       audience=pool.issuer)
    assert states(pool) == ["retired"] * 5 + ["active"]
    pool.clock.advance(306)
    for token in tokens:
        assert pool.dead_everywhere(token)


@pytest.mark.parametrize("alg", ["EdDSA", "RS256", "PS256", "HS256"])
def test_first_key_by_the_settings(deploy: Deploy, alg: str) -> None:
    pool = deploy(signing_alg=alg)
    token = access(pool.user())
    assert header_of(token)["alg"] == alg
    assert pool.alive_everywhere(token)
    assert active(pool)["alg"] == alg
    assert public_kids(pool) == ([] if alg == "HS256" else [kid_of(token)])


# ---- states -----------------------------------------------------------------

def test_retired_key(deploy: Deploy) -> None:
    """It verifies until its last token has surely expired."""
    pool = deploy(access_token_lifetime=3600)
    user = pool.user()
    old = access(user)
    new = rotate(pool)["kid"]
    assert public_kids(pool) == [kid_of(old), new]
    assert kid_of(access(user)) == new
    pool.clock.advance(3590)
    assert pool.alive_everywhere(old)
    pool.clock.advance(20)
    assert pool.dead_everywhere(old)
    assert public_kids(pool) == [kid_of(old), new]
    pool.clock.advance(600)
    for socket in (pool.socket, pool.verify_socket):
        assert [key["kid"] for key in fcgi.call(
            socket, "GET", "/auth" + JWKS).json["keys"]] == [new]
    # It names sessions yet, and then nothing needs it.
    looked_after(pool)
    assert states(pool) == ["retired", "active"]
    pool.clock.set(7 * DAY + 610)
    hurry(pool)
    until(lambda: states(pool) == ["active"], "the row goes")
    assert active(pool)["kid"] == new


def test_whoever_has_a_retired_key_makes_no_more_tokens(deploy: Deploy
                                                        ) -> None:
    pool = deploy(access_token_lifetime=3600)
    forge = Forge(pool, access(pool.user()))
    rotate(pool)
    now = int(time.time())

    def forged(after: int) -> str:
        return forge.token({"iat": now + after, "exp": now + after + 3600})

    assert pool.alive_everywhere(forged(0))
    pool.clock.advance(400)
    assert pool.alive_everywhere(forged(300)), "clocks of nodes may differ"
    assert pool.dead_everywhere(forged(400))
    # Nor to name a session of somebody's.
    answer = pool.api.post("/logout", token=forged(400))
    assert (answer.status, answer.code) == (401, "invalid_token")


def test_a_retired_row_holds_no_private_key(pool: Pool) -> None:
    before = pool.database.one("SELECT LENGTH(sealed) FROM signing_key"
                               " WHERE state = 'active'")
    rotate(pool)
    rows = pool.database.sql("SELECT LENGTH(sealed) AS n FROM signing_key"
                             " WHERE state = 'retired'")
    assert rows and all(0 < row["n"] < before for row in rows)


def test_by_the_schedule(deploy: Deploy) -> None:
    """Published for a quarter of an hour before it signs."""
    pool = deploy(key_rotation=30 * DAY, access_token_lifetime=3600,
                  session_idle_timeout=60 * DAY)
    user = pool.user()
    (first,) = of_kind(pool, "signing")
    pool.clock.advance(30 * DAY - LEAD - 60)
    looked_after(pool)
    token = user.sign_in()
    assert states(pool) == states(pool, "refresh") == ["active"]
    pool.clock.advance(61)
    hurry(pool)
    until(lambda: states(pool) == states(pool, "refresh")
          == ["active", "standby"], "the new keys are published")
    standby = of_kind(pool, "signing")[1]
    follows(pool)
    assert public_kids(pool) == [first["kid"], standby["kid"]]
    pool.clock.advance(LEAD - 60)
    looked_after(pool)
    assert kid_of(access(user)) == first["kid"], "it signs not yet"
    pool.clock.advance(61)
    hurry(pool)
    until(lambda: states(pool) == states(pool, "refresh")
          == ["retired", "active"], "the new keys are used")
    assert active(pool)["kid"] == standby["kid"]
    follows(pool)
    assert kid_of(access(user)) == standby["kid"]
    assert pool.alive_everywhere(token["access_token"])
    fresh = pool.api.refresh(token["refresh_token"])
    assert fresh.status == 200
    assert RefreshToken.read(fresh.json["refresh_token"]).key_id == 2


def test_never_by_itself(deploy: Deploy) -> None:
    pool = deploy(key_rotation=0)
    pool.clock.advance(365 * DAY)
    looked_after(pool)
    assert states(pool) == states(pool, "refresh") == ["active"]


def test_a_standby_key_is_taken_by_the_next_rotation(deploy: Deploy) -> None:
    pool = deploy(key_rotation=DAY)
    pool.clock.advance(DAY - LEAD + 1)
    hurry(pool)
    until(lambda: states(pool) == ["active", "standby"], "it is published")
    standby = of_kind(pool, "signing")[1]["kid"]
    assert rotate(pool)["kid"] == standby
    assert states(pool) == ["retired", "active"]


@pytest.mark.parametrize("options", [["--alg", "EdDSA"], ["--revoke"]])
def test_a_standby_key_that_does_not_serve_goes(
        deploy: Deploy, options: list[str]) -> None:
    """One from before is not trusted where others are revoked."""
    pool = deploy(key_rotation=DAY)
    pool.clock.advance(DAY - LEAD + 1)
    hurry(pool)
    until(lambda: states(pool) == ["active", "standby"], "it is published")
    standby = of_kind(pool, "signing")[1]["kid"]
    assert rotate(pool, *options)["kid"] != standby
    assert standby not in {key["kid"] for key in of_kind(pool, "signing")}


# ---- revoked keys -----------------------------------------------------------

def test_revoke_on_two_nodes(deploy: Deploy) -> None:
    one = deploy(workers=3, verify_workers=3)
    two = deploy(beside=one, workers=3, verify_workers=3)
    user = one.user()
    first, second = user.sign_in(), two.api.login(
        user.login, user.password).json
    older = first["access_token"]
    rotate(one)
    follows(one, two)
    middle = access(user)
    assert kid_of(older) != kid_of(middle)
    for token in (older, middle, second["access_token"]):
        assert one.alive_everywhere(token) and two.alive_everywhere(token)
    key = rotate(two, "--revoke")
    follows(one, two)
    for token in (older, middle, second["access_token"]):
        for node in (one, two):
            dies_everywhere(node, token)
    assert states(one) == ["active"]
    assert public_kids(one) == public_kids(two) == [key["kid"]]
    # Nobody has to sign in again.
    for node, token in ((one, second), (two, first)):
        fresh = node.api.refresh(token["refresh_token"])
        assert fresh.status == 200
        assert kid_of(fresh.json["access_token"]) == key["kid"]
        assert one.alive_everywhere(fresh.json["access_token"])
        assert two.alive_everywhere(fresh.json["access_token"])


def test_revoked_and_mariadb_goes_away(deploy: Deploy, own_server: MariaDB
                                      ) -> None:
    """Workers that know of another ring and cannot read it go by the board."""
    pool = deploy(server=own_server, max_staleness=3600, workers=3)
    old = access(pool.user())
    assert pool.alive_everywhere(old)
    rotate(pool, "--revoke")
    follows(pool)
    forge = Forge(pool, old)
    new = forge.token(header={"kid": forge.kid})
    own_server.stop()
    assert pool.alive_everywhere(new)
    # With nobody to ask, it may be another node's: not good, in any case.
    assert set(pool.verify_everywhere(old)) <= {401, 503}


def test_retire(deploy: Deploy) -> None:
    pool = deploy(key_rotation=DAY)
    user = pool.user()
    old = access(user)
    new = rotate(pool)["kid"]
    assert "active" in pool.ctl("keys", "retire", new, status=REFUSED).stderr
    assert "retired" in pool.ctl("keys", "retire", kid_of(old),
                                 status=REFUSED).stderr
    assert "no such key" in pool.ctl("keys", "retire", "A" * 43,
                                     status=REFUSED).stderr
    assert pool.alive_everywhere(old)
    pool.ctl("keys", "retire", kid_of(old), "--revoke")
    follows(pool)
    dies_everywhere(pool, old)
    assert states(pool) == ["active"]
    # A standby key is taken back.
    pool.clock.advance(DAY - LEAD + 1)
    hurry(pool)
    until(lambda: states(pool, "refresh") == ["active", "standby"],
          "it is published")
    pool.ctl("keys", "retire", "2")
    assert active(pool, "refresh")["key_id"] == 1


# ---- cookies ----------------------------------------------------------------

def cookies_of(answer: Answer) -> str:
    return "; ".join(line.split(";")[0]
                     for line in answer.headers.get_all("Set-Cookie"))


def signed_in_by_cookies(user: User) -> str:
    answer = user.pool.api.post("/login", {
        "login": user.login, "password": user.password, "cookies": True},
        headers={"X-Latchkey": "1"})
    return cookies_of(answer)


def go_on(pool: Pool, cookies: str) -> Answer:
    return pool.api.get("/continue?to=/page", headers={"Cookie": cookies})


def test_browser_comes_back_after_a_rotation(deploy: Deploy) -> None:
    """An access token that expired long ago still names its session."""
    pool = deploy()
    cookies = signed_in_by_cookies(pool.user())
    rotate(pool)
    pool.clock.advance(3 * DAY)
    looked_after(pool)
    answer = go_on(pool, cookies)
    assert (answer.status, answer.headers["Location"]) == (303, "/page")
    fresh = cookies_of(answer)
    assert pool.api.get("/verify", headers={"Cookie": fresh}).status == 204
    # What names a session opens nothing.
    assert pool.api.get("/verify", headers={"Cookie": cookies}).status == 401


def test_browser_after_its_key_was_revoked(deploy: Deploy) -> None:
    pool = deploy()
    cookies = signed_in_by_cookies(pool.user())
    rotate(pool, "--revoke")
    follows(pool)
    answer = go_on(pool, cookies)
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/auth/ui/")


# ---- a housekeeper that is late ---------------------------------------------

def test_new_key_of_another_node(deploy: Deploy) -> None:
    """Nobody says that a good token is bad: 503 where it cannot be known."""
    one = deploy()
    two = deploy(beside=one)
    user = one.user()
    with halted(two.housekeeper()):
        key = rotate(one)
        follows(one)
        token = user.sign_in()
        assert kid_of(token["access_token"]) == key["kid"]
        said = {socket: {answer.status for answer in fcgi.call_each(
            socket, workers, "GET", "/auth/verify",
            HTTP_AUTHORIZATION="Bearer " + token["access_token"])}
            for socket, workers in ((two.socket, 2), (two.verify_socket, 1))}
        assert said == {two.socket: {204}, two.verify_socket: {503}}
    until(lambda: two.alive_everywhere(token["access_token"]), "it is told")


def test_unknown_kid(pool: Pool) -> None:
    """Where the ring was looked at of late, there is no such key."""
    forge = Forge(pool, access(pool.user()))
    dies_everywhere(pool, forge.token(header={"kid": "A" * 43}))
    for kid in ("", "../../etc/passwd", "' OR 1=1 --"):
        assert pool.dead_everywhere(forge.token(header={"kid": kid}))


# ---- refresh keys -----------------------------------------------------------

def test_refresh_key_rotates(deploy: Deploy) -> None:
    """Sessions go on, with the next token under the next key."""
    pool = deploy()
    token = pool.user().sign_in()
    for number in (2, 3):
        key = rotate(pool, "--refresh")
        assert (key["key_id"], key["state"]) == (number, "active")
        follows(pool)
        answer = pool.api.refresh(token["refresh_token"])
        assert answer.status == 200
        again = pool.api.refresh(token["refresh_token"]).json
        token = answer.json
        assert again["refresh_token"] == token["refresh_token"]
        read = RefreshToken.read(token["refresh_token"])
        assert (read.key_id, read.generation) == (number, number)
    assert states(pool, "refresh") == ["retired", "retired", "active"]


def test_retry_straddles_a_refresh_key_rotation(deploy: Deploy) -> None:
    """The same successor, whichever key is active meanwhile."""
    pool = deploy()
    token = pool.user().sign_in()
    first = pool.api.refresh(token["refresh_token"]).json
    assert rotate(pool, "--refresh")["key_id"] == 2
    follows(pool)
    again = pool.api.refresh(token["refresh_token"]).json
    assert again["refresh_token"] == first["refresh_token"]
    assert RefreshToken.read(again["refresh_token"]).key_id == 1
    second = pool.api.refresh(first["refresh_token"]).json
    assert RefreshToken.read(second["refresh_token"]).key_id == 2


def test_refresh_key_that_this_node_has_not_heard_of(deploy: Deploy) -> None:
    one = deploy()
    two = deploy(beside=one, workers=1)
    token = one.user().sign_in()
    with halted(two.housekeeper()):
        rotate(one, "--refresh")
        follows(one)
        next_ = one.api.refresh(token["refresh_token"]).json
        assert RefreshToken.read(next_["refresh_token"]).key_id == 2
        # A retry that straddles it, and the new token itself.
        again = two.api.refresh(token["refresh_token"])
        assert again.status == 200
        assert again.json["refresh_token"] == next_["refresh_token"]
        assert two.api.refresh(next_["refresh_token"]).status == 200


def test_forged_refresh_keys_cost_no_database(
        deploy: Deploy, own_server: MariaDB) -> None:
    """At least while the housekeeper is on time."""
    pool = deploy(server=own_server, workers=1, feed_interval_ms=10000,
                  key_rotation=0)
    token = RefreshToken.read(pool.user().sign_in()["refresh_token"])
    loads = itertools.count()

    def forged() -> str:
        token.key_id = 1000 + next(loads)
        return token.text()

    before = own_server.status("Com_stmt_execute")
    for _ in range(50):
        assert pool.api.refresh(forged()).status == 401
    assert own_server.status("Com_stmt_execute") - before < 50


def test_revoked_refresh_key(deploy: Deploy) -> None:
    """Everybody signs in again, as after a restore from a backup."""
    one = deploy()
    two = deploy(beside=one)
    user = one.user()
    token = user.sign_in()
    cookies = signed_in_by_cookies(user)
    rotate(one, "--refresh", "--revoke")
    follows(one, two)
    assert states(one, "refresh") == ["active"]
    for node in (one, two):
        answer = node.api.refresh(token["refresh_token"])
        assert (answer.status, answer.code) == (401, "invalid_refresh_token")
        # An access token lives out its time, and no longer.
        assert node.alive_everywhere(token["access_token"])
        answer = node.api.post("/renew", token=token["access_token"])
        assert (answer.status, answer.code) == (401, "refresh_required")
    one.clock.advance(400)
    assert go_on(one, cookies).headers["Location"].startswith("/auth/ui/")
    fresh = user.sign_in()
    assert RefreshToken.read(fresh["refresh_token"]).key_id == 2
    assert one.api.refresh(fresh["refresh_token"]).status == 200


def test_sessions_of_a_revoked_refresh_key_are_cleared_away(deploy: Deploy
                                                           ) -> None:
    """Not before their access tokens have died: until then they can be
    ended."""
    pool = deploy(key_rotation=0)
    user = pool.user()
    gone = user.sign_in()
    rotate(pool, "--refresh", "--revoke")
    follows(pool)
    user.sign_in()
    looked_after(pool)
    assert pool.api.post("/logout-all", token=gone["access_token"]
                         ).json == {"ended": 2}
    gone, kept = user.sign_in(), []
    rotate(pool, "--refresh", "--revoke")
    follows(pool)
    kept.append(user.sign_in())
    pool.clock.advance(RETENTION - 60)
    kept[0] = pool.api.refresh(kept[0]["refresh_token"]).json
    pool.clock.advance(120)
    until(lambda: len(user.session_rows()) == 1, "the session goes")
    assert pool.api.refresh(kept[0]["refresh_token"]).status == 200


def test_retired_refresh_key_stays_for_its_sessions(deploy: Deploy) -> None:
    pool = deploy(session_lifetime=20 * DAY, session_idle_timeout=20 * DAY,
                  key_rotation=0)
    token = pool.user().sign_in()
    rotate(pool, "--refresh")
    pool.clock.advance(20 * DAY - 60)
    looked_after(pool)
    assert states(pool, "refresh") == ["retired", "active"]
    assert pool.api.refresh(token["refresh_token"]).status == 200
    pool.clock.advance(700)
    hurry(pool)
    until(lambda: states(pool, "refresh") == ["active"], "it goes")


# ---- too many ---------------------------------------------------------------

def turn(pool: Pool, admin: User, **members: bool) -> Answer:
    return pool.api.post("/admin/keys/rotate", members, token=access(admin))


def test_a_full_ring(deploy: Deploy) -> None:
    """So many keys verify at once, and no more are made; all of them serve."""
    pool = deploy(feed_interval_ms=10, session_limit=1000)
    admin, user = pool.user("admin"), pool.user()
    tokens = []
    for _ in range(62):
        tokens.append(access(user))
        assert turn(pool, admin).status == 200
        follows(pool)
    answer = turn(pool, admin)
    assert (answer.status, answer.code) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0
    assert "revoke" in pool.ctl("keys", "rotate", status=REFUSED).stderr
    assert len(set(map(kid_of, tokens))) == 62
    assert len(public_kids(pool)) == 63
    for token in tokens:
        assert pool.alive_everywhere(token)
    assert turn(pool, admin, refresh=True).status == 200
    # There is always room for the one that revokes.
    assert turn(pool, admin, revoke=True).status == 200
    follows(pool)
    assert len(public_kids(pool)) == 1
    for token in tokens:
        dies_everywhere(pool, token)
    assert turn(pool, admin).status == 200


def test_more_keys_than_can_be_published(deploy: Deploy) -> None:
    """Access tokens live for longer all at once, and keys that were over are
    not any more: the youngest are published."""
    pool = deploy(feed_interval_ms=10, session_limit=1000,
                  access_token_lifetime=1)
    admin, user = pool.user("admin"), pool.user()
    for _ in range(2):
        for _ in range(40):
            assert turn(pool, admin).status == 200
        pool.clock.advance(700)
    pool.restart(access_token_lifetime=DAY)
    token = access(user)
    kids = [key["kid"] for key in of_kind(pool, "signing")]
    assert len(kids) == 81
    assert public_kids(pool) == kids[-64:]
    assert pool.alive_everywhere(token)
    assert turn(pool, admin).status == 429
    assert turn(pool, admin, revoke=True).status == 200
    follows(pool)
    assert pool.alive_everywhere(access(user))


# ---- the command ------------------------------------------------------------

def test_without_a_running_pool(deploy: Deploy) -> None:
    pool = deploy(start=False)
    first = active(pool)["kid"]
    key = rotate(pool, "--alg", "EdDSA")
    assert key["activated_at"] and not key["retired_at"]
    assert states(pool) == ["retired", "active"]
    assert first != key["kid"] == active(pool)["kid"]
    table = pool.ctl("keys", "rotate", "--refresh").stdout.splitlines()
    assert len(table) == 2 and table[1].split()[:4] == [
        "refresh", "2", "-", "active"]


@pytest.mark.parametrize("argv", [
    ["rotate", "--alg"], ["rotate", "--alg", "none"],
    ["rotate", "--alg", "ES384"], ["rotate", "--refresh", "--alg", "ES256"],
    ["rotate", "now"], ["retire"], ["retire", "1", "2"],
    ["retire", "1", "--revoke", "2"], ["list", "all"],
])
def test_misuse(pool: Pool, argv: list[str]) -> None:
    before = listed(pool)
    pool.ctl("keys", *argv, status=USAGE)
    assert listed(pool) == before


def test_audit(deploy: Deploy) -> None:
    pool = deploy(start=False)
    old = active(pool)["kid"]
    new = rotate(pool)["kid"]
    pool.ctl("keys", "retire", old, "--revoke")
    rows = pool.database.sql(
        "SELECT event, detail, actor_id FROM audit ORDER BY audit_id")
    told = [(row["event"], row["detail"].decode()) for row in rows]
    assert [event for event, _ in told] == [
        "key_active", "key_active", "key_standby", "key_active",
        "key_removed"]
    assert told[0] == ("key_active", f"signing key {old} (ES256)")
    assert told[1] == ("key_active", "refresh key 1")
    assert told[2][1].startswith(f"signing key {new} (ES256), due 20")
    assert told[3][1] == f"signing key {new} (ES256) in the place of {old}"
    assert told[4][1] == f"signing key {old} (ES256)"


# ---- over HTTP --------------------------------------------------------------

def test_rights(pool: Pool) -> None:
    admin, user = pool.user("editor", "admin"), pool.user("editor")
    pool.user("admin")  # the last one cannot lose the role
    before = listed(pool)
    for method, path in (("GET", "/admin/keys"),
                         ("POST", "/admin/keys/rotate")):
        answer = pool.api.call(method, path)
        assert (answer.status, answer.code) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        answer = pool.api.call(method, path, token=access(user))
        assert (answer.status, answer.code) == (403, "forbidden")
        assert answer.headers["WWW-Authenticate"] == (
            'Bearer error="insufficient_scope"')
        answer = fcgi.call(pool.verify_socket, method, "/auth" + path)
        assert answer.status == 404
        # By cookies, but not from another site.
        cookies = {"Cookie": signed_in_by_cookies(admin)}
        answer = pool.api.call(method, path, headers=cookies)
        if method == "POST":
            assert (answer.status, answer.code) == (403, "csrf")
        else:
            assert answer.status == 200
    assert listed(pool) == before
    pool.ctl("user", "roles", admin.login, "editor")
    assert pool.api.get("/admin/keys", access(admin)).status == 403


def test_list_and_rotate_over_http(deploy: Deploy) -> None:
    pool = deploy()
    admin = pool.user("admin")
    token = access(admin)

    def turn(members: dict | None = None) -> list[dict]:
        answer = pool.api.post("/admin/keys/rotate", members, token=token)
        assert answer.status == 200, answer
        return answer.json["keys"]

    assert pool.api.get("/admin/keys", token).json == {"keys": listed(pool)}
    first, refresh = listed(pool)
    assert first == {
        "kind": "signing", "kid": kid_of(token), "alg": "ES256",
        "state": "active", "created_at": first["created_at"],
        "due_at": None, "activated_at": first["created_at"],
        "retired_at": None, "revokes": False}
    assert refresh == {
        "kind": "refresh", "key_id": 1, "state": "active",
        "created_at": refresh["created_at"], "due_at": None,
        "activated_at": refresh["created_at"], "retired_at": None,
        "revokes": False}
    keys = turn()
    assert keys == listed(pool) and states(pool) == ["retired", "active"]
    keys = turn({"alg": "RS256", "revoke": False, "refresh": False})
    assert [key.get("alg") for key in keys] == [
        "ES256", "ES256", "RS256", None]
    assert len(turn({"refresh": True})) == 5
    follows(pool)
    assert pool.alive_everywhere(token)
    keys = turn({"revoke": True})
    assert [key["state"] for key in keys] == ["active", "retired", "active"]
    follows(pool)
    assert pool.dead_everywhere(token)
    token = access(admin)
    keys = turn({"revoke": True, "refresh": True})
    assert [key["state"] for key in keys] == ["active", "active"]
    actors = pool.database.sql(
        "SELECT DISTINCT HEX(actor_id) AS id, ip FROM audit"
        " WHERE event LIKE 'key_%%' AND ip <> ''")
    assert len(actors) == 1 and actors[0]["id"]


@pytest.mark.parametrize("members", [
    {"alg": "none"}, {"alg": "es256"}, {"alg": "ES384"}, {"alg": ""},
    {"alg": 1}, {"alg": "ES256", "refresh": True}, {"revoke": "yes"},
    {"refresh": 1}, {"kid": "x"}, {"alg": "A" * 99},
])
def test_bad_rotations(pool: Pool, members: dict) -> None:
    before = listed(pool)
    answer = pool.api.post("/admin/keys/rotate", members,
                           token=access(pool.user("admin")))
    assert (answer.status, answer.code) == (400, "invalid_request"), answer
    assert listed(pool) == before


def test_202_where_publishing_takes_long(deploy: Deploy) -> None:
    """The worker does not wait; the key goes its way all the same."""
    pool = deploy(feed_interval_ms=1000)
    answer = pool.api.post("/admin/keys/rotate",
                           token=access(pool.user("admin")))
    assert answer.status == 202, answer
    assert [key["state"] for key in answer.json["keys"]] == [
        "active", "standby", "active"]
    until(lambda: states(pool) == ["retired", "active"], "a purger does it")
