"""Becomes a program that was passed sockets, as systemd starts one
(sd_listen_fds(3)): `activate.py FD... -- PROGRAM ARGUMENT...`.  The descriptors
become 3, 4 and so on; LISTEN_PID is set unless it is there already."""

import fcntl
import os
import sys

FIRST = 3

end = sys.argv.index("--")
given = [int(word) for word in sys.argv[1:end]]
# Out of the way first: one may stand where another is to go.
copies = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in given]
for fd in given:
    os.close(fd)
for number, copy in enumerate(copies, FIRST):
    os.dup2(copy, number)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
