/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "keys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "synshield/synshield.h"

static size_t mapping_size(void)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (sizeof(struct synshield_keys) + page - 1) / page * page;
}

int keys_map(int map_fd, struct synshield_keys **keys)
{
	void *at = mmap(NULL, mapping_size(), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);

	*keys = at == MAP_FAILED ? NULL : at;
	return *keys ? 0 : -errno;
}

void keys_unmap(struct synshield_keys *keys)
{
	if (keys)
		munmap(keys, mapping_size());
}

int keys_rotate(struct synshield_keys *keys, __u32 epoch)
{
	__u32 current = __atomic_load_n(&keys->epoch, __ATOMIC_ACQUIRE), next = current + 1;
	__u64 fresh[2], now = boottime_ns();

	if (current && now - keys->rotated < epoch * SECOND_NS)
		return 0;
	if (!next) /* 0 says "no key"; the slot before it must stay the previous key's */
		next = SYNSHIELD_KEYS;
	if (getrandom(fresh, sizeof(fresh), 0) != sizeof(fresh))
		return -errno;
	/* the slot's last key is SYNSHIELD_KEYS epochs old: no cookie uses it any more */
	memcpy(keys->key[next & (SYNSHIELD_KEYS - 1)], fresh, sizeof(fresh));
	explicit_bzero(fresh, sizeof(fresh));
	keys->rotated = now;
	__atomic_store_n(&keys->epoch, next, __ATOMIC_RELEASE);
	return 1;
}
