#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Every fuzzer for a while: FUZZ_SECONDS for each, or what CI has. What one finds is kept in
# build/fuzz/found, with the command that repeats it. FUZZ_SEED makes a run the same again.
#
#   fuzz-packets   frames through the real XDP and TC programs, in a namespace of its own
#   the others     libFuzzer, with ASan and UBSan

# shellcheck source=tests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

FUZZ=$ROOT/build/fuzz
CORPUS=$ROOT/tests/fuzz/corpus
FOUND=$FUZZ/found
TARGETS=(config cidr capture options args states)
SEED=${FUZZ_SEED:-$((SRANDOM & 0x7fffffff))}

export UBSAN_OPTIONS=print_stacktrace=1

fuzz_packets()
{
	"$FUZZ/fuzz-packets" "$CORPUS/packets/frames" --seconds "${FUZZ_SECONDS:-20}" \
		--seed "$SEED" > "$TMP/packets" 2>&1
	local status=$?

	grep -E '^# [0-9]+ frames' "$TMP/packets"
	((status)) || { ok "frames: the packet table holds for each"; return; }
	cp "$TMP/packets" "$FOUND/packets"
	not_ok "frames: the packet table holds for each" "$(cut -c 1-600 "$TMP/packets")"
}

# fuzz_bytes TARGET: new inputs that reach further stay in a directory that goes.
fuzz_bytes()
{
	local log=$TMP/$1.log

	mkdir -p "$TMP/$1"
	if "$FUZZ/fuzz-$1" -seed="$SEED" -max_total_time="${FUZZ_SECONDS:-6}" -max_len=4096 -timeout=10 \
		-rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$FOUND/$1-" \
		"$TMP/$1" "$CORPUS/$1" > "$log" 2>&1; then
		diag "$1: $(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) .*/\1 inputs in \2 s/p' "$log")"
		ok "$1: no input breaks it"
		return
	fi
	not_ok "$1: no input breaks it" "again: build/fuzz/fuzz-$1 $FOUND/$1-*" \
		"$(grep -E -A 12 'not so|ERROR|runtime error' "$log")"
}

mkdir -p "$FOUND"
diag "seed $SEED"
plan $((1 + ${#TARGETS[@]}))
fuzz_packets
for target in "${TARGETS[@]}"; do
	fuzz_bytes "$target"
done
done_testing
