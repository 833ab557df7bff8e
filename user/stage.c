/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "stage.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host.h"
#include "keys.h"
#include "log.h"
#include "options.h"
#include "others.h"

#define LEARNED_FOREVER (~0ULL)
#define MTU 1500

static int loopback_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		err = -errno;
	close(fd);
	return err;
}

static int enter_namespace(void)
{
	int err = 0;

	if (unshare(CLONE_NEWNET))
		err = -errno;
	if (!err)
		err = loopback_up();
	return err ? log_errno(err, "cannot make a network namespace to replay in%s",
			       err == -EPERM ? " (be root)" : "")
		   : 0;
}

/* Jiffies do not follow the capture: rates would be those of the replay. */
static void lift_rates(struct synshield_settings *s)
{
	s->syn_rate = s->half_open = s->reset_rate = s->reply_rate = 1000000000;
	s->source_conns = s->source_rate = 0;
}

static int put_settings(struct stage *s, enum synshield_mode mode)
{
	options_defaults(&s->settings);
	lift_rates(&s->settings);
	s->settings.abi = SYNSHIELD_ABI;
	s->settings.generation = 1;
	s->settings.mode = mode;
	return maps_put(&s->maps, MAP_SETTINGS, &s->settings);
}

/* No socket is there that `conns` would not know. */
static int put_host(struct stage *s)
{
	struct others nobody = {};
	int err;

	err = host_read("lo", &nobody, &s->host);
	if (!err)
		err = host_seed(&s->host.seed);
	s->host.mtu = MTU;
	s->host.learned = 1;
	s->host.learned_until = LEARNED_FOREVER;
	return err ? err : maps_put(&s->maps, MAP_HOST, &s->host);
}

static int put_keys(struct stage *s)
{
	struct synshield_keys *keys;
	int err;

	err = keys_map(s->maps.fd[MAP_KEYS], &keys);
	if (err)
		return err;
	err = keys_rotate(keys, s->settings.epoch);
	keys_unmap(keys);
	return err < 0 ? err : 0;
}

/* Every segment is traced: that tells what became of it. */
static int trace_all(struct stage *s)
{
	const struct synshield_trace all = {.until_jiffies = ~0ULL};

	return maps_put(&s->maps, MAP_TRACE, &all);
}

static int take_event(void *arg, void *data, size_t size)
{
	struct stage *s = arg;

	if (size < sizeof(s->event))
		return 0;
	memcpy(&s->event, data, sizeof(s->event));
	s->has_event = true;
	return 0;
}

static int fill_maps(struct stage *s, enum synshield_mode mode)
{
	int err;

	err = put_settings(s, mode);
	if (!err)
		err = put_host(s);
	if (!err)
		err = put_keys(s);
	if (!err)
		err = trace_all(s);
	if (!err) {
		s->ring = ring_buffer__new(s->maps.fd[MAP_TRACES], take_event, s, NULL);
		err = s->ring ? 0 : -errno;
	}
	return err ? log_errno(err, "replay: cannot fill the maps") : 0;
}

int stage_open(struct stage *s, enum synshield_mode mode, __u32 conns)
{
	int err;

	memset(s, 0, sizeof(*s));
	maps_init(&s->maps);
	err = enter_namespace();
	if (err)
		return err;
	err = loader_open(&s->loader, "replay", NULL, conns, 0);
	if (err)
		return err;
	err = loader_maps(&s->loader, &s->maps);
	if (!err)
		err = fill_maps(s, mode);
	if (err)
		stage_close(s);
	return err;
}

void stage_close(struct stage *s)
{
	while (s->listener_count)
		close(s->listeners[--s->listener_count]);
	free(s->listeners);
	s->listeners = NULL;
	ring_buffer__free(s->ring);
	s->ring = NULL;
	maps_close(&s->maps);
	if (s->loader.skel)
		loader_close(&s->loader);
}

int stage_local(struct stage *s, const struct synshield_list_key *prefix)
{
	struct synshield_local_key key = {.prefixlen = prefix->prefixlen};
	struct synshield_local local = {};

	memcpy(key.addr, prefix->addr, sizeof(key.addr));
	return bpf_map_update_elem(s->maps.fd[MAP_LOCALS], &key, &local, BPF_ANY) ? -errno : 0;
}

static int listening_socket(__u16 port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), off = 0, err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 4096)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int stage_listen(struct stage *s, __u16 port)
{
	int *listeners = reallocarray(s->listeners, s->listener_count + 1, sizeof(int)), fd;

	if (!listeners)
		return -ENOMEM;
	s->listeners = listeners;
	fd = listening_socket(port);
	if (fd < 0)
		return fd;
	s->listeners[s->listener_count++] = fd;
	return 0;
}

/* --- frames --- */

/* What is not for this station is none of its business: it has the address that is asked for. */
static int take_address(struct stage *s, const struct frame *f)
{
	if (!memcmp(s->host.mac, f->byte, 6))
		return 0;
	memcpy(s->host.mac, f->byte, 6);
	return maps_put(&s->maps, MAP_HOST, &s->host);
}

static int run(struct stage *s, int prog_fd, struct frame *f, __u8 *out, __u32 *out_len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->byte, .data_size_in = f->len,
		    .data_out = out, .data_size_out = *out_len);

	s->has_event = false;
	if (bpf_prog_test_run_opts(prog_fd, &opts))
		return -errno;
	*out_len = opts.data_size_out;
	ring_buffer__consume(s->ring);
	return s->has_event ? 0 : 1;
}

int stage_receive(struct stage *s, struct frame *f)
{
	static __u8 out[FRAME_MAX + 512];
	__u32 len = sizeof(out);
	int err;

	err = take_address(s, f);
	if (!err)
		err = run(s, s->loader.xdp_fd, f, out, &len);
	if (!err && s->event.verdict >> 16 == SYNSHIELD_REPLY)
		frame_read(f, 1, out, len, len);
	return err;
}

int stage_send(struct stage *s, struct frame *f)
{
	static __u8 out[FRAME_MAX + 512];
	__u32 len = sizeof(out);

	return run(s, s->loader.tc_out_fd, f, out, &len);
}

int stage_get_conn(const struct stage *s, const struct synshield_tuple *t,
		   struct synshield_conn *conn)
{
	return bpf_map_lookup_elem(s->maps.fd[MAP_CONNS], t, conn) ? -errno : 0;
}

int stage_put_conn(const struct stage *s, const struct synshield_tuple *t,
		   const struct synshield_conn *conn)
{
	return bpf_map_update_elem(s->maps.fd[MAP_CONNS], t, conn, BPF_ANY) ? -errno : 0;
}

int stage_leave_to_kernel(struct stage *s, bool on)
{
	__u32 flags = s->host.flags & ~SYNSHIELD_HOST_OTHER_CONNS;

	flags |= on ? SYNSHIELD_HOST_OTHER_CONNS : 0;
	if (flags == s->host.flags)
		return 0;
	s->host.flags = flags;
	return maps_put(&s->maps, MAP_HOST, &s->host);
}
