# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make            build/synshield
# make help       the other targets

CLANG ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config
B := build
VERSION := 0.1.0
PREFIX ?= /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system
MULTIARCH := $(shell $(CC) -print-multiarch)
ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/; s/ppc64le/powerpc/')

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wno-unused-parameter -Werror
CFLAGS ?= -O2 -g
ifdef SANITIZE # by clang, whose runtimes write their reports where they are told to
B := build/san
CC := $(CLANG)
override CFLAGS += -O1 -fsanitize=address,undefined -fno-omit-frame-pointer
endif
ALL_CFLAGS := -std=gnu11 -fno-strict-aliasing $(WARN) -D_GNU_SOURCE -DSYNSHIELD_VERSION='"$(VERSION)"' \
	-Iinclude -I$(B) $(CFLAGS)
BPF_CFLAGS := -std=gnu11 -O2 -g -fno-strict-aliasing -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) \
	-Iinclude -Ivmlinux -Ibpf -isystem /usr/include/$(MULTIARCH) \
	-Wall -Wextra -Wno-unused-parameter -Wno-missing-declarations -Werror
LIBS := -lxdp -lbpf -lmnl -linih -lmicrohttpd -lncursesw -ltinfo -lelf -lz

USER_SRC := $(wildcard user/*.c)
USER_OBJ := $(USER_SRC:user/%.c=$(B)/user/%.o)
HEADERS := $(wildcard include/synshield/*.h)

Q := $(if $(V),,@)
say = @printf '  %-8s %s\n' '$(1)' '$(2)'

.PHONY: all
all: $(B)/synshield man

$(B)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) $(HEADERS) vmlinux/vmlinux.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)llvm-strip -g $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$(notdir $*)) > $@.new && mv $@.new $@

$(B)/user/%.o: user/%.c $(wildcard user/*.h) $(HEADERS) $(B)/synshield.skel.h \
		$(B)/socket.skel.h Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(B)/synshield: $(USER_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

.SECONDARY:
.DELETE_ON_ERROR:

include man/man.mk
-include tests/tools/tools.mk tests/prog/tests.mk tests/bench/bench.mk \
	tests/net/builds.mk tests/fuzz/fuzz.mk

# --- what to call ---

.PHONY: help deps lint-deps demo test test-vm test-service soak lint format picture install uninstall deb clean

help:
	@echo 'make            build/synshield'
	@echo 'make deps       install what the build, demo and tests need (Debian 12, root)'
	@echo 'make demo       install, build, and show a server under a SYN flood (root)'
	@echo 'make test       install, build, and run every test (root); TESTS="cli flood" for some'
	@echo 'make bench      install, build, and measure against peers and limits (root, 16 min);'
	@echo '                BENCH=short only shows that it works'
	@echo 'make test-vm    the integration tests on the kernels of Debian 12, 6.1 and 6.12, emulated'
	@echo '                (root, 15 min); KERNELS=6.1 TESTS="conns lists" for some'
	@echo 'make test-service  synshield.service under systemd, emulated (root, 5 min)'
	@echo 'make fuzz       each fuzzer for SECONDS=60 (root)'
	@echo 'make soak       everything at once, for SECONDS=1800, into build/soak.csv (root)'
	@echo 'make sanitized  the program and its unit tests with ASan, UBSan, LSan, into build/san'
	@echo 'make lint       format, static analysis, shell scripts'
	@echo 'make format     put the sources into shape'
	@echo 'make verifier-stats  size of the BPF programs, against their ceiling (root)'
	@echo 'make man        the manual and the completion of bash, into build/man'
	@echo 'make picture    docs/top.svg, from a real run under a flood (root)'
	@echo 'make install    to PREFIX=$(PREFIX); make uninstall removes it'
	@echo 'make deb        a Debian package, into build'
	@echo 'make clean      remove build'

deps:
	$(Q)tests/deps.sh
lint-deps:
	$(Q)tests/deps.sh lint

# A fresh make, because what deps installs was not there when this one began.
demo: deps
	$(Q)$(MAKE) --no-print-directory all tools
	$(Q)demo/demo.sh $(DEMO)

test: deps
	$(Q)$(MAKE) --no-print-directory all tools tests bench-tools builds \
		fuzz-build sanitized
	$(Q)tests/run.sh $(TESTS)

test-vm: deps
	$(Q)tests/deps.sh vm
	$(Q)$(MAKE) --no-print-directory all tools tests builds
	$(Q)TESTS="$(TESTS)" tests/vm/run.sh $(KERNELS)

test-service: deps
	$(Q)tests/deps.sh vm
	$(Q)$(MAKE) --no-print-directory all tools
	$(Q)tests/vm/systemd.sh

soak: all tools
	$(Q)SOAK_SECONDS=$(or $(SECONDS),1800) tests/net/soak.sh

C_SOURCES = $(shell git ls-files '*.c' '*.h' | grep -v ^vmlinux/)
SHELL_SOURCES = $(shell git ls-files '*.sh' debian/synshield.prerm) .ci/run

format:
	clang-format -i $(C_SOURCES)

lint: all tools tests bench-tools fuzz-build
	$(call say,LINT,clang-format)
	$(Q)clang-format --dry-run -Werror $(C_SOURCES)
	$(call say,LINT,cppcheck)
	$(Q)cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j 2 \
		--enable=warning,performance,portability --suppress=missingIncludeSystem \
		--suppress=unusedStructMember --suppress='*:bpf/*' -D__VMLINUX_H__ -D__x86_64__ \
		-D'LIBBPF_OPTS(type, name, ...)=struct type name = {__VA_ARGS__}' \
		-D'DECLARE_LIBXDP_OPTS(type, name, ...)=struct type name = {__VA_ARGS__}' \
		-Iinclude -Iuser -Itests/prog -Itests/fuzz -itests/prog/helper.bpf.c user man tests/prog \
		tests/unit tests/fuzz
	$(call say,LINT,shellcheck)
	$(Q)shellcheck -x -S warning $(SHELL_SOURCES) $(COMPLETION)

picture: all tools
	$(call say,SVG,docs/top.svg)
	$(Q)docs/top.sh

# The paths in it follow PREFIX, which may be another than at the last call.
.PHONY: $(B)/synshield.service
$(B)/synshield.service: contrib/systemd/synshield.service.in
	$(Q)mkdir -p $(@D)
	$(Q)sed 's|@SBINDIR@|$(PREFIX)/sbin|' $< > $@

# Out of a copy, as Debian's tools build in place; the version is ours.
DEB_SOURCE = $(B)/deb/synshield-$(VERSION)
deb:
	$(Q)rm -rf $(B)/deb
	$(Q)mkdir -p $(DEB_SOURCE)
	$(Q)tar -c --exclude=./$(B) --exclude=./.git . | tar -x -C $(DEB_SOURCE)
	$(Q)printf 'synshield (%s) unstable; urgency=medium\n\n  * Version %s.\n\n -- %s  %s\n' \
		$(VERSION) $(VERSION) "$$(sed -n 's/^Maintainer: //p' debian/control)" \
		"$$(date -R -r Makefile)" > $(DEB_SOURCE)/debian/changelog
	$(Q)cd $(DEB_SOURCE) && dpkg-buildpackage -us -uc -b
	$(Q)mv $(B)/deb/*.deb $(B)/

install: all $(B)/synshield.service
	install -D -m 755 $(B)/synshield $(DESTDIR)$(PREFIX)/sbin/synshield
	for header in $(filter-out %/socket.h,$(HEADERS)); do \
		install -D -m 644 $$header $(DESTDIR)$(PREFIX)/$$header || exit 1; \
	done
	install -D -m 644 contrib/synshield.conf $(DESTDIR)$(PREFIX)/share/doc/synshield/examples/synshield.conf
	for page in $(notdir $(MAN)); do \
		install -D -m 644 $(B)/man/$$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$page || exit 1; \
	done
	install -D -m 644 $(COMPLETION) $(DESTDIR)$(PREFIX)/share/bash-completion/completions/synshield
	install -D -m 644 $(B)/synshield.service $(DESTDIR)$(UNITDIR)/synshield.service

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/synshield
	rm -rf $(DESTDIR)$(PREFIX)/include/synshield $(DESTDIR)$(PREFIX)/share/doc/synshield
	rm -f $(DESTDIR)$(PREFIX)/share/man/man[58]/synshield.*[58]
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/synshield
	rm -f $(DESTDIR)$(UNITDIR)/synshield.service

clean:
	$(Q)rm -rf $(B)
