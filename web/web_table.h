/*
 * web_table.h - written by web/embed.py, read by web_asset.c; included by no other file.
 */
#ifndef PX_WEB_TABLE_H
#define PX_WEB_TABLE_H

#include "web/web_asset.h"

extern const struct web_asset web_table[]; /* sorted by path, bytewise */
extern const size_t web_table_count;

#endif
