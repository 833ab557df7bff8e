#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A cookie connection loses nothing: TCP_INFO of both ends, and the SYN-ACK, are what they are
# without the shield between the same two hosts. Everything is measured first without, then with it.
#
#        cli                     net                  srv
#    +-----------+      +-------------------+      +-----------+
#    | tcpc info |======| bridge (lib.sh)   |======| tcps info |   MTU 1500, 1380, 9000
#    | seg       |      +-------------------+      |           |
#    +-----------+                                 +-----------+
#
# Not compared: windows after the handshake and what depends on timing (snd_cwnd, rcv_mss). From any
# cookie, its own too, the kernel derives its first window from the client's MSS rather than from
# its own; the two differ by less than a segment.
#
# shellcheck disable=SC2317 # functions that are called by name

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for tool in ip ethtool nsenter; do
	command -v "$tool" > /dev/null || bail "$tool is missing: make deps"
done

PLAIN=80 SMALL=81 LARGE=82 MAXSEG=83 TINY=84
SPORT=20000
declare -A WITHOUT
SHIELDED=0

# Without timestamps a cookie has room for a few sizes only (bpf/cookie.h), among them those of
# Ethernet and its jumbo frames; of what an MTU of 1380 allows, the server keeps the next lower one.
rounded() { sed '/^server/ { s/snd_mss=1340/snd_mss=1220/; s/snd_mss=1320/snd_mss=1300/ }'; }

# compare NAME MEASURED COUNTER: keeps it if there is no shield, else wants what was kept, and that
# COUNTER grew by 1 since BEFORE.
compare()
{
	local expected=${WITHOUT[$1]:-}
	local -i grown
	if ((!SHIELDED)); then
		WITHOUT[$1]=$2
		return
	fi
	[[ $expected == *options=*ts* ]] || expected=$(rounded <<< "$expected")
	grown=$(($(field "$3" <<< "$(counts)") - $(field "$3" <<< "$BEFORE")))
	if [[ $2 != "$expected" ]]; then
		not_ok "$1" "with:    ${2//$'\n'/$'\n#          '}" \
			"wanted:  ${expected//$'\n'/$'\n#          '}"
	elif ((grown != 1)); then
		not_ok "$1" "the same, but $3 grew by $grown"
	else
		ok "$1"
	fi
}

before()
{
	((SHIELDED)) && BEFORE=$(counts)
	return 0
}

lasting() { sed 's/ rcv_mss=[0-9]*//; s/ snd_cwnd=[0-9]*//; s/ snd_wnd=[0-9]*//; s/ state=[0-9]*//'; }

# info NAME ADDRESS PORT: from a port that nothing used before, so that the tuple is not in TIME_WAIT
INFO_PORT=30000
info()
{
	local file=$TMP/tcps$3.out client way=pass.accepted
	local -i lines
	lines=$(wc -l < "$file")
	# too small for a cookie: the kernel does it, while there is no attack
	case $1 in
	*"MAXSEG of 400"* | *"MSS of 500"* | *"MSS of 1200, IPv6") way=pass.small_mss ;;
	esac
	before
	((INFO_PORT++))
	client=$(in_cli "$TOOLS/tcpc" info --timeout 10 --sports $INFO_PORT-$INFO_PORT "$2" "$3" 2>&1 |
		lasting)
	await 5 "the server's TCP_INFO" eval "((\$(wc -l < '$file') > $lines))"
	compare "$1" "client $client"$'\n'"server $(tail -n 1 "$file" | lasting)" "$way"
}

infos()
{
	info "MTU $MTU, $1, IPv4" "$SRV4" "${2:-$PLAIN}"
	info "MTU $MTU, $1, IPv6" "$SRV6" "${2:-$PLAIN}"
}

# synack NAME FAMILY OPTION...: what answers this SYN of seg's; its ISN and clock may differ.
synack()
{
	local src=$SEG4 dst=$SRV4 reply
	[[ $2 == 6 ]] && src=$SEG6 dst=$SRV6
	before
	SPORT=$((SPORT + 1))
	reply=$(seg --src "$src" --dst "$dst" --sport "$SPORT" --dport "$PLAIN" --replies 1 \
		--wait 3000 --seq 1000 "${@:3}" | sed 's/"seq":[0-9]*,//; s/"ts=[0-9]*:/"ts=*:/
			s/"dport":[0-9]*,//; s/"tcp_csum":"offloaded"/"tcp_csum":"good"/')
	compare "$1" "${reply:-no reply}" reply.cookie
}

# with_sysctl srv|cli KEY VALUE CMD...: and puts it back. Here no process runs that changes it.
with_sysctl()
{
	local ns=$NS_CLI old
	[[ $1 == srv ]] && ns=$NS_SRV
	old=$(in_ns "$ns" sysctl -n "$2")
	sysctl_in "$ns" "$2" "$3"
	# what the shield is to follow, it has to learn
	[[ $1 == srv ]] && ((SHIELDED)) && pause 2
	"${@:4}"
	sysctl_in "$ns" "$2" "$old"
}

client_with() { with_sysctl cli "$@"; }
server_with() { with_sysctl srv "$@"; }

# with_advmss N CMD...: the client announces no larger MSS.
with_advmss()
{
	ip -n "$NS_CLI" route add "$SRV4/32" dev "$CLI_DEV" advmss "$1"
	ip -n "$NS_CLI" -6 route add "$SRV6/128" dev "$CLI_DEV" advmss "$1"
	"${@:2}"
	ip -n "$NS_CLI" route del "$SRV4/32"
	ip -n "$NS_CLI" -6 route del "$SRV6/128"
}

IP=net.ipv4.

# What clients are like.
rows_of_clients()
{
	local max
	infos "as it comes"
	client_with ${IP}tcp_timestamps 0 infos "no timestamps"
	client_with ${IP}tcp_sack 0 infos "no SACK"
	client_with ${IP}tcp_window_scaling 0 infos "no window scaling"
	client_with ${IP}tcp_ecn 1 infos "ECN asked for"
	client_with ${IP}tcp_timestamps 0 client_with ${IP}tcp_sack 0 infos "neither timestamps nor SACK"
	client_with ${IP}tcp_timestamps 0 client_with ${IP}tcp_window_scaling 0 \
		infos "neither timestamps nor window scaling"
	client_with ${IP}tcp_timestamps 0 client_with ${IP}tcp_sack 0 \
		client_with ${IP}tcp_window_scaling 0 infos "no option but the MSS"
	for max in 6291456 8388608 33554432; do # scales of 7, 8, 10
		client_with ${IP}tcp_rmem "4096 131072 $max" infos "a client's buffer of $max"
		client_with ${IP}tcp_rmem "4096 131072 $max" client_with ${IP}tcp_timestamps 0 \
			infos "a client's buffer of $max, no timestamps"
	done
	infos "a server's small receive buffer" "$SMALL"
	infos "a server's large receive buffer" "$LARGE"
	infos "a server's TCP_MAXSEG" "$MAXSEG"
	infos "a server's TCP_MAXSEG of 400" "$TINY"
	client_with ${IP}tcp_timestamps 0 infos "a server's small receive buffer, no timestamps" "$SMALL"
}

# MSS values in between, exact as long as there are timestamps.
rows_of_odd_clients()
{
	client_with ${IP}tcp_rmem "4096 131072 16777216" infos "a client's scale of 9"
	client_with ${IP}tcp_rmem "4096 131072 268435456" infos "a client's scale of 13"
	with_advmss 1357 infos "a client's MSS of 1357"
	with_advmss 1200 infos "a client's MSS of 1200"
	with_advmss 500 infos "a client's MSS of 500"
	client_with ${IP}tcp_ecn 1 client_with ${IP}tcp_sack 0 infos "ECN without SACK"
}

# What the server is like, changed while the shield runs.
rows_of_servers()
{
	server_with ${IP}tcp_rmem "4096 131072 1000000" infos "the server's tcp_rmem smaller"
	server_with ${IP}tcp_rmem "4096 131072 536870912" infos "the server's tcp_rmem larger"
	server_with ${IP}tcp_timestamps 0 infos "the server without timestamps"
	server_with ${IP}tcp_sack 0 infos "the server without SACK"
	server_with ${IP}tcp_window_scaling 0 infos "the server without window scaling"
	server_with ${IP}tcp_ecn 0 client_with ${IP}tcp_ecn 1 infos "the server without ECN"
	server_with ${IP}ip_default_ttl 99 synack "the server's TTL of 99" 4 --opts mss=1460
	server_with net.ipv6.conf.all.hop_limit 98 \
		server_with "net.ipv6.conf.$SRV_DEV.hop_limit" 98 \
		synack "the server's hop limit of 98" 6 --opts mss=1440
}

rows_of_synacks()
{
	local family name mss layout
	for family in 4 6; do
		for mss in 1460 1440 1357 9000; do
			while read -r name layout; do
				synack "SYN-ACK to $name, MSS $mss, IPv$family" "$family" \
					--opts "${layout//MSS/$mss}"
			done <<-END
				Linux mss=MSS,sack,ts=77777:0,nop,ws=7
				Windows mss=MSS,nop,ws=8,nop,nop,sack
				macOS mss=MSS,nop,ws=6,nop,nop,ts=77777:0,sack,eol
				FreeBSD mss=MSS,nop,ws=6,sack,ts=77777:0
				no-timestamps mss=MSS,nop,nop,sack,nop,ws=10
				no-sack mss=MSS,nop,nop,ts=77777:0,nop,ws=7
				no-scale mss=MSS,sack,ts=77777:0
				timestamps-only mss=MSS,nop,nop,ts=77777:0
				SACK-only mss=MSS,nop,nop,sack
				scale-only mss=MSS,nop,ws=0
				scale-14 mss=MSS,sack,ts=77777:0,nop,ws=14
				scale-15 mss=MSS,sack,ts=77777:0,nop,ws=15
				a-bare-stack mss=MSS
			END
		done
		synack "SYN-ACK to no option, IPv$family" "$family"
		for name in S SE SC SEC; do
			synack "SYN-ACK to $name, IPv$family" "$family" --flags "$name" \
				--opts mss=1440,sack,ts=77777:0,nop,ws=7
		done
		synack "SYN-ACK to SEC with ECT, IPv$family" "$family" --flags SEC --tos 2 \
			--opts mss=1440,sack,ts=77777:0,nop,ws=7
		synack "SYN-ACK to DSCP 46, IPv$family" "$family" --tos 184 --opts mss=1440
		synack "SYN-ACK to a small window, IPv$family" "$family" --window 1 --opts mss=1440
		synack "SYN-ACK to TTL 1, IPv$family" "$family" --ttl 1 --opts mss=1440
	done
	synack "SYN-ACK to DF=0" 4 --no-df --opts mss=1460,sack,ts=77777:0,nop,ws=7
}

rows()
{
	rows_of_clients
	((MTU == 1500)) || return
	rows_of_synacks
	rows_of_odd_clients
	rows_of_servers
}

for MTU in 1500 1380 9000; do
	topo_up --mtu "$MTU"
	start_server "tcps$SMALL" --listen :: "$SMALL" info --rcvbuf 20000
	start_server "tcps$LARGE" --listen :: "$LARGE" info --rcvbuf 200000
	start_server "tcps$MAXSEG" --listen :: "$MAXSEG" info --maxseg 1250
	start_server "tcps$TINY" --listen :: "$TINY" info --maxseg 400
	start_server "tcps$PLAIN" --listen :: "$PLAIN" info
	SHIELDED=0
	rows
	shield_up mode=always
	SHIELDED=1
	rows
	topo_down
done
done_testing
