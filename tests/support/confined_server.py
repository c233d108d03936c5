"""Run a server that listens on every interface so that only 127.0.0.1 of this machine reaches it.

    python confined_server.py LISTENING_FD PORT COMMAND...

The server runs in a network namespace of its own, with nothing but a loopback. This process stands in that
namespace too, yet accepts on a socket it was given, bound outside to 127.0.0.1, and carries bytes between the
two. Prints "ready" once the server answers. Ends, and ends the server, when its standard input does.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


def leave_the_network() -> None:
    uid, gid = os.getuid(), os.getgid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
    for name, content in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(content)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def serve(outside: socket.socket, port: int) -> None:
    while True:
        client, _ = outside.accept()
        try:
            server = socket.create_connection(("127.0.0.1", port))
        except OSError:
            client.close()
            continue
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for pair in ((client, server), (server, client)):
            threading.Thread(target=carry, args=pair, daemon=True).start()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            print("ready", flush=True)
            return
        time.sleep(0.05)
    sys.exit(f"the server ended with exit code {server.returncode}")


def main() -> None:
    outside = socket.socket(fileno=int(sys.argv[1]))
    port, command = int(sys.argv[2]), sys.argv[3:]
    leave_the_network()
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for(port, server)
        threading.Thread(target=serve, args=(outside, port), daemon=True).start()
        sys.stdin.buffer.read()
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
