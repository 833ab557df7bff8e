#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The demo shows what it promises, and leaves nothing behind, however it ends.  Topology: the
# demo's own, see lib.sh.

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DEMO=$ROOT/demo/demo.sh
OUT=$TMP/demo.out

# Namespaces, pins and temporary files bear the demo's own id, which its first line tells.
leftovers()
{
	local id
	id=$(sed -n '1s/.*(\(ss[0-9a-f]*\)).*/\1/p' "$OUT")
	[[ $id ]] || { echo "no id: $(head -n 1 "$OUT")"; return; }
	ip netns list | grep "^$id"
	compgen -G "/sys/fs/bpf/$id*"
	compgen -G "/tmp/$id*"
	pgrep -f "$id"
}

# row N FIELD: of the table; the phase's name takes a varying number of words
row() { grep -E "^$1 .* %" "$OUT" | tail -n 1 | grep -o -E '[0-9.]+ %' | sed -n "$2s/ %//p"; }

# interrupt SIGNAL SECONDS
interrupt()
{
	env --default-signal=INT setsid "$DEMO" > "$OUT" 2>&1 &
	local demo=$!
	PIDS+=("$demo")
	pause "$2"
	kill -"$1" "$demo"
	wait "$demo"
	is "$(leftovers)" "" "$1 after $2 s: nothing is left behind"
}

plan 7
check "the demo runs" bash -c "'$DEMO' --seconds 2 > '$OUT' 2>&1"
is "$(row 1 2)" 100.0 "without a flood all clients are served"
is "$(row 4 2)" 100.0 "under flood, mode auto: all clients are served"
is "$(row 5 2)" 100.0 "under flood, mode always: all clients are served"
is "$(leftovers)" "" "nothing is left behind"
interrupt INT 7
interrupt TERM 3
done_testing
