/*
 * Client of the OCI distribution protocol for one repository of one registry.
 * Blocking; for one thread at a time. Authentication (none, Basic, Bearer
 * token flow) is done as the registry demands it. Redirects are followed, the
 * credentials stay with the registry's own host.
 */
#ifndef SOCKERLESS_REGISTRY_CLIENT_H
#define SOCKERLESS_REGISTRY_CLIENT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/registry/digest.h"

#define REGISTRY_MANIFEST_MAX (4u << 20)
#define REGISTRY_CHUNK (8u << 20) /* bytes of one upload request, and held in memory for it; ECR: at most 20 MiB */
#define REGISTRY_BLOB_MAX (INT64_C(16) << 30)
#define REGISTRY_TAGS_MAX 1000

#define MEDIA_MANIFEST_DOCKER "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_MANIFEST_OCI "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_INDEX_DOCKER "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_INDEX_OCI "application/vnd.oci.image.index.v1+json"
#define MEDIA_CONFIG_DOCKER "application/vnd.docker.container.image.v1+json"
#define MEDIA_LAYER_DOCKER "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define MEDIA_LAYER_OCI "application/vnd.oci.image.layer.v1.tar+gzip"

struct registry;
struct registry_upload;

/* Borrowed for the call of registry_open() only, where nothing else is said. */
struct registry_config {
	const char *endpoint;   /* "https://host[:port]", "http://host:port", or "host[:port]": then http for loopback and hosts of `insecure`, else https */
	const char *repository; /* "library/busybox" */
	const char *name;       /* for error texts: with "docker.io/library/busybox" they say "busybox"; NULL: host/repository */
	const char *user;       /* NULL: anonymous */
	const char *password;
	const char *token;      /* identity (refresh) token of `docker login`; NULL: none */
	const char *bearer;     /* what a registry that wants a token is given as it is; NULL: one is asked for */
	bool login;             /* a server that gives tokens is asked for an identity token too */
	const char *insecure;   /* comma-separated host:port; NULL: none */
	const char *ca;         /* file of PEM, or a directory as `openssl rehash` makes it, trusted beside the system's authorities; NULL, "": none */
	bool public_only;       /* no address of a private network, loopback included, but of hosts of `insecure` */
	long timeout;           /* seconds that an answer may take where no blob is transferred; 0: 120 */
	long stall;             /* seconds without bytes worth the name after which a blob's transfer is broken off; 0: 60 */
	bool push;              /* the token must allow pushing too */
	/* Asked about once a second and as bytes move: true ends the request. NULL: nobody is asked. Both stay borrowed until registry_close(). */
	bool (*cancelled)(void *arg);
	void *cancelled_arg;
};

struct registry_manifest {
	char *body; /* owned; exact bytes */
	size_t len;
	char media_type[128];
	char digest[DIGEST_SIZE];
};

/* Told while a blob moves. A negative result, with e set, ends the transfer. NULL: nobody is told. */
struct registry_progress {
	int (*report)(void *arg, int64_t done, int64_t total, struct err *e); /* bytes so far and in all (-1: unknown) */
	void *arg;
	int (*retry)(void *arg, int seconds, struct err *e); /* broken off: goes on after that time */
};

int registry_open(const struct registry_config *c, struct registry **ret, struct err *e); /* no network yet */
/* Another handle for the same repository with the same account, logged in as far as `r` is: for another thread. `cancelled` in place of r's. */
int registry_clone(const struct registry *r, bool (*cancelled)(void *arg), void *arg, struct registry **ret, struct err *e);
void registry_close(struct registry *r);
static inline void cleanup_registry(struct registry **r)
{
	registry_close(*r);
}
#define REGISTRY_CLEANUP __attribute__((cleanup(cleanup_registry)))

const char *registry_host(const struct registry *r);       /* "127.0.0.1:5000"; borrowed */
const char *registry_repository(const struct registry *r); /* borrowed */
const char *registry_identity(const struct registry *r);   /* the identity token to log in with from now on; "": there is none. Borrowed */

void registry_manifest_free(struct registry_manifest *m);
#define REGISTRY_MANIFEST_CLEANUP __attribute__((cleanup(registry_manifest_free)))

/*
 * GET /v2/: reaches and authenticates, as `docker login` needs it. Every other
 * function does this by itself the first time. Connection errors are
 * ERR_INTERNAL with Go's text (dockerd: 500), a refusal ERR_UNAUTHORIZED.
 */
int registry_ping(struct registry *r, struct err *e);

/* `reference`: tag or digest. A digest is verified. ERR_NOT_FOUND: "manifest for NAME:TAG not found: manifest unknown: manifest unknown". */
int registry_get_manifest(struct registry *r, const char *reference, struct registry_manifest *ret, struct err *e);
/* The repository's tags in the registry's order: an array of valid ones, REGISTRY_TAGS_MAX at most; owned by the caller. */
int registry_list_tags(struct registry *r, struct json_object **ret, struct err *e);
/* 1: there (ret_digest may be NULL; "" if the registry names none), 0: not there, -1. */
int registry_head_manifest(struct registry *r, const char *reference, char ret_digest[DIGEST_SIZE], struct err *e);
/* `reference`: tag, or the digest of the body. */
int registry_put_manifest(struct registry *r, const char *reference, const char *media_type, const void *body, size_t len, struct err *e);

/* Repositories that a term finds by /v1/search, `limit` at most: an array of {name, description, star_count, ..} as the registry gives it, owned by the caller. ERR_NOT_SUPPORTED: it has none. */
int registry_search(struct registry *r, const char *term, int limit, struct json_object **ret, struct err *e);

/* Deletes a manifest and its tags; 1: done, 0: it wasn't there. */
int registry_delete_manifest(struct registry *r, const char *digest, struct err *e);

/*
 * Streams a blob to `write` and verifies its digest at the end (-1 then, with
 * the bytes given out already). A transfer that breaks off is taken up where it
 * stood, a few times, with growing pauses. `size`: as the manifest says; -1: unknown.
 */
int registry_get_blob(struct registry *r, const char *digest, int64_t size,
		      int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg,
		      const struct registry_progress *progress, struct err *e);
/* The same, after what an earlier pull left in `kept`; what comes now is added to it. It is dropped if its bytes may be wrong. */
struct partial;
int registry_resume_blob(struct registry *r, const char *digest, int64_t size, struct partial *kept,
			 int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg,
			 const struct registry_progress *progress, struct err *e);
/* Into memory (free(); NUL-terminated), `limit` bytes at most. */
int registry_get_blob_data(struct registry *r, const char *digest, size_t limit, char **ret, size_t *ret_len, struct err *e);
/* 1: there (ret_size may be NULL; -1 if unknown), 0: not there, -1. */
int registry_blob_exists(struct registry *r, const char *digest, int64_t *ret_size, struct err *e);
/* 1: mounted from another repository of the same registry, 0: the registry wants an upload, -1. */
int registry_mount_blob(struct registry *r, const char *digest, const char *from_repository, struct err *e);

/* Upload of a blob whose bytes come bit by bit, of any length; REGISTRY_CHUNK bytes are held in memory. */
int registry_upload_begin(struct registry *r, struct registry_upload **ret, struct err *e);
int registry_upload_write(struct registry_upload *u, const void *data, size_t len, struct err *e);
/* Sends what is still held. */
int registry_upload_flush(struct registry_upload *u, struct err *e);
/* Ends and frees the upload, whatever the result. `expected` (NULL: any) is compared with the digest before the registry keeps the blob. Outputs may be NULL. */
int registry_upload_commit(struct registry_upload *u, const char *expected, char ret_digest[DIGEST_SIZE], int64_t *ret_size, struct err *e);
/* Gives it up and frees it; NULL is fine. */
void registry_upload_abort(struct registry_upload *u);

/* Whole blobs; nothing is sent if the blob is there. */
int registry_put_blob(struct registry *r, const void *data, size_t len, char ret_digest[DIGEST_SIZE], struct err *e);
/* From a seekable file's beginning to its end; digest must be the file's. */
int registry_put_blob_fd(struct registry *r, int fd, const char *digest, const struct registry_progress *progress, struct err *e);
/* From a reader: bytes read, 0 at the end, -1 with e set. */
int registry_put_blob_stream(struct registry *r, ssize_t (*read)(void *arg, void *data, size_t cap, struct err *e), void *arg,
			     char ret_digest[DIGEST_SIZE], int64_t *ret_size, struct err *e);

#endif
