#include "lib/registry/derive_plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

#define READ_EXEC 05u

void derive_plan_free(struct derive_plan *p)
{
	for (size_t i = 0; i < p->n_links; i++)
		free(p->links[i].path);
	free(p->links);
	rootfs_members_free(&p->members);
	json_object_put(p->made);
	json_object_put(p->notes);
	*p = (struct derive_plan){ 0 };
}

/* A bit for each node. */
static bool set_has(const unsigned char *set, const struct rootfs_node *n)
{
	return set[rootfs_number(n) / 8] >> rootfs_number(n) % 8 & 1;
}

static void set_add(unsigned char *set, const struct rootfs_node *n)
{
	set[rootfs_number(n) / 8] |= (unsigned char)(1u << rootfs_number(n) % 8);
}

struct maker {
	const struct rootfs *fs;
	const struct derive_wish *wish;
	struct derive_plan *plan;
	unsigned char *told;   /* nodes that are in the layer at their own place already */
	unsigned char *seeded; /* in the seed already */
	unsigned char *ends;   /* links' nodes: nothing at or below them is told */
	int64_t widened;       /* bytes */
	bool too_much;
};

static uint16_t mode_of(const struct maker *m, const struct rootfs_node *n)
{
	struct rootfs_stat st;
	uint16_t mode;

	rootfs_stat(n, &st);
	mode = st.mode & 07777;
	if (m->wish->keep_root_only || S_ISLNK(st.mode))
		return mode;
	return mode | (mode >> 6 & READ_EXEC) | ((mode >> 6 & READ_EXEC) << 3);
}

static bool is_kind(const struct rootfs_node *n, mode_t kind)
{
	struct rootfs_stat st;

	rootfs_stat(n, &st);
	return (st.mode & S_IFMT) == kind;
}

static int add(struct maker *m, const struct rootfs_node *n, const char *before, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	BUF_CLEANUP struct buf name = BUF_INIT;

	rootfs_path(n, &path);
	if (path.failed)
		return err_nomem(e);
	buf_printf(&name, "%s%s%s", before, *before ? path.data : path.data + 1, rootfs_is_dir(n) ? "/" : "");
	if (name.failed)
		return err_nomem(e);
	return rootfs_members_add(&m->plan->members, n, name.data, mode_of(m, n), e);
}

/*
 * A node with the directories above it, which would otherwise get other modes,
 * at its own place or ("before") elsewhere. The root itself is never told.
 */
static int add_with_parents(struct maker *m, const struct rootfs_node *n, unsigned char *told, const char *before, struct err *e)
{
	const struct rootfs_node *way[2048], *at = n;
	size_t depth = 0;

	for (; at && rootfs_parent(at) && !set_has(told, at) && depth < sizeof way / sizeof *way; at = rootfs_parent(at))
		way[depth++] = at;
	while (depth--) {
		set_add(told, way[depth]);
		if (add(m, way[depth], before, e) < 0)
			return -1;
	}
	return 0;
}

/* The directories that a link lies in; those that aren't there are made by derive_files_layer(). */
static int add_ways(struct maker *m, struct err *e)
{
	for (size_t i = 0; i < m->plan->n_links; i++) {
		CLEANUP_FREE char *path = strdup(m->plan->links[i].path);
		const struct rootfs_node *n = NULL;
		struct err none;

		if (!path)
			return err_nomem(e);
		for (char *slash = strrchr(path, '/'); slash && slash > path && !n; slash = strrchr(path, '/')) {
			*slash = '\0';
			if (rootfs_find(m->fs, path, false, &n, &none) < 0)
				n = NULL;
		}
		if (n && add_with_parents(m, n, m->told, "", e) < 0)
			return -1;
		if (m->plan->links[i].node)
			set_add(m->ends, m->plan->links[i].node);
	}
	return 0;
}

/* What is mounted over or replaced anyway. */
static void add_hidden(struct maker *m)
{
	static const char *const dirs[] = { "/proc", "/sys", "/dev", "/tmp", "/.sockerless" };

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		const struct rootfs_node *n;
		struct err none;

		if (rootfs_find(m->fs, dirs[i], false, &n, &none) == 0)
			set_add(m->ends, n);
	}
}

static int widen(struct maker *m, const struct rootfs_node *n, struct err *e)
{
	struct rootfs_stat st;

	rootfs_stat(n, &st);
	if ((!S_ISDIR(st.mode) && !S_ISREG(st.mode)) || mode_of(m, n) == (st.mode & 07777) ||
	    !(mode_of(m, n) & ~(st.mode & 07777) & READ_EXEC))
		return 0;
	if (S_ISREG(st.mode)) {
		if (m->widened + st.size > DERIVE_ROOT_ONLY_MAX) {
			m->too_much = true;
			return 0;
		}
		m->widened += st.size;
	}
	return add_with_parents(m, n, m->told, "", e);
}

static int add_root_only(struct maker *m, struct err *e)
{
	const struct rootfs_node *root, *n;

	if (m->wish->keep_root_only)
		return 0;
	if (rootfs_find(m->fs, "/", true, &root, e) < 0)
		return -1;
	for (n = rootfs_next(root, root); n;) {
		if (set_has(m->ends, n)) {
			n = rootfs_next_beside(root, n);
			continue;
		}
		if (widen(m, n, e) < 0)
			return -1;
		n = rootfs_next(root, n);
	}
	return m->too_much ? derive_note(m->plan, e, "some files that only root may read can't be read: there are more than %d MB of them",
					 (int)(DERIVE_ROOT_ONLY_MAX >> 20)) : 0;
}

static int add_seed(struct maker *m, const struct rootfs_node *dir, struct err *e)
{
	for (const struct rootfs_node *n = dir; n; n = rootfs_next(dir, n))
		if ((rootfs_is_dir(n) || is_kind(n, S_IFREG) || is_kind(n, S_IFLNK)) &&
		    add_with_parents(m, n, m->seeded, &DERIVE_SEED[1], e) < 0)
			return -1;
	return 0;
}

static int add_seeds(struct maker *m, struct err *e)
{
	const struct rootfs_node *tmp;
	struct err none;

	for (size_t i = 0; i < m->plan->n_links; i++) {
		const struct derive_target *t = &m->plan->links[i];

		if (t->node && !(t->flags & DERIVE_EMPTY) && add_seed(m, t->node, e) < 0)
			return -1;
	}
	if (rootfs_find(m->fs, "/tmp", false, &tmp, &none) == 0 && rootfs_is_dir(tmp) && rootfs_next(tmp, tmp) && derive_fits(tmp, 0))
		return add_seed(m, tmp, e);
	return 0;
}

static int fill(struct maker *m, struct err *e)
{
	if (derive_targets(m->fs, m->wish, m->plan, e) < 0 || add_ways(m, e) < 0)
		return -1;
	add_hidden(m);
	return add_root_only(m, e) < 0 ? -1 : add_seeds(m, e);
}

int derive_plan_make(const struct rootfs *fs, const struct derive_wish *w, struct derive_plan *ret, struct err *e)
{
	DERIVE_PLAN_CLEANUP struct derive_plan p = { .made = json_object_new_array(), .notes = json_object_new_array() };
	size_t bytes = rootfs_count(fs) / 8 + 1;
	CLEANUP_FREE unsigned char *sets = calloc(3, bytes);
	struct maker m = { .fs = fs, .wish = w, .plan = &p, .told = sets, .seeded = sets + bytes, .ends = sets + 2 * bytes };

	if (!p.made || !p.notes || !sets)
		return err_nomem(e);
	if (fill(&m, e) < 0)
		return -1;
	*ret = p;
	p = (struct derive_plan){ 0 };
	return 0;
}
