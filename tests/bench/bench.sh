#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The shield beside its peers and the limits of the wire, in one run: docs/performance.md says how.
# bench.sh [short] [--json FILE]: short only shows that it works; FILE is build/bench.json by default.

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib.sh"
# shellcheck source=tests/bench/wire.sh
. "$ROOT/tests/bench/wire.sh"
# shellcheck source=tests/bench/subjects.sh
. "$ROOT/tests/bench/subjects.sh"
# shellcheck source=tests/bench/measure.sh
. "$ROOT/tests/bench/measure.sh"

bail()
{
	echo "bench: $*" >&2
	exit 1
}

JSON=$ROOT/build/bench.json
SHORT=
while (($#)); do
	case $1 in
	short) SHORT=1 ;;
	full) SHORT= ;;
	--json) JSON=${2:?--json needs a file}; shift ;;
	*) echo "usage: bench.sh [short|full] [--json FILE]" >&2; exit 2 ;;
	esac
	shift
done
((EUID == 0)) || bail "needs root, for network namespaces and BPF: sudo make bench"

# ROUNDS of what varies more than the ratios that matter, FEW of what takes long, MANY where a few per
# cent are asked for; seconds, but for TURNS_MS.
ROUNDS=5 FEW=3 MANY=9 WARM=0.2 WINDOW=0.7
BULK_SECONDS=2 BULK_SKIP=1 TURNS_MS=500 CONNECT_SECONDS=1 CLIENT_NUMBER=1000
if [[ $SHORT ]]; then
	ROUNDS=1 FEW=1 MANY=1 WARM=0.02 WINDOW=0.1
	BULK_SECONDS=1 BULK_SKIP=0 TURNS_MS=100 CONNECT_SECONDS=0.2 CLIENT_NUMBER=20
	TABLE_ROOM=65536 TABLE_OF=([always-1k]=10 [always-100k]=1000 [always-1M]=10000)
fi

say() { printf '%4d s  %s\n' "$SECONDS" "$*" >&2; }

# What is changed outside the bench's own namespaces is as it was afterwards, however it ends: the
# kernel's statistics of BPF programs, and the priority of this session's processes, without which
# the generator's own counts for nothing beside those of other sessions.
STATS=/proc/sys/kernel/bpf_stats_enabled
GROUP=/proc/$$/autogroup
STATS_BEFORE=$(cat $STATS)
GROUP_BEFORE=$(sed 's/.*nice //' "$GROUP" 2> /dev/null)
restore()
{
	local status=$?
	echo "$STATS_BEFORE" > $STATS
	[[ $GROUP_BEFORE ]] && echo "$GROUP_BEFORE" > "$GROUP"
	return $status
}
trap 'restore; cleanup' EXIT

take_precedence()
{
	renice -n -20 -p $$ > /dev/null || bail "cannot raise its priority"
	[[ $GROUP_BEFORE ]] && echo -20 > "$GROUP"
	NICE=20 # for what is spawned: back to where it was
	pin "$OTHER_CPU" $$
}

set_up()
{
	local subject
	say "setting up ($RUN_ID)"
	wire_up
	for subject in "${PEERS[@]}" "${LIMITS[@]}" "${MODES[@]}" "${TABLES[@]}"; do
		add_subject "$subject"
	done
	settle
}

# in_turn, of those that are there; of a short run's only two
compare()
{
	local subjects
	mapfile -t subjects < <(of "${@:4}")
	[[ $SHORT ]] && subjects=("${subjects[@]:0:2}")
	in_turn "$1" "$2" "$3" "${subjects[@]}"
}

floods()
{
	local class
	say "flood syn"
	in_turn "$ROUNDS" syn cost "${SUBJECTS[@]}"
	say "flood ack"
	compare "$ROUNDS" ack cost always xdp-drop "${PEERS[@]}" xdp-tx "${MODES[@]}" "${TABLES[@]}"
	say "flood syn6"
	compare "$ROUNDS" syn6 cost always xdp-tx xdp-drop "${PEERS[@]}" always-1k always-1M
	for class in bare-syn rst mix; do
		say "flood $class"
		compare "$FEW" "$class" cost always xdp-drop "${PEERS[@]}" xdp-tx auto
	done
}

established()
{
	local measure rounds=$FEW
	for measure in bulk turns connect; do
		say "established: $measure"
		compare "$rounds" calm "$measure" always xdp-pass kernel-cookies off auto always-1k always-1M
		rounds=$MANY
	done
}

real_clients()
{
	local class
	for class in 1000000-syn full-syn 1000000-ack 1000000-mix; do
		say "clients during the flood $class"
		compare "$FEW" "$class" clients always xdp-tx auto
		compare 1 "$class" clients kernel-cookies nft-synproxy
	done
	say "the first second of a flood"
	compare "$ROUNDS" 1000000-syn first_second auto
}

second_view()
{
	say "the programs' own time"
	echo 1 > $STATS
	compare "$FEW" syn in_situ always xdp-tx always-1k always-1M
	compare "$FEW" ack in_situ always xdp-drop always-1k always-1M
	echo "$STATS_BEFORE" > $STATS
	compare "$FEW" syn alone always xdp-tx always-1k always-1M
	compare 1 - tracked "${TABLES[@]:0:2}"
	compare 1 - tracked always-1M
	compare 1 - memory always-1M
	if [[ -x $ROOT/tests/bench/daemon.sh ]]; then
		say "the daemon"
		"$ROOT/tests/bench/daemon.sh" ${SHORT:+short} >> "$RECORDS" || bail "daemon.sh failed"
	fi
}

main()
{
	take_precedence
	set_up
	floods
	established
	real_clients
	second_view
	say "done"
	python3 "$ROOT/tests/bench/report.py" "$RECORDS" "$JSON"
}

main
