#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The user-space program built with ASan, UBSan and LSan (`make SANITIZE=1`): the unit tests, the tests of
# commands, and a daemon's life; in the end no sanitizer has reported anything.
#
#        srv: daemon, server            net           cli: client, SYN flood
#    see lib.sh; the tests of commands make wires of their own

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SAN=$ROOT/build/san
SYNSHIELD=$SAN/synshield
REPORTS=$TMP/reports
COMMANDS=(cli config conns replay hints)
MEMCHECK=(capture config fsm fsm_table hints settings rungs) # the others take minutes

mkdir "$REPORTS"
export SYNSHIELD
export ASAN_OPTIONS=log_path=$REPORTS/asan:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1

reports() { cat "$REPORTS"/* 2> /dev/null | head -n 60; }

# none_since NAME: nothing was reported; what was is not counted again.
none_since()
{
	is "$(reports)" '' "$1: no sanitizer reports"
	rm -f "$REPORTS"/*
}

# Without it, silence would say nothing.
row_control()
{
	clang -fsanitize=address,undefined -x c -o "$TMP/wrong" - <<-'END' || bail "no sanitizers"
		#include <stdlib.h>
		int main(int argc, char **argv)
		{
			char *volatile p = malloc(10);
			int volatile big = 0x7fffffff;

			big += argc;
			p = NULL;
			return p != NULL;
		}
	END
	"$TMP/wrong"
	check "control: a leak is reported" grep -q "detected memory leaks" -r "$REPORTS"
	check "control: an overflow is reported" grep -q "signed integer overflow" -r "$REPORTS"
	rm -f "$REPORTS"/*
}

# fsm_wire is long, and of the code that fuzz-states has.
units()
{
	local unit name

	for unit in "$SAN"/tests/unit-*; do
		name=$(basename "$unit")
		[[ $name == unit-fsm_wire ]] || check "$name" "$unit"
	done
	none_since "unit tests"
}

# Of what was never written ASan knows nothing.
memcheck()
{
	local name

	for name in "${MEMCHECK[@]}"; do
		check "memcheck: unit-$name" valgrind -q --error-exitcode=9 --leak-check=full \
			"$ROOT/build/tests/unit-$name"
	done
}

# command_test NAME: a test of its own, with SYNSHIELD as here
command_test()
{
	local log=$TMP/$1.log

	"$ROOT/tests/net/$1.sh" > "$log" 2>&1
	is "$? $(grep -c '^not ok' "$log")" "0 0" "$1 passes"
	grep -A 6 '^not ok' "$log" | sed 's/^/# /'
	none_since "$1"
}

client() { in_cli "$TOOLS/tcpc" get -n 20 -c 4 --timeout 20 "$SRV4" 80 > /dev/null; }

# A daemon has one thread, or TSan would be wanted, too.
threads() { ps -L -o lwp= -p "$SHIELD_PID" | wc -l; }

# seen: what reads the daemon's maps, each once
seen()
{
	local command

	for command in status stats conns "status --json" "stats --json" "conns --json" metrics doctor \
		"config $SRV_IF" "allow list" "deny list"; do
		# shellcheck disable=SC2086 # words
		shield $command > /dev/null 2> "$TMP/said" || [[ $command == doctor ]] ||
			not_ok "$command" "$(cat "$TMP/said")"
	done
}

life()
{
	topo_up
	start_server web --listen 0.0.0.0 80 line
	shield_up --metrics 127.0.0.1:9464
	is "$(threads)" 1 "the daemon is one thread"
	start_flood flood --port 80 --rate 2000 --seconds 3
	check "clients are served" client
	check "set" shield set "$SRV_IF" mode=always keepalive=60 80:source-conns=1000 quiet=2
	check "lists" shield deny add 203.0.113.0/24 2001:db8:bad::/48
	check "clients are served by cookie" client
	seen
	in_srv curl -s -o "$TMP/page" http://127.0.0.1:9464/metrics
	check "metrics over HTTP" grep -q ^synshield_ "$TMP/page"
	check "a wrong word is refused" bash -c "! '$SYNSHIELD' set $SRV_IF mode=x --pin-dir $PIN_DIR"
	shield trace "$SRV_IF" > "$TMP/trace" 2>&1 &
	PID=$!
	PIDS+=("$PID")
	client
	stop "$PID"
	none_since "a daemon at work"

	kill -KILL "$SHIELD_PID"
	wait "$SHIELD_PID" 2> /dev/null
	check "clients are served without a daemon" client
	shield_again
	seen
	check "clients are served after a take-over" client
	none_since "kill and take-over"
	check "the daemon ends, and leaks nothing" shield_down
	none_since "end and detach"
}

row_control
units
memcheck
for name in "${COMMANDS[@]}"; do
	command_test "$name"
done
life
done_testing
