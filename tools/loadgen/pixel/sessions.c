/*
 * sessions.c - tokens of the painters.
 *
 * The server's answer is JSON; only the string after "token" is needed, whose alphabet has no
 * escapes, so it is extracted rather than parsed.
 */
#include "tools/loadgen/pixel/sessions.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/fetch/http_fetch.h"

#define VALID_S 86400

int sessions_mint(const uint8_t *secret, size_t secret_len, uint64_t now_s,
		  struct session_token *tokens, uint32_t count)
{
	struct session_key *key;
	int r = session_key_new(secret, secret_len, &key);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < count && r == 0; i++) {
		uint8_t user[USER_BYTES];

		session_random_user(user);
		if (session_mint(key, user, now_s, now_s + VALID_S, tokens[i].chars) == 0)
			r = -ENOMEM;
	}
	session_key_free(key);
	return r;
}

static int token_split(const struct http_answer *a, struct session_token *ret_token)
{
	static const char name[] = "\"token\"";
	const char *at = a->body == NULL ? NULL : strstr((const char *)a->body, name);
	size_t len;

	if (at == NULL)
		return -EBADMSG;
	at += strlen(name);
	at += strspn(at, " \t\r\n:");
	if (*at++ != '"')
		return -EBADMSG;
	len = strcspn(at, "\"\\");
	if (at[len] != '"' || len == 0 || len >= sizeof(ret_token->chars))
		return -EBADMSG;
	memcpy(ret_token->chars, at, len);
	ret_token->chars[len] = '\0';
	return 0;
}

static int one_fetch(struct http_fetch *f, struct http_answer *a, struct session_token *ret_token)
{
	int r = http_fetch_call(f, "POST", "/session", a);

	if (r < 0)
		return r;
	r = -EACCES;
	if (a->status == 200 || a->status == 201)
		r = token_split(a, ret_token);
	else if (a->status == 429)
		r = -EAGAIN;
	free(a->body);
	return r;
}

/* Servers limit the requests of a connection: one that is told to wait gives way to a new one. */
static int one_fetch_anyhow(const struct target *target, struct http_fetch **f,
			    struct http_answer *a, struct session_token *ret_token)
{
	int r = *f == NULL ? -EAGAIN : one_fetch(*f, a, ret_token);

	if (r != -EAGAIN)
		return r;
	http_fetch_close(*f);
	*f = NULL;
	r = http_fetch_open(target, f);
	if (r == 0)
		r = one_fetch(*f, a, ret_token);
	return r == -EAGAIN ? -EACCES : r;
}

int sessions_fetch(const struct target *target, struct session_token *tokens, uint32_t count)
{
	struct http_answer *a = malloc(sizeof(*a));
	struct http_fetch *f = NULL;
	int r = a == NULL ? -ENOMEM : 0;

	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = one_fetch_anyhow(target, &f, a, &tokens[i]);
	http_fetch_close(f);
	free(a);
	return r;
}
