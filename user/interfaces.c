/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "interfaces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "pin.h"

int interfaces_not_running(const char *ifname)
{
	log_line("%s: not running (no pins in %s); 'synshield run %s' starts it", ifname,
		 args_pin_dir, ifname);
	return EXIT_NOT_RUNNING;
}

static int no_interface(const char *name)
{
	log_line("%s: no such interface in this network namespace; 'ip link' lists them", name);
	return EXIT_FAILED;
}

int interfaces_chosen(int argc, char **argv, char (**names)[IF_NAMESIZE], size_t *count)
{
	int i, j, err;
	bool found;

	err = pin_list(names, count);
	if (err && err != -ENOENT)
		return EXIT_FAILED;
	for (i = 0; i < argc; i++) {
		found = false;
		for (j = 0; !err && j < (int)*count; j++)
			found |= !strcmp((*names)[j], argv[i]);
		if (found)
			continue;
		if (!err)
			free(*names);
		*names = NULL;
		return if_nametoindex(argv[i]) ? interfaces_not_running(argv[i])
					       : no_interface(argv[i]);
	}
	if (err) {
		log_line("not running on any interface (no pins in %s); 'synshield run IFACE' "
			 "starts it",
			 args_pin_dir);
		return EXIT_NOT_RUNNING;
	}
	for (i = 0; i < argc && i < (int)*count; i++)
		snprintf((*names)[i], IF_NAMESIZE, "%s", argv[i]);
	if (argc && argc < (int)*count)
		*count = argc;
	return EXIT_OK;
}

int interfaces_one(const struct command *cmd, int argc, char **argv, const char *does,
		   char name[IF_NAMESIZE])
{
	char(*names)[IF_NAMESIZE] = NULL;
	size_t n = 0;
	int code;

	code = interfaces_chosen(argc, argv, &names, &n);
	if (!code && n != 1)
		code = args_wrong(cmd, "on which interface? It %s one, and %zu are running", does,
				  n);
	if (!code)
		memcpy(name, names[0], IF_NAMESIZE);
	free(names);
	return code;
}

static int code_of(int err, const char *ifname)
{
	if (err == -ENOENT)
		return interfaces_not_running(ifname);
	return err ? EXIT_FAILED : EXIT_OK;
}

int interfaces_open(struct maps *maps, const char *ifname)
{
	return code_of(maps_open(maps, ifname), ifname);
}

int interfaces_open_to_read(struct maps *maps, const char *ifname)
{
	return code_of(maps_open_to_read(maps, ifname), ifname);
}
