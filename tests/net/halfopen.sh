#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# T16: half-open connections. One end has rebooted, its sockets are gone and nobody was told; the
# other end's next segment gets a RST, and its application learns it at once. A server's RST comes from
# the shield, in the driver; the RSTs that clients send come through it. Refused connections, both ways.
#
# lib.sh draws the wire. Sockets vanish as in a loss of power (TCP_REPAIR: no FIN, no RST); with the
# shield detached and attached anew its memory is lost, too. On the server: 5000 is served by hand, 80
# by tcps; on 5001 nobody listens.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

out_rsts() { snmp "$NS_SRV" TcpOutRsts; }

# family 4|6: who talks to whom
family()
{
	if [[ $1 == 4 ]]; then SRC=$CLI4 DST=$SRV4; else SRC=$CLI6 DST=$SRV6; fi
	NAME="IPv$1, mode $MODE"
}

# connection [SPORT]: one that works; CLI_CONN and SRV_CONN are its ends
connection()
{
	ask cli connect "$SRC" "${1:--}" "$DST" 5000
	CLI_CONN=$CONN
	ask srv accept
	SRV_CONN=$CONN
	ask cli send "$CLI_CONN" hello
	[[ $(asked srv recv "$SRV_CONN") == hello ]] || bail "no connection to port 5000: $HEARD"
}

# reboot: the server's ends are gone, and the shield is new
reboot()
{
	local conn
	shield_down > /dev/null
	for conn; do
		ask srv vanish "$conn"
	done
	is "$(in_srv ss -Htn state connected "( sport = :5000 )" | wc -l)" 0 \
		"$NAME: the server has forgotten the connections"
	shield_up "mode=$MODE"
	[[ $MODE == always ]] || return
	in_cli "$TOOLS/tcpc" get -n 1 "$DST" 80 > /dev/null # the others' listener sends cookies, too
	ask cli connect "$SRC" - "$DST" 5000
	ask cli close "$CONN"
	ask srv accept
	ask srv close "$CONN"
}

# counts_from: what the next assertions compare with
counts_from() { RSTS=$(out_rsts) BEFORE=$(counts); }

# refused NAME REASON REPLIES UNPROVEN: by the driver, not by the kernel
refused()
{
	local after reason=$2
	after=$(counts)
	is "$(($(field reply."$reason" <<< "$after") - $(field reply."$reason" <<< "$BEFORE")))" "$3" \
		"$1: the driver's RST, counted as $reason"
	is "$(($(field drop.unproven <<< "$after") - $(field drop.unproven <<< "$BEFORE")))" "$4" \
		"$1: repetitions that it waited for"
	is "$(($(out_rsts) - RSTS))" 0 "$1: none is the kernel's"
}

# In mode always a segment may be ahead of the one that bears its cookie: two repetitions are waited for.
server_rebooted()
{
	local data keepalive fin
	local -i waited=0
	[[ $MODE == always ]] && waited=2
	connection
	data=$CLI_CONN
	set -- "$SRV_CONN"
	connection
	fin=$CLI_CONN
	set -- "$@" "$SRV_CONN"
	connection
	keepalive=$CLI_CONN
	reboot "$@" "$SRV_CONN"

	counts_from
	ask cli send "$data" more
	is "$(asked cli recv "$data" 20)" ECONNRESET "$NAME: the server rebooted, the client sends: reset"
	refused "$NAME, data" unknown_data 1 $waited
	is "$(asked cli send "$data" more)" EPIPE "$NAME: and cannot write any more"

	counts_from
	ask cli shut "$fin"
	is "$(asked cli recv "$fin" 20)" ECONNRESET "$NAME: the server rebooted, the client closes its half: reset"
	refused "$NAME, FIN" unknown_fin 1 $waited

	counts_from
	ask cli keepalive "$keepalive"
	is "$(asked cli recv "$keepalive" 20)" ECONNRESET "$NAME: the server rebooted, the client probes: reset"
	refused "$NAME, keepalive" unknown_ack 1 $waited
}

# The server's process is gone without a word; the shield was there all the time.
server_forgot()
{
	connection
	ask srv vanish "$SRV_CONN"
	ask cli send "$CLI_CONN" more
	is "$(asked cli recv "$CLI_CONN" 20)" ECONNRESET "$NAME: the server's socket is gone: the client is reset"
}

client_rebooted()
{
	local old
	connection
	ask cli vanish "$CLI_CONN"
	counts_from
	ask srv send "$SRV_CONN" more
	is "$(asked srv recv "$SRV_CONN" 20)" ECONNRESET "$NAME: the client rebooted, the server sends: reset"
	is "$(($(counts | field drop.blind_rst) - $(field drop.blind_rst <<< "$BEFORE")))" 0 \
		"$NAME: the client's RST comes through"

	# the same port again: SYN, challenge ACK, RST, and the SYN that is repeated
	connection 40000
	ask cli vanish "$CLI_CONN"
	old=$SRV_CONN
	connection 40000
	is "$(asked srv recv "$old" 20)" ECONNRESET \
		"$NAME: the client rebooted and connects from the same port: the old connection is reset"
	ask cli send "$CLI_CONN" again
	is "$(asked srv recv "$SRV_CONN")" again "$NAME: the new one works"
	ask cli close "$CLI_CONN"
	ask srv close "$SRV_CONN"
}

# What the other host refuses, this host's application learns at once.
refused_by_others()
{
	local syns
	syns=$(snmp "$NS_SRV" TcpRetransSegs)
	counts_from
	is "$(asked srv connect "$DST" - "$SRC" 5001)" ECONNREFUSED "$NAME: the server connects to a closed port: refused"
	is "$(($(snmp "$NS_SRV" TcpRetransSegs) - syns))" 0 "$NAME: by the answer to its first SYN"
}

refuses_others()
{
	local syns
	syns=$(snmp "$NS_CLI" TcpRetransSegs)
	counts_from
	is "$(asked cli connect "$SRC" - "$DST" 5001)" ECONNREFUSED "$NAME: a client connects to a closed port: refused"
	is "$(($(snmp "$NS_CLI" TcpRetransSegs) - syns))" 0 "$NAME: by the answer to its first SYN"
	refused "$NAME, closed port" closed_port 1 0
}

topo_up
start_server web --listen :: 80
sockets_up srv srv
sockets_up cli cli
ask srv listen :: 5000
[[ $HEARD == ok ]] || bail "cannot listen: $HEARD"
for MODE in auto always; do
	shield_up "mode=$MODE"
	for version in 4 6; do
		family $version
		server_rebooted
		server_forgot
		client_rebooted
		refused_by_others
		refuses_others
	done
	shield_down > /dev/null
done
done_testing
