/*
 * test_tls.c - the client's side of TLS, as bytes, against a server of OpenSSL's own.
 *
 * One thread, no socket: what one end gives is fed to the other, in pieces. The certificate is made
 * anew for each run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "edge/tls/tls.h"
#include "tests/prng.h"
#include "tests/temp_dir.h"

#define HOST       "pixel.test"
#define LONG_BYTES 50000 /* several records */

struct server {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out;
};

struct scene {
	char dir[TEMP_DIR_BYTES];
	char ca_file[TEMP_DIR_BYTES + 16];
	struct server server;
	struct tls_trust *trust;
	struct tls *client;
	uint64_t dice;
};

static X509 *certificate_make(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509_EXTENSION *alt =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:" HOST ",IP:127.0.0.1");

	(void)X509_set_version(x, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -60);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	(void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)HOST, -1, -1,
					 0);
	(void)X509_set_issuer_name(x, name);
	(void)X509_set_pubkey(x, key);
	(void)X509_add_ext(x, alt, -1);
	X509_EXTENSION_free(alt);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

static void server_make(struct scene *s)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = certificate_make(key);
	FILE *file = fopen(s->ca_file, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	assert_int_equal(fclose(file), 0);
	s->server.context = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(s->server.context, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(s->server.context, key), 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
	s->server.ssl = SSL_new(s->server.context);
	s->server.in = BIO_new(BIO_s_mem());
	s->server.out = BIO_new(BIO_s_mem());
	SSL_set_bio(s->server.ssl, s->server.in, s->server.out);
	SSL_set_accept_state(s->server.ssl);
}

static void client_make(struct scene *s, const char *host, bool trusting, bool insecure)
{
	const char *why = NULL;

	assert_int_equal(
		tls_trust_new(host, trusting ? s->ca_file : NULL, insecure, &s->trust, &why), 0);
	assert_int_equal(tls_new(s->trust, &s->client), 0);
}

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	*state = s;
	s->dice = prng_start("test_tls");
	if (temp_dir_make(s->dir, "tls") < 0)
		return -1;
	snprintf(s->ca_file, sizeof(s->ca_file), "%s/ca.pem", s->dir);
	server_make(s);
	return 0;
}

static int end(void **state)
{
	struct scene *s = *state;
	int rc = temp_dir_remove(s->dir);

	tls_free(s->client);
	tls_trust_free(s->trust);
	SSL_free(s->server.ssl);
	SSL_CTX_free(s->server.context);
	free(s);
	return rc;
}

/* Hands on what each end has for the other, a few bytes at a time. -errno of a feed. */
static int carry(struct scene *s)
{
	uint8_t piece[600];
	size_t room = 1 + prng_below(&s->dice, sizeof(piece));
	size_t len = tls_take(s->client, piece, room);
	int back;

	if (len > 0)
		assert_int_equal(BIO_write(s->server.in, piece, (int)len), len);
	back = BIO_read(s->server.out, piece, (int)room);
	return back > 0 ? tls_feed(s->client, piece, (size_t)back) : 0;
}

static bool is_quiet(const struct scene *s)
{
	return tls_waiting(s->client) == 0 && BIO_ctrl_pending(s->server.out) == 0;
}

/* 1, or what the client's handshake came to. */
static int shake_both(struct scene *s)
{
	int r = tls_shake(s->client);

	while (r == 0 || (r > 0 && !SSL_is_init_finished(s->server.ssl))) {
		assert_int_equal(carry(s), 0);
		(void)SSL_do_handshake(s->server.ssl);
		if (r == 0)
			r = tls_shake(s->client);
	}
	return r;
}

static void what_one_end_writes_the_other_reads(void **state)
{
	struct scene *s = *state;
	static uint8_t bytes[LONG_BYTES], got[LONG_BYTES];
	size_t len = 0;
	int n;

	client_make(s, HOST, true, false);
	assert_int_equal(shake_both(s), 1);
	for (size_t i = 0; i < LONG_BYTES; i++)
		bytes[i] = (uint8_t)prng_next(&s->dice);

	assert_int_equal(tls_write(s->client, bytes, LONG_BYTES), 0);
	while (len < LONG_BYTES) {
		assert_int_equal(carry(s), 0);
		n = SSL_read(s->server.ssl, got + len, (int)(LONG_BYTES - len));
		len += n > 0 ? (size_t)n : 0;
	}
	assert_memory_equal(got, bytes, LONG_BYTES);

	memset(got, 0, sizeof(got));
	assert_int_equal(SSL_write(s->server.ssl, bytes, LONG_BYTES), LONG_BYTES);
	for (len = 0; len < LONG_BYTES; len += (size_t)n) {
		assert_int_equal(carry(s), 0);
		n = tls_read(s->client, got + len, LONG_BYTES - len);
		assert_true(n >= 0); /* part of a record is none yet */
	}
	assert_memory_equal(got, bytes, LONG_BYTES);
	assert_true(is_quiet(s));
	assert_int_equal(tls_read(s->client, got, 1), 0);
}

static void certificate_of_the_address_is_taken(void **state)
{
	struct scene *s = *state;

	client_make(s, "127.0.0.1", true, false);
	assert_int_equal(shake_both(s), 1);
}

static void certificate_of_another_name_is_refused(void **state)
{
	struct scene *s = *state;

	client_make(s, "other.test", true, false);
	assert_int_equal(shake_both(s), -EPROTO);
	assert_non_null(strcasestr(tls_why(s->client), "hostname mismatch"));
}

static void certificate_that_nobody_trusts_is_refused(void **state)
{
	struct scene *s = *state;

	client_make(s, HOST, false, false);
	assert_int_equal(shake_both(s), -EPROTO);
	assert_non_null(strstr(tls_why(s->client), "self-signed"));
}

static void insecure_takes_any_certificate(void **state)
{
	struct scene *s = *state;

	client_make(s, "other.test", false, true);
	assert_int_equal(shake_both(s), 1);
}

static void file_without_certificates_is_told(void **state)
{
	struct scene *s = *state;
	const char *why = NULL;

	assert_int_equal(tls_trust_new(HOST, "/dev/null", false, &s->trust, &why), -EINVAL);
	assert_non_null(strstr(why, "PEM"));
}

static void changed_byte_ends_it(void **state)
{
	struct scene *s = *state;
	uint8_t record[256];
	int len;

	client_make(s, HOST, true, false);
	assert_int_equal(shake_both(s), 1);
	while (!is_quiet(s))
		assert_int_equal(carry(s), 0);
	assert_int_equal(tls_read(s->client, record, sizeof(record)), 0); /* tickets */
	assert_int_equal(SSL_write(s->server.ssl, "placed", 6), 6);
	len = BIO_read(s->server.out, record, sizeof(record));
	record[len - 1] ^= 1;
	assert_int_equal(tls_feed(s->client, record, (size_t)len), 0);
	assert_int_equal(tls_read(s->client, record, sizeof(record)), -EPROTO);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(what_one_end_writes_the_other_reads),
		SCENE_TEST(certificate_of_the_address_is_taken),
		SCENE_TEST(certificate_of_another_name_is_refused),
		SCENE_TEST(certificate_that_nobody_trusts_is_refused),
		SCENE_TEST(insecure_takes_any_certificate),
		SCENE_TEST(file_without_certificates_is_told),
		SCENE_TEST(changed_byte_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
