/**
 * face.test.mjs - web/face.js: names of colors in words, and what people are told of a board that changed.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';

import { inWords, isSamePalette, newsOf, waitBy } from '../../web/face.js';

const white = { name: 'White', rgb: '#ffffff' };
const red = { name: 'Red', rgb: '#ff0000' };
const face = { palette: [white, red], frozen: false, cooldown_ms: 5000 };

test('names of colors are put in words, and what is given stays as it is', () => {
	const given = { tag: 7, palette: ['lightgray', 'dark-red', 'gray', 'off_white', 'X'].map((name) => ({ name, rgb: '#000000' })) };
	const copy = structuredClone(given);
	const { tag, palette } = inWords(given);
	assert.deepEqual(palette.map(({ name }) => name), ['Light gray', 'Dark red', 'Gray', 'Off white', 'X']);
	assert.equal(tag, 7);
	assert.deepEqual(given, copy);
	assert.deepEqual(inWords(inWords(given)), inWords(given));
});

test('two palettes are the same with the same colors in the same order', () => {
	assert.ok(isSamePalette([white, red], [{ ...white }, { ...red }]));
	assert.ok(isSamePalette([], []));
	for (const other of [[red, white], [white], [white, red, red], [white, { ...red, rgb: '#ff0001' }], [white, { ...red, name: 'R' }]])
		assert.ok(!isSamePalette([white, red], other));
});

test('what changed is told, and nothing else', () => {
	assert.deepEqual(newsOf(face, { ...face, palette: [{ ...white }, red] }), []);
	assert.match(newsOf(face, { ...face, palette: [white] }).join('\n'), /^The colors of this board have changed\.$/);
	assert.match(newsOf(face, { ...face, frozen: true }).join('\n'), /^The board is frozen now/);
	assert.match(newsOf({ ...face, frozen: true }, face).join('\n'), /^The board is open again\.$/);
	assert.match(newsOf(face, { ...face, cooldown_ms: 600000 }).join('\n'), /^From now on you can place one pixel every 10 min\.$/);
	assert.match(newsOf(face, { ...face, cooldown_ms: 0 }).join('\n'), /^From now on there is no wait/);
	assert.equal(newsOf(face, { palette: [red], frozen: true, cooldown_ms: 1 }).length, 3);
});

test('who waits, waits by the new cooldown, and nobody else', () => {
	assert.equal(waitBy(3000, 5000, 4000), 2000);
	assert.equal(waitBy(3000, 5000, 1000), 0);
	assert.equal(waitBy(3000, 5000, 9000), 7000);
	assert.equal(waitBy(9000, 5000, 9000), 9000, 'the answer to a pixel came first, by the new cooldown');
	assert.equal(waitBy(0, 5000, 9000), 0);
});
