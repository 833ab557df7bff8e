#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `synshield conns`: real connections in every state, by the names of RFC 9293, of both ends; filters;
# hints; with the daemon and without it. Topology: see lib.sh; tests/tools/ends.py holds both ends.

# shellcheck source=tests/net/lib.sh disable=SC2153
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=8080

start_ends

conns() { shield conns "$@"; }

# pair SPORT [ARG...]: the states of that client's connection, local/remote
pair() { conns -H -a "remote:$1" "${@:2}" | awk '{ print $3 "/" $4 }'; }
is_pair() { [[ $(pair "$1") == "$2" ]]; }

# becomes SPORT LOCAL/REMOTE NAME
becomes()
{
	local -i tries
	for ((tries = 0; tries < 150; tries++)); do
		is_pair "$1" "$2" && break
		sleep 0.02
	done
	is "$(pair "$1")" "$2" "$3"
}

# one SPORT: that connection's JSON in one line
one() { conns --json -a "remote:$1" | tr -d ' \n' | sed 's/.*"conns":\[\([^]]*\)\].*/\1/'; }

# opening: a connection in each state that two sockets can be left in
make_states()
{
	step connect est "$SRV4" $PORT 20001
	step connect half "$SRV4" $PORT 20002
	step fin half cli
	step connect served "$SRV6" $PORT 20003
	step fin served srv
	step connect client_first "$SRV4" $PORT 20004
	step fin client_first cli
	step fin client_first srv
	step connect server_first "$SRV4" $PORT 20005
	step fin server_first srv
	step fin server_first cli
	step connect aborted "$SRV4" $PORT 20006
	step abort aborted cli
}

states_hold()
{
	becomes 20001 ESTABLISHED/ESTABLISHED "$1: an open connection"
	becomes 20002 CLOSE_WAIT/FIN_WAIT_2 "$1: the client has closed, the server has not"
	becomes 20003 FIN_WAIT_2/CLOSE_WAIT "$1: the server has closed, the client has not (IPv6)"
	becomes 20005 TIME_WAIT/CLOSED "$1: closed by both, the server first"
}

filters_hold()
{
	is "$(conns -H established | wc -l)" 1 "a state, in lower case, of the local end"
	is "$(conns -H remote:FIN-WAIT-2 | awk '{ print $2 }')" "$CLI4:20002" "a state of the remote end"
	is "$(conns -H CLOSE_WAIT FIN_WAIT_2 | wc -l)" 2 "states are alternatives"
	is "$(conns -H CLOSE_WAIT :20001 | wc -l)" 0 "a state and a port have to hold both"
	is "$(conns -H local:$PORT remote:20003 | awk '{ print $1 }')" "[$SRV6]:$PORT" \
		"a port of each end"
	is "$(conns -H local:20003 | wc -l)" 0 "a port of the wrong end"
	is "$(conns -H "${SRV6%::*}::/16" | awk '{ print $2 }')" "[$CLI6]:20003" "an IPv6 prefix"
	is "$(conns -H "remote:$CLI4/32" established | wc -l)" 1 "an address of the remote end"
	is "$(conns -H "local:$CLI4" | wc -l)" 0 "an address of the wrong end"
	is "$(conns -H "$SRV_IF" :20001 | wc -l)" 1 "an interface and a filter"
}

wrong_uses()
{
	local code out
	out=$(conns remote:nonsense 2>&1)
	code=$?
	is "$code $out" "2 synshield conns: 'nonsense' is no state of RFC 9293, port or address prefix; see 'synshield conns --help'" \
		"a filter that is none is refused"
	out=$(conns 10.0.0.0/33 2>&1)
	is "$? $(grep -c '10.0.0.0/33' <<< "$out")" "2 1" "so is a prefix that is none"
	conns --rounds 2 > /dev/null 2>&1
	is $? 2 "--rounds without --watch"
	conns nowhere0 > /dev/null 2>&1
	is $? 1 "an interface that is none"
}

json_holds()
{
	local json
	json=$(one 20002)
	is "$(field local-state <<< "$json") $(field remote-state <<< "$json")" "CLOSE_WAIT FIN_WAIT_2" \
		"JSON: the states of both ends"
	is "$(field local <<< "$json") $(field remote <<< "$json") $(field opened-by <<< "$json")" \
		"$SRV4:$PORT $CLI4:20002 remote" "JSON: both addresses, and who opened it"
	# SYN, ACK, FIN; SYN-ACK, ACK
	is "$(field segments-in <<< "$json") $(field segments-out <<< "$json")" "3 2" \
		"JSON: segments in and out"
	check "JSON: it is JSON" python3 -m json.tool <(conns --json)
}

watch_holds()
{
	is "$(conns --watch=1 --rounds 2 -H :20001 | grep -c ESTABLISHED)" 2 \
		"--watch shows it again, and ends after so many rounds"
}

plan_states()
{
	topo_up --clients 1
	step listen $PORT
	shield_up
	make_states
	states_hold "daemon"
	is "$(conns -H :20004 closed | awk '{ print $3 "/" $4 }')" "CLOSED/TIME_WAIT" \
		"closed by both, the client first: TIME_WAIT is the client's"
}

plan_states
filters_hold
wrong_uses
json_holds
watch_holds
is "$(one 20001 | field states-from)" daemon "the states are the daemon's"
is "$(one 20001 | field age | grep -c '^[0-9.]*$')" 1 "its age is known"
kill -KILL "$SHIELD_PID"
await 5 "the daemon to be gone" eval '! running "$SHIELD_PID"'
states_hold "no daemon"
is "$(one 20001 | field states-from)" flags "without the daemon they are rebuilt from the flags"
step fin est cli
becomes 20001 CLOSE_WAIT/FIN_WAIT_2 "a connection that closes while there is no daemon"
step abort half srv
becomes 20002 CLOSED/CLOSED "one that is aborted then"
is "$(conns -H :20002 | wc -l)" 0 "which is not shown but when asked for"
shield detach "$SRV_IF" > /dev/null
conns > /dev/null 2>&1
is $? 3 "not running"
done_testing
