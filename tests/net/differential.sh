#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Whatever a client does, an application behind the shield sees what one without the shield sees. Two
# servers that are alike, one behind the shield, have the same conversations with one client, made
# from seeds: any SYN options; SYNs, ACKs and data lost, repeated, reordered, in bursts, with wrong
# numbers or of long ago; FINs and RSTs in and out of window; connections forgotten and made anew.
#
#          srv: with the shield                 net: "the wire"              cli: without
#        +----------------------+            +------------------+        +--------------------+
#        | witness     SRV_IF   |============| NET_SRV  NET_CLI |========| CLI_IF     witness |
#        +----------------------+            +------------------+        +--------------------+
#          SRV4, SRV6                    peer plays PEER4 and PEER6        the same addresses
#
# Compared are, for each connection, what the application saw (accepted, bytes read, end of stream,
# error), and what the client saw (connected, bytes read, FIN, RST).
#
# The one exception: a RST that comes into the handshake is not remembered by a cookie, so that a
# client that goes on all the same (none does) is accepted. Conversations with such a RST are
# lenient: the application may see more behind the shield, but nothing less.
#
# Where the shield changes its mind from cookies to the kernel, no SYN comes twice during a handshake
# (--one-syn): it would get a SYN-ACK of each, and the first one that came would count for the client
# but not for the kernel. It is so, too, where the kernel sends cookies of its own.
#
# differential.sh [SEED]: all, with conversations from this seed on
# differential.sh MODE SEED [OPTION...]: one conversation, with its plan and each segment

# shellcheck source=tests/net/lib.sh disable=SC2034,SC2119,SC2153,SC2317
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

EACH=${EACH:-600} # conversations of each phase
PEER4=10.77.9 PEER6=fd77::9
PORT=8000
PHASE=0

# twin NS IF: a server, with a route to whomever peer plays
twin()
{
	local i
	{
		echo "addr add $SRV4/16 dev $2"
		echo "addr add $SRV6/64 dev $2 nodad"
		for i in {1..16}; do
			echo "neigh add $PEER4.$i lladdr $GATE_MAC dev $2"
			echo "neigh add $PEER6:$i lladdr $GATE_MAC dev $2"
		done
	} | ip -n "$1" -batch - || bail "cannot set up a server"
}

twins_up()
{
	local ns end
	mount_bpffs
	for ns in "$NS_SRV" "$NS_CLI" "$NS_NET"; do
		ip netns add "$ns" || bail "cannot make a network namespace (run as root)"
		settle_sysctls "$ns"
		ip -n "$ns" link set lo up
	done
	SRV_MAC=02:00:00:00:00:01
	ip -n "$NS_NET" -batch - <<- END || bail "cannot make the wire"
		link add $NET_SRV type veth peer name $SRV_IF address $SRV_MAC netns $NS_SRV
		link add $NET_CLI type veth peer name $CLI_IF address $SRV_MAC netns $NS_CLI
		link set $NET_SRV up
		link set $NET_CLI up
	END
	ip -n "$NS_SRV" link set "$SRV_IF" up
	ip -n "$NS_CLI" link set "$CLI_IF" up
	settle_offloads
	in_cli ethtool -K "$CLI_IF" gro on
	for end in "$NET_SRV" "$NET_CLI"; do
		spawn "sink$end" net "$TOOLS/sink" "$end" --mode pass
		await_ready "sink$end"
	done
	twin "$NS_SRV" "$SRV_IF"
	twin "$NS_CLI" "$CLI_IF"
}

# phase_begins: new listeners, and a client that nobody knows yet
phase_begins()
{
	PHASE=$((PHASE + 1)) PORT=$((PORT + 1))
	spawn shielded srv "$TOOLS/witness" :: $PORT
	WITNESSES=("$PID")
	await_ready shielded
	spawn bare cli "$TOOLS/witness" :: $PORT
	WITNESSES+=("$PID")
	await_ready bare
	PEER=("$TOOLS/peer" "$NET_SRV" "$NET_CLI" --src "$PEER4.$PHASE" --src "$PEER6:$PHASE"
		--dst "$SRV4" --dst "$SRV6" --dst-mac "$SRV_MAC" --dport "$PORT")
}

# compare: what the applications saw of each conversation, by the seeds of peer's list
compare()
{
	awk '
		FNR == 1 { file++ }
		/^ready/ { next }
		file < 3 {
			tuple = $1 " " $2
			sub(/^[^ ]* [^ ]* /, "")
			saw[file, tuple, ++n[file, tuple]] = $0
			next
		}
		{
			tuple = $2 " " $3
			bare = n[2, tuple] + 0
			got = n[1, tuple] + 0
			at = 0
			for (i = 1; i <= bare; i++) {
				while (at++ < got && saw[1, tuple, at] != saw[2, tuple, i])
					if ($4 == "strict")
						break
				if (at > got || saw[1, tuple, at] != saw[2, tuple, i])
					break
			}
			said = ""
			if (i <= bare)
				said = "less"
			else if ($4 == "strict" && got > bare)
				said = "more"
			else if ($4 == "strict" && $5 != "same")
				said = "client"
			else if ($6 != "settled")
				said = "unsettled"
			if (!said)
				next
			print said, $1
			for (i = 1; i <= bare; i++)
				print "#   without the shield: " saw[2, tuple, i]
			for (i = 1; i <= got; i++)
				print "#   with the shield:    " saw[1, tuple, i]
		}' "$TMP/shielded.out" "$TMP/bare.out" "$TMP/peer.out"
}

# phase_ends NAME MODE: MODE is what it can be repeated with
phase_ends()
{
	local accepted
	stop "${WITNESSES[@]}"
	compare > "$TMP/compared"
	accepted=$(grep -c ' bytes=' "$TMP/bare.out")
	is "$(wc -l < "$TMP/peer.out")" "$EACH" "$1: $EACH conversations from seed $SEED on"
	holds "$1: the unshielded server accepted more than half as many connections ($accepted)" \
		"accepted > EACH / 2"
	none less "$1: the application behind the shield sees all that the other one sees"
	none more "$1: and no connection besides"
	none client "$1: the client sees the same of both"
	none unsettled "$1: both servers acknowledge all that was sent"
	[[ -s $TMP/compared ]] && diag "again, with each segment: tests/net/differential.sh $2" \
		"$(head -n 40 "$TMP/compared")" "$(grep -v paused "$TMP/peer.err" | head -n 40)"
	SEED=$((SEED + EACH))
}

# none WHAT NAME
none()
{
	local seeds
	seeds=$(awk -v w="$1" '$1 == w { printf "%s ", $2 }' "$TMP/compared")
	is "${seeds:-none}" none "$2"
}

# talk: all conversations, in the background; its id is $PID
talk()
{
	spawn peer net "${PEER[@]}" --parallel 300 --seed "$SEED" --count "$EACH" "$@"
	PEER_PID=$PID
}

# phase NAME "MODE SETTING..." [OPTION...]: with these settings from beginning to end
phase()
{
	local name=$1 settings=$2
	shift 2
	# shellcheck disable=SC2086 # a list
	shield set "$SRV_IF" reset=reply syn-rate=5000 mode=$settings || bail "cannot set mode=$settings"
	phase_begins
	talk "$@"
	wait "$PEER_PID" || bail "peer failed: $(cat "$TMP/peer.err")"
	phase_ends "$name" "${settings%% *} SEED${1:+ $1}"
}

# Between modes that answer for cookies which are out. (In off and observe everything passes, also what
# is ahead of the segment that bears one.)
switching()
{
	local mode
	phase_begins
	talk --one-syn
	while running "$PEER_PID"; do
		for mode in always auto; do
			shield set "$SRV_IF" "mode=$mode"
			pause 0.1
		done
	done
	phase_ends "always and auto change meanwhile" "always SEED --one-syn"
}

# The shield comes into the middle of conversations, of which it has seen nothing; it goes when none
# is in progress, as handshakes that it has begun are its own.
tracked()
{
	local mode=$1 pause
	local -i each=$EACH
	EACH=400
	phase_begins
	talk --parallel 100 --pause-at "$2"
	for ((pause = 1; pause <= 2 * EACH / 100; pause++)); do
		await 20 "the conversations to pause" said_paused $pause
		if ((pause % 2)); then
			shield_up "mode=$mode"
		elif [[ $(shield_down 2>&1) != *detached* ]]; then
			bail "the shield was not detached"
		fi
		kill -USR1 "$PEER_PID"
	done
	wait "$PEER_PID" || bail "peer failed: $(cat "$TMP/peer.err")"
	phase_ends "attached in the middle, mode $mode" "$mode SEED"
	EACH=$each
}

said_paused() { (($(grep -c '^paused' "$TMP/peer.err") >= $1)); }

once()
{
	local mode=$1 seed=$2
	shift 2
	shield_up "mode=$mode"
	phase_begins
	in_net timeout 60 "${PEER[@]}" --seed "$seed" --trace "$@" > "$TMP/peer.out" 2> "$TMP/peer.err"
	stop "${WITNESSES[@]}"
	cat "$TMP/peer.err" "$TMP/peer.out"
	diag "without the shield:" "$(< "$TMP/bare.out")" "with the shield:" "$(< "$TMP/shielded.out")"
	shield stats "$SRV_IF"
	exit
}

twins_up
(($# >= 2)) && once "$@"
SEED=${1:-$((SRANDOM % 1000000))}
diag "seeds from $SEED on"
shield_up mode=off
phase "mode off" off
phase "mode always" always
phase "mode always, reset drop" "always reset=drop"
phase "mode always, reset pass" "always reset=pass"
phase "mode auto, calm" auto
phase "mode auto, attacks come and go" "auto syn-rate=300 quiet=1" --one-syn
switching
shield_down > /dev/null
tracked always 14
tracked auto 25
done_testing
