"""All the ways in which a session ends while the pool looks on."""

from collections.abc import Callable

from pool import Pool, User

Ending = Callable[[Pool, User, dict], None]


def by_logout(pool: Pool, user: User, token: dict) -> None:
    answer = pool.api.post("/logout", token=token["access_token"])
    assert answer.status == 204, answer


def by_logout_all(pool: Pool, user: User, token: dict) -> None:
    answer = pool.api.post("/logout-all", token=token["access_token"])
    assert answer.status == 200


def by_delete(pool: Pool, user: User, token: dict) -> None:
    answer = pool.api.call("DELETE", "/sessions/" + token["session_id"],
                           token=token["access_token"])
    assert answer.status == 204


def by_new_password(pool: Pool, user: User, token: dict) -> None:
    answer = pool.api.post("/password", {
        "current_password": user.password,
        "new_password": "quite another phrase"}, token=token["access_token"])
    assert answer.status == 200, answer


def by_deletion(pool: Pool, user: User, token: dict) -> None:
    answer = pool.api.call("DELETE", "/account", {"password": user.password},
                           token=token["access_token"])
    assert answer.status == 204, answer


def by_eviction(pool: Pool, user: User, token: dict) -> None:
    for _ in range(5):
        user.sign_in()


def by_theft(pool: Pool, user: User, token: dict) -> None:
    successor = pool.api.refresh(token["refresh_token"]).json
    pool.api.refresh(successor["refresh_token"])
    assert pool.api.refresh(token["refresh_token"]).status == 401


def by_suspension(pool: Pool, user: User, token: dict) -> None:
    pool.suspend(user)
    assert pool.api.refresh(token["refresh_token"]).status == 401


def by_password_change(pool: Pool, user: User, token: dict) -> None:
    pool.database.sql("UPDATE user SET password_hash = 'x' WHERE login = %s",
                      user.login)
    assert pool.api.refresh(token["refresh_token"]).status == 401


# Of every session that the user has.
OF_ALL: list[Ending] = [by_logout_all, by_new_password, by_deletion]

ENDINGS: list[Ending] = [
    by_logout, by_delete, by_eviction, by_theft, by_suspension,
    by_password_change, *OF_ALL]
