# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make man: the manual, and the completion of bash, from the tables of the command line

MAN := $(patsubst man/%.in,$(B)/man/%,$(wildcard man/*.in))
COMPLETION := $(B)/man/synshield.bash
GENERATE_OBJ := $(patsubst man/%.c,$(B)/man/%.o,$(wildcard man/*.c))

.PHONY: man
man: $(MAN) $(COMPLETION)

$(B)/man/%.o: man/%.c $(wildcard man/*.h user/*.h) $(HEADERS) Makefile man/man.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Iuser -c $< -o $@

# The command line without its main(): what is asked for is described, not done.
$(B)/man/generate: $(GENERATE_OBJ) $(filter-out $(B)/user/main.o,$(USER_OBJ))
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

$(MAN): $(B)/man/%: man/%.in $(B)/man/generate
	$(call say,MAN,$@)
	$(Q)$(B)/man/generate < $< > $@

$(COMPLETION): contrib/completion/synshield.bash.in $(B)/man/generate
	$(call say,BASH,$@)
	$(Q)$(B)/man/generate < $< > $@
