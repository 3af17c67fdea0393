"""Private lighttpd, nginx and Apache in front of a pool."""

import os
from pathlib import Path

from daemon import Daemon, accepts, free_port

TOP = Path(__file__).resolve().parents[2]


class WebServer:
    """A server on 127.0.0.1 that hands everything under mount to a socket, and
    the checks of requests to a socket of their own, if there is one."""

    def __init__(self, directory: Path, socket: Path, verify_socket: Path,
                 mount: str):
        self.port = free_port()
        self.directory = directory
        self.socket = socket
        self.verify_socket = verify_socket
        self.mount = mount
        config = directory / f"{type(self).__name__.lower()}.conf"
        config.write_text(self.config())
        self.daemon = Daemon(self.command(config),
                             config.with_suffix(".log"))

    def start(self) -> None:
        self.daemon.start(lambda: accepts(self.port))

    def stop(self) -> None:
        self.daemon.stop()

    def config(self) -> str:
        raise NotImplementedError

    def command(self, config: Path) -> list[str | Path]:
        raise NotImplementedError


class Lighttpd(WebServer):
    def config(self) -> str:
        return f"""
server.bind = "127.0.0.1"
server.port = {self.port}
server.document-root = "{self.directory}"
server.upload-dirs = ("{self.directory}")
server.modules = ()
var.latchkey_mount = "{self.mount}"
var.latchkey_socket = "{self.socket}"
var.latchkey_verify_socket = "{self.verify_socket}"
include "{TOP}/deploy/lighttpd/latchkey.conf"
"""

    def command(self, config: Path) -> list[str | Path]:
        return ["lighttpd", "-D", "-f", config]


class Nginx(WebServer):
    def config(self) -> str:
        temporary = "\n".join(
            f"    {kind}_temp_path {self.directory}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""
daemon off;
{'user root;' if os.geteuid() == 0 else ''}
worker_processes 1;
pid {self.directory}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
{temporary}
    server {{
        listen 127.0.0.1:{self.port};
        client_max_body_size 1m;
        root {self.directory};
        location ^~ {self.mount}/ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_pass unix:{self.socket};
        }}
        location /members/ {{
            auth_request /latchkey-verify;
        }}
        location = /latchkey-verify {{
            internal;
            fastcgi_pass unix:{self.verify_socket};
            fastcgi_pass_request_body off;
            fastcgi_param REQUEST_METHOD GET;
            fastcgi_param REQUEST_URI {self.mount}/verify/admin;
            fastcgi_param REMOTE_ADDR $remote_addr;
        }}
    }}
}}
"""

    def command(self, config: Path) -> list[str | Path]:
        # Without -e nginx complains of a log that only root may write.
        return ["nginx", "-e", "stderr", "-c", config]


class Apache(WebServer):
    # Apache will not run as root: the pool's socket has to be open to it.
    def config(self) -> str:
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
            for name in ("mpm_event", "authz_core", "proxy", "proxy_fcgi"))
        return f"""
{modules}
ServerName 127.0.0.1
Listen 127.0.0.1:{self.port}
{'User www-data' if os.geteuid() == 0 else ''}
{'Group www-data' if os.geteuid() == 0 else ''}
DefaultRuntimeDir {self.directory}
PidFile {self.directory}/apache.pid
Mutex file:{self.directory}
ErrorLog /dev/stderr
StartServers 1
<Location "{self.mount}/">
    CGIPassAuth On
    SetHandler "proxy:unix:{self.socket}|fcgi://latchkey/"
</Location>
"""

    def command(self, config: Path) -> list[str | Path]:
        return ["apache2", "-D", "FOREGROUND", "-f", config]
