#include "local-lambda/limits.h"

#include <ctype.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#define ENVIRONMENT_MAX 4096
#define TAGS_MAX 50

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool limits_name_ok(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	return len >= 1 && len <= LIMIT_NAME && strspn(name, ALNUM "-_") == len;
}

static int constraint(struct err *e, const char *value, const char *member, const char *must)
{
	return err_set(e, ERR_INVALID, "1 validation error detected: Value '%.256s' at '%s' failed to satisfy constraint: Member must %s", value, member, must);
}

static int check_range(struct json_object *in, const char *key, const char *member, int64_t min, int64_t max, struct err *e)
{
	struct json_object *v = json_get(in, key);
	char must[96];

	if (!v)
		return 0;
	if (json_object_is_type(v, json_type_int) && json_object_get_int64(v) >= min && json_object_get_int64(v) <= max)
		return 0;
	if (json_object_is_type(v, json_type_int) && json_object_get_int64(v) < min)
		snprintf(must, sizeof must, "have value greater than or equal to %" PRId64, min);
	else
		snprintf(must, sizeof must, "have value less than or equal to %" PRId64, max);
	return constraint(e, json_object_get_string(v), member, must);
}

static bool matches(const char *text, const char *pattern)
{
	regex_t re;
	bool found;

	if (!text || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static int check_role(struct json_object *in, struct err *e)
{
	const char *role = json_str(in, "Role", NULL);
	static const char pattern[] = "^arn:(aws[a-zA-Z-]*)?:iam::[0-9]{12}:role/?[a-zA-Z_0-9+=,.@/-]+$";

	if (!json_get(in, "Role") || matches(role, pattern))
		return 0;
	return constraint(e, role ? role : "null", "role", "satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+");
}

static int check_variable(const char *key, struct json_object *value, struct err *e)
{
	size_t len = strlen(key);

	if (len < 2 || !isalpha((unsigned char)*key) || strspn(key, ALNUM "_") != len) {
		/* _HANDLER and its like fail by their name already, as they do at AWS. */
		return constraint(e, key, "environment.variables", "satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+");
	}
	if (!strncmp(key, "AWS_", 4) || !strncmp(key, "LAMBDA_", 7))
		return err_set(e, ERR_INVALID, "Lambda was unable to configure your environment variables because the environment variables you have provided "
			       "contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", key);
	if (!json_object_is_type(value, json_type_string))
		return err_set(e, ERR_INVALID, "Environment variable %s must be a string", key);
	return 0;
}

static int check_environment(struct json_object *in, struct err *e)
{
	struct json_object *variables = json_obj(json_get(in, "Environment"), "Variables");

	if (!variables)
		return 0;
	json_object_object_foreach(variables, key, value)
		if (check_variable(key, value, e) < 0)
			return -1;
	if (strlen(json_text(variables)) > ENVIRONMENT_MAX)
		return err_set(e, ERR_INVALID, "Lambda was unable to configure your environment variables because the environment variables you have provided "
			       "exceeded the 4KB limit. String measured: %.512s", json_text(variables));
	return 0;
}

static int check_strings(struct json_object *in, const char *key, const char *member, size_t max, struct err *e)
{
	struct json_object *list = json_get(in, key);
	char must[64];

	if (!list)
		return 0;
	snprintf(must, sizeof must, "have length less than or equal to %zu", max);
	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) > max)
		return constraint(e, "[...]", member, must);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_string))
			return constraint(e, "[...]", member, "be a list of strings");
	return 0;
}

static int check_image_config(struct json_object *in, struct err *e)
{
	struct json_object *config = json_obj(in, "ImageConfig");

	if (check_strings(config, "EntryPoint", "imageConfig.entryPoint", 1500, e) < 0 ||
	    check_strings(config, "Command", "imageConfig.command", 1500, e) < 0)
		return -1;
	if (strlen(json_str(config, "WorkingDirectory", "")) > 1000)
		return constraint(e, json_str(config, "WorkingDirectory", ""), "imageConfig.workingDirectory", "have length less than or equal to 1000");
	return 0;
}

static int check_vpc(struct json_object *in, struct err *e)
{
	struct json_object *vpc = json_obj(in, "VpcConfig"), *mounts = json_array(in, "FileSystemConfigs");
	struct json_object *subnets = json_array(vpc, "SubnetIds");

	if (check_strings(vpc, "SubnetIds", "vpcConfig.subnetIds", 16, e) < 0 ||
	    check_strings(vpc, "SecurityGroupIds", "vpcConfig.securityGroupIds", 5, e) < 0)
		return -1;
	if (!mounts || !json_object_array_length(mounts))
		return 0;
	if (json_object_array_length(mounts) > 1)
		return constraint(e, "[...]", "fileSystemConfigs", "have length less than or equal to 1");
	if (!matches(json_str(json_object_array_get_idx(mounts, 0), "LocalMountPath", NULL), "^/mnt/[a-zA-Z0-9_.-]+$"))
		return constraint(e, json_str(json_object_array_get_idx(mounts, 0), "LocalMountPath", ""), "fileSystemConfigs.1.member.localMountPath",
				  "satisfy regular expression pattern: ^/mnt/[a-zA-Z0-9-_.]+$");
	if (!subnets || !json_object_array_length(subnets))
		return err_set(e, ERR_INVALID, "Function must be configured to execute in a VPC to reference access point.");
	return 0;
}

int limits_check_architectures(struct json_object *in, struct err *e)
{
	struct json_object *list = json_get(in, "Architectures");
	const char *one;

	if (!list)
		return 0;
	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) != 1)
		return constraint(e, json_object_get_string(list), "architectures", "have length less than or equal to 1");
	one = json_object_get_string(json_object_array_get_idx(list, 0));
	if (!one || (strcmp(one, "x86_64") && strcmp(one, "arm64")))
		return constraint(e, one ? one : "null", "architectures", "satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]");
	return 0;
}

int limits_check_tags(struct json_object *tags, struct json_object *present, struct err *e)
{
	int count = present ? json_object_object_length(present) : 0;

	if (!tags)
		return 0;
	if (!json_object_is_type(tags, json_type_object))
		return constraint(e, "tags", "tags", "be a map");
	json_object_object_foreach(tags, key, value) {
		const char *text = value && json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;

		if (!*key || strlen(key) > 128 || strspn(key, ALNUM " _.:/=+-@") != strlen(key) || !strncmp(key, "aws:", 4))
			return err_set(e, ERR_INVALID, "Invalid tag key: %.140s", key);
		if (!text || strlen(text) > 256 || strspn(text, ALNUM " _.:/=+-@") != strlen(text))
			return err_set(e, ERR_INVALID, "Invalid tag value for key %.128s", key);
		count += !json_get(present, key);
	}
	return count <= TAGS_MAX ? 0 : err_set(e, ERR_INVALID, "Resource may not have more than %d tags", TAGS_MAX);
}

int limits_check_configuration(struct json_object *in, struct err *e)
{
	if (strlen(json_str(in, "Description", "")) > 256)
		return constraint(e, json_str(in, "Description", ""), "description", "have length less than or equal to 256");
	if (check_role(in, e) < 0 || check_range(in, "Timeout", "timeout", 1, 900, e) < 0 ||
	    check_range(in, "MemorySize", "memorySize", 128, 10240, e) < 0 ||
	    check_range(json_get(in, "EphemeralStorage"), "Size", "ephemeralStorage.size", 512, 10240, e) < 0 ||
	    check_environment(in, e) < 0 || check_image_config(in, e) < 0)
		return -1;
	return check_vpc(in, e);
}

int limits_check_create(struct json_object *in, struct err *e)
{
	static const char *const zip_only[] = { "Runtime", "Handler", "Layers" };

	if (!limits_name_ok(json_str(in, "FunctionName", NULL)))
		return constraint(e, json_str(in, "FunctionName", "null"), "functionName",
				  "satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?");
	if (strcmp(json_str(in, "PackageType", "Zip"), "Image"))
		return err_set(e, ERR_INVALID, "PackageType must be Image: packages of type Zip aren't played here");
	for (size_t i = 0; i < sizeof zip_only / sizeof *zip_only; i++)
		if (json_get(in, zip_only[i]))
			return err_set(e, ERR_INVALID, "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.");
	if (!json_str(json_get(in, "Code"), "ImageUri", NULL))
		return err_set(e, ERR_INVALID, "Please provide ImageUri when updating a function with packageType Image.");
	if (!json_str(in, "Role", NULL))
		return constraint(e, "null", "role", "not be null");
	if (limits_check_architectures(in, e) < 0 || limits_check_tags(json_get(in, "Tags"), NULL, e) < 0)
		return -1;
	return limits_check_configuration(in, e);
}
