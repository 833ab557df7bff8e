#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `synshield top` in a terminal (tmux) under a flood: its screen in five sizes against top.golden, its
# keys, what it says when the daemon dies and the interface is detached, how it leaves the terminal;
# on a pipe: text, and JSON whose sums are those of `synshield stats`.
#
# lib.sh draws the wire. Port 80 is flooded with SYNs; Xmas segments and RSTs of no connection are the
# drops; ends.py holds two connections to port 8080. A screen is compared without its bars, and with
# a # for each number.

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

GOLDEN=$ROOT/tests/net/top.golden
SIZES=("80 24" "100 30" "60 15" "40 10" "200 60" "80 24")

start_ends

## The terminal

term() { tmux -L "$RUN_ID" "$@"; }
screen() { term capture-pane -p -t top; }
press() { term send-keys -t top "$@"; }
shows() { screen | grep -q -e "$1"; }
await_screen() { await 20 "the screen to show '$1'" shows "$1"; }

start_terminal()
{
	spawn tmux srv env -u TMUX LC_ALL=C.UTF-8 tmux -L "$RUN_ID" -f /dev/null -D
	await 10 "tmux" term set-option -g default-terminal screen-256color
}

# start_top ENV=VALUE... -- OPTION...: in a new window of 80x24; $TMP/rc gets what it exits with.
start_top()
{
	local env=()
	while [[ $1 != -- ]]; do
		env+=("$1")
		shift
	done
	rm -f "$TMP/rc" "$TMP/before" "$TMP/after"
	term new-session -d -s top -x 80 -y 24 env LC_ALL=C.UTF-8 "${env[@]}" bash -c \
		"stty -a > $TMP/before; $SYNSHIELD top --pin-dir $PIN_DIR ${*:2} 2> $TMP/top.err
		echo \$? > $TMP/code; stty -a > $TMP/after; mv $TMP/code $TMP/rc; exec sleep 600"
}

end_top() { term kill-session -t top; }
top_pid() { pgrep -P "$(term display -p -t top '#{pane_pid}')"; }

# as_found NAME CODE: it has ended with this code, and left the terminal as it was.
as_found()
{
	await 10 "top to end" test -e "$TMP/rc"
	is "$(cat "$TMP/rc") $(term display -p -t top '#{alternate_on} #{cursor_flag}')" "$2 0 1" \
		"$1: exit code $2, the screen from before, a cursor"
	is "$(diff "$TMP/before" "$TMP/after")" "" "$1: the terminal's modes are as before"
}

## What is on the screen

# Bars are left out; of a number stays a # where it ends. On the two lines on top nothing is aligned.
masked()
{
	sed -E "s/[▁▂▃▄▅▆▇█▉▊▋▌▍▎▏]/ /g; s/$SRV_IF/INTERFACE0/; s/[0-9]+:[0-9]+:[0-9]+/HH:MM:SS/g
		1,2s/[0-9][0-9.]*[kM]?( SYN)/N\1/; 1,2s/\([0-9hms.]+\)/(T)/" |
		perl -CSD -pe 's/(CONN\w+ )([\d.k]+)/"$1N" . " " x (length($2) - 1)/e;
			s/(?<= )(\d[\d.]*[kMs%]?|\d+m\d\ds|-)(?= |$)/" " x (length($1) - 1) . "#"/ge
				if $. > 2;
			s/ +$//'
}

# full_size COLS: the title reaches the right edge, but for one column.
full_size() { [[ $(screen | head -n 1 | wc -m) == "$1" ]] && shows "PAUSED"; }

# Paused, so that all sizes show the same.
sizes_hold()
{
	local size cols rows
	press Space
	await_screen PAUSED
	: > "$TMP/sizes"
	for size in "${SIZES[@]}"; do
		read -r cols rows <<< "$size"
		term resize-window -t top -x "$cols" -y "$rows"
		await 10 "a screen of $size" full_size "$cols"
		{
			echo "== $cols x $rows"
			screen | masked
		} >> "$TMP/sizes"
	done
	[[ ${UPDATE:-} ]] && cp "$TMP/sizes" "$GOLDEN"
	is "$(diff "$GOLDEN" "$TMP/sizes")" "" "its screen in all sizes is as in top.golden"
}

# number LABEL [FIELD]: of the row that begins with the label, the FIELDth number, as an integer.
number()
{
	screen | awk -v label="$1" -v field="${2:-1}" '
		index($0, label) { sub(".*" label, ""); n = $field
			m = n ~ /k$/ ? 1e3 : n ~ /M$/ ? 1e6 : 1
			printf "%d\n", n * m; exit }'
}

numbers_hold()
{
	local -i drops syns answers flags rsts
	syns=$(number " SYN ")
	answers=$(number " SYN-ACK ")
	drops=$(number " dropped ")
	flags=$(number " bad_flags ")
	rsts=$(number " unknown_rst ")
	diag "SYN/s $syns, SYN-ACK/s $answers, dropped $drops, bad_flags $flags, unknown_rst $rsts"
	holds "SYNs come in" "syns > 0"
	holds "they are answered" "answers <= syns && answers * 2 > syns"
	# three digits of each are shown
	holds "the reasons add up to what is dropped" \
		"(flags + rsts - drops) ** 2 <= (drops / 100 + 2) ** 2 && flags > 0 && rsts > 0"
	is "$(number " ESTABLISHED ")" 2 "two connections are established"
	check "the flood's history is drawn" shows '^ SYN .*[▁▂▃▄▅▆▇█]'
}

keys_work()
{
	press h
	await_screen "KEYS AND WORDS"
	ok "h: explains keys and words"
	press h
	press s
	await_screen "by half-open"
	press s s
	await_screen "by SYN/s"
	ok "s: sorts the listeners in another way, and round"
	press Space
	press 2
	await_screen "every 2s"
	press +
	await_screen "every 4s"
	press - - -
	await_screen "every 500ms"
	ok "space goes on; 2, +, -: the interval"
}

losses_are_said()
{
	kill -KILL "$SHIELD_PID"
	await_screen "NO DAEMON"
	ok "the daemon is killed: said"
	shield_again
	await_screen "daemon running"
	ok "and that it is back"
	shield_down > "$TMP/down" 2>&1
	await_screen "DETACHED for .*'synshield run $SRV_IF' brings it back"
	ok "detached while it runs: said"
	check "no rate is known then" shows '^ SYN  *- '
	shield_up
	await_screen "on .* listeners.*daemon running\|UNDER ATTACK.*daemon running"
	ok "attached again: goes on"
	await 20 "rates" eval "! shows '^ SYN  *- '"
	ok "with rates"
}

endings_are_clean()
{
	press q
	as_found "q" 0
	end_top
	start_top -- --count 2 --interval 200
	as_found "--count 2" 0
	end_top
	start_top NO_COLOR=1 LC_ALL=C --
	await_screen "daemon running"
	is "$(screen | LC_ALL=C grep -c '[^ -~]')" 0 "no UTF-8 locale: ASCII alone"
	is "$(term capture-pane -e -p -t top | grep -c -P '\e\[([0-9]+;)*[34][0-8][;m]')" 0 "NO_COLOR: no colour"
	kill -TERM "$(top_pid)"
	as_found "SIGTERM" 0
	end_top
	start_top --
	await_screen "daemon running"
	holds "else there are colours" \
		"$(term capture-pane -e -p -t top | grep -c -P '\e\[([0-9]+;)*[34][0-8][;m]') > 0"
	press C-c
	as_found "SIGINT" 0
	end_top
	start_top TERM=nonsense --
	as_found "an unknown terminal" 1
	is "$(cat "$TMP/top.err")" \
		"synshield: no terminal description for TERM='nonsense': set TERM, or use --batch" \
		"an unknown terminal: said"
	end_top
}

## On a pipe

text_holds()
{
	LC_ALL=C shield top --count 2 --interval 200 | cat > "$TMP/text"
	is "$(grep -c "^ synshield  $SRV_IF " "$TMP/text") $(LC_ALL=C grep -c '[^ -~]' "$TMP/text")" \
		"2 0" "on a pipe: a block for each interval, nothing but text"
	is "$(grep -c -e '^ SYN ' -e '^ LISTENERS ' -e '^ DROPS BY REASON ' "$TMP/text")" 6 \
		"with the same tables"
}

# sums < JSON lines: over all intervals, what was counted
sums()
{
	python3 -c '
import json, sys
from collections import Counter
n = Counter()
for line in sys.stdin:
    i, = json.loads(line)["interfaces"]
    for key, packets in i["packets"].items():
        n[key] += packets
    for r in i["reasons"]:
        n[r["reason"]] += r["packets"]
    for l in i["listeners"]:
        n[l["port"]] += l.get("syn-rate", 0) * i["seconds"]
    assert sum(r["packets"] for r in i["reasons"] if r["action"] == "drop") == i["packets"]["drop"]
    for key, rate in i["rates"].items():
        assert abs(rate * i["seconds"] - i["packets"][key]) <= 1e-4 * i["packets"][key] + 1e-4
# of many SYNs the count of a listener is an estimate, from one in 64
near = n["syn"] / 2 < n[80] < n["syn"] * 2
print(*("%s=%d" % (k, n[k]) for k in ("syn", "syn-ack", "drop", "bad_flags", "unknown_rst")),
    "port 80" if near else n[80])
'
}

lines() { (($(wc -l < "$TMP/json.out") > $1)); }

# All of a flood falls between the first look and the last.
json_holds()
{
	local before after json
	local -i seen
	shield set "$SRV_IF" mode=always
	spawn json srv "$SYNSHIELD" top --pin-dir "$PIN_DIR" --json --interval 100
	json=$PID
	await 10 "the first interval" lines 0
	before=$(counts)
	start_flood one --port 80 --rate 20000 --count 9000 --seconds 20
	wait "$PID"
	start_flood two --port 80 --kind xmas --rate 20000 --count 3000 --seconds 20
	wait "$PID"
	start_flood three --port 80 --kind rst --rate 20000 --count 1000 --seconds 20
	wait "$PID"
	sleep 0.3
	after=$(counts)
	seen=$(wc -l < "$TMP/json.out")
	await 10 "two more intervals" lines $((seen + 1))
	stop "$json"
	is "$(sums < "$TMP/json.out")" "$(delta "$before" "$after")" \
		"JSON: the sums of all intervals are what the shield counted, SYN for SYN"
}

# delta BEFORE AFTER: the same words from the shield's own counters
delta()
{
	local -i cookies flags rsts
	cookies=$(($(field reply.cookie <<< "$2") - $(field reply.cookie <<< "$1")))
	flags=$(($(field drop.bad_flags <<< "$2") - $(field drop.bad_flags <<< "$1")))
	rsts=$(($(field drop.unknown_rst <<< "$2") - $(field drop.unknown_rst <<< "$1")))
	echo "syn=$cookies syn-ack=$cookies drop=$((flags + rsts)) bad_flags=$flags" \
		"unknown_rst=$rsts port 80"
}

topo_up --clients 1
step listen 8080
start_server web --listen "$SRV4" 80 --listen "$SRV6" 80
# its link-local address is another each time
ip -n "$NS_SRV" addr flush dev "$SRV_IF" scope link
shield_up
step connect one "$SRV4" 8080 20001
step connect two "$SRV4" 8080 20002
start_terminal
start_flood syns --port 80 --rate 40000 --seconds 60
SYNS=$PID
start_flood flags --port 80 --kind xmas --rate 8000 --seconds 60
FLAGS=$PID
start_flood rsts --port 80 --kind rst --rate 500 --seconds 60
RSTS=$PID
start_top --
await_screen "UNDER ATTACK"
await_screen "^ bad_flags .* SYN_RECEIVED"
await_screen "^ unknown_rst .* ESTABLISHED"
sizes_hold
numbers_hold
keys_work
losses_are_said
stop "$SYNS" "$FLAGS" "$RSTS"
endings_are_clean
text_holds
json_holds
shield_down > /dev/null 2>&1
shield top --count 1 > /dev/null 2>&1
is $? 3 "not running"
done_testing
