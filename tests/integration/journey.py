"""The main job, as any client does it."""

from api import Api
from pool import PASSWORD


def main_job(api: Api, login: str = "alice") -> None:
    """Signs up, signs in, verifies, refreshes, signs out."""
    made = api.signup(login, PASSWORD)
    assert made.status == 201, made
    signed_in = api.login(login, PASSWORD)
    assert signed_in.status == 200, signed_in
    first = signed_in.json
    verified = api.get("/verify", first["access_token"])
    assert verified.status == 204, verified
    assert verified.headers["X-Auth-User"] == made.json["user_id"]
    refreshed = api.refresh(first["refresh_token"])
    assert refreshed.status == 200, refreshed
    second = refreshed.json
    again = api.refresh(first["refresh_token"])
    assert again.json["refresh_token"] == second["refresh_token"]
    listed = api.get("/sessions", second["access_token"])
    assert [row["ip"] for row in listed.json["sessions"]] == ["127.0.0.1"]
    deleted = api.call("DELETE", "/sessions/" + "A" * 22,
                       token=second["access_token"])
    assert deleted.code == "not_found"
    assert api.post("/logout", token=second["access_token"]).status == 204
    assert api.verify(second["access_token"]) == 401
    assert api.refresh(second["refresh_token"]).status == 401
