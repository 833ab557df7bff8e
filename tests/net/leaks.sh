#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# 100 000 connections, opened and closed, half of them by cookies, while their sources are counted:
# then every map holds what it held before, and the daemon follows none.
#
# lib.sh draws the wire. The clients close first and hold TIME_WAIT; the server's kernel is done with
# each at once, so what is left is the shield's alone.

# shellcheck source=tests/net/lib.sh disable=SC2153
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=8081

# dump MAP FIELD...: of each entry, "ADDR PORT FIELD...", "" in the place of what it has not
dump()
{
	bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/$1" | python3 -c '
import json, sys
for e in json.load(sys.stdin):
    e = e.get("formatted", e)
    key, value = e["key"], e["value"]
    print(key if isinstance(key, int) else json.dumps(key), *(value[n] for n in sys.argv[1:]))' "${@:2}"
}

keys() { dump "$1" | sort; }
is_empty() { [[ ! $(dump "$1") ]]; }
# follows: "CONNECTIONS DEADLINES" of the daemon
follows() { dump daemon followed timers | cut -d ' ' -f 2-; }

# serve HOW N ADDR OPTION...
serve()
{
	is "$(in_cli "$TOOLS/tcpc" get -n "$2" -c 50 --bytes 4 --line abcd "${@:4}" "$3" $PORT | field ok)" \
		"$2" "$1: $2 connections to $3"
}

connect_many()
{
	serve "$1" 45000 "$SRV4" --src-range "$CLI4,16"
	serve "$1" 4000 "$SRV4" --src-range "$CLI4,16" --abort
	serve "$1" 1000 "$SRV6" --src-range "$CLI6,16"
}

# Half-open ones, and segments of no connection
disturb()
{
	local i
	for i in {1..20}; do
		seg --src "$SEG4" --dst "$SRV4" --sport $((2000 + i)) --dport $PORT --flags S --wait 1
		seg --src "$SEG4" --dst "$SRV4" --sport $((3000 + i)) --dport $PORT --flags A --wait 1
	done > /dev/null
}

# now_empty MAP SECONDS
now_empty()
{
	local -i i
	for ((i = 0; i < $2 * 4; i++)); do
		is_empty "$1" && break
		pause 0.25
	done
	is "$(dump "$1" | head -n 3)" "" "nothing is left in $1"
}

topo_up
sysctl_in "$NS_SRV" net.core.somaxconn 20000
sysctl_in "$NS_SRV" net.ipv4.tcp_max_syn_backlog 20000
sysctl_in "$NS_SRV" net.ipv4.tcp_synack_retries 1
start_server echo --listen :: $PORT echo
shield_up syn-rate=1000000 half-open=100000 source-conns=60000 $PORT:source-conns=50000 \
	syn-received-timeout=2 msl=1
await 10 "the listeners" eval '! is_empty listeners'
declare -A BEFORE=()
for map in policy listeners locals lists; do BEFORE[$map]=$(keys $map); done

connect_many "the kernel's handshakes"
holds "meanwhile sources were counted" "$(dump sources | wc -l) >= 16"
disturb
shield set "$SRV_IF" mode=always
connect_many "by cookies"
disturb
holds "the cookies came back" "$(counted pass cookie_ok) >= 50000"

now_empty closing 30
now_empty conns 30
now_empty sources 60
is "$(follows)" "0 0" "the daemon follows none, and waits for none"
for map in policy listeners locals lists; do
	is "$(keys $map)" "${BEFORE[$map]}" "$map has the entries it had"
done
serve "one more" 1 "$SRV4"
serve "one more" 1 "$SRV6"
is "$(dump listeners handed | sed -n 's/.*"port": '$PORT'.* //p' | sort -n | tail -n 1)" 1 \
	"of those that were handed to the listener none counts any more"
serve "counted" 20 "$SRV4" --src-range "$CLI4,16"
holds "their sources are, with that of the one more" "$(dump sources | wc -l) == 17"
shield set "$SRV_IF" source-conns=off $PORT:source-conns=inherit
now_empty sources 5
done_testing
