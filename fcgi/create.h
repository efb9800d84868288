/*
 * POST /containers/create in steps that need no network and no store:
 *
 *	create_check   the body's types, each field's policy, rules of its own
 *	create_merge   the image's config under the client's
 *	create_plan    what Lambda and the agent are told
 */
#ifndef SOCKERLESS_CREATE_H
#define SOCKERLESS_CREATE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "lib/err.h"
#include "lib/settings.h"

#define CREATE_CPU_MB 1769      /* MB of memory that bring one CPU */
#define CREATE_MEMORY_MIN 128   /* MB, Lambda's */
#define CREATE_MEMORY_MAX 10240
#define CREATE_STORAGE_MIN 512  /* MB */
#define CREATE_STORAGE_MAX 10240

/* A checked request: all owned, create_free(). */
struct create {
	struct json_object *config;      /* Config as inspect shows it */
	struct json_object *host_config; /* HostConfig as inspect shows it */
	struct json_object *networking;  /* network name -> endpoint settings, as inspect shows them */
	struct json_object *warnings;    /* array of strings */
	struct json_object *mounts;      /* Mounts as inspect shows them */
	struct json_object *volumes;     /* {Name, Destination, Anonymous, Labels, Options} of each volume among them */
	bool host_given;                 /* the body held a HostConfig */
	bool hostname_given;             /* Hostname isn't made from the id */
	unsigned int memory;             /* MB; 0: the setting decides */
	unsigned int storage;            /* MB of /tmp; 0: the setting decides */
};

void create_free(struct create *c);
#define CREATE_CLEANUP __attribute__((cleanup(create_free)))

/* `body` is borrowed. ERR_INVALID with dockerd's text, or with a reason that says "not supported". */
int create_check(struct json_object *body, struct create *ret, struct err *e);

/* The types of the members of an object, of a list of objects or of PortBindings; part of create_check. ERR_INVALID. */
int create_members(const char *field, struct json_object *v, struct err *e);

/* The rules that are no field's alone; part of create_check. */
int create_rules(struct create *c, struct err *e);
/* Two of them: what the function gets, and names that are none of capabilities. */
int create_resources(struct create *c, struct err *e);
int create_capabilities(struct create *c, struct err *e);
/* "EndpointsConfig" of the body (NULL: none) and NetworkMode give c->networking; part of create_check. */
int create_networking(struct create *c, struct json_object *endpoints, struct err *e);
int create_warn(struct create *c, const char *text, struct err *e);
/* A volume at `destination`; `name` "" makes one up, `options` is VolumeOptions of the mount or NULL. */
int create_volume(struct create *c, const char *name, const char *destination, const char *mode, struct json_object *options, struct err *e);
/* A tmpfs of Mounts is shown among them as well, as in dockerd; one of Tmpfs isn't. */
int create_tmpfs(struct create *c, const char *destination, bool read_only, struct err *e);
/* Anonymous volumes for what config's Volumes (the client's and the image's) name and no mount has; after create_merge. */
int create_volumes_config(struct create *c, struct err *e);
/* The text that create_fields.def holds for a field with rules of its own. */
const char *create_field_text(const char *name);

/* `image_config`: the "config" object of the image's config (NULL: empty). Ends with dockerd's check: ERR_INVALID "No command specified". */
int create_merge(struct create *c, struct json_object *image_config, struct err *e);

/* Sets Hostname to the id's first 12 digits unless the client gave one. */
int create_name_host(struct create *c, const char *id, struct err *e);

/* What CreateFunction is told beside the constants; the pointers stay valid as long as the plan and its create. */
struct create_plan {
	struct json_object *spec;        /* doc/ARCHITECTURE.md, "spec" */
	struct json_object *environment; /* what fits Lambda's rules */
	struct json_object *tags;
	const char **entry_point;        /* NULL-terminated; strings borrowed from create */
	const char **command;
	char *description;               /* what the reconciler knows our functions by */
	unsigned int memory;
	unsigned int storage;
};

void create_plan_free(struct create_plan *p);
#define CREATE_PLAN_CLEANUP __attribute__((cleanup(create_plan_free)))

int create_plan(const struct create *c, const struct settings *s, const char *id, const char *token, const char *name,
		struct create_plan *ret, struct err *e);

/* True for a key that Lambda takes in a function's environment. */
bool create_env_key_valid(const char *key, size_t len);

#endif
