/**
 * follow.test.mjs - web/follow.js: what the page asks for, and when it is at which state of the board.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';

import { Follower, fetchDelayMs } from '../../web/follow.js';
import { encodeSubscribe, encodeUnsubscribe } from '../../web/protocol.js';

const WIDTH = 16;
const EPOCH = 3;
const TAG = 77;
const send = (bytes) => ({ do: 'send', bytes });
const ASK = send(encodeSubscribe('main'));
const askFrom = (seq, epoch = EPOCH) => send(encodeSubscribe('main', { epoch, seq: BigInt(seq) }));

const subscribed = (seq, more = {}) => ({
	type: 'subscribed', board: 5, epoch: EPOCH, seq: BigInt(seq), width: WIDTH, height: 1, bits: 8,
	resumed: false, frozen: false, cooldownMs: 0, name: 'main', tag: TAG, ...more,
});
const stale = (oldest, more = {}) => ({
	type: 'stale', board: 5, epoch: EPOCH, seq: BigInt(oldest), oldest: BigInt(oldest), ...more,
});
const status = (seq, more = {}) => ({
	type: 'status', board: 5, epoch: EPOCH, seq: BigInt(seq), online: 1, timeMs: 0n, ...more,
});
const bitmap = (seq, more = {}) => ({
	width: WIDTH, height: 1, bits: 8, tag: TAG, epoch: EPOCH, seq: BigInt(seq),
	bytes: boardBytesAt(seq), ...more,
});

/** Every seq n sets cell n mod 16 to n: the board at a seq is known without playing it. */
function boardBytesAt(seq) {
	return Uint8Array.from({ length: WIDTH }, (_, cell) => {
		const last = seq - ((((seq - cell) % WIDTH) + WIDTH) % WIDTH);
		return last >= 1 ? last : 0;
	});
}

/** The delta first..last of that history, its payload from the text of docs/protocol.md. */
function delta(first, last, more = {}) {
	const after = boardBytesAt(last);
	const cells = new Set();
	for (let seq = first; seq <= last; seq++)
		cells.add(seq % WIDTH);
	const sorted = [...cells].sort((a, b) => a - b);
	const low = Math.floor(Math.log2(Math.floor(WIDTH / sorted.length)));
	const lowFirst = (value, n) => [...Array(n).keys()].map((i) => (value >> i) & 1).join('');
	let stream = '';
	let next = 0;
	for (const cell of sorted) {
		const gap = cell - next;
		stream += `${'0'.repeat(gap >> low)}1${lowFirst(gap, low)}${lowFirst(after[cell], 8)}`;
		next = cell + 1;
	}
	const payload = Uint8Array.from(stream.match(/.{1,8}/g),
		(byte) => parseInt([...byte].reverse().join(''), 2));
	return { type: 'delta', board: 5, first: BigInt(first), last: BigInt(last), count: sorted.length,
		payload, ...more };
}

function follower() {
	const told = { replaced: [], changed: 0 };
	const f = new Follower('main', {
		replaced: (board) => told.replaced.push(board.seq),
		changed: () => told.changed++,
	});
	return { f, told };
}

/** A follower that is live at a seq. */
function liveAt(seq) {
	const both = follower();
	both.f.opened();
	const [{ id }] = both.f.subscribed(subscribed(seq));
	assert.deepEqual(both.f.fetched(id, 0, bitmap(seq)), []);
	assert.equal(both.f.state, 'live');
	return both;
}

function assertAt(f, seq) {
	assert.equal(f.state, 'live');
	assert.equal(f.board.seq, BigInt(seq));
	assert.deepEqual(f.board.bytes, boardBytesAt(seq));
}

test('the first visit subscribes, then fetches, then is live', () => {
	const { f, told } = follower();
	assert.deepEqual(f.opened(), [ASK]);
	const commands = f.subscribed(subscribed(20));
	assert.deepEqual(commands, [{ do: 'fetch', id: f.fetchId, fresh: false, attempt: 0 }]);
	assert.equal(f.state, 'joining');
	assert.deepEqual(f.fetched(f.fetchId, 0, bitmap(20)), []);
	assertAt(f, 20);
	assert.deepEqual(told.replaced, [20n]);
});

test('a bitmap of any seq joins the deltas that were kept, whatever their cut', () => {
	const cuts = [[[9, 10], [11, 14], [15, 20]], [[11, 11], [12, 20]], [[3, 20]],
		[[10, 10], [11, 11], [12, 12], [13, 17], [18, 18], [19, 20]]];
	for (const cut of cuts)
		for (let seq = 10; seq <= 20; seq++) {
			const { f } = follower();
			f.opened();
			f.subscribed(subscribed(10));
			for (const [first, last] of cut)
				assert.deepEqual(f.delta(delta(first, last)), []);
			assert.deepEqual(f.fetched(f.fetchId, 0, bitmap(seq)), []);
			assertAt(f, 20);
			f.delta(delta(21, 25));
			assertAt(f, 25);
		}
});

test('a bitmap older than the subscription is fetched again, past the caches', () => {
	const { f } = follower();
	f.opened();
	f.subscribed(subscribed(10));
	const commands = f.fetched(f.fetchId, 0, bitmap(9));
	assert.deepEqual(commands, [{ do: 'fetch', id: f.fetchId, fresh: true, attempt: 1 }]);
	f.fetched(f.fetchId, 1, bitmap(10));
	assertAt(f, 10);
});

test('a bitmap of another epoch or size is fetched again', () => {
	for (const other of [{ epoch: EPOCH + 1 }, { bytes: new Uint8Array(WIDTH + 1) }, { width: WIDTH * 2 }]) {
		const { f } = follower();
		f.opened();
		f.subscribed(subscribed(10));
		const commands = f.fetched(f.fetchId, 0, bitmap(10, other));
		assert.deepEqual(commands, [{ do: 'fetch', id: f.fetchId, fresh: true, attempt: 1 }]);
	}
});

test('bitmaps that never fit end in a new subscription from nothing', () => {
	const { f } = follower();
	f.opened();
	let [command] = f.subscribed(subscribed(10));
	for (let tries = 0; tries < 20 && command.do === 'fetch'; tries++) {
		const commands = f.fetched(command.id, command.attempt, bitmap(10, { epoch: EPOCH + 1 }));
		command = commands[0];
		if (command.do === 'send')
			assert.deepEqual(commands, [send(encodeUnsubscribe(5)), ASK]);
	}
	assert.equal(f.state, 'asking');
});

test('a fetch that failed is tried again', () => {
	const { f } = follower();
	f.opened();
	f.subscribed(subscribed(10));
	const commands = f.fetched(f.fetchId, 0, null);
	assert.deepEqual(commands, [{ do: 'fetch', id: f.fetchId, fresh: true, attempt: 1 }]);
});

test('a gap makes the page fetch, and what came meanwhile is kept', () => {
	const { f, told } = liveAt(10);
	const commands = f.delta(delta(13, 14));
	assert.deepEqual(commands, [{ do: 'fetch', id: f.fetchId, fresh: true, attempt: 0 }]);
	assert.equal(f.board.seq, 10n);
	f.delta(delta(15, 18));
	const again = f.fetched(f.fetchId, 0, bitmap(11));
	assert.equal(again[0].do, 'fetch');
	assert.deepEqual(f.fetched(f.fetchId, 1, bitmap(12)), []);
	assertAt(f, 18);
	assert.deepEqual(told.replaced, [10n, 18n]);
});

test('a gap among the kept deltas makes the page fetch up to behind it', () => {
	const { f } = follower();
	f.opened();
	f.subscribed(subscribed(10));
	f.delta(delta(11, 12));
	f.delta(delta(15, 16));
	const [command] = f.fetched(f.fetchId, 0, bitmap(10));
	assert.equal(command.do, 'fetch');
	assert.deepEqual(f.fetched(f.fetchId, 0, bitmap(14)), []);
	assertAt(f, 16);
});

test('a status ahead of the board is a gap, one at or below it is none', () => {
	const { f } = liveAt(10);
	assert.deepEqual(f.status(status(10)), []);
	assert.deepEqual(f.status(status(4)), []);
	assert.equal(f.state, 'live');
	const commands = f.status(status(12));
	assert.deepEqual(commands, [{ do: 'fetch', id: f.fetchId, fresh: true, attempt: 0 }]);
	f.fetched(f.fetchId, 0, bitmap(12));
	assertAt(f, 12);
});

test('a delta that is already in the board changes nothing', () => {
	const { f, told } = liveAt(10);
	assert.deepEqual(f.delta(delta(5, 10)), []);
	assertAt(f, 10);
	assert.equal(told.changed, 0);
});

test('messages about another board are not for us', () => {
	const { f } = liveAt(10);
	assert.deepEqual(f.delta(delta(30, 40, { board: 6 })), []);
	assert.deepEqual(f.status(status(99, { board: 6 })), []);
	assert.deepEqual(f.stale(stale(99, { board: 6 })), []);
	assert.deepEqual(f.subscribed(subscribed(99, { name: 'other', board: 6 })), []);
	assertAt(f, 10);
});

test('after a break the page resumes from its seq, and fetches nothing', () => {
	const { f, told } = liveAt(10);
	f.closed();
	assert.equal(f.state, 'away');
	assert.deepEqual(f.opened(), [askFrom(10)]);
	assert.deepEqual(f.subscribed(subscribed(15, { resumed: true })), []);
	f.delta(delta(8, 12));
	f.delta(delta(13, 15));
	assertAt(f, 15);
	assert.deepEqual(told.replaced, [10n]);
});

test('a break while the bitmap is on its way starts over, and the late bitmap is dropped', () => {
	const { f } = follower();
	f.opened();
	const [{ id }] = f.subscribed(subscribed(10));
	f.closed();
	assert.deepEqual(f.fetched(id, 0, bitmap(10)), []);
	assert.equal(f.state, 'away');
	assert.deepEqual(f.opened(), [ASK]);
	f.subscribed(subscribed(12));
	assert.deepEqual(f.fetched(id, 0, bitmap(12)), []);
	assert.equal(f.state, 'joining');
});

test('stale: the board is fetched until its seq is oldest, then resumed from', () => {
	const { f } = liveAt(10);
	f.closed();
	f.opened();
	const commands = f.stale(stale(50));
	assert.deepEqual(commands, [{ do: 'fetch', id: f.fetchId, fresh: true, attempt: 0 }]);
	assert.equal(f.number, null);
	const again = f.fetched(f.fetchId, 0, bitmap(49));
	assert.deepEqual(again, [{ do: 'fetch', id: f.fetchId, fresh: true, attempt: 1 }]);
	assert.deepEqual(f.fetched(f.fetchId, 1, bitmap(52)), [askFrom(52)]);
	f.subscribed(subscribed(55, { resumed: true }));
	f.delta(delta(51, 55));
	assertAt(f, 55);
});

test('stale with another epoch: the new history replaces the old', () => {
	const { f } = liveAt(10);
	f.closed();
	f.opened();
	f.stale(stale(5, { epoch: EPOCH + 1 }));
	assert.deepEqual(f.fetched(f.fetchId, 0, bitmap(6, { epoch: EPOCH + 1 })), [askFrom(6, EPOCH + 1)]);
	f.subscribed(subscribed(6, { epoch: EPOCH + 1, resumed: true }));
	assertAt(f, 6);
	assert.equal(f.board.epoch, EPOCH + 1);
});

test('stale to a slow reader ends the subscription: deltas that were under way are dropped', () => {
	const { f } = liveAt(10);
	f.stale(stale(40));
	assert.deepEqual(f.delta(delta(11, 12)), []);
	assert.equal(f.board.seq, 10n);
	assert.deepEqual(f.fetched(f.fetchId, 0, bitmap(41)), [askFrom(41)]);
});

test('resumed with another epoch than ours is not believed', () => {
	const { f } = liveAt(10);
	f.closed();
	f.opened();
	const [command] = f.subscribed(subscribed(10, { resumed: true, epoch: EPOCH + 1 }));
	assert.equal(command.do, 'fetch');
});

test('what is kept is bounded: too much, and the page leaves and comes back by resuming', () => {
	const { f } = follower();
	f.opened();
	f.subscribed(subscribed(10));
	const huge = new Uint8Array(3 << 20);
	f.delta(delta(11, 12, { payload: huge }));
	f.delta(delta(13, 14, { payload: huge }));
	const commands = f.delta(delta(15, 16, { payload: huge }));
	assert.deepEqual(commands, [send(encodeUnsubscribe(5)),
		{ do: 'fetch', id: f.fetchId, fresh: true, attempt: 0 }]);
	assert.equal(f.kept.length, 0);
	assert.deepEqual(f.fetched(f.fetchId, 0, bitmap(16)), [askFrom(16)]);
});

test('a first visit does not wait, a crowd spreads, repeats back off and stay bounded', () => {
	assert.equal(fetchDelayMs({ attempt: 0, fresh: false }, 0.9), 0);
	assert.equal(fetchDelayMs({ attempt: 0, fresh: true }, 0), 0);
	assert.equal(fetchDelayMs({ attempt: 0, fresh: true }, 0.5), 1000);
	for (let attempt = 1; attempt < 40; attempt++) {
		const delay = fetchDelayMs({ attempt, fresh: true }, 0.5);
		assert.ok(delay >= fetchDelayMs({ attempt: Math.max(1, attempt - 1), fresh: true }, 0.5));
		assert.ok(delay > 0 && delay <= 10000);
	}
});

test('a board that was replaced, or has another palette, is fetched anew though it could be resumed', () => {
	const f = new Follower('main', { replaced: () => {}, changed: () => {} });
	f.opened();
	f.subscribed(subscribed(10));
	f.fetched(f.fetchId, 0, bitmap(10));
	f.closed();
	assert.deepEqual(f.opened(), [askFrom(10)]);
	const [command, ...more] = f.subscribed(subscribed(12, { resumed: true, tag: 78 }));
	assert.deepEqual([command.do, command.fresh, more, f.state], ['fetch', true, [], 'joining']);
	assert.deepEqual(f.delta(delta(11, 13)), []);
	const [again] = f.fetched(f.fetchId, 0, bitmap(12));
	assert.equal(again.do, 'fetch', 'what does not say the same does not fit');
	assert.deepEqual(f.fetched(f.fetchId, 1, bitmap(12, { tag: 78 })), []);
	assert.deepEqual([f.state, f.board.seq, f.board.bytes], ['live', 13n, boardBytesAt(13)]);
	f.closed();
	f.opened();
	assert.deepEqual(f.subscribed(subscribed(13, { resumed: true, tag: 78 })), []);
	assert.equal(f.state, 'live');
});
