/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What belongs to nothing gets a RST, byte for byte that of RFC 9293, or what the operator says. */
#include <string.h>
#include <unistd.h>

#include "harness.h"

/* A kind of segment, and what it is called when nobody knows it. */
struct kind {
	const char *name;
	__u8 flags;
	int payload, reason;
};

#define REASON(name) SYNSHIELD_REASON_##name

static const struct kind kinds[] = {
	{"SYN", TCP_SYN, 0, REASON(closed_port)},
	{"SYN with data", TCP_SYN, 100, REASON(closed_port)},
	{"SYN with ECN", TCP_SYN | TCP_ECE | TCP_CWR, 0, REASON(closed_port)},
	{"SYN with PSH and URG", TCP_SYN | TCP_PSH | TCP_URG, 1, REASON(closed_port)},
	{"SYN-ACK", TCP_SYN | TCP_ACK, 0, REASON(unknown_synack)},
	{"SYN-ACK with ECE", TCP_SYN | TCP_ACK | TCP_ECE, 0, REASON(unknown_synack)},
	{"SYN-ACK with data", TCP_SYN | TCP_ACK, 10, REASON(unknown_synack)},
	{"ACK", TCP_ACK, 0, REASON(unknown_ack)},
	{"ACK with URG", TCP_ACK | TCP_URG, 0, REASON(unknown_ack)},
	{"data", TCP_ACK | TCP_PSH, 1, REASON(unknown_data)},
	{"a full segment", TCP_ACK, 1400, REASON(unknown_data)},
	{"a jumbo frame", TCP_ACK, 8900, REASON(unknown_data)},
	{"FIN", TCP_ACK | TCP_FIN, 0, REASON(unknown_fin)},
	{"FIN with data", TCP_ACK | TCP_FIN | TCP_PSH, 7, REASON(unknown_fin)},
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const char payload[9000] = "data";

static void kind_begin(const struct kind *k, bool ipv6, struct segment *s)
{
	segment_begin(s, ipv6, k->flags);
	s->target_port = CLOSED_PORT;
	s->ack = k->flags & TCP_ACK ? 0x80000001 + s->source_port : 0;
	s->payload = payload;
	s->payload_len = k->payload;
}

static void rows_kinds(bool ipv6)
{
	struct synshield_conn c;
	struct segment s;

	for (unsigned int i = 0; i < KINDS; i++) {
		kind_begin(&kinds[i], ipv6, &s);
		row_refused(kinds[i].reason, &s, "%s: %s to a closed port", family_name(ipv6),
			    kinds[i].name);
		ok(!conn_get(&s, &c), "%s: %s to a closed port leaves nothing", family_name(ipv6),
		   kinds[i].name);
		if (kinds[i].flags == TCP_SYN || !(kinds[i].flags & TCP_ACK))
			continue;
		s.target_port = PORT;
		row_refused(kinds[i].reason, &s, "%s: %s to a listener", family_name(ipv6),
			    kinds[i].name);
	}
}

/* Sequence numbers come round, and 0 is one like any other. */
static void rows_numbers(bool ipv6)
{
	static const __u32 numbers[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffff9c, 0xffffffff};
	struct segment s;

	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		kind_begin(&kinds[1], ipv6, &s);
		s.seq = numbers[i];
		row_refused(REASON(closed_port), &s, "%s: SYN with data at %08x", family_name(ipv6),
			    numbers[i]);
		kind_begin(&kinds[7], ipv6, &s);
		s.seq = s.ack = numbers[i];
		row_refused(REASON(unknown_ack), &s, "%s: ACK of %08x", family_name(ipv6),
			    numbers[i]);
	}
	for (int data = 0; data < 4; data++) { /* odd lengths, whatever is behind them */
		kind_begin(&kinds[9], ipv6, &s);
		s.payload_len += data;
		s.pad_to = 100;
		row_refused(REASON(unknown_data), &s, "%s: %d bytes of data, then padding",
			    family_name(ipv6), s.payload_len);
	}
}

/* Behind tags, options and headers of every kind; the RST has the tags and nothing else. */
static void rows_wrapping(bool ipv6, const struct kind *k)
{
	struct segment s;

	for (int vlans = 1; vlans <= 2; vlans++) {
		kind_begin(k, ipv6, &s);
		s.vlans = vlans;
		s.vlan[0] = (struct vlan_tag){vlans == 2 ? 0x88a8 : 0x8100, 0xa064};
		s.vlan[1] = (struct vlan_tag){0x8100, 0x60c8};
		row_refused(k->reason, &s, "%s: %s behind %d tags", family_name(ipv6), k->name,
			    vlans);
		s.ip_options_len = 40;
		memset(s.ip_options, 1, sizeof(s.ip_options));
		s.extensions = 3;
		s.extension[0] = (struct extension){.kind = 0, .len = 8};
		s.extension[1] = (struct extension){.kind = 43, .len = 24};
		s.extension[2] = (struct extension){.kind = 60, .len = 264};
		row_refused(k->reason, &s, "%s: %s behind %d tags, IP options", family_name(ipv6),
			    k->name, vlans);
	}
	kind_begin(k, ipv6, &s);
	s.pad_to = 200;
	segment_options(&s, "mss 1460 sack ts nop ws 7 unknown 20");
	row_refused(k->reason, &s, "%s: %s with 40 bytes of options and a trailer",
		    family_name(ipv6), k->name);
	s.pad_to = 0;
	s.hops = 1;
	s.id = 0;
	s.fragment = 0;
	s.window = 0;
	row_refused(k->reason, &s, "%s: %s with TTL 1, no DF, window 0", family_name(ipv6),
		    k->name);
}

static void rows_hops(bool ipv6)
{
	struct segment s;

	shield.host.ttl = 99;
	shield.host.hop_limit = 33;
	shield_configure(true);
	kind_begin(&kinds[0], ipv6, &s);
	row_refused(REASON(closed_port), &s, "%s: this host's TTL and hop limit",
		    family_name(ipv6));
	shield_reset();
}

/* A RST is never answered, and never dropped for want of a listener alone: it is unknown. */
static void rows_never(bool ipv6)
{
	static const __u8 flags[] = {TCP_RST, TCP_RST | TCP_ACK, TCP_RST | TCP_ACK | TCP_FIN};
	struct segment s;

	for (unsigned int i = 0; i < 3 * sizeof(flags); i++) {
		shield.settings.reset = SYNSHIELD_RESET_REPLY + i / sizeof(flags);
		shield_configure(true);
		segment_begin(&s, ipv6, flags[i % sizeof(flags)]);
		row_segment(DROP(unknown_rst), &s, "%s: flags %s to a listener, reset=%d",
			    family_name(ipv6), flags_name(s.flags), shield.settings.reset);
		s.target_port = CLOSED_PORT;
		row_segment(DROP(unknown_rst), &s, "%s: flags %s to a closed port, reset=%d",
			    family_name(ipv6), flags_name(s.flags), shield.settings.reset);
	}
	shield_reset();
}

/* Each kind under reset=, of the interface and of the port. */
static void rows_reset(bool ipv6, enum synshield_reset all, enum synshield_reset own,
		       enum synshield_reset what)
{
	struct segment s;

	shield_reset();
	shield.settings.reset = all;
	shield_policy(CLOSED_PORT, &(struct synshield_policy){.reset = own});
	for (unsigned int i = 0; i < KINDS; i++) {
		kind_begin(&kinds[i], ipv6, &s);
		if (what == SYNSHIELD_RESET_REPLY)
			row_refused(kinds[i].reason, &s, "%s: %s, reset=%d, port's %d",
				    family_name(ipv6), kinds[i].name, all, own);
		else
			row_segment(what == SYNSHIELD_RESET_DROP ? SYNSHIELD_DROP : SYNSHIELD_PASS,
				    kinds[i].reason, &s, "%s: %s, reset=%d, port's %d",
				    family_name(ipv6), kinds[i].name, all, own);
	}
	shield_reset();
}

static void rows_settings(bool ipv6)
{
	for (int all = SYNSHIELD_RESET_REPLY; all <= SYNSHIELD_RESET_PASS; all++)
		for (int own = SYNSHIELD_RESET_INHERIT; own <= SYNSHIELD_RESET_PASS; own++)
			rows_reset(ipv6, all, own, own ? own : all);
}

/* Where something beside this host's sockets may take it. */
static void rows_others(bool ipv6)
{
	struct segment s;

	for (unsigned int i = 0; i < KINDS; i++) {
		bool syn = kinds[i].reason == REASON(closed_port);

		shield_reset();
		shield.host.flags |=
			syn ? SYNSHIELD_HOST_OTHER_LISTENERS : SYNSHIELD_HOST_OTHER_CONNS;
		shield_configure(true);
		kind_begin(&kinds[i], ipv6, &s);
		row_segment(SYNSHIELD_PASS, kinds[i].reason, &s, "%s: %s, others may take it",
			    family_name(ipv6), kinds[i].name);
		shield.host.flags ^= SYNSHIELD_HOST_OTHER_LISTENERS | SYNSHIELD_HOST_OTHER_CONNS;
		shield_configure(true);
		kind_begin(&kinds[i], ipv6, &s);
		row_refused(kinds[i].reason, &s, "%s: %s, others may take other segments",
			    family_name(ipv6), kinds[i].name);
	}
	shield_reset();
	shield.host.flags |= SYNSHIELD_HOST_OTHER_CONNS;
	shield_configure(true);
	segment_begin(&s, ipv6, TCP_RST);
	row_segment(PASS(unknown_rst), &s, "%s: RST, others may take it", family_name(ipv6));
	shield_reset();
}

/* Netfilter's connections are those of containers, or of hosts behind this one. */
static void rows_conntrack(bool ipv6)
{
	static const __u8 flags[] = {TCP_ACK, TCP_SYN | TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST};
	struct segment s;

	for (unsigned int i = 0; i < sizeof(flags); i++) {
		segment_begin(&s, ipv6, flags[i]);
		s.target_port = CLOSED_PORT;
		if (!shield_conntrack(&s)) {
			ok(false, "%s: netfilter tracks a connection", family_name(ipv6));
			return;
		}
		shield.host.flags |= SYNSHIELD_HOST_CONNTRACK;
		shield_configure(true);
		row_segment(PASS(conntracked), &s, "%s: netfilter's, flags %s", family_name(ipv6),
			    flags_name(flags[i]));
		ok(conn_is(&s, SYNSHIELD_CONN_ESTABLISHED), "%s: and now it is tracked",
		   family_name(ipv6));
		row_segment(PASS(tracked), &s, "%s: netfilter's, flags %s, once more",
			    family_name(ipv6), flags_name(flags[i]));
		conn_forget(&s);
		s.source_port ^= 0x4000;
		if (flags[i] == TCP_ACK)
			row_refused(REASON(unknown_ack), &s, "%s: not netfilter's",
				    family_name(ipv6));
		shield_reset();
	}
	segment_begin(&s, ipv6, TCP_ACK);
	shield_conntrack(&s);
	row_refused(REASON(unknown_ack), &s, "%s: netfilter tracks nothing by itself here",
		    family_name(ipv6));
}

/* A port that opens and closes. */
static void rows_port(bool ipv6)
{
	struct segment s;
	int fd;

	segment_begin(&s, ipv6, TCP_SYN);
	s.target_port = CLOSED_PORT;
	row_refused(REASON(closed_port), &s, "%s: nothing listens", family_name(ipv6));
	fd = net_listen(ipv6, CLOSED_PORT, 16, LISTENER_PLAIN);
	row_segment(REPLY(cookie), &s, "%s: the port was opened a moment ago", family_name(ipv6));
	close(fd);
	shield_configure(true);
	row_refused(REASON(closed_port), &s, "%s: the port was closed again", family_name(ipv6));
	s.flags = TCP_ACK;
	row_refused(REASON(unknown_ack), &s, "%s: ACK where nothing listens any more",
		    family_name(ipv6));
}

void rows_refuse(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		rows_kinds(ipv6);
		rows_numbers(ipv6);
		for (unsigned int i = 0; i < KINDS; i++)
			if (kinds[i].payload < 100)
				rows_wrapping(ipv6, &kinds[i]);
		rows_hops(ipv6);
		rows_never(ipv6);
		rows_settings(ipv6);
		rows_others(ipv6);
		rows_conntrack(ipv6);
		rows_port(ipv6);
	}
	shield_reset();
}
