#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the bench has measured, as tables for the eye and as JSON: report.py RECORDS JSON

A record is METRIC SUBJECT CLASS ROUND VALUE.  A figure is the median of its rounds; its spread is
half of what lies between the least and the most, in per cent of the median.  A ratio is the median
of the rounds' own ratios, for what two subjects did one after the other: the machine's pace cancels.
"""
import collections
import json
import statistics
import sys

FULL = 1000000  # connections, in a table that is to hold that many
BUSY = 0.9  # of a CPU: less is not saturated
DAEMON = "daemon"  # of tests/bench/daemon.sh: beside the subjects


class Bench:
    def __init__(self, path):
        self.values = collections.defaultdict(dict)
        self.missing = {}
        self.subjects = []
        with open(path, encoding="utf-8") as records:
            for line in records:
                self.add(*line.rstrip("\n").split("\t"))

    def add(self, metric, subject, kind, turn, value):
        if metric == "missing":
            self.missing[subject] = value
            return
        if subject not in self.subjects and subject != DAEMON:
            self.subjects.append(subject)
        if value not in ("", "null"):
            self.values[metric, subject, kind][int(turn)] = float(value)

    def rounds(self, metric, subject, kind):
        return self.values.get((metric, subject, kind), {})

    def median(self, metric, subject, kind):
        values = self.rounds(metric, subject, kind).values()
        return statistics.median(values) if values else None

    def ratio(self, upper, lower):
        """Of two (metric, subject, class): (median, least, most), or None."""
        above, below = self.rounds(*upper), self.rounds(*lower)
        ratios = [above[r] / below[r] for r in above if below.get(r)]
        return (statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def spread(values):
    middle = statistics.median(values)
    return 50 * (max(values) - min(values)) / middle if middle else 0


def show(value):
    if value is None:
        return "-"
    if value >= 1e9:
        return f"{value / 1e9:.2f}G"
    if value >= 1e6:
        return f"{value / 1e6:.2f}M"
    if value >= 1e4:
        return f"{value / 1e3:.0f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def table(bench, title, metric, classes, names=None, mark=None):
    """One row for each subject that has any of it."""
    rows = [s for s in bench.subjects if any(bench.rounds(metric, s, c) for c in classes)]
    if not rows:
        return
    print(f"\n{title}\n")
    print("| |" + "|".join(names or classes) + "|")
    print("|---|" + "---:|" * len(classes))
    for subject in rows:
        cells = []
        for kind in classes:
            values = list(bench.rounds(metric, subject, kind).values())
            cell = show(bench.median(metric, subject, kind))
            if len(values) > 1:
                cell += f" ±{spread(values):.0f} %"
            if mark and values and mark(subject, kind):
                cell += " *"
            cells.append(cell)
        print(f"|{subject}|" + "|".join(cells) + "|")


FLOODS = ["syn", "bare-syn", "syn6", "ack", "rst", "mix"]
CLIENTS = ["1000000-syn", "full-syn", "1000000-ack", "1000000-mix", "first-1000000-syn"]


def tables(bench):
    def idle(subject, kind):
        return (bench.median("busy", subject, kind) or 0) < BUSY

    table(bench, "CPU ns per packet received, one core saturated (*: it was not)", "cost", FLOODS,
          mark=idle)
    table(bench, "Packets per second that the core takes", "rate", FLOODS)
    table(bench, "Answers per second that reach the attacker", "answers", FLOODS)
    table(bench, "Bulk, bits per second", "bulk", ["calm"])
    table(bench, "A small request and its answer, us, p50", "turns.p50", ["calm"])
    table(bench, "The same, p99", "turns.p99", ["calm"])
    table(bench, "Connections per second: opened, asked, answered, closed", "connect", ["calm"])
    table(bench, "Of these, failed", "connect.failed", ["calm"])
    table(bench, "Clients served, of 1000, during a flood", "clients.ok", CLIENTS)
    table(bench, "Their connect time, ms, p50", "clients.p50", CLIENTS)
    table(bench, "The same, p99", "clients.p99", CLIENTS)
    table(bench, "SYNs offered meanwhile, per second", "clients.offered", CLIENTS)
    table(bench, "ns of the XDP program itself, in place (bpf_stats_enabled)", "in-situ",
          ["syn", "ack"])
    table(bench, "ns of the XDP program by itself (BPF_PROG_TEST_RUN)", "alone", ["syn"])
    table(bench, "Connections in the table in the end", "tracked", ["-"])
    table(bench, "Bytes per connection: map conns", "memory.conns", ["-"])
    table(bench, "Bytes per connection: map closing", "memory.closing", ["-"])
    table(bench, "Bytes per connection: the daemon", "memory.daemon", ["-"])


def target(number, text, measured, bound, least=False):
    """`measured`: a value, (median, least, most), or None."""
    extent = ""
    if isinstance(measured, tuple):
        measured, low, high = measured
        extent = f" ({low:.3g} to {high:.3g})"
    if measured is None:
        verdict = "not measured"
    else:
        verdict = "ok" if (measured >= bound if least else measured <= bound) else "short"
    return {"point": number, "target": text, "measured": measured, "extent": extent.strip(" ()"),
            "bound": f"{'>=' if least else '<='} {bound:g}", "verdict": verdict}


def flat(bench, number, metric, kind, text, more_is_better=False):
    few, many = (metric, "always-1k", kind), (metric, "always-1M", kind)
    ratio = bench.ratio(many, few) if more_is_better else bench.ratio(few, many)
    if (bench.median("tracked", "always-1M", "-") or 0) < FULL:
        ratio = None
    return target(number, f"1 000 000 connections against 1000: {text}", ratio, 0.85, True)


def targets(bench):
    def per(metric, kind, upper, lower):
        return bench.ratio((metric, upper, kind), (metric, lower, kind))

    out = [
        target(1, "SYN, always: CPU against xdp-tx", per("cost", "syn", "always", "xdp-tx"), 1.6),
        target(1, "SYN, always: answers against xdp-tx",
               per("answers", "syn", "always", "xdp-tx"), 0.6, True),
        target(1, "SYN, always: IPv6 against IPv4",
               bench.ratio(("cost", "always", "syn6"), ("cost", "always", "syn")), 1.3),
        target(1, "SYN: nft synproxy against always",
               per("cost", "syn", "nft-synproxy", "always"), 15, True),
        target(1, "SYN: kernel cookies against always",
               per("cost", "syn", "kernel-cookies", "always"), 15, True),
        target(2, "ACK flood, always: CPU against xdp-drop",
               per("cost", "ack", "always", "xdp-drop"), 2.2),
        target(3, "bulk against xdp-pass", per("bulk", "calm", "always", "xdp-pass"), 0.97, True),
        target(3, "request and answer, p50, against xdp-pass",
               per("turns.p50", "calm", "always", "xdp-pass"), 1.05),
        flat(bench, 4, "cost", "syn", "SYN"),
        flat(bench, 4, "cost", "syn6", "IPv6 SYN"),
        flat(bench, 4, "cost", "ack", "ACK"),
        flat(bench, 4, "bulk", "calm", "bulk", True),
        flat(bench, 4, "turns.p50", "calm", "request and answer"),
    ]
    for kind, text in (("1000000-syn", "1 M SYN/s"), ("full-syn", "all the SYNs there can be"),
                       ("1000000-ack", "1 M ACK/s"), ("1000000-mix", "a mix of 1 M/s")):
        out.append(target(5, f"clients served during {text}, of 1000",
                          bench.median("clients.ok", "always", kind), 1000, True))
        out.append(target(5, f"their p99 during {text} against xdp-tx",
                          per("clients.p99", kind, "always", "xdp-tx"), 2))
    out += [
        target(5, "auto: ms, p99 of the 500 of a flood's first second",
               bench.median("clients.p99", "auto", "first-1000000-syn"), 100),
        target(6, "connect and close rate against no shield",
               per("connect", "calm", "always", "kernel-cookies"), 0.9, True),
        target(7, "events per second that the daemon handles",
               bench.median("daemon.events", "daemon", "-"), 1e6, True),
        target(7, "per cent of a core at 1 000 000 idle connections",
               bench.median("daemon.idle", "daemon", "-"), 2),
        target(7, "seconds to start", bench.median("daemon.start", "daemon", "-"), 0.5),
        target(7, "the same where 1 000 000 connections are pinned",
               bench.median("daemon.restart", "daemon", "-"), 0.5),
        target(8, "bytes per tracked connection: map conns",
               bench.median("memory.conns", "always-1M", "-"), 128),
    ]
    return out


def show_targets(lines):
    print("\nTo reach\n\n| |target|measured|bound|ok?|\n|---|---|---:|---:|---|")
    for t in lines:
        extent = f" ({t['extent']})" if t["extent"] else ""
        print(f"|{t['point']}|{t['target']}|{show(t['measured'])}{extent}|{t['bound']}|"
              f"{t['verdict']}|")


def as_json(bench, lines):
    figures = [{"metric": metric, "subject": subject, "class": kind,
                "median": statistics.median(rounds.values()), "spread": spread(rounds.values()),
                "rounds": list(rounds.values())}
               for (metric, subject, kind), rounds in bench.values.items()]
    return {"subjects": bench.subjects, "not_measured": bench.missing, "figures": figures,
            "targets": lines}


def main():
    bench = Bench(sys.argv[1])
    lines = targets(bench)
    tables(bench)
    for subject, why in bench.missing.items():
        print(f"\n{subject}: not measured: {why}")
    show_targets(lines)
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        json.dump(as_json(bench, lines), out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
