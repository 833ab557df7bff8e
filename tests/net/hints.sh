#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The hints of `status` and `conns`: what the states of real connections reveal. Thresholds are tested by
# tests/unit/hints.c. Topology: see lib.sh.

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=8080
NOBODY=198.18.0.9 # behind the wire; nothing answers there

# hints COMMAND: their names
hints() { shield "$1" "${@:2}" --json | tr -d ' \n' | grep -o '"hints":\[.*' | grep -o '"name":"[a-z0-9-]*"' | cut -d'"' -f4 | sort -u | paste -sd ' '; }
hints_at_once() { hints conns; }
says() { [[ " $(hints_at_once) " == *" $1 "* ]]; }

topo_up --clients 1
start_server echo --listen :: $PORT echo
shield_up syn-rate=1000000 half-open=1000000
is "$(hints conns)" "" "conns: no connection, no hint"
is "$(hints status --interval 10)" "" "status: the same"

spawn dial srv "$TOOLS/tcpc" get --timeout 30 "$NOBODY" 81
await 10 "its SYN to be repeated" says syn-unanswered
is "$(hints conns)" syn-unanswered "conns: a SYN that nobody answers"
is "$(hints status --interval 10)" syn-unanswered "status: the same"
is "$(shield conns | grep -A2 hint | sed 's/  */ /g')" \
	" hint 1 SYN of this host repeated without an answer; 1 to $NOBODY:81
 means: the remote host is down, or a firewall drops: a closed port would answer with a RST
 do: see whether the address is right and the way there and back is open" \
	"what is seen, what it means, and what to do"
stop "$PID"

start_flood flood --port $PORT --rate 200 --seconds 3
await 10 "half-open handshakes" says syn-flood
is "$(hints conns | grep -o syn-flood)" syn-flood "conns: half-open handshakes from everywhere"
await 10 "the flood to end" eval '! running "$PID"'

shield set "$SRV_IF" mode=always > /dev/null
# what the first flood left behind is half-open still: it shall not be what is found
shield detach "$SRV_IF" > /dev/null
stop "$SHIELD_PID"
shield_up mode=always
is "$(hints status --interval 10)" "" "anew: no hint"
start_flood flood2 --port $PORT --rate 2000 --seconds 4
await 10 "cookies to go out" eval '(($(counted reply cookie) > 100))'
is "$(hints status --interval 500)" syn-flood "status: cookies that nobody brings back"
is "$(hints conns)" "" "conns: and nothing of it is half-open"
shield_down > /dev/null
done_testing
