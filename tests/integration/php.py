"""A private PHP-FPM.  One pool is credulous: it guesses which part of a path is
the script, as PHP does by itself, and executes files of any name, so that all
depends on the web server's config under test.  The other guesses nothing."""

import os
import shutil
import socket
from pathlib import Path

from daemon import Daemon

AS_ROOT = ["--allow-to-run-as-root"] if os.geteuid() == 0 else []


def program() -> str:
    """Debian's has the version in its name."""
    found = [name for name in sorted(os.listdir("/usr/sbin"))
             if name.startswith("php-fpm")]
    return shutil.which("php-fpm") or found[-1]


class PHP:
    def __init__(self, directory: Path, sockets: Path):
        self.credulous = sockets / "php.sock"
        self.strict = sockets / "php-strict.sock"
        config = directory / "php-fpm.conf"
        # Apache under test is another user when the tests are root's.
        pool = f"""
{'user = root' if AS_ROOT else ''}
listen.mode = 0666
pm = static
pm.max_children = 2
"""
        config.write_text(f"""
[global]
error_log = {directory}/php-fpm.log
[credulous]{pool}
listen = {self.credulous}
security.limit_extensions =
[strict]{pool}
listen = {self.strict}
php_admin_value[cgi.fix_pathinfo] = 0
""")
        self.daemon = Daemon(
            [program(), "--nodaemonize", "--no-php-ini", *AS_ROOT,
             "--fpm-config", config], directory / "php-fpm.log")

    def start(self) -> None:
        self.daemon.start(self.answers)

    def stop(self) -> None:
        self.daemon.stop()

    def answers(self) -> bool:
        for path in (self.credulous, self.strict):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(path)) != 0:
                    return False
        return True
