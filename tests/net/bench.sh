#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The bench works: a short run measures every subject.  What it measures is no test.  Topology: the
# bench's own, see tests/bench/wire.sh.

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BENCH=$ROOT/tests/bench/bench.sh
JSON=$TMP/bench.json

# figures EXPRESSION: of the JSON, in Python; `figures` are those of (metric, subject, class)
figures()
{
	python3 - "$JSON" "$1" <<-'END'
		import json, sys
		result = json.load(open(sys.argv[1]))
		figures = {(f["metric"], f["subject"], f["class"]): f["median"] for f in result["figures"]}
		print(eval(sys.argv[2]))
	END
}

# Namespaces, pins and temporary files bear the run's own id, which it says first.
leftovers()
{
	local id
	id=$(sed -n '1s/.*(\(ss[0-9a-f]*\)).*/\1/p' "$TMP/said")
	[[ $id ]] || { echo "no id: $(head -n 1 "$TMP/said")"; return; }
	ip netns list | grep "^$id"
	compgen -G "/sys/fs/bpf/$id*"
	compgen -G "/tmp/$id*"
	pgrep -f "$id"
}

plan 8
check "a short run ends well" bash -c "'$BENCH' short --json '$JSON' 2> '$TMP/said' || { cat '$TMP/said'; false; }"
is "$(figures '" ".join(result["subjects"] + sorted(result["not_measured"]))')" \
	"none kernel-cookies nft-synproxy xdp-tx xdp-drop xdp-pass off observe auto always always-1k always-100k always-1M" \
	"every subject is there, or said not to be"
is "$(figures '[s for s in result["subjects"] if not 0 < figures["cost", s, "syn"] < 1e6]')" "[]" \
	"a SYN costs each of them something"
is "$(figures '[s for s in ("kernel-cookies", "xdp-tx", "auto", "always") if s in result["subjects"] and
	not figures["answers", s, "syn"] > 0]')" "[]" "those that answer do"
is "$(figures 'figures["answers", "xdp-drop", "syn"]')" 0.0 "and one that does not, does not"
is "$(figures '[m for m in ("bulk", "turns.p50", "turns.p99", "connect", "in-situ", "alone", "memory.conns")
	if not any(f[0] == m and v > 0 for f, v in figures.items())]')" "[]" "each measurement yields something"
is "$(figures 'sorted({t["point"] for t in result["targets"]})')" "[1, 2, 3, 4, 5, 6, 7, 8]" \
	"each point that is to be reached has a line"
is "$(leftovers)" "" "nothing is left behind"
done_testing
