#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One TCP segment many times over, as fast as it goes, as an attacker sends it.

Only what seg does not do, which waits for the reply to each: many segments, from ports or
to addresses in a row if that is asked for, and any number of IPv6 extension headers. Prints
how many were sent.
"""
import argparse
import ipaddress
import itertools
import socket
import struct

ETHERTYPE = {4: 0x0800, 6: 0x86DD}
IPPROTO_TCP = 6
IPPROTO_DSTOPTS = 60
PADN_4 = bytes((1, 4, 0, 0, 0, 0))  # fills a destination-options header of 8 bytes
HEADER = {4: 20, 6: 40}
FLAGS = "FSRPAUEC"


def checksum(data):
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(args, dst, sport):
    flags = sum(1 << FLAGS.index(letter) for letter in args.flags)
    tcp = struct.pack("!HHIIBBHHH", sport, args.dport, args.seq, args.ack, 5 << 4, flags, 65535, 0, 0)
    pseudo = args.src.packed + dst.packed
    pseudo += struct.pack("!BBH" if args.src.version == 4 else "!xxBBI", 0, IPPROTO_TCP, len(tcp))
    return tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]


def ip4(args, dst, payload):
    head = struct.pack("!BBHHHBBH", 0x45, 0, HEADER[4] + len(payload), 0, 0x4000, 64, IPPROTO_TCP, 0)
    head += args.src.packed + dst.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(args, dst, payload):
    following = [IPPROTO_DSTOPTS] * args.headers + [IPPROTO_TCP]
    for next_header in reversed(following[1:]):
        payload = bytes((next_header, 0)) + PADN_4 + payload
    head = struct.pack("!IHBB", 6 << 28, len(payload), following[0], 64)
    return head + args.src.packed + dst.packed + payload


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("iface")
    parser.add_argument("--dst-mac", required=True)
    parser.add_argument("--src", type=ipaddress.ip_address, required=True)
    parser.add_argument("--dst", type=ipaddress.ip_address, required=True)
    parser.add_argument("--sport", type=int, required=True)
    parser.add_argument("--dport", type=int, required=True)
    parser.add_argument("--flags", default="S", help="of " + FLAGS)
    parser.add_argument("--seq", type=int, default=1000)
    parser.add_argument("--ack", type=int, default=0)
    parser.add_argument("--headers", type=int, default=0, help="IPv6 destination-options headers")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--ports", type=int, default=1, help="use that many source ports in turn")
    parser.add_argument("--targets", type=int, default=1, help="and so many addresses from DST on")
    return parser.parse_args()


def main():
    args = parse_args()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((args.iface, 0))
        head = bytes.fromhex(args.dst_mac.replace(":", "")) + s.getsockname()[4]
        head += struct.pack("!H", ETHERTYPE[args.src.version])
        packet = ip4 if args.src.version == 4 else ip6
        frames = [
            head + packet(args, dst, segment(args, dst, args.sport + i % args.ports))
            for i in range(max(args.ports, args.targets))
            for dst in [args.dst + i % args.targets]
        ]
        for frame in itertools.islice(itertools.cycle(frames), args.count):
            s.send(frame)
    print(args.count)


main()
