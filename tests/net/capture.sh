#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `synshield capture`: packets on record as they came in, byte for byte as their sender saw them leave,
# each with what became of it, and why; read by tshark. Every reason that one segment shows
# (tests/tools/medley.rows), in modes auto and observe; filters, bounds, pipes, full disks. Topology: see
# lib.sh; frames are sent on its server's end, past the bridge. On the server 80 is open, 81 closed, 82
# in mode off and closed.

# shellcheck source=tests/net/lib.sh disable=SC2119,SC2153
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

FILE=$TMP/capture.pcapng
FLOOD=500000

# Reasons that mode observe does not stand in for: they are the same in any mode.
SAME='not_tcp fragment not_local other_station off'
# Reasons that a packet alone is enough for, whatever was before it and comes after it.
ALONE='bad_flags port_zero martian bad_tcp bad_options'

# capture_up NAME [OPTION...]: in the background, into FILE unless it says otherwise; returns once it runs
capture_up()
{
	local name=$1 to=(-w "$FILE" --force)
	shift
	[[ " $* " == *" -w "* ]] && to=()
	spawn "$name" srv "$SYNSHIELD" capture --pin-dir "$PIN_DIR" "$SRV_IF" "${to[@]}" -s 60 "$@"
	CAPTURE_PID=$PID
	await_said "$PID" "$name.err" "capturing" "$name"
}

# capture_end NAME: as from a terminal; leaves its exit code in CODE, N and M of its last line too
capture_end()
{
	settle
	kill -INT "$CAPTURE_PID" 2> /dev/null
	capture_ends "$1"
}
capture_ends()
{
	wait "$CAPTURE_PID"
	CODE=$?
	read -r N M < <(sed -n 's/.*: \([0-9]*\) packets, \([0-9]*\) not recorded.*/\1 \2/p' "$TMP/$1.err")
}

read_capture() { tshark -n -r "$FILE" "$@" 2> "$TMP/tshark.err"; }
comments() { read_capture -T fields -e frame.comment; }
packets() { read_capture | wc -l; }

# frames VERSION NAME...: what medley.py calls so, each from a port of its own
SPORT=30000
frames()
{
	local name
	for name in "${@:2}"; do
		SPORT=$((SPORT + 1))
		echo "$1 $name $SPORT" >&"${MEDLEY[1]}"
		read -r -t 10 _ <&"${MEDLEY[0]}" || bail "no such frame: $name"
	done
}

# rows_of VERSION: those of medley.rows that there are, "VERSION NAME ACTION.REASON"
rows_of()
{
	local skip='^(headers-6|headers-7|martian-mapped)$'
	[[ $1 == 6 ]] && skip='^(ihl-4|version-6|length-under|martian-broadcast|fragment-8)$'
	awk -v skip="$skip" -v version="$1" '/^[a-z]/ && $1 !~ skip { print version, $1, $2 }' \
		"$ROOT/tests/tools/medley.rows"
}

# expect_comments MODE: what is to be said of the rows
expect_comments()
{
	python3 - "$ROOT/include/synshield/reasons.h" "$1" "$SAME" <<- 'END' 3< "$TMP/rows"
		import re, sys
		text = dict(re.findall(r'X\((\w+),\s*"([^"]*)"\)', open(sys.argv[1]).read()))
		for line in open(3):
		    action, reason = line.split()[2].split(".")
		    would = "would " if sys.argv[2] == "observe" and reason not in sys.argv[3].split() else ""
		    print(f"{would}{action}: {reason} ({text[reason]})")
	END
}

# Both captures, of sender and shield, as frames in hex.
hex() { "$ROOT/tests/tools/frames.py" < "$1"; }
sent_all() { (($(hex "$TMP/sent.pcap" | wc -l) >= $(wc -l < "$TMP/rows"))); }

# every_row MODE
every_row()
{
	local name="mode $1" start=$EPOCHREALTIME dump version row ours
	ours="eth.src == $(link_mac "$NS_NET" "$NET_SRV") && !(eth.dst.ig == 1)"
	spawn sent net tcpdump -n -p -i "$NET_SRV" -Q out --immediate-mode -U -w "$TMP/sent.pcap" \
		ether src "$(link_mac "$NS_NET" "$NET_SRV")" and not ether multicast
	dump=$PID
	await_said "$PID" sent.err "listening on" sent
	capture_up every --action all --snaplen 2000
	while read -r version row _; do frames "$version" "$row"; done < "$TMP/rows"
	capture_end every
	await 10 "tcpdump to see all" sent_all
	stop "$dump"
	is "$CODE $M" "0 0" "$name: the capture ends well, and has everything"
	read_capture -Y "$ours" -F pcap -w "$TMP/got.pcap"
	check "$name: byte for byte what the sender sent" diff <(hex "$TMP/sent.pcap") <(hex "$TMP/got.pcap")
	read_capture -Y "$ours" -T fields -e frame.comment -e frame.interface_name \
		-e frame.packet_flags_direction -e frame.time_epoch > "$TMP/told"
	expect_comments "$1" > "$TMP/expected"
	check "$name: each with what became of it, and why" diff "$TMP/expected" <(cut -f 1 "$TMP/told")
	is "$(cut -f 2,3 "$TMP/told" | sort -u)" "$SRV_IF	0x00000001" "$name: received, on this interface"
	is "$(awk -F '\t' -v from="$start" -v to="$EPOCHREALTIME" '$4 < from || $4 > to' "$TMP/told" | wc -l)" 0 \
		"$name: at times within this test's"
}

# The rows with reasons that a packet alone is enough for get the same ones again.
replayed()
{
	check "replay reads what capture wrote" "$SYNSHIELD" replay "$FILE" --json
	"$SYNSHIELD" replay "$FILE" --json > "$TMP/replay.json"
	check "and comes to the same verdicts, where a packet alone is enough for one" \
		python3 - "$TMP/replay.json" "$TMP/rows" "$ALONE" <<- 'END'
		import json, sys
		alone = sys.argv[3].split()
		rows = [row.split() for row in open(sys.argv[2])]
		# it knows of no port in mode off
		wanted = ["drop.bad_flags" if row[1] == "null-off" else row[2] for row in rows]
		wanted = sorted(row for row in wanted if row.split(".")[1] in alone)
		lines = [json.loads(line) for line in open(sys.argv[1])]
		got = sorted(f"{v['action']}.{v['reason']}" for v in lines[-1]["verdicts"]
		             for _ in range(v["packets"]) if v["reason"] in alone)
		print(wanted, got, sep="\n")
		assert len(set(wanted)) == len(alone) and wanted == got
	END
}

# What is asked for, and nothing else.
filters()
{
	local mixed=(syn-closed null rst xmas ack-closed martian-own syn-closed null rst)
	capture_up default
	frames 4 "${mixed[@]}"
	capture_end default
	is "$(comments | sed 's/ (.*//' | xargs)" \
		"drop: bad_flags drop: unknown_rst drop: bad_flags drop: martian drop: bad_flags drop: unknown_rst" \
		"by default: what was dropped"
	is "$(stat -c '%a %U' "$FILE")" "600 root" "for its owner's eyes alone"
	capture_up reasons --reason bad_flags,closed_port
	frames 4 "${mixed[@]}"
	capture_end reasons
	is "$(comments | sed 's/ (.*//' | sort | uniq -c | xargs)" "3 drop: bad_flags 2 reply: closed_port" \
		"--reason: these, whatever was done"
	capture_up both --reason bad_flags,closed_port --action reply
	frames 4 "${mixed[@]}"
	capture_end both
	is "$(comments | sed 's/ (.*//' | xargs)" "reply: closed_port reply: closed_port" "--reason with --action: both"
	capture_up where --action all --port 81 --remote "${SEG6%:*}:0/120"
	frames 4 "${mixed[@]}"
	frames 6 "${mixed[@]}"
	capture_end where
	is "$(read_capture -T fields -e ipv6.src -e tcp.dstport | sort | uniq -c | xargs)" "3 $SEG6 81" \
		"--remote and --port: of that prefix, to that port"
	capture_up limit -n 2
	frames 4 "${mixed[@]}"
	capture_ends limit
	is "$CODE $N $M $(packets)" "0 2 0 2" "--limit: it ends by itself, with exactly so many"
	capture_up cut -n 1 --snaplen 64
	frames 4 udp fragment-first null length-over
	capture_ends cut
	is "$(read_capture -T fields -e frame.cap_len -e frame.len)" "54	54" "--snaplen: what is shorter is whole"
}

# A flood is sampled, and what is not on record is counted: together all that was dropped.
flooded()
{
	local -i before sent lost from=${EPOCHREALTIME/[.,]/} most
	shield set "$SRV_IF" reset=drop > /dev/null
	before=$(counted drop closed_port)
	take before
	capture_up flood --rate 100
	start_flood flooding --port 81 --rate $FLOOD --seconds 2
	await 30 "the flood to end" eval '! running "$PID"'
	take after
	capture_end flood
	most=$((100 * ((${EPOCHREALTIME/[.,]/} - from) / 1000000 + 2)))
	sent=$(field sent < "$TMP/flooding.out") lost=$(grown wire lost)
	diag "$sent SYNs in 2 s: $N on record, $M not; the rings lost $lost"
	holds "a flood: a hundred at once are on record, and a hundred a second" "N >= 100 && N <= $most"
	is "$((N + M)) $(($(counted drop closed_port) - before))" "$((sent - lost)) $((sent - lost))" \
		"with those that are not they are all that were sent, as in the counters"
	is "$(packets) $(capinfos -r -T -c "$FILE" 2> /dev/null | cut -f 2)" "$N $N" \
		"the file has what was said, capinfos says so, too"
	shield set "$SRV_IF" reset=reply > /dev/null
}

until_jiffies()
{
	bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/capture" | sed 's/.*"until_jiffies":\([0-9]*\).*/\1/'
}
jiffies() { sed -n 's/^jiffies: //p' /proc/timer_list | sort -n | tail -n 1; }

killed()
{
	local -i until
	capture_up killed
	until=$(until_jiffies)
	holds "while it runs packets are recorded" "until > $(jiffies)"
	kill -KILL "$CAPTURE_PID"
	await 5 "the capture to be gone" eval '! running "$CAPTURE_PID"'
	until=$(until_jiffies)
	await 10 "its time to be over" eval '(($(jiffies) > until))'
	is "$(until_jiffies)" "$until" "nobody renews it when it was killed"
	capture_up after
	frames 4 null
	capture_end after
	is "$CODE $N $M" "0 1 0" "which has nothing of what the killed one asked for"
}

# A file system of 64 kB that nobody else sees; the file is copied out of it.
full_disk()
{
	mkdir "$TMP/small"
	spawn full srv unshare -m bash -c 'mount -t tmpfs -o size=64k none "$1" || exit 9
		"${@:3}" -w "$1/file"; code=$?; cp "$1/file" "$2"; exit $code' full "$TMP/small" "$TMP/full.pcapng" \
		"$SYNSHIELD" capture --pin-dir "$PIN_DIR" "$SRV_IF" --action all
	CAPTURE_PID=$PID
	await_said "$PID" full.err "capturing" full
	start_flood filling --port 81 --rate 5000 --count 2000 --seconds 20
	capture_ends full
	is "$CODE $(grep -c "cannot write $TMP/small/file: what it has so far is whole: No space left" "$TMP/full.err")" \
		"1 1" "a full disk ends it, and is said"
	is "$(FILE=$TMP/full.pcapng packets) $(grep -vc "^Running as" "$TMP/tshark.err")" "$N 0" \
		"what is in the file is whole"
	holds "as much as there was room for" "N > 200 && $(stat -c %s "$TMP/full.pcapng") <= 65536"
}

pipes()
{
	local to=("$SYNSHIELD" capture --pin-dir "$PIN_DIR" "$SRV_IF" -w -)
	spawn piped srv bash -c '"$@" -n 3 | tshark -l -n -r - -T fields -e frame.comment 2> /dev/null' piped "${to[@]}"
	await_said "$PID" piped.err capturing piped
	frames 4 null xmas rst
	wait "$PID"
	is "$(sed 's/ (.*//' "$TMP/piped.out" | xargs)" "drop: bad_flags drop: bad_flags drop: unknown_rst" \
		"standard output, for tshark"
	spawn gone srv bash -c '"$@" | head -c 1 > /dev/null; echo "${PIPESTATUS[0]}"' gone "${to[@]}"
	await_said "$PID" gone.err capturing gone
	wait "$PID"
	is "$(< "$TMP/gone.out") $(grep -c "standard output: nobody reads any more" "$TMP/gone.err")" "1 1" \
		"a reader that has gone ends it, without a packet, and is said"
	script -qec "nsenter --net=/run/netns/$NS_SRV ${to[*]}" /dev/null > "$TMP/terminal" < /dev/null
	is "$? $(grep -c "nothing for a terminal" "$TMP/terminal")" "1 1" "a terminal is refused"
}

# wrong CODE MESSAGE NAME OPTION...
wrong()
{
	local said
	said=$(in_srv timeout 20 "$SYNSHIELD" capture --pin-dir "$PIN_DIR" "$SRV_IF" "${@:4}" 2>&1)
	is "$? $(grep -c -- "$2" <<< "$said")" "$1 1" "$3"
}

# A file that somebody else made where the capture goes, who has it open, and knows it by another name.
others_files()
{
	local theirs=$TMP/theirs
	echo theirs > "$theirs"
	ln "$theirs" "$theirs.too"
	chown nobody "$theirs"
	chmod 666 "$theirs"
	exec {FD}< "$theirs"
	capture_up theirs -w "$theirs" --force
	frames 4 null
	capture_end theirs
	is "$CODE $N $(stat -c '%U %a %h' "$theirs") $(FILE=$theirs packets)" "0 1 root 600 1 1" \
		"--force over a file of another user's makes a new one, root's alone"
	is "$(cat <&"$FD") $(< "$theirs.too") $(stat -c '%U %a' "$theirs.too")" "theirs theirs nobody 666" \
		"the old one has nothing of it, for who had it open or by another name"
	exec {FD}<&-
	ln -s "$theirs.too" "$TMP/link"
	wrong 1 "$TMP/link is a link: name the file itself" "a link is not followed to a file" -w "$TMP/link" --force
	is "$(< "$theirs.too")" theirs "which stays as it was"
	mkfifo "$TMP/fifo"
	chown nobody "$TMP/fifo"
	exec {FD}<> "$TMP/fifo"
	wrong 1 "$TMP/fifo is a pipe of another user's" "nor is another user's pipe written to" -w "$TMP/fifo" --force
	exec {FD}<&-
	capture_up device -w /dev/null --force
	frames 4 null
	capture_end device
	is "$CODE $N $(stat -c %F /dev/null)" "0 1 character special file" "a device is"
}

wrong_uses()
{
	capture_up first
	wrong 1 "$SRV_IF: another capture runs on it: end that one first" "two at once: refused" -w "$TMP/two"
	is "$(ls "$TMP/two" 2> /dev/null)" "" "without making its file"
	capture_end first
	wrong 1 "$FILE exists: name another file, or --force to replace it" "a file that exists" -w "$FILE"
	wrong 1 "cannot make $TMP/none/file: No such file" "a directory that does not" -w "$TMP/none/file"
	wrong 2 "where to? -w FILE" "no file"
	wrong 2 "unknown reason 'unkown_ack': did you mean 'unknown_ack'?" "a reason with a slip" -w "$TMP/x" \
		--reason martian,unkown_ack
	wrong 2 "unknown reason 'weather'; see" "a reason that is none" -w "$TMP/x" --reason weather
	wrong 2 "unknown reason ''" "an empty one" -w "$TMP/x" --reason martian,
	wrong 2 "--remote '10.0.0.0/40': the length of an IPv4 prefix" "a prefix that is none" -w "$TMP/x" \
		--remote 10.0.0.0/40
	is "$("$SYNSHIELD" capture --help | grep -c -E "^  ($(sed -n 's/^\tX(\([a-z_]*\),.*/\1/p' \
		"$ROOT/include/synshield/reasons.h" | paste -sd '|')): ")" \
		"$(grep -c '^	X(' "$ROOT/include/synshield/reasons.h")" "--help has every reason"
}

# The kernel has taken the VLAN tag off before TC sees a packet.
at_tc()
{
	local mac
	topo_down
	topo_up --vlan 7 --clients 1
	mac=$(link_mac "$NS_CLI" "$CLI_IF")
	start_server tagged --listen :: 80
	shield_up mode=always
	spawn sent net tcpdump -n -p -i "$NET_SRV" -Q out --immediate-mode -U -w "$TMP/sent.pcap" ether src "$mac"
	await_said "$PID" sent.err "listening on" sent
	capture_up tc --reason accepted
	is "$(in_cli "$TOOLS/tcpc" get -n 2 "$SRV4" 80 | field ok)" 2 "TC: clients are served"
	capture_end tc
	is "$CODE $(read_capture -T fields -e frame.comment -e vlan.id | sort | uniq -c | xargs)" \
		"0 2 pass: accepted (proven handshake handed to the listener) 7" \
		"TC: what it decides, with the VLAN tag"
	read_capture -F pcap -w "$TMP/got.pcap"
	is "$(hex "$TMP/sent.pcap" | grep -c -x -F -f <(hex "$TMP/got.pcap"))" 2 "TC: byte for byte what was sent"
}

detached()
{
	capture_up detached
	frames 4 null
	shield_down > /dev/null
	capture_ends detached
	is "$CODE $N $(packets) $(grep -c "$SRV_IF: was detached" "$TMP/detached.err")" "1 1 1 1" \
		"detach ends it, and what it has is kept"
	wrong 3 "$SRV_IF: not running" "not running" -w "$TMP/x"
	is "$(ls "$TMP/x" 2> /dev/null)" "" "nothing that was refused has made a file"
}

topo_up --clients 1
ip -n "$NS_SRV" -batch - <<- END || bail "cannot set neighbours"
	neigh add ${SEG4%1}2 lladdr $CLI_MAC dev $SRV_DEV
	neigh add ${SEG4%1}3 lladdr $CLI_MAC dev $SRV_DEV
	neigh add ${SEG6%1}2 lladdr $CLI_MAC dev $SRV_DEV
	neigh add ${SEG6%1}3 lladdr $CLI_MAC dev $SRV_DEV
END
coproc MEDLEY {
	in_net "$ROOT/tests/tools/medley.py" "$NET_SRV" "$SRV_MAC" "$SEG4" "$SRV4" "$SEG6" "$SRV6" ask
}
PIDS+=("$MEDLEY_PID")
start_server web --listen :: 80
shield_up 82:mode=off
shield allow add "${SEG4%1}2" "${SEG6%1}2" > "$TMP/lists" 2>&1 || bail "cannot allow: $(< "$TMP/lists")"
shield deny add "${SEG4%1}3" "${SEG6%1}3" > "$TMP/lists" 2>&1 || bail "cannot deny: $(< "$TMP/lists")"
{ rows_of 4; rows_of 6; } > "$TMP/rows"
every_row auto
replayed
shield set "$SRV_IF" mode=observe > /dev/null
every_row observe
shield set "$SRV_IF" mode=auto > /dev/null
filters
flooded
killed
full_disk
pipes
others_files
wrong_uses
detached
at_tc
done_testing
