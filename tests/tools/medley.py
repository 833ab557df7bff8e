#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One of everything: the same frames each time, of every kind that the shield tells apart.

usage: medley.py IFACE DST_MAC SRC4 DST4 SRC6 DST6 ROUND [follow]
       medley.py IFACE DST_MAC SRC4 DST4 SRC6 DST6 ask

Runs in a test's own network namespace. SRC4 and SRC6 are nobody's addresses. Ports 80 (open), 81
(closed) and 82 (mode off). ROUND moves the source ports, so that no round meets what the kernel
remembers of one before. 'follow': segments behind SYNs, too. Prints how many frames it sent.

'ask' reads lines '4|6 NAME SPORT' from standard input, sends that one frame (rows() has the names),
and prints a line.
"""
import os
import random
import socket
import struct
import sys
import time

OPEN, CLOSED, OFF = 80, 81, 82
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
LINUX = bytes.fromhex("020405b40402080a00000009000000000103030a")
LAYOUTS = [LINUX, b"", bytes.fromhex("020405b4"), bytes.fromhex("020405b40103030801010402"),
           bytes.fromhex("020405a0010303060101080a000000090000000004020000")]
MD5 = bytes([19, 18]) + bytes(range(16)) + b"\1\1"
SMALL_MSS = bytes.fromhex("02040064")
WRONG_OPTIONS = [bytes([8, 0, 1, 1]), bytes([8, 1, 1, 1]), bytes([1, 1, 8, 10]), bytes([1, 1, 1, 2])]


def refuse_real_interfaces(ifname):
    if os.path.exists("/proc/sys/net/core/netdev_max_backlog"):
        sys.exit("medley: refused: this is the initial network namespace")
    if not ifname.startswith("ss"):
        sys.exit(f"medley: refused: {ifname} is not an interface of the tests")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Host:
    """Frames from one address to one of the server's."""

    def __init__(self, macs, src, dst, base):
        self.macs, self.base, self.port = macs, base, base
        self.random = random.Random(1)
        self.v6 = ":" in dst
        family = socket.AF_INET6 if self.v6 else socket.AF_INET
        self.src, self.dst = socket.inet_pton(family, src), socket.inet_pton(family, dst)
        self.frames = []

    def next_port(self):
        self.port += 1
        return self.port

    def tcp(self, sport, dport, flags, options=b"", data=b"", doff=None, seq=None, src=None):
        seq = self.random.getrandbits(32) if seq is None else seq
        options += b"\1" * (-len(options) % 4)
        doff = 5 + len(options) // 4 if doff is None else doff
        segment = struct.pack("!HHIIBBHHH", sport, dport, seq, self.random.getrandbits(32) | 1, doff << 4,
                              flags, 64240, 0, 0) + options + data
        pseudo = (src or self.src) + self.dst
        pseudo += struct.pack("!I3xB", len(segment), 6) if self.v6 else struct.pack("!xBH", 6, len(segment))
        return segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]

    def ip4(self, payload, src, version_ihl=0x45, length=None, fragment=0x4000):
        length = 20 + len(payload) if length is None else length
        header = struct.pack("!BBHHHBBH", version_ihl, 0, length, 7, fragment, 64, 6, 0) + src + self.dst
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        return b"\x08\0" + header + payload

    def ip6(self, payload, src, headers=(), length=None):
        kinds = [kind for kind, _ in headers] + [6]
        chain = b"".join(bytes([after]) + body for (_, body), after in zip(headers, kinds[1:]))
        length = len(chain) + len(payload) if length is None else length
        return (b"\x86\xdd" + struct.pack("!IHBB", 0x60000000, length, kinds[0], 64) + src + self.dst +
                chain + payload)

    def put(self, packet):
        self.frames.append(self.macs + packet)

    def send(self, segment, src=None, **how):
        src = src or self.src
        self.put(self.ip6(segment, src, **how) if self.v6 else self.ip4(segment, src, **how))

    def segment(self, dport, flags, sport=None, times=1, **how):
        segment = self.tcp(sport or self.next_port(), dport, flags, **how)
        for _ in range(times):
            self.send(segment, how.get("src"))

    def address(self, text):
        return socket.inet_pton(socket.AF_INET6 if self.v6 else socket.AF_INET, text)


def syns(host):
    for options in LAYOUTS:
        host.segment(OPEN, SYN, options=options)
        host.segment(OPEN, SYN, options=options, times=3)
    host.segment(OPEN, SYN, options=LINUX, data=b"early")
    host.segment(OPEN, SYN, options=MD5)
    host.segment(OPEN, SYN, options=SMALL_MSS)
    host.segment(OPEN, SYN | 0xc0, options=LINUX)
    for port in CLOSED, OFF:
        host.segment(port, SYN, options=LINUX)
        host.segment(port, SYN, times=2)


def unknown(host):
    for port in OPEN, CLOSED, OFF:
        for flags in ACK, ACK | PSH, ACK | FIN, ACK | SYN, RST, RST | ACK, ACK | URG:
            data = b"data" if flags & PSH else b""
            host.segment(port, flags, data=data)
            host.segment(port, flags, data=data, times=4)


def malformed(host):
    for port in OPEN, CLOSED, OFF:
        for flags in 0, FIN, PSH, URG, FIN | PSH | URG, SYN | FIN, SYN | RST, SYN | FIN | ACK, SYN | RST | ACK:
            host.segment(port, flags)
        for doff in 0, 4, 6, 15:
            host.segment(port, ACK, doff=doff)
            host.segment(port, SYN, doff=doff)
        for options in WRONG_OPTIONS:
            host.segment(port, SYN, options=options)
    host.segment(0, SYN)
    host.send(host.tcp(0, OPEN, SYN))


def martians(host):
    addresses = ["::1", "ff02::1", "::", "::ffff:1.2.3.4"] if host.v6 else \
        ["127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0"]
    for src in [host.address(text) for text in addresses] + [host.dst]:
        host.segment(OPEN, SYN, src=src)
        host.segment(OPEN, ACK, src=src)


def lengths(host):
    segment = host.tcp(host.next_port(), OPEN, SYN, options=LINUX)
    if host.v6:
        host.send(segment, length=len(segment) + 4)
        host.send(segment, length=10)
        return
    host.send(segment, length=20 + len(segment) + 4)
    host.send(segment, length=16)
    host.send(segment, length=30)
    host.send(segment, version_ihl=0x44)
    host.send(segment, version_ihl=0x65)


def fragments(host):
    syn, data = host.tcp(host.next_port(), OPEN, SYN), host.tcp(host.next_port(), OPEN, ACK, data=b"x" * 44)
    # (what, offset in eights, more)
    for payload, offset, more in ((syn[:16], 0, 1), (syn, 0, 1), (data[:16], 0, 1), (data[:48], 0, 1),
                                  (data[8:16], 1, 1), (data[16:32], 2, 1), (data[48:], 6, 0)):
        if host.v6:
            field = struct.pack("!BHI", 0, offset << 3 | more, host.random.getrandbits(32))
            host.send(payload, headers=[(44, field)])
        else:
            host.send(payload, fragment=more << 13 | offset)


def listed(host):
    """From the two addresses that come after SRC: the lists' business."""
    for more in 1, 2:
        src = host.src[:-1] + bytes([host.src[-1] + more])
        for port in OPEN, CLOSED, OFF:
            for flags in SYN, ACK, RST, FIN, ACK | SYN:
                host.segment(port, flags, src=src)


def extensions(host):
    if not host.v6:
        return
    pad = (60, b"\0\1\4" + bytes(4))
    for count in 1, 3, 6, 7:
        for flags in SYN, ACK:
            host.send(host.tcp(host.next_port(), OPEN, flags), headers=[pad] * count)


def follow(host):
    """Behind a SYN: what follows it belongs to a connection that the kernel holds."""
    for flags in ACK, ACK | PSH, ACK | FIN, RST, ACK | SYN:
        sport = host.next_port()
        host.segment(OPEN, SYN, sport=sport, options=LINUX, seq=1000)
        host.segment(OPEN, flags, sport=sport, times=2)
    sport = host.next_port()
    host.segment(OPEN, SYN, sport=sport, seq=1000)
    host.segment(OPEN, SYN, sport=sport, seq=1000, times=20)


def of_host(host, sport):
    """Frames whose segments are whole: what is to be said is in the address, flags, ports or options."""
    last = lambda more: host.src[:-1] + bytes([host.src[-1] + more])
    martians4 = {"loopback": "127.0.0.1", "multicast": "224.0.0.1", "broadcast": "255.255.255.255",
                 "unspecified": "0.0.0.0"}
    martians6 = {"loopback": "::1", "multicast": "ff02::1", "unspecified": "::", "mapped": "::ffff:1.2.3.4"}
    rows = {
        "syn": (OPEN, SYN, {"options": LINUX}), "syn-closed": (CLOSED, SYN, {}), "syn-off": (OFF, SYN, {}),
        "syn-md5": (OPEN, SYN, {"options": MD5}), "syn-small-mss": (OPEN, SYN, {"options": SMALL_MSS}),
        "ack": (OPEN, ACK, {}), "ack-closed": (CLOSED, ACK, {}), "ack-off": (OFF, ACK, {}),
        "data-closed": (CLOSED, ACK | PSH, {"data": b"data"}), "fin-closed": (CLOSED, ACK | FIN, {}),
        "synack": (OPEN, SYN | ACK, {}), "rst": (OPEN, RST, {}), "rst-ack": (CLOSED, RST | ACK, {}),
        "null": (OPEN, 0, {}), "fin": (OPEN, FIN, {}), "psh": (OPEN, PSH, {}), "xmas": (OPEN, FIN | PSH | URG, {}),
        "syn-fin": (OPEN, SYN | FIN, {}), "syn-rst": (OPEN, SYN | RST, {}), "null-off": (OFF, 0, {}),
        "port-zero": (0, SYN, {}), "doff-4": (OPEN, ACK, {"doff": 4}), "doff-15": (OPEN, SYN, {"doff": 15}),
        "allowed-syn": (CLOSED, SYN, {"src": last(1)}), "allowed-ack": (CLOSED, ACK, {"src": last(1)}),
        "denied-syn": (OPEN, SYN, {"src": last(2)}), "denied-ack": (OPEN, ACK, {"src": last(2)}),
        "denied-off": (OFF, SYN, {"src": last(2)}), "martian-own": (OPEN, SYN, {"src": host.dst}),
    }
    for name, options in zip(("zero", "one", "overrun", "no-length"), WRONG_OPTIONS):
        rows[f"option-{name}"] = (OPEN, SYN, {"options": options})
    for name, text in (martians6 if host.v6 else martians4).items():
        rows[f"martian-{name}"] = (OPEN, SYN, {"src": host.address(text)})
    return {name: (lambda port=port, flags=flags, how=how: host.segment(port, flags, sport=sport, **how))
            for name, (port, flags, how) in rows.items()}


def of_ip(host, sport):
    """Frames that are not whole, or not for this host, or not TCP."""
    syn = host.tcp(sport, OPEN, SYN, options=LINUX)
    data = host.tcp(sport, OPEN, ACK, data=b"x" * 44)

    def fragment(payload, offset, more):
        if host.v6:
            host.send(payload, headers=[(44, struct.pack("!BHI", 0, offset << 3 | more, sport))])
        else:
            host.send(payload, fragment=more << 13 | offset)

    def elsewhere():
        host.dst = host.dst[:-1] + bytes([host.dst[-1] + 200])
        host.segment(OPEN, SYN, sport=sport)

    def other_station():
        host.macs = bytes([host.macs[0]]) + bytes([host.macs[1] ^ 1]) + host.macs[2:]
        host.segment(OPEN, SYN, sport=sport)

    def udp():
        host.put(host.ip4(syn, host.src) if not host.v6 else host.ip6(syn, host.src))
        at = 2 + (6 if host.v6 else 9)
        frame = bytearray(host.frames[0])
        frame[12 + at] = 17
        host.frames = [bytes(frame)]

    pad = (60, b"\0\1\4" + bytes(4))
    rows = {
        "udp": udp, "elsewhere": elsewhere, "other-station": other_station,
        "sport-zero": lambda: host.send(host.tcp(0, OPEN, SYN)),
        "fragment-first": lambda: fragment(data[:48], 0, 1), "fragment-later": lambda: fragment(data[48:], 6, 0),
        "fragment-syn": lambda: fragment(syn, 0, 1), "fragment-tiny": lambda: fragment(data[:16], 0, 1),
    }
    if host.v6:
        rows["headers-6"] = lambda: host.send(syn, headers=[pad] * 6)
        rows["headers-7"] = lambda: host.send(syn, headers=[pad] * 7)
        rows["length-over"] = lambda: host.send(syn, length=len(syn) + 4)
    else:
        rows["fragment-8"] = lambda: fragment(data[8:16], 1, 1)
        rows["ihl-4"] = lambda: host.send(syn, version_ihl=0x44)
        rows["version-6"] = lambda: host.send(syn, version_ihl=0x65)
        rows["length-over"] = lambda: host.send(syn, length=20 + len(syn) + 4)
        rows["length-under"] = lambda: host.send(syn, length=16)
    return rows


def answer(wire, macs, addresses):
    for line in sys.stdin:
        version, name, sport = line.split()
        src, dst = addresses[version == "6"]
        host = Host(macs, src, dst, int(sport))
        host.random = random.Random(int(sport))
        {**of_host(host, int(sport)), **of_ip(host, int(sport))}[name]()
        for frame in host.frames:
            wire.send(frame)
        print(len(host.frames), flush=True)


def main():
    ifname, dst_mac, src4, dst4, src6, dst6, number = sys.argv[1:8]
    refuse_real_interfaces(ifname)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((ifname, 0))
    macs = bytes.fromhex(dst_mac.replace(":", "")) + wire.getsockname()[4]
    addresses = ((src4, dst4), (src6, dst6))
    if number == "ask":
        answer(wire, macs, addresses)
        return
    sent = 0
    for src, dst in addresses:
        host = Host(macs, src, dst, 10000 + int(number) * 1000)
        for kind in syns, unknown, malformed, martians, lengths, fragments, listed, extensions:
            kind(host)
        if "follow" in sys.argv[8:]:
            follow(host)
        for frame in host.frames:
            wire.send(frame)
            time.sleep(0.0002)
        sent += len(host.frames)
    print(sent)


main()
