# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make            build/synshield
# make help       the other targets

CLANG ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config
B := build
VERSION := 0.1.0
PREFIX ?= /usr/local
MULTIARCH := $(shell $(CC) -print-multiarch)
ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/; s/ppc64le/powerpc/')

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wno-unused-parameter -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 $(WARN) -D_GNU_SOURCE -DSYNSHIELD_VERSION='"$(VERSION)"' \
	-Iinclude -I$(B) $(CFLAGS)
BPF_CFLAGS := -std=gnu11 -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) \
	-Iinclude -Ivmlinux -Ibpf -isystem /usr/include/$(MULTIARCH) \
	-Wall -Wextra -Wno-unused-parameter -Wno-missing-declarations -Werror
LIBS := -lxdp -lbpf -lmnl -lelf -lz

USER_SRC := $(wildcard user/*.c)
USER_OBJ := $(USER_SRC:user/%.c=$(B)/user/%.o)
HEADERS := $(wildcard include/synshield/*.h)

Q := $(if $(V),,@)
say = @printf '  %-8s %s\n' '$(1)' '$(2)'

.PHONY: all
all: $(B)/synshield

$(B)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) $(HEADERS) vmlinux/vmlinux.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)llvm-strip -g $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$(notdir $*)) > $@.new && mv $@.new $@

$(B)/user/%.o: user/%.c $(wildcard user/*.h) $(HEADERS) $(B)/synshield.skel.h Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(B)/synshield: $(USER_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

.SECONDARY:
.DELETE_ON_ERROR:

-include tests/tools/tools.mk tests/prog/tests.mk

.PHONY: clean
clean:
	$(Q)rm -rf $(B)
