#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The daemon counts the connections of each source anew: what the BPF programs did not see end does
# not stay counted, and nobody's made-up entries count.  Topology: see lib.sh.

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MAP=$PIN_DIR/$SRV_IF

# Keys and values of the maps, as bpftool takes them.
bytes4() { printf '0 0 0 0 0 0 0 0 0 0 255 255 %s' "${1//./ }"; }
bytes6() { python3 -c 'import ipaddress, sys; print(*ipaddress.ip_address(sys.argv[1]).packed)' "$1"; }
bytes() { case $1 in *:*) bytes6 "$1" ;; *) bytes4 "$1" ;; esac; }
port() { printf '%d %d' $(($1 & 255)) $(($1 >> 8)); }
word() { printf '%d %d %d %d' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }

source_key() { echo "$(bytes "$1") $(port "$2") 0 0"; }
# source_field ADDRESS PORT FIELD: nothing if there is no such source
source_field()
{
	# shellcheck disable=SC2046 # words
	bpftool -j map lookup pinned "$MAP/sources" key $(source_key "$1" "$2") 2> /dev/null |
		sed -n "s/.*\"$3\":\([0-9]*\).*/\1/p"
}
# put_source ADDRESS PORT CONNS OPENED COUNTED
put_source()
{
	# shellcheck disable=SC2046
	bpftool map update pinned "$MAP/sources" key $(source_key "$1" "$2") \
		value $(word "$3") $(word "$5") $(word "$4") 0 0 0 0 || bail "cannot write sources"
}
counts() { [[ $(source_field "$1" "$2" conns) == "$3" ]]; }
# counted_as ADDRESS PORT CONNS NAME: after a count, which comes every ten seconds
counted_as()
{
	local -i tries
	for ((tries = 0; tries < 150; tries++)); do
		counts "$1" "$2" "$3" && break
		sleep 0.1
	done
	is "$(source_field "$1" "$2" conns)" "$3" "$4"
}

# put_conn REMOTE LOCALPORT STATE REMOTE_FLAGS LOCAL_FLAGS SECONDS_AGO: an entry that no socket stands
# behind; states 0 SYN_SENT, 1 SYN_RECEIVED, 2 PROVEN, 3 ESTABLISHED; flags 1 SYN, 8 FIN
# acknowledged, 16 RST, 32 SYN acknowledged
put_conn()
{
	# shellcheck disable=SC2046
	bpftool map update pinned "$MAP/conns" \
		key $(bytes "$1") $(bytes $SRV4) 57 48 $(port "$2") \
		value "$3" 0 "$4" "$5" $(word $((NOW - $6 * HZ))) 0 0 0 0 0 0 0 0 1 0 0 0 1 0 0 0 ||
		bail "cannot write conns"
}
has_conn()
{
	# shellcheck disable=SC2046
	bpftool map lookup pinned "$MAP/conns" key $(bytes "$1") $(bytes $SRV4) 57 48 $(port "$2") \
		> /dev/null 2>&1
}

# hold NAME SOURCE ADDRESS PORT N: connections that stay open
hold()
{
	local -i i
	for ((i = 0; i < $5; i++)); do
		spawn "$1$i" cli "$TOOLS/tcpc" get --bytes 9 --timeout 100 --src "$2" "$3" "$4"
	done
}

topo_up --clients 1
start_server echo --listen :: 8080 --listen :: 8081 --listen :: 8082 echo
shield_up mode=always source-conns=100 8081:source-conns=off
HZ=$(bpftool -j map dump pinned "$MAP/host" | sed 's/.*"hz":\([0-9]*\).*/\1/')
NOW=$(awk '/^jiffies:/ { printf "%d\n", $2 % 4294967296; exit }' /proc/timer_list)

hold four "$CLI4" "$SRV4" 8080 3
hold six "$CLI6" "$SRV6" 8080 2
hold free "$CLI4" "$SRV4" 8081 1
await 15 "the connections" counts "$CLI4" 8080 3
await 15 "the connections" counts fd77:: 8080 2

# (A count that falls among their beginnings may miss some, until the next one.)

# Whatever is wrong in the map is right after the next count.
put_source "$CLI4" 8080 77 123456789 "$NOW"
put_source fd77:: 8080 0 0 "$NOW"
put_source 192.0.2.7 8080 100 987654321 "$NOW"
put_source "$CLI4" 8081 55 0 "$NOW"
put_source 192.0.2.8 8080 0 0 $((NOW - 60 * HZ))
counted_as "$CLI4" 8080 3 "connections that are gone are counted no longer"
is "$(source_field "$CLI4" 8080 opened)" 123456789 "the rate at which it opens them is left alone"
counted_as fd77:: 8080 2 "connections that were not counted are"
counted_as 192.0.2.7 8080 0 "a source that has none is counted as such"
is "$(source_field 192.0.2.7 8080 opened)" 987654321 "and its rate is left alone"
counted_as "$CLI4" 8081 0 "a port without a limit counts nothing"
is "$(source_field 192.0.2.8 8080 conns)" "" "a source that has had none for long is forgotten"
holds "the time of the count is noted" "$(source_field "$CLI4" 8080 counted_jiffies) > $NOW"

# What counts: what a client has proven and is open.  The entries are young: nothing sweeps them.
NOW=$(awk '/^jiffies:/ { printf "%d\n", $2 % 4294967296; exit }' /proc/timer_list)
put_conn 192.0.2.20 8080 3 0 0 -9
put_conn 192.0.2.21 8080 2 0 0 -9
put_conn 192.0.2.22 8080 1 1 32 -9
put_conn 192.0.2.23 8080 3 16 0 -9
put_conn 192.0.2.24 8080 3 8 8 -9
put_conn 192.0.2.25 8080 3 0 8 -9
put_conn 192.0.2.26 8080 3 0 1 -9
put_conn 192.0.2.27 8080 3 1 32 -9
put_conn 192.0.2.28 8083 3 0 0 -9
put_conn 192.0.2.29 8081 3 0 0 -9
put_conn 192.0.2.30 8080 3 0 0 60
shield set "$SRV_IF" syn-rate=4000 # a change of the settings: counted within a second
counted_as 192.0.2.20 8080 1 "an established connection counts"
is "$(source_field 192.0.2.21 8080 conns)" 1 "so does one that has just been proven"
is "$(source_field 192.0.2.22 8080 conns)" "" "not one that nobody has completed"
is "$(source_field 192.0.2.23 8080 conns)" "" "not one that was reset"
is "$(source_field 192.0.2.24 8080 conns)" "" "not one that both ends have closed"
is "$(source_field 192.0.2.25 8080 conns)" 1 "one that one end has closed does"
is "$(source_field 192.0.2.26 8080 conns)" "" "not one that this host opened"
is "$(source_field 192.0.2.27 8080 conns)" 1 "one whose SYN this host answered does"
is "$(source_field 192.0.2.28 8083 conns)" "" "not one to a port on which nobody listens"
is "$(source_field 192.0.2.29 8081 conns)" "" "not one to a port without a limit"
is "$(source_field 192.0.2.30 8080 conns)" "" "not one that is long idle and has no socket"
check "which is not in the table any more, either" eval '! has_conn 192.0.2.30 8080'
check "a young one without a socket stays" has_conn 192.0.2.20 8080
is "$(source_field "$CLI4" 8080 conns)" 3 "a connection that has its socket stays counted"

# What a source is can be set.
shield set "$SRV_IF" source-prefix=20 source-prefix6=128
counted_as 10.77.0.0 8080 3 "sources of 20 bits are counted"
counted_as "$CLI6" 8080 2 "sources of 128 bits, of IPv6, are"
counted_as "$CLI4" 8080 0 "those of 32 bits are not any more"

shield_down > /dev/null
done_testing
