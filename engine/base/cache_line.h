/*
 * cache_line.h - what one core takes from another at once: what two threads write lies further
 * apart, and what is looked at together lies in one.
 */
#ifndef PX_ENGINE_BASE_CACHE_LINE_H
#define PX_ENGINE_BASE_CACHE_LINE_H

#define CACHE_LINE 64

#endif
