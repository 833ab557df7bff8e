#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What systemd and its journal are told, by sockets of the test's own in their place.
#
# lib.sh draws the wire; the journal's socket is in a mount namespace of the test's own.

[[ ${PRIVATE_MOUNTS:-} ]] || PRIVATE_MOUNTS=1 exec unshare -m --propagation private "$0"

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/journal ||
	bail "cannot make room for a journal"

heard() { grep -c -e "$1" "$TMP/manager.out"; }
hears() { (($(heard "$1") > ${2:-0})); }

# told PATTERN NAME: by the time that it is awaited
told()
{
	await 20 "$2" hears "$1"
	ok "$2"
}

hear() { spawn "$1" srv python3 "$ROOT/tests/tools/hear.py" "$2" && await_ready "$1"; }

# The journal is where standard error goes: JOURNAL_STREAM names that file.
start_daemon()
{
	local stream
	: > "$TMP/shield.err"
	stream=$(stat -c %d:%i "$TMP/shield.err")
	[[ $1 == journal ]] || stream=0:0
	spawn shield srv env NOTIFY_SOCKET="$TMP/manager" WATCHDOG_USEC=1000000 \
		JOURNAL_STREAM="$stream" "$SYNSHIELD" run "$SRV_IF" --pin-dir "$PIN_DIR" syn-rate=50 quiet=3
	SHIELD_PID=$PID
	await_said "$PID" shield.err ": protected\|: taken over" shield
}

tells_the_manager()
{
	told '^READY=1$' "READY=1 when it protects"
	told "^STATUS=$SRV_IF protected\$" "STATUS= says that it does"
	told '^WATCHDOG=1$' "WATCHDOG=1 while it goes round"
}

# No ping comes of a daemon that does not run, though it would be due three times.
frozen_is_silent()
{
	local -i before
	kill -STOP "$SHIELD_PID"
	await 5 "the stop" grep -q '^State:.T' "/proc/$SHIELD_PID/status"
	pause 0.1
	before=$(heard '^WATCHDOG=1$')
	pause 1.5
	is "$(heard '^WATCHDOG=1$')" $before "a frozen daemon sends none"
	kill -CONT "$SHIELD_PID"
	await 20 "a ping" hears '^WATCHDOG=1$' $before
	ok "and goes on when it is thawed"
}

attack()
{
	NICE=0 start_flood flood --port 80 --rate 500 --seconds 2
	wait "$PID"
}

tells_the_journal()
{
	attack
	told "^STATUS=$SRV_IF under attack on port 80\$" "STATUS= names the port"
	await 20 "the attack's end" grep -q MESSAGE_ID=a8d1f3c27b5e4a6c8f90e2d46b13c75d "$TMP/journal.out"
	is "$(grep -c . "$TMP/journal.out")" 3 "the journal gets two entries"
	is "$(sed -n '2s/=[^|]*//g;2p' "$TMP/journal.out")" \
		"MESSAGE|MESSAGE_ID|PRIORITY|SYSLOG_IDENTIFIER|SYNSHIELD_INTERFACE|SYNSHIELD_LISTENER|SYNSHIELD_PORT|SYNSHIELD_PEAK_RATE|SYNSHIELD_SYNS|SYNSHIELD_COMPLETED" \
		"with these fields"
	is "$(sed -n '2p' "$TMP/journal.out" | grep -c "^MESSAGE=$SRV_IF: attack on .*:80 begins: .*|MESSAGE_ID=5f0a9c1be64a4f0e9d3b7d5f1c2a8e40|PRIORITY=4|.*|SYNSHIELD_INTERFACE=$SRV_IF|SYNSHIELD_LISTENER=.*:80|SYNSHIELD_PORT=80|")" 1 \
		"the attack's start"
	is "$(sed -n '3p' "$TMP/journal.out" | grep -c "ended after .*|PRIORITY=5|.*|SYNSHIELD_PEAK_RATE=[1-9][0-9]*|SYNSHIELD_SYNS=[1-9][0-9]*|SYNSHIELD_COMPLETED=0")" 1 \
		"and its end, with its figures"
	is "$(grep -c 'attack on' "$TMP/shield.err")" 0 "nothing is said twice"
}

stops()
{
	kill -TERM "$SHIELD_PID"
	told '^STOPPING=1$' "STOPPING=1 when it ends"
	await 5 "the end" eval "! running $SHIELD_PID"
}

speaks_where_no_journal_is()
{
	start_daemon elsewhere
	attack
	await 20 "the attack's end" grep -q 'attack on .* ended after' "$TMP/shield.err"
	is "$(grep -c . "$TMP/journal.out")" 3 "a daemon with another standard error writes lines there"
}

topo_up
start_server web --listen "$SRV4" 80
hear manager "$TMP/manager"
hear journal /run/systemd/journal/socket
start_daemon journal
tells_the_manager
frozen_is_silent
tells_the_journal
stops
speaks_where_no_journal_is
done_testing
