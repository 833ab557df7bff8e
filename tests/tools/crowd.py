#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Thousands of sockets.

crowd.py listen ADDR LO-HI           on each of these ports; says back what it hears
crowd.py hold N DST LO-HI SRC...     N connections that stay open, to these ports in any order

Both print 'ready'. Whenever hold gets SIGUSR1 every connection says a word, one after the
other and in another order each time, and hears it; it prints how many did: 'N of M'.
"""
import itertools
import random
import resource
import select
import signal
import socket
import sys

SECONDS = 5  # for one answer


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def ports(text):
    lo, _, hi = text.partition("-")
    return range(int(lo), int(hi or lo) + 1)


def listen(addr, text):
    poll = select.epoll()
    listening, talking = {}, {}
    for port in ports(text):
        s = socket.socket(family(addr))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((addr, port))
        s.listen(16)
        listening[s.fileno()] = s
        poll.register(s, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll():
            if fd in listening:
                conn = listening[fd].accept()[0]
                talking[conn.fileno()] = conn
                poll.register(conn, select.EPOLLIN)
                continue
            try:
                data = talking[fd].recv(100)
            except OSError:
                data = b""
            if data:
                talking[fd].send(data)
            else:
                poll.unregister(fd)
                talking.pop(fd).close()


def speaks(conn):
    word = b"%08d" % random.randrange(10**8)
    try:
        conn.send(word)
        heard = b""
        while len(heard) < len(word):
            more = conn.recv(100)
            if not more:
                return False
            heard += more
        return heard == word
    except OSError:
        return False


def hold(number, dst, text, *sources):
    conns = []
    targets = itertools.cycle(random.sample(ports(text), len(ports(text))))
    for i in range(int(number)):
        s = socket.socket(family(dst))
        s.settimeout(SECONDS)
        s.bind((sources[i % len(sources)], 0))
        try:
            s.connect((dst, next(targets)))
        except OSError:
            pass
        conns.append(s)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    print("ready", flush=True)
    while True:
        signal.sigwait([signal.SIGUSR1])
        random.shuffle(conns)
        print(sum(map(speaks, conns)), "of", len(conns), flush=True)


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    {"listen": listen, "hold": hold}[sys.argv[1]](*sys.argv[2:])


main()
