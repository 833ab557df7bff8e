#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The metrics: page, HTTP server and file, held against packets really sent, other commands,
# promtool and a strict parser; dashboard, alerts and docs against the page. Topology: see lib.sh; curl
# runs beside the daemon, whose files are in a tmpfs of its own.

# shellcheck source=tests/net/lib.sh disable=SC2153
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=8080
URL=http://127.0.0.1:9750
OPENMETRICS='Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'
DISK=$TMP/disk

judge() { "$ROOT/tests/tools/metrics.py" "$@"; }

start_ends

get() { in_srv curl -sS --max-time 20 "$@"; }

# The page lives for a tenth of a second; the daemon counts states once a second.
scrape()
{
	sleep 0.15
	get -H "$OPENMETRICS" $URL/metrics > "$TMP/page" || bail "no page: $(cat "$TMP/shield.err")"
}

value() { judge value "$TMP/page" "synshield_$1" "${@:2}"; }

# worth WANTED NAME LABEL...: on a page that is fetched now
worth()
{
	scrape
	[[ $(value "${@:2}") == "$1" ]]
}

# becomes NAME WANTED METRIC LABEL...
becomes()
{
	local -i tries
	for ((tries = 0; tries < 40; tries++)); do
		worth "${@:2}" && break
	done
	is "$(value "${@:3}")" "$2" "$1"
}

# http CURL_ARG...: status and type
http() { get -o "$TMP/body" -w '%{http_code} %{content_type}' "$@"; }

said() { grep -c -- "$1" "$TMP/shield.err"; }
has_said() { (($(said "$1") > 0)); }

# start_daemon OPTION...: its DISK has room for one page of 4 KB, which is too little; the umask is that
# of the service
start_daemon()
{
	mkdir -p "$DISK"
	# shellcheck disable=SC2016 # expanded by the shell inside
	spawn shield srv unshare --mount sh -c 'umask 077; mount -t tmpfs -o size=4k,mode=0755 tmpfs "$0" && exec "$@"' "$DISK" \
		"$SYNSHIELD" run "$SRV_IF" --pin-dir "$PIN_DIR" "$@"
	SHIELD_PID=$PID
	await_shield
}

on_disk() { nsenter --target "$SHIELD_PID" --mount -- "$@"; }

test_refusals()
{
	local where code

	for where in metrics 0 70000 127.0.0.1 127.0.0.1: ::1:9750 '[::1]' localhost:9750; do
		shield run "$SRV_IF" --metrics "$where" 2> "$TMP/refused"
		code=$?
		is "$code $(grep -cF "takes PORT, ADDRESS:PORT or [ADDRESS]:PORT, not '$where'" "$TMP/refused")" "2 1" \
			"no place to serve metrics: '$where'"
	done
	shield metrics 2> "$TMP/refused"
	is $? 3 "no page when nothing runs"
	spawn busy srv python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 9750)); print("ready", flush=True); time.sleep(60)'
	await_ready busy
	shield run "$SRV_IF" --metrics 9750 2> "$TMP/refused"
	code=$?
	is "$code $(cat "$TMP/refused")" "1 synshield: cannot serve metrics on 127.0.0.1:9750: something listens there \
already ('ss -ltnp' tells what): give --metrics another port" "a port that is taken is named"
	check "and nothing was attached" eval "! ip -n $NS_SRV link show $SRV_IF | grep -q xdp"
	stop "$PID"
}

test_http()
{
	is "$(in_srv ss -Hltn 'sport = :9750' | awk '{ print $4 }' | sort | tr '\n' ' ')" \
		"127.0.0.1:9750 [::1]:9750 " "a port alone is one of loopback, of both families"
	is "$(in_cli curl -s -o /dev/null --max-time 3 -w '%{http_code}' "http://$SRV4:9750/metrics")" 000 \
		"others do not reach it"
	is "$(http $URL/metrics)" "200 text/plain; version=0.0.4; charset=utf-8" "Prometheus' text format by default"
	check "which promtool accepts" promtool check metrics < "$TMP/body"
	is "$(http -H "$OPENMETRICS" "http://[::1]:9750/metrics")" \
		"200 application/openmetrics-text; version=1.0.0; charset=utf-8" "OpenMetrics where it is asked for"
	check "which a strict parser accepts" judge parse "$TMP/body"
	is "$(tail -n 1 "$TMP/body")" "# EOF" "and which has an end"
	is "$(get -I $URL/metrics | grep -c '^HTTP/1.1 200\|^Content-Type: text/plain; version\|^Connection: close')" 3 \
		"HEAD gets the head"
	is "$(http $URL/) $(cat "$TMP/body")" \
		"200 text/plain; charset=utf-8 synshield: the metrics are at /metrics" "/ says where to look"
	is "$(http $URL/metrics/x | cut -c 1-3)" 404 "nothing else is there"
	is "$(http -X POST -d data $URL/metrics | cut -c 1-3)" 405 "POST is not allowed"
	is "$(get -i -X DELETE $URL/metrics | grep -c '^Allow: GET, HEAD')" 1 "and what is, is said"
	shield metrics > "$TMP/text"
	shield metrics --openmetrics > "$TMP/om"
	check "the command prints the same in both formats" judge same "$TMP/om" "$TMP/text"
	check "and promtool accepts it" promtool check metrics < "$TMP/text"
}

# Each value against what was sent, and against the other commands.
test_values()
{
	local -i before

	scrape
	before=$(value packets_total reason=closed_port)
	seg --src "$SEG4" --dst "$SRV4" --sport 4000 --dport 9 --repeat 37 --wait 100 > /dev/null
	scrape
	is $(($(value packets_total reason=closed_port) - before)) 37 "37 SYNs to a closed port are 37 more"
	shield stats --json > "$TMP/stats"
	scrape
	check "packets are those of stats --json" judge stats "$TMP/page" "$TMP/stats"
	is "$(judge series "$TMP/page" synshield_packets_total)" \
		$((3 * $(shield stats --json | tr -d ' \n' | sed 's/.*"pass":{\([^}]*\)}.*/\1/' | tr -cd : | wc -c))) \
		"counters that are 0 are there, too"

	for i in 1 2 3; do step connect "$i" "$SRV4" $PORT $((21000 + i)); done
	step fin 3 cli
	becomes "two connections are ESTABLISHED" 2 connections_local state=ESTABLISHED
	is "$(value connections_local state=CLOSE_WAIT) $(value connections_remote state=FIN_WAIT_2)" "1 1" \
		"and one is half closed, at both ends"
	is "$(value timers)" 3 "each has a deadline"
	shield status --json --states --interval 10 > "$TMP/states"
	check "states are those of status --states" judge states "$TMP/page" "$TMP/states"
	is "$(value map_entries map=closing) $(value map_entries map=conns)" "3 3" "as many entries are in the maps"
	for i in 1 2 3; do step close "$i" srv; step close "$i" cli; done
	becomes "none is ESTABLISHED after they are closed" 0 connections_local state=ESTABLISHED

	before=$(value cookies_refused_total)
	seg --src "$SEG4" --dst "$SRV4" --sport 4001 --dport $PORT --flags A --ack 1 --repeat 3 --wait 100 > /dev/null
	scrape
	is $(($(value cookies_refused_total) - before)) 3 "three ACKs without a cookie are three refused"
	shield set "$SRV_IF" mode=always > /dev/null
	for i in 1 2 3 4 5; do
		step connect "$i" "$SRV4" $PORT $((22000 + i))
		step close "$i" cli
		step close "$i" srv
	done
	scrape
	is "$(value cookies_sent_total kind=shield) $(value cookies_accepted_total kind=shield)" "5 5" \
		"five connections are five cookies sent and accepted"
	is "$(value mode mode=always) $(value mode)" "1 1" "the mode is the one that was set"
	shield set "$SRV_IF" mode=auto 443:mode=off > /dev/null
	shield deny add 192.0.2.0/24 198.51.100.7 2001:db8::/32 > /dev/null
	scrape
	is "$(value map_entries map=lists) $(value map_entries map=policy)" "3 1" "lists and ports are counted"
}

# The kernel counts as long as somebody wants it: here for a moment.
test_bpf()
{
	spawn counting srv python3 -c 'import ctypes, platform, struct, time
nr = {"x86_64": 321}.get(platform.machine(), 280)
attr = ctypes.create_string_buffer(bytes(128))  # BPF_ENABLE_STATS, BPF_STATS_RUN_TIME
if ctypes.CDLL(None, use_errno=True).syscall(nr, 32, attr, 128) < 0:
    raise OSError(ctypes.get_errno(), "BPF_ENABLE_STATS")
print("ready", flush=True)
time.sleep(30)'
	await_ready counting
	seg --src "$SEG4" --dst "$SRV4" --sport 4002 --dport 9 --repeat 10 --wait 100 > /dev/null
	scrape
	holds "runs of XDP are counted while the kernel does" "$(value bpf_runs_total program=xdp) >= 10"
	check "and their time" grep -qE '^synshield_bpf_run_time_seconds_total\{.*program="xdp"\} (0\.0*[1-9]|[1-9])' "$TMP/page"
	stop "$PID"
}

# What others say of the page, as it is now: with all there is on it.
test_others()
{
	local -a unused=(process_start_time_seconds)

	check "the dashboard shows what is on the page, and all of it" \
		judge dashboard "$TMP/page" "$ROOT/contrib/grafana/synshield.json" "${unused[@]}"
	judge expressions "$ROOT/contrib/grafana/synshield.json" > "$TMP/panels.yml"
	check "promtool understands its expressions" promtool check rules "$TMP/panels.yml"
	check "promtool accepts the alerts" promtool check rules "$ROOT/contrib/prometheus/alerts.yml"
	check "which ask for what is on the page" judge alerts "$TMP/page" "$ROOT/contrib/prometheus/alerts.yml"
	judge table "$TMP/page" > "$TMP/table"
	check "the docs list what is on the page" diff <(grep -E '^\| `(synshield|process)_' "$ROOT/docs/operations.md") "$TMP/table"
}

test_flood()
{
	start_flood flood --port $PORT --rate 30000 --seconds 4
	becomes "a listener is under attack while a flood runs" 1 listener_under_attack address="$SRV4" port=$PORT
	check "the page is one then, too" judge parse "$TMP/page"
	becomes "and so is the interface" 1 listeners_under_attack
	becomes "the attack is counted" 1 attacks_total
	wait "$PID"
	settle
	scrape
	holds "SYNs are counted" "$(value syns_total) >= $(field sent < "$TMP/flood.out") / 2"
	holds "and the peak of it is known" "$(value listener_attack_peak_syns_per_second port=$PORT) > 1000"
}

test_many_listeners()
{
	spawn many srv python3 -c 'import socket, time
s = [socket.create_server(("10.77.0.1", 10000 + i)) for i in range(80)]
print("ready", flush=True)
time.sleep(60)'
	await_ready many
	becomes "80 more listeners are counted" 83 listeners
	is "$(judge series "$TMP/page" synshield_listener_half_open)" 64 "but 64 at most told of singly"
	is "$(judge series "$TMP/page" synshield_listener_attacks_total address="$SRV4" port=$PORT)" 1 \
		"among them the one that was attacked"
	stop "$PID"
}

# 100 connections that say nothing, and one that says a letter now and then.
test_slow_clients()
{
	spawn slow srv python3 -c 'import socket, time
slow = socket.create_connection(("127.0.0.1", 9750))
idle = [socket.socket() for _ in range(100)]
for s in idle:  # most wait for their turn
    s.setblocking(False)
    s.connect_ex(("127.0.0.1", 9750))
print("ready", flush=True)
start = time.monotonic()
try:
    while time.monotonic() - start < 30:
        slow.sendall(b"G")
        time.sleep(0.2)
except OSError:
    print("cut off", flush=True)
time.sleep(60)'
	await_ready slow
	step connect 30 "$SRV4" $PORT 23000
	shield metrics > "$TMP/text"
	await 10 "the daemon to follow beside slow clients" eval \
		"'$SYNSHIELD' metrics --pin-dir '$PIN_DIR' | grep -q 'connections_local.*ESTABLISHED\"} 1'"
	ok "the daemon follows connections while slow clients hold all of its own"
	await 20 "the slow client's end" grep -q "cut off" "$TMP/slow.out"
	ok "who sends a byte now and then is cut off"
	stop "$PID"
	is "$(http $URL/metrics | cut -c 1-3)" 200 "and when they are gone it serves again"
}

test_file()
{
	local -i first

	is "$(said "warning: cannot write the metrics to $DISK/s.prom, trying again every 15 s: No space left")" 1 \
		"a full disk is said, once"
	on_disk mount -o remount,size=1m "$DISK"
	await 20 "the file to be written" has_said "the metrics are written to $DISK/s.prom again"
	ok "and that it has room again, too"
	is "$(on_disk find "$DISK" -type f -printf '%f %m ')" "s.prom 644 " "the file stands alone, for all to read"
	on_disk cat "$DISK/s.prom" > "$TMP/text"
	check "promtool accepts it" promtool check metrics < "$TMP/text"
	is "$(grep -c '^process_\|^synshield_daemon_running.* 1$' "$TMP/text")" 1 \
		"it tells of the daemon, but not of its process"
	first=$(grep -o '^synshield_packets_total.*"closed_port"} [1-9][0-9]*' "$TMP/text" | awk '{ n += $2 } END { print n }')
	is "$first" "$(value packets_total reason=closed_port)" "its counters have gone on"
}

# The file of a daemon that stopped is one that nobody has to doubt.
test_end()
{
	mkdir "$TMP/keep"
	stop "$SHIELD_PID"
	shield metrics --openmetrics > "$TMP/page"
	is "$(value daemon_running) $(value attached)" "0 1" "without a daemon the page says so"
	is "$(judge series "$TMP/page" synshield_connections_local)" 0 "and not what nobody counts"
	check "what the programs count goes on" test "$(value packets_total reason=closed_port)" -gt 37
	shield_again --metrics "$SRV4:9750" --metrics-file "$TMP/keep/s.prom"
	is "$(said "warning: whoever reaches $SRV4:9750 can read the metrics: there is no password")" 1 \
		"an address that others reach is warned of"
	is "$(in_cli curl -s -o /dev/null --max-time 5 -w '%{http_code}' "http://$SRV4:9750/metrics")" 200 \
		"and reached by them"
	await 5 "the file" test -s "$TMP/keep/s.prom"
	stop "$SHIELD_PID"
	is "$(grep '^synshield_daemon_running' "$TMP/keep/s.prom" | cut -d ' ' -f 2)" 0 \
		"the last page in the file says that no daemon runs"
	shield_again --metrics-file "$TMP/gone/s.prom"
	await 5 "the warning" has_said "warning: cannot write the metrics to $TMP/gone/s.prom.*No such file"
	ok "a directory that is not there stops nothing"
	shield_down
}

topo_up
step listen $PORT
test_refusals
start_daemon --metrics 9750 --metrics-file "$DISK/s.prom"
test_http
test_values
test_bpf
test_others
test_flood
test_many_listeners
test_slow_clients
test_file
test_end
done_testing
