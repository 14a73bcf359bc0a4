/**
 * retry.test.mjs - web/retry.js: nobody comes earlier than told, and a crowd comes at different moments.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';

import { backoffMs, staggeredMs } from '../../web/retry.js';

test('the wait doubles with each failure, up to its limit, and half of it is chance', () => {
	const longest = [0, 1, 2, 3, 4, 5, 6, 60].map((failures) => backoffMs(failures, 1));
	assert.deepEqual(longest, [400, 800, 1600, 3200, 6400, 12800, 20000, 20000]);
	assert.deepEqual([0, 6].map((failures) => backoffMs(failures, 0)), [200, 10000]);
});

test('what the server says is waited at least, and then as long again at most', () => {
	for (const failures of [0, 1, 10])
		assert.equal(staggeredMs(60000, failures, 0), 60000);
	assert.equal(staggeredMs(60000, 0, 1), 120000);
	assert.equal(staggeredMs(1000, 6, 1), 21000, 'a crowd that is told the same spreads over more than that');
	assert.equal(staggeredMs(0, 0, 0.5), 200);
});
