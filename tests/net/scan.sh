#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a port scan sees: the table of docs/packets.md, by nmap. Every scan of every setting is also
# compared with what the kernel gives without the shield, where that is to be the same.
#
# lib.sh draws the wire. On the server 80 and 82 are open, 81 and 83 closed; 82 and 83 are in mode off.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

TYPES=(sS sT sA sF sX sN)
PORTS=80,81,82,83

# scan SETTING 4|6 TYPE: in the background; one line, "PORT=STATE ..." in the order of ports
scan()
{
	local target=("$SRV4")
	(($2 == 6)) && target=(-6 "$SRV6")
	in_cli timeout 50 nmap "-$3" -n -Pn --send-ip -p $PORTS --max-retries 2 --initial-rtt-timeout 100ms \
		--max-rtt-timeout 300ms -oG "$TMP/$1.$2.$3" "${target[@]}" > "$TMP/nmap.$2.$3" 2>&1
}

# scan_all SETTING: of both families, each in turn and then all the rest at once. SYNs come first: where
# they are answered by cookies the ACKs that follow are in doubt.
scan_all()
{
	local type version pids=()
	for version in 4 6; do
		scan "$1" $version sS &
		pids+=($!)
	done
	wait "${pids[@]}"
	for type in "${TYPES[@]:1}"; do
		for version in 4 6; do
			scan "$1" $version "$type" &
			pids+=($!)
		done
	done
	wait "${pids[@]}"
}

# seen SETTING 4|6 TYPE PORT...: the states of these
seen()
{
	local file="$TMP/$1.$2.$3" port states=()
	shift 3
	for port; do
		states+=("$(sed -n "s,.*[ \t]$port/\([^/]*\)/.*,\1,p" "$file")")
	done
	echo "${states[*]}"
}

# as_table SETTING NAME LINE...: LINE is "TYPE... : state of 80, state of 81"
as_table()
{
	local setting=$1 name=$2 line type version
	shift 2
	for line; do
		for type in ${line%:*}; do
			for version in 4 6; do
				is "$(seen "$setting" $version "$type" 80 81)" "${line#*: }" \
					"$name, IPv$version: nmap -$type"
			done
		done
	done
}

# as_bare SETTING NAME PORTS TYPE...: the same as without the shield
as_bare()
{
	local setting=$1 name=$2 ports=$3 type version
	shift 3
	for type; do
		for version in 4 6; do
			# shellcheck disable=SC2086 # a list
			is "$(seen "$setting" $version "$type" $ports)" "$(seen bare $version "$type" $ports)" \
				"$name, IPv$version: nmap -$type sees ports $ports as without the shield"
		done
	done
}

# grown ACTION REASON: since the setting was made
grown() { echo $(($(field "$1.$2" <<< "$AFTER") - $(field "$1.$2" <<< "$BEFORE"))); }

# with SETTING MODE RESET: what is refused is refused in this way and no other
with()
{
	local action refused=(pass drop reply)
	shield set "$SRV_IF" "mode=$2" "reset=$3" || bail "cannot set mode=$2 reset=$3"
	BEFORE=$(counts)
	scan_all "$1"
	AFTER=$(counts)
	# two ports, two families, three scans; nmap repeats what is not answered
	holds "mode $2, reset $3: probes without SYN, RST or ACK are malformed" \
		"$(grown drop bad_flags) >= 12"
	for action in "${refused[@]}"; do
		if [[ $action == "$3" ]]; then # -sS and -sT of 81, -sA of 81: both families
			holds "mode $2, reset $3: what is refused is counted as $action" \
				"$(grown "$action" closed_port) >= 4 && $(grown "$action" unknown_ack) >= 2"
		else
			is "$(grown "$action" closed_port):$(grown "$action" unknown_ack)" 0:0 \
				"mode $2, reset $3: nothing of it as $action"
		fi
	done
	as_bare "$1" "mode $2, reset $3, mode off for the port" "82 83" "${TYPES[@]}"
}

topo_up
start_server web --listen :: 80 --listen :: 82
scan_all bare
as_table bare "without the shield" "sS sT: open closed" "sA: unfiltered unfiltered" \
	"sF sX sN: open|filtered closed"
shield_up mode=auto 82:mode=off 83:mode=off

MALFORMED="sF sX sN: open|filtered open|filtered"
with auto auto reply
as_table auto "mode auto" "sS sT: open closed" "sA: unfiltered unfiltered" "$MALFORMED"
as_bare auto "mode auto" "80 81" sS sT sA

with drop-auto auto drop
as_table drop-auto "reset drop, mode auto" "sS sT: open filtered" "sA: filtered filtered" "$MALFORMED"
with pass-auto auto pass
as_table pass-auto "reset pass, mode auto" "sS sT: open closed" "sA: unfiltered unfiltered" "$MALFORMED"

with always always reply
as_table always "mode always" "sS sT: open closed" "sA: filtered unfiltered" "$MALFORMED"
as_bare always "mode always" "80 81" sS sT
is "$(in_cli nmap -sA -n -Pn --send-ip -p 85 --max-retries 1 -oG - "$SRV4" | grep -o 85/unfiltered)" \
	85/unfiltered "mode always: a port on which nothing listens sends no cookies: unfiltered"
with drop-always always drop
as_table drop-always "reset drop, mode always" "sS sT: open filtered" "sA: filtered filtered" "$MALFORMED"
with pass-always always pass
as_table pass-always "reset pass, mode always" "sS sT: open closed" "$MALFORMED"
shield_down > /dev/null
scan_all after
as_bare after "detached" "80 81 82 83" "${TYPES[@]}"
done_testing
