#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The states of both ends, as the map `closing` shows them.
#
# lib.sh draws the wire.  On the server real sockets, told by `srv` what to do; on the client real
# ones, told by `cli`, or seg, which plays SEG4 one segment at a time.

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=8080

## Sockets that do as they are told: a line in, a line out.

AGENT='
import socket, struct, subprocess, sys, time
s = {}
def await_acks():
    until = time.monotonic() + 20
    while subprocess.check_output("ss -Htn state fin-wait-1 state closing state last-ack".split() + sys.argv[1:]):
        if time.monotonic() > until: raise OSError("a FIN was not acknowledged")
        time.sleep(0.01)
def do(verb, name, *a):
    if verb == "listen":
        s[name] = socket.socket(); s[name].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s[name].bind(("", int(a[0]))); s[name].listen(20000)
    elif verb == "accept":
        s[name] = s[a[0]].accept()[0]
    elif verb == "connect":
        s[name] = socket.socket(); s[name].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s[name].bind(("", int(a[2]))); s[name].settimeout(5)
        s[name].connect((a[0], int(a[1])))
    elif verb == "send":
        s[name].sendall(b"x" * int(a[0]))
    elif verb == "recv":
        s[name].settimeout(5); return len(s[name].recv(65536))
    elif verb == "shut":
        s[name].shutdown(socket.SHUT_WR)
    elif verb == "abort":
        s[name].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.pop(name).close()
    elif verb == "close":
        s.pop(name).close()
    elif verb == "open": # many, from one address
        for i in range(int(a[0])):
            c = s[name + str(i)] = socket.socket(); c.settimeout(5)
            c.bind((a[1], 0)); c.connect((a[2], int(a[3])))
    elif verb == "take":
        for i in range(int(a[0])): s[name + str(i)] = s[a[1]].accept()[0]
    elif verb == "each": # of them: not more at a time than a ring holds, and no FIN is left on its way
        for i in range(int(a[1]), int(a[2])):
            do(a[0], name + str(i))
            if i % 100 == 99: await_acks()
    return "ok"
for line in sys.stdin:
    try: print(do(*line.split()), flush=True)
    except OSError as e: print(e, flush=True)
'

# agent WHO: in the namespace of that name
agent()
{
	mkfifo "$TMP/$1.in" "$TMP/$1.said"
	in_ns "$2" python3 -c "$AGENT" src "${CLI4%.*}.0/24" or dst "${CLI4%.*}.0/24" < "$TMP/$1.in" > "$TMP/$1.said" 2> "$TMP/$1.errors" &
	PIDS+=("$!")
}

tell()
{
	local said
	echo "${*:3}" >&"$1"
	read -r -t 30 said <&"$2" || bail "no answer to: ${*:3}"
	[[ $said == ok || $3 == recv ]] || diag "${*:3}: $said"
}

srv() { tell "$SRV_IN" "$SRV_SAID" "$@"; }
cli() { tell "$CLI_IN" "$CLI_SAID" "$@"; }

## What is shown

# dump MAP FIELD...: one line for each entry of it: REMOTE_PORT LOCAL_PORT VALUE...
DUMP='
import json, sys
names = sys.argv[1:]
host = names.pop() if names and names[-1].isdigit() else None
for e in json.load(sys.stdin):
    e = e.get("formatted", e)
    k, v = e["key"], e["value"]
    if host and int(str(k["remote"][15]), 0) != int(host): continue
    print(k["remote_port"], k["local_port"], *(v[n] for n in names))
'
dump() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/$1" | python3 -c "$DUMP" "${@:2}"; }

# ends SPORT: "REMOTE LOCAL", the states of the connection from that port, without their prefix
ends()
{
	dump closing remote local |
		sed -n "s/^$1 [0-9]* SYNSHIELD_TCP_\([A-Z_0-9]*\) SYNSHIELD_TCP_/\1 /p"
}

shown() { [[ $(ends "$1") == "$2" ]]; }

# shows SPORT "REMOTE LOCAL" NAME: within two seconds; "" for nothing
shows()
{
	local -i tries
	for ((tries = 0; tries < 40; tries++)); do
		shown "$1" "$2" && break
		sleep 0.05
	done
	is "$(ends "$1")" "$2" "$3"
}

## One segment at a time, from SEG4

# play SPORT FLAGS [OPTION...]: REPLY is what came back, if anything did
play()
{
	REPLY=$(seg --src "$SEG4" --dst "$SRV4" --sport "$1" --dport $PORT --flags "$2" \
		--seq "$SEQ" --ack "$ACK" --wait "${WAIT:-200}" "${@:3}")
	[[ $REPLY ]] && THEIRS=$(tail -n 1 <<< "$REPLY" | field seq)
	:
}

# A SYN is answered: SEQ and ACK are what the third segment has.
play_syn()
{
	SEQ=1000 ACK=0
	play "$1" S --replies 1 --wait 2000
	SEQ=1001 ACK=$((THEIRS + 1 & 0xffffffff))
}

play_handshake()
{
	play_syn "$1"
	WAIT=50 play "$1" A
	srv accept "s$1" listener
}

## Tests

# No attack, nor a full accept queue: each connection is the kernel's own from its SYN on.
CALM=(syn-rate=1000000 half-open=100000)

topo_up
sysctl_in "$NS_SRV" net.core.somaxconn 20000
sysctl_in "$NS_SRV" net.ipv4.tcp_max_syn_backlog 20000
shield_up "${CALM[@]}" "$@"
agent srv "$NS_SRV"
agent cli "$NS_CLI"
exec {SRV_IN}> "$TMP/srv.in" {SRV_SAID}< "$TMP/srv.said" {CLI_IN}> "$TMP/cli.in" {CLI_SAID}< "$TMP/cli.said"
srv listen listener $PORT


test_t1()
{
	play_syn 1001
	shows 1001 "ESTABLISHED SYN_RECEIVED" "T1 after SYN and SYN-ACK"
	is "$(field ack <<< "$REPLY")" 1001 "T1 the SYN-ACK acknowledges the SYN's number + 1"
	WAIT=50 play 1001 A
	shows 1001 "ESTABLISHED ESTABLISHED" "T1 after the ACK"
	srv accept s1001 listener
}

# The SYN twice, the ACK twice, and data right behind
test_t3()
{
	local -i before
	before=$(dump closing | wc -l)
	SEQ=1000 ACK=0
	WAIT=50 play 1003 S --repeat 2
	SEQ=1001 ACK=$((THEIRS + 1 & 0xffffffff))
	shows 1003 "ESTABLISHED SYN_RECEIVED" "T3 a SYN that is repeated opens one connection"
	WAIT=50 play 1003 PA --data abc
	shows 1003 "ESTABLISHED ESTABLISHED" "T3 data is the first ACK"
	WAIT=50 play 1003 A --repeat 2
	shows 1003 "ESTABLISHED ESTABLISHED" "T3 repeated ACKs change nothing"
	is "$(dump closing | wc -l)" $((before + 1)) "T3 there is one entry"
	srv accept s1003 listener
	srv abort s1003
}

test_t5()
{
	play_handshake 1005
	play 1005 FA --replies 1
	shows 1005 "FIN_WAIT_2 CLOSE_WAIT" "T5 after the client's FIN and the server's ACK"
	srv close s1005
	shows 1005 "TIME_WAIT LAST_ACK" "T5 after the server's FIN"
	SEQ=$((SEQ + 1)) ACK=$((ACK + 1))
	WAIT=50 play 1005 A
	shows 1005 "TIME_WAIT CLOSED" "T5 after the client's ACK"
}

test_t6()
{
	play_handshake 1006
	srv close s1006
	shows 1006 "CLOSE_WAIT FIN_WAIT_1" "T6 after the server's FIN"
	ACK=$((ACK + 1))
	WAIT=50 play 1006 A
	shows 1006 "CLOSE_WAIT FIN_WAIT_2" "T6 after the client's ACK"
	play 1006 FA --replies 1
	shows 1006 "CLOSED TIME_WAIT" "T6 after the client's FIN and the server's ACK"
}

# Real sockets: the client closes its half, and is sent data for longer than FIN_WAIT_2 may be idle
test_t7()
{
	local -i i
	shield set "$SRV_IF" fin-wait-timeout=3 close-wait-timeout=3
	cli connect c "$SRV4" $PORT 1007
	srv accept s1007 listener
	cli shut c
	shows 1007 "FIN_WAIT_2 CLOSE_WAIT" "T7 after the client closed its half"
	for ((i = 0; i < 16; i++)); do
		srv send s1007 100
		cli recv c
		sleep 0.25
	done
	shows 1007 "FIN_WAIT_2 CLOSE_WAIT" "T7 data keeps it, for as long as it flows"
	srv close s1007
	shows 1007 "TIME_WAIT CLOSED" "T7 after the server closed, too"
	shield set "$SRV_IF" fin-wait-timeout=60 close-wait-timeout=86400
}

test_t8()
{
	play_handshake 1008
	srv close s1008
	shows 1008 "CLOSE_WAIT FIN_WAIT_1" "T8 after the server's FIN"
	ACK=$((ACK + 1))
	play 1008 FA --replies 1
	shows 1008 "CLOSED TIME_WAIT" "T8 FIN and ACK in one segment lead to TIME_WAIT directly"
}

test_t9()
{
	play_handshake 1009
	srv close s1009
	play 1009 FA --replies 1
	shows 1009 "TIME_WAIT CLOSING" "T9 FINs that cross: the server's is not acknowledged yet"
	SEQ=$((SEQ + 1)) ACK=$((ACK + 1))
	WAIT=50 play 1009 A
	shows 1009 "TIME_WAIT TIME_WAIT" "T9 then TIME_WAIT on both ends"
}

test_t15()
{
	cli connect c "$SRV4" $PORT 1015
	srv accept s1015 listener
	shows 1015 "ESTABLISHED ESTABLISHED" "T15 before the RST"
	srv send s1015 100
	srv abort s1015
	shows 1015 "" "T15 the server aborts: the entry is gone"
	cli close c
	play_handshake 1115
	shows 1115 "ESTABLISHED ESTABLISHED" "T15 before the RST of the client"
	WAIT=50 play 1115 R
	shows 1115 "" "T15 a RST that is received: the entry is gone"
	srv close s1115
}

# With a timer of two seconds, and a kernel that repeats its SYN-ACK after 1, 3 and 7
begin_t4()
{
	local -i before
	sysctl_in "$NS_SRV" net.ipv4.tcp_synack_retries 3
	shield set "$SRV_IF" syn-received-timeout=2
	sleep 1.1 # the daemon looks once a second
	play_syn 1004
	shows 1004 "ESTABLISHED SYN_RECEIVED" "T4 a handshake that is not completed"
	lasts 1004 2000 "T4 has the time that is set for it"
	await 5 "its end" shown 1004 ""
	ok "T4 times out"
	before=$(snmp "$NS_SRV" TcpRetransSegs)
	await 10 "another SYN-ACK" eval '(($(snmp "$NS_SRV" TcpRetransSegs) > before))'
	pause 0.3
	is "$(ends 1004)" "" "T4 a SYN-ACK that is repeated does not bring it back"
	shield set "$SRV_IF" syn-received-timeout=60
}

end_t4()
{
	check "T4 leaves conns once the kernel has given it up" await 25 "conns" unknown 1004
}

# With a cookie nothing is known before the third segment.
test_cookie()
{
	shield set "$SRV_IF" mode=always
	play_syn 1030
	await 5 "the SYN-ACK to be a cookie" eval '(($(counted reply cookie) > 0))'
	is "$(ends 1030)" "" "a SYN that is answered with a cookie leaves nothing"
	WAIT=50 play 1030 A
	shows 1030 "ESTABLISHED ESTABLISHED" "the cookie comes back: both ends"
	srv accept s1030 listener
	srv close s1030
	ACK=$((ACK + 1))
	play 1030 FA --replies 1
	shows 1030 "CLOSED TIME_WAIT" "and the close is followed like any other"
	shield set "$SRV_IF" mode=auto
}

# left SPORT: ms from the last move of its state to its deadline
left()
{
	local port moved deadline
	while read -r port _ moved deadline; do
		[[ $port == "$1" ]] && echo $(((deadline - moved) / 1000000))
	done < <(dump closing moved_ns deadline_ns)
}

# lasts SPORT MS NAME: by its deadline, counted from the first of the two ends that came there
lasts()
{
	local -i ms
	ms=$(left "$1")
	holds "$3" "$ms <= $2 && $ms > $2 - 100"
}

unknown() { (($(dump conns | grep -c "^$1 ") == 0)); }

test_t11()
{
	local -i first
	shield set "$SRV_IF" msl=10
	sleep 1.1
	play_handshake 1011
	srv close s1011
	ACK=$((ACK + 1))
	play 1011 FA --replies 1
	shows 1011 "CLOSED TIME_WAIT" "T11 TIME_WAIT"
	lasts 1011 20000 "T11 it lasts twice the MSL"
	first=$(left 1011)
	WAIT=50 play 1011 FA
	await 15 "the deadline to move" eval "((\$(left 1011) > $first))"
	ok "T11 a FIN that is repeated starts it anew"
	shows 1011 "CLOSED TIME_WAIT" "T11 it is there yet"
	shield set "$SRV_IF" msl=1
	await 10 "its end" shown 1011 ""
	ok "T11 it ends"
	holds "T11 the kernel's TIME_WAIT is longer: conns keeps the tuple" \
		"$(dump conns | grep -c '^1011 ')"
}

# t14 SPORT STATES: gone in the end, which is made to be soon
t14()
{
	shows "$1" "$2" "T14 ${2#* }"
	shield set "$SRV_IF" fin-wait-timeout=1 close-wait-timeout=1 last-ack-timeout=1
	await 15 "T14 ${2#* } to time out" shown "$1" ""
	ok "T14 ${2#* } times out"
	shield set "$SRV_IF" fin-wait-timeout=60 close-wait-timeout=86400 last-ack-timeout=60
	sleep 1.1
}

test_t14()
{
	sysctl_in "$NS_SRV" net.ipv4.tcp_orphan_retries 1
	play_handshake 1014
	srv close s1014
	t14 1014 "CLOSE_WAIT FIN_WAIT_1"
	play_handshake 1114
	srv close s1114
	ACK=$((ACK + 1))
	WAIT=50 play 1114 A
	t14 1114 "CLOSE_WAIT FIN_WAIT_2"
	play_handshake 1214
	WAIT=50 play 1214 FA
	t14 1214 "FIN_WAIT_2 CLOSE_WAIT"
	srv close s1214
	play_handshake 1314
	WAIT=50 play 1314 FA
	srv close s1314
	t14 1314 "TIME_WAIT LAST_ACK"
	play_handshake 1414
	srv close s1414
	WAIT=50 play 1414 FA
	t14 1414 "TIME_WAIT CLOSING"
}

# A socket that an application still holds is not given up
test_held()
{
	shield set "$SRV_IF" established-timeout=1 fin-wait-timeout=1
	sleep 1.1
	cli connect c "$SRV4" $PORT 1020
	srv accept s1020 listener
	cli connect d "$SRV4" $PORT 1021
	srv accept s1021 listener
	srv shut s1021
	shows 1020 "ESTABLISHED ESTABLISHED" "an idle connection"
	sleep 2.5
	shows 1020 "ESTABLISHED ESTABLISHED" "stays while the kernel has its socket"
	shows 1021 "CLOSE_WAIT FIN_WAIT_2" "half closed, too, while an application has it"
	shield set "$SRV_IF" established-timeout=432000 fin-wait-timeout=60
}

test_t19()
{
	is "$(bpftool btf dump map pinned "$PIN_DIR/$SRV_IF/closing" value format c |
		grep -o "SYNSHIELD_TCP_[A-Z_0-9]*" | sed 's/SYNSHIELD_TCP_//' | sort | xargs)" \
		"CLOSED CLOSE_WAIT CLOSING ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 LAST_ACK LISTEN SYN_RECEIVED SYN_SENT TIME_WAIT" \
		"T19 eleven states, named as in RFC 9293"
}

# Each of 10 000 connections is where it was and has as long to go; those that moved meanwhile have.
make_mixed()
{
	echo "open k 10000 ${CLI4%.*}.2 $SRV4 $PORT" >&"$CLI_IN"
	srv take k 10000 listener
	read -r -t 20 _ <&"$CLI_SAID"
	cli each k shut 0 2000     # FIN_WAIT_2 CLOSE_WAIT
	srv each k shut 2000 4000  # CLOSE_WAIT FIN_WAIT_2
	srv each k close 4000 6000 # CLOSED TIME_WAIT
	cli each k close 4000 6000
	cli each k close 6000 8000 # TIME_WAIT CLOSED
	srv each k close 6000 8000
	                           # ESTABLISHED ESTABLISHED
}

MIXED="2000 CLOSED TIME_WAIT
2000 CLOSE_WAIT FIN_WAIT_2
2000 ESTABLISHED ESTABLISHED
2000 FIN_WAIT_2 CLOSE_WAIT
2000 TIME_WAIT CLOSED"

# by_states FILE: how many there are of each, of those with addresses of their own
by_states() { awk '{ n[$3 " " $4]++ } END { for (s in n) print n[s], s }' "$1" | sort -k 2 | sed 's/SYNSHIELD_TCP_//g'; }

# dump_from N FILE: of the connections from the client's address N
dump_from()
{
	bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/closing" |
		python3 -c "$DUMP" remote local since_ns moved_ns deadline_ns "$1" | sort > "$TMP/$2"
}

# are_from N STATES: as by_states says
are_from() { dump_from "$1" now && [[ $(by_states "$TMP/now") == "$2" ]]; }

# all_from N STATES NAME: within 30 s
all_from()
{
	local -i tries
	for ((tries = 0; tries < 150; tries++)); do
		are_from "$1" "$2" && break
		sleep 0.2
	done
	is "$(by_states "$TMP/now")" "$2" "$3"
}

# differ BEFORE AFTER: those whose states, or times (deadlines by more than a second), are not the same
DIFFER='
import sys
a, b = ({tuple(l.split()[:2]): l.split()[2:] for l in open(f)} for f in sys.argv[1:])
print(sum(k not in b or a[k][:4] != b[k][:4] or abs(int(a[k][4]) - int(b[k][4])) > 10**9 for k in a))
'

kill_shield()
{
	kill -KILL "$SHIELD_PID"
	wait "$SHIELD_PID" 2> /dev/null
}

test_kill()
{
	shield set "$SRV_IF" msl=30
	make_mixed
	all_from 2 "$MIXED" "10 000 connections are in five states"
	dump_from 2 before
	kill_shield
	sleep 3 # what is left of a state goes on without the daemon
	shield_again "$@"
	dump_from 2 after
	is "$(by_states "$TMP/after")" "$MIXED" "kill -9, restart: 10 000 connections are in their states"
	is "$(python3 -c "$DIFFER" "$TMP/before" "$TMP/after")" 0 \
		"each with the times it had, to the second"
	kill_shield
	cli each k close 8000 9000
	srv each k close 8000 9000
	srv each k abort 9000 10000
	cli each k close 9000 10000
	shield_again "$@"
	all_from 2 "$(sed '/EST/d; s/2000 TIME/3000 TIME/' <<< "$MIXED")" \
		"those that closed while no daemon was there are where they went"
}

# lost: events so far
lost() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/tracking" | sed 's/.*"events_lost":\([0-9]*\).*/\1/'; }

learned()
{
	(($(bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/host" | sed 's/.*"learned":\([0-9]*\).*/\1/')))
}

# A ring buffer for 56 reports, and 5000 connections; no scan is due for another reason
test_lost()
{
	local wanted="2000 CLOSE_WAIT FIN_WAIT_2
2000 ESTABLISHED ESTABLISHED
1000 FIN_WAIT_2 CLOSE_WAIT"

	await 15 "the shield to learn the sockets" learned
	pause 3
	echo "open l 5000 ${CLI4%.*}.3 $SRV4 $PORT" >&"$CLI_IN"
	srv take l 5000 listener
	read -r -t 20 _ <&"$CLI_SAID"
	await 10 "the shield to follow them" are_from 3 "5000 ESTABLISHED ESTABLISHED"
	kill -STOP "$SHIELD_PID"
	cli each l shut 0 1000
	srv each l shut 1000 3000
	kill -CONT "$SHIELD_PID"
	holds "reports are lost in a ring buffer of one page, and counted" "$(lost) > 1000"
	check "status says so" eval 'shield status --interval 10 | grep -q "events  *$(lost) lost so far"'
	all_from 3 "$wanted" "and yet every state is found in conns"
}

test_t1
test_t3
begin_t4
test_t5
test_t6
test_t7
test_t8
test_t9
test_t15
test_t19
test_cookie
test_t11
test_t14
test_held
end_t4
test_kill "$@"
shield_down > /dev/null
shield_up --events 4096 "${CALM[@]}" "$@"
test_lost
shield_down > /dev/null
done_testing
