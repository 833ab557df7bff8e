/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command capture. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "args.h"
#include "capwrite.h"
#include "clock.h"
#include "counts.h"
#include "interfaces.h"
#include "jiffies.h"
#include "log.h"
#include "maps.h"
#include "pcapng.h"
#include "pin.h"
#include "reasonset.h"

/* The map `capture` holds for so long, and is renewed once a second: who is killed leaves nothing.
 */
#define HOLD_SECONDS 3
#define POLL_MS 200
#define TAG_BYTES 4
#define STATIONS_BYTES 12 /* of a frame, before its VLAN tag */

static const char *file, *reasons_text, *remote_text;
static int action_wanted = -1;
static unsigned int limit, rate = 1000, snaplen = 256, seconds, port;
static bool force;

enum { ACTION_DROP, ACTION_REPLY, ACTION_PASS, ACTION_ALL };
static const char *const action_names[] = {"drop", "reply", "pass", "all", NULL};
static const __u32 action_bits[] = {
	[ACTION_DROP] = 1 << SYNSHIELD_DROP,
	[ACTION_REPLY] = 1 << SYNSHIELD_REPLY,
	[ACTION_PASS] = 1 << SYNSHIELD_PASS,
	[ACTION_ALL] = (1 << SYNSHIELD_ACTION_MAX) - 1,
};

static const struct arg capture_args[] = {
	{.name = "write",
	 .letter = 'w',
	 .type = ARG_TEXT,
	 .to = &file,
	 .meta = "FILE",
	 .help = "the pcapng file to be made, for its owner alone; -:\n"
		 "standard output, for a reader in a pipe"},
	{.name = "force", .type = ARG_FLAG, .to = &force, .help = "replace FILE"},
	{.name = "reason",
	 .letter = 'r',
	 .type = ARG_TEXT,
	 .to = &reasons_text,
	 .meta = "R[,R...]",
	 .help = "only packets with one of these reasons: see above"},
	{.name = "action",
	 .letter = 'a',
	 .type = ARG_CHOICE,
	 .to = &action_wanted,
	 .meta = "A",
	 .choices = action_names,
	 .help = "only packets that this was done with\n"
		 "(drop; with --reason: all)"},
	{.name = "remote",
	 .type = ARG_TEXT,
	 .to = &remote_text,
	 .meta = "CIDR",
	 .help = "only from sources in this prefix"},
	{.name = "port",
	 .letter = 'p',
	 .type = ARG_NUMBER,
	 .to = &port,
	 .meta = "P",
	 .min = 1,
	 .max = 65535,
	 .help = "only to this local port"},
	{.name = "limit",
	 .letter = 'n',
	 .type = ARG_NUMBER,
	 .to = &limit,
	 .meta = "N",
	 .min = 1,
	 .max = 1000000000,
	 .help = "end after N packets"},
	{.name = "seconds",
	 .letter = 's',
	 .type = ARG_NUMBER,
	 .to = &seconds,
	 .meta = "S",
	 .min = 1,
	 .max = 86400,
	 .help = "end after S seconds"},
	{.name = "rate",
	 .type = ARG_NUMBER,
	 .to = &rate,
	 .meta = "N",
	 .max = 1000000,
	 .help = "at most N packets per second (1000), the first N at once;\n"
		 "0: as many as there is room for"},
	{.name = "snaplen",
	 .type = ARG_NUMBER,
	 .to = &snaplen,
	 .meta = "N",
	 .min = 64,
	 .max = SYNSHIELD_SNAPLEN_MAX,
	 .help = "at most N bytes of each (256)"},
	{},
};

static volatile sig_atomic_t interrupted;

struct capture {
	char ifname[IF_NAMESIZE];
	struct maps maps;
	int lock;
	struct synshield_capture wanted;
	struct synshield_capture *map; /* what the programs read */
	struct ring_buffer *ring;
	struct capwrite *out;
	__u64 start, zero; /* CLOCK_BOOTTIME; and its zero as wall clock */
	struct synshield_captured before;
	__u64 taken;
	__u8 frame[SYNSHIELD_SNAPLEN_MAX + TAG_BYTES];
};

static void interrupt(int signal)
{
	interrupted = signal;
}

/* -- one packet -- */

static void write_comment(char text[256], const struct synshield_record *r)
{
	const struct count_reason *why = &count_reasons[r->verdict & 0xffff];

	snprintf(text, 256, "%s%s: %s (%s)", r->observed ? "would " : "",
		 count_actions[r->verdict >> 16].name, why->name, why->text);
}

static __u64 returned(const struct synshield_record *r)
{
	static const __u8 xdp[] = {
		[SYNSHIELD_PASS] = XDP_PASS,
		[SYNSHIELD_DROP] = XDP_DROP,
		[SYNSHIELD_REPLY] = XDP_TX,
	};
	enum { TC_UNSPEC = -1, TC_SHOT = 2 };

	if (r->tc)
		return r->verdict >> 16 == SYNSHIELD_DROP ? TC_SHOT : (__u64)TC_UNSPEC;
	return r->observed ? XDP_PASS : xdp[r->verdict >> 16];
}

/* The frame as it was on the wire: the kernel takes a VLAN tag off before TC. */
static void restore(struct capture *c, const struct synshield_record *r, struct capfile_packet *p)
{
	const __u16 tag[] = {__builtin_bswap16(r->tag_tpid), __builtin_bswap16(r->tag_tci)};

	if (!r->tag_tpid)
		return;
	memcpy(c->frame, r->data, STATIONS_BYTES);
	memcpy(c->frame + STATIONS_BYTES, tag, TAG_BYTES);
	memcpy(c->frame + STATIONS_BYTES + TAG_BYTES, r->data + STATIONS_BYTES,
	       r->recorded - STATIONS_BYTES);
	p->data = c->frame;
	p->len += TAG_BYTES;
	p->captured += TAG_BYTES;
	if (p->captured > c->wanted.snaplen)
		p->captured = c->wanted.snaplen;
}

static int take(void *arg, void *data, size_t size)
{
	const struct synshield_record *r = data;
	struct capture *c = arg;
	char comment[256];
	struct capwrite_note note = {
		.comment = comment,
		.hook = r->tc ? PCAPNG_VERDICT_TC : PCAPNG_VERDICT_XDP,
	};
	struct capfile_packet p = {
		.time_ns = c->zero + r->time_ns,
		.captured = r->recorded,
		.len = r->len,
		.data = r->data,
	};

	if (r->time_ns < c->start) /* what an earlier capture did not read */
		return 0;
	c->taken++;
	note.code = returned(r);
	write_comment(comment, r);
	restore(c, r, &p);
	return capwrite_packet(c->out, &p, &note);
}

/* -- the map `capture` -- */

static int map_wanted(struct capture *c)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *at;

	at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, c->maps.fd[MAP_CAPTURE], 0);
	if (at == MAP_FAILED)
		return -errno;
	c->map = at;
	return 0;
}

static void renew(struct capture *c)
{
	__atomic_store_n(&c->map->until_jiffies, jiffies_now() + HOLD_SECONDS * jiffies_hz(),
			 __ATOMIC_RELEASE);
}

static void stop(struct capture *c)
{
	__atomic_store_n(&c->map->until_jiffies, 0, __ATOMIC_RELEASE);
}

static int read_missed(const struct capture *c, struct synshield_captured *sum)
{
	int cpus = libbpf_num_possible_cpus(), cpu, err;
	struct synshield_captured *each;

	*sum = (struct synshield_captured){};
	if (cpus < 0)
		return cpus;
	each = calloc(cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	err = maps_get(&c->maps, MAP_CAPTURED, each);
	for (cpu = 0; cpu < cpus && !err; cpu++) {
		sum->over_rate += each[cpu].over_rate;
		sum->no_room += each[cpu].no_room;
	}
	free(each);
	return err;
}

/* -- the command -- */

static int lock(struct capture *c)
{
	c->lock = pin_lock_use(c->ifname, "capturing");
	if (c->lock == -EWOULDBLOCK)
		log_line("%s: another capture runs on it: end that one first", c->ifname);
	return c->lock < 0 ? c->lock : 0;
}

static int begin(struct capture *c)
{
	int err;

	err = map_wanted(c);
	if (!err)
		err = read_missed(c, &c->before);
	if (!err) {
		stop(c);
		*c->map = c->wanted;
		c->ring = ring_buffer__new(c->maps.fd[MAP_CAPTURES], take, c, NULL);
		err = c->ring ? 0 : -errno;
	}
	if (err)
		return log_errno(err, "%s: cannot capture", c->ifname);
	c->start = boottime_ns();
	c->zero = clock_ns(CLOCK_REALTIME) - c->start;
	ring_buffer__consume(c->ring);
	err = capwrite_begin(c->out, c->ifname, snaplen);
	if (!err)
		renew(c);
	return err;
}

static int tick(struct capture *c)
{
	if (pin_dir_removed(c->lock)) {
		log_line("%s: was detached", c->ifname);
		return -ENOENT;
	}
	renew(c);
	return 0;
}

static int record(struct capture *c)
{
	__u64 ticked = c->start, now;
	int err = 0;

	while (!err && !interrupted && (!limit || c->taken < limit)) {
		err = ring_buffer__poll(c->ring, POLL_MS);
		err = err == -EINTR || err > 0 ? 0 : err;
		if (!err)
			err = capwrite_flush(c->out);
		now = boottime_ns();
		if (!err && now - ticked >= SECOND_NS) {
			err = tick(c);
			ticked = now;
		}
		if (seconds && now - c->start >= seconds * SECOND_NS)
			break;
	}
	return err;
}

/* What is not in the file, and why: packets that the write failed for are among them. */
static int end(struct capture *c)
{
	struct synshield_captured missed;
	__u64 written, lost;
	int err;

	stop(c);
	ring_buffer__consume(c->ring);
	capwrite_flush(c->out);
	written = capwrite_written(c->out);
	err = read_missed(c, &missed);
	if (err)
		return log_errno(err, "%s: cannot read the map captured", c->ifname);
	missed.over_rate -= c->before.over_rate;
	missed.no_room -= c->before.no_room;
	lost = missed.over_rate + missed.no_room + c->taken - written;
	err = capwrite_end(c->out, c->zero + c->start, c->zero + boottime_ns(), lost);
	log_line("%s: %llu packets, %llu not recorded (%llu above the rate, %llu without room)",
		 c->ifname, written, lost, missed.over_rate, missed.no_room);
	return err;
}

static int run(struct capture *c)
{
	int err, end_err;

	err = capwrite_open(&c->out, file, force);
	if (err)
		return err;
	err = begin(c);
	if (!err) {
		log_line("capturing %s", c->ifname);
		err = record(c);
		end_err = end(c);
		err = err ? err : end_err;
	}
	ring_buffer__free(c->ring);
	capwrite_close(c->out);
	return err;
}

static int on_interface(struct capture *c)
{
	int err;

	err = interfaces_open(&c->maps, c->ifname);
	if (err)
		return err;
	err = lock(c);
	if (!err) {
		err = run(c);
		close(c->lock);
	}
	maps_close(&c->maps);
	return err ? EXIT_FAILED : EXIT_OK;
}

static int parse_wanted(const struct command *cmd, struct synshield_capture *w)
{
	char why[REASONSET_WHY];

	if (!file)
		return args_wrong(cmd, "where to? -w FILE, or -w - for standard output");
	*w = (struct synshield_capture){.limit = limit,
					.reasons = ~0ULL,
					.rate = rate,
					.snaplen = snaplen,
					.local_port = port};
	if (action_wanted < 0)
		action_wanted = reasons_text ? ACTION_ALL : ACTION_DROP;
	w->actions = action_bits[action_wanted];
	if (reasons_text && reasonset_parse(reasons_text, &w->reasons, why))
		return args_wrong(cmd, "--reason: %s", why);
	return args_prefix(cmd, "remote", remote_text, w->remote, &w->remote_bits);
}

static int capture(const struct command *cmd, int argc, char **argv)
{
	struct sigaction action = {.sa_handler = interrupt};
	static struct capture c;
	int code;

	code = parse_wanted(cmd, &c.wanted);
	if (!code)
		code = interfaces_one(cmd, argc, argv, "records", c.ifname);
	if (code)
		return code;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	jiffies_calibrate();
	return on_interface(&c);
}

const struct command command_capture = {
	.name = "capture",
	.usage = "[IFACE] -w FILE [--reason R[,R...]] [--action A] [-n N] [-s S]",
	.summary = "packets that were dropped, in a file for tcpdump and Wireshark",
	.about =
		"Records received packets as they came in, before they are answered, with what "
		"the\n"
		"shield did with them and why as packet comment (drop: unknown_ack (...)), and in\n"
		"mode observe what it would have done. A flood is sampled: what comes faster than\n"
		"--rate is counted, and costs nearly nothing. One capture at a time; it needs no\n"
		"daemon, and leaves nothing switched on when it is killed.\n\n"
		"reasons:" SYNSHIELD_REASONS(REASONSET_LINE),
	.args = capture_args,
	.run = capture,
};
