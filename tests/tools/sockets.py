#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sockets on demand: sockets.py COMMANDS ANSWERS, two pipes.

One command a line, one line of answer to each. CONN is a number that connect or
accept gave. An error is answered by its name; what does not come within the time
by 'timeout'.

  listen ADDR PORT [BACKLOG]           ok
  unlisten                             ok    nobody listens there any more
  accept                               ok CONN ADDR PORT
  connect SRC SPORT DST PORT [SECONDS] ok CONN    SRC and SPORT may be '-'
  dial SRC SPORT DST PORT              ok CONN    does not wait for the other end
  send CONN TEXT                       ok
  recv CONN [SECONDS]                  what came, or eof
  shut CONN                            ok    a FIN, and it can still receive
  close CONN                           ok
  abort CONN                           ok    a RST
  vanish CONN                          ok    no FIN, no RST: as if the machine had lost power
  keepalive CONN                       ok    probes after 1 s, every second
  open                                 the numbers of those that are open
"""
import errno
import socket
import struct
import sys

TCP_REPAIR = 19
conns = {}
state = {"listener": None, "next": 1}


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def add(conn):
    number = state["next"]
    state["next"] += 1
    conns[number] = conn
    return number


def listen(addr, port, backlog="128"):
    s = socket.socket(family(addr))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, int(port)))
    s.listen(int(backlog))
    s.settimeout(10)
    state["listener"] = s
    return "ok"


def unlisten():
    state["listener"].close()
    return "ok"


def accept():
    conn, remote = state["listener"].accept()
    return f"ok {add(conn)} {remote[0]} {remote[1]}"


def connect(src, sport, dst, port, seconds="10"):
    s = socket.socket(family(dst))
    s.settimeout(float(seconds))
    if src != "-" or sport != "-":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        any_addr = "::" if family(dst) == socket.AF_INET6 else "0.0.0.0"
        s.bind((any_addr if src == "-" else src, 0 if sport == "-" else int(sport)))
    try:
        s.connect((dst, int(port)))
    except OSError:
        s.close()
        raise
    return f"ok {add(s)}"


def dial(src, sport, dst, port):
    s = socket.socket(family(dst))
    s.bind((src, int(sport)))
    s.setblocking(False)
    try:
        s.connect((dst, int(port)))
    except BlockingIOError:
        pass
    return f"ok {add(s)}"


def send(conn, text):
    conns[int(conn)].sendall(text.encode())
    return "ok"


def recv(conn, seconds="10"):
    s = conns[int(conn)]
    s.settimeout(float(seconds))
    return s.recv(65536).decode() or "eof"


def shut(conn):
    conns[int(conn)].shutdown(socket.SHUT_WR)
    return "ok"


def close(conn):
    conns.pop(int(conn)).close()
    return "ok"


def abort(conn):
    conns[int(conn)].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return close(conn)


def vanish(conn):
    conns[int(conn)].setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    return close(conn)


def keepalive(conn):
    s = conns[int(conn)]
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return "ok"


def open_conns():
    return " ".join(str(number) for number in sorted(conns)) or "none"


COMMANDS = {f.__name__: f for f in (listen, unlisten, accept, connect, dial, send, recv, shut, close,
                                    abort, vanish, keepalive)}
COMMANDS["open"] = open_conns


def obey(line):
    word, *args = line.split()
    try:
        return COMMANDS[word](*args)
    except (socket.timeout, TimeoutError) as e:
        return errno.errorcode[e.errno] if e.errno else "timeout"
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))


def main():
    with open(sys.argv[1], encoding="ascii") as commands, \
         open(sys.argv[2], "w", encoding="ascii") as answers:
        for line in commands:
            print(obey(line), file=answers, flush=True)


main()
