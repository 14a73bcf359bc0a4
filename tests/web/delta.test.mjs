/**
 * delta.test.mjs - web/delta.js against the vectors of docs/protocol.md, which the C tests check
 * too, and against an encoder written here from the text of that page. Run: node --test tests/web/
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { decodeDelta } from '../../web/delta.js';

const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');

/** The lines of all blocks of a kind, each as an object of its name=value fields. */
function vectors(kind) {
	const blocks = [...page.matchAll(/^```vector (\S+)\n([^]*?)^```/gm)].filter((m) => m[1] === kind);
	return blocks.flatMap((m) => m[2].trim().split('\n')).map((line) =>
		Object.fromEntries(line.split(' ').map((field) => field.split('='))));
}

const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex, 'hex'));

/** The format as the page describes it, as a string of bits. */
function encode(boardCells, bits, list) {
	const lowFirst = (value, n) => [...Array(n).keys()].map((i) => (value >> i) & 1).join('');
	let low = 0;
	while (list.length > 0 && list.length * 2 ** (low + 1) <= boardCells)
		low++;
	let stream = '';
	let next = 0;
	for (const [cell, color] of list) {
		const gap = cell - next;
		stream += '0'.repeat(gap >> low) + '1' + lowFirst(gap, low) + lowFirst(color, bits);
		next = cell + 1;
	}
	return Uint8Array.from(stream.match(/.{1,8}/g) ?? [],
		(byte) => parseInt([...byte].reverse().join(''), 2));
}

/** Drawn anew for each run; PIXELD_SEED=<number> repeats it. */
const SEED = Number(BigInt(process.env.PIXELD_SEED ?? Math.floor(Math.random() * 2 ** 32)) % (1n << 32n));
console.log(`PIXELD_SEED=${SEED}`);

/** Cells of a small board, each with the given chance; seeded. */
function randomList(seed, boardCells, bits, chance) {
	let state = seed >>> 0;
	const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
	const list = [];
	for (let cell = 0; cell < boardCells; cell++)
		if (random() < chance)
			list.push([cell, Math.floor(random() * 2 ** bits)]);
	return list;
}

test('the documented vectors decode', () => {
	const all = vectors('delta');
	assert.ok(all.length >= 4);
	for (const v of all) {
		const want = v.cells === '' ? [] : v.cells.split(',').map((pair) => pair.split(':').map(Number));
		const got = decodeDelta(Number(v.board_cells), Number(v.bits), bytesOf(v.payload), want.length);
		assert.deepEqual([...got.cells].map((cell, i) => [cell, got.colors[i]]), want);
	}
});

test('the documented bad payloads are refused', () => {
	const all = vectors('delta-refused');
	assert.ok(all.length >= 4);
	for (const v of all)
		assert.throws(() => decodeDelta(Number(v.board_cells), Number(v.bits), bytesOf(v.payload),
			Number(v.count)), RangeError, JSON.stringify(v));
});

test('random lists decode to themselves, and no truncation of them does', () => {
	for (let seed = SEED; seed < SEED + 300; seed++) {
		const bits = [1, 2, 4, 8][seed % 4];
		const boardCells = 1 + ((seed * 7919) % 3000);
		const list = randomList(seed, boardCells, bits, (seed % 10) / 20 + 0.01);
		const payload = encode(boardCells, bits, list);
		const got = decodeDelta(boardCells, bits, payload, list.length);
		assert.deepEqual([...got.cells].map((cell, i) => [cell, got.colors[i]]), list, `seed ${seed}`);
		for (let cut = 0; cut < payload.length; cut += 1 + (cut >> 4))
			assert.throws(() => decodeDelta(boardCells, bits, payload.subarray(0, cut), list.length),
				RangeError, `seed ${seed}, ${cut} bytes`);
	}
});

test('a flipped bit is refused or gives another sorted list on the board', () => {
	const list = randomList(5, 1000, 4, 0.05);
	const payload = encode(1000, 4, list);
	let refused = 0;
	for (let bit = 0; bit < payload.length * 8; bit++) {
		const bad = payload.slice();
		bad[bit >> 3] ^= 1 << (bit & 7);
		try {
			const { cells } = decodeDelta(1000, 4, bad, list.length);
			assert.ok(cells.every((cell, i) => cell < 1000 && (i === 0 || cell > cells[i - 1])));
		} catch (error) {
			assert.ok(error instanceof RangeError, String(error));
			refused++;
		}
	}
	assert.ok(refused > 0 && refused < payload.length * 8);
});

test('a count that the payload cannot hold takes no memory', () => {
	assert.throws(() => decodeDelta(2 ** 28, 1, new Uint8Array(4).fill(255), 2 ** 28), RangeError);
	assert.throws(() => decodeDelta(2 ** 28, 1, new Uint8Array(4).fill(255), 2 ** 32), RangeError);
});
