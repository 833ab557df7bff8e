#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Interfaces made of others, of the kernel's own modules: a VLAN device above the shield and below
# it, and a bond of two, whose first member's cable is cut.
#
# lib.sh draws the wire; the bond's second member leads to the same bridge. Port 80 answers.

# shellcheck source=tests/net/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../net/lib.sh"

LOWER=$SRV_IF
SECOND=${RUN_ID}s1 NET_SECOND=${RUN_ID}p1
BOND=${RUN_ID}b0

# by_cookie NAME: connections of both families, each by a cookie, the shield's or the kernel's
by_cookie()
{
	local addr before
	for addr in "$SRV4" "$SRV6"; do
		before=$(answered)
		is "$(in_cli "$TOOLS/tcpc" get -n 10 -c 2 --timeout 30 "$addr" 80 | field ok) \
$(($(answered) - before))" "10 10" "$1: 10 connections to $addr, each by a cookie"
	done
}
answered() { echo $(($(counted reply cookie) + $(counted reply kernel_cookie))); }

wire_up()
{
	SRV_IF=$LOWER
	topo_up "$@"
	sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 2
	start_server server --listen :: 80 line
}

xdp_mode() { shield status "$SRV_IF" --interval 10 | sed -n 's/^ *attached *\(XDP [a-z]*\).*/\1/p'; }

## VLAN

wire_up --vlan 10
is "$(in_srv ip -d link show dev "$SRV_DEV" | grep -o 'vlan protocol 802.1Q id 10')" \
	"vlan protocol 802.1Q id 10" "the server's addresses are on a VLAN device"
shield_up mode=always
by_cookie "the shield below a VLAN device"
check "detach" shield_down

SRV_IF=$SRV_DEV
shield_up mode=always
is "$(xdp_mode)" "XDP generic" "a VLAN device takes generic XDP only: by itself"
by_cookie "the shield on a VLAN device"
check "detach" shield_down
topo_down

## Bond

wire_up
ip -n "$NS_NET" -batch - <<-END || bail "cannot add a second cable"
	link add $NET_SECOND type veth peer name $SECOND netns $NS_SRV
	link set $NET_SECOND master $BRIDGE
	link set $NET_SECOND up
END
in_net ethtool -K "$NET_SECOND" tx off tso off gso off txvlan off > /dev/null
in_srv ethtool -K "$SECOND" tx off tso off gso off txvlan off gro on > /dev/null
spawn sink2 net "$TOOLS/sink" "$NET_SECOND" --frags --mode absorb --prefix "$FLOOD4"
await_ready sink2
ip -n "$NS_SRV" -batch - <<-END || bail "cannot bond"
	addr flush dev $SRV_IF
	link add $BOND type bond mode active-backup miimon 50
	link set $SRV_IF down
	link set $SRV_IF master $BOND
	link set $SECOND down
	link set $SECOND master $BOND
	link set $BOND up
END
in_cli ip neigh flush dev "$CLI_DEV" nud permanent
in_srv ethtool -K "$BOND" tx off tso off gso off > /dev/null
SRV_DEV=$BOND SRV_IF=$BOND
address_server
await 10 "the bond" in_cli ping -c 1 -W 1 "$SRV4"
shield_up mode=always
is "$(xdp_mode)" "XDP native" "a bond takes native XDP"
by_cookie "a bond"
in_cli "$TOOLS/tcpc" get -n 100 -c 4 --rate 20 --timeout 30 "$SRV4" 80 > "$TMP/during" &
CLIENTS=$!
pause 1.5
ip -n "$NS_SRV" link set "$LOWER" down
wait "$CLIENTS"
is "$(field ok < "$TMP/during")" 100 "a member goes down: nobody notices"
is "$(in_srv cat "/proc/net/bonding/$BOND" | sed -n 's/Currently Active Slave: //p')" "$SECOND" \
	"a member goes down: the other takes over"
by_cookie "the bond's other member"
check "detach" shield_down

done_testing
