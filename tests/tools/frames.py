#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Prints each frame of a capture (pcap, on standard input) in hex, on a line of its own."""
import struct
import sys

data = sys.stdin.buffer.read()
order = "<" if data[0] in (0xD4, 0x4D) else ">"
at = 24
while at < len(data):
    size = struct.unpack_from(order + "I", data, at + 8)[0]
    print(data[at + 16:at + 16 + size].hex())
    at += 16 + size
