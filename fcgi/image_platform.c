#include "fcgi/image_platform.h"

#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/registry/image.h"

bool image_platform_is_ours(const char *platform, const char *architecture)
{
	static const char *const others[][2] = { { "x86_64", "amd64" }, { "x86-64", "amd64" }, { "aarch64", "arm64" } };
	const char *given = strncmp(platform, "linux/", 6) ? platform : platform + 6;
	size_t n = strcspn(given, "/");

	if (!*platform || !strcmp(platform, "linux") || (n == strlen(architecture) && !memcmp(given, architecture, n)))
		return true;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (n == strlen(others[i][0]) && !memcmp(given, others[i][0], n) && !strcmp(others[i][1], architecture))
			return true;
	return false;
}

/* "x86_64" and "aarch64" are other words for amd64 and arm64. */
static const char *canonical(const char *architecture)
{
	if (strcmp(architecture, "aarch64") == 0)
		return "arm64";
	return image_architecture(architecture);
}

int image_platform_match(struct json_object *config, const char *image, const char *platform, struct err *e)
{
	char os[64] = "linux", architecture[64] = "", rest[64] = "";
	const char *has_os = json_str(config, "os", "linux");
	const char *has = json_str(config, "architecture", "amd64");
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
