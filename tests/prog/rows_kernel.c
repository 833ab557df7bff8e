/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The same SYN goes to the shield and, over a veth, to the kernel's own
 * listener.  Both SYN-ACKs have to be the same but for what only the kernel can
 * know: its ISN and its timestamp.
 */
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "layouts.h"

static __u8 *find_timestamp(struct frame *f)
{
	__u8 *tcp = f->byte + f->l4, *at = tcp + 20, *end = tcp + (tcp[12] >> 4) * 4;

	while (at < end && at[0] != 8)
		at += at[0] < 2 ? 1 : at[1];
	return at < end ? at : NULL;
}

/*
 * There is no neighbour to send it to; flow labels are the kernel's to make up; and it
 * leaves the checksum to a device.
 */
static void kernel_stations(struct frame *kernel, const struct frame *ours)
{
	memcpy(kernel->byte, ours->byte, 12);
	if (kernel->byte[kernel->l3] >> 4 == 6)
		put32(kernel->byte + kernel->l3, get32(kernel->byte + kernel->l3) & 0xfff00000);
	frame_seal(kernel);
}

/* Makes of the kernel's frame what the shield's is in ISN, TSval, flow label and stations. */
static void adapt(struct frame *kernel, struct frame *ours)
{
	__u8 *theirs = find_timestamp(kernel), *own = find_timestamp(ours);

	kernel_stations(kernel, ours);
	memcpy(kernel->byte + kernel->l4 + 4, ours->byte + kernel->l4 + 4, 4);
	if (theirs && own)
		memcpy(theirs + 2, own + 2, 4);
	frame_seal(kernel);
}

static void as_the_kernel(const struct segment *syn, const char *name)
{
	static struct frame f, kernel;
	static struct outcome o;
	bool same = false;

	frame_build(syn, &f);
	shield_run(&f, &o);
	if (!net_kernel_answer(&f, &kernel)) {
		note("  the kernel does not answer");
	} else if (is_verdict(&o, REPLY(cookie))) {
		o.frame.l4 = kernel.l4;
		adapt(&kernel, &o.frame);
		same = same_frame(&o.frame, &kernel);
	}
	ok(same, "%s: %s: SYN-ACK as the kernel's own", family_name(syn->ipv6), name);
}

static void rows_layouts(bool ipv6)
{
	struct segment s;

	for (unsigned int i = 0; i < LAYOUTS; i++) {
		segment_begin(&s, ipv6, TCP_SYN);
		segment_options(&s, "%s", layouts[i].options);
		as_the_kernel(&s, layouts[i].name);
	}
	segment_begin(&s, ipv6, TCP_SYN | TCP_ECE | TCP_CWR);
	as_the_kernel(&s, "ECN asked for");
	s.source_port++;
	s.tos = 2;
	as_the_kernel(&s, "ECN asked for on an ECN-capable SYN");
}

/* What nobody knows: the RST as the kernel's own. */
static void rows_resets(bool ipv6)
{
	static const struct {
		__u8 flags;
		int payload;
		__u16 port;
	} rows[] = {
		{TCP_SYN, 0, CLOSED_PORT},
		{TCP_SYN, 5, CLOSED_PORT},
		{TCP_SYN | TCP_ECE | TCP_CWR, 0, CLOSED_PORT},
		{TCP_SYN | TCP_ACK, 0, CLOSED_PORT},
		{TCP_ACK, 0, CLOSED_PORT},
		{TCP_ACK | TCP_PSH, 9, CLOSED_PORT},
		{TCP_ACK | TCP_FIN, 0, CLOSED_PORT},
		{TCP_ACK | TCP_FIN, 4, CLOSED_PORT},
		{TCP_SYN | TCP_ACK, 0, PORT},
		{TCP_ACK, 0, PORT},
		{TCP_ACK | TCP_PSH, 9, PORT},
		{TCP_ACK | TCP_FIN, 0, PORT},
	};
	static struct frame f, kernel;
	static struct outcome o;
	struct segment s;

	shield_mode(SYNSHIELD_MODE_AUTO);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool same = false;

		segment_begin(&s, ipv6, rows[i].flags);
		s.target_port = rows[i].port;
		s.ack = rows[i].flags & TCP_ACK ? 0x55667788 : 0;
		s.payload = "123456789";
		s.payload_len = rows[i].payload;
		frame_build(&s, &f);
		shield_run(&f, &o);
		if (net_kernel_reset(&f, &kernel)) {
			o.frame.l4 = kernel.l4;
			kernel_stations(&kernel, &o.frame);
			same = same_frame(&o.frame, &kernel);
		}
		ok(same && o.code == XDP_TX,
		   "%s: flags %s, %d bytes to port %d: RST as the kernel's own", family_name(ipv6),
		   flags_name(rows[i].flags), rows[i].payload, rows[i].port);
	}
	shield_reset();
}

struct listener_row {
	enum listener_kind kind;
	__u16 port;
	const char *name;
};

static const struct listener_row listener_rows[] = {
	{LISTENER_RCVBUF, 8101, "listener with SO_RCVBUF"},
	{LISTENER_CLAMP, 8102, "listener with TCP_WINDOW_CLAMP"},
	{LISTENER_MAXSEG, 8103, "listener with TCP_MAXSEG"},
	{LISTENER_DUAL, 8104, "listener on both families"},
};

static void rows_listeners(const struct listener_row *r, bool ipv6)
{
	int fd = net_listen(r->kind == LISTENER_DUAL || ipv6, r->port, 64, r->kind);
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	s.target_port = r->port;
	as_the_kernel(&s, r->name);
	segment_begin(&s, ipv6, TCP_SYN);
	s.target_port = r->port;
	segment_options(&s, "mss 1460 nop ws 7");
	as_the_kernel(&s, r->name);
	close(fd);
}

static void rows_mtu(bool ipv6)
{
	static const int mtus[] = {1280, 1380, 1492, 9000};
	struct segment s;

	for (unsigned int i = 0; i < sizeof(mtus) / sizeof(*mtus); i++) {
		net_set_mtu(mtus[i]);
		shield.host.mtu = mtus[i];
		shield_configure(true);
		segment_begin(&s, ipv6, TCP_SYN);
		as_the_kernel(&s, "another interface MTU");
		segment_begin(&s, ipv6, TCP_SYN);
		segment_options(&s, "mss 1460 nop ws 7");
		as_the_kernel(&s, "another interface MTU, no timestamps");
	}
	net_set_mtu(1500);
	shield_reset();
}

/* Each of these off. */
struct sysctl_row {
	const char *name, *off, *on;
	__u32 flag;
};

static const struct sysctl_row sysctl_rows[] = {
	{"ipv4/tcp_timestamps", "0", "1", SYNSHIELD_HOST_TIMESTAMPS},
	{"ipv4/tcp_sack", "0", "1", SYNSHIELD_HOST_SACK},
	{"ipv4/tcp_window_scaling", "0", "1", SYNSHIELD_HOST_WSCALE},
	{"ipv4/tcp_ecn", "0", "2", SYNSHIELD_HOST_ECN},
};

static void rows_sysctls(bool ipv6)
{
	struct segment s;

	for (unsigned int i = 0; i < sizeof(sysctl_rows) / sizeof(*sysctl_rows); i++) {
		net_sysctl(sysctl_rows[i].name, sysctl_rows[i].off);
		shield.host.flags &= ~sysctl_rows[i].flag;
		shield_configure(true);
		segment_begin(&s, ipv6, TCP_SYN);
		if (sysctl_rows[i].flag == SYNSHIELD_HOST_ECN)
			s.flags |= TCP_ECE | TCP_CWR;
		as_the_kernel(&s, sysctl_rows[i].name);
		net_sysctl(sysctl_rows[i].name, sysctl_rows[i].on);
		shield_reset();
	}
}

/* tcp_rmem[2] decides the window scale, tcp_rmem[1] the window. */
static void rows_rmem(bool ipv6)
{
	static const char *const rmem[] = {"4096 131072 6291456", "4096 16384 33554432",
					   "4096 1048576 1048576"};
	struct segment s;
	int fd;

	for (unsigned int i = 0; i < sizeof(rmem) / sizeof(*rmem); i++) {
		net_sysctl("ipv4/tcp_rmem", rmem[i]);
		shield_reset();
		fd = net_listen(ipv6, 8105, 64, LISTENER_PLAIN);
		segment_begin(&s, ipv6, TCP_SYN);
		s.target_port = 8105;
		as_the_kernel(&s, rmem[i]);
		close(fd);
	}
	net_sysctl("ipv4/tcp_rmem", "4096 131072 33554432");
	shield_reset();
}

/*
 * Sources that Linux takes SYNs from are the kernel's to refuse, however odd;
 * what it does not answer need not be answered.
 */
static void rows_sources(void)
{
	static const char *const sources[] = {
		"0.0.0.1",     "0.1.2.3",   "1.1.1.1",	       "10.0.0.1",	    "100.64.0.1",
		"169.254.1.1", "192.0.0.8", "223.255.255.254", "240.0.0.1",	    "254.1.2.3",
		"fe80::2",     "fc00::1",   "2001:db8::",      "64:ff9b::c000:202", "::2",
		"::192.0.2.2", "100::1",
	};
	static struct frame f, answer;
	static struct outcome o;
	struct segment s;

	for (unsigned int i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		segment_begin(&s, strchr(sources[i], ':'), TCP_SYN);
		net_address(sources[i], s.source);
		frame_build(&s, &f);
		shield_run(&f, &o);
		ok(!net_kernel_answer(&f, &answer) || o.code == XDP_TX,
		   "a SYN from %s is answered if the kernel would", sources[i]);
	}
}

/* And what the shield drops as martian the kernel would not have answered. */
static void rows_martians(void)
{
	static const char *const sources[] = {
		"0.0.0.0",	"127.0.0.1", "224.0.0.1", "255.255.255.255",
		"198.51.100.1", "::1",	     "ff02::1",	  "::ffff:192.0.2.2",
	};
	static struct frame f, answer;
	struct segment s;

	for (unsigned int i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		segment_begin(&s, strchr(sources[i], ':'), TCP_SYN);
		net_address(sources[i], s.source);
		frame_build(&s, &f);
		ok(!net_kernel_answer(&f, &answer), "the kernel answers no SYN from %s",
		   sources[i]);
	}
}

void rows_kernel(void)
{
	shield_reset();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		rows_layouts(ipv6);
		for (unsigned int i = 0; i < sizeof(listener_rows) / sizeof(*listener_rows); i++)
			rows_listeners(&listener_rows[i], ipv6);
		rows_mtu(ipv6);
		rows_sysctls(ipv6);
		rows_rmem(ipv6);
		rows_resets(ipv6);
	}
	rows_sources();
	rows_martians();
}
