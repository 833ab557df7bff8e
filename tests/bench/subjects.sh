# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # the other parts use it
# What is measured: the shield in each mode and with full tables, what a user would otherwise run,
# and the limits.  A subject that this machine cannot run is named with the reason, and left out.

# The daemon makes room once more than half is taken, by what has no socket: there is more.
TABLE_ROOM=4194304
declare -A TABLE_OF=([always-1k]=1000 [always-100k]=100000 [always-1M]=1000000)
declare -A XDP_PROGRAM=() # of each subject that has one: where it is pinned

subject_none()
{
	sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 0
}

# Cookies as soon as the listener's queue is full, which a flood sees to at once.
subject_kernel-cookies()
{
	sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 1
}

# As its documentation says (nft(8), "SYNPROXY STATEMENT").
subject_nft-synproxy()
{
	local output
	sysctl_in "$NS_SRV" net.ipv4.tcp_syncookies 1
	output=$(in_srv nft -f - 2>&1 <<-END
		table inet bench {
			chain before {
				type filter hook prerouting priority raw;
				tcp dport $PORT tcp flags syn notrack
			}
			chain input {
				type filter hook input priority filter;
				tcp dport $PORT ct state { invalid, untracked } synproxy mss 1460 wscale 7 timestamp sack-perm
				tcp dport $PORT ct state invalid drop
			}
		}
	END
	) || { NOT_MEASURED="nft: ${output%%$'\n'*}"; return 1; }
	sysctl_in "$NS_SRV" net.netfilter.nf_conntrack_tcp_loose 0
}

load_trivial()
{
	[[ -d $PIN_DIR/trivial ]] && return
	mkdir -p "$PIN_DIR" || bail "cannot make $PIN_DIR"
	bpftool prog loadall "$ROOT/build/bench/trivial.bpf.o" "$PIN_DIR/trivial" ||
		bail "cannot load the trivial programs"
}

# attach_trivial NAME
attach_trivial()
{
	load_trivial
	XDP_PROGRAM[$SUBJECT]=$PIN_DIR/trivial/$1
	in_srv bpftool net attach xdpdrv pinned "${XDP_PROGRAM[$SUBJECT]}" dev "$SRV_IF" ||
		bail "cannot attach the program $1"
}

subject_xdp-tx() { attach_trivial swap; }
subject_xdp-drop() { attach_trivial drop; }
subject_xdp-pass() { attach_trivial pass; }

# The daemon runs on the other CPU: the receiving thread would not let it run.
protect()
{
	local args=("$@")
	[[ ${TABLE_OF[$SUBJECT]:-} ]] && args=(--conns "$TABLE_ROOM" "$@")
	spawn "shield.$SUBJECT" srv "$SYNSHIELD" run "$SRV_IF" --pin-dir "$PIN_DIR" "${args[@]}"
	DAEMON_PIDS[$SUBJECT]=$PID
	await_said "$PID" "shield.$SUBJECT.err" ': protected' "shield.$SUBJECT"
	XDP_PROGRAM[$SUBJECT]=$PIN_DIR/$SRV_IF/prog_xdp
}
declare -A DAEMON_PIDS=()

protect_with_table()
{
	protect mode=always
	"$ROOT/build/bench/fill" "$PIN_DIR/$SRV_IF" "$SRV4" "$ECHO_PORT" "${TABLE_OF[$SUBJECT]}" ||
		bail "cannot fill the table of $SUBJECT"
}

subject_off() { protect mode=off; }
subject_observe() { protect mode=observe counts=always; }
subject_auto() { protect mode=auto quiet=1; }
subject_always() { protect mode=always; }
subject_always-1k() { protect_with_table; }
subject_always-100k() { protect_with_table; }
subject_always-1M() { protect_with_table; }

PEERS=(none kernel-cookies nft-synproxy)
LIMITS=(xdp-tx xdp-drop xdp-pass)
MODES=(off observe auto always)
TABLES=(always-1k always-100k always-1M)

# add_subject NAME: its server, or a record of why there is none
add_subject()
{
	local -i before=${#SUBJECTS[@]}
	NOT_MEASURED=
	add_server "$1"
	if ! "subject_$1"; then
		SUBJECTS=("${SUBJECTS[@]:0:before}")
		record missing "$1" - 0 "$NOT_MEASURED"
		return
	fi
	# attaching a program may have made the receiving thread anew
	receive_on_own_threads
	start_services
}

# The first seconds the shield asks the kernel about every tuple.
knows_all() { in_srv "$SYNSHIELD" status "$SRV_IF" --pin-dir "$PIN_DIR" --json | grep -q '"learned": *true'; }

# The filter before the table grows when the daemon walks through that, once a minute.
has_filter() # CONNECTIONS
{
	local words
	words=$(bpftool -j map dump pinned "$PIN_DIR/$SRV_IF/host" |
		sed 's/.*"bloom_words":\([0-9]*\).*/\1/')
	((words * 16 >= $1))
}

settle()
{
	local subject
	for subject in "${MODES[@]}" "${TABLES[@]}"; do
		[[ ${OF_NS[$subject]:-} ]] || continue
		use "$subject"
		await 20 "$subject to know the kernel's sockets" knows_all
		await 150 "the filter of $subject" has_filter "${TABLE_OF[$subject]:-0}"
	done
}

# of SUBJECT...: those that are there
of()
{
	local subject
	for subject; do
		[[ " ${SUBJECTS[*]} " == *" $subject "* ]] && echo "$subject"
	done
}
