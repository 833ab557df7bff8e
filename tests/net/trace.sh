#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `synshield trace`: sessions over veth, live: each segment with the states of both ends after it, as
# lines, as JSON, as a ladder; filters; one trace at a time, which leaves nothing behind. Topology: see
# lib.sh; tests/tools/ends.py holds both ends.

# shellcheck source=tests/net/lib.sh disable=SC2153
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=8080

coproc ENDS { exec "$ROOT/tests/tools/ends.py" "$NS_SRV" "$NS_CLI" 2>&1; }
PIDS+=("$ENDS_PID")

# step COMMAND...: of ends.py
step()
{
	local answer
	echo "$*" >&"${ENDS[1]}"
	read -r -t 20 answer <&"${ENDS[0]}"
	[[ $answer == ok ]] || bail "ends: ${answer:-no answer to $*}"
}

# trace_up NAME [OPTION...]: in the background; returns once it traces
trace_up()
{
	local name=$1
	spawn "$name" srv "$SYNSHIELD" trace --pin-dir "$PIN_DIR" "$SRV_IF" "${@:2}"
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

squeeze() { sed 's/  */ /g'; }

plan_session()
{
	trace_up session -n 11
	session a "$SRV4" 21001
	ends_with 0 "T1 T5: it ends after as many segments as asked for"
	is "$(shown session 11 | squeeze)" "$SESSION" \
		"T1 T5: the states of both ends after each segment of a session"
}

topo_up --clients 1
step listen $PORT
shield_up
plan_session
done_testing
