#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# T17: the peer of an idle connection has died without a word. The daemon probes it (seq = SND.NXT - 1),
# and after three probes without an answer it is reported dead, and closed when that is asked for. A peer
# that lives answers, and nothing happens to its connection.
#
# lib.sh draws the wire. Real sockets at both ends; the cable is cut between bridge and client, so
# that neither the server nor the client is told.

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=5000
SPORT=40000

## The wire

cut_cable() { ip -n "$NS_NET" link set "$NET_CLI" down; }

mend_cable()
{
	ip -n "$NS_NET" link set "$NET_CLI" up
	await 10 "the client to reach the server" in_cli ping -c 1 -W 1 "$SRV4"
	await 10 "the client to reach the server" in_cli ping -c 1 -W 1 "$SRV6"
}

# What the server sends leaves it, whether the client is there or not.
know_the_client()
{
	ip -n "$NS_SRV" neigh replace "$CLI4" lladdr "$CLI_MAC" dev "$SRV_DEV"
	ip -n "$NS_SRV" neigh replace "$CLI6" lladdr "$CLI_MAC" dev "$SRV_DEV"
}

start_capture()
{
	spawn capture srv tcpdump -i "$SRV_IF" -U -s 128 -w "$TMP/capture" "tcp port $PORT"
	await 5 "tcpdump" grep -q "listening on" "$TMP/capture.err"
}

# Of segments from the server without SYN, FIN, RST, PSH and data, one line each: the client's port,
# seq, ack, window, TTL, whether the checksum holds, TSval and TSecr if there are any
PROBES='
import struct, sys

def checksum(data):
    words = struct.unpack("!%dH" % (len(data) // 2), data)
    total = sum(words)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total

data = open(sys.argv[1], "rb").read()
at = 24
while at + 16 <= len(data):
    size = struct.unpack("<I", data[at + 8:at + 12])[0]
    frame = data[at + 16:at + 16 + size]
    if len(frame) < size:
        break
    at += 16 + size
    if frame[12:14] == b"\x08\x00":
        ip, ttl = frame[14:14 + struct.unpack("!H", frame[16:18])[0]], frame[22]
        tcp, addresses = ip[20:], ip[12:20]
    else:
        ip, ttl = frame[14:54 + struct.unpack("!H", frame[18:20])[0]], frame[21]
        tcp, addresses = ip[40:], ip[8:40]
    sport, dport, seq, ack, off, flags, window = struct.unpack("!HHIIBBH", tcp[:16])
    if sport != int(sys.argv[2]) or flags != 0x10 or len(tcp) > off // 4:
        continue
    good = checksum(addresses + struct.pack("!HH", 6, len(tcp)) + tcp) == 0xffff
    stamps = struct.unpack("!II", tcp[24:32]) if off >> 4 == 8 and tcp[20:24] == b"\1\1\x08\x0a" else ()
    print(dport, seq, ack, window, ttl, int(good), *stamps)
'

## Connections

# open_four WHAT: a connection by IPv4 and IPv6 each, with and without timestamps. SPORTS are the
# client's ports, CLI_CONNS and SRV_CONNS the ends, NAMES what they are called.
open_four()
{
	local timestamps src dst
	SPORTS=() CLI_CONNS=() SRV_CONNS=() NAMES=()
	for timestamps in 1 0; do
		sysctl_in "$NS_SRV" net.ipv4.tcp_timestamps $timestamps
		for version in 4 6; do
			if ((version == 4)); then src=$CLI4 dst=$SRV4; else src=$CLI6 dst=$SRV6; fi
			ask cli connect $src $((++SPORT)) $dst $PORT
			SPORTS+=("$SPORT") CLI_CONNS+=("$CONN")
			ask srv accept
			SRV_CONNS+=("$CONN")
			[[ $CONN ]] || bail "no connection: $HEARD"
			ask cli send "${CLI_CONNS[-1]}" hello
			[[ $(asked srv recv "${SRV_CONNS[-1]}") == hello ]] || bail "no data: $HEARD"
			NAMES+=("$1, IPv$version, timestamps $timestamps")
		done
	done
}

close_four()
{
	local conn
	for conn in "${CLI_CONNS[@]}"; do ask cli close "$conn"; done
	for conn in "${SRV_CONNS[@]}"; do ask srv close "$conn"; done
}

FIELDS='
import json, sys
for e in json.load(sys.stdin):
    e = e.get("formatted", e)
    if e["key"]["remote_port"] == int(sys.argv[1]):
        print(*(str(e["value"][n]).replace("SYNSHIELD_TCP_", "") for n in sys.argv[2:]))
'
# entry MAP SPORT FIELD...: of the connection from that port
entry()
{
	bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/$1" | python3 -c "$FIELDS" "${@:2}"
}

# socket SPORT: the state of the server's socket, or nothing
socket() { in_srv ss -Htn "sport = :$PORT and dport = :$1" | awk '{ print $1 }'; }

reported() { grep -c ":$1 is dead: 3 keepalive probes" "$TMP/shield.err"; }

status() { shield status -i 10 --json | tr -d ' \n'; }
answered() { (($(status | field keepalive.answered) >= $1)); }

# note_numbers: what the four have sent so far, NEXT by this host and ACKS by the client, by client port
declare -A NEXT=() ACKS=()
note_numbers()
{
	local port
	for port in "${SPORTS[@]}"; do
		read -r NEXT["$port"] ACKS["$port"] <<< "$(entry conns "$port" local_next remote_next)"
	done
}

# probes SPORT: the segments that went out to that port with a number that was acknowledged before,
# as PROBES prints them
probes()
{
	python3 -c "$PROBES" "$TMP/capture" $PORT | grep "^$1 $((NEXT[$1] - 1 & 0xffffffff)) "
}

# column N: of standard input, each value once
column() { awk -v n="$1" '{ print $n }' | sort -u | paste -sd ' '; }

## Tests

probed() { (($(probes "$1" | wc -l) >= 2)); }

live_peers_answer()
{
	local -i i port
	open_four "a live peer"
	note_numbers
	for i in {0..3}; do
		port=${SPORTS[i]} NAME=${NAMES[i]}
		await 10 "two probes of $NAME" probed $port
		probes $port > "$TMP/probes"
		is "$(column 3 < "$TMP/probes")" "${ACKS[$port]}" \
			"$NAME: the probes acknowledge all that it has sent"
		holds "$NAME: the probes offer a window" "$(column 4 < "$TMP/probes") > 0"
		is "$(column 5 < "$TMP/probes")" 64 "$NAME: the probes have the host's TTL"
		is "$(column 6 < "$TMP/probes")" 1 "$NAME: the probes' checksums are right"
		if [[ $NAME == *"timestamps 1" ]]; then
			is "$(column 7 < "$TMP/probes" | wc -w)" "$(wc -l < "$TMP/probes")" \
				"$NAME: each probe has a timestamp of its own"
		else
			is "$(column 7 < "$TMP/probes")" "" "$NAME: the probes have no timestamps"
		fi
	done
	await 10 "the answers to be counted" answered 8
	for i in {0..3}; do
		port=${SPORTS[i]} NAME=${NAMES[i]}
		is "$(reported $port)" 0 "$NAME is not reported"
		is "$(entry closing $port remote local)" "ESTABLISHED ESTABLISHED" "$NAME: its states stay"
		is "$(socket $port)" ESTAB "$NAME: its socket stays"
		ask cli send "${CLI_CONNS[i]}" again
		is "$(asked srv recv "${SRV_CONNS[i]}")" again "$NAME: what it sends after the probes comes"
		ask srv send "${SRV_CONNS[i]}" back
		is "$(asked cli recv "${CLI_CONNS[i]}")" back "$NAME: and what the server sends"
	done
	is "$(snmp "$NS_CLI" TcpExtPAWSEstab TcpExtPAWSOldAck)" 0 \
		"live peers: no timestamp was too old for them"
	is "$(snmp "$NS_SRV" TcpExtPAWSEstab TcpExtPAWSOldAck)" 0 "live peers: nor theirs for the server"
	is "$(status | field keepalive.dead)" 0 "live peers: none is counted as dead"
	close_four
}

# half_close: the last client has closed its half before the cable is cut
dead_peers_are_reported()
{
	local -i i port
	local there
	open_four "a dead peer, keepalive-close=$1"
	ask cli shut "${CLI_CONNS[3]}"
	is "$(asked srv recv "${SRV_CONNS[3]}")" eof "$1: the last one has closed its half"
	note_numbers
	cut_cable
	for i in {0..3}; do
		port=${SPORTS[i]} NAME=${NAMES[i]} there="ESTABLISHED here, ESTABLISHED"
		((i == 3)) && there="CLOSE_WAIT here, FIN_WAIT_2"
		await 15 "the report of port $port" grep -q ":$port is dead" "$TMP/shield.err"
		is "$(probes $port | column 3)" "${ACKS[$port]}" "$NAME: probes were sent"
		holds "$NAME: three of them at least" "$(probes $port | wc -l) >= 3"
		is "$(grep -c ":$port is dead.*; was $there there; its socket $2$" "$TMP/shield.err")" 1 \
			"$NAME is reported once"
		is "$(entry closing $port local)" "" "$NAME: its connection is shown no more"
		is "$(socket $port)" "$([[ $1 == off ]] && in_state $i)" "$NAME: the server's socket $2"
	done
}

in_state() { if (($1 == 3)); then echo CLOSE-WAIT; else echo ESTAB; fi; }

# The ports of those that are dead: by a replay of the capture, and by the daemon.
replayed_dead()
{
	"$SYNSHIELD" replay "$TMP/capture" --json | tr -d ' ' |
		sed -n 's/.*"remote":"[^"]*:\([0-9]*\)".*"dead":true.*/\1/p' | sort
}
reported_dead() { sed -n 's/.*:\([0-9]*\) is dead.*/\1/p' "$TMP/shield.err" | sort; }

# The cable is mended: what was thought dead lives.
they_come_back()
{
	local -i i
	mend_cable
	for i in {0..2}; do
		ask cli send "${CLI_CONNS[i]}" again
		is "$(asked srv recv "${SRV_CONNS[i]}")" again "${NAMES[i]}: comes back to life"
	done
	await 70 "its states" shows_again "${SPORTS[0]}"
	is "$(entry closing "${SPORTS[0]}" remote local)" "ESTABLISHED ESTABLISHED" \
		"${NAMES[0]}: and is shown again"
	close_four
}

shows_again() { [[ $(entry closing "$1" local) ]]; }

applications_are_told()
{
	local -i i
	for i in {0..2}; do
		is "$(asked srv recv "${SRV_CONNS[i]}" 2)" ECONNABORTED "${NAMES[i]}: its application is told"
	done
	is "$(asked srv send "${SRV_CONNS[3]}" x)" ECONNABORTED "${NAMES[3]}: its application is told"
}

topo_up
sockets_up srv srv
sockets_up cli cli
know_the_client
ask srv listen :: $PORT
[[ $HEARD == ok ]] || bail "cannot listen: $HEARD"
shield_up keepalive=1 keepalive-interval=1
start_capture
live_peers_answer
dead_peers_are_reported off stays
is "$(status | field keepalive.dead)" 4 "they are counted"
is "$(status | field keepalive.closed)" 0 "none was closed"
pause 1 # a fourth probe would have been sent
they_come_back
is "$(replayed_dead)" "$(reported_dead)" "T17 a replay of what tcpdump has captured finds the same ones dead"
shield set "$SRV_IF" keepalive-close=on
dead_peers_are_reported on "is closed"
applications_are_told
is "$(status | field keepalive.dead)" 8 "they are counted, too"
is "$(status | field keepalive.closed)" 4 "and were closed"
done_testing
