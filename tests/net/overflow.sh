#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# More of everything that is real than the tables have room for: nobody is refused for it.
#   connections   three times as many as `conns`, `closing` and the daemon's own table hold
#   sources       more than `sources` holds; the limits hold all the same when they were counted anew
#   ports         20000 listeners: more than `listeners` holds
#   a prefix      one listener on 65536 addresses, and SYNs to all of them
#   allowed       a flood from an address of the allow list, for which there is no shield
#
# lib.sh draws the wire. On the server 7 echoes, also on all of PREFIX.

# shellcheck source=tests/net/lib.sh disable=SC2119,SC2153
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ROOM=1024 # of `conns`
CONNS=3000
PREFIX=10.90.0.0/16
HALF_OPEN=256 # what starts an attack
CROWD=$ROOT/tests/tools/crowd.py

set_to() { shield set "$SRV_IF" "$@" || bail "cannot set $*"; }
raw() { in_cli python3 "$ROOT/tests/tools/raw.py" "$CLI_IF" --dst-mac "$SRV_MAC" "$@" > /dev/null || bail "raw.py: $*"; }
# of a map that nothing changes: where keys come and go bpftool may never come to the end
entries() { timeout 20 bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/$1" | grep -o '"formatted"' | wc -l; }
listeners() { shield metrics | sed -n 's/^synshield_map_entries{.*map="listeners".* //p'; }
warnings() { grep -c 'warning: no room to follow more than' "$TMP/shield.err"; }

# counts_from, and grows ACTION.REASON...: the sum since then
counts_from() { COUNTS=$(counts); }
grows()
{
	local -i sum=0
	local counter now
	now=$(counts)
	for counter; do
		sum+=$(field "$counter" <<< "$now")-$(field "$counter" <<< "$COUNTS")
	done
	echo $sum
}
refused() { grows {drop,reply}.{unknown_{ack,data,fin},unproven,bad_cookie,backlog_full,source_conns}; }

# hold NAME N DST PORTS SOURCE...: connections that stay open; HOLDER is whose they are
hold()
{
	spawn "$1" cli "$CROWD" hold "${@:2}"
	HOLDER=$PID
	await 60 "$2 connections" grep -q ready "$TMP/$1.out"
}

# speak NAME: all of HOLDER's say something; sets SPOKE to how many were heard
speak()
{
	local -i lines
	lines=$(wc -l < "$TMP/$1.out")
	kill -USR1 "$HOLDER"
	await 60 "them to speak" eval "((\$(wc -l < '$TMP/$1.out') > $lines))"
	SPOKE=$(tail -n 1 "$TMP/$1.out")
}

connections()
{
	shield_up mode=always --conns $ROOM
	counts_from
	hold many $CONNS "$SRV4" 7 "$CLI4" "${CLI4%.*}.2"
	speak many
	is "$SPOKE" "$CONNS of $CONNS" "connections: room for $ROOM, $CONNS are made, and each works"
	is "$(grows pass.accepted)" $CONNS "connections: each by its cookie, once"
	holds "connections: most have been evicted" "$(entries conns) <= $ROOM && $(entries closing) <= $ROOM"
	counts_from
	speak many
	is "$SPOKE" "$CONNS of $CONNS" "connections: all go on, in any order"
	holds "connections: who was evicted was asked for in the kernel" "$(grows pass.adopted) > $CONNS / 4"
	is "$(refused)" 0 "connections: nothing of theirs is refused"
	is "$(warnings)" 1 "connections: that their states are not all shown is said, once"
	stop "$SHIELD_PID"
	shield_again
	speak many
	is "$SPOKE" "$CONNS of $CONNS" "connections: and with the next daemon"
	stop "$HOLDER"
	shield_down > /dev/null
}

# Made-up sources, as many as the table holds and more, each with one connection.
fill_sources()
{
	local map=$PIN_DIR/$SRV_IF/sources now
	now=$(awk '/^jiffies:/ { printf "%d\n", $2 % 4294967296; exit }' /proc/timer_list)
	awk -v map="$map" -v now="$now" 'BEGIN {
		time = now % 256 " " int(now / 256) % 256 " " int(now / 65536) % 256 " " int(now / 16777216)
		for (i = 0; i < 70000; i++)
			print "map update pinned", map, "key 0 0 0 0 0 0 0 0 0 0 255 255 100 " \
				int(i / 65536) " " int(i / 256) % 256 " " i % 256 " 7 0 0 0 value 1 0 0 0 " time " 0 0 0 0 0 0 0 0"
	}' > "$TMP/fill"
	bpftool batch file "$TMP/fill" > /dev/null 2> "$TMP/fill.err" || bail "cannot fill sources: $(tail -n 1 "$TMP/fill.err")"
}

# counted ADDRESS N: so many connections to port 7 are counted for it
counted_for()
{
	bpftool -j map lookup pinned "$PIN_DIR/$SRV_IF/sources" \
		key 0 0 0 0 0 0 0 0 0 0 255 255 ${1//./ } 7 0 0 0 2> /dev/null | grep -q "\"conns\":$2,"
}

sources()
{
	local held
	shield_up mode=always source-conns=3
	hold three 3 "$SRV4" 7 "$CLI4"
	await 10 "three to be counted" counted_for "$CLI4" 3
	fill_sources
	holds "sources: the table is full" "$(entries sources) > 60000"
	for held in 4 5; do # the first count writes what is gone, which evicts
		set_to syn-rate=${held}000
		pause 1.5
	done
	check "sources: the real ones are counted anew, and right" await 12 "the count" counted_for "$CLI4" 3
	counts_from
	is "$(in_cli "$TOOLS/tcpc" get --bytes 7 --src "$CLI4" --timeout 2 "$SRV4" 7 | field ok)" 0 \
		"sources: who has three of three gets no fourth"
	holds "sources: it is refused" "$(grows reply.source_conns) > 0"
	is "$(in_cli "$TOOLS/tcpc" get -n 50 --bytes 7 --src "${CLI4%.*}.2" "$SRV4" 7 | field ok)" 50 \
		"sources: others come in"
	speak three
	is "$SPOKE" "3 of 3" "sources: the three go on"
	stop "$HOLDER"
	shield_down > /dev/null
}

# Two processes, as one may have 20000 descriptors at most somewhere.
ports()
{
	local listening=()
	spawn ports1 srv "$CROWD" listen "$SRV4" 20000-29999
	listening+=("$PID")
	spawn ports2 srv "$CROWD" listen "$SRV4" 30000-39999
	listening+=("$PID")
	await 30 "10000 listeners" grep -q ready "$TMP/ports1.out"
	await 30 "20000 listeners" grep -q ready "$TMP/ports2.out"
	shield_up mode=always
	counts_from
	hold each 2000 "$SRV4" 20000-39999 "$CLI4"
	speak each
	is "$SPOKE" "2000 of 2000" "ports: 20000 listen, 2000 of them are connected to"
	is "$(grows pass.accepted)" 2000 "ports: each by a cookie"
	is "$(refused)" 0 "ports: nothing is refused"
	holds "ports: there is room for fewer" "$(listeners) > 8192 && $(listeners) <= 16384"
	stop "$HOLDER" "${listening[@]}"
	shield_down > /dev/null
}

# watch_half_open: the most that the kernel has held since, in $TMP/most
watch_half_open()
{
	local -i most=0 now
	while sleep 0.02; do
		now=$(half_open 7)
		((now <= most)) || most=now
		echo $most > "$TMP/most"
	done
}

# SYNs to each of 65536 addresses, twice, as fast as they are sent; clients connect to some of them.
prefix()
{
	local most watch
	shield_up mode=auto half-open=$HALF_OPEN
	await 5 "the prefix" eval "bpftool map dump pinned $PIN_DIR/$SRV_IF/locals | tr -d ' \n' | grep -q '10,90,0,0'"
	watch_half_open &
	watch=$!
	PIDS+=("$watch")
	counts_from
	raw --src "$SEG4" --dst "${PREFIX%/*}" --sport 20000 --dport 7 --targets 65536 --count 131072 &
	flood=$!
	is "$(in_cli "$TOOLS/tcpc" get -n 100 --rate 100 --bytes 7 --timeout 10 10.90.77.7 7 | field ok)" 100 \
		"a prefix: clients are served, while SYNs go to all of its addresses"
	wait "$flood"
	settle
	stop "$watch"
	most=$(< "$TMP/most")
	diag "at most $most half-open requests, $(listeners) listeners"
	holds "a prefix: more of them than there is room for" "$(grows pass.calm) + $(grows reply.cookie) > 16384 && $(listeners) <= 16384"
	holds "a prefix: the kernel holds hardly more than what starts an attack" "most >= $HALF_OPEN && most < 3 * $HALF_OPEN"
	shield_down > /dev/null
}

# Whoever knows an allowed address goes round the shield with it; the kernel's own cookies are left.
allowed()
{
	local -i cookies
	shield_up mode=auto
	shield allow add "$SEG4" > /dev/null
	counts_from
	cookies=$(snmp "$NS_SRV" TcpExtTCPReqQFullDoCookies)
	raw --src "$SEG4" --dst "$SRV4" --sport 10000 --dport 7 --ports 20000 --count 20000
	settle
	is "$(grows pass.allowed)" 20000 "allowed: SYNs from an address that is: all pass"
	cookies=$(snmp "$NS_SRV" TcpExtTCPReqQFullDoCookies)-cookies
	holds "allowed: the kernel's queue is full, and it makes cookies itself" "$(half_open 7) >= 4096 && $cookies > 0"
	is "$(in_cli "$TOOLS/tcpc" get -n 100 --bytes 7 "$SRV4" 7 | field ok)" 100 "allowed: clients are served all the same"
	holds "allowed: by the shield, that has seen the queue" "$(grows reply.cookie) >= 100"
	shield allow del "$SEG4" > /dev/null
	counts_from
	raw --src "$SEG4" --dst "$SRV4" --sport 40000 --dport 7 --ports 20000 --count 20000
	settle
	is "$(grows pass.allowed pass.calm)" 0 "allowed: taken off the list, none of its SYNs gets through"
	shield_down > /dev/null
}

topo_up
ip -n "$NS_SRV" route add local $PREFIX dev lo
ip -n "$NS_CLI" route add $PREFIX via "$SRV4"
start_server echo --listen :: 7 --backlog 4096 echo
connections
sources
ports
prefix
allowed
done_testing
