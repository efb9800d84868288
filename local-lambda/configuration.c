#include "local-lambda/configuration.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "local-lambda/clock.h"
#include "local-lambda/uuid.h"

static bool copy(struct json_object *to, const char *key, struct json_object *value)
{
	struct json_object *own = NULL;

	return !value || (json_object_deep_copy(value, &own, NULL) == 0 && json_add(to, key, own));
}

static struct json_object *wrap(const char *key, struct json_object *value)
{
	struct json_object *o = json_object_new_object();

	if (o && copy(o, key, value))
		return o;
	json_object_put(o);
	return NULL;
}

static bool apply_environment(struct json_object *config, struct json_object *input)
{
	struct json_object *environment = json_obj(input, "Environment"), *variables = json_obj(environment, "Variables");

	if (!environment)
		return true;
	json_object_object_del(config, "Environment");
	return !variables || !json_object_object_length(variables) || json_add(config, "Environment", wrap("Variables", variables));
}

static bool apply_vpc(struct json_object *config, struct json_object *input)
{
	struct json_object *vpc = json_obj(input, "VpcConfig");

	return !vpc || (copy(config, "VpcConfig", vpc) && json_add_str(json_get(config, "VpcConfig"), "VpcId", ""));
}

bool configuration_apply(struct json_object *config, struct json_object *input)
{
	static const char *const plain[] = { "Role", "Description", "Timeout", "MemorySize", "EphemeralStorage", "FileSystemConfigs",
					     "TracingConfig", "LoggingConfig", "DeadLetterConfig", "KMSKeyArn", "TenancyConfig" };
	struct json_object *image = json_obj(input, "ImageConfig");
	struct json_object *logging;

	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (!copy(config, plain[i], json_get(input, plain[i])))
			return false;
	logging = json_obj(config, "LoggingConfig");
	if (logging && !json_str(logging, "LogFormat", NULL) && !json_add_str(logging, "LogFormat", "Text"))
		return false;
	if (image && !json_add(config, "ImageConfigResponse", wrap("ImageConfig", image)))
		return false;
	return apply_environment(config, input) && apply_vpc(config, input);
}

bool configuration_touch(struct json_object *config, const char *resolved_uri)
{
	char stamp[64], id[37];
	int64_t now = wall_ms();
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;
	size_t n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	const char *digest = resolved_uri ? strstr(resolved_uri, "@sha256:") : NULL;

	snprintf(stamp + n, sizeof stamp - n, ".%03d+0000", (int)(now % 1000));
	uuid_make(id);
	return json_add_str(config, "LastModified", stamp) && json_add_str(config, "RevisionId", id) &&
	       (!digest || json_add_str(config, "CodeSha256", digest + 8));
}

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;

	json_parse(text, strlen(text), &o, NULL);
	return o;
}

struct json_object *configuration_new(struct json_object *input, const char *arn, const char *resolved_uri)
{
	struct json_object *config = parse("{\"Description\":\"\",\"Timeout\":3,\"MemorySize\":128,\"CodeSize\":0,\"Version\":\"$LATEST\",\"PackageType\":\"Image\","
					   "\"Architectures\":[\"x86_64\"],\"EphemeralStorage\":{\"Size\":512},\"TracingConfig\":{\"Mode\":\"PassThrough\"},"
					   "\"SnapStart\":{\"ApplyOn\":\"None\",\"OptimizationStatus\":\"Off\"},\"State\":\"Pending\","
					   "\"StateReason\":\"The function is being created.\",\"StateReasonCode\":\"Creating\"}");
	const char *name = json_str(input, "FunctionName", "");
	struct json_object *logging = json_object_new_object();
	char group[128];

	snprintf(group, sizeof group, "/aws/lambda/%s", name);
	if (config && logging && json_add_str(logging, "LogFormat", "Text") && json_add_str(logging, "LogGroup", group) &&
	    json_add(config, "LoggingConfig", json_object_get(logging)) && json_add_str(config, "FunctionName", name) &&
	    json_add_str(config, "FunctionArn", arn) && copy(config, "Architectures", json_get(input, "Architectures")) &&
	    configuration_apply(config, input) && configuration_touch(config, resolved_uri)) {
		json_object_put(logging);
		return config;
	}
	json_object_put(logging);
	json_object_put(config);
	return NULL;
}
