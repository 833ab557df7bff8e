#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The shield is no reflector: answers to one prefix are capped, and none is larger than what it answers
# by more than a fifth. Those who follow their answers up are never capped: 20 000 new clients a second
# behind one carrier's NAT.
#
# lib.sh draws the wire. On the server: 80 reads a line, answers and closes first, 83 does so with
# MPTCP, nothing listens on 82. ONE4 and ONE6, a prefix each, are part of FLOOD4 and FLOOD6, and what
# is sent there ends in the sink. The client has 250 addresses in one /24, and one /64.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ONE4=198.18.7.0/24 ONE6=fd66:0:0:7::/64
REPLIES=20000 # the default of reply-rate
MARGIN=4792
CLIENTS=150
NAT=20000 # connections
ADDRESSES=250
SYN_RATE=1000 # slower than any machine makes connections
# What gets past the count of a window, at most: what each CPU has between XDP and TCP (a NAPI poll).
BATCH=$((64 * $(nproc)))

# family IPv4|IPv6
family()
{
	NAME=$1
	if [[ $1 == IPv4 ]]; then
		SRC=$CLI4 DST=$SRV4 SEG=$SEG4 ONE=$ONE4 HEADERS=40 FLOOD=()
	else
		SRC=$CLI6 DST=$SRV6 SEG=$SEG6 ONE=$ONE6 HEADERS=60 FLOOD=(--v6)
	fi
}

## One prefix

# from_one_prefix OPTION...: a flood of 2 s from ONE, with clients from elsewhere. Sets RECEIVED, MOST:
# the answers that REPLIES a second allow, with those of a second before. One in eight is charged for
# eight, so that N answers are N give or take sqrt(7 N), 648 of 60 000: MARGIN is seven times that,
# and the frames of a ring that waits meanwhile.
from_one_prefix()
{
	local pid sent milliseconds
	take before
	start_flood flood "${FLOOD[@]}" --src $ONE --rate 300000 --seconds 2 "$@"
	pid=$PID
	sleep 0.3 # it takes that long to get going
	spawn clients cli "$TOOLS/tcpc" get -n $CLIENTS -c 8 --rate 110 --timeout 20 \
		--src-range "$SRC,16" $DST 80
	wait "$pid" "$PID"
	take after
	sent=$(field sent < "$TMP/flood.out")
	((${sent:-0})) || bail "no flood: $(cat "$TMP/flood.err")"
	milliseconds=$(field seconds < "$TMP/flood.out" | tr -d .)
	RECEIVED=$((sent - $(grown wire lost)))
	MOST=$((REPLIES * (milliseconds + 1000) / 1000 + MARGIN))
	is "$(field ok < "$TMP/clients.out")" $CLIENTS "$NAME: clients from other prefixes are served"
}

# Mode auto lets some pass before it begins to answer.
synacks_are_capped()
{
	local -i synacks capped answered passed
	from_one_prefix --port 80 --kind syn
	synacks=$(grown sink synack)
	capped=$(grown shield drop.reply_cap)
	answered=$(grown shield reply.cookie)
	passed=$(grown shield pass.calm pass.known_tuple)
	holds "$NAME: SYN-ACKs to one prefix are as many as reply-rate allows" \
		"synacks >= REPLIES && synacks <= MOST + passed"
	# the clients' SYNs are among those counted
	holds "$NAME: each other SYN is dropped, and counted as capped" \
		"capped + answered + passed - CLIENTS >= RECEIVED &&
		capped + answered + passed - CLIENTS <= RECEIVED + $(grown cli TcpRetransSegs)"
	diag "$RECEIVED SYNs, $synacks SYN-ACKs, $capped capped"
}

# resets_are_capped KIND REASON: the budget of all RSTs would allow ten times as many.
resets_are_capped()
{
	local -i resets refused
	local REPLIES=2000 MARGIN=256 # each is charged
	shield set "$SRV_IF" reply-rate=$REPLIES reset-rate=$((REPLIES * 100)) > /dev/null ||
		not_ok "set the rates"
	from_one_prefix --port 82 --kind "$1"
	resets=$(grown sink rst)
	refused=$(grown shield "reply.$2" "drop.$2")
	holds "$NAME: RSTs to one prefix are as many as reply-rate allows" \
		"resets >= REPLIES && resets <= MOST"
	# a random ACK may bring a cookie by chance: 2^-24 each
	holds "$NAME: each other segment is dropped as $2" \
		"$refused <= $RECEIVED && $refused >= $RECEIVED - 4"
	shield set "$SRV_IF" reply-rate=20000 reset-rate=10000 > /dev/null ||
		not_ok "set the rates"
	diag "$RECEIVED segments, $resets RSTs"
}

## Sizes

# ip_len LIST [DATA]: of a segment with these options of seg, in the order given
ip_len()
{
	local option
	local -i len=0
	for option in ${1//,/ }; do
		case $option in
		mss=*) len+=4 ;;
		sack) len+=2 ;;
		ts=*) len+=10 ;;
		ws=*) len+=3 ;;
		nop | eol) len+=1 ;;
		fastopen) len+=2 ;;
		mptcp) len+=4 ;;
		*) bail "how long is $option?" ;;
		esac
	done
	echo $((HEADERS + (len + 3) / 4 * 4 + ${#2}))
}

# layouts: of a SYN's options, a line each
layouts()
{
	local -i bits
	local list
	for ((bits = 0; bits < 16; bits++)); do
		list=
		((bits & 1)) && list+=,mss=1460
		((bits & 2)) && list+=,sack
		((bits & 4)) && list+=,ts=9:0
		((bits & 8)) && list+=,nop,ws=7
		echo "${list#,}"
	done
	echo eol
	echo nop,nop,nop,mss=1460
	echo mss=1460,nop,nop,sack,nop,ws=7
	echo mss=1460,nop,ws=7,nop,nop,ts=9:0,sack
	echo mss=1460,sack,ts=9:0,nop,ws=7,fastopen
	echo mss=1460,sack,ts=9:0,nop,ws=7,mptcp
}

# compare PORT FLAGS LIST DATA: one segment, and the size of what comes back
compare()
{
	local sent answer opts=()
	[[ $3 ]] && opts=(--opts "$3")
	sent=$(ip_len "$3" "$4")
	answer=$(seg --src $SEG --dst $DST --sport $((SPORT++)) --dport "$1" --flags "$2" --seq 77 \
		--ack 99 "${opts[@]}" --data "$4" --replies 1 | field ip_len)
	((COMPARED++))
	if ((!answer)); then
		WRONG+=" no answer to $2 with '$3' on port $1;"
	elif ((10 * answer > 12 * sent)); then
		WRONG+=" $answer bytes in answer to $sent, $2 with '$3' on port $1;"
	fi
	((100 * answer / sent > LARGEST)) && LARGEST=$((100 * answer / sent))
	return 0
}

answers_are_small()
{
	local port list flags
	local -i COMPARED=0 LARGEST=0
	WRONG=''
	take before
	for port in 80 83; do
		while read -r list; do
			compare $port S "$list" ''
		done < <(layouts)
		compare $port S mss=1460 data
	done
	for flags in S A PA FA SA FPA; do
		compare 82 $flags '' ''
		compare 82 $flags '' data
	done
	take after
	is "$COMPARED$WRONG" 58 "$NAME: all are answered, with at most 1.2 times their bytes"
	is "$(grown shield reply.cookie) $(grown shield reply.kernel_cookie
		) $(grown shield reply.closed_port reply.unknown_ack reply.unknown_data \
		reply.unknown_fin reply.unknown_synack)" '23 23 12' "$NAME: and all by the shield"
	is "$(grown shield pass.reply_failed)" 0 "$NAME: also where a frame has no room to grow by an MSS"
	diag "$NAME: the largest answer has $LARGEST % of what it answers"
}
SPORT=20000

## Clients that are many, and real

# carrier NAME SYNS: a burst of NAT connections from one prefix, as fast as they come. At most SYNS may
# be left to the kernel as calm; what it holds in TIME_WAIT is its own in any case.
carrier()
{
	local name="$NAME, $1: $NAT new connections from one prefix"
	take before
	in_cli "$TOOLS/tcpc" get -n $NAT -c 16 --timeout 20 --src-range "$SRC,$ADDRESSES" $DST 80 \
		> "$TMP/nat"
	take after
	is "$(field ok < "$TMP/nat")" $NAT "$name: all succeed"
	is "$(grown shield drop.reply_cap)" 0 "$name: none is capped"
	holds "$name: by cookies" "$(grown shield pass.calm) <= $2 &&
		$(grown shield pass.cookie_ok pass.calm pass.known_tuple) >= NAT"
	diag "$(awk -v n=$NAT -v s="$(field seconds < "$TMP/nat")" 'BEGIN { printf "%d", n / s }'
		) connections a second; $(grown shield pass.cookie_ok) by cookie"
}

# No more than these may be unanswered at a time; those that are followed up do not count.
carrier_with_few_replies()
{
	shield set "$SRV_IF" reply-rate=1000 > /dev/null || not_ok "set reply-rate"
	carrier "$1, reply-rate=1000" "$2"
	shield set "$SRV_IF" reply-rate=$REPLIES > /dev/null || not_ok "set reply-rate"
}

# The flood is one of random sources: 512 prefixes, or many more.
carrier_under_flood()
{
	local pid
	start_flood random "${FLOOD[@]}" --port 80 --rate 300000 --seconds 60
	pid=$PID
	sleep 0.3
	carrier "$1" "$2"
	running "$pid" || not_ok "$NAME, $1: the flood lasted" "$(cat "$TMP/random.out" "$TMP/random.err")"
	stop "$pid"
}

mode() { shield set "$SRV_IF" mode="$1" syn-rate=$SYN_RATE > /dev/null || not_ok "set mode=$1"; }

topo_up --clients $ADDRESSES
thread_napi "$NS_SRV" "$SRV_IF"
start_server web --listen :: 80
start_server mptcp --listen :: 83 --mptcp
sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 2
# requests left over from a flood are gone after 3 s, not 63
sysctl_in "$NS_SRV" net.ipv4.tcp_synack_retries 1
shield_up mode=always

for version in IPv4 IPv6; do
	family $version
	answers_are_small
	carrier always 0
	carrier_with_few_replies always 0
	synacks_are_capped
done
family IPv4
resets_are_capped syn closed_port
family IPv6
resets_are_capped ack unknown_ack
family IPv4
carrier_under_flood "always, with a flood" 0
mode auto
family IPv6
carrier auto $((SYN_RATE / 8 + BATCH))
carrier_under_flood "auto, with a flood" 0
synacks_are_capped
family IPv4
synacks_are_capped
shield_down > /dev/null || not_ok "detach"
done_testing
