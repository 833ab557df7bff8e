#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The integration tests in virtual machines with the kernels of Debian 12. run.sh [KERNEL...]: only
# those (6.1, 6.12); TESTS="..." runs these tests, as tests/run.sh takes them.

# shellcheck source=tests/vm/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

LIMIT=2400 # seconds for a kernel
KERNELS=(6.1 6.12)
(($#)) && KERNELS=("$@")

# Of tests/net what does not count on the speed of a real processor, nor on cookies of the shield's
# own where there are none.
HERE=(tests/vm/tests/attach.sh tests/vm/tests/dispatcher.sh tests/vm/tests/devices.sh
	tests/vm/tests/unprivileged.sh)
declare -A NET=([6.1]="conns tests/vm/tests/faults.sh" [6.12]="conns doctor")

failed=0
for kernel in "${KERNELS[@]}"; do
	echo "== Linux $kernel"
	why=$(vm_why_not "$kernel")
	if [[ $why ]]; then
		echo "not run: $why"
		failed=1
		continue
	fi
	tests=${TESTS:-${HERE[*]} ${NET[$kernel]:-}}
	vm_run "$kernel" "$LIMIT" "LIMIT=900 tests/run.sh $tests"
	status=$?
	((status == 124)) && echo "not ok - the machine was ended after $LIMIT s"
	((status == 125)) && echo "not ok - the machine died: $VM/$kernel.console"
	((status)) && failed=1
done
exit $failed
