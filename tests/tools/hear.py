#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# hear.py SOCKET: a UNIX datagram socket, as systemd's; each message is one line, its own newlines as |.
import socket, sys

heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1])
print("ready", flush=True)
while True:
    print(heard.recv(65536).decode().rstrip("\n").replace("\n", "|"), flush=True)
