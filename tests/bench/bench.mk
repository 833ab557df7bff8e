# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make bench: what the shield costs, beside its peers and the limits of the wire; root

BENCH_TOOLS := fill turns

.PHONY: bench bench-tools
bench-tools: $(BENCH_TOOLS:%=$(B)/bench/%) $(B)/bench/trivial.bpf.o

bench: deps
	$(Q)$(MAKE) --no-print-directory all tools bench-tools
	$(Q)tests/bench/bench.sh $(BENCH)

$(B)/bench/trivial.bpf.o: tests/bench/trivial.bpf.c vmlinux/vmlinux.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)llvm-strip -g $@

$(B)/bench/%.o: tests/bench/%.c tests/tools/common.h $(HEADERS) tests/bench/bench.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TOOLS_CFLAGS) -Iuser -c $< -o $@

$(BENCH_TOOLS:%=$(B)/bench/%): $(B)/bench/%: $(B)/bench/%.o $(B)/tools/common.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(TOOLS_LIBS) -o $@

$(B)/bench/fill: $(B)/user/jiffies.o

.SECONDARY: $(BENCH_TOOLS:%=$(B)/bench/%.o)
