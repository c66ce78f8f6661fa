"""A stand-in for systemd: binds a port for each ADDRESS, passes them on as descriptors 3 and up, and prints what it is told.

usage: manager.py NAMES ADDRESS[,ADDRESS...] PROGRAM [ARGUMENT...]
The first line says which addresses were bound. Then each word that arrives is one line, newlines as "|". SIGTERM and SIGHUP go on to the program.
"""

import os
import signal
import socket
import sys
import tempfile

names, addresses, program = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
folder = tempfile.mkdtemp(prefix="mwt-notify-")
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(folder + "/socket")

sockets = []
for address in addresses:
    host, port = address.rsplit(":", 1)
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    # As systemd does: connections of the case before may still be in TIME_WAIT on this port.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((host.strip("[]"), int(port)))
    one.listen(100)
    sockets.append(one)
print("bound " + " ".join(str(one.getsockname()[1]) for one in sockets), flush=True)

child = os.fork()
if child == 0:
    # Up and out of the way first: the numbers from 3 on may be in use.
    kept = [os.dup(one.fileno()) for one in sockets]
    high = [os.dup2(fd, 100 + at, inheritable=False) for at, fd in enumerate(kept)]
    for at, fd in enumerate(high):
        os.dup2(fd, 3 + at, inheritable=True)
    os.environ.update(
        NOTIFY_SOCKET=folder + "/socket",
        WATCHDOG_USEC="400000",
        WATCHDOG_PID=str(os.getpid()),
        LISTEN_PID=str(os.getpid()),
        LISTEN_FDS=str(len(sockets)),
        LISTEN_FDNAMES=names,
    )
    os.execv(program[0], program)

for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda received, _frame: os.kill(child, received))
notify.settimeout(0.1)
code = None
while code is None:
    try:
        data, fds, _flags, _address = socket.recv_fds(notify, 65536, 8)
        # The other end of a barrier waits until we let go of this.
        for fd in fds:
            os.close(fd)
        print("told " + data.decode().replace("\n", "|"), flush=True)
    except TimeoutError:
        pass
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        code = os.waitstatus_to_exitcode(status)
os.unlink(folder + "/socket")
os.rmdir(folder)
sys.exit(code)
