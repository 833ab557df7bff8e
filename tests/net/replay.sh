#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `synshield replay`: captures through the real programs. Those that tcpdump makes of sessions over veth,
# and those that tests/tools/pcap.py makes of conversations in words. Topology: see lib.sh; the replay
# itself needs none.

# shellcheck source=tests/net/lib.sh disable=SC2153
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=8080
CAP=$TMP/made.pcap

replay() { timeout 60 "$SYNSHIELD" replay "$@"; }
make_cap() { "$ROOT/tests/tools/pcap.py" "$@" > "$CAP" || bail "pcap.py $*"; }

# rungs: of ladders, on standard input: DIRECTION FLAGS LEFT/RIGHT NOTE, without numbers and times
rungs()
{
	sed -n -e 's/^ *\([A-Z_0-9]*\) |-* \([^ ]*\).* -*>| \([A-Z_0-9]*\) *[0-9:.]* *\(.*\)/>\2 \1\/\3 \4/p' \
		-e 's/^ *\([A-Z_0-9]*\) |<-* \([^ ]*\).* -*| \([A-Z_0-9]*\) *[0-9:.]* *\(.*\)/<\2 \1\/\3 \4/p' \
		-e 's/^ *\([A-Z_0-9]*\) |\.* \([^.]*\) \.*| \([A-Z_0-9]*\) *\([0-9.]*\).*/-- \2 at \4: \1\/\3/p' |
		sed 's/ *$//'
}

# row NAME RUNGS SCRIPT...: what a conversation's ladder says, client on the left
row()
{
	local name=$1 wanted=$2
	shift 2
	make_cap "$@"
	is "$(replay "$CAP" --ladder 2>&1 | rungs)" "$wanted" "$name"
}

# last FILE...: the connections' last states, local/remote, from JSON
last()
{
	replay "$@" --json | tr -d ' ' | grep '"kind":"connection"' |
		sed 's/.*"local-state":"\([A-Z_0-9]*\)","remote-state":"\([A-Z_0-9]*\)".*/\1\/\2/'
}
# tally FILE KEY: from the summary
tally() { replay "$1" --json | grep '"kind": "summary"' | sed "s/.*\"$2\": \([0-9]*\).*/\1/"; }

OPEN='>SYN SYN_SENT/SYN_RECEIVED
<SYN,ACK ESTABLISHED/SYN_RECEIVED
>ACK ESTABLISHED/ESTABLISHED'
COOKIE='>SYN SYN_SENT/LISTEN reply cookie
<SYN,ACK ESTABLISHED/LISTEN by the driver
>ACK ESTABLISHED/ESTABLISHED'
FOUR_WAY='>FIN,ACK FIN_WAIT_1/CLOSE_WAIT
<ACK FIN_WAIT_2/CLOSE_WAIT
<FIN,ACK TIME_WAIT/LAST_ACK
>ACK TIME_WAIT/CLOSED'

SYNS='>SYN SYN_SENT/SYN_RECEIVED
<SYN SYN_RECEIVED/SYN_RECEIVED
>SYN,ACK SYN_RECEIVED/ESTABLISHED
<SYN,ACK ESTABLISHED/ESTABLISHED'
SERVER_FIRST="$OPEN
<FIN,ACK CLOSE_WAIT/FIN_WAIT_1
>ACK CLOSE_WAIT/FIN_WAIT_2
>FIN,ACK LAST_ACK/TIME_WAIT
<ACK CLOSED/TIME_WAIT"

# judged NAME VERDICT MODE OPTION...: one SYN with these options
judged()
{
	make_cap "${@:4}" '>S'
	is "$(replay "$CAP" --mode "$3" --json | grep '"kind": "segment"' | tr -d ' ' |
		sed 's/.*"action":"\([a-z_]*\)","reason":"\([a-z_]*\)".*/\1 \2/')" "$2" "$1"
}

# The programs read the option: what is smaller than the least that a cookie can hold is the kernel's,
# so a SYN without the option is one of just that size.
rows_mss()
{
	judged "T2 IPv4, an MSS of 536: a cookie" "reply cookie" always --mss 536
	judged "T2 IPv4, an MSS of 535: too small for one" "pass small_mss" always --mss 535
	judged "T2 IPv4, no MSS: 536" "reply cookie" always
	judged "T2 IPv6, an MSS of 1220: a cookie" "reply cookie" always --ipv6 --mss 1220
	judged "T2 IPv6, an MSS of 1219: too small for one" "pass small_mss" always --ipv6 --mss 1219
	judged "T2 IPv6, no MSS: 1220" "reply cookie" always --ipv6
	judged "T2 no cookie is due: any MSS is the kernel's" "pass calm" auto --mss 535
}

rows_simultaneous()
{
	row "T10 simultaneous open: SYN_SENT, SYN_RECEIVED at both ends, ESTABLISHED" "$SYNS" '<S >S <SA >SA'
	is "$(last "$CAP")" ESTABLISHED/ESTABLISHED "T10 it is one connection"
	row "T10 over IPv6" "$SYNS" --ipv6 '<S >S <SA >SA'
}

# What the capture's kernel has answered is followed.
rows_reused()
{
	local close='>S <SA >A <F >A >F <A @5'
	row "T12 a SYN on a tuple in TIME_WAIT that the kernel accepts" "$SERVER_FIRST
>SYN CLOSED/TIME_WAIT
<SYN,ACK ESTABLISHED/SYN_RECEIVED
>ACK ESTABLISHED/ESTABLISHED" "$close >S+ <SA+ >A"
	row "T12 one that it refuses" "$SERVER_FIRST
>SYN CLOSED/TIME_WAIT
<RST,ACK CLOSED/CLOSED" "$close >S+ <RA"
	row "T12 one that it answers with an ACK" "$SERVER_FIRST
>SYN CLOSED/TIME_WAIT
<ACK CLOSED/TIME_WAIT" "$close >S+ <A"
}

# row_late NAME SEGMENTS: after a close; nobody's state moves
row_late()
{
	make_cap "$2"
	is "$(last "$CAP")" "$3" "$1"
	is "$(replay "$CAP" --json | grep '"kind": "segment"' | tail -n +"$4" | tr -d ' ' |
		grep -c -v "\"local-state\":\"${3%/*}\",\"remote-state\":\"${3#*/}\"")" 0 \
		"$1: nor in between"
}

rows_late()
{
	local server='>S <SA >A >D5 <A <F >A >F <A' client='>S <SA >A >D5 <A >F <A <F >A'
	row_late "T13 the server in TIME_WAIT, the client's first SYN again: no state moves" \
		"$server >S* <A" TIME_WAIT/CLOSED 10
	row_late "T13 the server in TIME_WAIT, old data: no state moves" \
		"$server >D* <A" TIME_WAIT/CLOSED 10
	row_late "T13 the server in TIME_WAIT, an old ACK: no state moves" \
		"$server >A* <A" TIME_WAIT/CLOSED 10
	row_late "T13 the client in TIME_WAIT, its first SYN again: no state moves" \
		"$client >S* <A" CLOSED/TIME_WAIT 10
	row_late "T13 the client in TIME_WAIT, old data: no state moves" \
		"$client >D*" CLOSED/TIME_WAIT 10
	make_cap "$client >A*"
	is "$(replay "$CAP" --ladder | rungs | tail -n 2)" '>ACK TIME_WAIT/CLOSED reply unknown_ack
<RST CLOSED/CLOSED by the driver' "T13 its last ACK again: the RST is right, and ends TIME_WAIT (RFC 1337)"
	make_cap "$client >D*"
	is "$(replay "$CAP" --ladder | rungs | tail -n 2)" \
		'>PSH,ACK TIME_WAIT/CLOSED reply unknown_data
<RST TIME_WAIT/CLOSED by the driver' "T13 nor by the RST that old data is answered with: it is old, too"
}

# row_ends NAME RUNG SEGMENTS: nothing comes any more; another conversation moves the clock
row_ends()
{
	make_cap "$3" '@432061 >S'
	is "$(replay "$CAP" --ladder | rungs | grep '^--')" "$2" "$1"
}

rows_timeouts()
{
	row_ends "T14 FIN_WAIT_1" "-- time-out of FIN_WAIT_1 at 60.030000: CLOSED/CLOSED" '>S <SA >A <F'
	row_ends "T14 FIN_WAIT_2" "-- time-out of FIN_WAIT_2 at 60.040000: CLOSED/CLOSED" '>S <SA >A <F >A'
	row_ends "T14 CLOSE_WAIT: a day" "-- time-out of CLOSE_WAIT at 86400.040000: CLOSED/CLOSED" \
		'>S <SA >A >F <A'
	row_ends "T14 LAST_ACK" "-- time-out of LAST_ACK at 60.050000: CLOSED/CLOSED" '>S <SA >A >F <A <F'
	row_ends "T14 CLOSING" "-- time-out of CLOSING at 60.040000: CLOSED/CLOSED" '>S <SA >A >F <F-'
	row_ends "T14 ESTABLISHED and idle: five days" \
		"-- time-out of ESTABLISHED at 432000.020000: CLOSED/CLOSED" '>S <SA >A'
	row_ends "T14 TIME_WAIT at both ends: 2 MSL" "-- 2 MSL are over at 60.050000: CLOSED/CLOSED" \
		'>S <SA >A >F <F- >A <A'
}

PROBED="$OPEN
<ACK ESTABLISHED/ESTABLISHED keepalive probe
<ACK ESTABLISHED/ESTABLISHED keepalive probe
<ACK ESTABLISHED/ESTABLISHED keepalive probe"
DEAD='-- dead: no answer to 3 probes at 7230.030000: CLOSED/CLOSED'

# The server probes a client that says nothing; a new conversation moves the clock.
rows_keepalive()
{
	local open='>S <SA >A' probes='@7200 <K @9.99 <K @9.99 <K'
	row "T17 three probes without an answer: dead when a fourth is due, both ends CLOSED" "$PROBED
$DEAD
>SYN SYN_SENT/SYN_RECEIVED" "$open $probes" '@60 >S'
	is "$(last "$CAP" | head -n 1)" CLOSED/CLOSED "T17 those are its last states"
	is "$(replay "$CAP" --json | tr -d ' ' | grep '"dead":true' |
		sed 's/.*"ended":"\([A-Z_0-9]*\)","dead":true,"local-state":"\([A-Z]*\)","remote-state":"\([A-Z]*\)".*/\1 \2 \3/')" \
		"ESTABLISHED CLOSED CLOSED" "T17 JSON says so, too"
	row "T17 each probe is answered: nobody is dead" "$OPEN
<ACK ESTABLISHED/ESTABLISHED keepalive probe
>ACK ESTABLISHED/ESTABLISHED
<ACK ESTABLISHED/ESTABLISHED keepalive probe
>ACK ESTABLISHED/ESTABLISHED
<ACK ESTABLISHED/ESTABLISHED keepalive probe
>ACK ESTABLISHED/ESTABLISHED
<ACK ESTABLISHED/ESTABLISHED keepalive probe
>ACK ESTABLISHED/ESTABLISHED
>SYN SYN_SENT/SYN_RECEIVED" "$open @60 <K >A @60 <K >A @60 <K >A @60 <K >A" '@6000 >S'
	row "T17 a fourth probe is answered: not dead" "$PROBED
<ACK ESTABLISHED/ESTABLISHED keepalive probe
>ACK ESTABLISHED/ESTABLISHED
>SYN SYN_SENT/SYN_RECEIVED" "$open $probes @9.99 <K >A" '@6000 >S'
	row "T17 who was taken for dead, and speaks, goes on where it was" "$OPEN
>FIN,ACK FIN_WAIT_1/CLOSE_WAIT
<ACK FIN_WAIT_2/CLOSE_WAIT
<ACK FIN_WAIT_2/CLOSE_WAIT keepalive probe
<ACK FIN_WAIT_2/CLOSE_WAIT keepalive probe
<ACK FIN_WAIT_2/CLOSE_WAIT keepalive probe
-- dead: no answer to 3 probes at 7230.050000: CLOSED/CLOSED
>ACK FIN_WAIT_2/CLOSE_WAIT
<FIN,ACK TIME_WAIT/LAST_ACK
>ACK TIME_WAIT/CLOSED" "$open >F <A $probes @3600 >A <F >A"
}

# named FILTER: the states that replays of captures with all of them print, each once
named()
{
	local mode
	for mode in auto always; do
		replay "$CAP" --mode $mode "$@"
	done | grep -o -w -E '[A-Z]+(_[A-Z]+)*(_[12])?' | grep -x -E "$(tr ' ' '|' <<< "$RFC_9293")" |
		sort -u | paste -sd ' '
}

RFC_9293='CLOSED CLOSE_WAIT CLOSING ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 LAST_ACK LISTEN SYN_RECEIVED SYN_SENT TIME_WAIT'
rows_names()
{
	make_cap '>S <SA >A >F <A <F >A' '>S <SA >A <F >A >F <A' '>S <SA >A >F <F- >A <A' '>S <SA'
	is "$(named)" "$RFC_9293" "T19 replay prints all eleven states, named as in RFC 9293"
	is "$(named --ladder)" "$RFC_9293" "T19 so do its ladders"
	is "$(named --json)" "$RFC_9293" "T19 and its JSON"
	is "$(replay "$CAP" --mode always --json | tr -d ' ' |
		grep -o '"\(local\|remote\|answer\)-state":"[^"]*"' | sed 's/.*:"//; s/"//' | sort -u |
		grep -v -x -E "$(tr ' ' '|' <<< "$RFC_9293")")" "" "T19 there is no other"
}

# 300 addresses' SYNs, one that is answered, and one client among them
row_flood()
{
	local i syns=()
	for ((i = 0; i < 300; i++)); do
		syns+=('>S')
	done
	make_cap "${syns[@]:0:150}" '>S <SA >A >D5 <A' "${syns[@]:150}"
	is "$(replay "$CAP" --mode always --json | grep '"kind": "summary"' | sed 's/.*"verdicts": //')" \
		'[{"action": "pass","reason": "tracked","packets": 1},{"action": "pass","reason": "cookie_ok","packets": 1},{"action": "reply","reason": "cookie","packets": 301}]}' \
		"T18 a flood in a capture: a cookie for each SYN"
	is "$(last "$CAP" --mode always | sort | uniq -c | sed 's/^ *//' | paste -sd ' ')" \
		"1 ESTABLISHED/ESTABLISHED 300 LISTEN/CLOSED" \
		"T18 no state of it, but of the client among it"
	is "$(last "$CAP" | sort | uniq -c | sed 's/^ *//' | paste -sd ' ')" \
		"1 ESTABLISHED/ESTABLISHED 300 SYN_RECEIVED/SYN_SENT" \
		"T18 without cookies each is half-open"
}

rows_open()
{
	row "T1 three-way handshake" "$OPEN" '>S <SA >A'
	row "T3 SYN, SYN-ACK and ACK sent twice: one connection" '>SYN SYN_SENT/SYN_RECEIVED
>SYN SYN_SENT/SYN_RECEIVED
<SYN,ACK ESTABLISHED/SYN_RECEIVED
<SYN,ACK ESTABLISHED/SYN_RECEIVED
>ACK ESTABLISHED/ESTABLISHED
>ACK ESTABLISHED/ESTABLISHED' '>S >S* <SA <SA* >A >A*'
	is "$(last "$CAP" | wc -l)" 1 "T3 and one only"
	row "T3 the third segment was lost: data completes the handshake" '>SYN SYN_SENT/SYN_RECEIVED
<SYN,ACK ESTABLISHED/SYN_RECEIVED
>PSH,ACK ESTABLISHED/ESTABLISHED
<ACK ESTABLISHED/ESTABLISHED' '>S <SA >D5 <A'
	row "T4 a handshake that is never completed ends after 60 s of the capture's clock" \
		'>SYN SYN_SENT/SYN_RECEIVED
<SYN,ACK ESTABLISHED/SYN_RECEIVED
-- time-out of SYN_RECEIVED at 60.000000: CLOSED/CLOSED
>SYN SYN_SENT/SYN_RECEIVED' '>S <SA' '@61 >S'
}

rows_close()
{
	row "T5 four-way close, the client first" "$OPEN
$FOUR_WAY" '>S <SA >A >F <A <F >A'
	is "$(last "$CAP")" CLOSED/TIME_WAIT "T5 TIME_WAIT is the client's"
	row "T6 four-way close, the server first" "$OPEN
<FIN,ACK CLOSE_WAIT/FIN_WAIT_1
>ACK CLOSE_WAIT/FIN_WAIT_2
>FIN,ACK LAST_ACK/TIME_WAIT
<ACK CLOSED/TIME_WAIT" '>S <SA >A <F >A >F <A'
	row "T7 half-close: data keeps flowing the other way, however long" "$OPEN
>FIN,ACK FIN_WAIT_1/CLOSE_WAIT
<ACK FIN_WAIT_2/CLOSE_WAIT
<PSH,ACK FIN_WAIT_2/CLOSE_WAIT
>ACK FIN_WAIT_2/CLOSE_WAIT
<PSH,ACK FIN_WAIT_2/CLOSE_WAIT
>ACK FIN_WAIT_2/CLOSE_WAIT
<FIN,ACK TIME_WAIT/LAST_ACK
>ACK TIME_WAIT/CLOSED" '>S <SA >A >F <A @3000 <D100 >A @3000 <D100 >A <F >A'
	row "T8 FIN and ACK in one segment: FIN_WAIT_1 to TIME_WAIT" "$OPEN
>FIN,ACK FIN_WAIT_1/CLOSE_WAIT
<FIN,ACK TIME_WAIT/LAST_ACK
>ACK TIME_WAIT/CLOSED" '>S <SA >A >F <F >A'
	row "T9 simultaneous close: CLOSING at both ends, then TIME_WAIT" "$OPEN
>FIN,ACK FIN_WAIT_1/CLOSE_WAIT
<FIN,ACK CLOSING/CLOSING
>ACK CLOSING/TIME_WAIT
<ACK TIME_WAIT/TIME_WAIT" '>S <SA >A >F <F- >A <A'
	row "T11 a FIN in TIME_WAIT starts its 2 MSL again" "$OPEN
<FIN,ACK CLOSE_WAIT/FIN_WAIT_1
>ACK CLOSE_WAIT/FIN_WAIT_2
>FIN,ACK LAST_ACK/TIME_WAIT
<ACK CLOSED/TIME_WAIT
>FIN,ACK CLOSED/TIME_WAIT
<ACK CLOSED/TIME_WAIT
-- 2 MSL are over at 100.060000: CLOSED/CLOSED
>SYN SYN_SENT/SYN_RECEIVED" '>S <SA >A <F >A >F <A @39.99 >F* <A*' '@61 >S'
}

rows_reset()
{
	row "T15 a closed port" '>SYN SYN_SENT/CLOSED reply closed_port
<RST,ACK CLOSED/CLOSED by the driver' '>S <RA'
	is "$(tally "$CAP" replaced)" 1 "T15 the kernel's own RST gives way to the driver's"
	row "T15 the client aborts" "$OPEN
>PSH,ACK ESTABLISHED/ESTABLISHED
>RST,ACK CLOSED/CLOSED" '>S <SA >A >D5 >RA'
	row "T15 the client aborts with a RST that acknowledges nothing" "$OPEN
>RST CLOSED/CLOSED" '>S <SA >A >R'
	row "T15 the server aborts" "$OPEN
<RST,ACK CLOSED/CLOSED" '>S <SA >A <RA'
	row "T16 a segment of a connection that the host does not know" \
		'>PSH,ACK CLOSED/CLOSED reply unknown_data
<RST CLOSED/CLOSED by the driver' '>D5 <R'
	row "a connection that was there before the capture" '>PSH,ACK ESTABLISHED/ESTABLISHED
<ACK ESTABLISHED/ESTABLISHED' '>D5 <A'
}

rows_modes()
{
	make_cap '>S <SA >A >D5 <A >F <A <F >A'
	is "$(replay "$CAP" --mode always --ladder | rungs)" "$COOKIE
>PSH,ACK ESTABLISHED/ESTABLISHED
<ACK ESTABLISHED/ESTABLISHED
$FOUR_WAY" "mode always: a cookie, which the third segment brings back"
	is "$(replay "$CAP" --mode observe --ladder | rungs | head -n 1)" \
		">SYN SYN_SENT/SYN_RECEIVED would_pass calm" "mode observe: what would have been"
	is "$(last "$CAP" --mode always)" "CLOSED/TIME_WAIT" "mode always: the last states"
}

# The same conversation in each form that a capture can have.
formats()
{
	local wanted="$OPEN
>PSH,ACK ESTABLISHED/ESTABLISHED
<ACK ESTABLISHED/ESTABLISHED
$FOUR_WAY" words='>S <SA >A >D300 <A >F <A <F >A' form
	while read -r form; do
		# shellcheck disable=SC2086 # options
		row "pcap ${form:-of microseconds}" "$wanted" $form "$words"
	done <<- END

		--nano
		--big-endian
		--ng
		--ng --nano --big-endian
		--vlan 5
		--vlan 5 --vlan 6
		--ipv6
		--ipv6 --ng --vlan 5
		--link raw
		--link cooked --ipv6
		--snaplen 100
	END
	is "$(tally "$CAP" cut)/$(tally "$CAP" headless)" 1/0 "the packet that was cut is counted"
	make_cap --snaplen 50 "$words"
	is "$(tally "$CAP" headless)/$(tally "$CAP" replayed)" 9/0 "packets cut in their headers too"
}

# refuses NAME PATTERN FILE
refuses()
{
	local out code
	out=$(replay "$3" 2>&1 > "$TMP/replay.out")
	code=$?
	is "$code/$(grep -c . <<< "$out")/$(grep -c -E "$2" <<< "$out")" 1/1/1 "$1: $out"
}

broken_files()
{
	make_cap '>S <SA >A >F <A <F >A'
	head -c 200 "$CAP" > "$TMP/cut.pcap"
	refuses "a file that breaks off" "cut.pcap: the file ends within a packet at byte 180" "$TMP/cut.pcap"
	is "$(grep -c 'SYN_RECEIVED' "$TMP/replay.out")" 3 "what was before that is shown"
	head -c 10 "$CAP" > "$TMP/head.pcap"
	refuses "a file that ends in its header" "ends within its header at byte" "$TMP/head.pcap"
	: > "$TMP/empty.pcap"
	refuses "an empty file" "the file is empty at byte 0" "$TMP/empty.pcap"
	refuses "a file that is no capture" "neither pcap nor pcapng at byte 0" "$ROOT/Makefile"
	refuses "no file" "cannot open: No such file" "$TMP/none.pcap"
	{
		head -c 32 "$CAP"
		printf '\xff\xff\xff\x7f\xff\xff\xff\x7f'
		tail -c +41 "$CAP"
	} > "$TMP/long.pcap"
	refuses "a packet of 2 GiB" "a packet's length is wrong at byte 40" "$TMP/long.pcap"
	make_cap --ng '>S <SA >A'
	head -c -3 "$CAP" > "$TMP/cut.pcapng"
	refuses "a pcapng that breaks off" "the file ends within a block at byte" "$TMP/cut.pcapng"
	replay > /dev/null 2>&1
	is $? 2 "which file?"
	replay "$CAP" --mode off > /dev/null 2>&1
	is $? 2 "a mode that is none"
}

many()
{
	make_cap '>S <SA >A' '>S <SA >A >F <A <F >A' '>S <SA >A <F' '>S'
	is "$(last "$CAP" | paste -sd ' ')" \
		"ESTABLISHED/ESTABLISHED CLOSED/TIME_WAIT FIN_WAIT_1/CLOSE_WAIT SYN_RECEIVED/SYN_SENT" \
		"T20 connections to one port are kept apart"
	is "$(replay "$CAP" --port 81 --json | grep -c connection)" 0 "--port: another port's only"
	is "$(replay "$CAP" --local 192.0.2.0/24 --json | grep '"kind": "connection"' | head -n 1 |
		tr -d ' ' | field local)" "192.0.2.2:1025" "--local: the other end is the host"
}

# -- sessions over veth

start_ends

captured() { (($(tcpdump -nr "$CAP" 2> /dev/null | wc -l) >= $1)); }

captured_sessions()
{
	topo_up --clients 1
	step listen $PORT
	CAP=$TMP/session.pcap
	spawn tcpdump srv tcpdump -q -U --immediate-mode -i "$SRV_IF" -w "$CAP" tcp
	await_said "$PID" tcpdump.err "listening on" tcpdump
	step connect a "$SRV4" $PORT 22001
	step send a cli 5
	step send a srv 7
	step fin a cli
	step fin a srv
	step connect b "$SRV6" $PORT 22002
	step send b cli 20000
	step fin b srv
	step fin b cli
	step connect c "$SRV4" $PORT 22003
	step abort c cli
	await 10 "tcpdump to have written it" captured 25
	pause 0.3
	stop "$PID"
	is "$(replay "$CAP" --ladder | rungs | head -n 11)" "$OPEN
>PSH,ACK ESTABLISHED/ESTABLISHED
<ACK ESTABLISHED/ESTABLISHED
<PSH,ACK ESTABLISHED/ESTABLISHED
>ACK ESTABLISHED/ESTABLISHED
$FOUR_WAY" "T1 T5 a session that tcpdump has captured: states of both ends after every segment"
	is "$(last "$CAP" | paste -sd ' ')" "CLOSED/TIME_WAIT TIME_WAIT/CLOSED CLOSED/CLOSED" \
		"T5 T6 T15 last states of the sessions"
	is "$(last "$CAP" --mode always | paste -sd ' ')" \
		"CLOSED/TIME_WAIT TIME_WAIT/CLOSED CLOSED/CLOSED" \
		"the same by cookies: with real clients' timestamps"
	is "$(replay "$CAP" --mode always --json | grep -c '"reason": "cookie_ok"')" 4 \
		"three cookies came back (and are summed up)"
}

rows_open
rows_mss
rows_simultaneous
rows_close
rows_reused
rows_late
rows_timeouts
rows_keepalive
rows_names
row_flood
rows_reset
rows_modes
formats
broken_files
many
captured_sessions
done_testing
