/*
 * cache_line.h - the unit in which cores exchange memory: keep what two threads write further apart
 * than this, and what is read together within one.
 */
#ifndef PX_ENGINE_BASE_CACHE_LINE_H
#define PX_ENGINE_BASE_CACHE_LINE_H

#define CACHE_LINE 64

#endif
