/**
 * board.test.mjs - web/board.js: packing, and the join of a delta at every seq.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';

import { Board, joinOf, packedBytes } from '../../web/board.js';
import { bytesOf } from './vectors.mjs';

/** 16 cells of 2 bits; the first vector of the document sets 3 to 1, 5 to 2 and 15 to 3. */
const boardAt = (seq) => new Board({
	width: 4, height: 4, bits: 2, epoch: 3, seq: BigInt(seq), bytes: new Uint8Array(4),
});
const deltaOf = (first, last) => ({
	first: BigInt(first), last: BigInt(last), count: 3, payload: bytesOf('6fb201'),
});
const AFTER = [0b00000001, 0b00100000, 0, 0b00000011];

test('cells are packed high bits first, at every width of a color', () => {
	for (const bits of [1, 2, 4, 8]) {
		const cells = 24;
		const bytes = new Uint8Array(packedBytes(cells, 1, bits));
		const board = new Board({ width: cells, height: 1, bits, epoch: 0, seq: 0n, bytes });
		const colors = [...Array(cells).keys()].map((cell) => (cell * 37) % (1 << bits));
		colors.forEach((color, cell) => board.set(cell, color));
		colors.forEach((color, cell) => assert.equal(board.get(cell), color));
		const stream = colors.map((color) => color.toString(2).padStart(bits, '0')).join('');
		assert.deepEqual([...bytes], stream.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
		board.set(5, 0);
		assert.equal(board.get(4), colors[4]);
		assert.equal(board.get(5), 0);
		assert.equal(board.get(6), colors[6]);
	}
});

test('a bitmap of another size is refused', () => {
	assert.throws(() => new Board({ width: 4, height: 4, bits: 2, epoch: 0, seq: 0n,
		bytes: new Uint8Array(5) }), RangeError);
});

test('a delta meets the board at every seq as the document says', () => {
	const [first, last] = [10, 14];
	for (let seq = 0; seq <= 20; seq++) {
		const board = boardAt(seq);
		const want = last <= seq ? 'skipped' : first - 1 <= seq ? 'applied' : 'gap';
		assert.equal(joinOf(BigInt(seq), deltaOf(first, last)), want);
		assert.equal(board.apply(deltaOf(first, last)), want);
		assert.equal(board.seq, want === 'applied' ? 14n : BigInt(seq));
		assert.deepEqual([...board.bytes], want === 'applied' ? AFTER : [0, 0, 0, 0]);
	}
});

test('a delta without cells moves only the seq', () => {
	const board = boardAt(9);
	const told = [];
	const delta = { first: 10n, last: 12n, count: 0, payload: new Uint8Array() };
	assert.equal(board.apply(delta, (cells) => told.push(cells)), 'applied');
	assert.equal(board.seq, 12n);
	assert.deepEqual(told, []);
});

test('the cells that changed are told, after they changed', () => {
	const board = boardAt(0);
	const told = [];
	board.apply(deltaOf(1, 3), (cells) => told.push([...cells].map((c) => [c, board.get(c)])));
	assert.deepEqual(told, [[[3, 1], [5, 2], [15, 3]]]);
});

test('a payload that cannot be decoded is a gap and changes nothing', () => {
	const board = boardAt(0);
	assert.equal(board.apply({ ...deltaOf(1, 3), payload: bytesOf('6fb2') }), 'gap');
	assert.equal(board.seq, 0n);
	assert.deepEqual([...board.bytes], [0, 0, 0, 0]);
});

test('seqs above 2^53 are told apart', () => {
	const far = 2n ** 60n;
	const board = new Board({ width: 4, height: 4, bits: 2, epoch: 0, seq: far, bytes: new Uint8Array(4) });
	assert.equal(board.apply({ ...deltaOf(0, 0), first: far + 2n, last: far + 2n }), 'gap');
	assert.equal(board.apply({ ...deltaOf(0, 0), first: far + 1n, last: far + 1n }), 'applied');
});
