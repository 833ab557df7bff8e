#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Both ends of TCP connections in two network namespaces, one step at a time.

usage: ends.py SERVER_NS CLIENT_NS

Commands on standard input, one line each; 'ok' or 'failed: WHY' on standard output:
  listen PORT              the server listens on both families
  connect N ADDR PORT [SPORT]   connection N: the client connects, the server accepts
  dial N ADDR PORT SPORT   the client connects; nobody accepts it (yet)
  send N srv|cli BYTES     that end sends, the other one reads and acknowledges it
  fin N srv|cli            that end shuts down its sending side, the other one the same
  close N srv|cli          that end closes
  abort N srv|cli          that end closes with a RST
"""
import ctypes
import fcntl
import socket
import struct
import sys
import termios
import time

CLONE_NEWNET = 0x40000000
TIMEOUT = 5
UNACKNOWLEDGED = (4, 9, 11)  # TCP_FIN_WAIT1, TCP_LAST_ACK, TCP_CLOSING

libc = ctypes.CDLL(None, use_errno=True)
ns = {"srv": sys.argv[1], "cli": sys.argv[2]}
listeners = {}
conns = {}


def enter(end):
    with open("/run/netns/" + ns[end]) as f:
        if libc.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def make(end, family):
    enter(end)
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # each segment is acknowledged by itself
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    s.settimeout(TIMEOUT)
    return s


def listen(port):
    s = make("srv", socket.AF_INET6)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", int(port)))
    s.listen(4096)
    listeners[int(port)] = s


def dial(n, addr, port, sport=0):
    s = make("cli", socket.AF_INET6 if ":" in addr else socket.AF_INET)
    s.bind(("", int(sport)))
    conns[n] = {"cli": s}
    s.connect((addr, int(port)))


def connect(n, addr, port, sport=0):
    dial(n, addr, port, sport)
    conns[n]["srv"] = listeners[int(port)].accept()[0]
    conns[n]["srv"].settimeout(TIMEOUT)
    conns[n]["srv"].setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def other(n, end):
    return conns[n].get("cli" if end == "srv" else "srv")


def wait_until(what, holds):
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        if time.monotonic() > deadline:
            raise OSError("waited in vain for " + what)
        time.sleep(0.005)


def unacknowledged(s):
    return struct.unpack("i", fcntl.ioctl(s, termios.TIOCOUTQ, b"1234"))[0]


def state(s):
    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def send(n, end, count):
    left = int(count)
    conns[n][end].sendall(b"x" * left)
    while left:
        got = len(other(n, end).recv(left))
        if not got:
            raise OSError("the other end has closed")
        left -= got
    wait_until("the data's ACK", lambda: not unacknowledged(conns[n][end]))


def fin(n, end):
    conns[n][end].shutdown(socket.SHUT_WR)
    if other(n, end).recv(1):
        raise OSError("data in place of the end")
    wait_until("the FIN's ACK", lambda: state(conns[n][end]) not in UNACKNOWLEDGED)


def close(n, end):
    conns[n].pop(end).close()


def abort(n, end):
    s = conns[n].pop(end)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


COMMANDS = {f.__name__: f for f in (listen, dial, connect, send, fin, close, abort)}

for line in sys.stdin:
    words = line.split()
    try:
        COMMANDS[words[0]](*words[1:])
        print("ok", flush=True)
    except OSError as e:
        print("failed:", line.strip(), e, flush=True)
