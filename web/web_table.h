/*
 * web_table.h - what web/embed.py writes and web_asset.c reads; nobody else includes it.
 */
#ifndef PX_WEB_TABLE_H
#define PX_WEB_TABLE_H

#include "web/web_asset.h"

extern const struct web_asset web_table[]; /* sorted by path, byte by byte */
extern const size_t web_table_count;

#endif
