# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # the other parts use it
# The measurements.  Each is of the subject in use, and leaves records:
#     METRIC SUBJECT CLASS ROUND VALUE

RECORDS=$TMP/records
record() { printf '%s\t%s\t%s\t%s\t%s\n' "$@" >> "$RECORDS"; }

# in_turn ROUNDS CLASS MEASURE SUBJECT...: A B C A B C, so that a machine that changes its pace
# changes it for all of them.
in_turn()
{
	local -i round
	local subject

	for ((round = 1; round <= $1; round++)); do
		for subject in "${@:4}"; do
			use "$subject"
			"$3" "$2" "$round"
		done
	done
}

# end PID: of what was spawned last. Nothing that is gone is signalled again at the end.
end()
{
	stop "$1"
	unset 'PIDS[-1]'
}

## Floods

# flood_at RATE|full KIND SECONDS NICE: $PID is its id. Kinds that end in 6 are IPv6.
flood_at()
{
	local dst=$SRV4 src=$FLOOD4 rate=()
	[[ $2 == *6 ]] && dst=$SRV6 src=$FLOOD6
	[[ $1 == full ]] || rate=(--rate "$1")
	NICE=$4 spawn flood net "$TOOLS/flood" "$NET_SRV" --dst "$dst" --src "$src" \
		--dst-mac "$SRV_MAC" --port "$PORT" --kind "${2%6}" --seconds "$3" "${rate[@]}" --json
}

# ring NS IF COUNTER: of the driver, over all rings
ring() { in_ns "$1" ethtool -S "$2" | awk -v c="_$3:" '$1 ~ c "$" { n += $2 } END { print n + 0 }'; }

received() { ring "$NS_SRV" "$SRV_IF" xdp_packets; }
# What the attacker gets back is dropped by its sink.
answered() { ring "$NS_NET" "$NET_SRV" xdp_drops; }
lost() { ring "$NS_NET" "$NET_SRV" xdp_xmit_errors; }

flood_has_come() { (($(received) > $1)); }

# gauge NAME: sets NAME to time, CPU time of the receiving thread (ns each), packets received,
# answers, and packets lost before they were received
gauge()
{
	local cpu
	read -r cpu _ < "${OF_SCHEDSTAT[$SUBJECT]}"
	read -ra "$1" <<< "$((${EPOCHREALTIME/[.,]/} * 1000)) $cpu $(received) $(answered) $(lost)"
}

# cost CLASS ROUND: CPU time for each packet received, when as many are sent as can be. What it needs
# to count as saturated, the report decides by `busy`.
cost()
{
	local before=() after=() values
	local -i flood

	flood_at full "$1" 20 0
	flood=$PID
	await 10 "the flood $1 at $SUBJECT" flood_has_come $(($(received) + 10000))
	pause "$WARM"
	gauge before
	pause "$WINDOW"
	gauge after
	end "$flood"
	values=$(awk -v b="${before[*]}" -v a="${after[*]}" 'BEGIN {
		split(b, x); split(a, y)
		for (i in x) d[i] = y[i] - x[i]
		if (d[3] <= 0) exit 1
		printf "%.2f %.0f %.0f %.3f %.3f", d[2] / d[3], d[3] * 1e9 / d[1], d[4] * 1e9 / d[1],
			d[2] / d[1], d[5] / (d[3] + d[5])
	}') || bail "$SUBJECT received nothing of the flood $1: $(cat "$TMP/flood.err")"
	read -ra values <<< "$values"
	record cost "$SUBJECT" "$1" "$2" "${values[0]}"
	record rate "$SUBJECT" "$1" "$2" "${values[1]}"
	record answers "$SUBJECT" "$1" "$2" "${values[2]}"
	record busy "$SUBJECT" "$1" "$2" "${values[3]}"
	record lost "$SUBJECT" "$1" "$2" "${values[4]}"
}

## Established traffic

# bulk CLASS ROUND: bits per second from the client
bulk()
{
	local -i bits server

	serve iperf3 iperf3 -s -1 -B "$SRV4" -p "$BULK_PORT"
	server=$PID
	await 5 "iperf3" in_srv sh -c "ss -Htln sport = :$BULK_PORT | grep -q ."
	bits=$(in_cli iperf3 -J -c "$SRV4" -p "$BULK_PORT" -t "$BULK_SECONDS" -O "$BULK_SKIP" |
		python3 -c 'import json, sys
print(int(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"]))')
	end "$server"
	((bits > 0)) || bail "iperf3 to $SUBJECT: no result"
	record bulk "$SUBJECT" "$1" "$2" "$bits"
}

# turns CLASS ROUND: small requests on one connection
turns()
{
	local result
	result=$(in_cli "$ROOT/build/bench/turns" "$SRV4" "$ECHO_PORT" "$TURNS_MS") ||
		bail "requests to $SUBJECT failed"
	record turns.p50 "$SUBJECT" "$1" "$2" "$(field us.p50 <<< "$result")"
	record turns.p99 "$SUBJECT" "$1" "$2" "$(field us.p99 <<< "$result")"
}

# connect CLASS ROUND: connections per second that ask a line, get a line, and are closed
connect()
{
	local result from span
	local -i failed
	from=${EPOCHREALTIME/[.,]/}
	result=$(in_cli "$TOOLS/tcpc" get -n 1000000 -c 64 --seconds "$CONNECT_SECONDS" \
		--src-range "$CLI4,$CLIENTS" "$SRV4" "$PORT")
	span=$((${EPOCHREALTIME/[.,]/} - from))
	failed=$(($(field attempted <<< "$result") - $(field ok <<< "$result")))
	((failed)) && say "connections to $SUBJECT that failed: $result"
	record connect.failed "$SUBJECT" "$1" "$2" "$failed"
	record connect "$SUBJECT" "$1" "$2" "$(awk -v n="$(field ok <<< "$result")" -v us="$span" \
		'BEGIN { printf "%.0f", n * 1e6 / us }')"
}

## Real clients during a flood

# clients CLASS ROUND: CLASS is RATE-KIND. Their generator is what gives way on the other CPU.
clients()
{
	local -i flood
	flood_at "${1%%-*}" "${1#*-}" 30 39
	flood=$PID
	pause "$WARM"
	ask_for_lines "$1" "$2" "$CLIENT_NUMBER"
	end "$flood"
	record clients.offered "$SUBJECT" "$1" "$2" "$(field rate < "$TMP/flood.out")"
}

# first_second CLASS ROUND: the flood begins together with the clients; before, all is calm.
first_second()
{
	local -i flood
	pause 2
	flood_at "${1%%-*}" "${1#*-}" 30 39
	flood=$PID
	ask_for_lines "first-$1" "$2" 500
	end "$flood"
}

# ask_for_lines CLASS ROUND N: N connections, 500 in a second
ask_for_lines()
{
	local result
	result=$(in_cli "$TOOLS/tcpc" get -n "$3" -c 1000 --rate 500 --timeout 3 \
		--src-range "$CLI4,$CLIENTS" "$SRV4" "$PORT")
	record clients.ok "$SUBJECT" "$1" "$2" "$(awk -v ok="$(field ok <<< "$result")" -v n="$3" \
		'BEGIN { printf "%.1f", ok * 1000 / n }')"
	record clients.p50 "$SUBJECT" "$1" "$2" "$(field connect_ms.p50 <<< "$result")"
	record clients.p99 "$SUBJECT" "$1" "$2" "$(field connect_ms.p99 <<< "$result")"
}

## Second view

# in_situ CLASS ROUND: the program's own time, as the kernel counts it, which itself costs some
in_situ()
{
	local -i flood
	local before after
	[[ ${XDP_PROGRAM[$SUBJECT]:-} ]] || return
	flood_at full "$1" 20 0
	flood=$PID
	await 10 "the flood $1 at $SUBJECT" flood_has_come $(($(received) + 10000))
	before=$(program_runs)
	pause "$WINDOW"
	after=$(program_runs)
	end "$flood"
	record in-situ "$SUBJECT" "$1" "$2" "$(awk -v b="$before" -v a="$after" 'BEGIN {
		split(b, x); split(a, y); n = y[2] - x[2]; printf "%.1f", n ? (y[1] - x[1]) / n : 0 }')"
}

program_runs()
{
	bpftool -j prog show pinned "${XDP_PROGRAM[$SUBJECT]}" |
		python3 -c 'import json, sys
p = json.load(sys.stdin)
print(p.get("run_time_ns", 0), p.get("run_cnt", 0))'
}

# alone CLASS ROUND: the program by itself, BPF_PROG_TEST_RUN on SYNs made anew each time
alone()
{
	[[ ${XDP_PROGRAM[$SUBJECT]:-} ]] || return
	record alone "$SUBJECT" "$1" "$2" "$(in_srv taskset -c "$SERVER_CPU" "$TOOLS/cost" "$SRV_IF" \
		"${XDP_PROGRAM[$SUBJECT]}" "$SRV4" "$PORT" "$FLOOD4" | field ns)"
}

## Memory

# map_bytes MAP: what the kernel has charged for it
map_bytes()
{
	bpftool -j map show pinned "$PIN_DIR/$SRV_IF/$1" |
		python3 -c 'import json, sys; m = json.load(sys.stdin); print(m["bytes_memlock"], m["max_entries"])'
}

# tracked CLASS ROUND: how many connections the table holds, which are to be those that it was given
tracked()
{
	record tracked "$SUBJECT" "$1" "$2" "$("$ROOT/build/bench/fill" "$PIN_DIR/$SRV_IF")"
}

# memory CLASS ROUND: bytes for each connection: of `conns`, which has its room from the beginning;
# of `closing` and of the daemon, which take theirs as connections come
memory()
{
	local bytes entries daemon
	read -r bytes entries < <(map_bytes conns)
	record memory.conns "$SUBJECT" "$1" "$2" "$(awk -v b="$bytes" -v n="$entries" 'BEGIN { printf "%.1f", b / n }')"
	read -r bytes _ < <(map_bytes closing)
	record memory.closing "$SUBJECT" "$1" "$2" "$(awk -v b="$bytes" -v n="${TABLE_OF[$SUBJECT]}" \
		'BEGIN { printf "%.1f", b / n }')"
	daemon=$(awk '/^VmRSS:/ { print $2 * 1024 }' "/proc/${DAEMON_PIDS[$SUBJECT]}/status")
	record memory.daemon "$SUBJECT" "$1" "$2" "$(awk -v b="$daemon" -v n="${TABLE_OF[$SUBJECT]}" \
		'BEGIN { printf "%.1f", b / n }')"
}
