# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make fuzz SECONDS=N: each target for so long; root, for the one that runs the BPF programs
# make fuzz-build: the targets alone, into build/fuzz

F := $(B)/fuzz
FUZZ := config cidr capture options args states
FUZZ_BIN := $(FUZZ:%=$(F)/fuzz-%)
FUZZ_FLAGS := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_CFLAGS = $(ALL_CFLAGS) -Iuser -Itests/fuzz $(FUZZ_FLAGS) \
	-fsanitize=fuzzer-no-link,address,undefined
SECONDS ?= 60

.PHONY: fuzz fuzz-build
fuzz-build: $(FUZZ_BIN)

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
$(F)/fuzz-states: $(F)/user/fsm.o

$(FUZZ_BIN): $(F)/fuzz-%: $(F)/%.o $(F)/fuzz.o
	$(call say,LINK,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined $^ $(FUZZ_LIBS) -o $@

.SECONDARY: $(FUZZ:%=$(F)/%.o)
