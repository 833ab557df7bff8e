#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the daemon takes with a million connections, on a veth in a namespace: daemon.sh [short]
# writes the records that report.py reads, METRIC daemon - ROUND VALUE.
#
#   daemon.start        s, until the interface is protected
#   daemon.restart      s, the same where the million are pinned
#   daemon.adopt        s, from then until the daemon follows them all
#   daemon.idle         % of a CPU, while nothing happens to them: a scan, and a minute of rest
#   daemon.bytes        of the daemon's memory for each
#   daemon.event        ns of CPU for a SYN that is reported: a connection more, and shown
#   daemon.events       so many of them per second on one CPU

# shellcheck source=tests/net/lib.sh disable=SC2153
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib.sh"

SETTLE=20 # after a start: sockets are learned, and the table is scanned once more
CONNS=1000000 ROOM=4194304 IDLE=180 EVENTS_ROOM=268435456 SOURCES=64.0.0.0/2
if [[ ${1:-} == short ]]; then
	CONNS=10000 ROOM=65536 IDLE=2 SETTLE=1
fi
PORT=8081

bail()
{
	echo "daemon.sh: $*" >&2
	exit 1
}

record() { printf '%s\tdaemon\t-\t1\t%s\n' "$@"; }
calc() { awk "BEGIN { printf \"%.$1f\", $2 }"; }
now() { echo "${EPOCHREALTIME/[.,]/}"; }

# timed METRIC START_COMMAND...: how long it takes to be ready
timed()
{
	local -i begun
	begun=$(now)
	"${@:2}"
	record "$1" "$(calc 3 "($(now) - $begun) / 1000000")"
	echo "# $1: $(calc 3 "$(cpu) / 1000000000") s of CPU" >&2
}

cpu() { cpu_ns "/proc/$SHIELD_PID/schedstat"; }
rss() { awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$SHIELD_PID/status"; }
followed() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/daemon" | grep -o '"followed":[0-9]*' | tail -n 1 | cut -d : -f 2; }
follows() { (($(followed) >= $1)); }

# has_filter: it suits the connections, both halves of it: no scan is in a hurry any more
has_filter()
{
	local -i words
	for words in $(bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/host" |
		grep -o '"bloom_\(other_\)\?words":[0-9]*' | cut -d : -f 2); do
		((words * 16 >= CONNS)) || return
	done
}

# rests: nothing that was asked of it is left to be done
rests()
{
	local -i before
	before=$(cpu)
	pause 1
	(($(cpu) - before < 20000000))
}

start() { shield_up --conns $ROOM --events $EVENTS_ROOM syn-rate=100000000 half-open=10000000; }
start_again() { shield_again --conns $ROOM --events $EVENTS_ROOM; }

adopt()
{
	local -i before begun
	stop "$SHIELD_PID"
	"$ROOT/build/bench/fill" "$PIN_DIR/$SRV_IF" "$SRV4" $PORT $CONNS || bail "cannot enter them"
	timed daemon.restart start_again
	begun=$(now)
	await 120 "the daemon to follow them" follows $CONNS
	record daemon.adopt "$(calc 2 "($(now) - $begun) / 1000000")"
	record daemon.bytes "$(calc 1 "($(rss) - $1) / $CONNS")"
}

idle()
{
	local -i before begun
	pause "$SETTLE"
	await 150 "the filter" has_filter
	await 120 "the daemon to rest" rests
	before=$(cpu) begun=$(now)
	[[ ${PERF:-} ]] && perf record -q -g -p "$SHIELD_PID" -o "$PERF" -- sleep $IDLE 2> /dev/null
	[[ ${PERF:-} ]] || pause $IDLE
	record daemon.idle "$(calc 3 "($(cpu) - $before) / 10 / ($(now) - $begun)")"
}

# Each SYN is from a source of its own, but for a few.
events()
{
	local -i before known made
	before=$(cpu) known=$(followed)
	[[ ${PERF:-} ]] && perf record -q -g -p "$SHIELD_PID" -o "$PERF.events" -- sleep 8 2> /dev/null &
	in_srv "$TOOLS/cost" "$SRV_IF" "$PIN_DIR/$SRV_IF/prog_xdp" "$SRV4" $PORT $SOURCES > /dev/null ||
		bail "cannot make events"
	await 120 "the daemon to rest" rests
	made=$(($(followed) - known))
	record daemon.event "$(calc 0 "($(cpu) - $before) / $made")"
	record daemon.events "$(calc 0 "1000000000 * $made / ($(cpu) - $before)")"
}

topo_up
start_server echo --listen :: $PORT echo
timed daemon.start start
pause "$SETTLE"
adopt "$(rss)"
idle
shield_down > /dev/null
start
pause "$SETTLE"
events
