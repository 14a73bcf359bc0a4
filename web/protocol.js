/**
 * protocol.js - the messages of pixeld.v1, as docs/protocol.md has them.
 *
 * Bytes in, objects out, and back: no socket, no state. Sequence numbers and request ids are BigInt,
 * because they have 64 bits. The protocol grows by fields at the end of a message: what stands behind
 * those that are known here is skipped, and what an older server leaves out is 0 (board: null).
 *
 * @typedef {{type: 'delta', board: number, first: bigint, last: bigint, count: number,
 *	payload: Uint8Array}} Delta
 * @typedef {{type: 'status', board: number, epoch: number, seq: bigint, online: number,
 *	timeMs: bigint}} Status
 * @typedef {{type: 'subscribed', board: number, epoch: number, seq: bigint, width: number,
 *	height: number, bits: number, resumed: boolean, frozen: boolean, cooldownMs: number,
 *	name: string, tag: number}} Subscribed
 * @typedef {{type: 'stale', board: number, epoch: number, seq: bigint, oldest: bigint}} Stale
 * @typedef {{type: 'placed', board: number, request: bigint, seq: bigint,
 *	cooldownMs: number}} Placed
 * @typedef {{type: 'refused', board: number, request: bigint, code: number,
 *	waitMs: number}} Refused
 * @typedef {{type: 'welcome', user: string}} Welcome
 * @typedef {{type: 'you', board: number, waitMs: number, lastRequest: bigint,
 *	lastSeq: bigint}} You
 * @typedef {{type: 'error', code: number, text: string, board: number|null, request: bigint,
 *	waitMs: number}} ServerError
 * @typedef {{name: string, rgb: string}} Color
 * @typedef {{name: string, width: number, height: number, bits: number, palette: Color[], frozen: boolean,
 *	tag: number, cooldown_ms: number}} Face tag: another one with another board or palette
 * @typedef {{type: 'board', board: number, version: number, face: Face}} BoardFace
 * @typedef {Delta|Status|Subscribed|Stale|Placed|Refused|Welcome|You|ServerError|BoardFace} Message
 */

export const SUBPROTOCOL = 'pixeld.v1';

/** Codes of refused and error that the page reacts to; the others only have a text. */
export const UNKNOWN_BOARD = 3;
export const COOLDOWN = 5;
export const TOO_FAST = 6;
export const OVERLOADED = 7;
export const NO_SESSION = 9;
export const FULL = 12;

/** The board of an error that is about none. */
const NO_BOARD = 0xffff;

const REFUSALS = [
	'This was refused.',
	'That is outside the board.',
	'The board has no such color.',
	'There is no such board.',
	'The board is frozen: nothing can be placed now.',
	'Your cooldown is not over yet.',
	'That was too fast. Slow down a little.',
	'The server is busy. Try again in a moment.',
	'You may not place here.',
	'Your session has ended.',
	'The server cannot save pixels now; nothing was placed.',
	'The server did not understand that.',
	'The server is full. Try again later.',
];
REFUSALS[24] = 'This request was used for another pixel before.';

/** @param {number} code @returns {string} a sentence for people */
export function refusalText(code) {
	return REFUSALS[code] ?? REFUSALS[0];
}

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/**
 * @param {number} type
 * @param {number} length of the fields behind the type
 */
function message(type, length) {
	const bytes = new Uint8Array(1 + length);
	bytes[0] = type;
	return { bytes, view: new DataView(bytes.buffer, 1) };
}

/**
 * @param {string} name of the board
 * @param {{epoch: number, seq: bigint}} [from] resume from this state of the board
 */
export function encodeSubscribe(name, from) {
	const text = utf8.encode(name);
	const { bytes, view } = message(0x01, 2 + text.length + (from ? 12 : 0));
	view.setUint8(0, from ? 1 : 0);
	view.setUint8(1, text.length);
	bytes.set(text, 3);
	if (from) {
		view.setUint32(2 + text.length, from.epoch, true);
		view.setBigUint64(6 + text.length, from.seq, true);
	}
	return bytes;
}

/** @param {number} board */
export function encodeUnsubscribe(board) {
	const { bytes, view } = message(0x02, 2);
	view.setUint16(0, board, true);
	return bytes;
}

/** @param {{board: number, x: number, y: number, color: number, request: bigint}} place */
export function encodePlace({ board, x, y, color, request }) {
	const { bytes, view } = message(0x03, 15);
	view.setUint16(0, board, true);
	view.setUint16(2, x, true);
	view.setUint16(4, y, true);
	view.setUint8(6, color);
	view.setBigUint64(7, request, true);
	return bytes;
}

/** @param {string} token */
export function encodeSession(token) {
	const text = utf8.encode(token);
	const { bytes } = message(0x04, text.length);
	bytes.set(text, 1);
	return bytes;
}

export function encodeAlive() {
	return message(0x05, 0).bytes;
}

/** Reads fields one after the other; past the end it throws, as DataView does. */
class Reader {
	/** @param {Uint8Array} bytes */
	constructor(bytes) {
		this.bytes = bytes;
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.at = 0;
	}
	u8() {
		return this.view.getUint8(this.at++);
	}
	u16() {
		this.at += 2;
		return this.view.getUint16(this.at - 2, true);
	}
	u32() {
		this.at += 4;
		return this.view.getUint32(this.at - 4, true);
	}
	u64() {
		this.at += 8;
		return this.view.getBigUint64(this.at - 8, true);
	}
	/** Whether the message ends here. */
	isDone() {
		return this.at === this.bytes.length;
	}
	/** LEB128: seven bits a byte, low bits first, at most 64 bits. */
	varint() {
		let value = 0n;
		for (let shift = 0n; shift < 70n; shift += 7n) {
			const byte = this.u8();
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80) {
				if (value >> 64n)
					break;
				return value;
			}
		}
		throw new RangeError('varint of more than 64 bits');
	}
	/** @param {number} [length] to the end of the message when left out */
	take(length = this.bytes.length - this.at) {
		if (this.at + length > this.bytes.length)
			throw new RangeError('message too short');
		this.at += length;
		return this.bytes.subarray(this.at - length, this.at);
	}
	/** @param {number} [length] */
	text(length) {
		return fromUtf8.decode(this.take(length));
	}
	/** The rest of the message. */
	json() {
		try {
			return JSON.parse(this.text());
		} catch {
			throw new RangeError('no JSON');
		}
	}
}

/** @type {Record<number, (r: Reader) => Message>} */
const READERS = {
	0x41: (r) => {
		const board = Number(r.varint());
		const first = r.varint();
		const last = first + r.varint();
		const count = Number(r.varint());
		return { type: 'delta', board, first, last, count, payload: r.take() };
	},
	0x42: (r) => ({
		type: 'status', board: r.u16(), epoch: r.u32(), seq: r.u64(), online: r.u32(),
		timeMs: r.u64(),
	}),
	0x43: (r) => {
		const fixed = {
			board: r.u16(), epoch: r.u32(), seq: r.u64(), width: r.u32(), height: r.u32(),
			bits: r.u8(),
		};
		const flags = r.u8();
		const cooldownMs = r.u32();
		const name = r.text(r.u8());
		return {
			type: 'subscribed', ...fixed, resumed: (flags & 1) !== 0,
			frozen: (flags & 2) !== 0, cooldownMs, name,
			tag: r.isDone() ? 0 : r.u32(),
		};
	},
	0x44: (r) => ({
		type: 'stale', board: r.u16(), epoch: r.u32(), seq: r.u64(), oldest: r.u64(),
	}),
	0x45: (r) => ({
		type: 'placed', board: r.u16(), request: r.u64(), seq: r.u64(), cooldownMs: r.u32(),
	}),
	0x46: (r) => ({
		type: 'refused', board: r.u16(), request: r.u64(), code: r.u8(), waitMs: r.u32(),
	}),
	0x47: (r) => ({
		type: 'welcome',
		user: Array.from(r.take(16), (b) => b.toString(16).padStart(2, '0')).join(''),
	}),
	0x48: (r) => ({
		type: 'you', board: r.u16(), waitMs: r.u32(), lastRequest: r.u64(), lastSeq: r.u64(),
	}),
	0x49: (r) => {
		const code = r.u8();
		const text = r.text(r.u8());
		if (r.isDone())
			return { type: 'error', code, text, board: null, request: 0n, waitMs: 0 };
		const board = r.u16();
		return {
			type: 'error', code, text, board: board === NO_BOARD ? null : board,
			request: r.u64(), waitMs: r.u32(),
		};
	},
	0x4d: (r) => ({ type: 'board', board: r.u16(), version: r.u32(), face: r.json() }),
};

/**
 * Decodes one message of the server.
 * @param {Uint8Array} bytes
 * @returns {Message|null} null: a type that this page does not know, to be skipped
 * @throws {RangeError} the message is too short for its type, or what should be JSON is none
 */
export function decode(bytes) {
	const reader = new Reader(bytes);
	const read = READERS[reader.u8()];
	if (!read)
		return null;
	return read(reader);
}
