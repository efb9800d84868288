#include "agent-gateway/agent/layer.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"

#define OWN ".sockerless"
#define ELSEWHERE ".sockerless/root/"
#define WRITABLE "/.sockerless/writable"

void layer_free(struct layer *l)
{
	if (l->start != l->base)
		snapshot_free(l->start);
	snapshot_free(l->base);
	*l = (struct layer){ 0 };
}

bool layer_name(const char *path, char *to, size_t size)
{
	size_t len = strlen(OWN);

	if (!strncmp(path, ELSEWHERE, strlen(ELSEWHERE)))
		return (size_t)snprintf(to, size, "%s", path + strlen(ELSEWHERE)) < size;
	if (!strncmp(path, OWN, len) && (!path[len] || path[len] == '/'))
		return false;
	return (size_t)snprintf(to, size, "tmp/%s", path) < size;
}

static bool is_at_or_beneath(const char *path, const char *top)
{
	size_t len = strlen(top);

	return len > 1 && !strncmp(path, top, len) && (!path[len] || path[len] == '/');
}

static bool is_writable(const char *name)
{
	CLEANUP_FCLOSE FILE *f = fopen(WRITABLE, "re");
	char line[PATH_MAX];

	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (is_at_or_beneath(name, line))
			return true;
	}
	return false;
}

bool layer_place(const char *name, char *to, size_t size)
{
	if (is_at_or_beneath(name, "/tmp")) {
		const char *rest = name + strlen("/tmp");

		if (is_at_or_beneath(rest, "/" OWN))
			return false;
		return (size_t)snprintf(to, size, "%s", *rest ? rest : "/") < size;
	}
	return is_writable(name) && (size_t)snprintf(to, size, "/%.*s%s", (int)strlen(ELSEWHERE) - 1, ELSEWHERE, name) < size;
}
