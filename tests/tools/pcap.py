#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes a capture of conversations that are told in words, on standard output.

usage: pcap.py [OPTION...] SCRIPT...

Each SCRIPT is one conversation between a client and a server, one after the other:

  >S <SA >A      the client's SYN, the server's SYN-ACK, the client's ACK; letters of S A F R
  >D10           10 bytes of data (PSH,ACK); >F is FIN,ACK
  >F*            the same segment as that end's last with a FIN, once more (also S*, SA*, A*, D*)
  <K             a keepalive probe: an ACK whose number is one less than the next
  <F-            its ACK does not cover the other end's FIN yet
  >S+            that end's SYN of another connection on the same tuple, with a higher number (also SA+)
  @60            60 s go by

Options: --ng, --nano, --big-endian; --vlan N (twice: QinQ), --ipv6, --link ethernet|raw|cooked;
--snaplen N; --port P; --client-port P (of the first conversation); --mss N, of each SYN (default: none)
"""
import argparse
import ipaddress
import re
import struct
import sys

FLAGS = {"S": 2, "A": 16, "F": 1, "R": 4, "P": 8}
LINKS = {"ethernet": 1, "raw": 101, "cooked": 113}
SERVER_MAC, CLIENT_MAC = bytes.fromhex("020000000002"), bytes.fromhex("020000000001")

parser = argparse.ArgumentParser()
parser.add_argument("--ng", action="store_true")
parser.add_argument("--nano", action="store_true")
parser.add_argument("--big-endian", action="store_true")
parser.add_argument("--vlan", type=int, action="append", default=[])
parser.add_argument("--ipv6", action="store_true")
parser.add_argument("--link", choices=LINKS, default="ethernet")
parser.add_argument("--snaplen", type=int, default=262144)
parser.add_argument("--mss", type=int)
parser.add_argument("--port", type=int, default=80)
parser.add_argument("--client-port", type=int, default=1025)
parser.add_argument("script", nargs="+")
args = parser.parse_args()

ORDER = ">" if args.big_endian else "<"
SERVER = ipaddress.ip_address("2001:db8:1::1" if args.ipv6 else "198.51.100.1").packed
CLIENT = ipaddress.ip_address("2001:db8:2::2" if args.ipv6 else "192.0.2.2").packed


def packet(end, sport, seq, ack, flags, data):
    source, target = (CLIENT, SERVER) if end == ">" else (SERVER, CLIENT)
    ports = (sport, args.port) if end == ">" else (args.port, sport)
    options = struct.pack(">BBH", 2, 4, args.mss) if flags & FLAGS["S"] and args.mss else b""
    offset = (20 + len(options)) // 4 << 4
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack, offset, flags, 65535, 0, 0) + options + data
    if args.ipv6:
        ip = struct.pack(">IHBB", 6 << 28, len(tcp), 6, 64) + source + target
    else:
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + source + target
    proto = 0x86DD if args.ipv6 else 0x0800
    if args.link == "raw":
        return ip + tcp
    if args.link == "cooked":
        return struct.pack(">HHH8sH", 0, 1, 6, CLIENT_MAC, proto) + ip + tcp
    macs = SERVER_MAC + CLIENT_MAC if end == ">" else CLIENT_MAC + SERVER_MAC
    tags = [0x88A8, 0x8100][-len(args.vlan):] if args.vlan else []
    tagged = b"".join(struct.pack(">HH", t, v) for t, v in zip(tags, args.vlan))
    return macs + tagged + struct.pack(">H", proto) + ip + tcp


def converse(script, sport, now):
    isn = {">": 0x10000000, "<": 0xFFFFFFF0}
    following = {e: (n + 1) & 0xFFFFFFFF for e, n in isn.items()}
    fin, last = {">": False, "<": False}, {}
    for word in script.split():
        if word[0] == "@":
            now += float(word[1:])
            continue
        end, name, count, mark = re.fullmatch(r"([<>])([A-Z]+)(\d*)([*+-]?)", word).groups()
        other = "<" if end == ">" else ">"
        if mark == "*":
            yield now, packet(end, sport, *last[end, name])
            now += 0.01
            continue
        if mark == "+":
            isn[end] = (following[end] + 0x10000) & 0xFFFFFFFF
        data = b"x" * int(count or 0)
        flags = {"D": 24, "K": 16}.get(name) or sum(FLAGS[f] for f in name)
        flags |= 16 if name == "F" else 0
        ack = (following[other] - (mark == "-")) & 0xFFFFFFFF if flags & 16 else 0
        seq = isn[end] if flags & 2 else following[end]
        seq = (seq - (name == "K")) & 0xFFFFFFFF
        last[end, name] = (seq, ack, flags, data)
        yield now, packet(end, sport, *last[end, name])
        now += 0.01
        if flags & 2:
            following[end] = (isn[end] + 1) & 0xFFFFFFFF
        else:
            following[end] = (following[end] + len(data) + (flags & 1)) & 0xFFFFFFFF


def block(kind, body):
    body += bytes(-len(body) % 4)
    size = 12 + len(body)
    return struct.pack(ORDER + "II", kind, size) + body + struct.pack(ORDER + "I", size)


def head():
    if not args.ng:
        magic = 0xA1B23C4D if args.nano else 0xA1B2C3D4
        return struct.pack(ORDER + "IHHiIII", magic, 2, 4, 0, 0, args.snaplen, LINKS[args.link])
    section = struct.pack(ORDER + "IHHq", 0x1A2B3C4D, 1, 0, -1)
    options = struct.pack(ORDER + "HHB3xHH", 9, 1, 9, 0, 0) if args.nano else b""
    interface = struct.pack(ORDER + "HHI", LINKS[args.link], 0, args.snaplen) + options
    return block(0x0A0D0D0A, section) + block(1, interface)


def record(now, data):
    per_second = 10**9 if args.nano else 10**6
    ticks = round(now * per_second)
    kept = data[: args.snaplen]
    if not args.ng:
        seconds, rest = divmod(ticks, per_second)
        return struct.pack(ORDER + "IIII", seconds, rest, len(kept), len(data)) + kept
    body = struct.pack(ORDER + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(kept), len(data))
    return block(6, body + kept)


out = sys.stdout.buffer
out.write(head())
start = 1700000000.0
for number, text in enumerate(args.script):
    for start, frame in converse(text, args.client_port + number, start):
        out.write(record(start, frame))
    start += 0.01
