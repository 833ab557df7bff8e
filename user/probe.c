/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <unistd.h>

#include "log.h"
#include "tc.h"

#define EXIT_INSN                                                                                  \
	{                                                                                          \
		.code = BPF_JMP | BPF_EXIT                                                         \
	}
#define PASS_INSN                                                                                  \
	{                                                                                          \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 2                \
	}

/* int entry(struct xdp_md *ctx) calls int slot(struct xdp_md *ctx) */
static struct btf *freplace_btf(int *entry, int *slot)
{
	struct btf *btf = btf__new_empty();
	int number, ctx, proto;

	if (!btf)
		return NULL;
	number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	ctx = btf__add_struct(btf, "xdp_md", 4);
	btf__add_field(btf, "data", number, 0, 0);
	ctx = btf__add_ptr(btf, ctx);
	proto = btf__add_func_proto(btf, number);
	btf__add_func_param(btf, "ctx", ctx);
	*entry = btf__add_func(btf, "entry", BTF_FUNC_GLOBAL, proto);
	*slot = btf__add_func(btf, "slot", BTF_FUNC_GLOBAL, proto);
	if (*entry > 0 && *slot > 0 && !btf__load_into_kernel(btf))
		return btf;
	btf__free(btf);
	return NULL;
}

static int load_target(int btf_fd, int entry, int slot)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = 1},
		EXIT_INSN,
		PASS_INSN,
		EXIT_INSN,
	};
	struct bpf_func_info funcs[] = {{0, entry}, {2, slot}};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_btf_fd = btf_fd, .func_info = funcs,
		    .func_info_cnt = 2, .func_info_rec_size = sizeof(funcs[0]));

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "probe_entry", "GPL", insns, 4, &opts);
}

/* One that changes packets, as the shield's does, also calls bpf_xdp_adjust_tail(ctx, 0). */
static int load_replacement(int btf_fd, int target, int slot, bool changes)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_xdp_adjust_tail},
		PASS_INSN,
		EXIT_INSN,
	};
	int skipped = changes ? 0 : 2;
	struct bpf_func_info func = {0, slot};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_btf_fd = btf_fd, .func_info = &func,
		    .func_info_cnt = 1, .func_info_rec_size = sizeof(func),
		    .attach_prog_fd = target, .attach_btf_id = slot);

	return bpf_prog_load(BPF_PROG_TYPE_EXT, "probe_slot", "GPL", insns + skipped, 4 - skipped,
			     &opts);
}

bool probe_freplace(bool changes)
{
	int entry, slot, target, replacement = -1;
	struct btf *btf = freplace_btf(&entry, &slot);

	if (!btf)
		return false;
	target = load_target(btf__fd(btf), entry, slot);
	if (target < 0)
		log_detail("no dispatcher: the probe's target program was refused");
	else
		replacement = load_replacement(btf__fd(btf), target, slot, changes);
	if (replacement >= 0)
		close(replacement);
	if (target >= 0)
		close(target);
	btf__free(btf);
	return replacement >= 0;
}

static bool btf_has_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

/* libbpf finds a module's BTF by its number, which takes CAP_SYS_ADMIN. */
static bool modules_usable(void)
{
	__u32 id = 0;

	return !bpf_btf_get_next_id(0, &id) || errno != EPERM;
}

/* In the kernel itself, or in the module if that is loaded. */
static bool kernel_has_function(const char *name, const char *module_name)
{
	struct btf *btf = btf__load_vmlinux_btf(), *module = NULL;
	bool found;

	if (!btf)
		return false;
	found = btf_has_function(btf, name);
	if (!found && module_name && modules_usable())
		module = btf__load_module_btf(module_name, btf);
	if (module)
		found = btf_has_function(module, name);
	btf__free(module);
	btf__free(btf);
	return found;
}

bool probe_reqsk(void)
{
	static int known = -1; /* reading the kernel's BTF takes milliseconds */

	if (known < 0)
		known = kernel_has_function("bpf_sk_assign_tcp_reqsk", NULL);
	return known;
}

bool probe_ct_lookup(void)
{
	static int known = -1;

	if (known < 0)
		known = kernel_has_function("bpf_xdp_ct_lookup", "nf_conntrack");
	return known;
}

bool probe_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

/* Asks for what is attached to no interface: kernels that know tcx miss the interface. */
bool probe_tcx(void)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);

	return bpf_prog_query_opts(0x7fffffff, TCX_INGRESS, &opts) && errno == ENODEV;
}
