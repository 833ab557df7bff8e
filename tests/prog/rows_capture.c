/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets on record: those that a capture asks for, byte for byte as they came in, whatever
 * became of them; and how many more there were.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <time.h>

#include "exchange.h"

#define ANY_ACTION ((1 << SYNSHIELD_ACTION_MAX) - 1)
#define FLOOD 6000 /* records, more than there is room for */
#define HOUR 3600

static struct synshield_capture wanted;

/* What was read last, and how many there were. */
static union {
	struct synshield_record record;
	__u8 bytes[sizeof(struct synshield_record) + SYNSHIELD_SNAPLEN_MAX];
} last;
static int records;

static char payload[FRAME_MAX - 200];

static int keep(void *arg, void *data, size_t size)
{
	const struct synshield_record *r = data;

	if (size < sizeof(*r) + r->recorded || r->recorded > SYNSHIELD_SNAPLEN_MAX)
		bail_out("a record of %zu bytes for %u", size, r->recorded);
	memcpy(last.bytes, data, sizeof(*r) + r->recorded);
	records++;
	return 0;
}

static void read_records(void)
{
	struct ring_buffer *ring = ring_buffer__new(shield_map("captures"), keep, NULL, NULL);

	records = 0;
	if (!ring || ring_buffer__consume(ring) < 0)
		bail_out("ring buffer captures");
	ring_buffer__free(ring);
}

static struct synshield_captured missed(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct synshield_captured each[cpus], sum = {};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(shield_map("captured"), &zero, each))
		bail_out("map captured");
	for (int i = 0; i < cpus; i++) {
		sum.over_rate += each[i].over_rate;
		sum.no_room += each[i].no_room;
	}
	return sum;
}

static void want(void)
{
	__u32 zero = 0;

	wanted.until_jiffies = shield_now() + HOUR * shield.host.hz;
	map_put("capture", &zero, &wanted);
}

static void want_all(__u32 snaplen)
{
	wanted = (struct synshield_capture){
		.reasons = ~0ULL, .actions = ANY_ACTION, .snaplen = snaplen};
	want();
}

static bool is_recent(__u64 ns)
{
	struct timespec t;
	__u64 now;

	clock_gettime(CLOCK_BOOTTIME, &t);
	now = t.tv_sec * 1000000000ULL + t.tv_nsec;
	return ns <= now && now - ns < 60 * 1000000000ULL;
}

/* One record, of this frame, with this verdict. */
static bool is_recorded(const struct frame *f, int action, int reason)
{
	const struct synshield_record *r = &last.record;
	__u32 most = f->len < wanted.snaplen ? f->len : wanted.snaplen;

	read_records();
	if (records == 1 && r->verdict == (__u32)(action << 16 | reason) && r->len == f->len &&
	    r->recorded == most && !memcmp(r->data, f->byte, most) && is_recent(r->time_ns))
		return true;
	note("  %d records, the last of verdict %08x, %u bytes of %u", records, r->verdict,
	     r->recorded, r->len);
	return false;
}

static void run_frame(const struct segment *s, struct frame *f)
{
	static struct outcome o;

	frame_build(s, f);
	shield_run(f, &o);
}

static void row_recorded(const struct segment *s, int action, int reason, const char *name)
{
	static struct frame f;

	run_frame(s, &f);
	ok(is_recorded(&f, action, reason) && last.record.observed == shield_is_observing() &&
		   !last.record.tc,
	   "%s: on record: %s", family_name(s->ipv6), name);
}

/* Answers are made of the packet, in place: what is on record is older. */
static void rows_actions(bool ipv6)
{
	struct segment s;

	want_all(256);
	segment_begin(&s, ipv6, TCP_SYN);
	row_recorded(&s, REPLY(cookie), "a SYN that gets a cookie");
	s.target_port = CLOSED_PORT;
	row_recorded(&s, REPLY(closed_port), "a SYN that gets a RST");
	segment_begin(&s, ipv6, TCP_RST);
	row_recorded(&s, DROP(unknown_rst), "a RST that is dropped");
	segment_begin(&s, ipv6, 0);
	row_recorded(&s, DROP(bad_flags), "what is no TCP");
	shield_mode(SYNSHIELD_MODE_AUTO);
	segment_begin_apart(&s, ipv6, TCP_SYN);
	row_recorded(&s, PASS(calm), "a SYN that passes");
	shield_mode(SYNSHIELD_MODE_ALWAYS);
	segment_begin(&s, ipv6, TCP_RST);
	s.vlans = 2;
	s.vlan[0] = (struct vlan_tag){0x88a8, 7};
	s.vlan[1] = (struct vlan_tag){0x8100, 4094};
	row_recorded(&s, DROP(unknown_rst), "with both VLAN tags");
}

/* The frames of 2000 bytes fill one page, those of 9000 are in several. */
static void rows_snaplen(bool ipv6)
{
	static const __u32 lens[] = {64, 255, 256, 257, 2000, 2048, 2049, 8000, 16384};
	static const int payloads[] = {0, 200, 2000, 9000};
	static struct frame f;
	bool right = true;
	struct segment s;

	for (unsigned int i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		for (unsigned int j = 0; j < sizeof(payloads) / sizeof(*payloads); j++) {
			want_all(lens[i]);
			segment_begin(&s, ipv6, TCP_RST);
			s.payload = payload;
			s.payload_len = payloads[j];
			run_frame(&s, &f);
			right &= is_recorded(&f, DROP(unknown_rst));
		}
	}
	ok(right, "%s: on record: as much as was asked for, up to 9 kB in several buffers",
	   family_name(ipv6));
}

struct filter {
	const char *name;
	struct synshield_capture asks; /* 0: anything */
	const char *remote[2];
	__u8 bits[2];
	bool takes;
};

#define BIT(reason) (1ULL << SYNSHIELD_REASON_##reason)

static const struct filter filters[] = {
	{"everything", {}, {}, {}, true},
	{"what is dropped", {.actions = 1 << SYNSHIELD_DROP}, {}, {}, true},
	{"what is answered", {.actions = 1 << SYNSHIELD_REPLY}, {}, {}, false},
	{"its reason and another", {.reasons = BIT(unknown_rst) | BIT(off)}, {}, {}, true},
	{"every reason but its own", {.reasons = ~BIT(unknown_rst)}, {}, {}, false},
	{"its port", {.local_port = PORT}, {}, {}, true},
	{"another port", {.local_port = PORT + 1}, {}, {}, false},
	{"its source", {}, {"192.0.2.2", "2001:db8:2::2"}, {128, 128}, true},
	{"its prefix", {}, {"192.0.2.77", "2001:db8:2::77"}, {96 + 24, 64}, true},
	{"another", {}, {"192.0.3.2", "2001:db8:2:1::2"}, {96 + 24, 64}, false},
};

static void rows_filters(bool ipv6)
{
	static struct frame f;
	struct segment s;

	segment_begin(&s, ipv6, TCP_RST);
	for (unsigned int i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		const struct filter *t = &filters[i];

		wanted = t->asks;
		wanted.snaplen = 64;
		wanted.remote_bits = t->bits[ipv6];
		if (!wanted.actions)
			wanted.actions = ANY_ACTION;
		if (!wanted.reasons)
			wanted.reasons = ~0ULL;
		if (t->remote[ipv6])
			net_address(t->remote[ipv6], wanted.remote);
		want();
		run_frame(&s, &f);
		read_records();
		ok(records == t->takes, "%s: a capture of %s: %s", family_name(ipv6), t->name,
		   t->takes ? "taken" : "not taken");
	}
}

static void rows_end(void)
{
	static struct frame f;
	struct segment s;
	__u32 zero = 0;

	want_all(64);
	wanted.until_jiffies = shield_now();
	map_put("capture", &zero, &wanted);
	segment_begin(&s, false, TCP_RST);
	run_frame(&s, &f);
	read_records();
	ok(!records, "a capture that nobody renews has ended");
}

static void flood(__u32 times)
{
	static struct synshield_stats counted;
	static struct frame f;
	struct segment s;

	segment_begin(&s, false, TCP_RST);
	frame_build(&s, &f);
	shield_run_tuples(&f, times, &counted);
	if (counted.drop.unknown_rst + counted.would_drop.unknown_rst != times)
		bail_out("not all of %u were dropped", times);
	read_records();
}

static void rows_bounds(void)
{
	struct synshield_captured before = missed(), after;

	want_all(256);
	wanted.limit = 3;
	want();
	flood(10);
	after = missed();
	ok(records == 3 && !memcmp(&before, &after, sizeof(after)),
	   "as many as were asked for, and no more is counted");
	want_all(256);
	wanted.rate = 50;
	want();
	flood(FLOOD);
	after = missed();
	note("%d records, %llu above the rate", records, after.over_rate - before.over_rate);
	ok(records >= 50 && records < 200 && after.no_room == before.no_room &&
		   records + after.over_rate - before.over_rate == FLOOD,
	   "%d packets at once, 50 a second wanted: the others are counted", FLOOD);
	before = after;
	want_all(256);
	flood(FLOOD);
	after = missed();
	note("%d records, %llu without room", records, after.no_room - before.no_room);
	ok(records > 3000 && after.no_room > before.no_room &&
		   after.over_rate == before.over_rate &&
		   records + after.no_room - before.no_room == FLOOD,
	   "%d packets that nobody reads: those without room are counted", FLOOD);
}

/* Where the driver keeps no metadata TC decides, too. */
static void rows_tc_drops(bool ipv6)
{
	static struct outcome o;
	static struct frame f;
	struct exchange e;

	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	run_segment(&e.ack);
	e.ack.ack ^= 1;
	e.ack.payload = payload;
	e.ack.payload_len = 700;
	want_all(500);
	shield_meta_is_missing(true);
	frame_build(&e.ack, &f);
	shield_run_tc(&f, &o);
	shield_meta_is_missing(false);
	ok(is_recorded(&f, DROP(bad_cookie)) && last.record.tc && !last.record.tag_tpid,
	   "%s, TC: on record: what is dropped there", family_name(ipv6));
}

void rows_capture(void)
{
	__u32 zero = 0;

	for (unsigned int i = 0; i < sizeof(payload); i++)
		payload[i] = i * 2654435761u >> 24;
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		rows_actions(ipv6);
		rows_snaplen(ipv6);
		rows_filters(ipv6);
		if (!shield_is_observing())
			rows_tc_drops(ipv6);
	}
	rows_end();
	rows_bounds();
	map_put("capture", &zero, &(struct synshield_capture){});
	shield_reset();
}
