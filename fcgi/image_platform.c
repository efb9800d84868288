#include "fcgi/image_platform.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/registry/image.h"

/* "x86_64" (which image_architecture() knows), "x86-64" and "aarch64" are other words for amd64 and arm64. */
static const char *canonical(const char *architecture)
{
	if (strcmp(architecture, "aarch64") == 0)
		return "arm64";
	return strcmp(architecture, "x86-64") == 0 ? "amd64" : image_architecture(architecture);
}

const char *image_platform_machine(void)
{
	static const char *const known[] = { "amd64", "arm64" };
	struct utsname u;

	for (size_t i = 0; uname(&u) == 0 && i < sizeof known / sizeof *known; i++)
		if (strcmp(canonical(u.machine), known[i]) == 0)
			return known[i];
	return NULL;
}

const char *image_platform_usual(const struct settings *s)
{
	return image_architecture(s->lambda_architecture);
}

/* Lambda has these two. */
static const char *other(const struct settings *s)
{
	return strcmp(image_platform_usual(s), "amd64") == 0 ? "arm64" : "amd64";
}

const char *image_platform_agent(const struct settings *s, const char *architecture)
{
	if (strcmp(architecture, image_platform_usual(s)) == 0)
		return s->agent_path;
	return strcmp(architecture, other(s)) == 0 && access(s->other_agent_path, R_OK) == 0 ? s->other_agent_path : NULL;
}

static int refuse(const struct settings *s, const char *platform, struct err *e)
{
	const char *usual = image_platform_usual(s);

	if (image_platform_agent(s, other(s)))
		return err_set(e, ERR_NOT_SUPPORTED, "%.100s is not supported: functions are linux/%s or linux/%s", platform, usual, other(s));
	return err_set(e, ERR_NOT_SUPPORTED, "%.100s is not supported: functions are linux/%s, and SOCKERLESS_OTHER_AGENT_PATH has no agent for others", platform, usual);
}

int image_platform_refuse(const struct settings *s, const char *architecture, struct err *e)
{
	char platform[PLATFORM_TEXT_MAX];

	snprintf(platform, sizeof platform, "linux/%s", architecture);
	return refuse(s, platform, e);
}

int image_platform_check(const struct settings *s, const char *architecture, struct err *e)
{
	return image_platform_agent(s, architecture) ? 0 : image_platform_refuse(s, architecture, e);
}

const char *image_platform_choose(const struct settings *s, const char *platform, struct err *e)
{
	const char *const served[] = { image_platform_usual(s), other(s) };
	const char *given = strncmp(platform, "linux/", 6) ? platform : platform + 6;
	char asked[65];

	if (!*platform || strcmp(platform, "linux") == 0)
		return served[0];
	snprintf(asked, sizeof asked, "%.*s", (int)strcspn(given, "/"), given);
	for (size_t i = 0; i < sizeof served / sizeof *served; i++)
		if (strcmp(canonical(asked), served[i]) == 0 && image_platform_agent(s, served[i]))
			return served[i];
	refuse(s, platform, e);
	return NULL;
}

int image_platform_match(struct json_object *config, const char *image, const char *platform, struct err *e)
{
	char os[64] = "linux", architecture[64] = "", rest[64] = "";
	const char *has_os = json_str(config, "os", "linux");
	const char *has = image_config_architecture(config);
	int parts;

	if (!platform || !*platform)
		return 0;
	parts = sscanf(platform, "%63[a-zA-Z0-9_.-]/%63[a-zA-Z0-9_.-]/%63[a-zA-Z0-9_.-]", os, architecture, rest);
	if (parts < 1 || platform[strspn(platform, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/")])
		return err_set(e, ERR_INVALID, "\"%s\" is an invalid OS component of \"%s\": OSAndVersion specifier component must match \"^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.-]*)\\\\))?$\": invalid argument", platform, platform);
	if (parts == 1 && strcmp(os, "linux") != 0) {
		snprintf(architecture, sizeof architecture, "%s", os);
		strcpy(os, "linux");
	}
	if (strcmp(os, has_os) == 0 && (!*architecture || strcmp(canonical(architecture), has) == 0))
		return 0;
	return err_set(e, ERR_NOT_FOUND, "image with reference %s was found but does not match the specified platform: wanted %s, actual: %s/%s",
		       image, platform, has_os, has);
}

int image_platform_asked(struct request *req, char ret[PLATFORM_TEXT_MAX], struct err *e)
{
	const char *text = request_query(req, "platform", "");
	CLEANUP_JSON struct json_object *platform = NULL;
	const char *os, *architecture;

	*ret = '\0';
	if (!*text)
		return 0;
	if (json_parse(text, strlen(text), &platform, e) < 0 || !json_object_is_type(platform, json_type_object))
		return err_set(e, ERR_INVALID, "failed to parse platform: it is no JSON object with os and architecture");
	os = json_str(platform, "os", "");
	architecture = json_str(platform, "architecture", "");
	if (!*os || !*architecture)
		return err_set(e, ERR_INVALID, "both OS and Architecture must be provided");
	if (snprintf(ret, PLATFORM_TEXT_MAX, "%s/%s", os, architecture) >= PLATFORM_TEXT_MAX)
		return err_set(e, ERR_INVALID, "failed to parse platform: it is too long");
	return 0;
}
