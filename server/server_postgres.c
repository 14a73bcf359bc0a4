/* server_postgres.c - the receiver for PostgreSQL, if one is configured. */
#include "persist/postgres/postgres.h"

#include "server/server_priv.h"

static int make(const struct server_helper *h, struct receiver_config *config)
{
	const struct settings *settings = h->server->settings;
	const struct postgres_config postgres = {
		.dsn = settings->postgres,
		.timeout_ms = (uint32_t)settings->postgres_timeout_ms,
		.partition_days = (uint32_t)settings->postgres_partition_days,
		.migrate = settings->postgres_migrate,
		.abort = &h->abort,
	};
	struct postgres *self;
	int rc;

	if (settings->postgres[0] == '\0')
		return 0;
	rc = postgres_new(&postgres, &self);
	if (rc < 0)
		return rc;
	config->self = self;
	config->batch_records = (uint32_t)settings->postgres_batch_rows;
	config->gentle_per_second = settings->postgres_catchup_per_second;
	config->batch_bytes = settings->postgres_batch_bytes;
	config->batch_age_ns = settings->postgres_batch_age_ms * NS_PER_MS;
	return 0;
}

static void gone(void *self)
{
	postgres_free(self);
}

const struct receiver_kind server_postgres = {
	.ops = &postgres_ops,
	.make = make,
	.free = gone,
};
