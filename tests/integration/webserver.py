"""Private lighttpd, nginx and Apache in front of a pool, by the configs of
deploy/ as they are: the mount, Latchkey's pages, and the folders /private/ (any
user) and /editors/ (a role) below the docroot."""

import os
import shutil
from pathlib import Path

from daemon import Daemon, accepts, free_port

TOP = Path(__file__).resolve().parents[2]


class WebServer:
    """A server on 127.0.0.1 that hands everything under mount to a socket, and
    the checks of requests to a socket of their own, if there is one."""

    def __init__(self, directory: Path, socket: Path, verify_socket: Path,
                 mount: str):
        self.port = free_port()
        self.verify_port = free_port()
        self.directory = directory
        self.socket = socket
        self.verify_socket = verify_socket
        self.php_socket = socket.with_name(socket.name + ".php")
        self.mount = mount
        # Not below pytest's directory, which Apache may not enter.
        self.docroot = socket.with_name(socket.name + ".www")
        self.docroot.mkdir()
        self.pages = socket.with_name(socket.name + ".pages")
        shutil.copytree(TOP / "app/web", self.pages)
        self.path = directory / f"{type(self).__name__.lower()}.conf"
        self.configure()
        self.daemon = Daemon(self.command(self.path),
                             self.path.with_suffix(".log"))

    def start(self) -> None:
        self.daemon.start(lambda: accepts(self.port))

    def stop(self) -> None:
        self.daemon.stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def configure(self, protect: bool = False, lost: bool = False,
                  tls: tuple[Path, Path] | None = None) -> None:
        """Writes the config.  protect: with the pages and the folders; lost:
        whose setting of the role has got lost; tls: a certificate and its
        key."""
        self.path.write_text(self.config(protect, lost, tls))

    def verify_listen(self) -> str:
        """Where this server's checks of folders go to."""
        return str(self.verify_socket)

    def include(self, name: str, **replaced: str) -> str:
        """A file of deploy/, changed as an administrator would."""
        text = (TOP / "deploy" / type(self).__name__.lower()
                / name).read_text()
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        copy = self.directory / name
        copy.write_text(text)
        return str(copy)

    def config(self, protect: bool, lost: bool,
               tls: tuple[Path, Path] | None) -> str:
        raise NotImplementedError

    def command(self, config: Path) -> list[str | Path]:
        raise NotImplementedError


class Lighttpd(WebServer):
    def config(self, protect: bool, lost: bool,
               tls: tuple[Path, Path] | None) -> str:
        text = f"""
server.bind = "127.0.0.1"
server.port = {self.port}
server.document-root = "{self.docroot}"
server.upload-dirs = ("{self.directory}")
server.modules = ()
mimetype.assign = (".html" => "text/html")
index-file.names = ("index.html")
var.latchkey_mount = "{self.mount}"
var.latchkey_socket = "{self.socket}"
var.latchkey_verify_socket = "{self.verify_socket}"
"""
        if tls:
            text = text.replace(f"server.port = {self.port}",
                                f"server.port = {self.verify_port}")
            text += f"""
var.tls_socket = "127.0.0.1:{self.port}"
var.tls_certificate = "{tls[0]}"
var.tls_key = "{tls[1]}"
include "{TOP}/deploy/lighttpd/tls.conf"
"""
        text += f'include "{TOP}/deploy/lighttpd/latchkey.conf"\n'
        if protect:
            copy = self.include("protect.conf", **(
                {'("LATCHKEY_REQUIRE_ROLE" =>': '("LATCHKEY_REQUIRE_ROLF" =>'}
                if lost else {}))
            text += f"""
var.latchkey_pages = "{self.pages}"
var.latchkey_docroot = "{self.docroot}"
var.latchkey_php_socket = "{self.php_socket}"
include "{TOP}/deploy/lighttpd/pages.conf"
fastcgi.server = (".php" => (("socket" => latchkey_php_socket)))
include "{copy}"
"""
        return text

    def command(self, config: Path) -> list[str | Path]:
        return ["lighttpd", "-D", "-f", config]


class Nginx(WebServer):
    # As every site with PHP has it: open pages, for all names that end so.
    PHP = """
        location ~ ^(.+\\.php)(/|$) {{
            try_files $1 =404;
            include latchkey/identity.conf;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_pass unix:{};
        }}"""

    def config(self, protect: bool, lost: bool,
               tls: tuple[Path, Path] | None) -> str:
        folder = self.directory / "latchkey"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in (TOP / "deploy/nginx").iterdir():
            text = (file.read_text()
                    .replace("unix:/run/latchkey/latchkey.sock",
                             f"unix:{self.socket}")
                    .replace("unix:/run/latchkey/verify.sock",
                             f"unix:{self.verify_socket}")
                    .replace("unix:/run/php/php-fpm.sock",
                             f"unix:{self.php_socket}")
                    .replace("/auth", self.mount)
                    .replace("/usr/local/share/latchkey/web",
                             str(self.pages)))
            if lost:
                text = text.replace("check/role/editor;", "check/role/;")
                text = text.replace("check/user;", "check/;")
            if tls:
                live = "/etc/letsencrypt/live/www.example.org"
                text = text.replace(f"{live}/fullchain.pem", str(tls[0]))
                text = text.replace(f"{live}/privkey.pem", str(tls[1]))
            (folder / file.name).write_text(text)
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
    types {{ text/html html; }}
{temporary}
    server {{
        listen 127.0.0.1:{self.port}{' ssl' if tls else ''};
        root {self.docroot};
        {'include latchkey/tls.conf;' if tls else ''}
        include latchkey/latchkey.conf;
        {'include latchkey/pages.conf;' if protect else ''}
        {'include latchkey/protect.conf;' if protect else ''}
        {self.PHP.format(self.php_socket) if protect else ''}
    }}
}}
"""

    def command(self, config: Path) -> list[str | Path]:
        # Without -e nginx complains of a log that only root may write.
        return ["nginx", "-e", "stderr", "-c", config]


class Apache(WebServer):
    MODULES = ("mpm_event", "authz_core", "authz_user", "authn_core", "dir",
               "mime", "headers", "setenvif", "reqtimeout", "proxy",
               "proxy_fcgi", "authnz_fcgi", "alias", "ssl")

    # Apache will not run as root: the pool's socket has to be open to it.
    def verify_listen(self) -> str:
        return f"tcp:127.0.0.1:{self.verify_port}"

    def config(self, protect: bool, lost: bool,
               tls: tuple[Path, Path] | None) -> str:
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
            for name in self.MODULES)
        text = f"""
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
TypesConfig /dev/null
AddType text/html .html
DocumentRoot {self.docroot}
Define LATCHKEY_MOUNT "{self.mount}/"
Define LATCHKEY_SOCKET unix:{self.socket}
Define LATCHKEY_VERIFY_SOCKET unix:{self.verify_socket}
Include {TOP}/deploy/apache/latchkey.conf
"""
        if protect:
            copy = self.include("protect.conf", **(
                {"LATCHKEY_REQUIRE_ROLE=": "LATCHKEY_REQUIRE_ROLF="}
                if lost else {}))
            text += f"""
Define LATCHKEY_PAGES {self.pages}
Define LATCHKEY_VERIFY_PORT {self.verify_port}
Define LATCHKEY_DOCROOT {self.docroot}
Define LATCHKEY_PHP_SOCKET unix:{self.php_socket}
Include {TOP}/deploy/apache/pages.conf
Include {copy}
"""
        if tls:
            text += f"""
Define TLS_CERTIFICATE {tls[0]}
Define TLS_KEY {tls[1]}
Include {TOP}/deploy/apache/tls.conf
"""
        return text

    def command(self, config: Path) -> list[str | Path]:
        return ["apache2", "-D", "FOREGROUND", "-f", config]
