#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A SYN flood of a million a second: real clients, the kernel's request queue, and everything else
# on the host notice nothing; each attack is reported from start to end; ports are kept apart.
#
# lib.sh draws the wire. Ports 80 and 81 of the server are attacked, from FLOOD4 and FLOOD6, while
# clients connect from 16 addresses, and a UDP exchange and a ping go on.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CLIENTS=600 # connections for each flood
RATE=1000000
SYN_RATE=1000
# What gets past the count of a window, at most: what each CPU has between XDP and TCP (a NAPI poll).
BATCH=$((64 * $(nproc)))

# flood_with_company DST SRC OPTION...: a flood of 3 s. Sets SENT, FLOOD_RATE, CLIENTS_OK, PEAK_HALF_OPEN,
# UDP_LOST, PING_LOST, RING (frames that the test bed lost).
flood_with_company()
{
	local dst=$1 src=$2 flood_pid clients_pid udp_pid ping_pid
	local -i now rings
	shift 2

	rings=$(ring_drops)
	start_flood flood "$@" --rate $RATE --seconds 3
	flood_pid=$PID
	sleep 0.3 # it takes that long to get going
	spawn clients cli "$TOOLS/tcpc" get -n $CLIENTS -c 8 --rate 300 --timeout 20 \
		--src-range "$src,16" "$dst" 80
	clients_pid=$PID
	spawn udp_ask cli "$TOOLS/udp" ask --number 40 --interval 50 --wait 1000 "$dst" 9
	udp_pid=$PID
	spawn ping cli ping -q -i 0.05 -c 40 -W 2 "$dst"
	ping_pid=$PID
	PEAK_HALF_OPEN=0
	while running "$flood_pid"; do
		now=$(half_open 80)
		((now > PEAK_HALF_OPEN)) && PEAK_HALF_OPEN=$now
		sleep 0.1
	done
	wait "$flood_pid" "$clients_pid" "$udp_pid" "$ping_pid"
	SENT=$(field sent < "$TMP/flood.out")
	FLOOD_RATE=$(field rate < "$TMP/flood.out")
	CLIENTS_OK=$(field ok < "$TMP/clients.out")
	UDP_LOST=$(field lost < "$TMP/udp_ask.out")
	PING_LOST=$(awk '/packets transmitted/ { print $1 - $4 }' "$TMP/ping.out")
	RING=$(($(ring_drops) - rings))
	((${FLOOD_RATE:-0})) || bail "no flood: $(cat "$TMP/flood.err")"
}

# No loss but what a veth's ring of 256 lost on the way to the shield, which is the test bed's: while
# the receiver waits for a CPU it loses all that comes, so it may be a quarter of the 40.
nothing_lost()
{
	if (($2 <= ($3 > 0 ? 10 : 0))); then
		ok "$1"
		(($2)) && diag "$2 lost, when rings dropped $3 frames"
	else
		not_ok "$1" "$2 lost; rings dropped $3 frames"
	fi
	return 0
}

offered()
{
	holds "$1: more SYNs were offered than a queue holds" "3 * FLOOD_RATE > 65536"
	diag "$FLOOD_RATE SYN/s for 3 s; half-open at most $PEAK_HALF_OPEN; rings dropped $RING"
}

unharmed()
{
	is "$CLIENTS_OK" $CLIENTS "$1: every real client is served"
	nothing_lost "$1: a UDP exchange goes on" "$UDP_LOST" "$RING"
	nothing_lost "$1: a ping goes on" "$PING_LOST" "$RING"
}

# log_says PATTERN: the daemon's log since mark_log.
mark_log() { LOG_MARK=$(wc -l < "$TMP/shield.err"); }
log_since() { tail -n +$((LOG_MARK + 1)) "$TMP/shield.err"; }
log_says() { log_since | grep -Eq -- "$1"; }
in_log() { if log_says "$2"; then ok "$1"; else not_ok "$1" "no line: $2" "$(log_since)"; fi; }
not_in_log() { if log_says "$2"; then not_ok "$1" "$(log_since)"; else ok "$1"; fi; }

# The last attack has ended: the daemon said so.
await_end() { await 8 "the end of the attack" log_says "attack on .* ended"; }

# served NAME ADDR PORT ACTION REASON: 20 connections, and the shield counts their SYNs so. From
# ports that nobody used before: on others, the server may still hold a TIME_WAIT.
FRESH_PORT=10000
served()
{
	local got
	local -i n=20 before
	before=$(counted "$4" "$5")
	got=$(in_cli "$TOOLS/tcpc" get -n $n -c 2 --sports $FRESH_PORT-$((FRESH_PORT + n - 1)) "$2" "$3" |
		field ok)
	((FRESH_PORT += n))
	is "$got $(($(counted "$4" "$5") - before))" "$n $n" "$1"
}

# left_alone NAME ADDR PORT: 20 connections, and the shield counts each of their segments as off.
left_alone()
{
	local got
	local -i before others
	before=$(counted pass off)
	others=$(counted pass calm)+$(counted reply cookie)+$(counted pass tracked)
	got=$(in_cli "$TOOLS/tcpc" get -n 20 -c 2 "$2" "$3" | field ok)
	others=$(counted pass calm)+$(counted reply cookie)+$(counted pass tracked)-others
	holds "$1" "${got:-0} == 20 && $(counted pass off) - before >= 60 && others <= 4" # a late segment of those before
}

queue_is_empty() { (($(half_open) == 0)); }

## always

always_under_flood()
{
	local name="always, $1" dst=$2 src=$3 replies synacks accepted errors retrans lost
	shift 3

	replies=$(counted reply cookie)
	accepted=$(counted pass cookie_ok)
	synacks=$(sink_count | field synack)
	errors=$(tx_errors)
	retrans=$(snmp "$NS_CLI" TcpRetransSegs)
	mark_log
	flood_with_company "$dst" "$src" "$@"
	offered "$name"
	unharmed "$name"
	holds "$name: the kernel holds no request" "PEAK_HALF_OPEN <= 5"
	replies=$(($(counted reply cookie) - replies))
	accepted=$(($(counted pass cookie_ok) - accepted))
	synacks=$(($(sink_count | field synack) - synacks))
	errors=$(($(tx_errors) - errors))
	retrans=$(($(snmp "$NS_CLI" TcpRetransSegs) - retrans))
	lost=$((replies - synacks - accepted - errors))
	if ((lost >= 0 && lost <= retrans)); then
		ok "$name: each SYN counted as answered is answered, once"
	else
		not_ok "$name: each SYN counted as answered is answered, once" \
			"$replies answered; flooders got $synacks, clients $accepted, rings lost $errors," \
			"clients repeated $retrans segments"
	fi
	holds "$name: hardly a SYN of the flood is lost" \
		"synacks + errors + RING >= SENT - SENT / 100"
	await_end
	attack_is_told "$name" "$dst"
}

# SYN-ACKs that XDP sent and the other end's ring had no room for
tx_errors() { in_srv ethtool -S "$SRV_IF" | awk '/xdp_tx_errors:/ { n += $2 } END { print n + 0 }'; }

attack_is_told()
{
	local addr=$2 line peak answered
	[[ $addr == *:* ]] && addr="\[$addr\]"
	in_log "$1: the start of the attack is logged" "attack on $addr:80 begins: [0-9]+ SYN/s"
	in_log "$1: its end, with peak, SYNs answered and completion ratio" \
		"attack on $addr:80 ended.* [0-9]+ SYN/s, [0-9]+ SYNs answered, [0-9]+ .*\([0-9.e-]+ %\)"
	line=$(log_since | grep 'ended' | tail -n 1)
	peak=$(sed -E 's/.* ([0-9]+) SYN\/s, .*/\1/' <<< "$line")
	answered=$(sed -E 's/.* ([0-9]+) SYNs answered.*/\1/' <<< "$line")
	holds "$1: the peak rate is that of the flood" \
		"${peak:-0} >= FLOOD_RATE / 2 && ${peak:-0} <= FLOOD_RATE * 3"
	holds "$1: the SYNs answered are those of the flood" \
		"${answered:-0} >= SENT / 2 && ${answered:-0} <= SENT + SENT / 10"
}

## auto

auto_under_flood()
{
	local name="auto, $1" dst=$2 src=$3
	local -i bound=$((SYN_RATE / 8 + BATCH))
	shift 3

	await 10 "an empty queue" queue_is_empty
	served "$name: while all is calm, SYNs go to the kernel" "$dst" 80 pass calm
	mark_log
	flood_with_company "$dst" "$src" "$@"
	offered "$name"
	unharmed "$name"
	holds "$name: the kernel's requests are bounded (by $bound)" "PEAK_HALF_OPEN <= $bound"
	await_end
	attack_is_told "$name" "$dst"
	served "$name: after quiet seconds, SYNs go to the kernel again" "$dst" 80 pass calm
}

slow_flood()
{
	local dropped
	await 10 "an empty queue" queue_is_empty
	shield set "$SRV_IF" half-open=50
	mark_log
	start_flood slow --port 80 --rate 200 --seconds 3
	wait "$PID"
	in_log "slow flood: found by its half-open requests" \
		"attack on $SRV4:80 begins: .* [0-9]+ half-open"
	holds "slow flood: the kernel's requests are bounded" "$(half_open) <= 50 + BATCH"
	dropped=$(counted reply cookie)
	is "$(in_cli "$TOOLS/tcpc" get -n 50 -c 5 "$SRV4" 80 | field ok)" 50 \
		"slow flood: every real client is served"
	holds "slow flood: by cookies" "$(counted reply cookie) - $dropped >= 50"
	shield set "$SRV_IF" half-open=512
	await_end
}

## Ports and modes

one_port_attacked()
{
	local answered
	await 10 "an empty queue" queue_is_empty
	mark_log
	start_flood other --port 81 --rate 50000 --seconds 3
	await 5 "the attack" log_says "attack on $SRV4:81 begins"
	served "port 81 is under attack: 80 stays with the kernel" "$SRV4" 80 pass calm
	served "port 81 is under attack: the other family's 81 stays with the kernel" "$SRV6" 81 \
		pass calm
	answered=$(in_cli "$TOOLS/tcpc" get -n 100 -c 4 --timeout 20 "$SRV4" 81 | field ok)
	is "$answered" 100 "port 81 is under attack: its clients are served"
	wait "$PID"
	await_end
	not_in_log "port 81 was under attack: nothing is said of 80" "attack on .*:80 "
}

modes_of_ports()
{
	check "two ports get modes of their own" shield set "$SRV_IF" mode=auto 80:mode=always 81:mode=off
	served "always for one port" "$SRV4" 80 reply cookie
	left_alone "off for another" "$SRV4" 81
	check "they change places" shield set "$SRV_IF" 80:mode=off 81:mode=always
	left_alone "the first is off at once" "$SRV6" 80
	served "the other has cookies at once" "$SRV6" 81 reply cookie
	check "both follow the interface again" shield set "$SRV_IF" 80:mode=inherit 81:mode=inherit
	served "and are calm" "$SRV4" 80 pass calm
}

# A flood of 4 s; what the mode says is done at once.
switched_under_flood()
{
	local served_pid before
	start_flood switched --port 80 --rate 100000 --seconds 4
	local flood_pid=$PID
	spawn switch_clients cli "$TOOLS/tcpc" get -n 1000 -c 4 --rate 300 --timeout 20 "$SRV4" 80
	served_pid=$PID
	sleep 0.5
	shield set "$SRV_IF" mode=always
	sleep 0.5
	before=$(counted pass calm)
	sleep 0.5
	is "$(counted pass calm)" "$before" "auto to always under flood: no SYN passes any more"
	shield set "$SRV_IF" mode=auto
	sleep 0.5
	is "$(counted pass calm)" "$before" "always to auto under flood: no SYN passes either"
	wait "$flood_pid" "$served_pid"
	is "$(field ok < "$TMP/switch_clients.out")" 1000 \
		"modes switched under flood: every real client is served"
}

topo_up
thread_napi "$NS_SRV" "$SRV_IF"
# requests left over from a flood are gone after 3 s, not 63
sysctl_in "$NS_SRV" net.ipv4.tcp_synack_retries 1
start_server web --listen :: 80 --listen :: 81
spawn udp srv "$TOOLS/udp" serve :: 9
shield_up mode=always quiet=2 syn-rate=$SYN_RATE half-open=512

always_under_flood IPv4 "$SRV4" "$CLI4" --port 80
always_under_flood IPv6 "$SRV6" "$CLI6" --v6 --port 80
shield set "$SRV_IF" mode=auto
auto_under_flood IPv4 "$SRV4" "$CLI4" --port 80
auto_under_flood IPv6 "$SRV6" "$CLI6" --v6 --port 80
slow_flood
one_port_attacked
modes_of_ports
switched_under_flood
shield_down || not_ok "detach"
done_testing
