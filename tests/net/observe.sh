#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Mode observe counts what auto would do and changes nothing: what clients and attackers get is the
# kernel's own answer, to the byte, and the kernel handles every packet.
#
# lib.sh draws the wire. Port 80 is served, 82 is not.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# same: what differs from one handshake to the next in any case
same() { sed -E 's/"(seq|id)":[0-9]+/"\1":N/g; s/"ts=[0-9]+:/"ts=N:/g'; }

# Every packet that a client sends, and all that comes back.
probe()
{
	local flags opts dst
	local -i sport=$1
	for dst in "$SRV4 $SEG4" "$SRV6 $SEG6"; do
		for opts in mss=1460,sack,ts=9:0,nop,ws=7 mss=1460,nop,nop,sack,nop,ws=7 mss=1380 \
			mss=1460,sack,ts=9:0,nop,ws=7,fastopen mss=1460,md5; do
			sport+=1
			seg --dst "${dst% *}" --src "${dst#* }" --sport $sport --dport 80 --seq 77 \
				--opts $opts --replies 1 --wait 150
		done
		# ECN, a closed port, and segments of no connection
		sport+=1
		seg --dst "${dst% *}" --src "${dst#* }" --sport $sport --dport 80 --seq 77 --flags SEC \
			--opts mss=1460,sack,ts=9:0,nop,ws=7 --replies 1 --wait 150
		sport+=1
		seg --dst "${dst% *}" --src "${dst#* }" --sport $sport --dport 82 --seq 77 --replies 1 \
			--wait 150
		for flags in A PA FA R SA F - SF FPU; do
			sport+=1
			echo "flags $flags"
			seg --dst "${dst% *}" --src "${dst#* }" --sport $sport --dport 80 --seq 77 --ack 99 \
				--flags "$flags" --replies 1 --wait 150
		done
	done | same
}

# kernel_handles NAME: real clients, while the kernel does what it does of itself
kernel_handles()
{
	local opened
	opened=$(snmp "$NS_SRV" TcpPassiveOpens)
	is "$(in_cli "$TOOLS/tcpc" get -n 200 -c 4 --rate 300 "$SRV4" 80 | field ok)" 200 "$1: clients are served"
	is "$(($(snmp "$NS_SRV" TcpPassiveOpens) - opened))" 200 "$1: by the kernel"
	is "$(counted reply cookie)" 0 "$1: no SYN is answered by the shield"
}

dropped() { shield stats "$SRV_IF" | awk '$1 == "drop" { n += $3 } END { print n + 0 }'; }

topo_up
start_server web --listen :: 80
probe 10000 > "$TMP/bare"
shield_up mode=observe quiet=2 syn-rate=1000 half-open=100
probe 20000 > "$TMP/observed"
is "$(< "$TMP/observed")" "$(< "$TMP/bare")" "every answer is as without the shield"
holds "what it compared were answers" "$(grep -c '"flags":"SAE\?"' "$TMP/bare") == 10"
kernel_handles "observe, calm"
is "$(counted would_reply cookie)" 0 "calm: nothing would be answered"
holds "calm: SYNs would pass" "$(counted would_pass calm) >= 200"

for family in 4 6; do
	option='' dst=$SRV4
	((family == 6)) && option=--v6 dst=$SRV6
	before=$(sink_count | field synack)
	would=$(counted would_reply cookie)
	replied=$(snmp "$NS_SRV" TcpExtListenDrops TcpExtTCPReqQFullDoCookies)
	# shellcheck disable=SC2086 # no option, or one
	start_flood flood $option --port 80 --rate 100000 --seconds 2
	wait "$PID"
	sent=$(field sent < "$TMP/flood.out")
	synacks=$(($(sink_count | field synack) - before))
	would=$(($(counted would_reply cookie) - would))
	replied=$(($(snmp "$NS_SRV" TcpExtListenDrops TcpExtTCPReqQFullDoCookies) - replied))
	holds "IPv$family flood: nearly all would be answered" \
		"would > sent * 8 / 10 && would <= sent"
	holds "IPv$family flood: the kernel answers or drops by itself" \
		"synacks > 0 && replied > 0"
	is "$(counted reply cookie):$(dropped)" 0:0 "IPv$family flood: the shield neither answers nor drops"
	in_log=$(grep -c "attack on .*begins" "$TMP/shield.err")
	holds "IPv$family flood: the attack is told" "in_log >= 1"
done

refused() { echo $(($(counted would_drop unknown_ack) + $(counted would_drop unproven) +
	$(counted would_reply unknown_ack))); }
would=$(refused)
start_flood acks --v6 --port 80 --kind ack --rate 50000 --seconds 1
wait "$PID"
sent=$(field sent < "$TMP/acks.out")
would=$(($(refused) - would))
holds "ACK flood under attack: nearly all would be refused" "would > sent * 8 / 10 && would <= sent"
is "$(dropped)" 0 "ACK flood: none is"

await 10 "an end of the attack" grep -q "attack on .*ended" "$TMP/shield.err"
shield_down > /dev/null
probe 30000 > "$TMP/after"
is "$(< "$TMP/after")" "$(< "$TMP/bare")" "detached: every answer is as before"
done_testing
