#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Mode observe counts what another mode would do and changes nothing: what clients and attackers get is
# the kernel's own answer, to the byte, and the kernel handles every packet. What it counts is what the
# other mode counts of the same packets, reason by reason.
#
# Of that comparison are left out: not_tcp and other_station, to which ARP, neighbour discovery and the
# like add what they will; accepted, which TC ingress counts for cookie connections only. Segments that
# follow a SYN are compared with mode auto in calm: where mode always sends a cookie the kernel has, in
# observe, a request of its own, and a segment that does not complete it belongs to that (adopted),
# while in mode always it belongs to nothing. Of real clients cookies and handshakes are compared; the
# number of their segments is not the same from one run to the next.
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

# unlike MODE: the reasons that the two runs in $TMP did not count alike
unlike()
{
	python3 - "$TMP/$1.json" "$TMP/observe.json" 2>&1 <<- 'END'
		import json, sys
		there, here = (json.load(open(name))[0] for name in sys.argv[1:])
		seen = 0
		for action in "pass", "drop", "reply":
		    for reason, count in sorted(there[action].items()):
		        if reason in ("not_tcp", "other_station", "accepted"):
		            continue
		        would = here[action][reason] + here["would_" + action][reason]
		        seen += count > 0
		        if would != count:
		            print(f"{action} {reason}: {count}, in observe {would}")
		assert seen >= 20, f"only {seen} reasons were compared"
	END
}

# run SETTINGS FOLLOW: the medley, in a shield of its own, to a server of its own; sets SENT. Port 82 is
# in mode off. It is sent past the bridge, which lets no malformed IP through.
run()
{
	ROUND=$((ROUND + 1))
	start_server "web$ROUND" --listen :: 80
	WEB=$PID
	# shellcheck disable=SC2086 # a list
	shield_up $1 82:mode=off
	{
		shield allow add "${SEG4%1}2" "${SEG6%1}2"
		shield deny add "${SEG4%1}3" "${SEG6%1}3"
	} > "$TMP/lists" 2>&1 || bail "cannot set the lists: $(< "$TMP/lists")"
	# shellcheck disable=SC2086 # a word, or none
	SENT=$(in_net "$ROOT/tests/tools/medley.py" "$NET_SRV" "$SRV_MAC" "$SEG4" "$SRV4" "$SEG6" "$SRV6" "$ROUND" $2) ||
		bail "medley failed"
}
ROUND=0

# real_clients: a hundred, from ports that nobody has used
real_clients()
{
	in_cli "$TOOLS/tcpc" get -n 100 -c 2 --rate 500 --sports $((ROUND * 100 + 20000))-$((ROUND * 100 + 20099)) \
		"$SRV4" 80 | field ok
}

run_ends()
{
	shield stats --json "$SRV_IF" > "$TMP/$1.json"
	CLIENTS=$(real_clients)
	AFTER=$(counts)
	stop "$WEB"
	shield_down > /dev/null
}

# counted_alike MODE FOLLOW
counted_alike()
{
	local mode=$1 cookies proven before after
	run "mode=$mode" "$2"
	run_ends "$mode"
	is "$CLIENTS" 100 "mode $mode: clients are served"
	cookies=$(field reply.cookie <<< "$AFTER") proven=$(field pass.cookie_ok <<< "$AFTER")

	spawn dump srv tcpdump -i "$SRV_IF" -Q in -B 16384 -s 64 --immediate-mode -U \
		-w "$TMP/dump" ether src "$(link_mac "$NS_NET" "$NET_SRV")"
	DUMP=$PID
	await_said "$DUMP" dump.err "listening on" dump
	before=$(snmp "$NS_SRV" IpInReceives Ip6InReceives)
	run "mode=observe counts=$mode" "$2"
	after=$(snmp "$NS_SRV" IpInReceives Ip6InReceives)
	pause 0.5
	stop "$DUMP"
	is "$(tcpdump -r "$TMP/dump" 2> /dev/null | wc -l)" "$SENT" \
		"observe $mode: the kernel gets each of $SENT frames"
	holds "observe $mode: and does with them what it does" "after - before >= SENT * 9 / 10"
	run_ends observe
	is "$CLIENTS" 100 "observe $mode: clients are served"
	is "$(unlike "$mode")" "" "observe $mode: each reason is counted as in mode $mode"
	is "$(field would_reply.cookie <<< "$AFTER"):$(field would_pass.cookie_ok <<< "$AFTER")" "$cookies:$proven" \
		"observe $mode: so are real clients' cookies"
	is "$(field drop.denied <<< "$AFTER"):$(field reply.cookie <<< "$AFTER"):$(field reply.closed_port <<< "$AFTER")" 0:0:0 \
		"observe $mode: nothing is dropped or answered"
}

topo_up
start_server web --listen :: 80
WEB=$PID
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

start_flood acks --v6 --port 80 --kind ack --rate 50000 --seconds 1
wait "$PID"
sent=$(field sent < "$TMP/acks.out")
would=$(counts)
would=$(($(field would_drop.unproven <<< "$would") + $(field would_drop.unknown_ack <<< "$would") + \
	$(field would_reply.unknown_ack <<< "$would")))
holds "ACK flood under attack: they would be refused" "would > sent * 8 / 10"
is "$(dropped)" 0 "ACK flood: none is"

await 10 "an end of the attack" grep -q "attack on .*ended" "$TMP/shield.err"
shield_down > /dev/null
probe 30000 > "$TMP/after"
is "$(< "$TMP/after")" "$(< "$TMP/bare")" "detached: every answer is as before"
stop "$WEB"

counted_alike auto follow
counted_alike always ''
done_testing
