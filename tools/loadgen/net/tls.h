/*
 * tls.h - the client's side of TLS, as bytes: no socket, no thread of its own.
 *
 * The only view of OpenSSL's TLS. What is trusted is made once and read by all threads; a
 * connection belongs to its thread. Bytes of the network go in with tls_feed() and come out with
 * tls_take(); plain ones go in with tls_write() and come out with tls_read().
 */
#ifndef PX_LOADGEN_TLS_H
#define PX_LOADGEN_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_trust;
struct tls;

/* Certificates must be of `host` (a name or an address) and signed by one in ca_file (PEM; NULL: by
 * one that the system trusts). insecure: any will do. -EINVAL and a sentence in *ret_why (static).
 * */
int tls_trust_new(const char *host, const char *ca_file, bool insecure,
		  struct tls_trust **ret_trust, const char **ret_why);
void tls_trust_free(struct tls_trust *trust); /* NULL is fine; after the last connection */

int tls_new(const struct tls_trust *trust, struct tls **ret_tls); /* -ENOMEM */
void tls_free(struct tls *t);                                     /* NULL is fine */

/* Goes on with the handshake. 1: it is complete; 0: it waits for the server; -EPROTO: tls_why(). */
int tls_shake(struct tls *t);

int tls_feed(struct tls *t, const uint8_t *bytes, size_t len); /* takes all; -ENOMEM */

/* Plain bytes that came, at most `room`. 0: none for now; -EPROTO: tls_why(). */
int tls_read(struct tls *t, uint8_t *out, size_t room);

/* Takes all. Only when the handshake is complete. -EPROTO. */
int tls_write(struct tls *t, const uint8_t *bytes, size_t len);

/* Moves out what has to go to the network, at most `room` bytes. */
size_t tls_take(struct tls *t, uint8_t *out, size_t room);

/* Bytes that tls_take() has not moved out yet. */
size_t tls_waiting(const struct tls *t);

/* What went wrong, for people; valid until the next call. */
const char *tls_why(const struct tls *t);

#endif
