# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make fuzz SECONDS=N: each target for so long (60); root, for the one that runs BPF programs
# make fuzz-build: the targets alone, into build/fuzz
# make sanitized: the program and the unit tests with ASan, UBSan and LSan, into build/san

F := $(B)/fuzz
FUZZ := config cidr capture options args states
FUZZ_BIN := $(FUZZ:%=$(F)/fuzz-%)
FUZZ_FLAGS := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_CFLAGS = $(ALL_CFLAGS) -Iuser -Itests/fuzz $(FUZZ_FLAGS) \
	-fsanitize=fuzzer-no-link,address,undefined

.PHONY: fuzz fuzz-build sanitized
fuzz: fuzz-build
	$(Q)FUZZ_SECONDS=$(or $(SECONDS),60) tests/net/fuzz.sh

sanitized:
	$(Q)$(MAKE) --no-print-directory SANITIZE=1 build/san/synshield $(UNIT:%=build/san/tests/unit-%)

fuzz-build: $(FUZZ_BIN) $(F)/fuzz-packets

$(F)/user/%.o: user/%.c $(wildcard user/*.h) $(HEADERS) tests/fuzz/fuzz.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -c $< -o $@

$(F)/%.o: tests/fuzz/%.c $(wildcard user/*.h tests/fuzz/*.h) $(HEADERS) tests/fuzz/fuzz.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -c $< -o $@

$(F)/fuzz-config: $(addprefix $(F)/user/,config.o configfile.o options.o near.o args.o cidr.o \
	lists.o listfile.o)
$(F)/fuzz-config: FUZZ_LIBS := -linih
$(F)/fuzz-cidr: $(addprefix $(F)/user/,cidr.o listfile.o lists.o)
$(F)/fuzz-capture: $(addprefix $(F)/user/,capfile.o frame.o)
$(F)/fuzz-options: $(addprefix $(F)/user/,options.o near.o)
$(F)/fuzz-args: $(addprefix $(F)/user/,args.o cidr.o options.o near.o)
$(F)/fuzz-states: $(patsubst user/%.c,$(F)/user/%.o,$(wildcard user/fsm*.c))

$(FUZZ_BIN): $(F)/fuzz-%: $(F)/%.o $(F)/fuzz.o
	$(call say,LINK,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined $^ $(FUZZ_LIBS) -o $@

# The frames, with what the rows of tests/prog are made with.
PACKETS_OBJ := $(patsubst tests/fuzz/packets/%.c,$(F)/packets/%.o,$(wildcard tests/fuzz/packets/*.c))
PACKETS_WITH := $(addprefix $(T)/prog/,harness.o tables.o oracle.o packet.o net.o live.o expect.o \
	corpus.o tap.o)

$(F)/packets/%.o: tests/fuzz/packets/%.c $(wildcard tests/fuzz/packets/*.h tests/prog/*.h) \
		$(HEADERS) tests/fuzz/fuzz.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TESTS_CFLAGS) -Itests/fuzz/packets -c $< -o $@

$(F)/fuzz-packets: $(PACKETS_OBJ) $(PACKETS_WITH)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -lbpf -lelf -lz -o $@

.SECONDARY: $(FUZZ:%=$(F)/%.o)
