#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# kill -9 between any two steps that change what outlives a process: of start-up, take-over, reload,
# set, deny and detach. The next 'run' or 'detach' mends what is left, transfers under way notice
# nothing, and at the end nothing is pinned or attached.
#
# The same if the bpffs takes no more, at any number of pins: 'run' says so, and leaves things as they were.
#
# lib.sh draws the wire; a flood of SYNs arrives all the time. On the server: 80 answers a line, 90
# takes streams, 91 sends them. build/stops/synshield tells which steps there are (user/stops.h): the
# first and the last time that each is come to, it is killed there.
#
# faults.sh dispatcher: only what differs where libxdp's dispatcher runs XDP, on a kernel that has it, and
# which may be an emulated one (tests/vm/tests/faults.sh).

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/net/lib-left.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib-left.sh"

ONLY=${1:-}
SYNSHIELD=$ROOT/build/stops/synshield
FILE=$TMP/synshield.conf
KILLS=0
declare -A WALKED=()

## Traffic

# stream NAME ARG...: transfers of 2 s, one after the other; a line for each
stream()
{
	over_and_over "$1" cli "$TOOLS/tcpc" transfer --timeout 20 "${@:2}"
	STREAMS+=("$PID $1")
}

# Whole and right, all of them, and at least one in each SLOW seconds.
streams_are_right()
{
	local pid name
	for stream in "${STREAMS[@]}"; do
		read -r pid name <<< "$stream"
		kill -TERM "$pid"
		await 120 "the last transfer" eval "! running $pid"
		is "$(grep -vc '^ok ' "$TMP/$name.out")" 0 \
			"all transfers ($name) were whole and right"
		holds "there were many ($name)" "$(grep -c '^ok ' "$TMP/$name.out") > SECONDS / SLOW"
		diag "$name: $(grep -c '^ok ' "$TMP/$name.out") transfers in $SECONDS s"
	done
}
STREAMS=()
SLOW=4

FREE_PORT=10000
# served N: new connections
served()
{
	FREE_PORT=$((FREE_PORT + $1))
	[[ $(in_cli "$TOOLS/tcpc" get -n "$1" -c 2 --src "$CLI4" --timeout 20 \
		--sports "$((FREE_PORT - $1))-$((FREE_PORT - 1))" "$SRV4" 80 | field ok) == "$1" ]]
}

## The state of things

# Three programs, no more, soon: none of a start that was killed. libxdp 1.3 leaves descriptors of programs
# open, so that in its dispatcher only those count that run.
count()
{
	if [[ $ONLY ]]; then
		in_srv xdp-loader status "$SRV_IF" | grep -c synshield_xdp
	else
		programs "$1"
	fi
}
whole()
{
	local map i wanted=3
	map=$(map_id)
	[[ $ONLY ]] && wanted=1
	for ((i = 0; i < 100; i++)); do
		(($(count "$map") == wanted)) && return
		sleep 0.02
	done
	echo "$(count "$map") programs: $(bpftool prog show | grep -B 1 "map_ids.*\b$map\b")"
	return 1
}

# mended NAME COMMAND...: as check, but in this shell
mended()
{
	local name=$1
	shift
	if "$@" > "$TMP/check" 2>&1; then ok "$name"; else not_ok "$name" "failed: $*" "$(< "$TMP/check")"; fi
}

## Kills

# steps < OUTPUT: of what SYNSHIELD_STOP=tell says, the first and the last of each name, in order
steps()
{
	awk '/^stop / { split($2, at, ":"); if (!(at[1] in last)) { first[n + 0] = $2; name[n++] = at[1] }
			last[at[1]] = $2 }
		END { for (i = 0; i < n; i++) { print first[i]
			if (last[name[i]] != first[i]) print last[name[i]] } }'
}

# steps_of KIND: those told; what does not depend on how it is attached is walked once, with tcx
steps_of()
{
	local own='^(dispatcher|tc-replaced|xdp-detached|(noted|half-pinned|pinned):([2-9]|..))'
	local same='^(directory-made|loaded|maps-filled|ports-written|settings-written|started|unpinned)'
	case $1 in
	tcx) cat "$TMP/steps" ;;
	clsact) grep -Ev "$same" "$TMP/steps" ;;
	dispatcher) grep -E "$own" "$TMP/steps" ;;
	esac
}

# armed STOP ARG...: the daemon, which is killed there
armed()
{
	spawn shield srv env "SYNSHIELD_STOP=$1" "$SYNSHIELD" run --pin-dir "$PIN_DIR" "${@:2}"
	SHIELD_PID=$PID
}

# It was, or the test is wrong.
fallen()
{
	local -i status
	{
		await 120 "the kill at $1" eval "! running $SHIELD_PID"
		wait "$SHIELD_PID"
		status=$?
	} 2> /dev/null
	((status == 137)) || bail "not killed at $1: $(cat "$TMP/shield.err")"
	WALKED[${1%:*}]=1
	((++KILLS))
}

# runs ARG...: the next daemon, whatever it finds
runs()
{
	spawn shield srv "$SYNSHIELD" run --pin-dir "$PIN_DIR" "$@"
	SHIELD_PID=$PID
	await_said "$SHIELD_PID" shield.err ': protected\|: taken over' shield
}

# killed_command STOP COMMAND...: a command of the shield that is killed there
killed_command()
{
	SYNSHIELD_STOP=$1 shield "${@:2}" > "$TMP/command.out" 2>&1
	(($? == 137)) || bail "not killed at $1: $(cat "$TMP/command.out")"
	WALKED[${1%:*}]=1
	((++KILLS))
}

end_daemon()
{
	{
		kill -KILL "$SHIELD_PID"
		wait "$SHIELD_PID"
	} 2> /dev/null
}

# detaches MAP: and nothing is left
detaches()
{
	local said code
	said=$(shield detach "$SRV_IF" 2>&1)
	code=$?
	# 3: there was nothing
	((code == 0 || code == 3)) || { echo "detach: $said"; return 1; }
	soon_clean "$1"
}

# mended_by_run MAP ARG...: by 'run', which serves, and leaves nothing behind
mended_by_run()
{
	local map=$1 now
	shift
	runs "$@"
	now=$(map_id)
	served 2 || { echo "connections fail"; end_daemon; return 1; }
	whole || { end_daemon; return 1; }
	end_daemon
	detaches "$now" && soon_clean "$map"
}


# told FILE: until a daemon that tells is up; its steps
told()
{
	await 120 "the daemon" grep -q ': protected\|: taken over' "$TMP/shield.err"
	await 60 "its start" grep -q '^stop started' "$TMP/shield.err"
	steps < "$TMP/shield.err"
}

# attach_by KIND: what 'run' is told
attach_by() { if [[ $1 == dispatcher ]]; then echo --tc=clsact; else echo "--tc=$1"; fi; }

# start_killed KIND
start_killed()
{
	local args=("$SRV_IF" "$(attach_by "$1")" mode=always) step map
	local -i n=0 both

	armed tell "${args[@]}"
	told > "$TMP/steps"
	detaches "$(map_id)" || not_ok "detach"
	mapfile -t STEPS < <(steps_of "$1")
	for step in "${STEPS[@]}"; do
		# what attaches, both ways; the others by turns
		[[ $step == noted* || $step == qdisc* || $step == filter* || $step == link* || $step == dispatcher* ]]
		both=$((!$?))
		if ((both || n % 2 == 0)); then
			armed "$step" "${args[@]}"
			fallen "$step"
			mended "start, $1, killed at $step: mended by run" mended_by_run "$(map_id)" "${args[@]}"
		fi
		if ((both || n % 2)); then
			armed "$step" "${args[@]}"
			fallen "$step"
			mended "start, $1, killed at $step: mended by detach" detaches "$(map_id)"
		fi
		n+=1
	done
}

takes_over()
{
	runs "$@"
	served 2 && whole
}

# over_killed KIND: killed while it takes over, again and again
over_killed()
{
	local args=("$SRV_IF" "$(attach_by "$1")") step map

	runs "${args[@]}" mode=always
	end_daemon
	map=$(map_id)
	armed tell "${args[@]}"
	told > "$TMP/steps"
	end_daemon
	mapfile -t STEPS < <(steps_of "$1")
	for step in "${STEPS[@]}"; do
		armed "$step" "${args[@]}"
		fallen "$step"
		mended "take-over, $1, killed at $step: connections by cookie" served 2
		mended "and taken over by the next, whole" takes_over "${args[@]}"
		is "$(map_id)" "$map" "with the same maps"
		end_daemon
	done
	mended "detach after all these" detaches "$map"
}

# detach_killed KIND
detach_killed()
{
	local args=("$SRV_IF" "$(attach_by "$1")" mode=always) step map
	local -i n=0

	runs "${args[@]}"
	SYNSHIELD_STOP=tell shield detach "$SRV_IF" 2>&1 | steps > "$TMP/steps"
	mapfile -t STEPS < <(steps_of "$1")
	for step in "${STEPS[@]}"; do
		runs "${args[@]}"
		map=$(map_id)
		((n % 2)) && end_daemon
		killed_command "$step" detach "$SRV_IF"
		end_daemon
		if ((n++ % 4 < 2)); then
			mended "detach, $1, killed at $step: mended by run" mended_by_run "$map" "${args[@]}"
		else
			mended "detach, $1, killed at $step: mended by detach" detaches "$map"
		fi
	done
}

## A bpffs that is full

# with_room N ARG...: the daemon, for which the bpffs takes N - 1 more; fails if it does not come up
with_room()
{
	spawn shield srv env LD_PRELOAD="$TOOLS/nopin.so" NOPIN="$1" "$SYNSHIELD" run --pin-dir "$PIN_DIR" "${@:2}"
	SHIELD_PID=$PID
	await 30 "the daemon, or its end" eval "grep -q ': protected\|: taken over' '$TMP/shield.err' || ! running $PID"
	running "$SHIELD_PID"
}

# refused: with what failed, where, and why
refused()
{
	wait "$SHIELD_PID"
	(($? == 1)) && grep -q "$PIN_DIR.*No space left on device" "$TMP/shield.err" && return
	cat "$TMP/shield.err"
	return 1
}

refused_clean() { refused && soon_clean ''; }
refused_alive() { refused && served 2 && whole; }

# start_full KIND FROM: FULL is the room for all
start_full()
{
	local args=("$SRV_IF" "$(attach_by "$1")" mode=always)

	for ((FULL = $2; ; FULL++)); do
		with_room $FULL "${args[@]}" && break
		mended "start, $1, the bpffs takes $((FULL - 1)): refused, and nothing is left" refused_clean
	done
	whole || not_ok "start, $1, with room for all"
	end_daemon
	mended "start, $1, it takes all $((FULL - 1)): detached" detaches "$(map_id)"
}

# over_full KIND: what runs goes on, and is taken over when there is room
over_full()
{
	local args=("$SRV_IF" "$(attach_by "$1")") map

	runs "${args[@]}" mode=always
	end_daemon
	map=$(map_id)
	for ((FULL = 1; ; FULL++)); do
		with_room $FULL "${args[@]}" && break
		mended "take-over, $1, the bpffs takes $((FULL - 1)): refused, and what ran goes on" refused_alive
	done
	is "$(map_id)" "$map" "take-over, $1, it takes all $((FULL - 1)): the same maps"
	mended "with three programs" whole
	end_daemon
	mended "detach" detaches "$map"
}

# What is in force, as a file that 'run --config' reads
in_force() { shield config "$SRV_IF" 2> /dev/null | grep -v '^;'; }

# write_file ALL WEB ALLOWED DENIED: two of these, which differ in all that a file can say
write_file()
{
	cat > "$FILE" <<-END
		[$SRV_IF]
		mode = always
		quiet = $1
		allow = $3
		deny = $4
		[$SRV_IF:80]
		syn-rate = $2
	END
}
write_a() { write_file 20 5000 192.0.2.0/24 198.51.100.0/25; }
write_b() { write_file 30 7000 192.0.2.0/25 198.51.100.128/25; }
# the other one than what is in force
write_other() { if grep -q 'quiet = 20' "$FILE"; then write_b; else write_a; fi; }

# as_in_file: it takes over, serves, and has in force all that the file says
as_in_file()
{
	runs --config "$FILE"
	served 2 && whole || return 1
	in_force > "$TMP/now"
	diff "$TMP/now" "$TMP/want.$(sed -n 's/quiet = //p' "$FILE")"
}

# reload_killed: by SIGHUP, which is given a file that differs from what runs
reload_killed()
{
	local step begun

	for other in b a; do
		write_$other
		runs --config "$FILE"
		in_force > "$TMP/want.$(sed -n 's/quiet = //p' "$FILE")"
		end_daemon
	done
	holds "the two files differ" "$(diff "$TMP/want.20" "$TMP/want.30" | grep -c '^[<>]') >= 8"
	armed tell --config "$FILE"
	told > /dev/null
	begun=$(wc -l < "$TMP/shield.err")
	write_other
	kill -HUP "$SHIELD_PID"
	await 20 "the reload" grep -q 'quiet 20 -> 30' "$TMP/shield.err"
	tail -n "+$((begun + 1))" "$TMP/shield.err" | steps > "$TMP/steps"
	end_daemon
	mapfile -t STEPS < "$TMP/steps"
	for step in "${STEPS[@]}"; do
		armed "$step" --config "$FILE"
		await 120 "the daemon" grep -q ': taken over' "$TMP/shield.err"
		write_other
		kill -HUP "$SHIELD_PID"
		fallen "$step"
		mended "reload, killed at $step: the next has in force what the file says" as_in_file
		end_daemon
	done
}

# tracked ADDR: its connections that the shield knows
tracked() { shield conns --json | grep -c "\"remote\": \"$1:"; }
# is_tracked ADDR N
is_tracked() { (($(tracked "$1") == $2)); }

# cut_killed STOP: killed there by a reload that denies the source of a connection, before that is cut
# off. The start comes to it, too.
cut_killed()
{
	local src=${CLI4%.*}.9
	write_a
	runs --config "$FILE"
	end_daemon
	armed "$1" --config "$FILE"
	await 120 "the daemon" grep -q ': taken over' "$TMP/shield.err"
	spawn denied cli "$TOOLS/tcpc" transfer --send 5000000 --byte-rate 100000 --src "$src" "$SRV4" 90
	DENIED=$PID
	await 10 "its connection" is_tracked "$src" 1
	write_file 20 5000 192.0.2.0/24 "198.51.100.0/25, $src"
	kill -HUP "$SHIELD_PID"
	fallen "$1"
	is "$(tracked "$src")" 1 "killed at $1, denied but not cut off: the connection goes on"
	runs --config "$FILE"
	is "$(tracked "$src"):$(grep -c ' 1 connection of denied sources cut off' "$TMP/shield.err")" 0:1 \
		"the next daemon cuts it off"
	end_daemon
	runs --config "$FILE"
	is "$(grep -c 'cut off' "$TMP/shield.err")" 0 "and the one after that has nothing to do"
	end_daemon
	stop "$DENIED"
}

# command_killed WANTED COMMAND...: killed, and given again, its setting is in force
command_killed()
{
	local wanted=$1 step
	shift
	SYNSHIELD_STOP=tell shield "$@" 2>&1 | steps > "$TMP/steps"
	in_force > "$TMP/want"
	mapfile -t STEPS < "$TMP/steps"
	holds "$1 has steps, and does what it is told" "${#STEPS[@]} && $(grep -c "$wanted" "$TMP/want")"
	for step in "${STEPS[@]}"; do
		write_other
		runs --config "$FILE"
		killed_command "$step" "$@"
		served 2 || not_ok "$1 killed: connections by cookie"
		shield "$@" > "$TMP/command.out" 2>&1
		in_force > "$TMP/again"
		is "$(grep -c "$wanted" "$TMP/again")" 1 "$1, killed at $step, and given again: in force"
		end_daemon
	done
}

topo_up
start_server web --listen :: 80
start_server take --listen :: 90 sink
start_server give --listen :: 91 source --bytes 200000
RATE=5000 OTHERS='^dispatcher-' KINDS=(tcx clsact)
[[ $ONLY ]] && RATE=100 SLOW=20 OTHERS='^[^d]|^directory' KINDS=("$ONLY")
start_flood flood --port 80 --rate $RATE --seconds 400
SECONDS=0
stream up --send 200000 --byte-rate 100000 "$SRV4" 90
stream down --recv 200000 --byte-rate 100000 "$SRV6" 91

if [[ ! $ONLY ]]; then
	reload_killed
	cut_killed lists-counted:2
	cut_killed lists-fitted:2
	command_killed '^quiet *= 44' set "$SRV_IF" quiet=44 80:syn-rate=900
	command_killed '203.0.113.0/24' deny add 203.0.113.0/24
	check "detach" detaches "$(map_id)"
	start_full tcx 1
	start_full clsact $((FULL - 12))
	over_full tcx
	over_full clsact
	diag "$KILLS kills, $SECONDS s"
fi
for kind in "${KINDS[@]}"; do
	start_killed "$kind"
	over_killed "$kind"
	detach_killed "$kind"
	diag "$KILLS kills, $SECONDS s"
done
# all that are compiled in: none that this test does not know how to come to
is "$(printf '%s\n' "${!WALKED[@]}" | grep -Ev "$OTHERS" | sort)" \
	"$(SYNSHIELD_STOP=list "$SYNSHIELD" | grep -Ev "$OTHERS" | sort -u)" "each step was one of these"
streams_are_right
done_testing
