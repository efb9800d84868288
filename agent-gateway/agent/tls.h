/* TLS towards the callback: the peer's certificate and name are always verified. */
#ifndef SOCKERLESS_AGENT_TLS_H
#define SOCKERLESS_AGENT_TLS_H

#include <openssl/ssl.h>

#include "lib/err.h"

/*
 * A client's SSL for `host` (a name or an address), owned by the caller. The
 * certificates come from ca_file, or where Linux distributions keep them if it is NULL.
 */
SSL *tls_client_new(const char *host, const char *ca_file, struct err *e);

/* The newest error in OpenSSL's queue, or the failed verification's. */
const char *tls_error_text(const SSL *ssl);

#endif
