#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Limits per source and port: the connection too many is refused, and nobody else is. What a source
# has is counted for proven clients only, so that nobody can lock another out with made-up SYNs.
#
# lib.sh draws the wire. On the server: 7 echoes, 80 reads a line. Besides the client's /16 and /64 of
# lib.sh it has FAR4 and FAR6, of other prefixes.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

FAR4=10.77.4.1 FAR6=fd78::1
PORT=7

# family 4|6: ONE and OTHER are addresses of two sources, ANOTHER a second one of ONE's prefix
family()
{
	if [[ $1 == 4 ]]; then
		DST=$SRV4 ONE=$CLI4 OTHER=${CLI4%.*}.2 ANOTHER=${CLI4%.*}.3
	else
		DST=$SRV6 ONE=$CLI6 OTHER=$FAR6 ANOTHER=${CLI6%:*}:3
	fi
	NAME="IPv$1, $MODE"
}

set_to() { shield set "$SRV_IF" "$@" || bail "cannot set $*"; }

# set_anew: and the daemon has counted all sources anew, as it does within a second of every change:
# what ends in that very moment would count until it does so again.
set_anew()
{
	set_to "$@"
	pause 1.2
}

# tries FROM [N]: that many connections to PORT; sets TRIED to what became of them, "ok" or an error
# each, and OPEN to the numbers of those that are open
tries()
{
	local i
	TRIED=()
	for ((i = 0; i < ${2:-1}; i++)); do
		ask cli connect "$1" - "$DST" "$PORT" "${3:-10}"
		TRIED+=("${HEARD%% *}")
		[[ $CONN ]] && OPEN+=("$CONN")
	done
	return 0
}

# get WANTED NAME FROM [N [SECONDS]]
get()
{
	tries "${@:3}"
	is "${TRIED[*]}" "$1" "$NAME: $2"
}

# ended: the server has nothing more of what was closed
ended() { ! in_srv ss -Htan state connected "( sport = :$PORT )" | grep -qE 'LAST-ACK|CLOSE-WAIT|FIN-WAIT'; }

# end HOW: one connection of OPEN
end()
{
	ask cli "$1" "${OPEN[0]}"
	OPEN=("${OPEN[@]:1}")
	await 10 "the connection's end" ended
}

end_all()
{
	while ((${#OPEN[@]})); do
		end abort
	done
}

# end_counted: and what the shield counted of them
end_counted()
{
	end_all
	bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/sources" > "$TMP/sources"
	is "$(grep -o '"conns":[1-9][0-9]*' "$TMP/sources" | wc -l)" 0 "$NAME: nothing is counted when all are gone"
}
OPEN=()

# grows ACTION REASON N NAME: since the last call
grows()
{
	local now
	now=$(counts)
	is "$(($(field "$1.$2" <<< "$now") - $(field "$1.$2" <<< "$COUNTS")))" "$3" "$NAME: $4, counted as $2"
	COUNTS=$now
}

connections_of_one()
{
	local rsts
	set_anew $PORT:source-conns=3
	rsts=$(snmp "$NS_SRV" TcpOutRsts)
	COUNTS=$(counts)
	get "ok ok ok ECONNREFUSED ECONNREFUSED" "three connections of one source, and no more" "$ONE" 5
	grows reply source_conns 2 "two SYNs are refused"
	is "$(($(snmp "$NS_SRV" TcpOutRsts) - rsts))" 0 "$NAME: by the driver's RSTs"
	get "ok ok ok ECONNREFUSED" "another source has its own three" "$OTHER" 4
	is "$(in_cli "$TOOLS/tcpc" get -n 5 --src "$ONE" "$DST" 80 | field ok)" 5 "$NAME: another port has no limit"
	ask cli send "${OPEN[0]}" ping
	is "$(asked cli recv "${OPEN[0]}")" ping "$NAME: what is open goes on"
	end close
	get "ok ECONNREFUSED" "a FIN gives a place back, and one" "$ONE" 2
	end abort
	get "ok ECONNREFUSED" "so does a RST" "$ONE" 2
	set_to $PORT:reset=drop
	COUNTS=$(counts)
	get timeout "reset drop: silence" "$ONE" 1 1.5
	is "$(($(counts | field reply.source_conns) - $(field reply.source_conns <<< "$COUNTS")))" 0 \
		"$NAME: reset drop: no RST"
	holds "$NAME: reset drop: SYNs are dropped, counted as source_conns" \
		"$(counted drop source_conns) > $(field drop.source_conns <<< "$COUNTS")"
	set_to $PORT:reset=inherit $PORT:source-conns=off
	get "ok ok" "the limit is taken away" "$ONE" 2
	set_anew $PORT:source-conns=1
	get "ECONNREFUSED" "a lower limit: what is open stays, nothing new" "$ONE"
	is "$(in_srv ss -Htn state established "( sport = :$PORT )" | wc -l)" ${#OPEN[@]} "$NAME: all that is open is open at the server"
	end_counted
	set_anew $PORT:source-conns=2
	get "ok ok ECONNREFUSED" "two connections" "$ONE" 3
	set_to $PORT:source-conns=off
	end abort
	end close
	set_anew $PORT:source-conns=2
	get "ok ok ECONNREFUSED" "what was closed while there was no limit does not count" "$ONE" 3
	end_counted
}

# Handshakes that were begun before the limit was reached: the third segment is refused.
handshakes_too_many()
{
	local i reply sport=$SPORT src=$SEG4 isn=() got=() ends
	[[ $DST == *:* ]] && src=$SEG6
	set_anew $PORT:source-conns=2
	for ((i = 0; i < 4; i++)); do
		reply=$(seg --src "$src" --dst "$DST" --sport $((sport + i)) --dport $PORT --seq 1000 \
			--opts mss=1460 --replies 1)
		isn+=("$(field seq <<< "$reply")")
	done
	COUNTS=$(counts)
	for ((i = 0; i < 4; i++)); do
		reply=$(seg --src "$src" --dst "$DST" --sport $((sport + i)) --dport $PORT --flags PA --seq 1001 \
			--ack $(((isn[i] + 1) & 0xffffffff)) --data x --wait 200)
		[[ $reply == *'"data":"78"'* ]] && got+=(echo)
		# beside it the kernel may repeat its SYN-ACK
		reply=$(grep -m 1 '"flags":"R"' <<< "$reply") &&
			got+=("RST $(($(field seq <<< "$reply") == ((isn[i] + 1) & 0xffffffff)))")
	done
	is "${got[*]}" "echo echo RST 1 RST 1" "$NAME: four handshakes begun, two may be completed"
	grows reply source_conns 2 "two third segments are refused"
	for ((i = 0; i < 2; i++)); do
		seg --src "$src" --dst "$DST" --sport $((sport + i)) --dport $PORT --flags R --seq 1002 --wait 1
	done
	ends=$(in_srv ss -Htn state established "( sport = :$PORT )" | wc -l)
	is "$ends" 0 "$NAME: the server has no more connections than those two"
	set_to $PORT:source-conns=off
	SPORT=$((SPORT + 10))
}
SPORT=30000

new_ones_per_second()
{
	set_anew $PORT:source-rate=1
	COUNTS=$(counts)
	get "ok ECONNREFUSED" "one new connection per second" "$ONE" 2
	grows reply source_rate 1 "the second one is refused"
	get "ok" "another source opens one, too" "$OTHER"
	await 10 "another second" may_connect "$ONE"
	ok "$NAME: a second later it may again"
	end_counted
	set_to $PORT:source-rate=off
	get "ok ok ok" "the limit is taken away" "$ONE" 3
	end_all
}

may_connect()
{
	tries "$1"
	[[ ${TRIED[0]} == ok ]]
}

prefixes()
{
	family 6
	set_anew $PORT:source-conns=2
	get "ok ok" "two connections" "$ONE" 2
	get ECONNREFUSED "an address of the same /64 is the same source" "$ANOTHER"
	get "ok ok ECONNREFUSED" "one of another /64 is not" "$OTHER" 3
	end_all
	set_anew source-prefix6=128
	get "ok ok ECONNREFUSED" "source-prefix6=128" "$ONE" 3
	get "ok ok" "source-prefix6=128: each address is a source" "$ANOTHER" 2
	end_all
	family 4
	set_anew source-prefix6=64 source-prefix=24
	get "ok" "source-prefix=24" "$ONE"
	get "ok" "source-prefix=24: the second of this /24" "$OTHER"
	get ECONNREFUSED "source-prefix=24: the third" "$ANOTHER"
	get "ok ok ECONNREFUSED" "source-prefix=24: another /24 has its own two" "$FAR4" 3
	end_all
	set_to source-prefix=32 $PORT:source-conns=off
}

# The interface's limit, and a port without one.
port_of_its_own()
{
	set_anew source-conns=1 $PORT:source-conns=inherit 80:source-conns=off
	get "ok ECONNREFUSED" "a limit of the interface" "$ONE" 2
	PORT=80 get "ok ok ok" "a port without it" "$ONE" 3
	PORT=80
	end_all
	PORT=7
	set_to source-conns=off 80:source-conns=inherit
}

# SYNs, ACKs and data by the thousand in one client's name.
spoofed()
{
	local kind src=$ONE family=() floods=()
	[[ $DST == *:* ]] && family=(--v6)
	set_anew $PORT:source-conns=2 $PORT:source-rate=1000
	COUNTS=$(counts)
	for kind in syn ack; do
		start_flood "spoofed-$kind" "${family[@]}" --src "$src" --port $PORT --kind $kind \
			--rate 4000 --seconds 1
		floods+=("$PID")
	done
	wait "${floods[@]}"
	for kind in syn ack; do
		holds "$NAME: a flood of ${kind^^}s in a client's name was sent" \
			"$(field sent < "$TMP/spoofed-$kind.out") > 1000"
	done
	get "ok ok ECONNREFUSED" "the client is not locked out, and has no more than its share" "$ONE" 3
	grows reply source_conns 1 "none but its third connection is refused"
	end_counted
	set_to $PORT:source-conns=off $PORT:source-rate=off
}

# count_is_old: as if the daemon had counted two minutes ago for the last time
count_is_old()
{
	python3 - "$PIN_DIR/$SRV_IF" <<- 'END'
		import json, subprocess, sys
		def dump(name):
		    return json.loads(subprocess.check_output(["bpftool", "-j", "map", "dump", "pinned", sys.argv[1] + "/" + name]))
		hz = dump("host")[0]["formatted"]["value"]["hz"]
		for entry in dump("sources"):
		    value = bytes(int(b, 16) for b in entry["value"])
		    counted = entry["formatted"]["value"]["counted_jiffies"]
		    old = ((counted - 120 * hz) & 0xffffffff).to_bytes(4, sys.byteorder)
		    words = [value[i:i + 4] for i in range(0, len(value), 4)]
		    words[words.index(counted.to_bytes(4, sys.byteorder))] = old
		    value = b"".join(words)
		    subprocess.check_call(["bpftool", "map", "update", "pinned", sys.argv[1] + "/sources", "key", *entry["key"],
		                           "value", *[str(b) for b in value], "exist"])
	END
}

# counted_at: when each source was counted
counted_at()
{
	bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/sources" | grep -o '"counted_jiffies":[0-9]*' | sort | xargs
}

daemon_dies()
{
	local before
	set_anew $PORT:source-conns=2
	get "ok ok ECONNREFUSED" "two connections" "$ONE" 3
	kill -KILL "$SHIELD_PID"
	wait "$SHIELD_PID" 2> /dev/null
	get ECONNREFUSED "the daemon is dead: the limit holds" "$ONE"
	check "counts can be aged" count_is_old
	get "ok ok" "its counts are old: they limit nothing" "$ONE" 2
	before=$(counted_at)
	shield_again
	await 20 "the daemon to count anew" is_counted_anew "$before"
	get ECONNREFUSED "the next daemon has counted anew" "$ONE"
	end_all
	set_to $PORT:source-conns=off
}

is_counted_anew() { [[ $(counted_at) != "$1" ]]; }

topo_up
ip -n "$NS_CLI" addr add "$FAR4/16" dev "$CLI_DEV"
ip -n "$NS_CLI" addr add "$FAR6/64" dev "$CLI_DEV" nodad
ip -n "$NS_SRV" route add "${FAR6%1}/64" dev "$SRV_DEV"
ip -n "$NS_SRV" neigh add "$FAR6" lladdr "$CLI_MAC" dev "$SRV_DEV"
start_server echo --listen :: 7 echo
start_server web --listen :: 80
sockets_up cli cli
for MODE in auto always; do
	shield_up "mode=$MODE"
	for version in 4 6; do
		family $version
		connections_of_one
		handshakes_too_many
		new_ones_per_second
		spoofed
	done
	prefixes
	port_of_its_own
	[[ $MODE == auto ]] || daemon_dies
	shield_down > /dev/null
done
done_testing
