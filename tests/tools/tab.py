#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tab.py RCFILE WORDS...: types "synshield WORDS", then TAB, into an interactive bash.

Prints for each what words the line has afterwards, joined by blanks: bash runs the line,
with a function in place of synshield that says what it got.
"""

import os
import pty
import select
import sys


def read_until(fd, what, seconds=20.0):
    data = b""
    while what not in data:
        if not select.select([fd], [], [], seconds)[0]:
            sys.exit(f"tab: bash did not come to {what!r}: {data!r}")
        data += os.read(fd, 65536)
    return data.decode()


def main():
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(PS1="", TERM="dumb", INPUTRC="/dev/null", HISTFILE="", COLUMNS="2000")
        os.execvp("bash", ["bash", "--rcfile", sys.argv[1], "-i"])
    os.write(fd, b"synshield() { printf '{%s}' \"$*\"; }; echo re''ady\n")
    read_until(fd, b"ready")
    for words in sys.argv[2:]:
        os.write(fd, f"synshield {words}\t\n".encode())
        print(read_until(fd, b"}").split("{")[-1].split("}")[0])
    os.write(fd, b"exit\n")
    os.waitpid(pid, 0)


main()
