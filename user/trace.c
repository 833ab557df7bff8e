/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command trace. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cidr.h"
#include "clock.h"
#include "connview.h"
#include "followladder.h"
#include "interfaces.h"
#include "jiffies.h"
#include "log.h"
#include "maps.h"
#include "pin.h"

/* The filter holds for so long, and is renewed once a second: who is killed leaves nothing. */
#define HOLD_SECONDS 3
/* Connections at a time. */
#define ROOM 65536
#define POLL_MS 200

static const char *remote_text, *local_text;
static unsigned int local_port, remote_port, count, seconds;
static bool as_json, as_ladder;

#define PORT_ARG(NAME, TO, HELP)                                                                   \
	{                                                                                          \
		.name = NAME, .type = ARG_NUMBER, .to = &(TO), .meta = "P", .min = 1,              \
		.max = 65535, .help = HELP                                                         \
	}

static const struct arg trace_args[] = {
	{.name = "remote",
	 .letter = 'r',
	 .type = ARG_TEXT,
	 .to = &remote_text,
	 .meta = "CIDR",
	 .help = "only with remote ends in this prefix"},
	{.name = "local",
	 .letter = 'l',
	 .type = ARG_TEXT,
	 .to = &local_text,
	 .meta = "CIDR",
	 .help = "only of local addresses in this prefix"},
	PORT_ARG("port", local_port, "only of this local port"),
	PORT_ARG("remote-port", remote_port, "only of this remote port"),
	{.name = "ladder",
	 .type = ARG_FLAG,
	 .to = &as_ladder,
	 .help = "one connection, the first to send a segment, as a\n"
		 "ladder: its segments between the states of its ends"},
	{.name = "count",
	 .letter = 'n',
	 .type = ARG_NUMBER,
	 .to = &count,
	 .meta = "N",
	 .min = 1,
	 .max = 1000000000,
	 .help = "end after N segments"},
	{.name = "seconds",
	 .letter = 's',
	 .type = ARG_NUMBER,
	 .to = &seconds,
	 .meta = "S",
	 .min = 1,
	 .max = 86400,
	 .help = "end after S seconds"},
	{.name = "json",
	 .letter = 'j',
	 .type = ARG_FLAG,
	 .to = &as_json,
	 .help = "write one JSON object per line"},
	{},
};

static volatile sig_atomic_t interrupted;

struct trace {
	char ifname[IF_NAMESIZE];
	struct maps maps;
	int lock;
	struct synshield_trace filter;
	struct synshield_settings settings;
	struct ring_buffer *ring;
	struct follow *follow;
	struct follow_print print;
	struct follow_ladder ladder;
	__u64 shown, lost;
	bool quiet; /* what is left of an earlier trace is thrown away */
	bool ended;
};

static void interrupt(int signal)
{
	interrupted = signal;
}

/* -- what is asked for -- */

static int parse_filter(const struct command *cmd, struct synshield_trace *filter)
{
	int code;

	filter->local_port = local_port;
	filter->remote_port = remote_port;
	code = args_prefix(cmd, "remote", remote_text, filter->remote, &filter->remote_bits);
	if (code)
		return code;
	return args_prefix(cmd, "local", local_text, filter->local, &filter->local_bits);
}

static bool in_prefix(const __u8 addr[16], const __u8 prefix[16], __u32 bits)
{
	struct synshield_list_key key = {.prefixlen = bits};

	memcpy(key.addr, prefix, 16);
	return cidr_holds(&key, addr);
}

static bool takes(const struct synshield_trace *f, const struct synshield_tuple *t)
{
	return (!f->remote_port || f->remote_port == t->remote_port) &&
	       (!f->local_port || f->local_port == t->local_port) &&
	       in_prefix(t->remote, f->remote, f->remote_bits) &&
	       in_prefix(t->local, f->local, f->local_bits);
}

/* -- one segment -- */

/* The port's mode, or the interface's. */
static bool only_observed(const struct trace *t, __u16 port)
{
	struct synshield_policy policy;
	__u32 key = port;

	if (!bpf_map_lookup_elem(t->maps.fd[MAP_POLICY], &key, &policy) && policy.mode)
		return policy.mode == SYNSHIELD_MODE_OBSERVE;
	return t->settings.mode == SYNSHIELD_MODE_OBSERVE;
}

static int take(void *arg, void *data, size_t size)
{
	const struct synshield_event *e = data;
	struct trace *t = arg;
	struct follow_step step;
	int err;

	if (t->quiet || t->ended || size < sizeof(*e))
		return 0;
	err = follow_segment(t->follow, e, e->time_ns, only_observed(t, e->tuple.local_port),
			     &step);
	if (err)
		return err < 0 ? err : 0;
	if (as_ladder && t->ladder.id && t->ladder.id != step.conn->id)
		return 0;
	if (as_ladder)
		follow_ladder_step(&t->ladder, &step);
	else
		follow_print_step(&t->print, &step);
	t->ended = ++t->shown == count;
	return 0;
}

static void take_end(const struct follow_end *e, void *arg)
{
	struct trace *t = arg;

	if (!as_ladder)
		follow_print_end(&t->print, e);
	else if (e->conn->id == t->ladder.id)
		follow_ladder_end(&t->ladder, e);
}

/* -- the map `trace` -- */

static int renew(struct trace *t)
{
	t->filter.until_jiffies = jiffies_now() + HOLD_SECONDS * jiffies_hz();
	return maps_put(&t->maps, MAP_TRACE, &t->filter);
}

static void stop(struct trace *t)
{
	t->filter.until_jiffies = 0;
	maps_put(&t->maps, MAP_TRACE, &t->filter);
}

/* Segments for which there was no room. */
static int look_for_lost(struct trace *t, bool say)
{
	struct synshield_tracking tracking;
	int err;

	err = maps_get(&t->maps, MAP_TRACKING, &tracking);
	if (err)
		return err;
	if (say && tracking.traces_lost != t->lost)
		follow_print_note(&t->print,
				  "%llu segments were lost: they came faster than they can be "
				  "shown; states may be behind",
				  tracking.traces_lost - t->lost);
	t->lost = tracking.traces_lost;
	return 0;
}

/* -- the connections that are there -- */

static int seed(struct trace *t)
{
	struct synshield_tuple *tuples;
	struct synshield_conn *conns;
	__u64 now = boottime_ns();
	size_t n, i;
	int err;

	err = maps_dump(&t->maps, MAP_CONNS, (void **)&tuples, (void **)&conns, &n);
	for (i = 0; i < n && !err; i++) {
		if (takes(&t->filter, &tuples[i]))
			err = follow_seed(t->follow, &tuples[i], &conns[i], now);
	}
	free(tuples);
	free(conns);
	return err;
}

/* -- the command -- */

static int lock(struct trace *t)
{
	t->lock = pin_lock_use(t->ifname, "tracing");
	if (t->lock >= 0)
		return 0;
	if (t->lock == -EWOULDBLOCK)
		log_line("%s: another trace runs on it, and takes all segments: end that one first",
			 t->ifname);
	return t->lock;
}

/* What an earlier trace did not read is not ours. */
static int open_ring(struct trace *t)
{
	stop(t);
	t->ring = ring_buffer__new(t->maps.fd[MAP_TRACES], take, t, NULL);
	if (!t->ring)
		return -errno;
	t->quiet = true;
	ring_buffer__consume(t->ring);
	t->quiet = false;
	return look_for_lost(t, false);
}

static int begin(struct trace *t)
{
	struct conn_clock clock;
	int err;

	err = maps_get(&t->maps, MAP_SETTINGS, &t->settings);
	if (err)
		return err;
	fsm_configure(&clock.config, &t->settings);
	t->follow = follow_new(&clock.config, ROOM);
	if (!t->follow)
		return -ENOMEM;
	t->print = (struct follow_print){
		.out = stdout,
		.json = as_json,
		.zero = clock_ns(CLOCK_REALTIME) - boottime_ns(),
	};
	t->ladder = (struct follow_ladder){.print = &t->print, .out = stdout};
	err = open_ring(t);
	if (!err)
		err = renew(t);
	/* after that, so that no segment is missed in between: one taken twice moves nothing */
	return err ? err : seed(t);
}

static int tick(struct trace *t)
{
	int err;

	if (pin_dir_removed(t->lock)) {
		log_line("%s: was detached", t->ifname);
		return -ENOENT;
	}
	err = maps_get(&t->maps, MAP_SETTINGS, &t->settings);
	if (!err)
		err = renew(t);
	if (!err)
		err = look_for_lost(t, true);
	follow_expire(t->follow, boottime_ns(), take_end, t);
	return err;
}

static int follow_ring(struct trace *t)
{
	__u64 start = boottime_ns(), ticked = start, now;
	int err = 0;

	while (!t->ended && !interrupted && !ferror(stdout) && err >= 0) {
		err = ring_buffer__poll(t->ring, POLL_MS);
		err = err == -EINTR ? 0 : err;
		fflush(stdout);
		now = boottime_ns();
		if (err >= 0 && now - ticked >= SECOND_NS) {
			err = tick(t);
			ticked = now;
		}
		if (seconds && now - start >= seconds * SECOND_NS)
			break;
	}
	look_for_lost(t, true);
	return err < 0 ? err : 0;
}

static int run(struct trace *t)
{
	int err;

	err = begin(t);
	if (!err) {
		fprintf(stderr, "synshield: tracing %s\n", t->ifname);
		err = follow_ring(t);
		stop(t);
	}
	ring_buffer__free(t->ring);
	follow_free(t->follow);
	return err;
}

static int on_interface(struct trace *t)
{
	int err;

	err = interfaces_open(&t->maps, t->ifname);
	if (err)
		return err;
	err = lock(t);
	if (!err) {
		err = run(t);
		if (err && err != -ENOENT)
			log_errno(err, "%s: cannot trace", t->ifname);
		close(t->lock);
	}
	maps_close(&t->maps);
	return err ? EXIT_FAILED : EXIT_OK;
}

static int trace(const struct command *cmd, int argc, char **argv)
{
	struct sigaction action = {.sa_handler = interrupt};
	struct trace t = {};
	int code;

	if (as_ladder && as_json)
		return args_wrong(cmd, "a ladder is no JSON: --ladder or --json");
	code = parse_filter(cmd, &t.filter);
	if (!code)
		code = interfaces_one(cmd, argc, argv, "traces", t.ifname);
	if (code)
		return code;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	jiffies_calibrate();
	return on_interface(&t);
}

const struct command command_trace = {
	.name = "trace",
	.usage = "[IFACE] [FILTER OPTIONS] [--ladder] [-n N] [-s S] [--json]",
	.summary = "segments live, and what each did to the states of both ends",
	.about = "Shows the segments of one interface as they come and go (<- received, -> sent), "
		 "with\n"
		 "sequence numbers from the ISN on, the states of both ends after each, and what\n"
		 "the shield did with it, and why. What the driver answers by itself (a SYN-ACK "
		 "with\n"
		 "a cookie, a RST) is said in the line of the segment that it answers. One trace "
		 "at\n"
		 "a time; it needs no daemon, and leaves nothing behind when it is killed.",
	.args = trace_args,
	.run = trace,
};
