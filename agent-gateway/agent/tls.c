#include "agent-gateway/agent/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <unistd.h>

/* An image has one of these or none; the program itself has no place of its own. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",                /* Debian, Alpine, Arch */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, Amazon Linux */
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",                            /* SUSE */
	"/etc/ssl/cert.pem",
};

static int load_certificates(SSL_CTX *ctx, const char *ca_file, struct err *e)
{
	if (ca_file) {
		if (SSL_CTX_load_verify_file(ctx, ca_file) != 1)
			return err_set(e, ERR_INVALID, "no certificates could be read from %s", ca_file);
		return 0;
	}
	for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++)
		if (access(bundles[i], R_OK) == 0 && SSL_CTX_load_verify_file(ctx, bundles[i]) == 1)
			return 0;
	if (access("/etc/ssl/certs", R_OK | X_OK) == 0 && SSL_CTX_load_verify_dir(ctx, "/etc/ssl/certs") == 1)
		return 0;
	return err_set(e, ERR_INVALID, "the image has no CA certificates; set SOCKERLESS_AGENT_CA_FILE");
}

static int expect_host(SSL *ssl, const char *host)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

SSL *tls_client_new(const char *host, const char *ca_file, struct err *e)
{
	SSL_CTX *ctx;
	SSL *ssl = NULL;

	/* The image's openssl.cnf is the container's business. */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx) {
		err_set(e, ERR_INTERNAL, "no TLS context could be made");
		return NULL;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && load_certificates(ctx, ca_file, e) == 0) {
		ssl = SSL_new(ctx);
		if (!ssl || !expect_host(ssl, host)) {
			SSL_free(ssl);
			ssl = NULL;
			err_set(e, ERR_INTERNAL, "TLS for %s could not be prepared", host);
		}
	}
	SSL_CTX_free(ctx);
	return ssl;
}

const char *tls_error_text(const SSL *ssl)
{
	long verify = SSL_get_verify_result(ssl);
	const char *reason;

	if (verify != X509_V_OK)
		return X509_verify_cert_error_string(verify);
	reason = ERR_reason_error_string(ERR_peek_last_error());
	return reason ? reason : "TLS failed";
}
