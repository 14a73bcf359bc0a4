/**
 * pending.test.mjs - web/pending.js: what becomes of a placement, through breaks of the connection.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';

import { Pending, randomBase } from '../../web/pending.js';

globalThis.crypto ??= webcrypto; /* browsers have it; node since 19 */

const BASE = 0xabcdef0123450000n;
const pending = () => new Pending(() => BASE);
const left = (p) => [...p].map(({ request }) => request);

test('request ids are a random base and a counter, and never repeat', () => {
	const p = pending();
	assert.deepEqual([p.add(0, 0, 0), p.add(0, 0, 0)].map((each) => each.request), [BASE + 1n, BASE + 2n]);
	assert.notEqual(randomBase(), randomBase());
	assert.equal(randomBase() & 0xffffn, 0n);
	assert.ok(randomBase() < 2n ** 64n);
});

test('a counter that is full goes on at a new base', () => {
	const bases = [BASE, BASE + 0x50000n];
	const p = new Pending(() => bases.shift());
	p.next = BASE + 0xffffn;
	assert.equal(p.add(0, 0, 0).request, BASE + 0xffffn);
	assert.equal(p.add(0, 0, 0).request, BASE + 0x50001n);
});

test('a placement is shown until the board has reached its seq', () => {
	const p = pending();
	const { request } = p.add(1, 2, 3);
	p.reached(100n);
	assert.deepEqual(left(p), [request]);
	p.placed(request, 101n);
	p.reached(100n);
	assert.deepEqual(left(p), [request]);
	p.reached(101n);
	assert.deepEqual(left(p), []);
});

test('a refused placement is gone', () => {
	const p = pending();
	const { request } = p.add(1, 2, 3);
	assert.equal(p.refused(request).x, 1);
	assert.deepEqual(left(p), []);
	assert.equal(p.refused(request), undefined);
});

test('after a break, the last accepted placement is kept until the board shows it', () => {
	const p = pending();
	const { request } = p.add(1, 2, 3);
	p.lost();
	assert.deepEqual(p.settle(request, 55n), []);
	p.reached(54n);
	assert.deepEqual(left(p), [request]);
	p.reached(55n);
	assert.deepEqual(left(p), []);
});

test('after a break, a placement that the server does not know has failed', () => {
	const p = pending();
	p.add(1, 2, 3);
	p.lost();
	assert.deepEqual(p.settle(99n, 55n).map(({ x }) => x), [1]);
	assert.deepEqual(left(p), []);
});

test('after a break, those before the last accepted one were answered, those after it failed', () => {
	const p = pending();
	const [, middle, after] = [p.add(0, 0, 0), p.add(1, 0, 0), p.add(2, 0, 0)];
	p.lost();
	assert.deepEqual(p.settle(middle.request, 8n), [after]);
	assert.deepEqual(left(p), [middle.request]);
});

test('what was sent on the new connection is not judged by what the server knew before', () => {
	const p = pending();
	p.add(0, 0, 0);
	p.lost();
	const fresh = p.add(1, 0, 0);
	assert.equal(p.settle(0n, 0n).length, 1);
	assert.deepEqual(left(p), [fresh.request]);
});

test('an acknowledged placement survives a break', () => {
	const p = pending();
	const { request } = p.add(0, 0, 0);
	p.placed(request, 9n);
	p.lost();
	assert.deepEqual(p.settle(0n, 0n), []);
	assert.deepEqual(left(p), [request]);
});

test('what is held for a session or for room is still shown, and sent again under its number', () => {
	const p = pending();
	const [a, b, c] = [p.add(0, 0, 0), p.add(1, 0, 0), p.add(2, 0, 0)];
	assert.equal(p.hold(a.request, 'session', 5), a);
	assert.equal(p.hold(b.request, 'room', 5), b);
	assert.deepEqual([left(p).length, p.heldFor('session'), p.heldFor('room')], [3, [a], [b]]);
	assert.equal(p.forSession.length, 1);
	assert.equal(p.again(a), true);
	assert.deepEqual([a.state, a.tries, p.heldFor('session'), p.forSession], ['sent', 2, [], []]);
	assert.equal(p.again(a), false, 'once');
	assert.equal(p.again(c), false, 'it was never held');
	p.refused(b.request);
	assert.equal(p.again(b), false, 'it is gone');
});

test('nothing is held without end', () => {
	const p = pending();
	const a = p.add(0, 0, 0);
	for (let tries = 1; tries < 5; tries++) {
		assert.equal(p.hold(a.request, 'room', 5), a);
		p.again(a);
	}
	assert.equal(p.hold(a.request, 'room', 5), null);
	assert.equal(p.hold(99n, 'room', 5), null, 'nor what is not ours');
});

test('what is held when the connection breaks is judged like what was on its way', () => {
	const p = pending();
	const a = p.add(0, 0, 0);
	p.hold(a.request, 'session', 5);
	p.lost();
	assert.deepEqual([a.state, p.forSession.length, p.again(a)], ['lost', 1, false]);
	assert.deepEqual(p.settle(0n, 0n), [a]);
	assert.equal(p.forSession.length, 0);
});
