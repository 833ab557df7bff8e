#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `synshield trace`: sessions over veth, live: each segment with the states of both ends after it, as
# lines, as JSON, as a ladder; filters; one trace at a time, which leaves nothing behind. Topology: see
# lib.sh; tests/tools/ends.py holds both ends.

# shellcheck source=tests/net/lib.sh disable=SC2153
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=8080

start_ends

# trace_up NAME [OPTION...]: in the background; returns once it traces
trace_up()
{
	local name=$1
	spawn "$name" srv "$SYNSHIELD" trace --pin-dir "$PIN_DIR" "$SRV_IF" -s 20 "${@:2}"
	TRACE_PID=$PID
	await_said "$PID" "$name.err" "tracing" "$name"
}

lines() { grep -c . "$TMP/$1.out"; }
has_lines() { (($(lines "$1") >= $2)); }

# shown NAME LINES: awaits so many and prints them, from the flags on
shown()
{
	await 5 "$2 lines of $1: $(cat "$TMP/$1.out")" has_lines "$1" "$2"
	sed 's/^[0-9:.]* [^ ]* \(<-\|->\) [^ ]* */\1 /' "$TMP/$1.out"
}

# ends_with CODE NAME: the trace does, by itself
ends_with()
{
	wait "$TRACE_PID"
	is $? "$1" "$2"
}

# A session such as ssh's: handshake, data both ways, the client closes, then the server.
session()
{
	step connect "$1" "$2" $PORT "$3"
	step send "$1" cli 5
	step send "$1" srv 7
	step fin "$1" cli
	step fin "$1" srv
	step close "$1" cli
	step close "$1" srv
}

SESSION='<- SYN seq=0 len=0 local SYN_RECEIVED, remote SYN_SENT pass calm
-> SYN,ACK seq=0 ack=1 len=0 local SYN_RECEIVED, remote ESTABLISHED
<- ACK seq=1 ack=1 len=0 local ESTABLISHED, remote ESTABLISHED pass tracked
<- PSH,ACK seq=1 ack=1 len=5 local ESTABLISHED, remote ESTABLISHED pass tracked
-> ACK seq=1 ack=6 len=0 local ESTABLISHED, remote ESTABLISHED
-> PSH,ACK seq=1 ack=6 len=7 local ESTABLISHED, remote ESTABLISHED
<- ACK seq=6 ack=8 len=0 local ESTABLISHED, remote ESTABLISHED pass tracked
<- FIN,ACK seq=6 ack=8 len=0 local CLOSE_WAIT, remote FIN_WAIT_1 pass tracked
-> ACK seq=8 ack=7 len=0 local CLOSE_WAIT, remote FIN_WAIT_2
-> FIN,ACK seq=8 ack=7 len=0 local LAST_ACK, remote TIME_WAIT
<- ACK seq=7 ack=9 len=0 local CLOSED, remote TIME_WAIT pass tracked'

LADDER='client 10.77.1.1:21002 server 10.77.0.1:8080
SYN_SENT > SYN seq=0 SYN_RECEIVED
ESTABLISHED < SYN,ACK seq=0 ack=1 SYN_RECEIVED
ESTABLISHED > ACK seq=1 ack=1 ESTABLISHED
ESTABLISHED > PSH,ACK seq=1 ack=1 len=5 ESTABLISHED
ESTABLISHED < ACK seq=1 ack=6 ESTABLISHED
ESTABLISHED < PSH,ACK seq=1 ack=6 len=7 ESTABLISHED
ESTABLISHED > ACK seq=6 ack=8 ESTABLISHED
FIN_WAIT_1 > FIN,ACK seq=6 ack=8 CLOSE_WAIT
FIN_WAIT_2 < ACK seq=8 ack=7 CLOSE_WAIT
TIME_WAIT < FIN,ACK seq=8 ack=7 LAST_ACK
TIME_WAIT > ACK seq=7 ack=9 CLOSED'

COOKIE_LADDER='client [fd77::1:1]:21003 server [fd77::1]:8080
SYN_SENT > SYN seq=0 LISTEN reply cookie
ESTABLISHED < SYN,ACK seq=cookie ack=1 LISTEN by the driver
ESTABLISHED > ACK seq=1 ack=1 ESTABLISHED
CLOSE_WAIT < FIN,ACK seq=1 ack=1 FIN_WAIT_1
CLOSE_WAIT > ACK seq=1 ack=2 FIN_WAIT_2
LAST_ACK > FIN,ACK seq=1 ack=2 TIME_WAIT
CLOSED < ACK seq=2 ack=2 TIME_WAIT'

squeeze() { sed 's/  */ /g'; }

# rungs NAME: the ladder as LEFT DIRECTION TEXT RIGHT NOTE, without times
rungs()
{
	sed -n -e '1s/  */ /gp' -e 's/^ *\([A-Z_0-9]*\) |-* \(.*\) -*>| \([A-Z_0-9]*\) *[0-9:.]* *\(.*\)/\1 > \2 \3 \4/p' \
		-e 's/^ *\([A-Z_0-9]*\) |<-* \(.*\) -*| \([A-Z_0-9]*\) *[0-9:.]* *\(.*\)/\1 < \2 \3 \4/p' \
		"$TMP/$1.out" | sed 's/ *$//'
}

trace_map() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/trace" | sed 's/.*"until_jiffies":\([0-9]*\).*/\1/'; }

lines_of_a_session()
{
	trace_up session -n 11
	session a "$SRV4" 21001
	ends_with 0 "T1 T5: it ends after as many segments as asked for"
	is "$(shown session 11 | squeeze)" "$SESSION" \
		"T1 T5: the states of both ends after each segment of a session"
}

ladder_of_a_session()
{
	trace_up ladder --ladder -n 11 --port $PORT --remote "$CLI4"
	session b "$SRV4" 21002
	ends_with 0 "T1 T5: the ladder ends, too"
	is "$(rungs ladder)" "$LADDER" "T1 T5: the ladder, both margins after each segment"
}

ladder_of_cookies()
{
	shield set "$SRV_IF" mode=always > /dev/null
	trace_up cookie --ladder -n 6 --local "$SRV6/128"
	step connect c "$SRV6" $PORT 21003
	step fin c srv
	step fin c cli
	ends_with 0 "T6: a session by cookie, which the server closes first"
	is "$(rungs cookie)" "$COOKIE_LADDER" "T6: what the driver answers is on the ladder"
	trace_up answered -n 1
	seg --src "$SEG4" --dst "$SRV4" --sport 21004 --dport 4444 --wait 1 > /dev/null
	ends_with 0 "T15: a SYN for a closed port"
	is "$(shown answered 1 | squeeze)" \
		"<- SYN seq=0 len=0 local CLOSED, remote SYN_SENT reply closed_port (answered by the driver: RST,ACK)" \
		"T15: the driver's RST is said in the line of the SYN"
	shield set "$SRV_IF" mode=auto > /dev/null
}

filters()
{
	trace_up filtered --remote-port 21006 -n 3
	step connect d "$SRV4" $PORT 21005
	step connect e "$SRV4" $PORT 21006
	ends_with 0 "a filter by the remote port"
	is "$(grep -c ':21006 ' "$TMP/filtered.out")/$(lines filtered)" 3/3 "shows that port only"
	trace_up json --json --remote-port 21007 -n 3
	step connect f "$SRV4" $PORT 21007
	ends_with 0 "JSON ends"
	is "$(while read -r line; do python3 -m json.tool <<< "$line" > /dev/null && echo ok; done < "$TMP/json.out" | wc -l)" \
		3 "JSON: an object per line"
	is "$(sed -n 2p "$TMP/json.out" | tr -d ' ' | field local-state) $(sed -n 2p "$TMP/json.out" | tr -d ' ' | field remote-state) $(sed -n 2p "$TMP/json.out" | tr -d ' ' | field flags)" \
		"SYN_RECEIVED ESTABLISHED SYN,ACK" "JSON: states and flags"
}

# A connection that was closing before the trace began is not taken for open.
closing_before()
{
	step connect g "$SRV4" $PORT 21008
	step fin g cli
	trace_up before --remote-port 21008 -n 2
	step send g srv 3
	ends_with 0 "T7: a half-closed connection is traced from the middle on"
	is "$(shown before 2 | squeeze)" "-> PSH,ACK seq=1 ack=1 len=3 local CLOSE_WAIT, remote FIN_WAIT_2
<- ACK seq=1 ack=4 len=0 local CLOSE_WAIT, remote FIN_WAIT_2 pass tracked" \
		"T7: data flows the other way; CLOSE_WAIT and FIN_WAIT_2 stay"
}

one_at_a_time()
{
	local out
	trace_up first
	out=$(shield trace "$SRV_IF" -s 1 2>&1)
	is "$? $out" "1 synshield: $SRV_IF: another trace runs on it, and takes all segments: end that one first" \
		"a second trace is refused"
	stop "$TRACE_PID"
	holds "the first one ends: nothing is traced any more" "$(trace_map) == 0"
	trace_up again -s 1
	ends_with 0 "then another one may, for as long as it was told"
}

# The kernel's own count.
jiffies() { sed -n 's/^jiffies: //p' /proc/timer_list | sort -n | tail -n 1; }

killed()
{
	local -i until
	trace_up killed
	until=$(trace_map)
	holds "while it runs the filter holds" "until > $(jiffies)"
	kill -KILL "$TRACE_PID"
	await 5 "the trace to be gone" eval '! running "$TRACE_PID"'
	until=$(trace_map)
	pause 4
	is "$(trace_map)" "$until" "nobody renews a killed one's filter"
	holds "so that it has expired" "until < $(jiffies)"
	step connect h "$SRV4" $PORT 21009
	trace_up after --remote-port 21010 -n 3
	step connect i "$SRV4" $PORT 21010
	ends_with 0 "after it a trace is possible"
	is "$(grep -c ':21010 ' "$TMP/after.out")/$(lines after)" 3/3 \
		"and shows nothing of what a killed one asked for"
}

# It cannot read while 20000 segments pass, and the ring has room for a good 14000.
lost_segments()
{
	local -i lost shown_lines
	trace_up lost --remote "$FLOOD4"
	kill -STOP "$TRACE_PID"
	NICE=0 start_flood flood --port 4444 --rate 40000 --seconds 2 --count 20000
	await 10 "the flood to end" eval '! running "$PID"'
	kill -CONT "$TRACE_PID"
	await 10 "the loss to be told" grep -q "segments were lost" "$TMP/lost.out"
	stop "$TRACE_PID"
	lost=$(sed -n 's/^-- \([0-9]*\) segments were lost.*/\1/p' "$TMP/lost.out" | awk '{ n += $1 } END { print n }')
	shown_lines=$(grep -c '<-' "$TMP/lost.out")
	is $((lost + shown_lines)) "$(field sent < "$TMP/flood.out")" "each segment is shown, or counted as lost"
	holds "some of each" "lost > 1000 && shown_lines > 1000"
}

wrong_uses()
{
	shield trace "$SRV_IF" --ladder --json > /dev/null 2>&1
	is $? 2 "--ladder with --json"
	shield trace "$SRV_IF" --remote 10.0.0.0/40 > /dev/null 2>&1
	is $? 2 "a prefix that is none"
}

topo_up --clients 1
step listen $PORT
shield_up
lines_of_a_session
ladder_of_a_session
ladder_of_cookies
filters
closing_before
one_at_a_time
killed
lost_segments
wrong_uses
shield_down > /dev/null
shield trace "$SRV_IF" > /dev/null 2>&1
is $? 3 "not running"
done_testing
