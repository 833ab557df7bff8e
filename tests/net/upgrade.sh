#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Upgrade and downgrade, under a flood and with transfers and clients: a build of another version with
# the same map layout takes over, and back, and nobody notices; a build with another layout refuses,
# says what to do, and leaves the running one as it is; what it says to do works.
#
# lib.sh draws the wire. On the server: 80 answers a line, 90 takes streams. build/other/synshield is of
# another version, build/next/synshield of another map layout.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

OURS=$SYNSHIELD
OTHER=$ROOT/build/other/synshield
NEXT=$ROOT/build/next/synshield

prog_id() { bpftool -j prog show pinned "$PIN_DIR/$SRV_IF/$1" | sed 's/.*"id":\([0-9]*\).*/\1/'; }
programs() { echo "$(prog_id prog_xdp) $(prog_id prog_tc_in) $(prog_id prog_tc_out)"; }
maps() { for map in settings conns keys stats; do bpftool -j map show pinned "$PIN_DIR/$SRV_IF/$map"; done | sed 's/.*"id":\([0-9]*\).*/\1/' | tr '\n' ' '; }

# replaced_by BINARY HOW: while clients connect
replaced_by()
{
	local before now
	before=$(programs)
	kept=$(maps)
	spawn clients cli "$TOOLS/tcpc" get -n 1000 -c 16 --rate 400 --timeout 20 --src-range "$CLI4,16" "$SRV4" 80
	CLIENTS=$PID
	pause 0.3
	if [[ $2 == killed ]]; then kill -KILL "$SHIELD_PID"; else stop "$SHIELD_PID"; fi
	wait "$SHIELD_PID" 2> /dev/null
	SYNSHIELD=$1
	shield_again
	wait "$CLIENTS"
	is "$(field ok < "$TMP/clients.out")" 1000 "$3: every new connection is served"
	is "$(maps)" "$kept" "$3: the maps are the same"
	now=$(programs)
	is "$(for n in 1 2 3; do [[ $(cut -d ' ' -f $n <<< "$before") != $(cut -d ' ' -f $n <<< "$now") ]] && echo new; done | grep -c new)" \
		3 "$3: all three programs are new"
	is "$(setting)" 33 "$3: the settings stay"
}

setting() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/settings" | sed 's/.*"quiet":\([0-9]*\).*/\1/'; }

# by_cookie NAME: 20 connections are served, and proven by the shield
by_cookie()
{
	local before got
	before=$(counted pass accepted)
	got=$(in_cli "$TOOLS/tcpc" get -n 20 -c 2 --timeout 20 --sports "$PORT-$((PORT + 19))" --src "$CLI4" "$SRV4" 80 | field ok)
	PORT=$((PORT + 20))
	is "$got $(($(counted pass accepted) - before))" "20 20" "$1: connections by cookie"
}
PORT=10000

abi=$(awk '$2 == "SYNSHIELD_ABI" { print $3 }' "$ROOT/include/synshield/synshield.h")
isnt() { if [[ $1 != "$2" ]]; then ok "$3"; else not_ok "$3" "both: $1"; fi; }
isnt "$("$OURS" --version)" "$("$OTHER" --version)" "the builds are of two versions"

topo_up
start_server web --listen :: 80
start_server take --listen :: 90 sink
start_flood flood --port 80 --rate 20000 --seconds 120
shield_up mode=always quiet=33
spawn transfer cli "$TOOLS/tcpc" transfer --send 1500000 --byte-rate 100000 --timeout 60 "$SRV4" 90
TRANSFER=$PID

replaced_by "$OTHER" stopped "upgrade"
replaced_by "$OURS" stopped "downgrade"
replaced_by "$OTHER" killed "upgrade of one that was killed"
SYNSHIELD=$OURS

# -- another layout: refused, with a daemon and without, and nothing is touched --
stop "$SHIELD_PID"
before=$(programs)
for attempt in 1 2; do
	said=$(in_srv "$NEXT" run "$SRV_IF" --pin-dir "$PIN_DIR" 2>&1)
	is "$? $said" "2 synshield: $SRV_IF: another version of synshield runs it (map layout $abi, this one knows $((abi + 1))), and goes on: use that version, or 'synshield detach $SRV_IF' and start anew" \
		"another layout, attempt $attempt: refused, with what to do"
done
is "$(programs)" "$before" "the programs are those that ran"
by_cookie "they go on protecting"
shield_again
by_cookie "the old version's daemon takes over again"

# -- what the operator does then: the new one detaches, and runs --
stop "$SHIELD_PID"
is "$(in_srv "$NEXT" detach "$SRV_IF" --pin-dir "$PIN_DIR" 2>&1)" "$SRV_IF: detached" "the new one's detach removes the old one's shield"
is "$(ls -A "$PIN_DIR")" :lock "all of it"
SYNSHIELD=$NEXT
shield_up mode=always
by_cookie "and its run protects"
stop "$SHIELD_PID"
said=$(in_srv "$OURS" run "$SRV_IF" --pin-dir "$PIN_DIR" 2>&1)
is "$? $(grep -c "map layout $((abi + 1)), this one knows $abi" <<< "$said")" "2 1" "the way back is refused alike"
wait "$TRANSFER"
is "$? $(cut -d ' ' -f 1 "$TMP/transfer.out")" "0 ok" "the transfer that began before the first upgrade was whole and right"
shield_down > "$TMP/down" 2>&1
is "$(< "$TMP/down")" "$SRV_IF: detached" "detach"
done_testing
