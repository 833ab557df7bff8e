#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Draws a terminal's screen as SVG: screen.py COLS ROWS < `tmux capture-pane -e -p`

Text stays text, in runs of one style; block elements become rectangles, so that bars have no gaps
whatever font the reader has.
"""
import re
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT, SIZE, EDGE = 8.4, 18, 14, 14
FULL = "\u2588"
BACK, TEXT = "#11151c", "#d5dae3"
COLOURS = ["#3b4252", "#f0616d", "#7fd88f", "#f2c55c", "#2f5fa8", "#c792ea", "#5cc8d8", "#ffffff"]


def styled(text):
    """The lines of (character, colour, background, bold, dim); a style lasts beyond a line's end."""
    colour, back, bold, dim = None, None, False, False
    lines = [[]]
    for sgr, ch in re.findall(r"\x1b\[([0-9;]*)m|(.|\n)", text):
        if ch == "\n":
            lines.append([])
        elif ch:
            lines[-1].append((ch, colour, back, bold, dim))
        for code in [] if ch else [int(c or 0) for c in sgr.split(";")]:
            if code == 0:
                colour, back, bold, dim = None, None, False, False
            elif code in (1, 2):
                bold, dim = bold or code == 1, dim or code == 2
            elif 30 <= code <= 37:
                colour = COLOURS[code - 30]
            elif 40 <= code <= 47:
                back = COLOURS[code - 40]
            elif code == 39:
                colour = None
            elif code == 49:
                back = None
    return lines


def rect(x, y, w, h, fill):
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{w:.2f}" height="{h:.2f}" fill="{fill}"/>'


def block(ch, x, y, fill):
    """U+2581 to U+2588 grow upwards, U+2589 to U+258F are cut from the right; or None."""
    n = ord(ch) - 0x2580
    if n == 8:
        return rect(x - 0.5, y + HEIGHT * 0.05, WIDTH + 0.5, HEIGHT * 0.9, fill)
    if 1 <= n <= 7:
        tall = HEIGHT * 0.9 * n / 8
        return rect(x - 0.5, y + HEIGHT * 0.95 - tall, WIDTH + 0.5, tall, fill)
    if 9 <= n <= 15:
        return rect(x - 0.5, y + HEIGHT * 0.05, WIDTH * (16 - n) / 8 + 0.5, HEIGHT * 0.9, fill)
    return None


def draw_row(cells, y, out):
    run, start, style, full = "", 0, None, 0

    def flush():
        text = run.rstrip()
        if text:
            colour, bold, dim = style
            x = EDGE + start * WIDTH
            more = ' font-weight="bold"' if bold else ""
            more += ' opacity="0.55"' if dim else ""
            out.append(f'<text x="{x:.2f}" y="{y + HEIGHT * 0.74:.2f}" fill="{colour or TEXT}"'
                       f' textLength="{len(text) * WIDTH:.2f}"{more}>{escape(text)}</text>')

    for col, (ch, colour, back, bold, dim) in enumerate(cells):
        x = EDGE + col * WIDTH
        if back:
            out.append(rect(x, y, WIDTH + 0.3, HEIGHT, back))
        drawn = block(ch, x, y, colour or TEXT)
        if drawn:
            flush()
            run = ""
            if ch == FULL and col and cells[col - 1][0] == FULL:
                out.pop()  # one rectangle for all of a bar: no seams
                full += 1
                drawn = rect(x - full * WIDTH - 0.5, y + HEIGHT * 0.05,
                             (full + 1) * WIDTH + 0.5, HEIGHT * 0.9, colour or TEXT)
            else:
                full = 0
            out.append(drawn)
            ch = " "
        # a run ends at two blanks: what follows stands in a column of its own
        if (colour, bold, dim) != style or run.endswith("  "):
            flush()
            run, style = "", (colour, bold, dim)
        if run or ch != " ":
            start = start if run else col
            run += ch
    flush()


def main():
    cols, rows = int(sys.argv[1]), int(sys.argv[2])
    width, height = cols * WIDTH + 2 * EDGE, rows * HEIGHT + 2 * EDGE
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
           f' width="{width:.0f}" height="{height:.0f}"'
           f' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{SIZE}">',
           f'<rect width="100%" height="100%" rx="9" fill="{BACK}"/>']
    for row, cells in enumerate(styled(sys.stdin.read())[:rows]):
        if row == 0:
            cells += [(" ", None, cells[-1][2], False, False)] * (cols - len(cells))
        draw_row(cells, EDGE + row * HEIGHT, out)
    out.append("</svg>")
    print("\n".join(out))


main()
