#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What connections see of the shield's own life: nothing. Attach, every change of mode, kill -9 of the
# daemon, take-over by the next one, under flood too, new keys, detach: transfers in progress go on, and
# no new connection is refused.
#
# lib.sh draws the wire. On the server: 80 reads a line, answers, closes first; 90 takes streams, 91
# sends them.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

END=36	      # s: the transfers of every phase last until then
BYTE_RATE=40000
STREAM=$((END * BYTE_RATE))

## Transfers

TRANSFERS=()

# hold PHASE: one transfer in each direction that lasts until END, and is verified byte for byte.
hold()
{
	local left=$((END - SECONDS)) up=$SRV4 down=$SRV6
	((left > 2)) || left=2
	((${#TRANSFERS[@]} % 4)) && up=$SRV6 down=$SRV4
	spawn "up$1" cli "$TOOLS/tcpc" transfer --send $((left * BYTE_RATE)) --byte-rate $BYTE_RATE \
		--timeout 90 "$up" 90
	TRANSFERS+=("$PID up $1")
	# the source sends as fast as it can: the window keeps it waiting for the reader
	spawn "down$1" cli "$TOOLS/tcpc" transfer --recv $STREAM --byte-rate $((STREAM / left)) \
		--timeout 90 "$down" 91
	TRANSFERS+=("$PID down $1")
}

all_are_right()
{
	local pid way phase
	for transfer in "${TRANSFERS[@]}"; do
		read -r pid way phase <<< "$transfer"
		if wait "$pid" && grep -q '^ok ' "$TMP/$way$phase.out"; then
			ok "a transfer begun when: $phase ($way): whole and right"
		else
			not_ok "a transfer begun when: $phase ($way): whole and right" \
				"$(cat "$TMP/$way$phase.err")"
		fi
	done
}

all_go_on()
{
	local pid way phase
	local -i running=0
	for transfer in "${TRANSFERS[@]}"; do
		read -r pid way phase <<< "$transfer"
		running "$pid" && running+=1
	done
	is $running ${#TRANSFERS[@]} "$1: all transfers are still in progress"
}

## New connections

# stream_of_clients N RATE: in the background; clients_served NAME waits for them
stream_of_clients()
{
	EXPECTED=$1
	spawn clients cli "$TOOLS/tcpc" get -n "$1" -c 32 --rate "$2" --timeout 20 \
		--src-range "$CLI4,16" "$SRV4" 80
	CLIENTS_PID=$PID
}

clients_served()
{
	wait "$CLIENTS_PID"
	is "$(field ok < "$TMP/clients.out")" "$EXPECTED" "$1: every new connection is served"
	[[ $(field ok < "$TMP/clients.out") == "$EXPECTED" ]] || diag "$(cat "$TMP/clients.out")"
}

# by_cookie NAME N: that many now, all of them by cookie: from ports that were not used before
by_cookie()
{
	local before got
	before=$(counted pass accepted)
	got=$(in_cli "$TOOLS/tcpc" get -n "$2" -c 2 --src "$CLI4" --timeout 20 \
		--sports "$FREE_PORT-$((FREE_PORT + $2 - 1))" "$SRV4" 80 | field ok)
	FREE_PORT=$((FREE_PORT + $2))
	is "$got $(($(counted pass accepted) - before))" "$2 $2" "$1"
}

FREE_PORT=10000

kill_daemon()
{
	kill -KILL "$SHIELD_PID"
	wait "$SHIELD_PID" 2> /dev/null
}

prog_id() { bpftool -j prog show pinned "$PIN_DIR/$SRV_IF/prog_xdp" | sed 's/.*"id":\([0-9]*\).*/\1/'; }
epoch() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/keys" | sed -n 's/.*"epoch":\([0-9]*\).*/\1/p'; }

## A handshake by hand, which a change of mode comes into

# half_way: SYN and SYN-ACK. changed MODE: from now on, for the listener too, which a SYN tells.
# finish NAME: the ACK, with data.
half_way()
{
	local reply
	SPORT=$((SPORT + 1))
	reply=$(seg --src $SEG4 --dst $SRV4 --sport $SPORT --dport 80 --seq 1000 \
		--opts mss=1460,sack,ts=10:0,nop,ws=7 --replies 1)
	SERVER_ISN=$(field seq <<< "$reply")
	SERVER_TS=$(sed -n 's/.*"ts=\([0-9]*\):.*/\1/p' <<< "$reply")
}

changed()
{
	shield set "$SRV_IF" mode="$1"
	in_cli "$TOOLS/tcpc" get "$SRV4" 80 > "$TMP/first"
}

finish()
{
	local reply
	reply=$(seg --src $SEG4 --dst $SRV4 --sport $SPORT --dport 80 --flags PA --seq 1001 \
		--ack $(((SERVER_ISN + 1) & 0xffffffff)) --opts "nop,nop,ts=11:$SERVER_TS" \
		--data $'ask\n' --wait 300)
	is "$(grep -o 68656c6c6f0d0a <<< "$reply" | sort -u)" 68656c6c6f0d0a "$1"
}
SPORT=30000

topo_up
start_server web --listen :: 80
start_server take --listen :: 90 sink
start_server give --listen :: 91 source --bytes $STREAM
SECONDS=0

hold before_the_shield
stream_of_clients 1000 1000
shield_up mode=off quiet=2
clients_served "attach"

# -- each of the twelve changes of mode --
stream_of_clients 5000 1000
from=off
hold attached
for mode in observe off auto off always observe auto observe always auto always off; do
	shield set "$SRV_IF" mode=$mode || not_ok "set mode=$mode"
	((${#TRANSFERS[@]} < 12)) && hold "$from-to-$mode"
	sleep 0.25
	from=$mode
done
clients_served "twelve changes of mode"
all_go_on "twelve changes of mode"

# -- handshakes that a change of mode meets half-way --
for mode in auto observe off; do
	changed always
	half_way
	changed $mode
	finish "always to $mode between SYN-ACK and ACK: a connection"
done
for mode in off observe auto; do
	changed $mode
	half_way
	changed always
	finish "$mode to always between SYN-ACK and ACK: a connection"
done
changed off
sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 2
half_way
changed always
finish "switched on when the kernel's own cookies are out: they are good"
sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 1

# -- new keys --
shield set "$SRV_IF" epoch=2
began=$(epoch)
stream_of_clients 2000 500
hold before_new_keys
clients_served "new keys"
holds "there were new keys meanwhile" "$(epoch) > began"

# -- the daemon is killed: nothing turns the keys, and they stay good --
kill_daemon
hold daemon_dead
before=$(epoch)
by_cookie "the daemon is dead: connections by cookie" 50
sleep 4.5
by_cookie "the daemon has been dead for two epochs: connections by cookie" 50
is "$(epoch)" "$before" "the keys stay"
all_go_on "the daemon is dead"

# -- the next one takes over --
id=$(prog_id)
stream_of_clients 2000 1000
sleep 0.3
shield_again
clients_served "take-over"
holds "take-over: the program was replaced" "$(prog_id) != id"
by_cookie "taken over: connections by cookie" 20
hold taken_over

# -- and again, under flood; at once, and after a clean stop --
start_flood flood --port 80 --rate 200000 --seconds 5
FLOOD=$PID
stream_of_clients 2000 500
sleep 0.5
kill_daemon
shield_again
sleep 0.5
stop "$SHIELD_PID"
shield_again
running "$FLOOD" || diag "the flood was over before"
hold second_take_over
clients_served "killed and stopped under flood, and taken over"
all_go_on "taken over under flood"
stop "$FLOOD"

# -- detach --
is "$(shield detach "$SRV_IF" 2>&1)" "$SRV_IF: detached" "detach"
hold detached
all_go_on "detached"
is "$(in_cli "$TOOLS/tcpc" get -n 100 -c 4 "$SRV4" 80 | field ok)" 100 \
	"detached: new connections are the kernel's"
is "$(ls -A "$PIN_DIR" 2> /dev/null)" :lock "detached: no pin is left, but the directory that is locked"
is "$(ip -n "$NS_SRV" -d link show "$SRV_IF" | grep -c 'prog/xdp')" 0 "detached: no XDP program is left"
is "$(in_srv bpftool net show dev "$SRV_IF" | grep -c "$SRV_IF")" 0 "detached: no TC program is left"
is "$(in_srv tc qdisc show dev "$SRV_IF" | grep -c clsact)" 0 "detached: no qdisc is left"

diag "the transfers end at $END s, now it is $SECONDS s"
all_are_right
done_testing
