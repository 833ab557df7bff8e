#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# kill -9 between any two steps by which the shield enters libxdp's dispatcher, is replaced there and
# leaves: tests/net/faults.sh, as it runs on this kernel.
exec "$(dirname "${BASH_SOURCE[0]}")/../../net/faults.sh" dispatcher
