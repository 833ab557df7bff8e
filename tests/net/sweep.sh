#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The table of connections does not fill up with what is long over.  Topology: see lib.sh.

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ROOM=2048 # of the table
EACH=900  # connections in one go: two of them are more than the shield takes for safe

entries() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/conns" | grep -o '"remote_port"' | wc -l; }
is_swept() { (($(entries) < 2 * EACH)); }
learned()
{
	local -i generation known
	generation=$(bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/settings" |
		sed 's/.*"generation":\([0-9]*\).*/\1/')
	known=$(bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/host" |
		sed 's/.*"learned":\([0-9]*\).*/\1/')
	((generation && generation == known))
}

# The client aborts, so that no socket of theirs is left anywhere.
connect_and_abort()
{
	in_cli "$TOOLS/tcpc" get -n $EACH -c 10 --bytes 4 --line abcd --abort --sports "$1" "$SRV4" 8080 | field ok
}

plan 7
topo_up --clients 1
start_server echo --listen :: 8080 echo
shield_up mode=always --conns $ROOM
await 10 "the shield to learn the sockets" learned

spawn held cli "$TOOLS/tcpc" get --bytes 9 --timeout 100 "$SRV4" 8080
is "$(connect_and_abort 20000-20899)" $EACH "$EACH connections are made, and aborted"
holds "each has an entry" "$(entries) >= $EACH"
await 20 "them to be idle" eval '((SECONDS >= 8))'
is "$(connect_and_abort 30000-30899)" $EACH "$EACH more are made"
check "entries of closed connections go" await 45 "the sweep" is_swept
check "the shield still knows every socket of the host" await 40 "learned" learned
is "$(connect_and_abort 40000-40899)" $EACH "and yet $EACH more"
holds "a connection that is open stays" \
	"$(in_srv ss -Htn state established "( sport = :8080 )" | wc -l) == 1"
shield_down > /dev/null
done_testing
