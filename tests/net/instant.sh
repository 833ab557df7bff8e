#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A request in the same instant as the handshake's ACK: both pass the shield before the kernel has a
# socket, and neither may be lost, or the client waits 200 ms for its retransmission timer. No flood.
#
# lib.sh draws the wire.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ROUNDS=5 EACH=1000 # 5000 connections with the shield, and as many without

timeouts() { echo $(($(snmp "$NS_SRV" TcpExtTCPTimeouts) + $(snmp "$NS_CLI" TcpExtTCPTimeouts))); }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# run NAME ADDR OPTION...: adds to the file NAME of results. Each from an address of its own: no tuple
# is used twice.
run()
{
	local name=$1 addr=$2 src
	shift 2
	CLIENT=$((CLIENT + 1))
	src=${CLI4%.*}.$CLIENT
	[[ $addr == *:* ]] && src=${CLI6%:*}:$(printf %x $CLIENT)
	in_cli timeout 60 "$TOOLS/tcpc" get -n $EACH --timeout 10 --src "$src" "$@" "$addr" 80 \
		>> "$TMP/$name.runs"
}
CLIENT=0

# all NAME: served, slowest (ms, rounded up), median of the p99s (us)
all()
{
	local run
	SERVED=0 SLOWEST=0
	: > "$TMP/p99"
	while read -r run; do
		SERVED=$((SERVED + $(field ok <<< "$run")))
		field total_ms.p99 <<< "$run" >> "$TMP/p99"
		field total_ms.max <<< "$run" >> "$TMP/max"
	done < "$TMP/$1.runs"
	SLOWEST=$(sort -n "$TMP/max" | tail -n 1 | awk '{ print int($1 + 1) }')
	P99=$(median < "$TMP/p99" | awk '{ print int($1 * 1000) }')
	rm "$TMP/max"
}

# answered_at_once NAME ADDR OPTION...: in turn without the shield and with it
answered_at_once()
{
	local name=$1 bare_p99
	local -i i waits=0 rings bare_waits=0
	shift
	rings=$(ring_drops)
	rm -f "$TMP/bare.runs" "$TMP/always.runs"
	for ((i = 0; i < ROUNDS; i++)); do
		bare_waits=bare_waits-$(timeouts)
		run bare "$@"
		bare_waits=bare_waits+$(timeouts)
		shield_up mode=always
		sleep 1.2 # by then it knows the kernel's connections, and need not ask for each SYN
		waits=waits-$(timeouts)
		run always "$@"
		waits=waits+$(timeouts)
		ACCEPTED=$((ACCEPTED + $(counted pass accepted)))
		shield_down > /dev/null
	done
	rings=$(ring_drops)-rings
	all bare
	bare_p99=$P99
	is "$SERVED" $((ROUNDS * EACH)) "$name, without the shield: all are answered"
	all always
	is "$SERVED" $((ROUNDS * EACH)) "$name: all are answered"
	holds "$name: no retransmission timer runs out" "waits <= bare_waits + rings"
	if ((rings)); then
		skip "$name: none is slow" "rings of the test bed dropped $rings frames"
	else
		holds "$name: none is slow" "SLOWEST < 190"
	fi
	diag "$(awk -v a="$P99" -v b="$bare_p99" -v s="$SLOWEST" 'BEGIN {
		printf "p99 %d us, without the shield %d us: x %.2f; slowest %d ms", a, b, a / b, s }')"
}

topo_up --clients 60
start_server web --listen :: 80
sysctl_in "$NS_CLI" net.ipv4.tcp_fastopen 5
sysctl_in "$NS_SRV" net.ipv4.tcp_fastopen 2

ACCEPTED=0
answered_at_once "request right behind the ACK, IPv4" "$SRV4"
is $ACCEPTED $((ROUNDS * EACH)) "each of them came by cookie"
answered_at_once "request right behind the ACK, IPv6" "$SRV6"
answered_at_once "request in the ACK" "$SRV4" --data-ack
answered_at_once "request in the SYN (Fast Open)" "$SRV6" --fastopen
answered_at_once "eight at a time" "$SRV4" -c 8
done_testing
