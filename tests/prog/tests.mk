# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make test-prog: the BPF programs on one packet at a time (BPF_PROG_TEST_RUN); root
# make test-unit: what needs no kernel
# make verifier-stats: the programs' verified instructions and sizes, against a ceiling; root

T := $(B)/tests
PROG_OBJ := $(patsubst tests/prog/%.c,$(T)/prog/%.o, \
	$(filter-out %.bpf.c %/verifier_stats.c,$(wildcard tests/prog/*.c)))
UNIT := siphash cookie tcp_options budget settings lists hints fsm fsm_table fsm_wire wheel loop \
	capture rungs config toprates canvas bloom table recount
UNIT_BIN := $(UNIT:%=$(T)/unit-%)
UNIT_COMMON := $(T)/prog/tap.o $(T)/prog/packet.o $(T)/prog/oracle.o
TESTS_CFLAGS := $(ALL_CFLAGS) -Itests/prog -I$(T)

.SECONDARY: $(UNIT:%=$(T)/unit/%.o) $(T)/helper.bpf.o $(T)/helper.skel.h
.PHONY: tests test-prog test-unit verifier-stats
tests: $(T)/shield-rows $(T)/verifier-stats $(UNIT_BIN)

test-prog: $(T)/shield-rows
	$(call say,TEST,$<)
	$(Q)$<

$(T)/helper.bpf.o: tests/prog/helper.bpf.c vmlinux/vmlinux.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)llvm-strip -g $@

$(T)/prog/harness.o $(T)/prog/verifier_stats.o: $(B)/synshield.skel.h
$(T)/prog/harness.o: $(T)/helper.skel.h

$(T)/prog/%.o: tests/prog/%.c $(wildcard tests/prog/*.h) $(HEADERS) tests/prog/tests.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TESTS_CFLAGS) -c $< -o $@

$(T)/shield-rows: $(PROG_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -lbpf -lelf -lz -o $@

$(T)/verifier-stats: $(T)/prog/verifier_stats.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -lbpf -lelf -lz -o $@

verifier-stats: $(T)/verifier-stats
	$(Q)$< tests/prog/verifier.ceiling

$(T)/unit/%.o: tests/unit/%.c $(wildcard tests/unit/*.h tests/prog/*.h user/*.h bpf/*.h) \
		$(HEADERS) tests/prog/tests.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TESTS_CFLAGS) -c $< -o $@

$(T)/unit/settings.o $(T)/unit/lists.o $(T)/unit/hints.o $(T)/unit/fsm.o $(T)/unit/fsm_table.o \
	$(T)/unit/fsm_wire.o $(T)/unit/wheel.o $(T)/unit/loop.o $(T)/unit/capture.o \
	$(T)/unit/rungs.o $(T)/unit/config.o $(T)/unit/toprates.o \
	$(T)/unit/canvas.o $(T)/unit/bloom.o $(T)/unit/table.o $(T)/unit/recount.o: TESTS_CFLAGS += -Iuser
$(T)/unit-settings: $(B)/user/options.o $(B)/user/near.o
$(T)/unit-hints: $(B)/user/hints.o
$(T)/unit-fsm $(T)/unit-fsm_table $(T)/unit-fsm_wire: $(B)/user/fsm.o $(B)/user/fsm_time.o
$(T)/unit-wheel: $(B)/user/wheel.o
$(T)/unit-loop: $(B)/user/loop.o $(B)/user/wheel.o
$(T)/unit-capture: $(B)/user/capfile.o $(B)/user/frame.o
$(T)/unit-bloom: $(B)/user/bloom.o
$(T)/unit-table: $(B)/user/table.o
$(T)/unit-rungs: $(B)/user/rungs.o $(B)/user/fsm.o $(B)/user/fsm_time.o
$(T)/unit-toprates: $(B)/user/toprates.o $(B)/user/counts.o
$(T)/unit-canvas: $(B)/user/canvas.o
$(T)/unit-lists: $(B)/user/cidr.o $(B)/user/lists.o $(B)/user/listed.o $(B)/user/listfile.o

$(T)/unit-config: $(B)/user/config.o $(B)/user/configfile.o $(B)/user/options.o $(B)/user/near.o \
	$(B)/user/args.o $(B)/user/cidr.o $(B)/user/lists.o $(B)/user/listfile.o
$(T)/unit-config: TESTS_LIBS := -linih

$(UNIT_BIN): $(T)/unit-%: $(T)/unit/%.o $(UNIT_COMMON)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(TESTS_LIBS) -o $@

test-unit: $(UNIT_BIN)
	$(call say,TEST,$(UNIT))
	$(Q)status=0; for t in $^; do $$t || status=1; done; exit $$status
