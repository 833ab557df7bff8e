# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # the other parts use it
# The bench's wire: a server for each subject, so that they take turns without being set up anew.
#
#     srv of subject x                  net: the attacker             cli: 200 addresses
#    +----------------+          +------------------------------+        +----------+
#    |  server   sX   |==========|  wX: sink, flood sends here  |        |          |
#    +----------------+          |   \                          |========|  client  |
#    |  server   sY   |==========|  wY -- BRIDGE                |        |          |
#    +----------------+          +------------------------------+        +----------+
#        CPU 0: the servers, and the kernel threads       CPU 1: all else
#        that receive for them (threaded NAPI)
#
# A kernel thread receives for each server, on one CPU together with the server, so what it takes to
# receive is that thread's CPU time.  It goes before the server, as interrupts do.

SERVER_CPU=0
OTHER_CPU=1
CLIENTS=200
PORT=8000
ECHO_PORT=8001
BULK_PORT=5201

SUBJECTS=()
# What lib.sh knows of the one server, by subject.
declare -A OF_NS=() OF_SRV_IF=() OF_NET_IF=() OF_ADDR=() OF_MAC=() OF_SCHEDSTAT=()

# use SUBJECT: from now on it is the server of lib.sh's functions.
use()
{
	SUBJECT=$1
	NS_SRV=${OF_NS[$1]} SRV_IF=${OF_SRV_IF[$1]} NET_SRV=${OF_NET_IF[$1]}
	SRV_DEV=$SRV_IF
	SRV4=10.77.0.${OF_ADDR[$1]}
	SRV6=$(printf 'fd77::%x' "${OF_ADDR[$1]}")
	SRV_MAC=${OF_MAC[$1]:-}
}

# pin CPU PID...
pin()
{
	local pid
	for pid in "${@:2}"; do
		taskset -cp "$1" "$pid" > /dev/null || bail "cannot pin process $pid to CPU $1"
	done
}

# What both ends of the wire to a server need to receive forged frames.
receive_on_own_threads()
{
	local pids

	thread_napi "$NS_SRV" "$SRV_IF"
	thread_napi "$NS_NET" "$NET_SRV"
	# shellcheck disable=SC2046 # process ids
	pin "$OTHER_CPU" $(napi_pids "$NET_SRV")
	pids=$(napi_pids "$SRV_IF")
	[[ $pids =~ ^[0-9]+$ ]] || bail "$SRV_IF should have one receiving thread, not: ${pids:-none}"
	pin "$SERVER_CPU" "$pids"
	OF_SCHEDSTAT[$SUBJECT]=/proc/$pids/schedstat
}

# The interface of subject number N bears the N-th letter: a thread's name holds no more.
add_server()
{
	local letter
	local -i n=${#SUBJECTS[@]}

	((n < 26)) || bail "at most 26 subjects"
	letter=$(printf "\\x$(printf %x $((97 + n)))")
	SUBJECTS+=("$1")
	OF_NS[$1]=${RUN_ID}s$letter OF_SRV_IF[$1]=${RUN_ID}s$letter OF_NET_IF[$1]=${RUN_ID}w$letter
	OF_ADDR[$1]=$((n + 1))
	use "$1"
	NAMESPACES+=("$NS_SRV")
	make_netns "$NS_SRV"
	ip -n "$NS_NET" link add "$NET_SRV" type veth peer name "$SRV_IF" netns "$NS_SRV" ||
		bail "cannot make a wire"
	ip -n "$NS_NET" link set "$NET_SRV" master "$BRIDGE" up
	ip -n "$NS_SRV" link set "$SRV_IF" up
	settle_offloads
	address_server
	OF_MAC[$1]=$SRV_MAC
	# all clients by one permanent neighbour: 200 for each server are more than the kernel keeps
	ip -n "$NS_SRV" -batch - <<-END || bail "cannot set up the way to the clients"
		neigh add $CLI4 lladdr $CLI_MAC dev $SRV_IF
		route add ${CLI4%.*}.0/24 via $CLI4 dev $SRV_IF onlink
	END
	spawn "sink.$1" net "$TOOLS/sink" "$NET_SRV" --frags --mode absorb --prefix "$FLOOD4" \
		--prefix "$FLOOD6"
	await_ready "sink.$1"
	receive_on_own_threads
}

wire_up()
{
	(($(nproc --all) > 1)) || bail "needs two CPUs: one that receives, one that sends"
	mount_bpffs
	NAMESPACES=("$NS_CLI" "$NS_NET")
	make_netns "$NS_CLI"
	make_netns "$NS_NET"
	ip -n "$NS_NET" -batch - <<-END || bail "cannot make the wire"
		link add $BRIDGE type bridge stp_state 0 forward_delay 0 mcast_snooping 0
		link add $NET_CLI type veth peer name $CLI_IF netns $NS_CLI
		link set $NET_CLI master $BRIDGE up
		link set $BRIDGE up
	END
	ip -n "$NS_CLI" link set "$CLI_IF" up
	CLI_DEV=$CLI_IF
	CLI_MAC=$(link_mac "$NS_CLI" "$CLI_IF")
	address_client "$CLIENTS"
}

# serve NAME COMMAND...: on the server's CPU, as important as any other process.
serve()
{
	spawn "$1.$SUBJECT" srv taskset -c "$SERVER_CPU" "${@:2}"
}

start_services()
{
	serve line "$TOOLS/tcps" --listen 0.0.0.0 "$PORT" --listen "$SRV6" "$PORT" line
	await_ready "line.$SUBJECT"
	serve echo "$TOOLS/tcps" --listen 0.0.0.0 "$ECHO_PORT" echo
	await_ready "echo.$SUBJECT"
}
