#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What else on the host may take segments: the daemon finds it within a second and says so, and the
# shield leaves to the kernel what is not its own.  Topology: see lib.sh; later on the server
#
#    SRV_IF -- BR (a bridge)        VETH_A -- VETH_B
#
# shellcheck disable=SC2119
# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CONNTRACK=0x40 OTHER_LISTENERS=0x80 OTHER_CONNS=0x100
BR=${RUN_ID}b VETH_A=${RUN_ID}va VETH_B=${RUN_ID}vb

host() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/host" | sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }
# seen: what the daemon finds
seen()
{
	local -i flags
	local text=
	flags=$(host flags)
	((flags & CONNTRACK)) && text+=' conntrack'
	((flags & OTHER_LISTENERS)) && text+=' listeners'
	((flags & OTHER_CONNS)) && text+=' conns'
	echo "${text# }"
}

# others: the same without conntrack, which remembers connections for a while
others() { seen | sed 's/^conntrack *//'; }

# found HOW WHAT NAME: the daemon finds this, no more and no less, within a few seconds
found()
{
	local -i tries
	for ((tries = 0; tries < 50; tries++)); do
		[[ $("$1") == "$2" ]] && break
		sleep 0.1
	done
	is "$("$1")" "$2" "$3"
}
# nothing NAME: is found, though the daemon has looked twice
nothing()
{
	sleep 2.2
	is "$(others)" "" "$1"
}

# knows_all: every socket of the host, at the settings as they are
knows_all()
{
	local -i generation
	generation=$(bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/settings" |
		sed 's/.*"generation":\([0-9]*\).*/\1/')
	((generation)) && [[ $(host learned) == "$generation" ]]
}
now_us() { echo "${EPOCHREALTIME/[.,]/}"; }
# not_before NAME US: four seconds have to pass since US before the shield relies on what it knows
not_before()
{
	await 10 "the shield to learn the sockets" knows_all
	holds "$1" "$(now_us) - $2 >= 4000000"
}

nft() { in_srv nft "$@" || bail "nft $*"; }
warnings() { shield status "$SRV_IF" --interval 10 | sed -n 's/^  warning *//p'; }
connects() { in_cli "$TOOLS/tcpc" get --timeout 2 "$SRV4" "$1" 2> /dev/null | field ok; }
# refused_with PORT: flags of the answer to a SYN
refused_with() { seg --src $SEG4 --dst $SRV4 --sport $((++SPORT)) --dport "$1" --seq 1 --replies 1 \
	--wait 500 | field flags; }
SPORT=20000

# listen DEVICE PORT: on every address, bound to the device; transparent without one
listen()
{
	spawn listener srv python3 -c 'import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if sys.argv[1]:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[1].encode())
else:
    s.setsockopt(socket.SOL_IP, 19, 1)  # IP_TRANSPARENT
s.bind(("", int(sys.argv[2])))
s.listen()
s.settimeout(30)
try:
    while True:
        c, _ = s.accept()
        c.recv(100)
        c.sendall(b"hello\r\n")
        c.close()
except OSError:
    pass' "$1" "$2"
	LISTENER=$PID
	await 5 "the listener" eval "in_srv ss -Htln 'sport = :$2' | grep -q ."
}

topo_up --clients 1
sysctl_in "$NS_SRV" net.netfilter.nf_conntrack_tcp_timeout_time_wait 1
start_server web --listen :: 8080
BEGUN=$(now_us)
shield_up mode=auto

# -- ACKs on their way, with cookies of the kernel's, are in no list of sockets --
not_before "attached: not every socket is known before those have arrived" "$BEGUN"
CHANGED=$(now_us)
shield set "$SRV_IF" syn-rate=4000
not_before "nor after a change of the settings" "$CHANGED"

# -- what was chosen once --
SEED=$(host seed)
holds "a seed is chosen" "${SEED:-0} != 0"
is "$(seen)" "" "an empty host: nothing else takes segments"
is "$(refused_with 81)" RA "a closed port is refused"
holds "it was the shield that refused" "$(counted reply closed_port) == 1"

# -- conntrack, which has seen no connection yet --
nft 'add table inet f; add chain inet f in { type filter hook input priority 0; }'
nft 'add rule inet f in tcp dport 9 counter'
nothing "rules that ask for no state: nothing is tracked"
nft 'add rule inet f in ct state invalid counter'
found seen conntrack "a rule asks for the state of connections: they are going to be tracked"
is "$(warnings)" "" "that alone is nothing to warn of"
sysctl_in "$NS_SRV" net.netfilter.nf_conntrack_tcp_loose 0
is "$(warnings)" "netfilter takes connections made by cookie for invalid: it tracks only those whose \
SYN it saw" "unless netfilter tracks only what it saw begin"
sysctl_in "$NS_SRV" net.netfilter.nf_conntrack_tcp_loose 1
nft 'flush ruleset'
found seen "" "the rule goes: nothing is tracked any more"

# -- NAT --
nft 'add table ip n; add chain ip n out { type nat hook postrouting priority 100; }'
found seen conntrack "a nat chain at postrouting takes no SYN"
nft 'add chain ip n pre { type nat hook prerouting priority -100; }'
found seen "conntrack listeners" "a nat chain at prerouting may take SYNs"
is "$(warnings)" "SYNs for closed ports are left to the kernel, because of NAT in nftables" \
	"status tells what and why"
is "$(grep -c 'SYNs for closed ports are left to the kernel, because of NAT' "$TMP/shield.err")" 1 \
	"the log, too, once"
is "$(connects 8443)" 0 "a port that nothing redirects stays closed"
holds "it is the kernel that refuses" "$(counted pass closed_port) >= 1"
nft 'add rule ip n pre tcp dport 8443 redirect to :8080'
is "$(connects 8443)" 1 "a redirected port can be reached through the shield"
stop "$SHIELD_PID"
nft 'delete table ip n'
nft 'add table ip6 n; add chain ip6 n pre { type nat hook prerouting priority -100; }'
shield_again
found others listeners "the next daemon finds NAT of IPv6"
is "$(host seed)" "$SEED" "and keeps the seed"
shield_down > /dev/null
nft 'flush ruleset'

# A connection through NAT that is older than the shield: no socket bears its tuple.
nft 'add table ip n; add chain ip n pre { type nat hook prerouting priority -100; }'
nft 'add rule ip n pre tcp dport 8444 redirect to :8080'
spawn old cli python3 -c 'import os, socket, sys, time
s = socket.create_connection((sys.argv[1], 8444))
print("ready", flush=True)
for i in range(300):
    if os.path.exists(sys.argv[2]):
        break
    time.sleep(0.1)
s.settimeout(2)
s.sendall(b"ask\n")
print("got", s.recv(100).decode(), flush=True)' "$SRV4" "$TMP/go"
OLD=$PID
await_ready old
shield_up mode=auto
touch "$TMP/go"
wait "$OLD"
is "$(tr -d '\r' < "$TMP/old.out" | sed -n 's/^got //p')" hello "a redirected connection outlives attaching"
is "$(counted pass conntracked)" 1 "netfilter was asked for it, once"
is "$(counted drop unknown_data) $(counted reply unknown_data)" "0 0" "none of its segments was refused"
nft 'flush ruleset'
found others "" "without rules nothing else takes segments any more"
is "$(grep -c 'SYNs for closed ports are refused again' "$TMP/shield.err")" 1 "the log says so"

# -- tproxy --
nft 'add table inet m; add chain inet m pre { type filter hook prerouting priority -150; }'
nft 'add rule inet m pre meta nfproto ipv4 tcp dport 8445 tproxy ip to :86 meta mark set 1'
found others listeners "tproxy may take SYNs"
is "$(warnings)" "SYNs for closed ports are left to the kernel, because of tproxy in nftables" \
	"status tells what and why"
listen "" 86
is "$(connects 8445)" 1 "a port that tproxy takes can be reached through the shield"
stop "$LISTENER"
nft 'flush ruleset'
found others "" "without the rule it takes none"

# -- sockets that are bound to devices --
ip -n "$NS_SRV" link add "$VETH_A" type veth peer name "$VETH_B"
ip -n "$NS_SRV" link set "$VETH_A" up
listen lo 82
nothing "a listener bound to lo is nobody's business"
stop "$LISTENER"
listen "$VETH_A" 83
nothing "nor is one on a device that shares no frames with the shielded one"
stop "$LISTENER"
listen "$SRV_IF" 84
is "$(connects 84)" 1 "one that is bound to the shielded device can be reached"
nothing "and is like any other"
stop "$LISTENER"

ip -n "$NS_SRV" -batch - <<-END || bail "cannot make the bridge"
	link add $BR address $SRV_MAC type bridge stp_state 0 forward_delay 0 mcast_snooping 0
	link set $BR up
	addr del $SRV4/16 dev $SRV_IF
	addr add $SRV4/16 dev $BR
	link set $SRV_IF master $BR
	neigh add $CLI4 lladdr $CLI_MAC dev $BR
	neigh add $SEG4 lladdr $CLI_MAC dev $BR
END
await 5 "the bridge" connects 8080
nothing "a bridge over the device alone changes nothing"
listen "$BR" 85
found others "listeners conns" "a listener is bound to it"
is "$(warnings)" "SYNs for closed ports are left to the kernel, because of sockets bound to $BR
segments of unknown connections are left to the kernel, because of sockets bound to $BR" \
	"status tells what and why"
is "$(connects 85)" 1 "it can be reached through the shield"
stop "$LISTENER"
found others "" "it ends: nothing is left to the kernel any more"
is "$(refused_with 81)" RA "and a closed port is refused"

shield_down > /dev/null
done_testing
