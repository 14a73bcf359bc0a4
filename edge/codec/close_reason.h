/* close_reason.h - why a connection ended (close_reason.def). Pure, any thread. */
#ifndef PX_CODEC_CLOSE_REASON_H
#define PX_CODEC_CLOSE_REASON_H

#define CLOSE_TEXT_BYTES_MAX 64

enum close_reason {
	CLOSE_NONE = 0,
#define REASON(symbol, code, name, text) CLOSE_##symbol,
#include "edge/codec/close_reason.def"
#undef REASON
	CLOSE_REASONS
};

unsigned close_reason_code(enum close_reason why); /* of the close frame; 0: no frame is sent */
const char *close_reason_str(enum close_reason why);
const char *close_reason_text(enum close_reason why);       /* at most CLOSE_TEXT_BYTES_MAX */
enum close_reason close_reason_of_frame(unsigned bad_code); /* for the parser's bad_code */

#endif
