/*
 * tls.c - TLS over two memory BIOs; see tls.h.
 *
 * Owner: struct tls_trust belongs to the main thread, which frees it after the last connection;
 * struct tls to the thread of its connection. Memory: OpenSSL's, some 30 KiB per connection; empty
 * buffers are released. Nothing is in flight here.
 */
#include "edge/tls/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"

struct tls_trust {
	SSL_CTX *context;
	char *host;
	bool is_name; /* host is no address */
};

struct tls {
	SSL *ssl;
	BIO *in, *out; /* the SSL's own */
};

static bool is_address(const char *host)
{
	uint8_t bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

int tls_trust_new(const char *host, const char *ca_file, bool insecure,
		  struct tls_trust **ret_trust, const char **ret_why)
{
	struct tls_trust *t = calloc(1, sizeof(*t));
	const char *why = "no memory";

	if (t != NULL)
		t->context = SSL_CTX_new(TLS_client_method());
	if (t == NULL || t->context == NULL)
		goto fail;
	t->host = strdup(host);
	t->is_name = !is_address(host);
	if (t->host == NULL)
		goto fail;
	SSL_CTX_set_verify(t->context, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(t->context, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_options(t->context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_OFF);
	why = "the certificates cannot be read from the file (PEM is expected)";
	if (ca_file != NULL && SSL_CTX_load_verify_locations(t->context, ca_file, NULL) != 1)
		goto fail;
	why = "the system's certificates cannot be read; name a file with --ca";
	if (ca_file == NULL && !insecure && SSL_CTX_set_default_verify_paths(t->context) != 1)
		goto fail;
	*ret_trust = t;
	return 0;
fail:
	tls_trust_free(t);
	*ret_why = why;
	return -EINVAL;
}

void tls_trust_free(struct tls_trust *trust)
{
	if (trust == NULL)
		return;
	SSL_CTX_free(trust->context);
	free(trust->host);
	free(trust);
}

/* Whose certificate is expected, and what the server is asked for. */
static bool host_set(SSL *ssl, const struct tls_trust *trust)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (!trust->is_name)
		return X509_VERIFY_PARAM_set1_ip_asc(param, trust->host) == 1;
	return SSL_set1_host(ssl, trust->host) == 1 &&
	       SSL_set_tlsext_host_name(ssl, trust->host) == 1;
}

int tls_new(const struct tls_trust *trust, struct tls **ret_tls)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->ssl = SSL_new(trust->context);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (t->ssl == NULL || t->in == NULL || t->out == NULL || !host_set(t->ssl, trust)) {
		BIO_free(t->in);
		BIO_free(t->out);
		SSL_free(t->ssl);
		free(t);
		return -ENOMEM;
	}
	SSL_set_bio(t->ssl, t->in, t->out); /* its from here on */
	SSL_set_connect_state(t->ssl);
	*ret_tls = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t);
}

/* What a call of OpenSSL that did not give a positive result means: 0 when it only waits. */
static int outcome(const struct tls *t, int r)
{
	int e = SSL_get_error(t->ssl, r);

	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_ZERO_RETURN)
		return 0;
	return -EPROTO;
}

int tls_shake(struct tls *t)
{
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(t->ssl);
	return r == 1 ? 1 : outcome(t, r);
}

int tls_feed(struct tls *t, const uint8_t *bytes, size_t len)
{
	px_assert(len <= INT_MAX);
	return BIO_write(t->in, bytes, (int)len) == (int)len ? 0 : -ENOMEM;
}

int tls_read(struct tls *t, uint8_t *out, size_t room)
{
	int r;

	px_assert(room <= INT_MAX);
	ERR_clear_error();
	r = SSL_read(t->ssl, out, (int)room);
	return r > 0 ? r : outcome(t, r);
}

int tls_write(struct tls *t, const uint8_t *bytes, size_t len)
{
	px_assert(len > 0 && len <= INT_MAX);
	ERR_clear_error();
	return SSL_write(t->ssl, bytes, (int)len) == (int)len ? 0 : -EPROTO; /* memory has room */
}

size_t tls_take(struct tls *t, uint8_t *out, size_t room)
{
	int r;

	px_assert(room <= INT_MAX);
	r = BIO_read(t->out, out, (int)room);
	return r > 0 ? (size_t)r : 0;
}

size_t tls_waiting(const struct tls *t)
{
	return BIO_ctrl_pending(t->out);
}

const char *tls_why(const struct tls *t)
{
	long verified = SSL_get_verify_result(t->ssl);
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	if (SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE && verified != X509_V_OK)
		return X509_verify_cert_error_string(verified);
	return why != NULL ? why : "the server ended it";
}
