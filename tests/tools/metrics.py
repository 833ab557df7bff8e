#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Judges metrics pages, and what speaks of them. OM is a page in OpenMetrics, TEXT one in
Prometheus' text format; the first is read by the strict parser of prometheus_client (Debian's
package, so Debian's python3). Says what is wrong, and fails then.

  parse OM                            strictly; no series twice; bounded labels
  same OM TEXT                        both have the same samples
  value OM NAME [LABEL=VALUE...]      the sum of these samples, as a whole number
  series OM NAME [LABEL=VALUE...]     how many there are
  stats OM JSON                       as `stats --json` counts packets
  states OM JSON                      as `status --json --states` counts connections
  table OM                            the rows of the table in the docs
  dashboard OM JSON UNUSED...         Grafana's: its metrics and labels are on the page; those of the
                                      page that it does not use are UNUSED, and no others
  expressions JSON                    its expressions, as rules for promtool
  alerts OM YAML                      the metrics of these rules are on the page, or known ones of others
"""
import json
import re
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_om
from prometheus_client.parser import text_string_to_metric_families as parse_text

LABELS = {"interface", "action", "reason", "mode", "kind", "address", "port", "state", "buffer", "map",
          "program", "version", "abi"}
# given by Prometheus; of Prometheus and node_exporter
TARGET_LABELS = {"instance", "job"}
FOREIGN = {"up", "node_textfile_mtime_seconds"}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def families(path):
    return list(parse_om(read(path)))


def samples(path):
    return [s for family in families(path) for s in family.samples]


def key(sample):
    return sample.name, tuple(sorted(sample.labels.items()))


def chosen(path, name, *labels):
    wanted = [label.split("=", 1) for label in labels]
    return [s.value for s in samples(path)
            if s.name == name and all(s.labels.get(k) == v for k, v in wanted)]


def parse(path):
    faults = []
    seen = set()
    for family in families(path):
        if not family.documentation:
            faults.append(f"{family.name} has no help")
        for s in family.samples:
            if key(s) in seen:
                faults.append(f"twice: {key(s)}")
            seen.add(key(s))
            faults += [f"label {n} of {s.name}" for n in s.labels if n not in LABELS]
            if s.timestamp is not None:
                faults.append(f"{s.name} has a time")
    return faults


def same(om, text):
    left = {key(s): s.value for s in samples(om)}
    right = {key(s): s.value for f in parse_text(read(text)) for s in f.samples}
    # a clock is read for these
    return [f"{k}: {left.get(k)}, {right.get(k)}" for k in sorted(left.keys() | right.keys())
            if left.get(k) != right.get(k)
            and not (k in left and k in right and "time" in k[0] and abs(left[k] - right[k]) < 0.1)]


def stats(om, path):
    report, = json.loads(read(path))
    faults = []
    for action, reasons in report.items():
        if action == "interface":
            continue
        name = "synshield_observed_packets_total" if action.startswith("would_") else "synshield_packets_total"
        for reason, count in reasons.items():
            got = chosen(om, name, f"interface={report['interface']}", f"reason={reason}",
                         f"action={action.replace('would_', '')}")
            if got != [count]:
                faults.append(f"{action} {reason}: {got}, not {count}")
    return faults


def states(om, path):
    report, = json.loads(read(path))
    return [f"{state}: not {count}" for state, count in report["states"].items()
            if chosen(om, "synshield_connections_local", f"state={state}") != [count]]


def table(om):
    for family in families(om):
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels = sorted({n for s in family.samples for n in s.labels} - {"interface"})
        print(f"| `{family.name}{suffix}` | {family.type} | {', '.join(labels)} | {family.documentation} |")


def mentions(expression):
    """Metric names of an expression; and the labels that it selects or groups by, with these names."""
    text = re.sub(r'"[^"]*"', '""', expression)
    text = re.sub(r"\[[^]]*\]", "", text)
    names = set(re.findall(r"\b(?:synshield|process|node)_\w+|\bup\b", text))
    labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"\"", text))
    for group in re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", text):
        labels |= {n.strip() for n in group.split(",") if n.strip()}
    return names, labels


def judge(expression, legend, known):
    names, labels = mentions(expression)
    labels |= set(re.findall(r"{{\s*(\w+)\s*}}", legend))
    faults = [f"no metric {n}" for n in names - known.keys() - FOREIGN]
    if not names & FOREIGN:
        has = set().union(*(known.get(n, set()) for n in names)) | TARGET_LABELS
        faults += [f"no label {n} in: {expression}" for n in labels - has]
    return names, faults


def page_labels(om):
    known = {}
    for s in samples(om):
        known.setdefault(s.name, set()).update(s.labels)
    return known


def targets(board):
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield target


def judge_layout(board):
    faults = []
    taken = set()
    ids = [p["id"] for p in board["panels"]]
    if len(ids) != len(set(ids)):
        faults.append("a panel's id is used twice")
    for p in board["panels"]:
        g = p["gridPos"]
        cells = {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])}
        if cells & taken or g["x"] + g["w"] > 24:
            faults.append(f"no room for {p['title']}")
        taken |= cells
        if p["type"] != "row" and (p["datasource"]["uid"] != "${datasource}" or not p["targets"]):
            faults.append(f"{p['title']} asks nobody, or for nothing")
        refs = [t["refId"] for t in p.get("targets", [])]
        if len(refs) != len(set(refs)):
            faults.append(f"{p['title']} has a refId twice")
    return faults


def dashboard(om, path, *unused):
    board = json.loads(read(path))
    known = page_labels(om)
    used = set()
    faults = judge_layout(board)
    variables = {v["name"] for v in board["templating"]["list"]}
    if variables != {"datasource", "instance", "interface"} or not board["schemaVersion"] >= 30:
        faults.append(f"variables {variables}, schema {board['schemaVersion']}")
    for t in targets(board):
        names, wrong = judge(t["expr"], t["legendFormat"], known)
        used |= names
        faults += wrong
        faults += [f"no variable {v}" for v in re.findall(r"\$(\w+)", t["expr"])
                   if v not in variables and not v.startswith("__")]
    for v in board["templating"]["list"]:
        if v["type"] == "query":
            name = re.match(r"label_values\((\w+)", v["definition"]).group(1)
            if name not in known:
                faults.append(f"variable {v['name']}: no metric {name}")
    faults += [f"no panel shows {n}" for n in sorted(known.keys() - used - set(unused))]
    faults += [f"{n} is shown, or is not there" for n in unused if n in used or n not in known]
    return faults


def expressions(path):
    print("groups:\n- name: dashboard\n  rules:")
    for i, t in enumerate(targets(json.loads(read(path)))):
        expr = re.sub(r"\$__(rate_interval|range)", "5m", t["expr"])
        print(f"  - record: panel:{i}\n    expr: {json.dumps(expr)}")


def alerts(om, path):
    known = page_labels(om)
    faults = []
    text = read(path)
    rules = re.findall(r"^ *expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)", text, re.M)
    if len(rules) != text.count("- alert:"):
        faults.append(f"{len(rules)} expressions of {text.count('- alert:')} rules")
    for folded, plain in rules:
        faults += judge(folded or plain, "", known)[1]
    return faults


def main():
    what, *rest = sys.argv[1:]
    if what == "value":
        print(int(sum(chosen(*rest))))
    elif what == "series":
        print(len(chosen(*rest)))
    elif what in ("table", "expressions"):
        globals()[what](*rest)
    else:
        faults = globals()[what](*rest)
        print("\n".join(faults), end="")
        sys.exit(bool(faults))


main()
