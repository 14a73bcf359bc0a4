/*
 * session.c - signed tokens: base64url written here, HMAC-SHA256 and randomness from OpenSSL and
 * the kernel.
 *
 * A session_key is made once and then only read, by any thread: each call works on a copy of the
 * keyed HMAC state, which OpenSSL allocates for the duration of the call. Nothing is in flight.
 *
 * The signature covers the characters of the first part as they appear in the token. A token has
 * exactly one form: no padding, unused bits zero.
 */
#include "edge/codec/session.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"

#define BASE64URL_CHARS(bytes) (((bytes)*8 + 5) / 6) /* without padding */

#define TOKEN_VERSION 1
#define CLAIM_BYTES   (1 + USER_BYTES + 8 + 8)
#define CLAIM_CHARS   BASE64URL_CHARS(CLAIM_BYTES)
#define MAC_BYTES     32
#define MAC_CHARS     BASE64URL_CHARS(MAC_BYTES)
#define TOKEN_CHARS   (CLAIM_CHARS + 1 + MAC_CHARS)

_Static_assert(CLAIM_CHARS == 44, "docs/protocol.md, for sites that mint their own");
_Static_assert(TOKEN_CHARS < SESSION_TOKEN_CHARS_MAX, "with its NUL");

struct session_key {
	EVP_MAC *algorithm;
	EVP_MAC_CTX *keyed; /* never updated itself, only copied */
};

/* --- base64url -------------------------------------------------------------------------------- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t base64url_encode(const uint8_t *in, size_t len, char *out)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (held += 8; held >= 6; held -= 6)
			out[n++] = alphabet[bits >> (held - 6) & 63];
	}
	if (held > 0)
		out[n++] = alphabet[bits << (6 - held) & 63];
	px_assert(n == BASE64URL_CHARS(len));
	return n;
}

/* `len` characters into len * 6 / 8 bytes. false: another character, or a bit set that is none. */
static bool base64url_decode(const char *in, size_t len, uint8_t *out)
{
	uint32_t bits = 0;
	unsigned held = 0;

	px_assert(len % 4 != 1); /* no bytes have so many characters */
	for (size_t i = 0; i < len; i++) {
		const char *found = in[i] != 0 ? strchr(alphabet, in[i]) : NULL;

		if (found == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(found - alphabet);
		held += 6;
		if (held >= 8) {
			held -= 8;
			*out++ = (uint8_t)(bits >> held);
		}
	}
	return (bits & ((1u << held) - 1)) == 0;
}

/* --- the key ---------------------------------------------------------------------------------- */

int session_key_new(const uint8_t *secret, size_t secret_len, struct session_key **ret_key)
{
	static char digest[] = "SHA256"; /* OSSL_PARAM wants it writable, nobody writes */
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	struct session_key *key;

	if (secret_len < SESSION_SECRET_BYTES_MIN || secret_len > SESSION_SECRET_BYTES_MAX)
		return -EINVAL;
	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return -ENOMEM;
	key->algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (key->algorithm != NULL)
		key->keyed = EVP_MAC_CTX_new(key->algorithm);
	if (key->keyed == NULL || EVP_MAC_init(key->keyed, secret, secret_len, params) != 1) {
		session_key_free(key);
		return -ENOMEM;
	}
	*ret_key = key;
	return 0;
}

void session_key_free(struct session_key *key)
{
	if (key == NULL)
		return;
	EVP_MAC_CTX_free(key->keyed);
	EVP_MAC_free(key->algorithm);
	free(key);
}

/* False: no memory. */
static bool sign(const struct session_key *key, const char *text, size_t len,
		 uint8_t mac[static MAC_BYTES])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(key->keyed);
	size_t mac_len = 0;
	bool is_signed = ctx != NULL && EVP_MAC_update(ctx, (const uint8_t *)text, len) == 1 &&
			 EVP_MAC_final(ctx, mac, &mac_len, MAC_BYTES) == 1 && mac_len == MAC_BYTES;

	EVP_MAC_CTX_free(ctx);
	return is_signed;
}

/* --- tokens ----------------------------------------------------------------------------------- */

size_t session_mint(const struct session_key *key, const uint8_t user[static USER_BYTES],
		    uint64_t issued_s, uint64_t expires_s, char out[static SESSION_TOKEN_CHARS_MAX])
{
	uint8_t claim[CLAIM_BYTES];
	uint8_t mac[MAC_BYTES];
	uint8_t *p = put_u8(claim, TOKEN_VERSION);

	p = put_bytes(p, user, USER_BYTES);
	p = put_u64(p, issued_s);
	p = put_u64(p, expires_s);
	px_assert(p == claim + CLAIM_BYTES);

	(void)base64url_encode(claim, sizeof(claim), out);
	if (!sign(key, out, CLAIM_CHARS, mac)) {
		out[0] = 0;
		return 0;
	}
	out[CLAIM_CHARS] = '.';
	(void)base64url_encode(mac, sizeof(mac), out + CLAIM_CHARS + 1);
	out[TOKEN_CHARS] = 0;
	return TOKEN_CHARS;
}

int session_verify(const struct session_key *key, const char *token, size_t len, uint64_t now_s,
		   uint8_t ret_user[static USER_BYTES], uint64_t *ret_expires_s)
{
	uint8_t claim[CLAIM_BYTES], given[MAC_BYTES], mac[MAC_BYTES];
	struct bytes b;
	const uint8_t *user;
	uint64_t expires_s;

	if (len != TOKEN_CHARS || token[CLAIM_CHARS] != '.' ||
	    !base64url_decode(token, CLAIM_CHARS, claim) ||
	    !base64url_decode(token + CLAIM_CHARS + 1, MAC_CHARS, given))
		return -EBADMSG;
	if (!sign(key, token, CLAIM_CHARS, mac))
		return -ENOMEM;
	if (CRYPTO_memcmp(mac, given, MAC_BYTES) != 0)
		return -EBADMSG;
	b = bytes_of(claim, sizeof(claim));
	if (get_u8(&b) != TOKEN_VERSION)
		return -EBADMSG;
	user = get_bytes(&b, USER_BYTES);
	(void)get_u64(&b); /* issued_s: for people who read tokens */
	expires_s = get_u64(&b);
	px_assert(!b.bad && bytes_left(&b) == 0);
	if (now_s >= expires_s)
		return -ETIMEDOUT;
	memcpy(ret_user, user, USER_BYTES);
	if (ret_expires_s != NULL)
		*ret_expires_s = expires_s;
	return 0;
}

void session_random_user(uint8_t ret_user[static USER_BYTES])
{
	ssize_t n;

	do
		n = getrandom(ret_user, USER_BYTES, 0);
	while (n < 0 && errno == EINTR);
	/* So few bytes never come in part. Nor is it refused: a start that may not call this ends
	 * where people.c makes its table. */
	px_assert(n == USER_BYTES);
}
