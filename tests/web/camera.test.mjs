/**
 * camera.test.mjs - web/camera.js: zoom keeps its point, the board stays in sight.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';

import { Camera, ZOOM_MAX } from '../../web/camera.js';

function camera() {
	const c = new Camera();
	c.setBoard(1000, 500);
	c.setScreen(1200, 800, { top: 60, right: 20, bottom: 140, left: 20 });
	c.go(c.whole, 0, true);
	return c;
}
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);

test('the whole board fits between the panels', () => {
	const c = camera();
	const corner = c.toScreen(0, 0);
	const end = c.toScreen(1000, 500);
	near(corner.x, 20);
	near(end.x, 1180);
	assert.ok(corner.y >= 60 && end.y <= 660);
});

test('a zoom keeps the board point under the pointer', () => {
	const c = camera();
	for (const [factor, sx, sy] of [[3, 400, 300], [2.2, 800, 500], [0.5, 500, 350]]) {
		const before = { x: c.x + (sx - c.middle.x) / c.zoom, y: c.y + (sy - c.middle.y) / c.zoom };
		c.zoomAt(factor, sx, sy);
		const after = c.toScreen(before.x, before.y);
		near(after.x, sx);
		near(after.y, sy);
	}
});

test('a soft zoom keeps it all the way', () => {
	const c = camera();
	const { x, y } = c.toScreen(700, 100);
	c.go(c.scaled(6, x, y), 0);
	for (let now = 0; c.step(now); now += 16) {
		const point = c.toScreen(700, 100);
		near(point.x, x);
		near(point.y, y);
	}
	assert.equal(c.glide, null);
});

test('it never looks away from the board, nor closer than it may', () => {
	const c = camera();
	c.pan(1e6, 1e6);
	assert.deepEqual([c.x, c.y], [0, 0]);
	c.pan(-1e6, -1e6);
	assert.deepEqual([c.x, c.y], [1000, 500]);
	c.zoomAt(1e9, 600, 400);
	assert.equal(c.zoom, ZOOM_MAX);
	c.zoomAt(1e-9, 600, 400);
	assert.ok(c.zoom > 0.5 && c.zoom <= 1);
});

test('cells are found by their whole area, and none beside the board', () => {
	const c = camera();
	c.look({ x: 10, y: 10, zoom: 20 });
	const { x, y } = c.toScreen(12, 7);
	assert.deepEqual(c.cellAt(x + 0.5, y + 0.5), { x: 12, y: 7 });
	assert.deepEqual(c.cellAt(x + 19.5, y + 19.5), { x: 12, y: 7 });
	assert.deepEqual(c.cellAt(x + 20.5, y), { x: 13, y: 7 });
	const corner = c.toScreen(0, 0);
	assert.equal(c.cellAt(corner.x - 1, corner.y + 1), null);
	assert.deepEqual(c.cellAt(corner.x + 1, corner.y + 1), { x: 0, y: 0 });
});
