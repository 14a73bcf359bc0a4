/**
 * past.js - a board of the past: how it is asked for, what the answer means, how two differ.
 *
 * @typedef {{kind: 'board', seq: number, timeMs: number, bytes: Uint8Array}
 *	| {kind: 'busy'|'away'|'unreadable', waitMs: number, tooFast?: boolean}
 *	| {kind: 'gone', sinceSeq: number, sinceMs: number}
 *	| {kind: 'later'|'off'}} Answer timeMs: of the newest placement on it, 0: it has none; sinceSeq 0:
 *	nothing is kept
 */
import { boardPath } from './net.js';

/**
 * What an answer that is no board means.
 * @param {number} status
 * @param {number} waitS by Retry-After, or NaN
 * @param {{code?: string, since_seq?: number, since_ms?: number}} error
 * @returns {Answer}
 */
export function answerOf(status, waitS, { code = '', since_seq = 0, since_ms = 0 }) {
	if (status === 410)
		return { kind: 'gone', sinceSeq: since_seq, sinceMs: since_ms };
	if (status === 404 && code === 'not_yet')
		return { kind: 'later' };
	if (code === 'history_unreadable')
		return { kind: 'unreadable', waitMs: 1000 };
	if (status === 429 || status >= 500)
		return { kind: 'busy', waitMs: waitS > 0 ? waitS * 1000 : 1000, tooFast: status === 429 };
	return { kind: 'off' };
}

/** @param {string} board @param {string} query seq=N, at=MS @param {AbortSignal} signal @returns {Promise<Answer>} */
export async function fetchPast(board, query, signal) {
	try {
		const response = await fetch(`${boardPath(board)}/bitmap?${query}`, { signal });
		const { headers } = response;
		if (response.ok)
			return {
				kind: 'board',
				seq: Number(headers.get('X-Board-Seq')),
				timeMs: Number(headers.get('X-Board-Time')),
				bytes: new Uint8Array(await response.arrayBuffer()),
			};
		const said = await response.json().catch(() => ({}));
		return answerOf(response.status, Number(headers.get('Retry-After')), said.error ?? {});
	} catch {
		return { kind: 'away', waitMs: 1000 };
	}
}

/**
 * The cells that two packed boards of one size do not have in common.
 * @param {Uint8Array} a @param {Uint8Array} b @param {number} bits
 * @param {number} max
 * @returns {number[]|null} null: more than max
 */
export function cellsThatDiffer(a, b, bits, max) {
	const perByte = 8 / bits;
	const mask = (1 << bits) - 1;
	/** @type {number[]} */
	const cells = [];
	for (let i = 0; i < a.length; i++) {
		const differ = a[i] ^ b[i];
		if (differ === 0)
			continue;
		for (let k = 0; k < perByte; k++)
			if ((differ >> (8 - bits - k * bits)) & mask)
				cells.push(i * perByte + k);
		if (cells.length > max)
			return null;
	}
	return cells;
}
