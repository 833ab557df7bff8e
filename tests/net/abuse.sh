#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Ways round the shield, and ways to turn it against those behind it, each tried as an attacker would:
#   hurry         come one right after the other, so that a queue seems full which is empty
#   headers       hide SYNs behind more IPv6 headers than XDP walks, so that the kernel gets them
#   forwarded     make the shield meddle with what this host only forwards
#   wrong ACKs    have the kernel answer each made-up third segment of one half-open handshake
#   bad RSTs      free the place that a source's connection takes by RSTs which the kernel ignores
#   reopened      have a valid cookie refused: the listener's entry went when a SYN found it closed
#   given back    replay a proof that is refused, so that it earns the prefix more replies
#
# lib.sh draws the wire; seg plays SEG4, and raw.py what comes by the thousand. On the server: 21 speaks
# first and has a short queue, 7 echoes, and 5000 is opened and closed by hand.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

RESET_RATE=100 REPLY_RATE=100
FOREIGN4=10.99.0.5

raw() { in_cli python3 "$ROOT/tests/tools/raw.py" "$CLI_IF" --dst-mac "$SRV_MAC" "$@" > /dev/null || bail "raw.py: $*"; }
set_to() { shield set "$SRV_IF" "$@" || bail "cannot set $*"; }
established() { in_srv ss -Htn state established "( sport = :$1 )" | wc -l; }
now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# say SPORT DPORT FLAGS SEQ [ACK [OPTION...]]: a segment of SEG4's; sets REPLY to what comes back
say()
{
	REPLY=$(seg --src "$SEG4" --dst "$SRV4" --sport "$1" --dport "$2" --flags "$3" --seq "$4" \
		--ack "${5:-0}" "${@:6}")
}

# knock SPORT DPORT: a SYN; sets NEXT to what acknowledges the SYN-ACK
knock()
{
	say "$1" "$2" S 1000 0 --opts mss=1460 --replies 1
	[[ $REPLY == *'"flags":"SA"'* ]] || bail "no SYN-ACK from port $2: $REPLY"
	NEXT=$((($(field seq <<< "$REPLY") + 1) & 0xffffffff))
}

# counts_from, and grows ACTION.REASON: since then
counts_from() { COUNTS=$(counts); }
grows() { echo $(($(counts | field "$1") - $(field "$1" <<< "$COUNTS"))); }

# One client right behind the other, whose connection the application takes at once.
hurry()
{
	counts_from
	is "$(in_cli "$TOOLS/tcpc" get -n 300 --greeting --bytes 1 --timeout 1 "$SRV4" 21 | field ok)" 300 \
		"hurry: 300 connections, one at a time, to a listener with a queue of 16: none fails"
	is "$(grows pass.accepted)" 300 "hurry: each was made by its cookie"
	is "$(grows drop.backlog_full)" 0 "hurry: the queue never seems full"
}

headers()
{
	local n
	for n in 0 6 7; do
		counts_from
		raw --src "$SEG6" --dst "$SRV6" --sport $((20000 + n * 100)) --dport 7 --headers $n --count 50 --ports 50
		settle
		is "$(half_open 7)" 0 "headers: SYNs behind $n IPv6 headers: none reaches the kernel"
		is "$(grows reply.cookie)" $((n == 7 ? 0 : 50)) "headers: behind $n: what is answered by a cookie"
		is "$(grows drop.beyond_reach)" $((n == 7 ? 50 : 0)) "headers: behind $n: what is dropped"
	done
}

# A host behind this one connects to the client, whose RSTs are for that host alone to judge.
forwarded()
{
	counts_from
	in_srv "$TOOLS/seg" "$SRV_IF" --dst-mac "$CLI_MAC" --src $FOREIGN4 --dst "$CLI4" --sport 5555 \
		--dport 81 --seq 1 --wait 1
	raw --src "$CLI4" --dst $FOREIGN4 --sport 81 --dport 5555 --flags R --seq 777 --count 10
	raw --src "$CLI4" --dst $FOREIGN4 --sport 81 --dport 5556 --flags R --seq 777 --count 10
	settle
	is "$(grows drop.blind_rst)" 0 "forwarded: RSTs to a connection through this host: none is judged here"
	is "$(grows pass.not_local)" 20 "forwarded: all pass as not_local"
}

wrong_acks()
{
	local rsts passed dropped start bound
	set_to mode=auto reset-rate=$RESET_RATE
	knock 30000 7
	is "$(half_open 7)" 1 "wrong ACKs: a handshake that the kernel holds"
	counts_from
	rsts=$(snmp "$NS_SRV" TcpOutRsts)
	start=$(now_ms)
	raw --src "$SEG4" --dst "$SRV4" --sport 30000 --dport 7 --flags A --seq 1001 \
		--ack $(((NEXT + 12345) & 0xffffffff)) --count 20000
	settle
	bound=$(((($(now_ms) - start) * RESET_RATE + 999) / 1000 + RESET_RATE + 1))
	rsts=$(($(snmp "$NS_SRV" TcpOutRsts) - rsts))
	passed=$(grows pass.tracked) dropped=$(grows drop.unknown_ack)
	holds "wrong ACKs: of 20000 pass what the budget of RSTs allows" "passed > 0 && passed <= $bound"
	holds "wrong ACKs: the kernel answers these and no more" "rsts > 0 && rsts <= passed"
	is $((passed + dropped)) 20000 "wrong ACKs: all others are dropped as unknown_ack"
	say 30000 7 PA 1001 "$NEXT" --data x --wait 200
	is "$(established 7)" 1 "wrong ACKs: the right one still makes the connection"
	is "$(grep -c '"data":"78"' <<< "$REPLY")" 1 "wrong ACKs: and it works"
	say 30000 7 R 1002 0 --wait 1
	is "$(established 7)" 0 "wrong ACKs: it has ended"
	set_to mode=always reset-rate=10000
}

# open_evading SPORT: a connection, and a RST that the kernel ignores, which data shows to live on
open_evading()
{
	say "$1" 7 S 1000 0 --opts mss=1460 --replies 1
	[[ $REPLY == *'"flags":"SA"'* ]] || return
	NEXT=$((($(field seq <<< "$REPLY") + 1) & 0xffffffff))
	say "$1" 7 PA 1001 "$NEXT" --data a --wait 50
	say "$1" 7 R 1002 "$NEXT" --bad-csum --wait 20
	say "$1" 7 PA 1002 $((NEXT + 1)) --data b --wait 50
	[[ $REPLY == *'"data":"62"'* ]] || diag "connection $1 does not live on: $REPLY"
}

bad_rsts()
{
	local i
	set_to 7:source-conns=1
	pause 1.2 # until the daemon has counted anew
	counts_from
	for ((i = 0; i < 6; i++)); do
		open_evading $((31000 + i))
	done
	is "$(established 7)" 1 "bad RSTs: six tries, and the source has the one connection that it may have"
	is "$(grows reply.source_conns)" 5 "bad RSTs: the others are refused"
}

given_back()
{
	local cookies start bound i
	say 31000 7 R 1003 0 --wait 1
	pause 1.2
	is "$(established 7)" 0 "given back: nothing is open"
	knock 32000 7
	i=$NEXT
	knock 32001 7
	say 32000 7 A 1001 "$i" --wait 50
	is "$(established 7)" 1 "given back: of two cookies one has made a connection, the other is too many"
	set_to reply-rate=$REPLY_RATE 7:reset=drop
	start=$(now_ms) # what is earned from here on is all that there is after the next line
	raw --src "$SEG4" --dst "$SRV4" --sport 33000 --dport 21 --count 1000 --ports 1000
	settle
	counts_from
	raw --src "$SEG4" --dst "$SRV4" --sport 32001 --dport 7 --flags A --seq 1001 --ack "$NEXT" --count 1000
	raw --src "$SEG4" --dst "$SRV4" --sport 34000 --dport 21 --count 1000 --ports 1000
	settle
	bound=$(((($(now_ms) - start) * REPLY_RATE + 999) / 1000 + 1))
	cookies=$(grows reply.cookie)
	is "$(grows drop.source_conns)" 1000 "given back: the proof is refused each time it is replayed"
	holds "given back: that earns the prefix no more replies" "cookies <= $bound"
	set_to reply-rate=20000 7:source-conns=inherit 7:reset=inherit
	say 32000 7 R 1001 0 --wait 1
}

reopened()
{
	local cookie
	ask srv listen 0.0.0.0 5000
	knock 35000 5000
	cookie=$NEXT
	ask srv unlisten
	say 35001 5000 S 1000 0 --opts mss=1460 --replies 1
	is "$(field flags <<< "$REPLY")" RA "reopened: the listener is closed, a SYN is refused"
	ask srv listen 0.0.0.0 5000
	counts_from
	say 35000 5000 A 1001 "$cookie" --wait 100
	is "$(grows pass.accepted)" 1 "reopened: the cookie of before is accepted"
	is "$(established 5000)" 1 "reopened: and has made the connection"
}

topo_up
start_server greeter --listen :: 21 greet --backlog 16
start_server echo --listen :: 7 echo
sockets_up srv srv
shield_up mode=always
hurry
headers
forwarded
wrong_acks
bad_rsts
given_back
reopened
done_testing
