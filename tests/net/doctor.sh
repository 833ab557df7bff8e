#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Each finding of doctor is provoked, and mended by the very command that doctor prints.
#
#          srv, with mounts of its own (HOLDER's)
#    +------------------------------------------------+
#    | SRV_IF ==== PEER   BRIDGE   TAP   lo           |   SRV_IF, PEER: veth, a queue for each CPU
#    +------------------------------------------------+
#
# What is not a network namespace's (the JIT, BTF) is covered by a file or an empty directory in
# those mounts: the machine's own is never changed.

# shellcheck source=tests/net/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PEER=${RUN_ID}p
TAP=${RUN_ID}t
CPUS=$(nproc)
QUEUES="numrxqueues $CPUS numtxqueues $CPUS"
mount_bpffs
ip netns add "$NS_SRV" || bail "cannot make a network namespace (run as root)"
ip -n "$NS_SRV" -batch - <<-END || bail "cannot make the interfaces"
	link set lo up
	link add $SRV_IF $QUEUES type veth peer name $PEER $QUEUES
	link add $BRIDGE type bridge
	tuntap add $TAP mode tap
	link set $SRV_IF up
	link set $PEER up
	link set $BRIDGE up
	link set $TAP up
END

# hold net|host: a process with mounts of its own, in srv or in this network namespace
hold()
{
	local net=/proc/self/ns/net
	[[ $1 == net ]] && net=/run/netns/$NS_SRV
	nsenter --net="$net" unshare -m --propagation private sleep 600 &
	HOLDER=$!
	PIDS+=("$HOLDER")
	await 5 "mounts of its own" eval \
		"[[ \$(readlink /proc/$HOLDER/ns/mnt) != $(readlink /proc/self/ns/mnt) ]] &&
		[[ \$(cat /proc/$HOLDER/comm) == sleep ]]"
}
inside() { nsenter -t "$HOLDER" -m -n -- "$@"; }

doctor() { inside "$SYNSHIELD" doctor "$@" --json; }

# finding AREA SUBJECT FIELD < JSON
finding()
{
	python3 -c 'import json, sys
for f in json.load(sys.stdin):
    if (f["area"], f["subject"]) == (sys.argv[1], sys.argv[2]):
        print(f.get(sys.argv[3], ""))' "$@"
}

# finds LEVEL AREA SUBJECT: doctor says so of the subject, with a reason; the JSON stays in $SAID
finds()
{
	local iface=$SRV_IF got
	[[ $2 == kernel || $2 == host ]] || iface=$2
	[[ $NO_IFACE ]] && iface=
	# shellcheck disable=SC2086 # or none
	SAID=$(doctor $iface)
	STATUS=$?
	got=$(finding "$2" "$3" level <<< "$SAID")
	[[ $1 == ok && ! $got ]] && got=ok # nothing to be said
	is "$got" "$1" "$1: $3 of $2"
	[[ $1 == ok || $(finding "$2" "$3" why <<< "$SAID") ]] ||
		not_ok "why $3 of $2 matters" "$SAID"
}
NO_IFACE=

# mends LEVEL AREA SUBJECT COMMAND...: after the command doctor finds it; what doctor prints mends it
mends()
{
	local level=$1 area=$2 subject=$3 mend
	shift 3
	inside "$@" > /dev/null || bail "cannot provoke $subject: $*"
	finds "$level" "$area" "$subject"
	mend=$(finding "$area" "$subject" mend <<< "$SAID")
	if [[ ! $mend ]] || ! inside sh -c "$mend" > /dev/null; then
		not_ok "ok: $subject of $area after '$mend'"
		return
	fi
	finds ok "$area" "$subject"
}

hold net

## As it should be

inside ethtool -L "$SRV_IF" rx "$CPUS" tx "$CPUS"
is "$(doctor "$SRV_IF" | grep -E '"level": "(warning|problem)"')" "" "nothing is a warning where all is well"
check "and that is no failure" inside "$SYNSHIELD" doctor "$SRV_IF"

## The host

mends warning host tcp_syncookies sysctl -w net.ipv4.tcp_syncookies=0
mends warning host tcp_timestamps sysctl -w net.ipv4.tcp_timestamps=0
mends note host tcp_max_syn_backlog sysctl -w net.ipv4.tcp_max_syn_backlog=128
mends note host tcp_synack_retries sysctl -w net.ipv4.tcp_synack_retries=8
mends warning host somaxconn sysctl -w net.core.somaxconn=100
mends warning host bpffs umount /sys/fs/bpf

echo 0 > "$TMP/unprivileged"
echo 0 > "$TMP/jit"
mends note host unprivileged-bpf mount --bind "$TMP/unprivileged" /proc/sys/kernel/unprivileged_bpf_disabled

inside mount -t tmpfs none /sys/kernel/btf
finds problem kernel BTF
is "$STATUS" 1 "a problem is a failure"
inside umount /sys/kernel/btf
finds ok kernel BTF

if inside python3 -c 'import socket; socket.socket(proto=socket.IPPROTO_MPTCP)' 2> /dev/null; then
	spawn mptcp srv python3 -c 'import socket, time
s = socket.socket(proto=socket.IPPROTO_MPTCP)
s.bind(("127.0.0.1", 8081))
s.listen()
print("ready", flush=True)
time.sleep(300)'
	await_ready mptcp
	finds note host mptcp-listeners
	inside sysctl -q -w net.ipv4.tcp_syncookies=0
	finds problem host mptcp-listeners
	inside sh -c "$(finding host mptcp-listeners mend <<< "$SAID")" > /dev/null
	finds note host mptcp-listeners
	is "$(finding host mptcp-listeners what <<< "$SAID")" "on port 8081" "which listeners these are"
else
	skip "MPTCP listeners" "this kernel has no MPTCP"
fi

## The interface

mends note "$SRV_IF" link ip link set dev "$SRV_IF" down
if ((CPUS > 1)); then
	mends warning "$SRV_IF" queues ethtool -L "$SRV_IF" rx 1
else
	skip "receive queues" "this machine has one CPU"
fi
mends warning "$TAP" MTU ip link set dev "$TAP" mtu 9000
finds warning "$BRIDGE" driver
finds ok "$SRV_IF" driver

inside ip link set dev "$SRV_IF" master "$BRIDGE"
finds warning "$SRV_IF" master
inside ip link set dev "$SRV_IF" nomaster
finds ok "$SRV_IF" master

if inside ip link add link "$SRV_IF" name "$SRV_IF.5" type vlan id 5 2> /dev/null; then
	mends warning "$SRV_IF" VLAN-offload ethtool -K "$SRV_IF" rxvlan on
	inside ip link del "$SRV_IF.5"
else
	skip "rx VLAN offload" "this kernel has no VLAN devices"
fi

## Who else is there

for kind in xdp xdpgeneric; do
	mends problem "$SRV_IF" XDP \
		ip link set dev "$SRV_IF" $kind obj "$ROOT/build/tests/helper.bpf.o" sec xdp.frags
done

inside nft -f - <<-END || bail "cannot make rules"
	table inet t {
		chain in { type filter hook input priority 0; ct state invalid drop; }
	}
END
mends warning "$SRV_IF" tcp_loose sysctl -w net.netfilter.nf_conntrack_tcp_loose=0
inside nft -f - <<-END || bail "cannot make rules"
	table ip n {
		chain pre { type nat hook prerouting priority -100; tcp dport 81 redirect to :80; }
	}
END
finds warning "$SRV_IF" others
inside nft delete table ip n
finds ok "$SRV_IF" others

## Without root

SAID=$(inside setpriv --bounding-set=-bpf,-perfmon,-sys_admin --inh-caps=-all \
	"$SYNSHIELD" doctor "$SRV_IF" --json)
is "$?:$(finding host capabilities level <<< "$SAID")" "1:problem" "missing capabilities are a problem"
is "$(finding host capabilities what <<< "$SAID")" "missing: CAP_BPF, CAP_PERFMON" "and named"
SAID=$(inside setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
	"$SYNSHIELD" doctor "$SRV_IF" 2>&1)
is "$(grep -c 'not seen, because' <<< "$SAID")" 2 "what nobody may see is said to be not seen"
check "and the rest is told" grep -q 'ok *driver *veth: native XDP' <<< "$SAID"

## It only reads

everything()
{
	inside ip -d link show type veth
	inside ip -d link show "$TAP"
	inside sysctl -a -r '^net\.' 2> /dev/null
}
before=$(everything)
inside "$SYNSHIELD" doctor "$SRV_IF" "$TAP" "$BRIDGE" lo > /dev/null
is "$(everything)" "$before" "nothing is attached or changed"
is "$(grep -o 'xdp.*' <<< "$before")" "" "and nothing was attached before"

## The machine's own, covered

hold host
NO_IFACE=1
mends warning host JIT mount --bind "$TMP/jit" /proc/sys/net/core/bpf_jit_enable

done_testing
