/*
 * postgres_schema.c - see postgres_schema.h, and docs/reference/postgres.md for people.
 *
 * The columns of placements are ordered by size, so that a row has no padding. Its indexes cost as
 * much as the rows: the key (a repeated seq in one partition is an error, and ranges of seq are
 * found), the pixel (its history), and the time (a few pages per partition).
 */
#include "persist/postgres/postgres_schema.h"

#define PLACEMENTS                                                                                 \
	"CREATE TABLE pixeld.placements ("                                                         \
	" seq bigint NOT NULL,"                                                                    \
	" placed_at timestamptz NOT NULL,"                                                         \
	" request bigint NOT NULL,"                                                                \
	" user_id uuid NOT NULL,"                                                                  \
	" epoch integer NOT NULL,"                                                                 \
	" x integer NOT NULL,"                                                                     \
	" y integer NOT NULL,"                                                                     \
	" board smallint NOT NULL,"                                                                \
	" color smallint NOT NULL,"                                                                \
	" PRIMARY KEY (board, epoch, seq, placed_at)"                                              \
	") PARTITION BY RANGE (placed_at);"                                                        \
	"CREATE INDEX placements_pixel ON pixeld.placements (board, x, y);"                        \
	"CREATE INDEX placements_placed_at ON pixeld.placements USING brin (placed_at)"            \
	" WITH (pages_per_range = 32);"                                                            \
	"COMMENT ON TABLE pixeld.placements IS 'Every placement that was acknowledged, once. "     \
	"A partition for each day (UTC), made by the server.';"                                    \
	"COMMENT ON COLUMN pixeld.placements.seq IS 'The order on its board, without gaps inside " \
	"an epoch; never used again in another.';"                                                 \
	"COMMENT ON COLUMN pixeld.placements.placed_at IS 'When the server took it, by its "       \
	"clock, to the millisecond.';"                                                             \
	"COMMENT ON COLUMN pixeld.placements.request IS 'The client''s own number for it (64 "     \
	"bits, above 2^63 negative).';"                                                            \
	"COMMENT ON COLUMN pixeld.placements.user_id IS 'Who: the 16 bytes of the session.';"      \
	"COMMENT ON COLUMN pixeld.placements.epoch IS 'The part of the board''s history that seq " \
	"belongs to.';"                                                                            \
	"COMMENT ON COLUMN pixeld.placements.x IS 'Column, from 0 at the left.';"                  \
	"COMMENT ON COLUMN pixeld.placements.y IS 'Row, from 0 at the top.';"                      \
	"COMMENT ON COLUMN pixeld.placements.board IS 'Number of the board: pixeld.boards.';"      \
	"COMMENT ON COLUMN pixeld.placements.color IS 'Number of the color: pixeld.palette.';"

#define BOARDS                                                                                     \
	"CREATE TABLE pixeld.boards ("                                                             \
	" board smallint PRIMARY KEY,"                                                             \
	" bits smallint NOT NULL,"                                                                 \
	" width integer NOT NULL,"                                                                 \
	" height integer NOT NULL,"                                                                \
	" name text NOT NULL);"                                                                    \
	"COMMENT ON TABLE pixeld.boards IS 'The boards; written when the server connects.';"       \
	"COMMENT ON COLUMN pixeld.boards.board IS 'Its number, for ever.';"                        \
	"COMMENT ON COLUMN pixeld.boards.bits IS 'Bits per pixel: 1, 2, 4 or 8.';"                 \
	"COMMENT ON COLUMN pixeld.boards.width IS 'Pixels.';"                                      \
	"COMMENT ON COLUMN pixeld.boards.height IS 'Pixels.';"                                     \
	"COMMENT ON COLUMN pixeld.boards.name IS 'As in /boards/{name}.';"                         \
	"CREATE TABLE pixeld.palette ("                                                            \
	" board smallint NOT NULL,"                                                                \
	" color smallint NOT NULL,"                                                                \
	" rgb text NOT NULL,"                                                                      \
	" PRIMARY KEY (board, color));"                                                            \
	"COMMENT ON TABLE pixeld.palette IS 'The colors as the server shows them now; written "    \
	"when it connects.';"                                                                      \
	"COMMENT ON COLUMN pixeld.palette.board IS 'Number of the board.';"                        \
	"COMMENT ON COLUMN pixeld.palette.color IS 'Number of the color, from 0.';"                \
	"COMMENT ON COLUMN pixeld.palette.rgb IS 'As in #FF4500.';"

#define LEDGER                                                                                     \
	"CREATE TABLE pixeld.ledger ("                                                             \
	" one boolean PRIMARY KEY DEFAULT true CHECK (one),"                                       \
	" journal_id bigint NOT NULL,"                                                             \
	" first_lsn bigint NOT NULL,"                                                              \
	" lsn bigint NOT NULL,"                                                                    \
	" chain bigint NOT NULL,"                                                                  \
	" placements bigint NOT NULL,"                                                             \
	" moved_at timestamptz NOT NULL);"                                                         \
	"COMMENT ON TABLE pixeld.ledger IS 'One row: how far the journal is in this database. "    \
	"It moves in the transaction that brings the placements.';"                                \
	"COMMENT ON COLUMN pixeld.ledger.one IS 'Keeps it at one row.';"                           \
	"COMMENT ON COLUMN pixeld.ledger.journal_id IS 'Whose: another journal is refused.';"      \
	"COMMENT ON COLUMN pixeld.ledger.first_lsn IS 'The first record that is here.';"           \
	"COMMENT ON COLUMN pixeld.ledger.lsn IS 'All records up to this one are here.';"           \
	"COMMENT ON COLUMN pixeld.ledger.chain IS 'Fingerprint of the journal up to lsn; "         \
	"0: not known.';"                                                                          \
	"COMMENT ON COLUMN pixeld.ledger.placements IS 'How many placements those records "        \
	"brought: the rows of pixeld.placements while nobody removes any.';"                       \
	"COMMENT ON COLUMN pixeld.ledger.moved_at IS 'When it moved last.';"

/* As in the data set of 2022: timestamp,user_id,pixel_color,coordinate. Base64 of 64 bytes would
 * come in two lines. */
#define VIEWS                                                                                      \
	"CREATE VIEW pixeld.reddit AS SELECT"                                                      \
	" to_char(p.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') || ' UTC'"           \
	" AS \"timestamp\","                                                                       \
	" replace(encode(sha512(uuid_send(p.user_id)), 'base64'), chr(10), '') AS user_id,"        \
	" c.rgb AS pixel_color,"                                                                   \
	" p.x || ',' || p.y AS coordinate,"                                                        \
	" p.board, p.epoch, p.seq"                                                                 \
	" FROM pixeld.placements p LEFT JOIN pixeld.palette c USING (board, color);"               \
	"COMMENT ON VIEW pixeld.reddit IS 'The placements as Reddit published those of 2022: "     \
	"COPY (SELECT timestamp, user_id, pixel_color, coordinate FROM pixeld.reddit "             \
	"WHERE board = 0 ORDER BY seq) TO STDOUT (FORMAT csv, HEADER).';"                          \
	"COMMENT ON COLUMN pixeld.reddit.timestamp IS 'UTC, to the millisecond.';"                 \
	"COMMENT ON COLUMN pixeld.reddit.user_id IS 'A hash of the user, in base64.';"             \
	"COMMENT ON COLUMN pixeld.reddit.pixel_color IS 'As in #FF4500.';"                         \
	"COMMENT ON COLUMN pixeld.reddit.coordinate IS 'x,y';"                                     \
	"COMMENT ON COLUMN pixeld.reddit.board IS 'To choose by.';"                                \
	"COMMENT ON COLUMN pixeld.reddit.epoch IS 'To choose by.';"                                \
	"COMMENT ON COLUMN pixeld.reddit.seq IS 'To order by.';"                                   \
	"CREATE FUNCTION pixeld.board_at(board smallint, seq bigint)"                              \
	" RETURNS TABLE (x integer, y integer, color smallint)"                                    \
	" LANGUAGE sql STABLE AS $$"                                                               \
	" SELECT DISTINCT ON (p.x, p.y) p.x, p.y, p.color FROM pixeld.placements p"                \
	" WHERE p.board = $1 AND p.seq <= $2 ORDER BY p.x, p.y, p.seq DESC $$;"                    \
	"COMMENT ON FUNCTION pixeld.board_at(smallint, bigint) IS 'The pixels of a board as they " \
	"were at a seq; those that nobody had placed yet are left out: they have color 0.';"

const struct postgres_step postgres_steps[POSTGRES_SCHEMA_VERSION] = {
	{"placements, boards, ledger", PLACEMENTS BOARDS LEDGER VIEWS},
};
