#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The classical defences against a SYN flood, both options: half-open handshakes get less time while
# their listener is short of room (half-open-timeout), and there is more room (max-syn-backlog).
#
# lib.sh draws the wire. A flood too slow for syn-rate, whose sources never answer, fills the kernel's
# queue; a real client connects meanwhile.

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

RATE=25		# SYNs per second
LIMIT=128	# half-open
BACKLOG=net.ipv4.tcp_max_syn_backlog

status() { shield status -i 10 --json | tr -d ' \n'; }

# attacks PORT: so far, on all of its addresses
attacks()
{
	status | grep -o "\"port\":$1,[^}]*" | sed 's/.*"attacks":\([0-9]*\).*/\1/' |
		awk '{ n += $1 } END { print n + 0 }'
}

# tracked: half-open handshakes in conns
tracked() { bpftool map dump pinned "$PIN_DIR/$SRV_IF/conns" | grep -c SYN_RECEIVED; }

backlog() { in_srv sysctl -n $BACKLOG; }
backlog_is() { [[ $(backlog) == "$1" ]]; }

# flood [--v6] OPTION...: for 7 s at most; the SYNs that it sent are SENT
flood() { start_flood flood "$@" --port 80 --rate $RATE --seconds 7; }
flood_ends() { wait "$FLOOD" && SENT=$(field sent < "$TMP/flood.out"); }

# Without the option: the queue fills up, and cookies begin.
cookies_begin()
{
	shield_up half-open=$LIMIT
	flood
	FLOOD=$PID
	await 10 "the attack" eval 'sleep 0.2; (($(attacks 80)))'
	holds "without it the queue has $LIMIT half-open handshakes before cookies begin" \
		"$(half_open 80) >= $LIMIT"
	is "$(status | field half-open-ended)" 0 "without it no handshake is ended"
	stop "$FLOOD"
	shield_down > /dev/null
	in_srv ss -K -t state syn-recv > /dev/null
}

# accounted BEFORE: each SYN's handshake; the daemon may end some between two looks
accounted() { (($(status | field half-open-ended) - $1 + $(half_open 80) == SENT)); }

# only_half_open OTHERS: the entries besides others are those of the handshakes
only_half_open() { (($(tracked) - $1 == $(half_open 80))); }

# handshakes_end NAME DST FLOOD-OPTION...
handshakes_end()
{
	local name=$1 dst=$2
	local -i ended cookies before others
	others=$(tracked)
	before=$(status | field half-open-ended)
	flood "${@:3}"
	FLOOD=$PID
	await 10 "handshakes to be ended" eval "sleep 0.2; ((\$(status | field half-open-ended) > $before))"
	in_cli "$TOOLS/tcpc" get -n 20 "$dst" 80 > "$TMP/client.out" 2>&1
	is "$?" 0 "$name: a real client gets through"
	flood_ends
	sleep 0.2
	ended=$(status | field half-open-ended)-before
	cookies=$(counted reply cookie)
	holds "$name: the flood had more SYNs than there is room" "$SENT > $LIMIT"
	holds "$name: the queue never was full: $ended of $SENT handshakes were ended" \
		"$SENT - $ended < $LIMIT && $ended > 0"
	check "$name: each is ended, or half-open yet" await 5 "the last" accounted "$before"
	check "$name: their entries went with them" await 10 "as many entries" only_half_open "$others"
	is "$(attacks 80)" 0 "$name: there was no attack"
	is "$cookies" 0 "$name: no cookie was sent"
	is "$(snmp "$NS_SRV" TcpExtListenDrops TcpExtTCPReqQFullDrop TcpExtTCPReqQFullDoCookies)" 0 \
		"$name: the kernel dropped nothing and sent no cookie"
	in_srv ss -K -t state syn-recv > /dev/null
}

# In mode observe nothing is changed.
observe_changes_nothing()
{
	shield set "$SRV_IF" mode=observe half-open=20
	start_flood flood --port 80 --rate $RATE --count 50 --seconds 5
	FLOOD=$PID
	flood_ends
	sleep 2.5
	is "$(half_open 80)" 50 "observe: no handshake is ended"
	in_srv ss -K -t state syn-recv > /dev/null
}

more_room()
{
	local before
	before=$(backlog)
	shield_up
	is "$(backlog)" "$before" "max-syn-backlog=off: the sysctl stays"
	shield set "$SRV_IF" max-syn-backlog=10000
	await 5 "more room" backlog_is 10000
	is "$(status | field syn-backlog.before)" "$before" "status says what it was"
	is "$(status | field syn-backlog.raised-to)" 10000 "and is"
	stop "$SHIELD_PID"
	is "$(backlog)" "$before" "SIGTERM: it is restored"
	is "$(status | field syn-backlog.raised-to)" 0 "SIGTERM: nothing is left to restore"

	shield_again
	await 5 "more room" backlog_is 10000
	kill -KILL "$SHIELD_PID"
	wait "$SHIELD_PID" 2> /dev/null
	is "$(backlog)" 10000 "SIGKILL: nobody can restore it"
	shield_again
	stop "$SHIELD_PID"
	is "$(backlog)" "$before" "SIGKILL: the daemon that follows does"

	shield_again
	await 5 "more room" backlog_is 10000
	kill -KILL "$SHIELD_PID"
	wait "$SHIELD_PID" 2> /dev/null
	shield detach "$SRV_IF" > /dev/null
	is "$(backlog)" "$before" "SIGKILL: or detach"

	shield_up max-syn-backlog=10000
	await 5 "more room" backlog_is 10000
	sysctl_in "$NS_SRV" $BACKLOG 777
	await 5 "the warning" grep -q "changed by others: it stays at 777" "$TMP/shield.err"
	is "$(backlog)" 777 "what others set stays"
	shield set "$SRV_IF" max-syn-backlog=500
	sleep 1.2
	is "$(backlog)" 777 "it is never lowered"
	shield set "$SRV_IF" max-syn-backlog=20000
	await 5 "more room" backlog_is 20000
	shield set "$SRV_IF" max-syn-backlog=off
	await 5 "the room as it was" backlog_is 777
	is "$(backlog)" 777 "switched off: it is restored"
	shield set "$SRV_IF" max-syn-backlog=20000
	await 5 "more room" backlog_is 20000
	shield detach "$SRV_IF" > /dev/null
	await 5 "the room as it was" backlog_is 777
	is "$(backlog)" 777 "detached while the daemon runs: it is restored"
}

topo_up
sysctl_in "$NS_SRV" net.core.somaxconn 4096
sysctl_in "$NS_SRV" $BACKLOG 4096
start_server web --listen :: 80
cookies_begin
in_srv nstat -n > /dev/null
shield_up half-open=$LIMIT half-open-timeout=1
handshakes_end IPv4 "$SRV4"
handshakes_end IPv6 "$SRV6" --v6
is "$(grep -c "short of room for half-open handshakes: ended [0-9]* that were older than 1 s" \
	"$TMP/shield.err")" 1 "it is said"
observe_changes_nothing
shield_down > /dev/null
more_room
done_testing
