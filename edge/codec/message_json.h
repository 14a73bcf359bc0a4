/*
 * message_json.h - the JSON half of message.h; only for message*.c.
 *
 * Texts are written without WebSocket head and without terminator. Any thread.
 */
#ifndef PX_CODEC_MESSAGE_JSON_H
#define PX_CODEC_MESSAGE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "edge/codec/message.h"

#define JSON_BOARD_HEAD_BYTES_MAX 80 /* besides the face */
#define JSON_DELTA_HEAD_BYTES_MAX 128
#define JSON_DELTA_CELL_BYTES_MAX 18 /* "[65535,65535,255]," */

/* As message_decode_client(). */
int json_decode_client(const uint8_t *in, size_t len, char *scratch, struct message *ret_message);

/* Writes a message of the server (not MSG_DELTA, MSG_BOARD) and returns its length: at most
 * MESSAGE_OUT_BYTES_MAX together with the frame head that the caller puts before it. */
size_t json_encode_server(const struct message *message, uint8_t *out);

/* Writes a board; at most JSON_BOARD_HEAD_BYTES_MAX and the bytes of its face. */
size_t json_encode_board(const struct msg_board *board, uint8_t *out);

/* Writes a delta; at most JSON_DELTA_HEAD_BYTES_MAX plus JSON_DELTA_CELL_BYTES_MAX per cell. */
size_t json_encode_delta(const struct msg_delta *delta, uint32_t width,
			 const struct delta_cell *cells, uint8_t *out);

#endif
