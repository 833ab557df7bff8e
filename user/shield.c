/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "shield.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "backlog.h"
#include "clock.h"
#include "host.h"
#include "jiffies.h"
#include "link.h"
#include "log.h"
#include "settings.h"
#include "stops.h"
#include "upkeep.h"

const char *shield_xdp_text(const struct pin_note *note)
{
	return note->generic ? "generic" : "native";
}

const char *shield_tc_text(const struct pin_note *note)
{
	return note->clsact ? "clsact" : "tcx";
}

int shield_attached(const struct shield *s)
{
	char name[IF_NAMESIZE];

	/* by number: an interface may be renamed under us */
	if (!if_indextoname(s->ifindex, name))
		return -ENODEV;
	if (pin_dir_removed(s->dir_fd) || !xdp_attached(s->ifname, &s->note) ||
	    !tc_attached(s->ifname, &s->note))
		return -ENOENT;
	return 0;
}

/* -- start -- */

/* What the file wants, whole; without one, what the command line names. */
static int write_settings(struct shield *s, const struct shield_wish *wish)
{
	struct config_want want;
	int err;

	if (!wish->config)
		return settings_change(&s->maps, s->ifname, &wish->options);
	err = config_want(wish->config, s->ifname, &wish->options, &want);
	if (!err)
		err = change_open(&s->change, &s->maps, s->ifname, &want);
	if (!err)
		err = change_make(&s->change);
	config_want_free(&want);
	return err;
}

/* The lists' bitmap goes by its seed. */
static int write_seed(struct shield *s)
{
	int err;

	err = maps_get(&s->maps, MAP_HOST, &s->host);
	if (!err && s->fresh)
		s->host.learned = 0;
	if (!err && !s->host.seed)
		err = host_seed(&s->host.seed);
	if (!err)
		err = maps_put(&s->maps, MAP_HOST, &s->host);
	return err ? log_errno(err, "%s: cannot write the map host", s->ifname) : 0;
}

static int fill_maps(struct shield *s, const struct shield_wish *wish)
{
	struct synshield_settings settings;
	int err;

	err = write_seed(s);
	if (!err)
		err = write_settings(s, wish);
	if (err)
		return err;
	err = maps_get(&s->maps, MAP_SETTINGS, &settings);
	if (!err)
		err = bloom_open(&s->bloom, &s->maps, &s->host);
	if (!err)
		err = keys_map(s->maps.fd[MAP_KEYS], &s->keys);
	if (!err)
		err = keys_rotate(s->keys, settings.epoch);
	if (err >= 0)
		err = upkeep_addresses(s);
	if (!err)
		err = upkeep_host(s);
	if (!err)
		err = maps_put(&s->maps, MAP_HOST, &s->host);
	if (err)
		log_errno(err, "%s: cannot fill the maps", s->ifname);
	return err;
}

static int pin_maps(const struct shield *s)
{
	int id, err = 0;

	for (id = 0; id < MAP_COUNT && !err; id++)
		err = pin_put(s->maps.fd[id], s->ifname, map_names[id]);
	return err;
}

static int attach_fresh(struct shield *s, const struct loader *loader,
			const struct shield_wish *wish)
{
	bool tc = false;
	int err = 0;

	s->note.netns = pin_netns();
	s->note.ifindex = s->ifindex;
	if (!tc_attached(s->ifname, &s->note)) {
		tc_detach(s->ifname, &s->note);
		err = tc_attach(s->ifname, s->ifindex, wish->tc, loader, &s->note);
		tc = !err;
	} else {
		err = tc_replace(s->ifname, s->ifindex, loader, &s->note);
		if (!err)
			err = tc_pin(s->ifname, loader);
	}
	if (err)
		return err;
	xdp_detach(s->ifname, &s->note); /* a dead one, or of a start that was killed */
	err = xdp_attach(s->ifname, s->ifindex, wish->xdp, wish->solo, loader, &s->note);
	if (err && tc)
		tc_detach(s->ifname, &s->note);
	return err;
}

static void open_old(const char *ifname, struct loader *old)
{
	memset(old, 0, sizeof(*old));
	old->xdp_fd = pin_get(ifname, "prog_xdp");
	old->tc_in_fd = pin_get(ifname, "prog_tc_in");
	old->tc_out_fd = pin_get(ifname, "prog_tc_out");
}

static void close_old(struct loader *old)
{
	if (old->xdp_fd >= 0)
		close(old->xdp_fd);
	if (old->tc_in_fd >= 0)
		close(old->tc_in_fd);
	if (old->tc_out_fd >= 0)
		close(old->tc_out_fd);
}

static int replace(struct shield *s, const struct loader *loader)
{
	struct loader old;
	int err;

	open_old(s->ifname, &old);
	err = tc_replace(s->ifname, s->ifindex, loader, &s->note);
	STOP("tc-replaced");
	if (!err)
		err = xdp_replace(s->ifname, s->ifindex, loader, &s->note);
	if (err && old.tc_in_fd >= 0 && old.tc_out_fd >= 0)
		tc_replace(s->ifname, s->ifindex, &old, &s->note);
	close_old(&old);
	return err;
}

/* Those of tc_replace() and xdp_replace(). */
static int ready_pins(const struct shield *s, const struct loader *loader)
{
	int err;

	err = pin_ready(loader->tc_in_fd, s->ifname, "prog_tc_in");
	if (!err)
		err = pin_ready(loader->tc_out_fd, s->ifname, "prog_tc_out");
	if (!err && !s->note.dispatcher)
		err = pin_ready(loader->xdp_fd, s->ifname, "prog_xdp");
	return err;
}

static int take_pins(const struct shield *s)
{
	int err;

	err = pin_take(s->ifname, "prog_tc_in");
	if (!err)
		err = pin_take(s->ifname, "prog_tc_out");
	if (!err && !s->note.dispatcher)
		err = pin_take(s->ifname, "prog_xdp");
	return err;
}

static void drop_pins(const struct shield *s)
{
	pin_drop(s->ifname, "prog_tc_in");
	pin_drop(s->ifname, "prog_tc_out");
	pin_drop(s->ifname, "prog_xdp");
}

/* New programs for the running ones; on failure, also for want of room, these stay, all three. */
static int attach_over(struct shield *s, const struct loader *loader)
{
	int err;

	err = ready_pins(s, loader);
	if (!err)
		err = replace(s, loader);
	if (!err)
		return take_pins(s);
	drop_pins(s);
	log_line("%s: the program that ran before goes on", s->ifname);
	return err;
}

static bool links_alive(const char *ifname, const struct pin_note *note)
{
	if (note->dispatcher && note->netns == pin_netns() && xdp_attached(ifname, note))
		return true;
	return link_ifindex(ifname, "link_xdp") > 0 || link_ifindex(ifname, "link_tc_in") > 0;
}

static int refuse_foreign(const char *ifname, const struct pin_note *note)
{
	char now[IF_NAMESIZE];

	if (note->netns != pin_netns())
		log_line("%s: %s/%s is in use by an interface of that name in another network "
			 "namespace: choose another --pin-dir",
			 ifname, args_pin_dir, ifname);
	else
		log_line("%s: %s/%s belongs to the interface now called %s: 'synshield detach %s' "
			 "removes it there",
			 ifname, args_pin_dir, ifname,
			 if_indextoname(note->ifindex, now) ? now : "(gone)", ifname);
	return -EBUSY;
}

static int lock_dir(struct shield *s)
{
	int err;

	s->dir_fd = pin_make_dir(s->ifname);
	if (s->dir_fd < 0)
		return s->dir_fd;
	err = pin_lock_dir(s->dir_fd);
	if (err == -EWOULDBLOCK)
		log_line("%s: a synshield daemon runs it already; 'synshield set %s' changes its "
			 "settings, 'synshield detach %s' ends it",
			 s->ifname, s->ifname, s->ifname);
	else if (err)
		log_errno(err, "%s: cannot lock its pin directory", s->ifname);
	return err;
}

/*
 * Settles what is pinned: 1 if these pins are this interface's to take over, 0
 * if there was nothing, or only what a vanished interface left behind.
 */
static int claim(struct shield *s, struct maps *pinned)
{
	int err;

	err = lock_dir(s);
	if (err)
		return err;
	err = pin_read_note(s->ifname, &s->note);
	if (err || s->note.netns != pin_netns() || s->note.ifindex != s->ifindex) {
		if (!err && links_alive(s->ifname, &s->note))
			return refuse_foreign(s->ifname, &s->note);
		goto anew;
	}
	err = maps_open(pinned, s->ifname);
	if (!err)
		return 1;
	if (err != -ENOENT)
		return err;
	if (links_alive(s->ifname, &s->note)) {
		log_line("%s: a pinned map is missing in %s: 'synshield detach %s', then run again",
			 s->ifname, args_pin_dir, s->ifname);
		return -EPROTO;
	}
anew:
	memset(&s->note, 0, sizeof(s->note));
	close(s->dir_fd);
	s->dir_fd = -1;
	pin_remove_dir(s->ifname);
	return lock_dir(s);
}

static int follow_states(struct shield *s)
{
	struct synshield_settings settings;
	int err;

	err = maps_get(&s->maps, MAP_SETTINGS, &settings);
	if (!err)
		err = closing_open(&s->closing, s->loop, &s->maps, s->bloom, s->ifname, s->ifindex,
				   &settings);
	if (err)
		return log_errno(err, "%s: cannot follow the states of its connections", s->ifname);
	s->max_syn_backlog = settings.max_syn_backlog;
	return 0;
}

static int start_loaded(struct shield *s, const struct loader *loader,
			const struct shield_wish *wish, bool pinned)
{
	bool running =
		pinned && xdp_attached(s->ifname, &s->note) && tc_attached(s->ifname, &s->note);
	int err;

	s->fresh = !running;
	STOP("loaded");
	err = loader_maps(loader, &s->maps);
	if (!err)
		err = fill_maps(s, wish);
	STOP("maps-filled");
	if (!err && !pinned)
		err = pin_maps(s);
	if (!err)
		err = maps_admit_readers(s->ifname);
	if (!err)
		err = follow_states(s);
	if (!err)
		err = running ? attach_over(s, loader) : attach_fresh(s, loader, wish);
	STOP("attached");
	return err;
}

int shield_start(struct shield *s, struct loop *loop, const char *ifname,
		 const struct shield_wish *wish)
{
	struct loader loader = {};
	struct maps pinned;
	int have, err;

	memset(s, 0, sizeof(*s));
	s->loop = loop;
	s->dir_fd = -1;
	s->started_ns = boottime_ns();
	halfopen_init(&s->halfopen);
	maps_init(&s->maps);
	maps_init(&pinned);
	snprintf(s->ifname, sizeof(s->ifname), "%s", ifname);
	s->ifindex = if_nametoindex(ifname);
	if (!s->ifindex)
		return log_errno(-ENODEV, "%s", ifname);
	have = claim(s, &pinned);
	err = have < 0 ? have
		       : loader_open(&loader, ifname, have ? &pinned : NULL, wish->conns,
				     wish->events);
	if (!err)
		err = start_loaded(s, &loader, wish, have > 0);
	loader_close(&loader);
	maps_close(&pinned);
	if (!err) {
		upkeep_begin(s);
		return 0;
	}
	if (have > 0)
		change_undo(&s->change);
	if (!have)
		pin_remove_dir(ifname);
	shield_release(s);
	return err;
}

void shield_release(struct shield *s)
{
	upkeep_end(s);
	change_close(&s->change);
	closing_close(s->closing);
	halfopen_close(&s->halfopen);
	attacks_free(&s->attacks);
	locals_free(&s->locals);
	keys_unmap(s->keys);
	bloom_close(s->bloom);
	maps_close(&s->maps);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	s->closing = NULL;
	s->bloom = NULL;
	s->keys = NULL;
	s->dir_fd = -1;
}

/* What a daemon that was killed has left; one that runs does it itself. */
static void restore_backlog(const char *ifname)
{
	struct backlog b = {0};
	int fd = pin_open_dir(ifname);
	struct maps maps;

	maps_init(&maps);
	if (fd >= 0 && !pin_dir_locked(fd))
		maps.fd[MAP_DAEMON] = pin_get(ifname, map_names[MAP_DAEMON]);
	if (maps.fd[MAP_DAEMON] >= 0) {
		backlog_recall(&b, &maps);
		backlog_follow(&b, 0);
	}
	maps_close(&maps);
	if (fd >= 0)
		close(fd);
}

int shield_remove(const char *ifname)
{
	struct pin_note note;
	int err;

	err = pin_read_note(ifname, &note);
	if (err) /* a start that did not come to an end */
		return pin_remove_dir(ifname);
	if (note.netns != pin_netns() && (note.clsact || note.dispatcher) &&
	    link_ifindex(ifname, "link_xdp"))
		return refuse_foreign(ifname, &note);
	if (note.netns == pin_netns())
		restore_backlog(ifname);
	err = xdp_detach(ifname, &note);
	STOP("xdp-detached");
	if (!err)
		err = tc_detach(ifname, &note);
	STOP("tc-detached");
	return err ? err : pin_remove_dir(ifname);
}
