"""A private MariaDB: own data directory, own socket, no TCP."""

import os
import shutil
import subprocess
from pathlib import Path

import pymysql
from pymysql.cursors import DictCursor

from daemon import Daemon

AS_ROOT = ["--user=root"] if os.geteuid() == 0 else []
SMALL = ["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M"]
PASSWORD = "it's only a test"


def make_template(directory: Path) -> Path:
    """A data directory to copy; making one takes longer than copying it."""
    data = directory / "template"
    done = subprocess.run(
        ["mariadb-install-db", "--no-defaults", *AS_ROOT, *SMALL,
         f"--datadir={data}", own_tmpdir(directory), "--skip-test-db",
         "--force", "--auth-root-authentication-method=normal"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return data


def own_tmpdir(directory: Path) -> str:
    """A server that starts removes the temporary tables that it finds in its
    tmpdir, even another server's."""
    tmpdir = directory / "tmp"
    tmpdir.mkdir()
    return f"--tmpdir={tmpdir}"


class Database:
    """One database on a server, and the user that owns it."""

    def __init__(self, server: "MariaDB", name: str):
        self.server = server
        self.name = name

    def connect(self) -> pymysql.Connection:
        return pymysql.connect(unix_socket=str(self.server.socket),
                               user="root", database=self.name,
                               autocommit=True, cursorclass=DictCursor)

    def sql(self, statement: str, *values) -> list[dict]:
        """Runs one statement on a connection of its own."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def one(self, statement: str, *values):
        """The single value that a statement gives."""
        (row,) = self.sql(statement, *values)
        (value,) = row.values()
        return value

    def option_file(self, path: Path) -> Path:
        path.write_text("[latchkey]\n"
                        f"socket = {self.server.socket}\n"
                        f"user = {self.name}\n"
                        f'password = "{PASSWORD}"\n'
                        f"database = {self.name}\n")
        path.chmod(0o600)
        return path


class MariaDB:
    def __init__(self, template: Path, directory: Path, sockets: Path):
        self.data = directory / "data"
        shutil.copytree(template, self.data)
        self.socket = sockets / "mariadb.sock"
        self.daemon = Daemon(
            ["mariadbd", "--no-defaults", *AS_ROOT, *SMALL,
             f"--datadir={self.data}", own_tmpdir(directory),
             f"--socket={self.socket}",
             f"--pid-file={sockets / 'mariadb.pid'}",
             "--skip-networking", "--character-set-server=utf8mb4",
             "--performance-schema=off", "--max-connections=400"],
            directory / "mariadb.log")
        self.count = 0

    def start(self) -> None:
        self.daemon.start(self.answers)

    def stop(self) -> None:
        self.daemon.stop()

    def answers(self) -> bool:
        try:
            self.sql("DO 0")
        except pymysql.OperationalError:
            return False
        return True

    def create_database(self) -> Database:
        self.count += 1
        name = f"latchkey_{self.count}"
        self.sql(f"CREATE DATABASE {name}")
        self.sql(f"CREATE USER {name}@localhost IDENTIFIED BY %s", PASSWORD)
        self.sql(f"GRANT ALL PRIVILEGES ON {name}.* TO {name}@localhost")
        return Database(self, name)

    def sql(self, statement: str, *values) -> list[dict]:
        return Database(self, "mysql").sql(statement, *values)

    def status(self, name: str) -> int:
        """A counter of the server's, e.g. Com_stmt_execute."""
        (row,) = self.sql("SHOW GLOBAL STATUS WHERE Variable_name = %s", name)
        return int(row["Value"])
