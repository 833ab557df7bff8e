#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The command line: what every use and every wrong use says, and its exit code.
# Wrong uses end with one clear line that names the remedy.
#
#   namespace $ns: $dev (shielded) ---- $peer
#
set -u

cd "$(dirname "$0")/../.." || exit 1
synshield=${SYNSHIELD:-$PWD/build/synshield}
id=$$
ns=ssucli$id dev=sscl$id peer=sscp$id
pins=/sys/fs/bpf/ssucli$id
work=$(mktemp -d)
daemons=() others=()
n=0 failed=0

in_ns() { nsenter --net=/run/netns/"$ns" "$@"; }

cleanup() {
	local pid
	for pid in "${daemons[@]}" "${others[@]}"; do
		kill "$pid" 2>/dev/null
	done
	in_ns "$synshield" detach "$dev" --pin-dir "$pins" >/dev/null 2>&1
	ip netns del "$ns" 2>/dev/null
	rm -rf "$pins"
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

report() { # OK NAME
	n=$((n + 1))
	if [ "$1" = 1 ]; then
		echo "ok $n - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $n - $2"
	sed 's/^/# out: /' "$work/out"
	sed 's/^/# err: /' "$work/err"
}

# expect NAME CODE PATTERN COMMAND...: exit code; a line of stdout or stderr matches ('': any or none)
expect() {
	local name=$1 code=$2 pattern=$3 got=0 ok=0
	shift 3
	"$@" >"$work/out" 2>"$work/err" || got=$?
	[ "$got" = "$code" ] && { [ -z "$pattern" ] ||
		grep -Eqh -- "$pattern" "$work/out" "$work/err"; } && ok=1
	[ "$got" = "$code" ] || echo "exit code $got, not $code" >>"$work/err"
	report "$ok" "$name"
}

# refuse: the same, and stderr is one line, stdout none
refuse() {
	local name=$1 code=$2 pattern=$3 got=0 ok=0
	shift 3
	"$@" >"$work/out" 2>"$work/err" || got=$?
	[ "$got" = "$code" ] && [ "$(wc -l <"$work/err")" = 1 ] && [ ! -s "$work/out" ] &&
		grep -Eq -- "$pattern" "$work/err" && ok=1
	[ "$got" = "$code" ] || echo "exit code $got, not $code" >>"$work/err"
	report "$ok" "$name"
}

start_daemon() { # LOG ARGUMENT...: returns once it says that it protects
	local log=$1 i
	shift
	: >"$work/$log"
	nsenter --net=/run/netns/"$ns" "$synshield" run "$@" 2>"$work/$log" &
	daemons+=($!)
	for ((i = 0; i < 100; i++)); do
		grep -Eq "protected:|taken over:" "$work/$log" && return
		kill -0 $! 2>/dev/null || return
		sleep 0.1
	done
}

settings() { in_ns "$synshield" status "$dev" --interval 10 --json | grep -E "\"($1)\""; }

export SYNSHIELD_PIN_DIR=$pins
ip netns add "$ns" || exit 1
ip -n "$ns" link add "$dev" type veth peer name "$peer" || exit 1
for d in lo "$dev" "$peer"; do
	ip -n "$ns" link set "$d" up
done
ip -n "$ns" addr add 192.0.2.1/24 dev "$dev"

# -- help --
expect "--version exits 0" 0 '^synshield [0-9]' "$synshield" --version
expect "--help exits 0 and lists the commands" 0 '^  run ' "$synshield" --help
expect "help CMD exits 0" 0 '^usage: synshield run .IFACE' "$synshield" help run
for c in run status conns trace replay stats metrics set detach doctor check config; do
	expect "$c --help exits 0" 0 "^usage: synshield $c" "$synshield" $c --help
done
for s in mode counts syn-rate half-open quiet epoch reset reset-rate reply-rate source-conns \
	source-rate source-prefix source-prefix6 msl syn-sent-timeout syn-received-timeout \
	established-timeout fin-wait-timeout close-wait-timeout last-ack-timeout \
	keepalive keepalive-interval keepalive-close half-open-timeout max-syn-backlog; do
	expect "help lists the setting $s" 0 "^  $s  +[A-Za-z]" "$synshield" set --help
done
expect "help says where a limit is off" 0 '\(1 to 16777216, or off; default off\)$' \
	"$synshield" set --help

# -- wrong usage: 2 --
refuse "no command" 2 "synshield --help" "$synshield"
refuse "unknown command" 2 "unknown command 'fly'.*--help" "$synshield" fly
refuse "help for an unknown command" 2 "unknown command 'fly'" "$synshield" help fly
refuse "unknown option" 2 "unknown option '--fast'.*run --help" "$synshield" run lo --fast
refuse "unknown short option" 2 "unknown option '-q'" "$synshield" stats -q
refuse "option without its value" 2 "--xdp needs MODE" "$synshield" run lo --xdp
refuse "option value out of its list" 2 "auto, native, generic, not 'turbo'" \
	"$synshield" run lo --xdp=turbo
refuse "option value no number" 2 "number from 1024" "$synshield" run lo --conns many
refuse "option value negative" 2 "number from 1024" "$synshield" run lo --conns -5
refuse "flag with a value" 2 "takes no value" "$synshield" run lo --solo=yes
refuse "run without an interface" 2 "which interface" "$synshield" run
refuse "run with settings only" 2 "which interface" "$synshield" run mode=auto
refuse "the same interface twice" 2 "named twice" "$synshield" run "$dev" "$dev"
refuse "set without an interface" 2 "which interface" "$synshield" set mode=auto
refuse "set without a setting" 2 "what shall be set" "$synshield" set "$dev"
refuse "detach without an interface" 2 "which interface" "$synshield" detach
refuse "unknown setting" 2 "unknown setting 'speed': there are mode" "$synshield" set "$dev" speed=1
refuse "a setting that is misspelt" 2 "unknown setting 'synrate': did you mean 'syn-rate'\?$" \
	"$synshield" set "$dev" synrate=1
refuse "setting without a value" 2 "KEY=VALUE" "$synshield" set "$dev" mode
refuse "unknown mode" 2 "off, observe, auto or always, not 'on'" "$synshield" set "$dev" mode=on
refuse "inherit is a port's only" 2 "not 'inherit'" "$synshield" set "$dev" mode=inherit
refuse "number out of range" 2 "from 2 to 3600" "$synshield" set "$dev" epoch=1
refuse "number with a tail" 2 "whole number" "$synshield" set "$dev" quiet=10s
refuse "number beyond 64 bits" 2 "whole number" "$synshield" set "$dev" quiet=99999999999999999999999
refuse "negative number" 2 "whole number" "$synshield" set "$dev" quiet=-1
refuse "empty value" 2 "whole number" "$synshield" set "$dev" quiet=
refuse "unknown port" 2 "'nosuchservice' is no port" "$synshield" set "$dev" nosuchservice:mode=off
refuse "port 0" 2 "'0' is no port" "$synshield" set "$dev" 0:mode=off
refuse "port 65536" 2 "is no port" "$synshield" set "$dev" 65536:mode=off
refuse "empty port" 2 "is no port" "$synshield" set "$dev" :mode=off
refuse "a port has no epoch" 2 "epoch is the interface's" "$synshield" set "$dev" 80:epoch=9
refuse "overlong word" 2 "too long" "$synshield" set "$dev" "mode=$(printf 'x%.0s' {1..4000})"
refuse "unknown choice, of two" 2 "counts is auto or always, not 'off'" \
	"$synshield" set "$dev" counts=off
refuse "a port has no counts" 2 "counts is the interface's" "$synshield" set "$dev" 80:counts=auto
refuse "unknown refusal" 2 "reset is reply, drop or pass, not 'deny'" \
	"$synshield" set "$dev" reset=deny
refuse "unknown refusal of a port" 2 "reply, drop or pass, or inherit to follow.*not '1'" \
	"$synshield" set "$dev" 80:reset=1
refuse "a limit is a number or off" 2 "from 1 to 16777216 \(connections\) or off, not 'none'" \
	"$synshield" set "$dev" source-conns=none
refuse "a limit of none is written off" 2 "or off, or inherit to follow.*not '0'" \
	"$synshield" set "$dev" 80:source-rate=0
refuse "a number that is no limit is never off" 2 "reply-rate is a whole number from 1.*\), not 'off'" \
	"$synshield" set "$dev" reply-rate=off
refuse "prefix too long" 2 "from 8 to 32" "$synshield" set "$dev" source-prefix=33
refuse "msl of nothing" 2 "from 1 to 3600" "$synshield" set "$dev" msl=0
refuse "ring buffer too small" 2 "4096" in_ns "$synshield" run "$dev" --events 100
refuse "prefix too short" 2 "from 16 to 128" "$synshield" set "$dev" source-prefix6=8
refuse "a port has no prefix" 2 "source-prefix is the interface's" \
	"$synshield" set "$dev" 80:source-prefix=24
refuse "a port has no budget" 2 "reset-rate is the interface's" \
	"$synshield" set "$dev" 80:reset-rate=5
refuse "run checks settings before it attaches" 2 "unknown setting" in_ns "$synshield" run "$dev" foo=1

# -- not running: 3 --
refuse "status, nothing running" 3 "not running.*synshield run" in_ns "$synshield" status
refuse "status IFACE, not running" 3 "$dev: not running" in_ns "$synshield" status "$dev"
refuse "stats, nothing running" 3 "not running" in_ns "$synshield" stats
refuse "set, not running" 3 "not running.*synshield run $dev" in_ns "$synshield" set "$dev" mode=off
refuse "detach, not attached" 3 "not running" in_ns "$synshield" detach "$dev"
refuse "detach does not leave its directory" 3 "not running" in_ns "$synshield" detach ../x
refuse "detach takes no empty name" 3 "not running" in_ns "$synshield" detach ""

# -- cannot: 1 --
refuse "no such interface" 1 "nosuch0: no such interface.*ip link" in_ns "$synshield" run nosuch0
refuse "overlong interface" 1 "no such interface" in_ns "$synshield" run "$(printf 'x%.0s' {1..300})"
refuse "doctor, no such interface" 1 "no such interface" in_ns "$synshield" doctor nosuch0
refuse "status, no such interface" 1 "no such interface" in_ns "$synshield" status nosuch0
refuse "no root" 1 "needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON: run as root" \
	in_ns setpriv --reuid 65534 --clear-groups "$synshield" run "$dev"
refuse "one capability missing" 1 "needs CAP_NET_ADMIN" \
	in_ns setpriv --inh-caps -net_admin --bounding-set -net_admin "$synshield" run "$dev"
refuse "pin directory not on a bpffs" 1 "not on a bpffs: mount one" \
	in_ns "$synshield" run "$dev" --pin-dir "$work/pins"
refuse "relative pin directory" 1 "no absolute path" in_ns "$synshield" run "$dev" --pin-dir pins
expect "a refused run leaves nothing" 0 '^$' in_ns sh -c \
	"ip link show $dev | grep -c xdp | sed s/0//; ls $pins 2>/dev/null; true"

# -- running --
start_daemon first.log "$dev" mode=always 443:mode=off https:syn-rate=900
expect "run says how it is attached" 0 "$dev: protected: XDP native, .*; TC (tcx|clsact)" \
	cat "$work/first.log"
expect "status exits 0" 0 "$dev: protected" in_ns "$synshield" status --interval 10
expect "status shows the daemon" 0 'daemon +running' in_ns "$synshield" status --interval 10
expect "status shows a port's settings" 0 'port 443 +mode=off, syn-rate=900' \
	in_ns "$synshield" status --interval 10
expect "status --json is JSON" 0 'always' sh -c \
	"nsenter --net=/run/netns/$ns $synshield status --json --interval 10 | python3 -m json.tool"
expect "status counts the states" 0 '^  states  ' \
	in_ns "$synshield" status --states --interval 10
expect "status --states --json counts each state" 0 '"TIME_WAIT": 0' sh -c \
	"nsenter --net=/run/netns/$ns $synshield status --states --json --interval 10 | python3 -m json.tool"
expect "stats --json is JSON with all keys" 0 'bad_cookie' sh -c \
	"nsenter --net=/run/netns/$ns $synshield stats --json | python3 -m json.tool"
expect "doctor tells of conntrack" 0 '^ +ok +conntrack +bpf_xdp_ct_lookup' "$synshield" doctor
expect "doctor --json is JSON" 0 'capabilities' sh -c \
	"nsenter --net=/run/netns/$ns $synshield doctor $dev --json | python3 -m json.tool"
# Something to see: a listener, and a connection that this host opens to nobody.
nsenter --net=/run/netns/"$ns" python3 -c 'import socket, time
s = socket.create_server(("192.0.2.1", 8080))
time.sleep(60)' &
others+=($!)
ip -n "$ns" neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev "$dev"
in_ns timeout 0.3 bash -c 'exec 3<>/dev/tcp/192.0.2.9/9' 2>/dev/null
for ((i = 0; i < 30; i++)); do # the daemon looks once a second
	bpftool map dump pinned "$pins/$dev/listeners" | grep -q 8080 && break
	sleep 0.1
done
while read -r map field; do
	expect "bpftool dumps the map $map, typed" 0 "$field" \
		bpftool map dump pinned "$pins/$dev/$map"
done <<-END
	settings "mode": "SYNSHIELD_MODE_ALWAYS"
	policy "mode": "SYNSHIELD_MODE_OFF"
	host "learned_until":
	keys "epoch":
	locals "prefixlen": 128
	listeners "cookies_until_jiffies":
	conns "state": "SYNSHIELD_CONN_SYN_SENT"
	tracking "made":
	closing "local": "SYNSHIELD_TCP_SYN_SENT"
	trace "until_jiffies":
	stats "unsigned_listener":
END
refuse "a second daemon is refused" 1 "daemon runs it already; 'synshield set" \
	in_ns "$synshield" run "$dev"
expect "set changes settings" 0 '' in_ns "$synshield" set "$dev" syn-rate=3000 quiet=7
expect "what was set is there" 0 'syn-rate": 3000' settings syn-rate
expect "set a port where nothing listens: a note, exit 0" 0 'nothing listens on port 22' \
	in_ns "$synshield" set "$dev" ssh:mode=observe
refuse "set: one wrong word" 2 'unknown setting' in_ns "$synshield" set "$dev" quiet=99 foo=1
expect "set: one wrong word changes nothing" 0 'quiet": 7' settings quiet
expect "set inherit removes a port's settings" 0 '' \
	in_ns "$synshield" set "$dev" 443:mode=inherit 443:syn-rate=inherit ssh:mode=inherit
expect "no port has settings any more" 0 '"ports": \[\]' settings ports

expect "set limits and refusals" 0 '' in_ns "$synshield" set "$dev" counts=always reset=drop \
	reset-rate=0 reply-rate=7 source-conns=50 source-rate=off source-prefix=24 source-prefix6=56 \
	8080:source-conns=off 8080:source-rate=9 8080:reset=pass
expect "they are there" 0 '^drop 0 7 50 off 24 56 always off 9 pass inherit inherit$' in_ns sh -c \
	"$synshield status $dev --interval 10 --json | python3 -c 'import json, sys
r = json.load(sys.stdin)[0]
s = [r[\"settings\"][k] for k in (\"reset\", \"reset-rate\", \"reply-rate\", \"source-conns\",
    \"source-rate\", \"source-prefix\", \"source-prefix6\", \"counts\")]
p = [r[\"ports\"][0][k] for k in (\"source-conns\", \"source-rate\", \"reset\", \"mode\",
    \"syn-rate\")]
print(*s, *p)'"
expect "status shows them, a port's own only" 0 \
	'port 8080 +reset=pass, source-conns=off, source-rate=9 connections/s$' \
	in_ns "$synshield" status --interval 10
expect "the maps say so, too" 0 '"source_conns": 4294967295' bpftool map dump pinned "$pins/$dev/policy"
# one segment without any flag
in_ns "$synshield" set "$dev" mode=observe reset=reply
in_ns python3 -c 'import socket, struct, sys
mac = bytes.fromhex(sys.argv[1].replace(":", ""))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[2], 0))
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, bytes([192, 0, 2, 9]),
                 bytes([192, 0, 2, 1]))
s.send(mac + bytes([2, 0, 0, 0, 0, 9, 8, 0]) + ip + struct.pack("!HHIIHHHH", 9, 80, 0, 0, 0x5000, 0, 0, 0))
' "$(ip -n "$ns" -o link show dev "$dev" | sed 's/.*ether \([^ ]*\).*/\1/')" "$peer"
expect "stats tell whose deeds mode observe counts" 0 'mode observe, what always would have done' \
	in_ns "$synshield" stats
expect "and what they would have been" 0 'would_drop +bad_flags +1 ' in_ns "$synshield" stats
in_ns "$synshield" set "$dev" counts=auto
expect "so, too, when it is the other's" 0 'mode observe, what auto would have done' \
	in_ns "$synshield" stats
in_ns "$synshield" set "$dev" mode=always
expect "inherit returns to the interface's" 0 '' in_ns "$synshield" set "$dev" \
	8080:source-conns=inherit 8080:source-rate=inherit 8080:reset=inherit
expect "and leaves nothing of the port" 0 '"ports": \[\]' settings ports
expect "set leaves the number of listed prefixes alone" 0 '"listed": 3,' sh -c "
	m=$pins/$dev/settings
	bpftool -j map lookup pinned \$m key 0 0 0 0 | python3 -c 'import json, sys
v = [int(b, 16) for b in json.load(sys.stdin)[\"value\"]]
v[60] = 3 # listed is the last word
print(*v)' | xargs bpftool map update pinned \$m key 0 0 0 0 value
	nsenter --net=/run/netns/$ns $synshield set $dev quiet=8 source-conns=off
	bpftool -j map dump pinned \$m | sed 's/.*formatted/formatted/; s/\"listed\":\([0-9]*\)/\"listed\": \1,/'"

# Another version's pins: all of its maps, or some that this one has not.
abi() {
	bpftool -j map lookup pinned "$pins/$dev/settings" key 0 0 0 0 |
		python3 -c 'import json, sys; print(*json.load(sys.stdin)["value"][4:])' |
		xargs bpftool map update pinned "$pins/$dev/settings" key 0 0 0 0 value "$1" 0 0 0
}

kill -9 "${daemons[0]}"
wait "${daemons[0]}" 2>/dev/null
expect "the shield outlives kill -9" 0 "$dev: protected" in_ns "$synshield" status --interval 10
expect "status tells that no daemon runs" 0 'daemon +not running' \
	in_ns "$synshield" status --interval 10
expect "set works without a daemon" 0 '' in_ns "$synshield" set "$dev" half-open=77
abi=$(awk '$2 == "SYNSHIELD_ABI" { print $3 }' include/synshield/synshield.h)
abi 1
mv "$pins/$dev/doubts" "$pins/doubts"
another="another version of synshield runs it \(map layout 1, this one knows $abi\), and goes on: use that"
refuse "another version's maps: run refuses" 2 "$another" in_ns "$synshield" run "$dev"
refuse "another version's maps: status refuses" 1 "$another" in_ns "$synshield" status "$dev"
refuse "another version's maps: set refuses" 1 "$another" in_ns "$synshield" set "$dev" quiet=9
expect "another version's maps: its program runs on" 0 'prog/xdp' in_ns ip link show "$dev"
mv "$pins/doubts" "$pins/$dev/doubts"
abi "$abi"
start_daemon second.log "$dev"
expect "the next daemon takes over" 0 "$dev: taken over" cat "$work/second.log"
expect "take-over keeps the settings" 0 'half-open": 77' settings half-open

kill -TERM "${daemons[1]}"
wait "${daemons[1]}"
expect "SIGTERM exits 0" 0 '^0$' echo $?
expect "a stopped daemon says that the shield stays" 0 "stays protected; 'synshield detach $dev'" \
	cat "$work/second.log"
start_daemon third.log "$dev" --conns 70000
expect "a size that was given keeps what is there" 0 'keeps room for [0-9]+ connections' \
	cat "$work/third.log"
expect "detach while a daemon runs" 0 "$dev: detached" in_ns "$synshield" detach "$dev"
wait "${daemons[2]}"
expect "the daemon notices and exits 0" 0 '^0$' echo $?
expect "no program is left on the interface" 1 '' in_ns sh -c "ip link show $dev | grep xdp"
refuse "detach again" 3 "not running" in_ns "$synshield" detach "$dev"

start_daemon fourth.log "$dev" --xdp generic --tc clsact --conns 70000
expect "the room for connections is rounded up" 0 'conns +room for 131072' \
	in_ns "$synshield" status --interval 10
expect "generic XDP and clsact on demand" 0 "XDP generic, .*; TC clsact" cat "$work/fourth.log"
expect "status warns of generic XDP" 0 'warning +XDP runs in generic mode' \
	in_ns "$synshield" status --interval 10
expect "detach removes generic XDP and clsact" 0 'detached' in_ns "$synshield" detach "$dev"
expect "no qdisc is left" 1 '' in_ns sh -c "tc qdisc show dev $dev | grep clsact"
wait "${daemons[3]}"

start_daemon fifth.log "$dev"
# a power of 2 that takes between 1/512 and 1/256 of the memory, within bounds
expect "by default it befits the machine" 0 '^yes$' in_ns sh -c \
	"$synshield status --interval 10 --json | python3 -c 'import json, os, sys
n = json.load(sys.stdin)[0][\"conns\"][\"capacity\"]
fit = os.sysconf(\"SC_PHYS_PAGES\") * os.sysconf(\"SC_PAGESIZE\") // 256 // 128
least, most = 16384, 4194304
good = n & (n - 1) == 0 and (fit / 2 < n <= fit or n == least and fit < 2 * least or n == most)
print(\"yes\" if good and least <= n <= most else n)'"
ip -n "$ns" link del "$dev"
wait "${daemons[4]}"
expect "the interface vanishes: the daemon exits 0" 0 '^0$' echo $?
expect "the interface vanishes: said" 0 'the interface is gone' cat "$work/fifth.log"
refuse "the interface vanishes: no pin is left" 3 'not running' in_ns "$synshield" status

echo "1..$n"
[ "$failed" = 0 ]
