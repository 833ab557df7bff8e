# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make builds: other builds of synshield, for the tests: build/stops can be killed at each step
# (user/stops.h), build/other is of another version, build/next lays out its maps differently. What
# is the same in all is shared.

differing = $(patsubst user/%.c,$(B)/$(1)/%.o,$(shell grep -l '$(2)' user/*.c))
STOPS_OBJ := $(call differing,stops,stops\.h)
OTHER_OBJ := $(call differing,other,SYNSHIELD_VERSION)
NEXT_OBJ := $(call differing,next,SYNSHIELD_ABI)

$(STOPS_OBJ) $(OTHER_OBJ) $(NEXT_OBJ): $(wildcard user/*.h) $(HEADERS) $(B)/synshield.skel.h Makefile
$(B)/stops/%.o: user/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -DSYNSHIELD_STOPS -c $< -o $@

$(B)/other/%.o: user/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -USYNSHIELD_VERSION -DSYNSHIELD_VERSION='"$(VERSION)-other"' -c $< -o $@

$(B)/next/include/synshield/%.h: include/synshield/%.h
	$(Q)mkdir -p $(@D)
	$(Q)sed '/^#define SYNSHIELD_ABI /s/$$/+1/' $< > $@

$(B)/next/%.o: user/%.c $(HEADERS:%=$(B)/next/%)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -I$(B)/next/include $(ALL_CFLAGS) -c $< -o $@

.PHONY: builds
builds: $(B)/stops/synshield $(B)/other/synshield $(B)/next/synshield
$(B)/stops/synshield: $(STOPS_OBJ)
$(B)/other/synshield: $(OTHER_OBJ)
$(B)/next/synshield: $(NEXT_OBJ)
$(B)/stops/synshield $(B)/other/synshield $(B)/next/synshield: $(USER_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(filter $(@D)/%,$^) \
		$(filter-out $(patsubst $(@D)/%,$(B)/user/%,$(filter $(@D)/%,$^)),$(filter $(B)/user/%,$^)) $(LIBS) -o $@
