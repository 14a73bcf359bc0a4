/*
 * tls.h - the client's side of TLS, as bytes: no socket, no thread of its own.
 *
 * tls.c is the only file that uses OpenSSL's TLS. The trust is made once and read by all
 * threads; a connection belongs to its thread. Network bytes go in through tls_feed() and come out
 * through tls_take(); plain bytes go in through tls_write() and come out through tls_read().
 */
#ifndef PX_TLS_TLS_H
#define PX_TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_trust;
struct tls;

/* Certificates must be for `host` (a name or an address) and signed by a CA in ca_file (PEM; NULL:
 * by one that the system trusts). insecure: accepts any certificate. -EINVAL with a sentence in
 * *ret_why (static). */
int tls_trust_new(const char *host, const char *ca_file, bool insecure,
		  struct tls_trust **ret_trust, const char **ret_why);
void tls_trust_free(struct tls_trust *trust); /* NULL is allowed; after the last connection */

int tls_new(const struct tls_trust *trust, struct tls **ret_tls); /* -ENOMEM */
void tls_free(struct tls *t);                                     /* NULL is allowed */

/* Continues the handshake. 1: it is complete; 0: waiting for the server; -EPROTO: see tls_why(). */
int tls_shake(struct tls *t);

int tls_feed(struct tls *t, const uint8_t *bytes, size_t len); /* consumes everything; -ENOMEM */

/* Plain bytes received, at most `room`. 0: none for now; -EPROTO: see tls_why(). */
int tls_read(struct tls *t, uint8_t *out, size_t room);

/* Consumes everything. Only after the handshake. -EPROTO. */
int tls_write(struct tls *t, const uint8_t *bytes, size_t len);

/* Moves out bytes for the network, at most `room`, and returns their number. */
size_t tls_take(struct tls *t, uint8_t *out, size_t room);

/* Bytes that tls_take() has not moved out yet. */
size_t tls_waiting(const struct tls *t);

/* What went wrong, for people; valid until the next call. */
const char *tls_why(const struct tls *t);

#endif
