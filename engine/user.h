/*
 * user.h - the identity of a user: opaque bytes from a session, the same in messages, in the
 * journal, in snapshots and in the database. All zeros: no user.
 */
#ifndef PX_ENGINE_USER_H
#define PX_ENGINE_USER_H

#define USER_BYTES 16

#endif
