/*
 * GET /.agent/connect?run=: an agent dials in, on the agents' listener alone.
 * It proves that it holds its container's token and the nonce of this very
 * invocation. The first one to come claims the run for the session secret that
 * it drew; the same pair is let in again at every redial, and nobody else.
 * Whoever is refused with 401, 403, 404, 409 or 410 ends for good, so trouble
 * with the store is 500 or 503. The connection goes on to the gateway.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/ids.h"

#define SECRET_HEX 64
#define RUN_HEX 32
#define TOKEN_MAX 256

struct claim {
	char run[RUN_HEX + 1];
	char session[SECRET_HEX + 1];
	char proof[SECRET_HEX + 1];
	char session_hash[SECRET_HEX + 1];
};

struct run_row {
	char phase[16], nonce[128], session_hash[SECRET_HEX + 1], token[TOKEN_MAX], container_state[16];
};

static bool is_hex(const char *text, size_t len)
{
	return strlen(text) == len && hex_is(text, len);
}

/* Authorization: Sockerless session=<64 hex>, proof=<64 hex> */
static bool parse_authorization(const char *text, struct claim *c)
{
	int end = 0;

	if (!text || sscanf(text, "Sockerless session=%64[0-9a-f], proof=%64[0-9a-f]%n", c->session, c->proof, &end) != 2)
		return false;
	return end > 0 && !text[end] && is_hex(c->session, SECRET_HEX) && is_hex(c->proof, SECRET_HEX);
}

static void hash_session(struct claim *c)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)c->session, SECRET_HEX, digest);
	hex_encode(c->session_hash, digest, sizeof digest);
}

static bool proves(const struct claim *c, const struct run_row *r)
{
	unsigned char expected[SHA256_DIGEST_LENGTH], given[SHA256_DIGEST_LENGTH];
	char text[sizeof r->nonce + SECRET_HEX + 2];
	unsigned int len = 0;

	snprintf(text, sizeof text, "%s:%s", r->nonce, c->session);
	if (!r->token[0] || !r->nonce[0] || !hex_decode(given, sizeof given, c->proof) ||
	    !HMAC(EVP_sha256(), r->token, (int)strlen(r->token), (const unsigned char *)text, strlen(text), expected, &len))
		return false;
	return len == sizeof given && CRYPTO_memcmp(expected, given, sizeof given) == 0;
}

static int read_run(struct request *req, const char *id, struct run_row *ret, struct err *e)
{
	struct store *s = req->store;
	int rc = store_row(s, QUERY_AGENT_RUN, e, "t", id);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "no such run");
	if (rc < 0)
		return -1;
	snprintf(ret->phase, sizeof ret->phase, "%s", store_text(s, QUERY_AGENT_RUN, 0));
	snprintf(ret->nonce, sizeof ret->nonce, "%s", store_text(s, QUERY_AGENT_RUN, 1));
	snprintf(ret->session_hash, sizeof ret->session_hash, "%s", store_text(s, QUERY_AGENT_RUN, 2));
	snprintf(ret->token, sizeof ret->token, "%s", store_text(s, QUERY_AGENT_RUN, 3));
	snprintf(ret->container_state, sizeof ret->container_state, "%s", store_text(s, QUERY_AGENT_RUN, 4));
	store_reset(s, QUERY_AGENT_RUN);
	return 0;
}

/* Within a transaction. 410 has no error kind of its own: *ret_gone. */
static int let_in(struct request *req, const struct claim *c, bool *ret_gone, struct err *e)
{
	struct run_row r;
	int claimed;

	if (read_run(req, c->run, &r, e) < 0)
		return -1;
	if (!proves(c, &r))
		return err_set(e, ERR_FORBIDDEN, "the proof is wrong");
	if (strcmp(r.phase, "ended") == 0 || strcmp(r.container_state, "removing") == 0) {
		*ret_gone = true;
		return 0;
	}
	if (r.session_hash[0])
		return strcmp(r.session_hash, c->session_hash) == 0 ? 0 : err_set(e, ERR_CONFLICT, "another agent holds this run");
	claimed = store_run(req->store, QUERY_AGENT_CLAIM, e, "tt", c->session_hash, c->run);
	if (claimed == 0)
		return err_set(e, ERR_CONFLICT, "this run isn't to be claimed");
	return claimed < 0 ? -1 : 0;
}

int route_agent_connect(struct request *req, struct err *e)
{
	const char *run = request_query(req, "run", "");
	struct claim c = { .run = "" };
	char path[64];
	bool gone = false;

	if (!is_hex(run, RUN_HEX))
		return err_set(e, ERR_NOT_FOUND, "no such run");
	if (!parse_authorization(request_header(req, "Authorization"), &c))
		return err_set(e, ERR_UNAUTHORIZED, "the Authorization header is missing or malformed");
	snprintf(c.run, sizeof c.run, "%s", run);
	hash_session(&c);
	if (store_begin(req->store, e) < 0)
		return -1;
	if (let_in(req, &c, &gone, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	if (store_commit(req->store, e) < 0)
		return -1;
	if (gone)
		return reply_message(req, 410, "this run has ended");
	snprintf(path, sizeof path, "/.gateway/agent/%s", c.run);
	return reply_handover(req, path, NULL);
}
