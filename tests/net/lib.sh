# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# What the network tests share; a test sources it first, with no arguments.
#
#        srv                     net: "the wire"                   cli
#    +---------+          +---------------------------+        +---------+
#    | SRV_IF  |==========| NET_SRV -- BRIDGE -- NET_CLI |=====|  CLI_IF |
#    +---------+          +---------------------------+        +---------+
#    SRV4, SRV6            sink on NET_SRV absorbs what          CLI4, CLI6 and more
#                          goes to FLOOD4 and FLOOD6; flood
#                          sends out of NET_SRV towards srv
#
# The server reaches FLOOD4 and FLOOD6 through GATE_MAC, which nobody has. Frames for SEG4 and SEG6
# go to the client's MAC address though the client does not own them: seg plays those hosts.
# Nothing is sent or attached outside these three namespaces.

set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TOOLS=${TOOLS:-$ROOT/build/tools}
SYNSHIELD=${SYNSHIELD:-$ROOT/build/synshield}

# Names: 24 random bits rather than a process id, which can repeat in another PID namespace.
RUN_ID=$(printf 'ss%06x' $((SRANDOM & 0xffffff)))
NS_SRV=${RUN_ID}s
NS_CLI=${RUN_ID}c
NS_NET=${RUN_ID}n
SRV_IF=${RUN_ID}s0
CLI_IF=${RUN_ID}c0
NET_SRV=${RUN_ID}ps
NET_CLI=${RUN_ID}pc
BRIDGE=${RUN_ID}br
NAMESPACES=("$NS_SRV" "$NS_CLI" "$NS_NET")
PIN_DIR=/sys/fs/bpf/$RUN_ID
TMP=$(mktemp -d "/tmp/$RUN_ID.XXXXXX")

SRV4=10.77.0.1 SRV6=fd77::1
CLI4=10.77.1.1 CLI6=fd77::1:1
SEG4=10.77.2.1 SEG6=fd77::2:1
GATE4=10.77.255.254 GATE6=fd77::fffe
GATE_MAC=02:00:00:00:00:fe
FLOOD4=198.18.0.0/15 FLOOD6=fd66::/32

PIDS=()
PAUSE=

## Cleaning up, whatever ends the test.

# stop PID...: TERM, and KILL for what is still there after 5 s.
stop()
{
	local pid
	local -i tries

	kill -TERM "$@" 2> /dev/null
	for pid; do
		for ((tries = 0; tries < 250; tries++)); do
			running "$pid" || break
			sleep 0.02
		done
		kill -KILL "$pid" 2> /dev/null
		wait "$pid" 2> /dev/null
	done
}

# A process that has ended but was not waited for yet is not running.
running()
{
	[[ -r /proc/$1/stat && $(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2> /dev/null) != [ZX] ]]
}

cleanup()
{
	local status=$?
	local ns

	trap - EXIT
	trap '' INT TERM HUP
	[[ $PAUSE ]] && kill "$PAUSE" 2> /dev/null
	((${#PIDS[@]})) && stop "${PIDS[@]}"
	for ns in "${NAMESPACES[@]}"; do
		[[ -e /run/netns/$ns ]] && ip netns del "$ns"
	done
	rm -rf "$PIN_DIR" "$TMP"
	exit "$status"
}

trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

## TAP

TESTS=0
FAILED=0
PLANNED=

plan() { PLANNED=$1; echo "1..$1"; }
diag() { printf '# %s\n' "$@"; }
ok() { echo "ok $((++TESTS)) - $*"; }
skip() { echo "ok $((++TESTS)) - $1 # SKIP $2"; }

not_ok()
{
	echo "not ok $((++TESTS)) - $1"
	shift
	(($#)) && diag "$@"
	((FAILED++))
	return 0
}

# is GOT WANTED NAME
is()
{
	if [[ $1 == "$2" ]]; then ok "$3"; else not_ok "$3" "got:    $1" "wanted: $2"; fi
}

# check NAME CMD...: the command's success is the test's; its output is shown when it fails.
check()
{
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "failed: $*" "$output"; fi
}

# holds NAME EXPRESSION: an arithmetic one, e.g. holds "no loss" "lost == 0".
holds()
{
	local value=$(($2))
	if ((value)); then ok "$1"; else not_ok "$1" "not so: $2"; fi
}

done_testing()
{
	[[ $PLANNED ]] || echo "1..$TESTS"
	[[ -z $PLANNED || $PLANNED == "$TESTS" ]] || diag "planned $PLANNED, ran $TESTS"
	((FAILED)) && diag "$FAILED of $TESTS failed"
	exit $((FAILED > 0 || (${PLANNED:-$TESTS} != TESTS)))
}

bail()
{
	echo "Bail out! $*"
	exit 1
}

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

## Running things

# nsenter, not ip netns exec, which would hide the bpffs behind a fresh /sys.
in_ns() { nsenter --net="/run/netns/$1" -- "${@:2}"; }
in_srv() { in_ns "$NS_SRV" "$@"; }
in_cli() { in_ns "$NS_CLI" "$@"; }
in_net() { in_ns "$NS_NET" "$@"; }

# spawn NAME srv|cli|net CMD...: in the background; output in $TMP/NAME.out and .err, its id in
# $PID. NICE lowers its priority.
spawn()
{
	local name=$1 ns
	case $2 in
	srv) ns=$NS_SRV ;;
	cli) ns=$NS_CLI ;;
	net) ns=$NS_NET ;;
	*) bail "spawn: no namespace $2" ;;
	esac
	shift 2
	: > "$TMP/$name.out"
	: > "$TMP/$name.err"
	nice -n "${NICE:-0}" nsenter --net="/run/netns/$ns" -- "$@" > "$TMP/$name.out" 2> "$TMP/$name.err" &
	PID=$!
	PIDS+=("$PID")
}

# over_and_over NAME srv|cli|net CMD...: in the background, until TERM, when the last one ends first.
# One that fails adds a line.
over_and_over()
{
	# shellcheck disable=SC2016 # expanded there
	spawn "$1" "$2" bash -c 'trap "ended=1" TERM
		while [[ ! ${ended:-} ]]; do "$@" || echo "failed: $?"; done' - "${@:3}"
}

# await SECONDS WHAT CMD...: until the command succeeds, or bails out.
await()
{
	local what=$2
	local -i deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift 2
	until "$@" > /dev/null 2>&1; do
		((${EPOCHREALTIME/[.,]/} < deadline)) || bail "waited in vain for $what"
		sleep 0.02
	done
}

# await_said PID FILE PATTERN NAME: until the process has said so, or bails out.
await_said()
{
	local -i tries
	for ((tries = 0; tries < 500; tries++)); do
		grep -q "$3" "$TMP/$2" && return
		running "$1" || break
		sleep 0.02
	done
	bail "$4 did not start: $(cat "$TMP/$4.err")"
}

# await_ready NAME: what was spawned under this name says that it is.
await_ready() { await_said "$PID" "$1.out" "^ready" "$1"; }

# A pause that signals end at once.
pause()
{
	sleep "$1" &
	PAUSE=$!
	wait "$PAUSE"
}

# field KEY < JSON: the value of a key, or of outer.inner, in the tools' output; one for each line that
# has it. In bash alone: a test asks thousands of times.
field()
{
	local json line outer=
	[[ $1 == *.* ]] && outer=${1%%.*}
	IFS= read -r -d '' json
	while [[ $json ]]; do
		line=${json%%$'\n'*} json=${json:${#line}+1}
		if [[ $outer ]]; then
			[[ $line =~ .*\"$outer\":(\{[^}]*\}) ]] || continue
			line=${BASH_REMATCH[1]}
		fi
		[[ $line =~ .*[{,]\"${1#*.}\":(\[[^]]*\]|\"[^\"]*\"|[^,}]*) ]] || continue
		line=${BASH_REMATCH[1]#\"}
		echo "${line%\"}"
	done
}

## CPU time

# cpu_ns SCHEDSTAT...: the sum of what these have run, in ns.
cpu_ns()
{
	local -i total=0
	local run stat
	for stat; do
		read -r run _ < "$stat" && total+=$run
	done 2> /dev/null
	echo "$total"
}

# thread_napi NS IF: a kernel thread receives for this interface from now on. It goes first, as the
# interrupts of a real device do: a veth's ring of 256 is full within a quarter of a millisecond.
thread_napi()
{
	local pid
	ip netns exec "$1" sh -c "echo 1 > /sys/class/net/$2/threaded" ||
		bail "cannot thread the receiver of $2"
	for pid in $(napi_pids "$2"); do
		chrt --rr -p 1 "$pid" 2> /dev/null || renice -n -20 -p "$pid" > /dev/null
	done
}

# napi_pids IF: the kernel threads that receive for it.
napi_pids()
{
	local wanted=napi/$1 file comm pid
	for file in /proc/[0-9]*/comm; do
		{ read -r comm < "$file"; } 2> /dev/null || continue
		[[ $comm == "${wanted:0:15}"* ]] || continue
		pid=${file#/proc/}
		echo "${pid%/comm}"
	done
}

## The topology

mount_bpffs()
{
	[[ $(stat -f -c %T /sys/fs/bpf) == bpf_fs ]] ||
		mount -t bpf bpf /sys/fs/bpf || bail "cannot mount the BPF file system"
}

# No duplicate address detection, no router talk, no remembered metrics: each run is like the first.
settle_sysctls()
{
	# shellcheck disable=SC2016 # expanded inside the namespace
	in_ns "$1" bash -c '
		for conf in all default; do
			echo 0 > /proc/sys/net/ipv6/conf/$conf/accept_dad
			echo 0 > /proc/sys/net/ipv6/conf/$conf/accept_ra
			echo 0 > /proc/sys/net/ipv6/conf/$conf/router_solicitations
			echo 0 > /proc/sys/net/ipv4/conf/$conf/rp_filter
		done
		echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save' || bail "cannot set sysctls in $1"
}

# What sends leaves whole checksums and no super-frames, as from a real wire. Receive offload on the
# server gives its veth a NAPI, which forged frames need while no XDP program is there; it has to be
# switched on when the interface is up, or the peer does not become a target for them.
settle_offloads()
{
	{
		in_srv ethtool -K "$SRV_IF" tx off tso off gso off txvlan off gro on &&
			in_cli ethtool -K "$CLI_IF" tx off tso off gso off txvlan off &&
			in_net ethtool -K "$NET_SRV" tx off tso off gso off txvlan off &&
			in_net ethtool -K "$NET_CLI" tx off tso off gso off txvlan off
	} > /dev/null || bail "cannot set offloads"
}

make_netns()
{
	ip netns add "$1" || bail "cannot make a network namespace (run as root)"
	settle_sysctls "$1"
	ip -n "$1" link set lo up
}

make_wire()
{
	local ns

	for ns in "${NAMESPACES[@]}"; do
		make_netns "$ns"
	done
	ip -n "$NS_NET" -batch - <<-END || bail "cannot make the wire"
		link add $BRIDGE type bridge stp_state 0 forward_delay 0 mcast_snooping 0
		link add $NET_SRV mtu $1 type veth peer name $SRV_IF mtu $1 netns $NS_SRV
		link add $NET_CLI mtu $1 type veth peer name $CLI_IF mtu $1 netns $NS_CLI
		link set $BRIDGE mtu $1
		link set $NET_SRV master $BRIDGE
		link set $NET_CLI master $BRIDGE
		link set $NET_SRV up
		link set $NET_CLI up
		link set $BRIDGE up
	END
	ip -n "$NS_SRV" link set "$SRV_IF" up
	ip -n "$NS_CLI" link set "$CLI_IF" up
	settle_offloads
}

# add_vlan NS IF ID: sets DEV to the interface that carries the addresses: a VLAN device, or where the
# kernel has none the interface itself, whose traffic is then tagged.
add_vlan()
{
	DEV=$2.$3
	if ip -n "$1" link add link "$2" name "$DEV" type vlan id "$3" 2> /dev/null; then
		ip -n "$1" link set "$DEV" up
		SEG_TAG=(--vlan "$3")
		return
	fi
	DEV=$2
	in_ns "$1" "$TOOLS/tag" "$2" "$3" || bail "cannot tag the traffic of $2"
}

link_mac() { ip -n "$1" -o link show dev "$2" | sed 's/.*link\/ether \([^ ]*\).*/\1/'; }

# address_client N
address_client()
{
	local -i i

	for ((i = 1; i <= $1; i++)); do
		echo "addr add ${CLI4%.*}.$i/16 dev $CLI_DEV"
		printf 'addr add %s:%x/64 dev %s nodad\n' "${CLI6%:*}" $i "$CLI_DEV"
	done | ip -n "$NS_CLI" -batch - || bail "cannot set up the client"
}

# The server, and its MAC address for the client.
address_server()
{
	SRV_MAC=$(link_mac "$NS_SRV" "$SRV_IF")
	ip -n "$NS_SRV" -batch - <<-END || bail "cannot set up the server"
		addr add $SRV4/16 dev $SRV_DEV
		addr add $SRV6/64 dev $SRV_DEV nodad
		neigh add $GATE4 lladdr $GATE_MAC dev $SRV_DEV
		neigh add $GATE6 lladdr $GATE_MAC dev $SRV_DEV
		neigh add $SEG4 lladdr $CLI_MAC dev $SRV_DEV
		neigh add $SEG6 lladdr $CLI_MAC dev $SRV_DEV
		route add $FLOOD4 via $GATE4 dev $SRV_DEV
		route add $FLOOD6 via $GATE6 dev $SRV_DEV
	END
	ip -n "$NS_CLI" -batch - <<-END || bail "cannot tell the client of the server"
		neigh add $SRV4 lladdr $SRV_MAC dev $CLI_DEV
		neigh add $SRV6 lladdr $SRV_MAC dev $CLI_DEV
	END
}

# topo_up [--mtu N] [--vlan ID] [--clients N]: see the top of this file. SRV_DEV and CLI_DEV are the
# interfaces with the addresses, FLOOD_TAG what flood has to be given besides. The client has N
# (default 16, at most 250) addresses of each family, from CLI4 and CLI6 upwards.
topo_up()
{
	local mtu=1500 vlan='' clients=16

	while (($#)); do
		case $1 in
		--mtu) mtu=$2 ;;
		--vlan) vlan=$2 ;;
		--clients) clients=$2 ;;
		*) bail "topo_up: unknown option $1" ;;
		esac
		shift 2
	done
	mount_bpffs
	make_wire "$mtu"
	SRV_DEV=$SRV_IF CLI_DEV=$CLI_IF FLOOD_TAG=() SEG_TAG=()
	if [[ $vlan ]]; then
		add_vlan "$NS_SRV" "$SRV_IF" "$vlan"
		SRV_DEV=$DEV
		add_vlan "$NS_CLI" "$CLI_IF" "$vlan"
		CLI_DEV=$DEV
		FLOOD_TAG=(--vlan "$vlan")
	fi
	CLI_MAC=$(link_mac "$NS_CLI" "$CLI_IF")
	address_client "$clients"
	address_server
	start_sink
	await 10 "the client to reach the server" in_cli ping -c 1 -W 1 "$SRV4"
	await 10 "the client to reach the server" in_cli ping -c 1 -W 1 "$SRV6"
}

start_sink()
{
	spawn sink net "$TOOLS/sink" "$NET_SRV" --frags --mode absorb --prefix "$FLOOD4" \
		--prefix "$FLOOD6"
	SINK_PID=$PID
	await_ready sink
}

# sink_count: absorbed so far, as JSON.
sink_count()
{
	local -i lines
	lines=$(wc -l < "$TMP/sink.out")
	kill -USR1 "$SINK_PID"
	await 5 "the sink's counters" eval "((\$(wc -l < '$TMP/sink.out') > $lines))"
	tail -n 1 "$TMP/sink.out"
}

# start_flood NAME [--v6] OPTION...: in the background, against SRV4 or SRV6; $PID is its id. Low
# priority: it takes what the server and its clients leave of the machine.
start_flood()
{
	local name=$1 dst=$SRV4 src=$FLOOD4
	shift
	if [[ ${1:-} == --v6 ]]; then
		dst=$SRV6 src=$FLOOD6
		shift
	fi
	NICE=${NICE:-19} spawn "$name" net "$TOOLS/flood" "$NET_SRV" --dst "$dst" --src "$src" \
		--dst-mac "$SRV_MAC" "${FLOOD_TAG[@]}" --json "$@"
}

# ends.py: connections whose both ends do what step says.
start_ends()
{
	coproc ENDS { exec "$ROOT/tests/tools/ends.py" "$NS_SRV" "$NS_CLI" 2>&1; }
	PIDS+=("$ENDS_PID")
}

# step COMMAND...: of ends.py
step()
{
	local answer
	echo "$*" >&"${ENDS[1]}"
	read -r -t 20 answer <&"${ENDS[0]}"
	[[ $answer == ok ]] || bail "ends: ${answer:-no answer to $*}"
}

# start_server NAME tcps-options...
start_server()
{
	local name=$1
	shift
	spawn "$name" srv "$TOOLS/tcps" "$@"
	await_ready "$name"
}

# nginx_up WORKERS < DIRECTIVES: a real web server; they are those of "http". What it writes is in
# $TMP/nginx; $PID is its id.
nginx_up()
{
	mkdir -p "$TMP/nginx"
	cat > "$TMP/nginx.conf" <<-END
		user root;
		worker_processes $1;
		daemon off;
		pid $TMP/nginx/pid;
		error_log $TMP/nginx/error.log;
		events { worker_connections 8192; }
		http {
			access_log off;
			client_body_temp_path $TMP/nginx/body;
			proxy_temp_path $TMP/nginx/proxy;
			fastcgi_temp_path $TMP/nginx/fastcgi;
			uwsgi_temp_path $TMP/nginx/uwsgi;
			scgi_temp_path $TMP/nginx/scgi;
			$(cat)
		}
	END
	spawn nginx srv nginx -p "$TMP/nginx" -e "$TMP/nginx/error.log" -c "$TMP/nginx.conf"
}

# seg ARG...: a crafted segment from SEG4 or SEG6 unless --src says otherwise; the reply's JSON.
seg() { in_cli "$TOOLS/seg" "$CLI_IF" --dst-mac "$SRV_MAC" "${SEG_TAG[@]}" "$@"; }

## The shield

# shield_up [OPTION...]: starts the daemon on the server's interface.
shield_up()
{
	spawn shield srv "$SYNSHIELD" run "$SRV_IF" --pin-dir "$PIN_DIR" "$@"
	SHIELD_PID=$PID
	await_shield
}

await_shield() { await_said "$SHIELD_PID" shield.err ': protected' shield; }

# shield SUBCOMMAND ARG...: the other subcommands, on the same pins.
shield() { in_srv "$SYNSHIELD" "$1" --pin-dir "$PIN_DIR" "${@:2}"; }

shield_down()
{
	stop "$SHIELD_PID"
	shield detach "$SRV_IF"
}

## Counters

# counted ACTION REASON: packets, from the shield's statistics; 0 if it says nothing of them.
counted()
{
	shield stats "$SRV_IF" | awk -v a="$1" -v r="$2" '$1 == a && $2 == r { n += $3 }
		END { printf "%d\n", n }'
}

# snmp NS COUNTER...: the sum of what the kernel of this namespace has counted, e.g. TcpRetransSegs.
snmp()
{
	local ns=$1
	shift
	in_ns "$ns" nstat -asz "$@" | awk '!/^#/ { n += $2 } END { printf "%d\n", n }'
}

# ring_drops: frames that any ring of the wire has lost so far.
ring_drops()
{
	{
		in_srv ethtool -S "$SRV_IF"
		in_net ethtool -S "$NET_SRV"
		in_cli ethtool -S "$CLI_IF"
		in_net ethtool -S "$NET_CLI"
	} | awk '/_(drops|xmit_errors|tx_errors):/ && !/xdp_drops:/ { n += $2 }
		END { printf "%d\n", n }'
}

# half_open [PORT]: requests that the server's kernel holds.
half_open() { in_srv ss -Htan state syn-recv ${1:+"sport = :$1"} | wc -l; }

# sysctl_in NS KEY VALUE
sysctl_in()
{
	in_ns "$1" sysctl -qw "$2=$3" || bail "cannot set $2 in $1"
}

# shield_again [OPTION...]: a daemon that takes over from the one before it.
shield_again()
{
	local -i tries
	spawn shield srv "$SYNSHIELD" run "$SRV_IF" --pin-dir "$PIN_DIR" "$@"
	SHIELD_PID=$PID
	for ((tries = 0; tries < 500; tries++)); do
		grep -q ': taken over' "$TMP/shield.err" && return
		running "$SHIELD_PID" || break
		sleep 0.02
	done
	bail "the shield was not taken over: $(cat "$TMP/shield.err")"
}

# counts: of the shield, in one line, for field: counts | field reply.cookie
counts() { shield stats --json | tr -d ' \n'; }

## Counters, before and after: take before; ...; take after; grown WHOSE COUNTER...

KERNEL_COUNTERS=(TcpInSegs TcpOutSegs TcpOutRsts TcpAttemptFails TcpEstabResets TcpRetransSegs
	TcpExtTCPReqQFullDoCookies)

# kernel_counts NS: as JSON
kernel_counts()
{
	in_ns "$1" nstat -asz "${KERNEL_COUNTERS[@]}" |
		awk '!/^#/ { printf "%s\"%s\":%d", n++ ? "," : "{", $1, $2 } END { print "}" }'
}

# wire_counts: frames of a flood that the server's ring had no room for (lost), what XDP sent and the
# other end's ring had not (unanswered), and what any ring dropped (rings); as JSON.
wire_counts()
{
	local lost unanswered
	lost=$(in_net ethtool -S "$NET_SRV" | awk '/xdp_xmit_errors:/ { n += $2 } END { print n + 0 }')
	unanswered=$(in_srv ethtool -S "$SRV_IF" | awk '/xdp_tx_errors:/ { n += $2 } END { print n + 0 }')
	echo "{\"lost\":$lost,\"unanswered\":$unanswered,\"rings\":$(ring_drops)}"
}

# What a ring still holds when a flood is over waits until its receiver gets a CPU.
settle()
{
	local before=none now tries
	for ((tries = 0; tries < 50; tries++)); do
		now=$(in_srv ethtool -S "$SRV_IF" | grep xdp_packets:)
		[[ $now == "$before" ]] && return
		before=$now
		sleep 0.06
	done
}

# take before|after: of the shield, the sink, the kernels of server (srv) and client (cli), the wire
take()
{
	settle
	counts > "$TMP/$1.shield"
	sink_count > "$TMP/$1.sink"
	kernel_counts "$NS_SRV" > "$TMP/$1.srv"
	kernel_counts "$NS_CLI" > "$TMP/$1.cli"
	wire_counts > "$TMP/$1.wire"
}

# grown shield|sink|srv|cli|wire COUNTER...: the sum of what they have grown by
grown()
{
	local -i sum=0
	local counter
	for counter in "${@:2}"; do
		sum+=$(field "$counter" < "$TMP/after.$1")-$(field "$counter" < "$TMP/before.$1")
	done
	echo $sum
}

# topo_down: everything that was started ends, and topo_up can follow.
topo_down()
{
	local ns

	stop "${PIDS[@]}"
	PIDS=()
	[[ -d $PIN_DIR ]] && shield detach "$SRV_IF" > /dev/null 2>&1
	for ns in "${NAMESPACES[@]}"; do
		ip netns del "$ns"
	done
	rm -rf "$PIN_DIR"
}

## Sockets on demand

# sockets_up NAME srv|cli|net: a process that opens, uses and closes sockets when asked: tests/tools/sockets.py
# says how.
declare -A SOCKETS_ASK=() SOCKETS_HEAR=()
sockets_up()
{
	local name=$1 fd
	mkfifo "$TMP/$name.ask" "$TMP/$name.hear" || bail "cannot make pipes"
	spawn "$name" "$2" python3 "$ROOT/tests/tools/sockets.py" "$TMP/$name.ask" "$TMP/$name.hear"
	exec {fd}<> "$TMP/$name.ask"
	SOCKETS_ASK[$name]=$fd
	exec {fd}<> "$TMP/$name.hear"
	SOCKETS_HEAR[$name]=$fd
}

# ask NAME COMMAND...: sets HEARD to the answer, and CONN to the connection that it speaks of, if any.
ask()
{
	local name=$1
	shift
	echo "$*" >&"${SOCKETS_ASK[$name]}"
	IFS= read -r -t 60 HEARD <&"${SOCKETS_HEAR[$name]}" || bail "$name does not answer: $*: $(cat "$TMP/$name.err")"
	CONN=
	[[ $HEARD == ok\ * ]] && CONN=${HEARD#ok } CONN=${CONN%% *}
	return 0
}

# asked NAME COMMAND... : the answer, on standard output
asked()
{
	ask "$@"
	echo "$HEARD"
}
