#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A real web server under a SYN flood, without the shield and with it: what its clients notice.
# Everything happens in three network namespaces of the demo's own, and goes with it.

usage()
{
	cat <<-END
		usage: demo.sh [--rate SYN/S] [--seconds S]
		  --rate N      SYNs per second that the attacker sends (default 1000000)
		  --seconds S   length of each phase (default 7, at most 10)
	END
}

RATE=${RATE:-1000000}
LENGTH=7
for word; do
	[[ $word == --help || $word == -h ]] && usage && exit 0
done

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tests/net/lib.sh"

bail()
{
	echo "demo: $*" >&2
	exit 1
}

CLIENTS=200
CLIENT_RATE=200
CLIENT_TIMEOUT=3
ROWS=()
PORT=8000

parse_arguments()
{
	while (($#)); do
		[[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { usage >&2; exit 2; }
		case $1 in
		--rate) RATE=$2 ;;
		--seconds) LENGTH=$2 ;;
		*) usage >&2; exit 2 ;;
		esac
		shift 2
	done
	((LENGTH <= 10)) || { usage >&2; exit 2; }
	((EUID == 0)) || bail "needs root, for network namespaces and BPF: sudo make demo"
	local tool
	for tool in "$TOOLS/flood" "$TOOLS/sink" "$TOOLS/tcpc" "$TOOLS/udp" "$SYNSHIELD"; do
		[[ -x $tool ]] || bail "$tool is missing: make && make tools"
	done
	for tool in ip ss ethtool nsenter nginx curl ping bpftool; do
		command -v "$tool" > /dev/null || bail "$tool is missing: make deps"
	done
}

start_nginx()
{
	local worker pid

	mkdir -p "$TMP/www"
	echo "served by nginx behind the shield" > "$TMP/www/index.html"
	nginx_up 1 <<-END
		server {
			listen 0.0.0.0:$PORT backlog=4096;
			listen [::]:$PORT ipv6only=on backlog=4096;
			root $TMP/www;
		}
	END
	NGINX=$PID
	await 10 "nginx" in_cli curl -sf --max-time 1 -o /dev/null "http://$SRV4:$PORT/"
	read -r worker < "/proc/$NGINX/task/$NGINX/children"
	SERVER_CPU=("/proc/$worker/schedstat")
	for pid in $(napi_pids "$SRV_IF"); do
		SERVER_CPU+=("/proc/$pid/schedstat")
	done
}

start_everything()
{
	topo_up --clients "$CLIENTS"
	thread_napi "$NS_SRV" "$SRV_IF"
	thread_napi "$NS_NET" "$NET_SRV"
	start_nginx
	spawn udp srv "$TOOLS/udp" serve "$SRV4" 7
	await_ready udp
}

syncookies() { in_srv sh -c "echo $1 > /proc/sys/net/ipv4/tcp_syncookies"; }
half_open() { in_srv ss -Htan state syn-recv "sport = :$PORT" | wc -l; }

# What the clients do all through a phase.
start_clients()
{
	local -i pings=$((LENGTH * 5))

	CLIENT_PIDS=()
	spawn get cli "$TOOLS/tcpc" get -n 1000000 -c 1000 --rate "$CLIENT_RATE" \
		--seconds "$LENGTH" --timeout "$CLIENT_TIMEOUT" --src-range "$CLI4,$CLIENTS" \
		--http / --expect "HTTP/1.1 200" "$SRV4" "$PORT"
	CLIENT_PIDS+=("$PID")
	spawn ping cli ping -q -i 0.2 -c "$pings" -W 1 "$SRV4"
	CLIENT_PIDS+=("$PID")
	spawn ask cli "$TOOLS/udp" ask --number "$pings" --interval 200 "$SRV4" 7
	CLIENT_PIDS+=("$PID")
	spawn curl4 cli curl -s -o /dev/null -w '%{http_code}' --max-time "$LENGTH" "http://$SRV4:$PORT/"
	CLIENT_PIDS+=("$PID")
	spawn curl6 cli curl -s -o /dev/null -w '%{http_code}' --max-time "$LENGTH" "http://[$SRV6]:$PORT/"
	CLIENT_PIDS+=("$PID")
}

# Two samples a second: half-open requests in the kernel, SYN-ACKs on the wire.
watch_phase()
{
	local -i second now before after

	HALF_OPEN_MAX=0
	before=$(sink_count | field synack)
	for ((second = 1; second <= LENGTH; second++)); do
		pause 0.5
		now=$(half_open)
		((now > HALF_OPEN_MAX)) && HALF_OPEN_MAX=$now
		pause 0.5
		now=$(half_open)
		((now > HALF_OPEN_MAX)) && HALF_OPEN_MAX=$now
		after=$(sink_count | field synack)
		printf '   %2d s   %9d SYN-ACK to fake sources   %6d half-open in the kernel\n' \
			"$second" $((after - before)) "$now"
		before=$after
	done
}

loss_of_ping() { sed -n 's/.* \([0-9]*\)[0-9.]*% packet loss.*/\1 %/p' "$TMP/ping.out"; }

percent() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f %%", b ? 100 * a / b : 0 }'; }
per_second() { awk -v n="$1" -v ns="$2" 'BEGIN { printf "%.0f", n * 1e9 / ns }'; }

curl_result()
{
	local code4 code6
	code4=$(cat "$TMP/curl4.out") code6=$(cat "$TMP/curl6.out")
	echo "${code4/000/none}/${code6/000/none}"
}

add_row()
{
	local name=$1 offered=$2 synacks=$3 cpu=$4 get ask p50 p99
	get=$(cat "$TMP/get.out") ask=$(cat "$TMP/ask.out")
	p50=$(field connect_ms.p50 <<< "$get") p99=$(field connect_ms.p99 <<< "$get")
	ROWS+=("$name|$offered|$synacks|$HALF_OPEN_MAX|$cpu|$(percent "$(field ok <<< "$get")" \
		"$(field attempted <<< "$get")")|${p50/null/-}|${p99/null/-}|$(loss_of_ping)|$(
		percent "$(field lost <<< "$ask")" "$(field sent <<< "$ask")")|$(curl_result)")
}

# phase NAME flood|calm
phase()
{
	local name=$1 offered=0
	local -i cpu synacks from span flood=0

	echo "== $name"
	# A server of its own for each phase, on a port of its own: what the last one left
	# half-open lingers for a minute, and is not this one's.
	stop "$NGINX"
	((PORT++))
	start_nginx
	if [[ $2 == flood ]]; then
		start_flood flood --port "$PORT" --rate "$RATE" --seconds $((LENGTH + 2))
		flood=$PID
		pause 1
	fi
	from=${EPOCHREALTIME/[.,]/}
	cpu=$(cpu_ns "${SERVER_CPU[@]}")
	synacks=$(sink_count | field synack)
	start_clients
	watch_phase
	synacks=$(($(sink_count | field synack) - synacks))
	cpu=$(($(cpu_ns "${SERVER_CPU[@]}") - cpu))
	span=$(((${EPOCHREALTIME/[.,]/} - from) * 1000))
	if ((flood)); then # its last word is what it sent
		stop "$flood"
		offered=$(field rate < "$TMP/flood.out")
	fi
	wait "${CLIENT_PIDS[@]}"
	add_row "$name" "$offered" "$(per_second "$synacks" "$span")" "$(percent "$cpu" "$span")"
}

show_table()
{
	local row
	local format='%-34s %10s %10s %9s %8s %9s %9s %9s %8s %8s %9s\n'

	echo
	# shellcheck disable=SC2059 # the format is ours
	{
		printf "$format" '' SYN/s SYN-ACK/s half-open server clients connect connect ping UDP curl
		printf "$format" '' offered fake 'max' CPU served 'p50 ms' 'p99 ms' lost lost v4/v6
		for row in "${ROWS[@]}"; do
			IFS='|' read -ra cells <<< "$row"
			printf "$format" "${cells[@]}"
		done
	}
	cat <<-END

		clients: $CLIENT_RATE connections/s from $CLIENTS addresses, each a GET to nginx, given up after $CLIENT_TIMEOUT s;
		times are those of the connections that succeeded. Server CPU: nginx and the receiving kernel thread.
	END
}

# show LINES COMMAND...: runs it on the server, as it would be typed on a real one.
show()
{
	printf '\n$ %s\n' "${*:2}"
	SYNSHIELD_PIN_DIR=$PIN_DIR in_srv "${@:2}" 2>&1 | head -n "$1"
}

show_shield()
{
	local map

	echo
	echo "== What the shield says"
	PATH=${SYNSHIELD%/*}:$PATH
	show 40 synshield status
	show 40 synshield stats
	echo
	echo "== Its maps, as bpftool shows them (the first lines of each)"
	for map in settings listeners conns; do
		show 20 bpftool map dump pinned "$PIN_DIR/$SRV_IF/$map"
	done
	echo
	echo "On a real host: sudo build/synshield run eth0, then sudo build/synshield status, and"
	echo "sudo bpftool map dump pinned /sys/fs/bpf/synshield/eth0/MAP for each map there."
}

main()
{
	parse_arguments "$@"
	printf '== A server, a client and an attacker in namespaces of their own (%s)\n' "$RUN_ID"
	start_everything
	phase "1 calm, no shield" calm
	syncookies 0
	phase "2 flood, no shield, no cookies" flood
	syncookies 1
	phase "3 flood, no shield, kernel cookies" flood
	shield_up mode=auto
	phase "4 flood, shield in mode auto" flood
	shield set "$SRV_IF" mode=always || bail "cannot change the mode"
	phase "5 flood, shield in mode always" flood
	show_table
	echo
	echo "== The shield's log"
	cat "$TMP/shield.err"
	show_shield
	shield_down > /dev/null || bail "cannot detach"
	echo
	echo "Now the demo's namespaces, pins and processes go again."
}

main "$@"
