#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Everything at once, and for long (SOAK_SECONDS, or what CI has): floods of changing kind and rate, real
# clients, changes of the settings, restarts of the daemon, commands that read. Every connection is served
# and every transfer whole; once the load is over, memory, descriptors, maps, pins and programs are as
# they were before it.
#
# lib.sh draws the wire. On the server:
#    80  reads a line, answers, closes first        90  takes streams, 91 sends them
#    81  echoes; clients close first                94  held connections: open all the time
#    82  nobody                                     85  a listener that comes and goes
#  8080  nginx
#
# What is done in turn, a step about every half second, makes a round. In the first half of the time each
# round begins with two restarts; one daemon lives through the second, so that what it loses adds up.
# build/soak.csv has the figures over time.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/net/lib-left.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib-left.sh"

LENGTH=${SOAK_SECONDS:-16}
LONG=$((LENGTH >= 240))
WARM_UP=$((LONG ? 120 : 1)) # s; by then there are as many in TIME_WAIT as there will be
SAMPLE=$((LONG ? 10 : 3)) # s between two samples
FILE=$TMP/synshield.conf
CSV=$ROOT/build/soak.csv
WRONG=$TMP/wrong # a line for each thing that was not as it should be
METRICS=9750
: > "$WRONG"
# What is freed goes back to the kernel, so that a leak does not hide in what was free.
export MALLOC_MMAP_THRESHOLD_=16384 MALLOC_TRIM_THRESHOLD_=16384

wrong() { echo "$SECONDS s, $ROUND: $*" | tee -a "$WRONG" | sed 's/^/# /'; }
ROUND=0

# done_with PID...: it has ended, and its id may be another's from now on.
done_with()
{
	local pid i
	for pid; do
		wait "$pid"
		for i in "${!PIDS[@]}"; do
			[[ ${PIDS[i]} == "$pid" ]] && unset "PIDS[i]"
		done
	done
}

## Figures

FIGURES=(rss_kb pss_kb heap_kb descriptors kernel_kb slab_kb policy lists locals listeners conns closing sources
	programs links pins sockets)
ENTRIES=(policy lists locals listeners conns closing sources)
declare -A FIRST=() WARM=() LAST=() HIGHEST=()

entries() { bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/$1" | grep -o '"formatted"' | wc -l; }

# kernel_kb: what the kernel holds for the maps and programs that the daemon has open
kernel_kb() { awk '/^memlock:/ { n += $2 } END { print int(n / 1024) }' "/proc/$SHIELD_PID"/fdinfo/*; }

# links: those of the programs that use our maps
links()
{
	local ids
	ids=$(bpftool -j prog show | tr '{' '\n' | grep -E "\"map_ids\":\[([0-9,]*,)?$(map_id)[],]" |
		sed -n 's/.*"id":\([0-9]*\),"type.*/\1/p' | paste -sd '|')
	bpftool -j link show | tr '{' '\n' | grep -Ec "\"prog_id\":($ids)[,}]"
}

# open_files: of the daemon, by kind
open_files()
{
	find "/proc/$SHIELD_PID/fd" -type l -printf '%l\n' | sed 's/:\[.*//' | sort | uniq -c
}

# figures: in the order of FIGURES
figures()
{
	local map
	awk '$1 ~ /^(Rss|Pss|Anonymous):/ { print $2 }' "/proc/$SHIELD_PID/smaps_rollup"
	ls "/proc/$SHIELD_PID/fd" | wc -l
	kernel_kb
	awk '/^SUnreclaim:/ { print $2 }' /proc/meminfo
	for map in "${ENTRIES[@]}"; do
		entries "$map"
	done
	programs "$(map_id)"
	links
	ls "$PIN_DIR/$SRV_IF" | wc -l
	in_srv ss -Htan | grep -vc LISTEN
}

# measure [FIRST|WARM|LAST]: takes a sample, and keeps it under that name
measure()
{
	local -a now
	local i name
	mapfile -t now < <(figures)
	for i in "${!FIGURES[@]}"; do
		name=${FIGURES[i]}
		[[ ${1:-} ]] && printf -v "$1[$name]" %s "${now[i]}"
		((now[i] > ${HIGHEST[$name]:--1})) && HIGHEST[$name]=${now[i]}
	done
	[[ ${1:-} ]] && open_files > "$TMP/files.$1"
	(
		IFS=,
		echo "$SECONDS,$ROUND,$SHIELD_PID,${now[*]}" >> "$CSV"
	)
	SAMPLED=$SECONDS
}

show_figures()
{
	local name
	printf '# %-12s %9s %9s %9s %9s\n' '' first warm last highest
	for name in "${FIGURES[@]}"; do
		printf '# %-12s %9d %9d %9d %9d\n' "$name" "${FIRST[$name]}" "${WARM[$name]}" \
			"${LAST[$name]}" "${HIGHEST[$name]}"
	done
}

## The flood: one after the other, each of another kind, family, rate and port

KINDS=(syn mix bare-syn ack rst data fragment)
RATES=(20000 2000 200000)
FLOOD_PORTS=(80 81 8080 82 90)
FLOODS=0 MISSED=0 OFFERED=0 FLOOD=

flood_goes_on()
{
	local -a family=()
	if [[ $FLOOD ]]; then
		running "$FLOOD" && return
		done_with "$FLOOD"
		count_flood
	fi
	((FLOODS % 2)) && family=(--v6)
	start_flood flood "${family[@]}" --kind "${KINDS[FLOODS % 7]}" --rate "${RATES[FLOODS % 3]}" \
		--port "${FLOOD_PORTS[FLOODS % 5]}" --seconds $((LONG ? 5 : 2)) --seed $FLOODS
	FLOOD=$PID
	FLOODS+=1
}

count_flood()
{
	local -i sent
	sent=$(field sent < "$TMP/flood.out")
	# its alarm ends a generator that a busy machine does not let run: it says nothing then
	((sent)) || MISSED+=1
	OFFERED+=sent
}

declare -i FLOODS MISSED OFFERED

## Clients, that never stop

LOOPS=()

# clients NAME RATE ADDRESS PORT OPTION...: connections from 16 addresses
clients()
{
	local src=$CLI4
	[[ $3 == *:* ]] && src=$CLI6
	over_and_over "$1" cli "$TOOLS/tcpc" get -n $(($2 * 4)) -c 32 --rate "$2" --timeout 30 \
		--src-range "$src,16" "${@:5}" "$3" "$4"
	LOOPS+=("$PID $1")
}

# transfers NAME ADDRESS PORT OPTION...
transfers()
{
	over_and_over "$1" cli "$TOOLS/tcpc" transfer --timeout 60 "${@:4}" "$2" "$3"
	LOOPS+=("$PID $1")
}

# browse NAME URL
browse()
{
	over_and_over "$1" cli bash -c "sum=\$(curl -sSf --max-time 60 $2 | sha256sum) &&
		[[ \$sum == '$FILE_SUM' ]] && echo ok && sleep 0.3"
	LOOPS+=("$PID $1")
}

# slow NAME ADDRESS PORT --send|--recv BYTES: one that lasts all the time
slow()
{
	spawn "$1" cli "$TOOLS/tcpc" transfer --timeout 60 --byte-rate $BYTE_RATE "${@:4}" "$2" "$3"
	SLOW+=("$PID $1")
}
SLOW=()
BYTE_RATE=2000

start_clients()
{
	clients close4 60 "$SRV4" 80
	clients close6 60 "$SRV6" 81 --line abcd --bytes 4
	# the server closes, too: else a RST that a ring loses leaves its socket open for ever
	clients abort4 10 "$SRV4" 80 --abort
	clients abort6 10 "$SRV6" 80 --abort
	transfers up4 "$SRV4" 90 --send 400000 --byte-rate 200000
	transfers down6 "$SRV6" 91 --recv 400000 --byte-rate 200000
	browse nginx4 "http://$SRV4:8080/file"
	browse nginx6 "http://[$SRV6]:8080/file"
	slow slow4 "$SRV4" 90 --send $((LENGTH * BYTE_RATE))
	slow slow6 "$SRV6" 90 --send $((LENGTH * BYTE_RATE))
}

start_servers()
{
	mkdir -p "$TMP/www"
	head -c 300000 /dev/urandom > "$TMP/www/file"
	FILE_SUM=$(sha256sum < "$TMP/www/file")
	nginx_up 2 <<-END
		server {
			listen 0.0.0.0:8080 backlog=4096;
			listen [::]:8080 ipv6only=on backlog=4096;
			root $TMP/www;
		}
	END
	start_server web --listen :: 80
	start_server echo --listen :: 81 echo
	start_server take --listen :: 90 sink
	start_server give --listen :: 91 source --bytes 400000
	await 10 "nginx" eval "in_srv ss -Hltn 'sport = :8080' | grep -q ."
}

# The loops' and the slow transfers' results
clients_end()
{
	local loop
	for loop in "${LOOPS[@]}"; do
		kill -TERM "${loop% *}"
	done
	for loop in "${LOOPS[@]}" "${SLOW[@]}"; do
		done_with "${loop% *}"
	done
}

## Held connections: open all the time, half of them half-closed by one end

HELD=() # number of it here and there, and who has closed its half

held_open()
{
	local i address here there closed ends=(none none here there)
	for i in {0..15}; do
		address=$SRV4 closed=${ends[i / 4]}
		((i % 2)) && address=$SRV6
		says here connect - - "$address" 94
		here=$CONN
		says there accept
		there=$CONN
		HELD+=("$here $there $closed")
		[[ $closed == here ]] && says here shut "$here" && hears there "$there" eof
		[[ $closed == there ]] && says there shut "$there" && hears here "$here" eof
	done
	return 0
}

# says END COMMAND...: which is done
says()
{
	ask "$@"
	[[ $HEARD == ok* ]] || wrong "$*: $HEARD"
}

# hears END CONN TEXT
hears()
{
	ask "$1" recv "$2" 30
	[[ $HEARD == "$3" ]] || wrong "$1, connection $2: '$HEARD' in place of '$3'"
}

# hears_reset END CONN: at the latest when it speaks itself, as a ring may have lost the first RST
hears_reset()
{
	ask "$1" recv "$2" 3
	[[ $HEARD == ECONNRESET ]] && return
	ask "$1" send "$2" hello
	hears "$1" "$2" ECONNRESET
}

held_talk()
{
	local held here there closed
	for held in "${HELD[@]}"; do
		read -r here there closed <<< "$held"
		[[ $closed != here ]] && says here send "$here" "up-$ROUND" && hears there "$there" "up-$ROUND"
		[[ $closed != there ]] && says there send "$there" "down-$ROUND" && hears here "$here" "down-$ROUND"
	done
}

held_close()
{
	local held here there closed
	for held in "${HELD[@]}"; do
		read -r here there closed <<< "$held"
		says here close "$here"
		[[ $closed != here ]] && hears there "$there" eof
		says there close "$there"
	done
}

# One more each round, aborted by one end or the other
held_abort()
{
	local here there
	says here connect - - "$SRV4" 94
	here=$CONN
	says there accept
	there=$CONN
	if ((ROUND % 2)); then
		says here abort "$here"
		hears_reset there "$there"
		says there close "$there"
	else
		says there abort "$there"
		hears_reset here "$here"
		says here close "$here"
	fi
}

## The daemon, and what is set

# write a|b: the file, with its own settings, ports and lists
write()
{
	cat > "$FILE" <<-END
		metrics = 127.0.0.1:$METRICS
		conns = 16384
		[$SRV_IF]
		msl = 1
		syn-received-timeout = 3
		last-ack-timeout = 5
	END
	[[ $1 == a ]] && cat >> "$FILE" <<-END
		quiet = 2
		syn-rate = 1000
		deny = 203.0.113.0/24, 2001:db8::/32
	END
	[[ $1 == b ]] && cat >> "$FILE" <<-END
		quiet = 3
		mode = always
		epoch = 4
		half-open-timeout = 2
		source-conns = 5000
		deny = 198.51.100.0/24, 198.18.0.0/18, 2001:db8:1::/48
		allow = $CLI4, fd77::1:2
		[$SRV_IF:81]
		source-rate = 5000
		syn-rate = 100
	END
	return 0
}

run_again()
{
	done_with "$SHIELD_PID" 2> /dev/null
	shield_again --config "$FILE"
	((RESTARTS++))
}
RESTARTS=0 RELOADS=0

reload()
{
	local before
	write "$1"
	before=$(grep -c ': quiet ' "$TMP/shield.err")
	kill -HUP "$SHIELD_PID"
	await 20 "the reload" eval "((\$(grep -c ': quiet ' '$TMP/shield.err') > $before))"
	((RELOADS++))
}

# does COMMAND...: of the shield
does() { shield "$@" > "$TMP/does" 2>&1 || wrong "$*: $(cat "$TMP/does")"; }
sets() { does set "$SRV_IF" "$@"; }

guest_gone()
{
	stop "$GUEST"
	done_with "$GUEST"
	[[ $(in_cli "$TOOLS/tcpc" get --timeout 1 "$SRV4" 85 | field ok) == 0 ]] || wrong "served by nobody"
}

guest_back()
{
	local address result
	start_server guest --listen :: 85
	GUEST=$PID
	for address in "$SRV4" "$SRV6"; do
		result=$(in_cli "$TOOLS/tcpc" get -n 4 -c 4 --timeout 30 "$address" 85)
		[[ $(field ok <<< "$result") == 4 ]] || wrong "a new listener: $result"
	done
}

restarts() # in the first half
{
	((SECONDS < LENGTH / 2 || ROUND == 1)) || return 0
	stop "$SHIELD_PID"
	run_again
	{
		kill -KILL "$SHIELD_PID"
		wait "$SHIELD_PID"
	} 2> /dev/null
	pause 0.5
	run_again
}

STEPS=(
	restarts
	"sets mode=always"
	held_talk
	"sets syn-rate=200 half-open=64 mode=auto"
	guest_gone
	"does deny add 198.18.0.0/16 fd66:1::/34"
	"sets source-conns=2000 source-rate=2000 81:source-conns=1000"
	"does allow add $CLI4 fd77::1:3"
	guest_back
	"sets mode=observe reset=drop"
	held_talk
	"reload b"
	"does deny del 198.18.0.0/18"
	held_abort
	"sets source-conns=off source-rate=off 81:source-rate=inherit 81:mode=off"
	"sets mode=off"
	"sets mode=always max-syn-backlog=8192 epoch=2"
	"reload a"
	"pause $((LONG ? 5 : 2))" # only after four seconds without a change is it sure of its table
	held_talk
)

# read_something: each of these in turn
READERS=("status --json" "conns --json" stats metrics config "conns established" status "deny list")
READS=0

read_something()
{
	# shellcheck disable=SC2086 # words
	shield ${READERS[READS % ${#READERS[@]}]} > "$TMP/read" 2>&1 && [[ -s $TMP/read ]] ||
		wrong "${READERS[READS % ${#READERS[@]}]}: $(tail -n 2 "$TMP/read")"
	if ((READS % 4 == 0)); then
		in_srv curl -sSf --max-time 20 "http://127.0.0.1:$METRICS/metrics" > "$TMP/read" 2>&1 &&
			grep -q '^synshield_map_entries' "$TMP/read" || wrong "metrics: $(tail -n 1 "$TMP/read")"
	fi
	((++READS))
}

round()
{
	local step
	((++ROUND))
	for step in "${STEPS[@]}"; do
		# shellcheck disable=SC2086 # words
		$step
		flood_goes_on
		read_something
		((SECONDS - SAMPLED < SAMPLE)) || measure
		pause 0.1
	done
}

## The end

# forged: connections of the flood's sources. One ACK in 2^24 happens to bear a valid cookie, and the
# server waits for a line that never comes.
forged() { in_srv ss -Htan | grep -v -e LISTEN -e TIME-WAIT | grep -cE '[ :]198\.1[89]\.[0-9.]*\]?:|\[fd66:'; }

# expected NAME: as at first, with what the forged ones have
expected()
{
	[[ $1 == conns || $1 == closing ]] && echo $((FIRST[$1] + $(forged))) || echo "${FIRST[$1]}"
}

as_at_first()
{
	local map
	for map in "${ENTRIES[@]}"; do
		[[ $(entries "$map") == "$(expected "$map")" ]] || return
	done
}

# calm: until the maps are as they were, or for long enough: TIME_WAIT lasts 60 s in the kernel, and the
# daemon may ask for what was in it another 60 s later
calm()
{
	local -i deadline=$((SECONDS + (LONG ? 180 : 20)))
	until as_at_first || ((SECONDS > deadline)); do
		pause 0.5
	done
	pause 1
}

# summed NAME FIELD: of the results, a line each
summed() { grep -o "\"$2\":[0-9]*" "$TMP/$1.out" | awk -F: '{ n += $2 } END { print n + 0 }'; }

connections_served()
{
	local name
	local -i attempted all=0
	for name in close4 close6 abort4 abort6; do
		attempted=$(summed $name attempted)
		all+=attempted
		is "$(summed $name ok) $(grep -c '^failed' "$TMP/$name.out")" "$attempted 0" \
			"every connection was served: $attempted of $attempted ($name)"
		holds "there were many ($name)" "attempted > LENGTH * 5"
	done
	for name in up4 down6 nginx4 nginx6 slow4 slow6; do
		attempted=$(wc -l < "$TMP/$name.out")
		all+=attempted
		is "$(grep -c '^ok' "$TMP/$name.out")" "$attempted" \
			"every transfer was whole and right: $attempted of $attempted ($name)"
		[[ $name == slow* ]] || holds "there were many ($name)" "attempted > LENGTH / 10"
	done
	diag "$all connections and transfers; $ROUND rounds, $RESTARTS restarts, $RELOADS reloads, $READS reads"
}

figures_are_as_before()
{
	local name
	for name in kernel_kb "${ENTRIES[@]}" programs links pins; do
		is "${LAST[$name]}" "$(expected "$name")" "$name: ${FIRST[$name]}, as before"
	done
	# some are opened when they are needed first
	is "$(< "$TMP/files.LAST")" "$(< "$TMP/files.WARM")" "the daemon's descriptors: ${WARM[descriptors]}, as when warm"
	holds "the daemon's memory has not grown" "LAST[heap_kb] <= WARM[heap_kb] + 256"
}

topo_up
thread_napi "$NS_SRV" "$SRV_IF"
sysctl_in "$NS_SRV" net.ipv4.tcp_synack_retries 1 # requests are gone after 3 s, not 63
((LONG)) || sysctl_in "$NS_SRV" net.ipv4.tcp_max_tw_buckets 0
start_servers
sockets_up here cli # before the daemon, which would have more descriptors of ours after it
sockets_up there srv
ask there listen :: 94 4096
start_server guest --listen :: 85
GUEST=$PID
write a
shield_up --config "$FILE"
SECONDS=0 SAMPLED=0
(IFS=,; echo "seconds,round,daemon,${FIGURES[*]}" > "$CSV")
take before
pause 2
measure FIRST
held_open
start_clients
while ((SECONDS < LENGTH || ROUND < 2)); do
	round
	[[ ! ${WARM[*]} ]] && ((SECONDS >= WARM_UP)) && measure WARM
done
stop "$FLOOD"
done_with "$FLOOD"
count_flood
clients_end
held_close
calm
measure LAST
take after
connections_served
show_figures
in_srv ss -Htano | grep -v LISTEN | head -n 5 | sed 's/^/# left: /'
diag "offered $OFFERED packets in $FLOODS floods, $((OFFERED / SECONDS)) a second; $((OFFERED - $(grown wire lost))) received"
holds "floods came, all but $MISSED of $FLOODS" "MISSED * 10 <= FLOODS"
holds "no more was forged than has to be expected: $(forged)" "$(forged) <= 5 + OFFERED / 2**22"
is "$(cat "$WRONG")" '' "nothing else went wrong"
figures_are_as_before
MAP=$(map_id)
shield_down > /dev/null || not_ok detach
check "detached: nothing is left in the kernel" soon_clean "$MAP"
done_testing
