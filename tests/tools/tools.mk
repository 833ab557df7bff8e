# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The test programs: make tools builds them into build/tools/.

TOOLS := flood sink tcpc tcps seg udp tag peer witness cost
TOOLS_BPF := flood sink tag cost
TOOLS_CFLAGS := $(ALL_CFLAGS) -Itests/tools
TOOLS_LIBS := -lbpf -lmnl -lelf -lz -lpthread

.PHONY: tools
tools: $(TOOLS:%=$(B)/tools/%) $(B)/tools/nopin.so

$(B)/tools/%.bpf.o: tests/tools/%.bpf.c tests/tools/%.h vmlinux/vmlinux.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Itests/tools -c $< -o $@
	$(Q)llvm-strip -g $@

$(TOOLS_BPF:%=$(B)/tools/%.o): $(B)/tools/%.o: $(B)/tools/%.skel.h

$(B)/tools/%.o: tests/tools/%.c $(wildcard tests/tools/*.h) tests/tools/tools.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TOOLS_CFLAGS) -c $< -o $@

$(TOOLS:%=$(B)/tools/%): $(B)/tools/%: $(B)/tools/%.o $(B)/tools/common.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(TOOLS_LIBS) -o $@

$(B)/tools/nopin.so: tests/tools/nopin.c
	$(call say,LINK,$@)
	$(Q)$(CC) $(TOOLS_CFLAGS) -shared -fPIC $< -ldl -o $@

$(B)/tools/flood: $(B)/tools/flood_frame.o
$(B)/tools/peer: $(B)/tools/peer_plan.o $(B)/tools/peer_talk.o

.SECONDARY: $(TOOLS_BPF:%=$(B)/tools/%.bpf.o) $(TOOLS_BPF:%=$(B)/tools/%.skel.h)
