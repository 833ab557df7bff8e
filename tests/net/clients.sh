#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Real clients of real servers, every handshake answered with a cookie (mode always): nothing that
# they do may fail, whatever lies between them, and each connection was in truth made by a cookie.
#
#        cli                        net                          srv
#    +----------+      +---------------------------+      +----------------+
#    | curl ssh |======| bridge (see lib.sh)       |======| XDP+TC | nginx  |
#    +----------+      +---------------------------+      |        | sshd   |
#     plain, VLAN, QinQ, DF=0, MTU 1380 and 9000,         |        | tcps   |
#     super-frames with partial checksums                 +----------------+
#
# shellcheck disable=SC2317 # functions that check calls

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WEB=80 DUAL=8080 ONE=8081 SHARED=8082 SSH=2222 GREET=7000 PAIR=7001 MPTCP=7002
MB=$((1 << 20))
OTHER4=10.77.0.2

for tool in ip ss ethtool nsenter nginx curl sshd ssh ssh-keygen tcpdump nstat perl; do
	command -v "$tool" > /dev/null || bail "$tool is missing: make deps"
done

## The servers

start_nginx()
{
	mkdir -p "$TMP/www/up"
	nginx_up 2 <<-END
		log_format worker '\$pid';
		client_max_body_size 0;
		server {
			listen 0.0.0.0:$WEB backlog=1024;
			listen [::]:$WEB ipv6only=on backlog=1024;
			listen [::]:$DUAL ipv6only=off backlog=1024;
			listen $SRV4:$ONE backlog=1024;
			root $TMP/www;
			location /ask/ { return 200 "\$uri\n"; }
			location /up/ { dav_methods PUT; }
		}
		server {
			listen 0.0.0.0:$SHARED reuseport backlog=1024;
			listen [::]:$SHARED ipv6only=on reuseport backlog=1024;
			access_log $TMP/nginx/workers worker;
			location /ask/ { return 200 "\$uri\n"; }
		}
	END
	await 10 "nginx" eval "in_srv ss -Hltn 'sport = :$WEB' | grep -q ."
}

make_ssh_keys()
{
	local key
	for key in host_key user_key; do
		ssh-keygen -q -t ed25519 -N '' -f "$TMP/$key" || bail "cannot make an SSH key"
	done
	echo "server $(cut -d ' ' -f 1,2 "$TMP/host_key.pub")" > "$TMP/known_hosts"
	cp "$TMP/user_key.pub" "$TMP/authorized_keys"
	echo 'root:*:19000::::::' > "$TMP/shadow"
}

# What sshd wants of the machine it gets in a mount namespace of its own: a directory in /run, and a
# root whose account is not locked.
start_sshd()
{
	cat > "$TMP/sshd_config" <<-END
		Port $SSH
		AddressFamily any
		HostKey $TMP/host_key
		PidFile none
		AuthorizedKeysFile $TMP/authorized_keys
		PubkeyAuthentication yes
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin prohibit-password
		StrictModes no
		UsePAM no
		UseDNS no
		PrintMotd no
		MaxStartups 100
	END
	spawn sshd srv unshare --mount sh -c "mount -t tmpfs run /run && mkdir /run/sshd &&
		mount --bind '$TMP/shadow' /etc/shadow &&
		exec $(command -v sshd) -D -e -f '$TMP/sshd_config'"
	await 10 "sshd" eval "in_srv ss -Hltn 'sport = :$SSH' | grep -q ."
}

# secure_shell ADDRESS COMMAND...
secure_shell()
{
	in_cli ssh -F none -i "$TMP/user_key" -p "$SSH" -o BatchMode=yes -o IdentitiesOnly=yes \
		-o IdentityAgent=none -o HostKeyAlias=server -o StrictHostKeyChecking=yes \
		-o UserKnownHostsFile="$TMP/known_hosts" -o GlobalKnownHostsFile=/dev/null \
		-o ConnectTimeout=10 "root@$1" "${@:2}"
}

servers_up()
{
	start_nginx
	start_sshd
	start_server greet --listen :: "$GREET" greet
	start_server pair1 --listen :: "$PAIR" line --reuseport
	start_server pair2 --listen :: "$PAIR" line --reuseport
	start_server mptcp --listen :: "$MPTCP" line --mptcp
}

## What happened

# mark: what `since` counts from
mark() { BEFORE=$(shield stats "$SRV_IF"); }

# since: ACTION.REASON and by how much it grew, of each that has grown
since()
{
	awk 'NR == FNR { before[$1 "." $2] = $3; next }
		$3 > before[$1 "." $2] { print $1 "." $2, $3 - before[$1 "." $2] }' \
		<(echo "$BEFORE") <(shield stats "$SRV_IF")
}

# made_by_cookie N: since the mark N connections were accepted from cookies of the shield, and not
# one SYN or ACK took another way.
made_by_cookie()
{
	local -i n=$1 cookies accepted others=0
	local -A grew=()
	local key by

	while read -r key by; do
		grew[$key]=$by
	done < <(since)
	cookies=${grew[reply.cookie]:-0} accepted=${grew[pass.accepted]:-0}
	for key in pass.cookie_not_due pass.calm pass.known_tuple pass.vlan_offload pass.no_key \
		pass.reply_failed pass.adopted pass.conntracked pass.accept_failed pass.backlog_full \
		drop.bad_cookie drop.backlog_full drop.bad_tcp drop.bad_ip drop.bad_options \
		drop.bad_flags drop.bad_fragment drop.tuple_rate drop.reply_cap drop.unproven \
		drop.unknown_ack reply.unknown_ack drop.unknown_data reply.unknown_data \
		drop.unknown_fin reply.unknown_fin drop.unknown_synack reply.unknown_synack; do
		[[ ${grew[$key]:-} ]] || continue
		echo "$key grew by ${grew[$key]}"
		others+=1
	done
	((cookies >= n && accepted == n && others == 0)) && return
	echo "$n connections, $cookies cookies, $accepted accepted"
	return 1
}

COUNTERS=(TcpAttemptFails TcpEstabResets TcpOutRsts TcpInErrs TcpInCsumErrors TcpExtListenDrops
	TcpExtListenOverflows TcpExtSyncookiesSent TcpExtSyncookiesRecv TcpExtSyncookiesFailed
	TcpExtTCPReqQFullDrop TcpExtTCPReqQFullDoCookies TcpExtTCPAbortOnData
	TcpExtTCPAbortOnTimeout TcpExtTCPAbortFailed TcpExtTCPSynRetrans TcpExtTCPSYNChallenge
	TcpExtTCPZeroWindowDrop TcpExtPAWSEstab
	IpInHdrErrors IpInDiscards Ip6InHdrErrors Ip6InDiscards)

# The kernel's counters at both ends, from now on.
begin_counting()
{
	NSTAT_HISTORY=$TMP/nstat.srv in_srv nstat -n
	NSTAT_HISTORY=$TMP/nstat.cli in_cli nstat -n
}

# nothing_else_happened: of what the kernel counts as a failure, at either end. But for one RST of a
# client: a curl of many that ends with a byte unread sends one, which the server need not notice.
nothing_else_happened()
{
	local seen
	seen=$({
		NSTAT_HISTORY=$TMP/nstat.srv in_srv nstat -s "${COUNTERS[@]}" | sed 's/^/server: /'
		NSTAT_HISTORY=$TMP/nstat.cli in_cli nstat -s "${COUNTERS[@]}" | sed 's/^/client: /'
	} | grep -v -E '#kernel|^client: TcpOutRsts +1 ')
	[[ ! $seen ]] || { echo "$seen"; return 1; }
}

## What clients do. Each returns 0 if all of it succeeded.

literal() { if [[ $1 == *:* ]]; then echo "[$1]"; else echo "$1"; fi; }

# A page names itself, so that every answer is known to be the right one.
pages() { seq -f '/ask/%.0f' "$1" | sort; }

# one_by_one ADDRESS PORT N: a process and a connection for each.
one_by_one()
{
	seq "$3" | in_cli xargs -I{} curl -sS --max-time 20 \
		--resolve "server:$2:$(literal "$1")" "http://server:$2/ask/{}" | sort |
		diff - <(pages "$3")
}

# at_once ADDRESS PORT N: N connections at a time.
at_once()
{
	in_cli curl -sS --max-time 20 --parallel --parallel-immediate --parallel-max "$3" \
		--resolve "server:$2:$(literal "$1")" "http://server:$2/ask/[1-$3]" | sort |
		diff - <(pages "$3")
}

same_sum()
{
	[[ $1 == "$2" ]] || { echo "got:    $1" "wanted: $2"; return 1; }
}

download()
{
	local sum
	sum=$(in_cli curl -sS --max-time 60 "http://$(literal "$1"):$WEB/file$2" | sha256sum)
	same_sum "$sum" "${SUM[$2]}"
}

upload()
{
	rm -f "$TMP/www/up/file"
	in_cli curl -sSf --max-time 60 -T "$TMP/www/file$2" \
		"http://$(literal "$1"):$WEB/up/file" &&
		same_sum "$(sha256sum < "$TMP/www/up/file")" "${SUM[$2]}"
}

login() { secure_shell "$1" true; }

through_ssh()
{
	local sum
	rm -f "$TMP/through"
	# shellcheck disable=SC2029 # TMP is the same on both sides
	secure_shell "$1" "cat > $TMP/through" < "$TMP/www/file$2" &&
		same_sum "$(sha256sum < "$TMP/through")" "${SUM[$2]}" || return
	# shellcheck disable=SC2029
	sum=$(secure_shell "$1" "cat $TMP/www/file$2" < /dev/null | sha256sum)
	same_sum "$sum" "${SUM[$2]}"
}

# tcpc_get ADDRESS PORT N EXPECTED OPTION...: N of N by the test client.
tcpc_get()
{
	local result
	result=$(in_cli "$TOOLS/tcpc" get -n "$3" -c 10 --timeout 20 --expect "$4" "${@:5}" \
		"$1" "$2") || { echo "$result"; return 1; }
	[[ $(field ok <<< "$result") == "$3" ]] || { echo "$result"; return 1; }
}

# cookie_check NAME CONNECTIONS CMD...: it succeeds, on so many connections, all made by cookies.
cookie_check()
{
	mark
	check "$1" "${@:3}"
	check "$1: by cookies" made_by_cookie "$2"
}

# use NAME ADDRESS ONE_BY_ONE AT_ONCE MEGABYTES: a web server and a login, as people use them
use()
{
	local name=$1 address=$2
	cookie_check "$name: $3 of $3 requests one by one" "$3" one_by_one "$address" "$WEB" "$3"
	cookie_check "$name: $4 of $4 requests at once" "$4" at_once "$address" "$WEB" "$4"
	cookie_check "$name: $5 MB downloaded" 1 download "$address" "$5"
	cookie_check "$name: $5 MB uploaded" 1 upload "$address" "$5"
	cookie_check "$name: ssh, a login" 1 login "$address"
	cookie_check "$name: ssh, 20 MB there and back" 2 through_ssh "$address" 20
}

# The test client ends these with a RST, as it leaves the echo of its request unread.
greeting()
{
	cookie_check "$1: the server speaks first" 50 tcpc_get "$2" "$GREET" 50 220 --greeting \
		--bytes 18
}

# use_both NAME [ONE_BY_ONE AT_ONCE MEGABYTES]: over both families, and nothing else happens.
use_both()
{
	begin_counting
	use "$1, IPv4" "$SRV4" "${2:-100}" "${3:-100}" "${4:-20}"
	use "$1, IPv6" "$SRV6" "${2:-100}" "${3:-100}" "${4:-20}"
	check "$1: nothing reset, lost or refused" nothing_else_happened
	greeting "$1, IPv4" "$SRV4"
	greeting "$1, IPv6" "$SRV6"
}

## Where they do it

make_files()
{
	local size
	declare -gA SUM
	mkdir -p "$TMP/www"
	for size in 20 100; do
		head -c $((size * MB)) /dev/urandom > "$TMP/www/file$size"
		SUM[$size]=$(sha256sum < "$TMP/www/file$size")
	done
}

# syn_is NAME FILTER: a SYN for the server looks so, on the wire in front of it.
syn_is()
{
	spawn dump net tcpdump -n -l -c 1 --immediate-mode -i "$NET_SRV" "$2"
	await 10 "tcpdump" grep -q 'listening on' "$TMP/dump.err"
	in_cli curl -sS -o /dev/null "http://$SRV4:$WEB/ask/1"
	pause 0.2
	stop "$PID"
	check "$1" grep -q "$SRV4.$WEB: Flags \[S\]" "$TMP/dump.out"
}

received() { in_srv sed -n "s/^ *$SRV_IF: *//p" /proc/net/dev; }

# super_frames NAME: does an upload reach the server in frames larger than the MTU?
super_frames()
{
	local bytes packets more_bytes more_packets
	read -r bytes packets _ < <(received)
	upload "$SRV4" 100
	read -r more_bytes more_packets _ < <(received)
	holds "$1: super-frames reach the server" \
		"($more_bytes - $bytes) / ($more_packets - $packets) > 1514"
}

set_offloads()
{
	{
		in_srv ethtool -K "$SRV_IF" tx "$1" tso "$1" gso "$1" &&
			in_cli ethtool -K "$CLI_IF" tx "$1" tso "$1" gso "$1" &&
			in_net ethtool -K "$NET_SRV" tx "$1" tso "$1" gso "$1" &&
			in_net ethtool -K "$NET_CLI" tx "$1" tso "$1" gso "$1"
	} > /dev/null || bail "cannot set offloads"
}

listeners()
{
	local address
	local -i workers

	begin_counting
	cookie_check "a dual-stack listener, reached by IPv4" 50 one_by_one "$SRV4" "$DUAL" 50
	cookie_check "a dual-stack listener, reached by IPv6" 50 one_by_one "$SRV6" "$DUAL" 50
	cookie_check "a listener bound to one address" 50 one_by_one "$SRV4" "$ONE" 50
	for address in "$SRV4" "$SRV6"; do
		: > "$TMP/nginx/workers"
		cookie_check "nginx reuseport, $address" 100 at_once "$address" "$SHARED" 100
		workers=$(sort -u "$TMP/nginx/workers" | wc -l)
		is "$workers" 2 "nginx reuseport, $address: both workers served"
		cookie_check "two processes on one port, $address" 100 tcpc_get "$address" "$PAIR" \
			100 hello
	done
	check "listeners: nothing reset, lost or refused" nothing_else_happened
	mark
	in_cli curl -sS --max-time 5 -o /dev/null "http://$OTHER4:$ONE/" 2> /dev/null
	is "$?" 7 "a listener bound to one address: another address refuses at once"
	check "a listener bound to one address: no cookie for another" made_by_cookie 0
	is "$(since | grep '^reply.cookie ')" '' \
		"a listener bound to one address: no SYN-ACK for another"
}

# multipath ADDRESS N: N exchanges by a client that asks for MPTCP.
multipath()
{
	# shellcheck disable=SC2016 # perl's variables
	in_cli perl -MSocket=:all -e '
		my ($host, $port, $n) = @ARGV;
		for (1 .. $n) {
			my ($e, $a) = getaddrinfo($host, $port, { flags => AI_NUMERICHOST });
			socket(my $s, $a->{family}, SOCK_STREAM, 262) or die "socket: $!";
			setsockopt($s, SOL_SOCKET, SO_RCVTIMEO, pack("l!l!", 20, 0));
			connect($s, $a->{addr}) or die "connect: $!";
			syswrite($s, "ask\n");
			sysread($s, my $answer, 100);
			$answer =~ /^hello/ or die "no answer: $!";
		}' "$1" "$MPTCP" "$2"
}

# syncookies N REASON: the sysctl, from when on a SYN is counted so; listeners are read anew each second
syncookies()
{
	sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies "$1"
	await 10 "the daemon to follow tcp_syncookies=$1" counted_as "$2"
	pause 1.1
}

counted_as()
{
	mark
	one_by_one "$SRV4" "$WEB" 1
	since | grep -q "^$1 "
}

# counted REASON, and SYNs on tuples that the server still holds in TIME_WAIT: a client's port may come again
taken() { awk -v key="$1" '$1 " " $2 == key || $1 " " $2 == "pass known_tuple" { n += $3 } END { print n + 0 }' \
	<(shield stats "$SRV_IF"); }

# With tcp_syncookies=2 the kernel's cookies are due always, with 1 when the listener is out of room,
# with 0 never: what is left to the kernel even stays MPTCP.
mptcp()
{
	local address cookies before known counter
	begin_counting
	for cookies in 0 1 2; do
		sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies "$cookies"
		counter=(pass cookie_not_due)
		((cookies == 2)) && counter=(reply kernel_cookie)
		known=$(taken '')
		for address in "$SRV4" "$SRV6"; do
			before=$(taken "${counter[*]}")
			check "MPTCP listener, tcp_syncookies=$cookies, $address: TCP clients" \
				tcpc_get "$address" "$MPTCP" 50 hello
			check "MPTCP listener, tcp_syncookies=$cookies, $address: an MPTCP client" \
				multipath "$address" 10
			is $(($(taken "${counter[*]}") - before)) 60 \
				"MPTCP listener, tcp_syncookies=$cookies, $address: ${counter[*]}"
		done
		((cookies == 1)) && is "$(in_srv nstat -asz MPTcpExtMPCapableACKRX |
			awk '/^MPTcp/ { print $2 }')" 40 "MPTCP listener: MPTCP up to then"
	done
	is "$(in_srv nstat -asz TcpExtSyncookiesRecv | awk '/^Tcp/ { print $2 }')" $((120 - $(taken '') + known)) \
		"MPTCP listener: each of the kernel's cookies was taken"
	syncookies 1 reply.cookie
	cookie_check "a TCP listener beside an MPTCP one" 50 one_by_one "$SRV4" "$WEB" 50
	syncookies 0 pass.cookie_not_due
	mark
	check "tcp_syncookies=0, with which the kernel accepts no cookie: clients are served" \
		one_by_one "$SRV4" "$WEB" 20
	is "$(since | sed -n 's/^pass.cookie_not_due //p')" 20 \
		"tcp_syncookies=0: their SYNs are left to the kernel"
	syncookies 1 reply.cookie
}

# tag_twice NS IF: two tags make a frame larger than a veth takes, so packets are smaller; DEV is the
# interface that carries the addresses.
tag_twice()
{
	DEV=$2.inner
	if ip -n "$1" link add link "$2" name "$2.outer" type vlan id 100 protocol 802.1ad 2> /dev/null
	then
		ip -n "$1" -batch - <<-END || bail "cannot add QinQ to $2"
			link set $2.outer up
			link add link $2.outer name $DEV mtu 1496 type vlan id 100
			link set $DEV up
		END
		return
	fi
	# The same tag twice, as each of the two classifiers takes one off; MTU by route.
	DEV=$2
	{
		in_ns "$1" "$TOOLS/tag" "$2" 100 &&
			in_ns "$1" "$TOOLS/tag" "$2" 100 &&
			ip -n "$1" route change 10.77.0.0/16 dev "$2" mtu lock 1496 &&
			ip -n "$1" -6 route replace fd77::/64 dev "$2" proto kernel metric 256 mtu lock 1496
	} || bail "cannot tag the traffic of $2"
}

# move_addresses NS FROM TO
move_addresses()
{
	local family address
	[[ $2 == "$3" ]] && return
	ip -n "$1" -o addr show dev "$2" scope global | while read -r _ _ family address _; do
		[[ $family == inet* ]] || continue
		ip -n "$1" addr del "$address" dev "$2"
		ip -n "$1" addr add "$address" dev "$3"
	done
}

# After topo_up: the addresses are behind two tags from now on.
qinq()
{
	tag_twice "$NS_SRV" "$SRV_IF"
	move_addresses "$NS_SRV" "$SRV_IF" "$DEV"
	tag_twice "$NS_CLI" "$CLI_IF"
	move_addresses "$NS_CLI" "$CLI_IF" "$DEV"
	await 10 "the client to reach the server" in_cli ping -c 1 -W 1 "$SRV4"
	await 10 "the client to reach the server" in_cli ping -c 1 -W 1 "$SRV6"
}

make_files
make_ssh_keys

topo_up
ip -n "$NS_SRV" addr add "$OTHER4/16" dev "$SRV_DEV"
servers_up

shield_up mode=always
use_both plain 500 200 100
listeners
mptcp

sysctl_in "$NS_CLI" net.ipv4.ip_no_pmtu_disc 1
syn_is "DF=0: SYNs lack DF" "ip and tcp[tcpflags] == tcp-syn and ip[6] & 0x40 == 0"
begin_counting
use "DF=0" "$SRV4" 100 100 20
check "DF=0: nothing reset, lost or refused" nothing_else_happened
sysctl_in "$NS_CLI" net.ipv4.ip_no_pmtu_disc 0

# The kernel itself splits super-frames for a veth with native XDP; partial checksums do reach it.
set_offloads on
use_both "offloads on"
shield_down > /dev/null

shield_up mode=always --xdp generic
set_offloads on
use_both "generic XDP, offloads on"
super_frames "generic XDP, offloads on"
set_offloads off
use_both "generic XDP"
is "$(field xdp <<< "$(shield status --json | tr -d ' \n')")" generic "generic XDP: it is"
shield_down > /dev/null

shield_up mode=always --tc clsact
use_both "clsact"
is "$(field tc <<< "$(shield status --json | tr -d ' \n')")" clsact "clsact: it is"
topo_down

topo_up --vlan 100
servers_up
shield_up mode=always
syn_is "VLAN: SYNs have a tag" "vlan 100 and tcp port $WEB"
use_both "VLAN"
topo_down

topo_up
qinq
servers_up
shield_up mode=always
syn_is "QinQ: SYNs have two tags" "vlan 100 and vlan 100 and tcp port $WEB"
use_both "QinQ"
topo_down

for mtu in 1380 9000; do
	topo_up --mtu "$mtu"
	servers_up
	shield_up mode=always
	use_both "MTU $mtu"
	topo_down
done
done_testing
