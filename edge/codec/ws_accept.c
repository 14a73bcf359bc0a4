/*
 * ws_accept.c - the answer to a WebSocket key: SHA-1 and base64, both from OpenSSL.
 *
 * Pure, any thread; OpenSSL allocates a few hundred bytes for the time of the call, once per
 * handshake. Nothing is in flight here.
 */
#include "edge/codec/ws_frame.h"

#include <openssl/evp.h>
#include <string.h>

#define KEY_CHARS  24
#define SHA1_BYTES 20

_Static_assert(WS_ACCEPT_CHARS == (SHA1_BYTES + 2) / 3 * 4, "base64 of a SHA-1");

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool ws_accept_key(const char key[static 24], char out[static WS_ACCEPT_CHARS])
{
	char joined[KEY_CHARS + sizeof(guid) - 1];
	uint8_t digest[SHA1_BYTES];
	unsigned char text[WS_ACCEPT_CHARS + 1];
	unsigned digest_len = 0;

	memcpy(joined, key, KEY_CHARS);
	memcpy(joined + KEY_CHARS, guid, sizeof(guid) - 1);
	if (EVP_Digest(joined, sizeof(joined), digest, &digest_len, EVP_sha1(), NULL) != 1 ||
	    digest_len != SHA1_BYTES)
		return false;
	if (EVP_EncodeBlock(text, digest, SHA1_BYTES) != WS_ACCEPT_CHARS)
		return false;
	memcpy(out, text, WS_ACCEPT_CHARS);
	return true;
}
