/*
 * user.h - who somebody is: so many opaque bytes, out of a session, the same in messages, in the
 * journal, in snapshots and in the database. All zeros are nobody.
 */
#ifndef PX_ENGINE_USER_H
#define PX_ENGINE_USER_H

#define USER_BYTES 16

#endif
