#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the kernel lets whoever runs this do with a BPF map, by bare system calls.

mapread.py open ro|wo|rw PIN...   opens each pin:        ok, or the error's name; a line each
mapread.py id NUMBER              opens a map by its id: the same
mapread.py first PIN              its first key and value, in hexadecimal
mapread.py program PIN HEX        loads a program that writes HEX (8 bytes) to the first value
                                  of an array, through a descriptor that may only read, and runs it
"""
import ctypes
import errno
import os
import platform
import socket
import struct
import sys

SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
MAP_LOOKUP_ELEM, MAP_GET_NEXT_KEY, PROG_LOAD, OBJ_GET = 1, 4, 5, 7
MAP_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD = 14, 15
F_RDONLY, F_WRONLY = 1 << 3, 1 << 4
MODES = {"ro": F_RDONLY, "wo": F_WRONLY, "rw": 0}
SOCKET_FILTER = 1
SO_ATTACH_BPF = 50

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attr):
    attr = ctypes.create_string_buffer(attr, max(len(attr), 128))
    result = libc.syscall(SYS_BPF, command, attr, ctypes.c_uint(len(attr)))
    if result < 0:
        raise OSError(ctypes.get_errno(), "bpf")
    return result, attr.raw


def open_pin(pin, flags):
    path = ctypes.create_string_buffer(os.fsencode(pin))
    return bpf(OBJ_GET, struct.pack("QII", ctypes.addressof(path), 0, flags))[0]


def open_id(number):
    return bpf(MAP_GET_FD_BY_ID, struct.pack("III", number, 0, 0))[0]


def sizes(fd):
    info = ctypes.create_string_buffer(256)
    bpf(OBJ_GET_INFO_BY_FD, struct.pack("IIQ", fd, len(info), ctypes.addressof(info)))
    return struct.unpack_from("II", info, 8)


def first(pin):
    fd = open_pin(pin, F_RDONLY)
    key, value = (ctypes.create_string_buffer(n) for n in sizes(fd))
    attr = struct.pack("IIQQ", fd, 0, 0, ctypes.addressof(key))
    bpf(MAP_GET_NEXT_KEY, attr)
    attr = struct.pack("IIQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(value))
    bpf(MAP_LOOKUP_ELEM, attr)
    return f"{key.raw.hex()} {value.raw.hex()}"


def instruction(code, dst=0, src=0, offset=0, value=0):
    return struct.pack("<BBhi", code, src << 4 | dst, offset, value)


def program(pin, data):
    fd = open_pin(pin, F_RDONLY)
    low, high = struct.unpack("<ii", bytes.fromhex(data))
    code = b"".join((
        instruction(0x62, 10, 0, -4, 0),  # *(u32 *)(r10 - 4) = 0
        instruction(0xBF, 2, 10),  # r2 = r10
        instruction(0x07, 2, 0, 0, -4),  # r2 += -4
        instruction(0x18, 1, 1, 0, fd), instruction(0),  # r1 = the map
        instruction(0x85, 0, 0, 0, MAP_LOOKUP_ELEM),  # r0 = its element
        instruction(0x15, 0, 0, 2),  # none: the end
        instruction(0x62, 0, 0, 0, low),
        instruction(0x62, 0, 0, 4, high),
        instruction(0xB7),  # r0 = 0
        instruction(0x95),  # exit
    ))
    buffer = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"GPL")
    attr = struct.pack("IIQQ", SOCKET_FILTER, len(code) // 8, ctypes.addressof(buffer),
                       ctypes.addressof(licence))
    prog = bpf(PROG_LOAD, attr)[0]
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, struct.pack("I", prog))
    try:
        other.send(b"x")  # which the filter takes away
    except OSError:
        pass


def attempt(deed, *args):
    try:
        result = deed(*args)
        print(result if isinstance(result, str) else "ok")
    except OSError as e:
        print(errno.errorcode[e.errno])


def main():
    verb, what, *rest = sys.argv[1:]
    if verb == "open":
        for pin in rest:
            attempt(open_pin, pin, MODES[what])
    elif verb == "id":
        attempt(open_id, int(what))
    else:
        attempt({"first": first, "program": program}[verb], what, *rest)


main()
