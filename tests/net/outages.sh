#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a host does to an interface while a flood and transfers run over it: down and up, addresses added
# and removed, another MTU, listeners closed and opened, clocks that jump, a bpffs that is unmounted, the
# interface deleted. Transfers go on, the daemon follows, and what ends is said.
#
# lib.sh draws the wire. On the server: 80 answers a line, 90 takes streams.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

NEW4=10.77.0.9
PORT=10000
map() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/$1"; }
offers() { seg --src $SEG4 --dst $SRV4 --sport 30000 --dport 80 --seq 1000 --opts mss=1460 --replies 1 | grep -q "mss=$1"; }
epoch() { map keys | sed -n 's/.*"epoch":\([0-9]*\).*/\1/p'; }
# 10.77.0.9, as the map has it
knows_new() { map locals | tr -d '" ' | grep -Eq '(0x0a,0x4d,0x00,0x09|10,77,0,9)\]'; }

# by_cookie NAME [ADDR]: 20 connections, served, and proven by the shield
by_cookie()
{
	local before got
	before=$(counted pass accepted)
	got=$(in_cli "$TOOLS/tcpc" get -n 20 -c 4 --timeout 20 --src "$CLI4" --sports "$PORT-$((PORT + 19))" "${2:-$SRV4}" 80 | field ok)
	PORT=$((PORT + 20))
	is "$got $(($(counted pass accepted) - before))" "20 20" "$1: connections by cookie"
}

# hold NAME: a transfer of 4 s, that what follows comes into; held NAME: it was whole and right
hold()
{
	spawn transfer cli "$TOOLS/tcpc" transfer --send 400000 --byte-rate 100000 --timeout 60 "$SRV4" 90
	TRANSFER=$PID
	pause 0.5
}
held()
{
	wait "$TRANSFER"
	is "$? $(cut -d ' ' -f 1 "$TMP/transfer.out")" "0 ok" "$1: the transfer was whole and right"
}

topo_up
start_server take --listen :: 90 sink
start_server web --listen :: 80
WEB=$PID
start_flood flood --port 80 --rate 5000 --seconds 120
FLOOD_PID=$PID
shield_up mode=always
by_cookie "at first"

hold
ip -n "$NS_SRV" link set "$SRV_IF" down
pause 1
check "down: it stays attached" shield status "$SRV_IF" --interval 10
ip -n "$NS_SRV" link set "$SRV_IF" up
ip -n "$NS_SRV" neigh add $SEG4 lladdr "$CLI_MAC" dev "$SRV_IF" # which went with it
await 10 "the interface" in_cli ping -c 1 -W 1 "$SRV4"
by_cookie "down and up"
held "down and up"

hold
ip -n "$NS_SRV" addr add $NEW4/16 dev "$SRV_IF"
await 5 "the new address" knows_new
by_cookie "an address more" $NEW4
ip -n "$NS_SRV" addr del $NEW4/16 dev "$SRV_IF"
await 5 "the address to go" eval "! knows_new"
is "$(in_cli "$TOOLS/tcpc" get -n 1 --timeout 1 $NEW4 80 2> /dev/null | field ok)" 0 "the address removed: nobody answers for it"
by_cookie "the address removed"
held "addresses"

hold
ip -n "$NS_SRV" link set "$SRV_IF" mtu 1280
await 5 "cookies that offer the MSS of MTU 1280" offers 1240
ok "MTU 1280: cookies offer its MSS"
by_cookie "MTU 1280"
ip -n "$NS_SRV" link set "$SRV_IF" mtu 1500
await 5 "cookies that offer the MSS of MTU 1500" offers 1460
ok "MTU 1500: so they do"
by_cookie "MTU 1500 again"
held "the MTU"

hold
stop "$WEB"
is "$(in_cli "$TOOLS/tcpc" get -n 5 --timeout 3 "$SRV4" 80 2> /dev/null | field ok)" 0 "the listener closed: refused"
start_server web --listen :: 80
by_cookie "the listener opened"
held "the listener"

# -- clocks. The programs count jiffies, which nobody can set; keys are turned by the time since boot,
# -- which a time namespace shifts; the time of day is only shown. --
hold
for shift in 36000 0; do
	stop "$SHIELD_PID"
	before=$(epoch)
	half=$(seg --src $SEG4 --dst $SRV4 --sport $((31000 + shift / 36000)) --dport 80 --seq 1000 --replies 1)
	spawn shield srv unshare --time --fork --boottime $shift --monotonic $shift "$SYNSHIELD" run "$SRV_IF" --pin-dir "$PIN_DIR"
	await_said "$PID" shield.err ': taken over' shield
	SHIELD_PID=$(pgrep -P "$PID")
	PIDS+=("$SHIELD_PID")
	is $(($(epoch) - before)) 1 "time since boot shifted to +$shift s: one new key"
	by_cookie "shifted to +$shift s"
	reply=$(seg --src $SEG4 --dst $SRV4 --sport $((31000 + shift / 36000)) --dport 80 --flags PA --seq 1001 \
		--ack $((($(field seq <<< "$half") + 1) & 0xffffffff)) --data $'ask\n' --wait 1500)
	is "$(grep -o 68656c6c6f0d0a <<< "$reply" | sort -u)" 68656c6c6f0d0a "a cookie of the time before is good"
	pause 2.2
	is $(($(epoch) - before)) 1 "and no more than that one"
done
held "clocks"

# -- a bpffs of its own, unmounted under it: the shield lives there, and goes with it --
stop "$SHIELD_PID"
is "$(shield detach "$SRV_IF" 2>&1)" "$SRV_IF: detached" "detach"
hold
mkdir "$TMP/bpf"
mount -t bpf bpf "$TMP/bpf"
OLD_PINS=$PIN_DIR PIN_DIR=$TMP/bpf/pins
said=$(in_srv "$SYNSHIELD" run "$SRV_IF" --pin-dir "$TMP/pins" 2>&1)
is "$? $(grep -c 'not on a bpffs: mount one there' <<< "$said")" "1 1" "no bpffs: refused, with what to do"
shield_up mode=always
umount -l "$TMP/bpf"
await 10 "the daemon to see it" eval "! running $SHIELD_PID"
check "the bpffs unmounted: the daemon says that nothing protects any more" grep -q 'no longer protected' "$TMP/shield.err"
PIN_DIR=$OLD_PINS
shield_up mode=always
by_cookie "run again on another bpffs"
held "the bpffs"

# -- the interface deleted, with a daemon --
stop "$FLOOD_PID"
ip -n "$NS_NET" link del "$NET_SRV"
await 10 "the daemon to see it" eval "! running $SHIELD_PID"
wait "$SHIELD_PID"
is "$? $(grep -c 'the interface is gone' "$TMP/shield.err")" "0 1" "the interface deleted: the daemon says so, and ends"
is "$(ls -A "$PIN_DIR")" :lock "no pin is left"
done_testing
