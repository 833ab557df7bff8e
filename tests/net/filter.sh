#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The filter before the table of connections is made anew while connections live: none is taken
# for unknown, whichever half is asked.  Topology: see lib.sh.

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

EACH=60 # connections of each family

# host_says FIELD: of the map `host`
host_says()
{
	bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/host" | sed "s/.*\"$1\":\([0-9]*\).*/\1/"
}

half() { echo $(($(host_says bloom_at) > 0)); }

# Lost reports make the daemon walk through the table; so much is said that some are.
lose_reports() # HALF: until that one is asked
{
	[[ $(half) == "$1" ]] && return
	in_cli "$TOOLS/tcpc" get -n 2000 -c 100 --bytes 4 --line abcd --abort "$SRV4" 8081 > "$TMP/burst"
	sleep 1
	[[ $(half) == "$1" ]]
}
turn() { await 60 "the halves to turn" lose_reports $((1 - $(half))); }

ends() # COMMAND...: for each connection, in one go
{
	local -i n
	for ((n = 0; n < 2 * EACH; n++)); do
		# shellcheck disable=SC2059 # the command has the number's place
		printf "$*\n" $n
	done >&"${ENDS[1]}"
	for ((n = 0; n < 2 * EACH; n++)); do
		read -r -t 10 answer <&"${ENDS[0]}" && [[ $answer == ok ]] || return
	done
}

open_all()
{
	local -i n
	for ((n = 0; n < 2 * EACH; n++)); do
		echo connect $n "$([[ $((n % 2)) == 0 ]] && echo "$SRV4" || echo "$SRV6")" 8080
	done >&"${ENDS[1]}"
	for ((n = 0; n < 2 * EACH; n++)); do
		read -r -t 10 answer <&"${ENDS[0]}" && [[ $answer == ok ]] || return
	done
}

# all_known WHEN: data on each of them is tracked, and nothing had to be asked of the kernel
all_known()
{
	local adopted tracked
	adopted=$(counted pass adopted)
	tracked=$(counted pass tracked)
	check "$1: data goes through on all $((2 * EACH))" ends send %d cli 100
	check "$1: and back" ends send %d srv 100
	is "$(counted pass adopted)" "$adopted" "$1: none was taken for unknown"
	holds "$1: all were found" "$(counted pass tracked) - $tracked >= $((2 * EACH))"
}

# More than 16 for each of the words in use at first: entries without a socket, as after a flood of
# real connections.
MANY=80000
filter_grows() # WORDS
{
	lose_reports 2
	(($(host_says bloom_words) > $1))
}

plan 27
topo_up --clients 1
shield_up mode=always --events 4096
start_server echo --listen :: 8081 echo
coproc ENDS { "$ROOT/tests/tools/ends.py" "$NS_SRV" "$NS_CLI"; }
echo listen 8080 >&"${ENDS[1]}"
read -r -t 10 answer <&"${ENDS[0]}"
is "$answer" ok "a server"
holds "the filter is in use" "$(host_says bloom_words) > 0"
check "connections are made" open_all
all_known "at first"
check "the filter is made anew" turn
all_known "after that"
check "and once more" turn
all_known "then"

words=$(host_says bloom_words)
"$ROOT/build/bench/fill" "$PIN_DIR/$SRV_IF" "$SRV4" 8081 $MANY || bail "cannot fill the table"
check "$MANY connections more, and the filter grows" await 60 "more words" filter_grows "$words"
all_known "once it has"

kill -9 "$SHIELD_PID"
shield_again
check "a new daemon makes it anew, too" turn
all_known "after its turn"
shield_down > /dev/null
done_testing
