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

# NAME, how mode auto counts it, whether the kernel gets it (1) and what comes back; then the same of
# mode always, if that differs. `-`: nothing. medley.py says what the names stand for.
ROWS='
udp               pass.not_tcp         1 -
other-station     pass.other_station   1 -
elsewhere         pass.not_local       1 -
fragment-first    pass.fragment        1 -
fragment-later    pass.fragment        1 -
headers-7         drop.beyond_reach    0 -
syn-off           pass.off             1 R.
ack-off           pass.off             1 R
null-off          pass.off             1 R.
denied-off        pass.off             1 R.

ihl-4             drop.bad_ip          0 -
version-6         drop.bad_ip          0 -
length-over       drop.bad_ip          0 -
length-under      drop.bad_ip          0 -
doff-4            drop.bad_tcp         0 -
doff-15           drop.bad_tcp         0 -
null              drop.bad_flags       0 -
fin               drop.bad_flags       0 -
psh               drop.bad_flags       0 -
xmas              drop.bad_flags       0 -
syn-fin           drop.bad_flags       0 -
syn-rst           drop.bad_flags       0 -
port-zero         drop.port_zero       0 -
sport-zero        drop.port_zero       0 -
martian-own       drop.martian         0 -
martian-loopback  drop.martian         0 -
martian-multicast drop.martian         0 -
martian-unspecified drop.martian       0 -
martian-broadcast drop.martian         0 -
martian-mapped    drop.martian         0 -
option-zero       drop.bad_options     0 -
option-one        drop.bad_options     0 -
option-overrun    drop.bad_options     0 -
option-no-length  drop.bad_options     0 -
fragment-syn      drop.bad_fragment    0 -
fragment-tiny     drop.bad_fragment    0 -
fragment-8        drop.bad_fragment    0 -

denied-syn        drop.denied          0 -
denied-ack        drop.denied          0 -
allowed-syn       pass.allowed         1 R.
allowed-ack       pass.allowed         1 R

syn-closed        reply.closed_port    0 R.
syn               pass.calm            1 S.  reply.cookie           0 S.
headers-6         pass.calm            1 S.  reply.cookie           0 S.
syn-small-mss     pass.calm            1 S.  pass.small_mss         1 S.
syn-md5           pass.calm            1 -   drop.unsigned_listener 0 -

ack               reply.unknown_ack    0 R   drop.unproven          0 -
ack-closed        reply.unknown_ack    0 R
data-closed       reply.unknown_data   0 R
fin-closed        reply.unknown_fin    0 R
synack            reply.unknown_synack 0 R
rst               drop.unknown_rst     0 -
rst-ack           drop.unknown_rst     0 -
'

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
