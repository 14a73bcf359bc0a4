/**
 * board.js - the pixels as the server packs them, and the state (epoch, seq) that they are at.
 *
 * Packed with 1, 2, 4 or 8 bits per cell, high bits first. apply() is the join of docs/protocol.md:
 * a delta first..last fits a board at any seq s with first - 1 <= s <= last.
 */
import { decodeDelta } from './delta.js';

/**
 * @typedef {{first: bigint, last: bigint, count: number, payload: Uint8Array}} DeltaRange
 * @typedef {'applied'|'skipped'|'gap'} Joined
 */

/**
 * How a delta meets a board at `seq`. 'gap': something between them is missing.
 * @param {bigint} seq
 * @param {{first: bigint, last: bigint}} delta
 * @returns {Joined}
 */
export function joinOf(seq, delta) {
	if (delta.last <= seq)
		return 'skipped';
	return delta.first > seq + 1n ? 'gap' : 'applied';
}

/** @param {number} width @param {number} height @param {number} bits */
export function packedBytes(width, height, bits) {
	return Math.ceil((width * height * bits) / 8);
}

export class Board {
	/**
	 * @param {{width: number, height: number, bits: number, epoch: number, seq: bigint,
	 *	bytes: Uint8Array}} from as fetched; the bytes become the board's own
	 */
	constructor({ width, height, bits, epoch, seq, bytes }) {
		if (bytes.length !== packedBytes(width, height, bits))
			throw new RangeError('the bitmap does not have the size of the board');
		this.width = width;
		this.height = height;
		this.bits = bits;
		this.epoch = epoch;
		this.seq = seq;
		this.bytes = bytes;
	}

	/** @param {number} cell y * width + x */
	get(cell) {
		const at = cell * this.bits;
		const shift = 8 - this.bits - (at & 7);
		return (this.bytes[at >>> 3] >> shift) & ((1 << this.bits) - 1);
	}

	/** @param {number} cell @param {number} color */
	set(cell, color) {
		const at = cell * this.bits;
		const shift = 8 - this.bits - (at & 7);
		const mask = ((1 << this.bits) - 1) << shift;
		this.bytes[at >>> 3] = (this.bytes[at >>> 3] & ~mask) | (color << shift);
	}

	/**
	 * Joins a delta. A payload that cannot be decoded is as good as missing: a gap.
	 * @param {DeltaRange} delta
	 * @param {(cells: ArrayLike<number>) => void} [changed] told of the cells that were set
	 * @returns {Joined}
	 */
	apply(delta, changed) {
		const joined = joinOf(this.seq, delta);
		if (joined !== 'applied')
			return joined;
		if (delta.count > 0) {
			const size = this.width * this.height;
			let change;
			try {
				change = decodeDelta(size, this.bits, delta.payload, delta.count);
			} catch {
				return 'gap';
			}
			for (let i = 0; i < delta.count; i++)
				this.set(change.cells[i], change.colors[i]);
			changed?.(change.cells);
		}
		this.seq = delta.last;
		return 'applied';
	}
}
