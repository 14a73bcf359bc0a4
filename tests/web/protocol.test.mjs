/**
 * protocol.test.mjs - web/protocol.js against the vectors of docs/protocol.md.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';

import * as protocol from '../../web/protocol.js';
import { bytesOf, hexOf, page, vectors } from './vectors.mjs';

const messages = vectors('message');

/** What the page's encoder makes of a message in the words of the JSON protocol. */
const encoders = {
	subscribe: (m) => protocol.encodeSubscribe(m.board,
		'seq' in m ? { epoch: m.epoch, seq: BigInt(m.seq) } : undefined),
	unsubscribe: (m) => protocol.encodeUnsubscribe(m.board),
	place: (m) => protocol.encodePlace({ ...m, request: BigInt(m.request) }),
	session: (m) => protocol.encodeSession(m.token),
	alive: () => protocol.encodeAlive(),
};

/** JSON names and numbers from what the page decoded: cooldownMs is cooldown_ms, 7n is 7. */
function inJson(message) {
	return Object.fromEntries(Object.entries(message).map(([key, value]) => [
		key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
		typeof value === 'bigint' ? Number(value) : value,
	]));
}

test('what the page sends is what the document says', () => {
	/* The page has one subscription: it needs no request to know what an error is about. */
	const sent = messages.filter(({ from, json }) =>
		from === 'client' && (json.type === 'place' || !('request' in json)));
	assert.ok(sent.length >= 6);
	for (const { hex, json } of sent)
		assert.equal(hexOf(encoders[json.type](json)), hex, json.type);
});

test('what the server sends is read as the document says', () => {
	const received = messages.filter((v) => v.from === 'server');
	assert.ok(received.length >= 8);
	for (const { hex, json } of received) {
		const message = inJson(protocol.decode(bytesOf(hex)));
		if (typeof json.code === 'string')
			message.code = json.code === nameOf(message.code) ? json.code : message.code;
		assert.deepEqual(message, json);
	}
});

/** The codes that the page reacts to, by their names on the wire. */
function nameOf(code) {
	const names = {
		1: 'out_of_bounds', 6: 'too_fast', [protocol.COOLDOWN]: 'cooldown', [protocol.NO_SESSION]: 'no_session',
		[protocol.UNKNOWN_BOARD]: 'unknown_board',
	};
	return names[code];
}

test('the head of a delta is read as the document says', () => {
	const deltas = messages.filter((v) => v.from === 'delta');
	assert.ok(deltas.length >= 3);
	for (const { hex, json } of deltas) {
		const { board, first, last, count } = protocol.decode(bytesOf(hex));
		assert.deepEqual({ board, first: Number(first), last: Number(last), count },
			{ board: json.board, first: json.first, last: json.last, count: json.cells.length });
	}
});

test('numbers of 64 bits come and go whole', () => {
	const request = 0xfedcba9876543210n;
	const sent = protocol.encodePlace({ board: 1, x: 2, y: 3, color: 4, request });
	const answer = new Uint8Array(23);
	answer[0] = 0x45;
	answer.set(sent.subarray(8, 16), 3);
	assert.equal(protocol.decode(answer).request, request);
});

test('a message of an unknown type is skipped', () => {
	assert.equal(protocol.decode(Uint8Array.of(0x7f, 1, 2, 3)), null);
});

test('a message that is cut anywhere is refused, but where an older server ended it', () => {
	const added = { subscribed: 4, error: 14 };
	for (const { hex, json } of messages.filter((v) => v.from === 'server')) {
		const whole = bytesOf(hex);
		for (let length = 1; length < whole.length; length++) {
			if (length !== whole.length - added[json.type])
				assert.throws(() => protocol.decode(whole.subarray(0, length)), RangeError, json.type);
		}
	}
});

test('what a message has behind the fields that are known is skipped, and what it lacks counts as absent', () => {
	const longer = vectors('message-longer').filter((v) => v.from === 'server');
	const shorter = vectors('message-shorter');
	assert.ok(longer.length >= 8 && shorter.length >= 2);
	for (const { hex, json } of [...longer, ...shorter]) {
		const message = inJson(protocol.decode(bytesOf(hex)));
		if (typeof json.code === 'string')
			message.code = nameOf(message.code);
		assert.deepEqual(message, json);
	}
});

test('a varint of more than 64 bits is refused', () => {
	const varint = (...bytes) => Uint8Array.of(0x41, 0, ...bytes, 0, 0);
	const most = [255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
	assert.equal(protocol.decode(varint(...most)).first, 2n ** 64n - 1n);
	assert.throws(() => protocol.decode(varint(...most.slice(0, 9), 2)), RangeError);
	assert.throws(() => protocol.decode(varint(...most.slice(0, 9), 0x81, 0)), RangeError);
});

test('every refusal has a sentence of its own', () => {
	const codes = [...page.matchAll(/^\| (\d+) \| [a-z_]+ \| [45]\d\d \|/gm)].map(([, code]) => Number(code));
	assert.ok(codes.length >= 13);
	const sentences = new Set([0, ...codes].map(protocol.refusalText));
	assert.equal(sentences.size, codes.length + 1);
	assert.equal(protocol.refusalText(200), protocol.refusalText(0));
});
