#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Handshakes driven by hand, segment by segment: what is lost, repeated, out of order, replayed or
# altered makes one connection with the right data, or none.
#
# lib.sh draws the wire; seg plays SEG4 or SEG6. On the server: 80 reads a line, answers 'hello' and
# closes first; 7 echoes; 21 speaks first.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

HELLO=68656c6c6f0d0a # what port 80 answers, in hexadecimal
SPORT=20000

## A client by hand

# family 4|6 ts|plain: who talks, and with which options
family()
{
	if [[ $1 == 4 ]]; then SRC=$SEG4 DST=$SRV4 MSS=1460; else SRC=$SEG6 DST=$SRV6 MSS=1440; fi
	KIND=$2
	NAME="IPv$1, $([[ $2 == ts ]] && echo 'timestamps' || echo 'no timestamps')"
}

# say FLAGS SEQ OPTION...: one segment on the present tuple; REPLIES has what came back
say()
{
	local flags=$1 seq=$2
	shift 2
	REPLIES=$(seg --src "$SRC" --dst "$DST" --sport "$SPORT" --dport "$DPORT" --flags "$flags" \
		--seq "$seq" --wait "${WAIT:-400}" "$@")
}

# syn: a SYN on a new tuple to $DPORT; learns ISN and COOKIE_TS from the SYN-ACK
syn()
{
	SPORT=$((SPORT + 1)) CLIENT_ISN=$((SPORT * 1000)) CLIENT_TS=1000
	PASSIVE=$(passive)
	syn_again
}

syn_again()
{
	if [[ $KIND == ts ]]; then
		say S $CLIENT_ISN --opts "mss=1460,sack,ts=$CLIENT_TS:0,nop,ws=7" --replies 1
	else
		say S $CLIENT_ISN --opts "mss=1460,nop,nop,sack,nop,ws=7" --replies 1
	fi
	take_synack
}

take_synack()
{
	[[ $(flags) == SA ]] || return 1
	ISN=$(field seq <<< "$REPLIES")
	COOKIE_TS=$(sed -n 's/.*"ts=\([0-9]*\):.*/\1/p' <<< "$REPLIES")
}

# ack FLAGS OFFSET OPTION...: at this offset of the client's stream; acknowledges the SYN-ACK alone
ack()
{
	local flags=$1 opts=()
	local -i at=$(((CLIENT_ISN + 1 + $2) & 0xffffffff))
	shift 2
	CLIENT_TS=$((CLIENT_TS + 1))
	[[ $KIND == ts ]] && opts=(--opts "nop,nop,ts=$CLIENT_TS:$((COOKIE_TS & 0xffffffff))")
	say "$flags" $at --ack $(((ISN + 1) & 0xffffffff)) "${opts[@]}" "$@"
}

# last_data OFFSET DATA OPTION...: what port 80 answers, and closes after: its FIN is waited for
last_data()
{
	ack PA "$1" --data "$2" --until F "${@:3}"
}

# flags: of all replies, e.g. "A PA FA"
flags() { sed -E 's/.*"flags":"([A-Z]*)".*/\1/' <<< "$REPLIES" | xargs; }
passive() { snmp "$NS_SRV" TcpPassiveOpens; }
resets() { snmp "$NS_SRV" TcpOutRsts; }

## What is asserted

# answered NAME: 'hello', after one connection
answered()
{
	local -i made
	made=$(passive)-PASSIVE
	if ((made == 1)) && [[ $REPLIES == *"\"data\":\"$HELLO\""* ]]; then
		ok "$NAME: $1"
	else
		not_ok "$NAME: $1" "$made connections; replies:" "$REPLIES"
	fi
}

# unanswered NAME: no reply, no connection
unanswered()
{
	local -i made
	made=$(passive)-PASSIVE
	if ((made == 0)) && [[ ! $REPLIES ]]; then
		ok "$NAME: $1"
	else
		not_ok "$NAME: $1" "$made connections; replies:" "$REPLIES"
	fi
}

# reset NAME: no connection, and a RST at what was acknowledged
reset()
{
	local -i made
	made=$(passive)-PASSIVE
	is "$made connections, $(flags) $(field seq <<< "$REPLIES")" \
		"0 connections, R $(((ISN + 1) & 0xffffffff))" "$NAME: $1"
}

# refused NAME: the one or the other
refused()
{
	if [[ $REPLIES ]]; then reset "$1"; else unanswered "$1"; fi
}

## Handshakes

handshakes()
{
	DPORT=80
	syn
	is "$(flags)" SA "$NAME: a SYN is answered"
	WAIT=30 ack A 0
	last_data 0 $'ask\n'
	answered "ACK, then data"

	syn
	last_data 0 $'ask\n'
	answered "the final ACK is lost: data comes first"

	syn
	WAIT=1 ack A 0 --repeat 3
	WAIT=30 ack A 0
	last_data 0 $'ask\n'
	answered "the final ACK comes four times"

	syn
	syn_again
	last_data 0 $'ask\n'
	answered "the SYN-ACK is lost: the SYN comes again"

	syn
	WAIT=1 ack A 0
	WAIT=1 ack PA 0 --data 'as'
	last_data 2 $'k\n'
	answered "ACK and two data segments at once"

	syn
	WAIT=30 ack PA 2 --data $'k\n'
	is "$REPLIES" '' "$NAME: the second data segment comes first: not refused"
	WAIT=30 ack PA 0 --data 'as'
	last_data 2 $'k\n'
	answered "the second data segment came first, then both"

	syn
	WAIT=30 ack A 0
	WAIT=30 ack PA 2 --data $'k\n'
	last_data 0 'as'
	answered "data out of order after the ACK"

	syn
	last_data 0 $'ask\n' --repeat 2
	answered "data as the first ACK, twice at once"

	DPORT=7
	syn
	ack FA 0
	is "$([[ $(flags) == *F* ]] && echo FIN):$(($(passive) - PASSIVE))" FIN:1 \
		"$NAME: FIN as the first segment: the server closes too"
	syn
	ack PA 0 --data 'x'
	is "$(grep -o '"data":"78"' <<< "$REPLIES" | sort -u)" '"data":"78"' \
		"$NAME: data before anything else is echoed"
	DPORT=80
}

# A SYN on the tuple of a connection is the kernel's: a challenge ACK (RFC 5961 section 4).
replayed_syn()
{
	DPORT=80
	syn
	WAIT=100 ack A 0
	say S "$CLIENT_ISN" --opts mss=1460 --replies 1
	is "$(flags)" A "$NAME: a SYN replayed on a connection is challenged"
	sleep 0.6 # the kernel challenges twice a second at most
	say S $((CLIENT_ISN + 77777)) --opts mss=1460 --replies 1
	is "$(flags)" A "$NAME: a SYN with another ISN too"
	last_data 0 $'ask\n'
	answered "the connection goes on"
}

closed_by_client()
{
	DPORT=7
	syn
	WAIT=30 ack A 0
	ack FA 0 --replies 2
	ack_close
	PASSIVE=$(passive)
	WAIT=100 ack A 0
	is "$(($(passive) - PASSIVE))" 0 "$NAME: a cookie used, and replayed after the close: no connection"
	ack PA 0 --data 'x'
	is "$(($(passive) - PASSIVE))" 0 "$NAME: nor with data"
	DPORT=80
}

# The last ACK, of the server's FIN.
ack_close()
{
	local opts=()
	[[ $KIND == ts ]] && opts=(--opts "nop,nop,ts=$((CLIENT_TS + 1)):$COOKIE_TS")
	WAIT=50 say A $((CLIENT_ISN + 2)) --ack $(((ISN + 2) & 0xffffffff)) "${opts[@]}"
}

## TIME_WAIT

# The server has closed first; the tuple is its kernel's.
time_wait()
{
	local before fin
	DPORT=80
	syn
	last_data 0 $'ask\n'
	answered "a connection that the server closes"
	fin=$(((ISN + 1 + 7 + 1) & 0xffffffff))
	CLIENT_TS=$((CLIENT_TS + 1))
	if [[ $KIND == ts ]]; then
		WAIT=50 say FA $((CLIENT_ISN + 5)) --ack $fin --opts "nop,nop,ts=$CLIENT_TS:$COOKIE_TS"
	else
		WAIT=50 say FA $((CLIENT_ISN + 5)) --ack $fin
	fi
	is "$(in_srv ss -Htan state time-wait "dport = :$SPORT" | wc -l)" 1 \
		"$NAME: the server's kernel holds the tuple in TIME_WAIT"
	before=$(counted pass known_tuple)
	CLIENT_TS=$((CLIENT_TS - 500))
	syn_again
	if [[ $(flags) != SA ]]; then
		ok "$NAME: an old SYN on it gets no SYN-ACK"
	else
		not_ok "$NAME: an old SYN on it gets no SYN-ACK" "$REPLIES"
	fi
	CLIENT_TS=$((CLIENT_TS + 2000)) CLIENT_ISN=$((CLIENT_ISN + 100000))
	PASSIVE=$(passive)
	syn_again
	is "$(flags)" SA "$NAME: a new one is answered"
	is "$(($(counted pass known_tuple) - before))" 2 "$NAME: both by the kernel"
	last_data 0 $'ask\n'
	answered "and becomes a connection"
}

## Cookies that are not

# altered_ack NAME ASSIGNMENTS...: on a new tuple, an ACK with something changed. It may be ahead of
# the one that bears the cookie, so it is not reset.
altered_ack()
{
	syn
	eval "${*:2} ack A 0"
	unanswered "$1"
	ALTERED+=1
}

# The assignments are made when there is a SYN-ACK to bring back.
# shellcheck disable=SC2016
altered()
{
	local before
	local -i ALTERED=0
	DPORT=80 WAIT=150
	before=$(counted drop unproven)
	altered_ack "acknowledgement altered" 'ISN=$((ISN + 1))'
	altered_ack "acknowledgement's top bit altered" 'ISN=$((ISN ^ 0x80000000))'
	altered_ack "sequence number altered" 'CLIENT_ISN=$((CLIENT_ISN + 1))'
	altered_ack "source port altered" 'SPORT=$((SPORT + 5000))'
	altered_ack "source address altered" 'SRC=${SRC%1}9'
	if [[ $KIND == ts ]]; then
		altered_ack "MSS in the timestamp altered" 'COOKIE_TS=$((COOKIE_TS ^ 1))'
		altered_ack "MAC in the timestamp altered" 'COOKIE_TS=$((COOKIE_TS ^ 0x80000000))'
		altered_ack "timestamp removed" KIND=plain
	fi
	is "$(($(counted drop unproven) - before))" $ALTERED "$NAME: each is counted as unproven"
	syn
	ISN=$((ISN + 1)) ack A 0 --repeat 2
	unanswered "altered, and twice the same"
	before=$(counted reply unknown_ack)
	ISN=$((ISN + 1))
	ack A 0
	reset "altered, and the third time the same"
	is "$(($(counted reply unknown_ack) - before))" 1 "$NAME: counted as an unknown ACK"
	ISN=$((ISN - 1))
	unset WAIT
	last_data 0 $'ask\n'
	answered "the true one is good"
}

# used KIND FAMILY: a connection by cookie that is over, and its ACK once more when nothing
# remembers it; kept in USED.
used()
{
	family "$2" "$1"
	DPORT=7
	syn
	ack PA 0 --data x
	is "$(($(passive) - PASSIVE))" 1 "$NAME: a connection"
	WAIT=50 say R $((CLIENT_ISN + 2))
	forget_conns
	ack PA 0 --data x
	is "$(($(passive) - PASSIVE))" 2 "$NAME: its ACK replayed, its entry gone: another one"
	WAIT=50 say R $((CLIENT_ISN + 2))
	is "$(in_srv ss -Htn state established "( sport = :7 and dport = :$SPORT )")" "" "$NAME: a RST ends it"
	USED+=("$SPORT $CLIENT_ISN $ISN ${COOKIE_TS:-0} $1 $2")
	DPORT=80
}

# used_again: those of USED, too late
used_again()
{
	local saved kind version
	forget_conns
	for saved in "${USED[@]}"; do
		read -r SPORT CLIENT_ISN ISN COOKIE_TS kind version <<< "$saved"
		family "$version" "$kind"
		DPORT=7 PASSIVE=$(passive)
		WAIT=150 ack PA 0 --data x
		refused "an ACK replayed two epochs later, its entry gone"
	done
	DPORT=80
}

forget_conns()
{
	local key
	bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/conns" |
		python3 -c 'import json, sys
for entry in json.load(sys.stdin): print(*entry["key"])' |
		while read -ra key; do
			bpftool map delete pinned "$PIN_DIR/$SRV_IF/conns" key hex "${key[@]#0x}"
		done
}

epoch()
{
	bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/keys" | sed -n 's/.*"epoch":\([0-9]*\).*/\1/p'
}

epoch_is() { (($(epoch) >= $1)); }

# old_cookies: with an epoch of 2 s, what each kind of client gets one and two epochs later
old_cookies()
{
	local kind
	local -i began
	shield set "$SRV_IF" epoch=2
	began=$(epoch)+1
	await 10 "the next epoch" epoch_is $began
	SAVED=()
	for kind in 'ts 4' 'plain 4' 'ts 6' 'plain 6'; do
		family "${kind#* }" "${kind% *}"
		DPORT=80 syn
		SAVED+=("$SPORT $CLIENT_ISN $ISN ${COOKIE_TS:-0} $kind")
		syn # the second one is for the epoch after the next
		SAVED+=("$SPORT $CLIENT_ISN $ISN ${COOKIE_TS:-0} $kind")
	done
	if (($(epoch) != began)); then
		diag "too slow: the epoch has ended"
		return 1
	fi
	await 10 "the next epoch" epoch_is $((began + 1))
	bring_back 0 answered "a cookie of the previous epoch is good" $((began + 1)) || return
	await 10 "the epoch after the next" epoch_is $((began + 2))
	bring_back 1 refused "a cookie two epochs old is not" $((began + 2)) || return
	used_again
	await 10 "two epochs more" epoch_is $((began + 4))
	bring_back 1 reset "nor is one four epochs old"
	shield set "$SRV_IF" epoch=64
}

# bring_back WHICH CHECK NAME [EPOCH]: every second of the saved cookies; fails if the epoch is over
bring_back()
{
	local -i i
	local kind fam
	for ((i = $1; i < ${#SAVED[@]}; i += 2)); do
		read -r SPORT CLIENT_ISN ISN COOKIE_TS kind fam <<< "${SAVED[i]}"
		family "$fam" "$kind"
		CLIENT_TS=2000 PASSIVE=$(passive)
		if [[ $2 == answered ]]; then
			WAIT=150 last_data 0 $'ask\n'
		else
			WAIT=60 ack PA 0 --data $'ask\n'
		fi
		if [[ ${4:-} && $(epoch) != "$4" ]]; then
			diag "too slow: the epoch has ended"
			return 1
		fi
		"$2" "$3"
	done
}

## Options and data of a SYN

syn_options()
{
	DPORT=80
	SPORT=$((SPORT + 1)) CLIENT_ISN=5000
	say S 5000 --opts mss=1460,sack,ts=7:0,nop,ws=7,fastopen --replies 1
	is "$(flags):$(opts)" "SA:mss=$MSS sack ts nop ws=10" "$NAME: a Fast Open option is not echoed"
	SPORT=$((SPORT + 1))
	say S 5000 --opts mss=1460,sack,ts=7:0,nop,ws=7,mptcp --replies 1
	is "$(flags):$(opts)" "SA:mss=$MSS sack ts nop ws=10" "$NAME: an MPTCP option is not echoed"
	SPORT=$((SPORT + 1))
	say S 5000 --opts mss=1460,sack,ts=7:0,nop,ws=7,fastopen --data 'early' --replies 1
	is "$(flags):$(field ack <<< "$REPLIES")" SA:5001 "$NAME: data of a SYN is not acknowledged"
	PASSIVE=$(passive) KIND=ts CLIENT_TS=10
	take_synack
	last_data 0 $'ask\n'
	answered "it comes again with the ACK"
}

opts()
{
	sed 's/.*"opts":\[\([^]]*\)\].*/\1/; s/"ts=[^"]*"/"ts"/; s/[",]/ /g' <<< "$REPLIES" | xargs
}

# One SYN each way, at the same time; the kernel would repeat its SYN-ACK after 1 s.
never_repeated()
{
	DPORT=80 SPORT=$((SPORT + 1)) CLIENT_ISN=7000
	WAIT=2500 say S 7000 --opts mss=1460,sack,ts=7:0,nop,ws=7
	is "$(flags)" SA "$NAME: the SYN-ACK is never repeated"
}

signatures()
{
	local before
	DPORT=80 SPORT=$((SPORT + 1))
	WAIT=200 say S 9000 --opts mss=1460,md5
	is "$REPLIES" '' "$NAME: a signed SYN to a listener without keys is not answered"
	before=$(counted pass signed_syn)
	DPORT=179 SPORT=$((SPORT + 1))
	WAIT=200 say S 9000 --opts mss=1460,md5
	is "$(($(counted pass signed_syn) - before))" 1 \
		"$NAME: a signed SYN to a listener with keys is the kernel's"
	is "$REPLIES" '' "$NAME: which refuses a wrong signature"
}

# A listener with a TCP-MD5 key for the client; a client that signs.
signed_connections()
{
	local fam=$1 addr=$2 client=$3
	check "IPv$fam: a signed connection" in_cli timeout 10 python3 "$TMP/md5.py" client "$addr" "$client"
}

write_helpers()
{
	cat > "$TMP/md5.py" <<- 'END'
		import socket, struct, sys
		def sign(s, peer):
		    v6 = ":" in peer
		    a = (struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, peer), 0)
		         if v6 else struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(peer)))
		    s.setsockopt(socket.IPPROTO_TCP, 14, a.ljust(128, b"\0") +
		                 struct.pack("=BBHi80s", 0, 0, 6, 0, b"secret"))
		def sock(addr):
		    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    return s
		if sys.argv[1] == "server":
		    import selectors
		    sel = selectors.DefaultSelector()
		    for addr, peer in zip(sys.argv[2::2], sys.argv[3::2]):
		        s = sock(addr)
		        s.bind((addr, 179))
		        sign(s, peer)
		        s.listen()
		        sel.register(s, selectors.EVENT_READ)
		    print("ready", flush=True)
		    while True:
		        for key, _ in sel.select():
		            c = key.fileobj.accept()[0]
		            c.sendall(c.recv(100))
		            c.close()
		s = sock(sys.argv[2])
		s.bind((sys.argv[3], 0))
		sign(s, sys.argv[2])
		s.settimeout(8)
		s.connect((sys.argv[2], 179))
		s.sendall(b"signed")
		assert s.recv(100) == b"signed"
	END
	# listens, accepts nothing until SIGUSR1; greets or answers
	cat > "$TMP/late.py" <<- 'END'
		import signal, socket, sys
		s = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=1,
		                         family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
		signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
		print("ready", flush=True)
		signal.sigwait([signal.SIGUSR1])
		while True:
		    c = s.accept()[0]
		    if sys.argv[3] == "line":
		        c.recv(100)
		    c.sendall(b"hello\r\n")
		    if sys.argv[3] == "greet":
		        c.recv(100)
		    c.close()
	END
}

## Listeners and addresses that come and go

# full_queue NAME ADDR: proven clients that the accept queue has no room for
full_queue()
{
	local server clients before rst
	DPORT=$((DPORT_NEXT++))
	spawn late srv python3 "$TMP/late.py" "$2" $DPORT line
	server=$PID
	await_ready late
	before=$(counted drop backlog_full)
	rst=$(resets)
	spawn waiting cli "$TOOLS/tcpc" get -n 6 -c 6 --timeout 20 "$2" $DPORT
	clients=$PID
	sleep 1
	holds "$1: proven clients wait when the accept queue is full" \
		"$(counted drop backlog_full) > before"
	kill -USR1 "$server"
	wait "$clients"
	is "$(field ok < "$TMP/waiting.out")" 6 "$1: they are accepted when there is room"
	is "$(resets)" "$rst" "$1: none is reset"
	stop "$server"
}

# The server speaks first: a client sends nothing but its ACK, and sends that once.
full_queue_greets()
{
	local server clients
	DPORT=$((DPORT_NEXT++))
	spawn late srv python3 "$TMP/late.py" "$2" $DPORT greet
	server=$PID
	await_ready late
	spawn filling cli "$TOOLS/tcpc" get -n 2 -c 2 --greeting --timeout 20 "$2" $DPORT
	sleep 0.3
	spawn waiting cli "$TOOLS/tcpc" get -n 2 -c 2 --greeting --timeout 8 "$2" $DPORT
	clients=$PID
	sleep 0.7
	kill -USR1 "$server"
	wait "$clients"
	is "$(field ok < "$TMP/waiting.out")" 2 "$1: the server speaks first, the accept queue is full for a moment"
	stop "$server"
}
DPORT_NEXT=9000

# More clients at once than the accept queue has room for, with data right behind their ACK: when the
# first of two segments in a batch finds it full, the second one must not reach the listener bare.
overrun_queue()
{
	local rst round
	local -i served=0
	start_server narrow --listen :: 8020 --backlog 64
	rst=$(resets)
	for round in 1 2 3; do
		served+=$(in_cli "$TOOLS/tcpc" get -n 3000 -c 250 --timeout 20 --src-range "$CLI4,16" \
			"$SRV4" 8020 | field ok)
	done
	is "$served" 9000 "the accept queue overrun by 250 at once: all are served"
	is "$(($(resets) - rst))" 0 "the accept queue overrun: none is reset"
	stop "$PID"
}

fresh_listeners()
{
	local port before
	local -i served=0
	before=$(counted reply cookie)
	for port in 8001 8002 8003 8004 8005; do
		start_server fresh --listen :: $port
		served+=$(in_cli "$TOOLS/tcpc" get -n 1 --timeout 3 "$1" $port | field ok)
		stop "$PID"
	done
	is "$served" 5 "$NAME: a listener opened a moment ago is served at once"
	is "$(($(counted reply cookie) - before))" 5 "$NAME: by cookies"
}

# closed_listener SECONDS: after it was closed
closed_listener()
{
	start_server closing --listen :: 8010
	DPORT=8010
	syn
	is "$(flags)" SA "$NAME: the listener is there"
	stop "$PID"
	sleep "$1"
	SPORT=$((SPORT + 1))
	say S 1 --opts mss=1460 --replies 1
	is "$(flags)" RA "$NAME: a listener closed ${1} s ago: the kernel's RST"
}

# Told to the shield by the daemon; the kernel answers until then.
new_address()
{
	local addr=$1 prefix=$2 before
	ip -n "$NS_SRV" addr add "$addr/$prefix" dev "$SRV_DEV" ${3:+nodad}
	ip -n "$NS_CLI" neigh add "$addr" lladdr "$SRV_MAC" dev "$CLI_DEV"
	is "$(in_cli "$TOOLS/tcpc" get -n 1 --timeout 3 "$addr" 80 | field ok)" 1 \
		"$NAME: an address added a moment ago is served at once"
	sleep 1.2
	before=$(counted reply cookie)
	is "$(in_cli "$TOOLS/tcpc" get -n 3 "$addr" 80 | field ok)" 3 "$NAME: and later"
	is "$(($(counted reply cookie) - before))" 3 "$NAME: later by cookies"
}

own_address()
{
	local before
	before=$(counted drop martian)
	SRC=$DST DPORT=80 SPORT=$((SPORT + 1))
	WAIT=100 say S 1 --opts mss=1460
	is "$REPLIES:$(($(counted drop martian) - before))" :1 "$NAME: from the server's own address: dropped"
}

topo_up
write_helpers
start_server web --listen :: 80
start_server echo --listen :: 7 echo
spawn md5 srv python3 "$TMP/md5.py" server "$SRV4" "$CLI4" "$SRV6" "$CLI6"
await_ready md5
shield_up mode=always

for kind in '4 ts' '6 ts' '4 plain' '6 plain'; do
	family "${kind% *}" "${kind#* }"
	handshakes
done
for kind in '4 ts' '6 plain'; do
	family "${kind% *}" "${kind#* }"
	replayed_syn
	closed_by_client
	time_wait
	altered
	family "${kind% *}" "${kind#* }"
	fresh_listeners "$DST"
done
USED=()
used ts 4
used plain 6
old_cookies || old_cookies || old_cookies || not_ok "old cookies" "too slow, three times"
for kind in '4 ts' '6 ts'; do
	family "${kind% *}" "${kind#* }"
	syn_options
	never_repeated
	signatures
	own_address
done
family 4 ts
closed_listener 2
closed_listener 1.2
new_address 10.77.3.1 16
family 6 ts
new_address fd77::3:1 64 nodad
signed_connections 4 "$SRV4" "$CLI4"
signed_connections 6 "$SRV6" "$CLI6"
full_queue IPv4 "$SRV4"
full_queue IPv6 "$SRV6"
shield set "$SRV_IF" mode=off
full_queue_greets "without cookies" "$SRV4"
shield set "$SRV_IF" mode=always
full_queue_greets "with cookies" "$SRV4"
overrun_queue
shield_down > /dev/null
done_testing
