#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Rows of the connection table that closing.sh has not: T2 the MSS of each direction, T10 simultaneous
# open, T12 a tuple that is used again, T13 segments that come too late, T20 thousands of connections
# to one port.
#
# lib.sh draws the wire. On the server real sockets; on the client real ones, or seg, which plays SEG4
# and SEG6 one segment at a time.

# shellcheck source=tests/net/lib.sh disable=SC2153
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=5000 INFO=80 CAPPED=81
CALM=(syn-rate=1000000 half-open=100000)

# dump: REMOTE_PORT REMOTE LOCAL of each entry of `closing`
dump()
{
	bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/closing" | python3 -c '
import json, sys
for e in json.load(sys.stdin):
    e = e.get("formatted", e)
    v = e["value"]
    print(e["key"]["remote_port"], v["remote"], v["local"])' | sed 's/SYNSHIELD_TCP_//g'
}

# ends PORT: "REMOTE LOCAL", the states of the connection with this remote port
ends() { dump | sed -n "s/^$1 //p"; }
shown() { [[ $(ends "$1") == "$2" ]]; }

# shows PORT "REMOTE LOCAL" NAME: within three seconds
shows()
{
	local -i tries
	for ((tries = 0; tries < 30; tries++)); do
		shown "$1" "$2" && break
		sleep 0.05
	done
	is "$(ends "$1")" "$2" "$3"
}

# play SPORT FLAGS [OPTION...]: one segment to DPORT, of FAMILY; REPLY is what came back, if anything did
FAMILY=4 DPORT=$PORT
play()
{
	local src=$SEG4 dst=$SRV4
	((FAMILY == 6)) && src=$SEG6 dst=$SRV6
	REPLY=$(seg --src "$src" --dst "$dst" --sport "$1" --dport "$DPORT" --flags "$2" --seq "$SEQ" \
		--ack "$ACK" --wait "${WAIT:-150}" "${@:3}")
	[[ $REPLY ]] && THEIRS=$(tail -n 1 <<< "$REPLY" | field seq)
	return 0
}

# play_syn SPORT [OPTION...]: is answered; SEQ and ACK are what the third segment has
play_syn()
{
	SEQ=${ISN:-1000} ACK=0
	WAIT=3000 play "$1" S --replies 1 "${@:2}"
	SEQ=$((SEQ + 1)) ACK=$((THEIRS + 1 & 0xffffffff))
}

# play_handshake SPORT: SRV_CONN is the server's end
play_handshake()
{
	play_syn "$1"
	WAIT=50 play "$1" A
	ask srv accept
	SRV_CONN=$CONN
}

# heard_out: the daemon has heard of all that was sent before
FENCE=30000
heard_out()
{
	FENCE=$((FENCE + 1))
	shield set "$SRV_IF" mode=auto
	play_syn $FENCE
	await 5 "the daemon" shown $FENCE "ESTABLISHED SYN_RECEIVED"
	shield set "$SRV_IF" "mode=$MODE"
}

## T2

# mss_of FILE|LINE: what it sends at most, by TCP_INFO
mss_of() { sed -n 's/.* snd_mss=\([0-9]*\) .*/\1/p' | tail -n 1; }

# server_mss NAME WANTED SPORT OPTION...: after a handshake by hand whose SYN has these options
server_mss()
{
	local -i lines
	lines=$(wc -l < "$TMP/info.out")
	DPORT=$INFO
	play_syn "$3" "${@:4}"
	WAIT=50 play "$3" PA --data $'x\n'
	await 5 "the server's TCP_INFO" eval "((\$(wc -l < '$TMP/info.out') > $lines))"
	is "$(mss_of < "$TMP/info.out")" "$2" "T2 mode $MODE, IPv$FAMILY: $1"
	DPORT=$PORT
}

# The client announces 1230, the server 1250; timestamps take 12 of each.
both_mss()
{
	local addr=$1 client
	local -i lines
	lines=$(wc -l < "$TMP/capped.out")
	client=$(in_cli "$TOOLS/tcpc" info --timeout 10 "$addr" $CAPPED 2>&1)
	await 5 "the server's TCP_INFO" eval "((\$(wc -l < '$TMP/capped.out') > $lines))"
	is "$(mss_of <<< "client $client")" 1238 "T2 mode $MODE, IPv$FAMILY: the client keeps to the server's MSS"
	is "$(mss_of < "$TMP/capped.out")" 1218 "T2 mode $MODE, IPv$FAMILY: the server keeps to the client's MSS"
}

test_t2()
{
	local -i port=$1 least own
	ip -n "$NS_CLI" route add "$SRV4/32" dev "$CLI_DEV" advmss 1230
	ip -n "$NS_CLI" -6 route add "$SRV6/128" dev "$CLI_DEV" advmss 1230
	for FAMILY in 4 6; do
		if ((FAMILY == 4)); then least=536 own=1460; else least=1220 own=1440; fi
		if ((FAMILY == 4)); then both_mss "$SRV4"; else both_mss "$SRV6"; fi
		server_mss "no MSS is $least" $least $((port++))
		server_mss "of 9000 and its own the smaller" $own $((port++)) --opts mss=9000
		server_mss "of 1220 and its own the smaller" 1220 $((port++)) --opts mss=1220
	done
	FAMILY=4
	ip -n "$NS_CLI" route del "$SRV4/32"
	ip -n "$NS_CLI" -6 route del "$SRV6/128"
}

## T10

# The server's SYN-ACK finds no route until both ends were seen in SYN_RECEIVED; the kernel repeats it.
test_t10()
{
	local -i remote=$1 syn
	local name="T10 mode $MODE"
	ask srv dial "$SRV4" $((remote + 1)) "$SEG4" $remote
	shows $remote "SYN_RECEIVED SYN_SENT" "$name: after the host's SYN"
	ip -n "$NS_SRV" route add blackhole "$SEG4/32"
	in_cli timeout 20 "$TOOLS/seg" "$CLI_IF" --dst-mac "$SRV_MAC" --src "$SEG4" --dst "$SRV4" --sport $remote \
		--dport $((remote + 1)) --flags S --seq 5000 --opts mss=1460 --wait 15000 --replies 1 > "$TMP/synack" &
	syn=$!
	shows $remote "SYN_RECEIVED SYN_RECEIVED" "$name: the SYNs have crossed"
	ip -n "$NS_SRV" route del blackhole "$SEG4/32"
	wait "$syn"
	is "$(field flags < "$TMP/synack")/$(field ack < "$TMP/synack")" SA/5001 "$name: the kernel answers the SYN"
	shows $remote "ESTABLISHED SYN_RECEIVED" "$name: after the host's SYN-ACK"
	SEQ=5000 ACK=$(($(field seq < "$TMP/synack") + 1 & 0xffffffff)) DPORT=$((remote + 1))
	WAIT=50 play $remote SA --opts mss=1460
	DPORT=$PORT
	shows $remote "ESTABLISHED ESTABLISHED" "$name: after the other end's SYN-ACK"
	is "$(in_srv ss -Htn state established "sport = :$((remote + 1))" | wc -l)" 1 "$name: the kernel says so"
	[[ $MODE == off ]] || is "$(($(counted reply cookie) - COOKIES))" 0 "$name: no cookie for the SYN that crosses"
	ask srv abort "$CONN"
}

## T12

# server_closes SPORT: the server's end comes to TIME_WAIT
server_closes()
{
	play_handshake "$1"
	ask srv close "$SRV_CONN"
	ACK=$((ACK + 1))
	WAIT=50 play "$1" A
	WAIT=300 play "$1" FA --replies 1
	SEQ=$((SEQ + 1))
}

time_waits() { in_srv ss -Htn state time-wait "dport = :$1" | wc -l; }

test_t12()
{
	local -i sport=$1 old
	local name="T12 mode $MODE"
	server_closes "$sport"
	is "$(time_waits "$sport")" 1 "$name: the kernel has the tuple in TIME_WAIT"
	old=$SEQ
	SEQ=500 ACK=0
	WAIT=1000 play "$sport" S --replies 1
	is "$(field flags <<< "$REPLY")/$(field ack <<< "$REPLY")" "A/$old" \
		"$name: a SYN with a number of the old connection: the kernel's ACK"
	is "$(time_waits "$sport")" 1 "$name: it is in TIME_WAIT yet"
	[[ $MODE == off ]] || shows "$sport" "CLOSED TIME_WAIT" "$name: and so the states"
	ISN=900000 play_syn "$sport"
	is "$(field flags <<< "$REPLY")/$(field ack <<< "$REPLY")" SA/900001 "$name: a newer SYN: the kernel's SYN-ACK"
	is "$(in_srv ss -Htan state syn-recv "dport = :$sport" | wc -l)" 1 "$name: the kernel holds it, it is no cookie"
	[[ $MODE == off ]] || shows "$sport" "ESTABLISHED SYN_RECEIVED" "$name: the new handshake"
	WAIT=50 play "$sport" A
	ask srv accept
	is "${HEARD##* }" "$sport" "$name: it is accepted"
	[[ $MODE == off ]] || shows "$sport" "ESTABLISHED ESTABLISHED" "$name: the new connection"
	ask srv abort "$CONN"
}

## T13

established() { in_srv ss -Htn state established "dport = :$1" | wc -l; }

# too_late SPORT STATES WHO AFTER: an old SYN, old data and an old ACK. Where nobody holds the tuple the
# kernel answers the SYN, and its request waits for an ACK that is right: AFTER are the states then.
# Not asked for: the very SYN and third segment of a connection by cookie, both again, while the cookie
# holds. Nothing tells them from the first time.
too_late()
{
	local -i sport=$1 seq=1001 ack=$ISS
	local name="T13 mode $MODE, $3 in TIME_WAIT"
	SEQ=$seq ACK=$ack
	WAIT=50 play "$sport" PA --data abc
	heard_out
	is "$(ends "$sport")" "$2" "$name: old data moves nothing"
	SEQ=$seq ACK=$ack
	WAIT=50 play "$sport" A
	heard_out
	is "$(ends "$sport")" "$2" "$name: an old ACK moves nothing"
	is "$(established "$sport")" 0 "$name: nor is there a socket"
	SEQ=1000 ACK=0
	WAIT=300 play "$sport" S --replies 1
	heard_out
	is "$(ends "$sport")" "$4" "$name: an old SYN establishes nothing"
	SEQ=$LAST_SEQ ACK=$LAST_ACK # what an end in TIME_WAIT says to the SYN-ACK
	WAIT=100 play "$sport" A
	heard_out
	is "$(established "$sport")" 0 "$name: an old SYN and an old ACK establish nothing"
	is "$(ends "$sport")" "$4" "$name: nor do they in the states"
}

test_t13()
{
	local -i sport=$1
	local after="TIME_WAIT CLOSED"
	play_handshake "$sport"
	ISS=$ACK
	WAIT=50 play "$sport" PA --data abc
	SEQ=$((SEQ + 3))
	ask srv recv "$SRV_CONN"
	ask srv close "$SRV_CONN"
	ACK=$((ACK + 1))
	WAIT=50 play "$sport" A
	WAIT=300 play "$sport" FA
	shows "$sport" "CLOSED TIME_WAIT" "T13 mode $MODE: the server has closed first"
	LAST_SEQ=$((SEQ + 1)) LAST_ACK=$ACK
	too_late "$sport" "CLOSED TIME_WAIT" "the server" "CLOSED TIME_WAIT"

	sport+=1
	play_handshake "$sport"
	ISS=$ACK
	WAIT=300 play "$sport" FA --replies 1
	ask srv close "$SRV_CONN"
	SEQ=$((SEQ + 1)) ACK=$((ACK + 1))
	WAIT=50 play "$sport" A
	shows "$sport" "TIME_WAIT CLOSED" "T13 mode $MODE: the client has closed first"
	[[ $MODE == always ]] || after="ESTABLISHED SYN_RECEIVED"
	LAST_SEQ=$SEQ LAST_ACK=$ACK
	too_late "$sport" "TIME_WAIT CLOSED" "the client" "$after"
}

## T20

# Each fifth is left alone, closed by the client, by the server, by both, aborted.
WAYS=("ESTABLISHED ESTABLISHED" "FIN_WAIT_2 CLOSE_WAIT" "CLOSE_WAIT FIN_WAIT_2" "CLOSED TIME_WAIT" "")

end_of()
{
	case $(($1 % 5)) in
	1) ask cli shut "$2" ;;
	2) ask srv shut "$3" ;;
	3) ask srv close "$3" && ask cli recv "$2" && ask cli close "$2" ;;
	4) ask srv abort "$3" ;;
	esac
}

all_as_wanted() { dump | grep -E '^1[0-9]{4} ' | sort > "$TMP/got" && cmp -s "$TMP/got" "$TMP/wanted"; }

test_t20()
{
	local -i i ours apart=0
	for ((i = 0; i < 5000; i++)); do
		ask cli connect "$CLI4" $((10000 + i)) "$SRV4" $PORT
		ours=$CONN
		ask srv accept
		[[ $HEARD == *" $CLI4 $((10000 + i))" ]] && apart+=1
		end_of "$i" "$ours" "$CONN"
		[[ ${WAYS[i % 5]} ]] && echo "$((10000 + i)) ${WAYS[i % 5]}"
	done > "$TMP/unsorted"
	sort "$TMP/unsorted" > "$TMP/wanted"
	is "$apart" 5000 "T20 5000 connections from one address to one port are accepted"
	check "T20 each has its own states: five kinds, by its port" await 10 "the states" all_as_wanted
	is "$(wc -l < "$TMP/got")" 4000 "T20 and those that were aborted are gone"
	((FAILED)) && diag "$(diff "$TMP/wanted" "$TMP/got" | head -n 20)"
	return 0
}

learned()
{
	(($(bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/host" | sed 's/.*"learned":\([0-9]*\).*/\1/')))
}

ulimit -n 20000
topo_up
sysctl_in "$NS_SRV" net.core.somaxconn 20000
start_server info --listen :: $INFO info
start_server capped --listen :: $CAPPED info --maxseg 1250
sockets_up srv srv
sockets_up cli cli
ask srv listen 0.0.0.0 $PORT 1000
shield_up "${CALM[@]}"
plan 99
await 15 "the shield to learn the sockets: till then no SYN goes the short way" learned
RUN=0
for MODE in auto always off; do
	shield set "$SRV_IF" "mode=$MODE"
	COOKIES=$(counted reply cookie)
	[[ $MODE == off ]] || test_t10 $((2000 + RUN * 10))
	test_t12 $((2100 + RUN * 10))
	[[ $MODE == off ]] || test_t13 $((2200 + RUN * 10))
	test_t2 $((2300 + RUN * 10))
	RUN=$((RUN + 1))
done
shield set "$SRV_IF" mode=auto
test_t20
shield_down > /dev/null
done_testing
