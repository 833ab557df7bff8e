#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The rows of the packet table (docs/packets.md) that one segment shows, over a real wire: how it is
# counted, once and under no other reason, whether the kernel gets it, and what comes back. Modes auto
# and always, IPv4 and IPv6.
#
# Each reason, and the network test that shows it best (tests/prog has all of them, packet by packet):
#   not_tcp fragment not_local other_station off beyond_reach bad_ip martian bad_tcp bad_options
#   bad_flags port_zero bad_fragment small_mss calm closed_port tuple_rate kernel_cookie
#   kernel_cookie_ok                                 this one
#   allowed denied                                   lists.sh, and this one
#   cookie cookie_ok accepted bad_cookie backlog_full signed_syn unsigned_listener
#                                                    segments.sh
#   known_tuple                                      reuse.sh
#   vlan_offload cookie_not_due conntracked          clients.sh
#   reply_cap reply_failed                           reflect.sh
#   source_conns source_rate                         limits.sh
#   tracked adopted                                  differential.sh, survive.sh
#   blind_rst                                        floods.sh, differential.sh
#   unknown_ack unknown_data unknown_fin unproven    halfopen.sh, and this one
#   unknown_synack unknown_rst                       floods.sh, and this one
#   no_key table_full accept_failed                  tests/prog only: no wire brings them about
#
# lib.sh draws the wire; frames are sent on its server's end, past the bridge. On the server 80 is
# open, 81 closed, 82 in mode off and closed.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ROWS=$(grep -v "^#" "$ROOT/tests/tools/medley.rows")

# Rows of one family only.
ONLY4='ihl-4 version-6 length-under martian-broadcast fragment-8'
ONLY6='headers-6 headers-7 martian-mapped'

SPORT=20000

# counters FILE: "ACTION.REASON N"
counters() { shield stats "$SRV_IF" | awk '$3 ~ /^[0-9]+$/ { print $1 "." $2, $3 }' > "$1"; }

# difference [EXPECTED]: what was counted since $TMP/before, "ACTION.REASON" for each one. What ARP and
# neighbour discovery add is left out; where it is expected itself, it is said once.
difference()
{
	counters "$TMP/now"
	awk -v before="$TMP/before" -v expected="${1:-}" '
		FILENAME == before { was[$1] = $2; next }
		{
			n = $2 - was[$1]
			if ($1 ~ /not_tcp|other_station/)
				n = n > 0 && $1 == expected
			for (; n > 0; n--)
				print $1
		}' "$TMP/before" "$TMP/now" | xargs
}

was_counted() { [[ $(difference "$1") ]]; }

got_frames() { (($(wc -l < "$TMP/kernel.out") >= $1)); }

# row VERSION NAME COUNTED KERNEL ANSWER
row()
{
	local version=$1 name=$2 seen answer
	local -i frames
	SPORT=$((SPORT + 1))
	counters "$TMP/before"
	frames=$(wc -l < "$TMP/kernel.out")
	echo "$version $name $SPORT" >&"${MEDLEY[1]}"
	read -r -t 10 _ <&"${MEDLEY[0]}" || bail "no such frame: $name"
	await 10 "IPv$version $name to be counted" was_counted "$3"
	await 10 "IPv$version $name to reach the kernel" got_frames $((frames + $4))
	pause 0.03
	seen=$(difference "$3")
	frames=$(wc -l < "$TMP/kernel.out")-frames
	answer=$(sed -n "s/.* > [^ ]*\.$SPORT: Flags \[\([^]]*\)\].*/\1/p" "$TMP/answers.out" | xargs)
	is "$seen $frames ${answer:--}" "$3 $4 $5" "mode $MODE, IPv$version: $name"
}

# all_rows VERSION
all_rows()
{
	local name auto kernel answer always always_kernel always_answer only=$ONLY4
	[[ $1 == 4 ]] && only=$ONLY6
	while read -r name auto kernel answer always always_kernel always_answer; do
		[[ $name && " $only " != *" $name "* ]] || continue
		if [[ $MODE == always && $always ]]; then
			row "$1" "$name" "$always" "$always_kernel" "$always_answer"
		else
			row "$1" "$name" "$auto" "$kernel" "$answer"
		fi
	done <<< "$ROWS"
}

# shield_for MODE: with the lists, and a server without half-open requests of the mode before
shield_for()
{
	MODE=$1
	shield_up "mode=$MODE" 82:mode=off
	shield allow add "${SEG4%1}2" "${SEG6%1}2" > "$TMP/lists" 2>&1 || bail "cannot allow: $(< "$TMP/lists")"
	shield deny add "${SEG4%1}3" "${SEG6%1}3" > "$TMP/lists" 2>&1 || bail "cannot deny: $(< "$TMP/lists")"
	[[ $MODE == always ]] && in_cli "$TOOLS/tcpc" get -n 2 --src "$CLI4,$CLI4" "$SRV4" 80 > /dev/null &&
		in_cli "$TOOLS/tcpc" get -n 2 "$SRV6" 80 > /dev/null
	return 0
}

# A SYN that the kernel has already: sixteen more in a row, and no other.
repeated_syns()
{
	local src=$SEG4 dst=$SRV4
	[[ $1 == 6 ]] && src=$SEG6 dst=$SRV6
	SPORT=$((SPORT + 1))
	counters "$TMP/before"
	seg --src "$src" --dst "$dst" --sport $SPORT --dport 80 --seq 7 --repeat 21 --wait 50 > /dev/null
	is "$(difference | tr ' ' '\n' | sort | uniq -c | xargs)" "4 drop.tuple_rate 1 pass.calm 16 pass.known_tuple" \
		"IPv$1: a SYN that comes 21 times at once"
}

# A listener that takes only the kernel's cookies, and a kernel that makes them always.
kernel_cookies()
{
	local dst
	start_server mptcp --mptcp --listen :: 90
	sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 2
	for dst in "$SRV4" "$SRV6"; do
		counters "$TMP/before"
		is "$(in_cli "$TOOLS/tcpc" get -n 5 "$dst" 90 | field ok)" 5 "$dst: an MPTCP listener's clients are served"
		is "$(difference | tr ' ' '\n' | grep kernel_cookie | sort | uniq -c | xargs)" \
			"5 pass.kernel_cookie_ok 5 reply.kernel_cookie" "$dst: by the kernel's cookies, made in the driver"
	done
	sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 1
}

topo_up
ip -n "$NS_SRV" -batch - <<- END || bail "cannot set neighbours"
	neigh add ${SEG4%1}2 lladdr $CLI_MAC dev $SRV_DEV
	neigh add ${SEG4%1}3 lladdr $CLI_MAC dev $SRV_DEV
	neigh add ${SEG6%1}2 lladdr $CLI_MAC dev $SRV_DEV
	neigh add ${SEG6%1}3 lladdr $CLI_MAC dev $SRV_DEV
END
coproc MEDLEY {
	in_net "$ROOT/tests/tools/medley.py" "$NET_SRV" "$SRV_MAC" "$SEG4" "$SRV4" "$SEG6" "$SRV6" ask
}
PIDS+=("$MEDLEY_PID")
spawn kernel srv tcpdump -l -n -p -i "$SRV_IF" -Q in --immediate-mode \
	ether src "$(link_mac "$NS_NET" "$NET_SRV")" and not ether multicast
await_said "$PID" kernel.err "listening on" kernel
spawn answers net tcpdump -l -n -i "$NET_SRV" -Q in --immediate-mode tcp
await_said "$PID" answers.err "listening on" answers
for mode in auto always; do
	start_server "web$mode" --listen :: 80
	WEB=$PID
	shield_for $mode
	for version in 4 6; do
		all_rows $version
		[[ $mode == auto ]] && repeated_syns $version
	done
	[[ $mode == always ]] && kernel_cookies
	shield_down > /dev/null
	stop "$WEB"
done
done_testing
