#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# One client address that opens connection after connection from few ports. The server closes first,
# so that its kernel holds every tuple in TIME_WAIT when it is used again: such a SYN is the kernel's
# to answer, and a cookie for it would never complete.
#
# lib.sh draws the wire; the client is CLI4 or CLI6, its ports 20000 to 20999.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORTS=20000-20999

# connect ADDR N OPTION...: the number that were served.
connect()
{
	local addr=$1 n=$2
	shift 2
	in_cli timeout 60 "$TOOLS/tcpc" get -n "$n" -c 10 --sports $PORTS --timeout 20 "$@" "$addr" 80 \
		> "$TMP/connect.out"
	field ok < "$TMP/connect.out"
}

why() { diag "$(cat "$TMP/connect.out")" "$(shield stats "$SRV_IF")"; }

# served NAME ADDR N OPTION...
served()
{
	local name=$1 n=$3
	is "$(connect "${@:2}")" "$n" "$name: $n of $n are served" || true
	[[ $(field ok < "$TMP/connect.out") == "$n" ]] || why
}

time_waits() { in_srv ss -Htan state time-wait 'sport = :80' | wc -l; }

kernel_holds_tuples()
{
	local -i held
	held=$(time_waits)
	holds "$1: the server's kernel holds the tuples in TIME_WAIT" "held >= 900"
	is "$(in_cli ss -Htan state time-wait 'dport = :80' | wc -l)" 0 \
		"$1: the client's holds none"
}

# A fresh client address, whose tuples nobody has used.
next_client() { CLIENT=$((CLIENT + 1)); SRC4=${CLI4%.*}.$CLIENT SRC6=${CLI6%:*}:$CLIENT; }
CLIENT=0

topo_up
start_server web --listen :: 80

# -- a table too small for them, filled faster than the daemon can notice --
next_client
shield_up mode=always --conns 1024
sleep 1.5 # it has learned that the kernel holds no connection
PORTS=20000-22999
served "more tuples than the table has room for" "$SRV4" 20000 --src "$SRC4" --timeout 5
PORTS=20000-20999
shield_down > /dev/null

# -- attached only after half of them: TIME_WAIT sockets that the shield never saw --
next_client
served "before the shield" "$SRV4" 10000 --src "$SRC4"
kernel_holds_tuples "before the shield"
shield_up mode=always quiet=2
served "attached after half of them, IPv4" "$SRV4" 10000 --src "$SRC4"
kernel_holds_tuples "attached after half of them, IPv4"
holds "attached after half of them: SYNs on such tuples went to the kernel" \
	"$(counted pass known_tuple) >= 10000"

# -- always --
next_client
served "always, IPv4" "$SRV4" 20000 --src "$SRC4"
kernel_holds_tuples "always, IPv4"
holds "always: the first connection of each tuple is by cookie" "$(counted pass accepted) >= 1000"
served "always, IPv6" "$SRV6" 20000 --src "$SRC6"

# -- under flood --
next_client
start_flood flood --port 80 --rate 300000 --seconds 6
served "always, under flood" "$SRV4" 20000 --src "$SRC4"
if running "$PID"; then ok "the flood went on meanwhile"; else diag "the flood was over before"; fi
stop "$PID"

# -- killed and started anew --
next_client
spawn half cli timeout 60 "$TOOLS/tcpc" get -n 20000 -c 10 --rate 8000 --sports $PORTS --timeout 20 \
	--src "$SRC4" "$SRV4" 80
HALF=$PID
sleep 1
kill -KILL "$SHIELD_PID"
wait "$SHIELD_PID" 2> /dev/null
sleep 0.3
shield_again
wait "$HALF"
cp "$TMP/half.out" "$TMP/connect.out"
is "$(field ok < "$TMP/half.out")" 20000 "killed and started anew meanwhile: 20000 of 20000 are served"
[[ $(field ok < "$TMP/half.out") == 20000 ]] || why

# -- the tuples' last connections came by another interface, which has no shield --
next_client
ip -n "$NS_SRV" link add name other0 type veth peer name other1 netns "$NS_CLI"
ip -n "$NS_SRV" link set other0 up
ip -n "$NS_CLI" link set other1 up
ip -n "$NS_CLI" neigh add "$SRV4" lladdr "$(link_mac "$NS_SRV" other0)" dev other1
ip -n "$NS_CLI" route add "$SRV4/32" dev other1
served "by another interface" "$SRV4" 1000 --src "$SRC4"
ip -n "$NS_CLI" route del "$SRV4/32" dev other1
in_cli "$TOOLS/tcpc" get -n 10 --src "$CLI4" --sports 40000-40010 "$SRV4" 80 > "$TMP/fresh"
served "then by the shield's" "$SRV4" 1000 --src "$SRC4" --timeout 3
ip -n "$NS_SRV" link del other0

# -- switched --
next_client
shield set "$SRV_IF" mode=off
served "off" "$SRV4" 10000 --src "$SRC4"
shield set "$SRV_IF" mode=always
served "off to always" "$SRV4" 10000 --src "$SRC4"
next_client
stop "$SHIELD_PID"
shield set "$SRV_IF" mode=off
served "off, with no daemon" "$SRV4" 5000 --src "$SRC4"
shield set "$SRV_IF" mode=always
served "off to always, with no daemon" "$SRV4" 5000 --src "$SRC4"
shield detach "$SRV_IF" > /dev/null

done_testing
