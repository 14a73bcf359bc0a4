/**
 * session.test.mjs - web/session.js over a socket of the test: which placements are sent again, and when.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;

/** What a browser has, and this test moves by hand. */
class Socket extends EventTarget {
	static OPEN = 1;
	constructor() {
		super();
		Socket.last = this;
		this.readyState = 0;
		this.sent = [];
	}
	send(bytes) {
		this.sent.push(bytes);
	}
	close() {
		this.readyState = 3;
	}
	open() {
		this.readyState = Socket.OPEN;
		this.dispatchEvent(new Event('open'));
	}
	/** The server says bytes. */
	say(...bytes) {
		const data = Uint8Array.from(bytes.flat()).buffer;
		this.dispatchEvent(Object.assign(new Event('message'), { data }));
	}
}

/** Waits of the page: [ms, what then]. */
let timers = [];
Object.assign(globalThis, {
	WebSocket: Socket,
	document: new EventTarget(),
	location: { protocol: 'http:', host: 'here' },
	addEventListener: () => {},
	setInterval: () => 0,
	setTimeout: (then, ms) => timers.push([ms, then]),
	clearTimeout: () => {},
});

const { Session } = await import('../../web/session.js');

const turns = async () => {
	for (let i = 0; i < 20; i++)
		await null;
};
const little = (value, bytes) => Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));
const SUBSCRIBED = [0x43, little(0, 2), little(1, 4), little(0, 8), little(4, 4), little(1, 4), 8, 0, little(0, 4), 1, 0x6d,
	little(5, 4)];
const WELCOME = [0x47, Array(16).fill(0xab)];
const refused = (request, code, waitMs) => [0x46, little(0, 2), little(request, 8), code, little(waitMs, 4)];
const errorOf = (code, waitMs) => [0x49, code, 0, little(0xffff, 2), little(0, 8), little(waitMs, 4)];
const SUBSCRIBE = 0x01;
const PLACE = 0x03;

/** What GET /boards/m answers. */
let served;

/** A session that is live on a board of four cells. posts: what POST /session answers, in turn. */
async function live(...posts) {
	timers = [];
	served = INFO;
	globalThis.fetch = async (path) => {
		if (path === '/session')
			return posts.shift() ?? new Response('', { status: 503 });
		if (path.endsWith('/bitmap'))
			return new Response(new Uint8Array(4), { headers: { 'X-Board-Epoch': '1', 'X-Board-Seq': '0' } });
		return Response.json?.(served) ?? new Response(JSON.stringify(served));
	};
	const told = { troubles: [], waits: [], faced: [] };
	const session = new Session(INFO, {
		replaced: () => {}, changed: () => {}, moved: () => {}, online: () => {}, tooEarly: () => {}, placed: () => {},
		wait: (ms) => told.waits.push(ms), trouble: (text) => told.troubles.push(text), faced: (before) => told.faced.push(before),
	});
	session.connection.open();
	const socket = Socket.last;
	socket.open();
	return { session, socket, told };
}

const RED = { name: 'Red', rgb: '#ff0000' };
const BLUE = { name: 'Blue', rgb: '#0000ff' };
const INFO = {
	name: 'm', width: 4, height: 1, bits: 8, palette: [RED, BLUE], frozen: false, tag: 5, cooldown_ms: 0, online: 1,
};
/** The message board. */
const faceOf = (version, changes, board = 0) =>
	[0x4d, little(board, 2), little(version, 4), [...new TextEncoder().encode(JSON.stringify({ ...INFO, ...changes }))]];

/** Lets the wait end that comes first. @returns how long it was */
async function endWait() {
	await turns();
	const [ms, then] = timers.shift();
	then();
	await turns();
	return ms;
}

async function untilLive({ session, socket }) {
	socket.say(...SUBSCRIBED);
	while (session.state !== 'live')
		await (timers.length > 0 ? endWait() : new Promise((done) => setImmediate(done)));
}

const placesOf = ({ sent }) => sent.filter(([type]) => type === PLACE);

test('a placement that finds no room is sent again under its number, no earlier than the server says', async () => {
	const all = await live();
	const { session, socket, told } = all;
	socket.say(...WELCOME);
	await untilLive(all);
	session.place({ x: 1, y: 0 }, 2);
	const [{ request }] = [...session.pending];
	for (const code of [7, 12]) { /* overloaded, full */
		socket.say(...refused(request, code, 3000));
		assert.ok(await endWait() >= 3000);
	}
	assert.equal(placesOf(socket).length, 3);
	assert.deepEqual(placesOf(socket)[2], placesOf(socket)[0]);
	assert.equal(told.troubles.length, 1);
	assert.match(told.troubles[0], /sent again by itself/);
	assert.deepEqual(told.waits, [], 'it is no cooldown');
});

test('and not without end', async () => {
	const all = await live();
	const { session, socket, told } = all;
	socket.say(...WELCOME);
	await untilLive(all);
	session.place({ x: 1, y: 0 }, 2);
	const [{ request }] = [...session.pending];
	for (let i = 0; i < 4; i++) {
		socket.say(...refused(request, 7, 0));
		await endWait();
	}
	socket.say(...refused(request, 7, 0));
	assert.equal(placesOf(socket).length, 5);
	assert.deepEqual([[...session.pending], timers], [[], []]);
	assert.match(told.troubles.at(-1), /busy/);
});

test('what has no room when the connection breaks is not sent again: the server may know it', async () => {
	const all = await live();
	const { session, socket } = all;
	socket.say(...WELCOME);
	await untilLive(all);
	session.place({ x: 1, y: 0 }, 2);
	const [placement] = [...session.pending];
	socket.say(...refused(placement.request, 7, 0));
	await turns();
	session.connection.drop(socket);
	await endWait();
	assert.deepEqual([placement.state, placesOf(socket).length], ['lost', 1]);
});

test('a placement without a session is sent again once there is a welcome, and nobody is troubled', async () => {
	const all = await live(new Response(JSON.stringify({ token: 'abc' })));
	const { session, socket, told } = all;
	await untilLive(all);
	session.place({ x: 1, y: 0 }, 2);
	const [{ request }] = [...session.pending];
	socket.say(...refused(request, 9, 0));
	await new Promise((done) => setImmediate(done));
	assert.deepEqual([...socket.sent.at(-1)], [0x04, 0x61, 0x62, 0x63]);
	assert.equal(placesOf(socket).length, 1);
	socket.say(...WELCOME);
	assert.deepEqual(placesOf(socket)[1], placesOf(socket)[0]);
	assert.deepEqual([told.troubles, session.user], [[], 'ab'.repeat(16)]);
});

test('a subscription that finds no room is asked for again, no earlier than the server says', async () => {
	const all = await live();
	const { session, socket, told } = all;
	const asked = () => socket.sent.filter(([type]) => type === SUBSCRIBE).length;
	for (const [i, code] of [7, 6].entries()) { /* overloaded, too_fast */
		assert.equal(asked(), i + 1);
		socket.say(...errorOf(code, 3000));
		assert.ok(await endWait() >= 3000);
	}
	assert.equal(asked(), 3);
	await untilLive(all);
	assert.deepEqual([session.state, told.troubles], ['live', []]);

	socket.say(...errorOf(7, 3000)); /* about something else: the subscription stands */
	await turns();
	assert.deepEqual([timers.length, told.troubles.length], [0, 1]);
});

test('without a session to be had, nothing waits for one any longer', async () => {
	const all = await live();
	const { session, socket, told } = all;
	socket.say(...WELCOME);
	await untilLive(all);
	session.place({ x: 1, y: 0 }, 2);
	session.pending.lost(); /* whether it counts is open, and told to known people only */
	socket.say(...errorOf(9, 0));
	while (session.person.asking)
		await endWait();
	assert.deepEqual([...session.pending], []);
	assert.match(told.troubles.at(-1), /no session/);
});

test('what the board is after a change is known, and told once', async () => {
	const all = await live();
	const { session, socket, told } = all;
	await untilLive(all);
	socket.say(...faceOf(1, {}));
	assert.deepEqual(told.faced, [], 'nothing has changed');
	socket.say(...faceOf(2, { palette: [BLUE], frozen: true, cooldown_ms: 9000, tag: 6 }));
	assert.deepEqual([session.info.palette, session.frozen, session.cooldownMs], [[BLUE], true, 9000]);
	assert.deepEqual(told.faced.map(({ palette, frozen, cooldown_ms }) => [palette, frozen, cooldown_ms]), [[[RED, BLUE], false, 0]]);
	socket.say(...faceOf(2, { palette: [BLUE], frozen: true, cooldown_ms: 9000, tag: 6 })); /* a repetition */
	socket.say(...faceOf(1, {})); /* a late one */
	socket.say(...faceOf(3, { frozen: false }, 1)); /* of another board */
	assert.deepEqual([session.frozen, told.faced.length, session.state], [true, 1, 'live']);
});

test('a new subscription counts versions anew', async () => {
	const all = await live();
	const { session, socket } = all;
	await untilLive(all);
	socket.say(...faceOf(7, { frozen: true }));
	session.connection.drop(socket);
	timers = []; /* not by itself, too */
	session.connection.open();
	all.socket = Socket.last;
	all.socket.open();
	await untilLive(all);
	assert.equal(session.frozen, false);
	all.socket.say(...faceOf(1, { cooldown_ms: 3000 }));
	assert.equal(session.cooldownMs, 3000);
});

test('a board that was drawn in another palette meanwhile is resumed as it is', async () => {
	const all = await live();
	const { session, socket } = all;
	await untilLive(all);
	socket.say(...faceOf(2, { palette: [BLUE], tag: 6 }));
	session.connection.drop(socket);
	session.connection.open();
	Socket.last.open();
	Socket.last.say(0x43, little(0, 2), little(1, 4), little(0, 8), little(4, 4), little(1, 4), 8, 1, little(0, 4), 1, 0x6d, little(6, 4));
	assert.equal(session.state, 'live');
	assert.deepEqual(session.info.palette, [BLUE]);
});

test('a palette that was fetched before it changed is not taken', async () => {
	const all = await live();
	const { session, socket } = all;
	socket.say(...SUBSCRIBED);
	socket.say(...faceOf(2, { palette: [BLUE], tag: 6 }));
	for (let i = 0; i < 3; i++)
		await (timers.length > 0 ? endWait() : new Promise((done) => setImmediate(done)));
	assert.deepEqual([session.state, session.info.palette], ['loading', [BLUE]]);
	served = { ...INFO, palette: [BLUE], tag: 6 };
	while (session.state !== 'live')
		await (timers.length > 0 ? endWait() : new Promise((done) => setImmediate(done)));
	assert.deepEqual(session.info.palette, [BLUE]);
});
