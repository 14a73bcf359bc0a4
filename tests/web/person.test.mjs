/**
 * person.test.mjs - web/person.js: when a session is asked for, told, and given up.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';

import { Person } from '../../web/person.js';

const turns = () => new Promise((done) => setImmediate(done));
const refusal = (status, waitMs) => Object.assign(new Error(`${status}`), { status, waitMs });

/** A host that writes down what happens. answers: what POST /session gives, an error or a token, in turn. */
function person(...answers) {
	const seen = { told: [], asked: [], waits: [], troubles: [], gaveUp: 0 };
	const who = new Person({
		tell: (token) => seen.told.push(token),
		trouble: (text) => seen.troubles.push(text),
		gaveUp: () => seen.gaveUp++,
		newSession: async (token) => {
			seen.asked.push(token);
			const answer = answers.shift() ?? refusal(503, 1000);
			if (answer instanceof Error)
				throw answer;
			return { token: answer };
		},
		pause: async (ms) => seen.waits.push(ms),
	});
	who.opened();
	return { who, seen };
}

test('who is welcomed by the cookie asks for nothing', async () => {
	const { who, seen } = person();
	who.welcomed('anna');
	who.unwelcomed(true);
	await turns();
	assert.deepEqual([who.user, who.known, seen.asked, seen.told], ['anna', true, [], []]);
});

test('who only watches needs no session', async () => {
	const { who, seen } = person('t1');
	who.unwelcomed(false);
	await turns();
	assert.deepEqual([seen.asked, seen.told], [[], []]);
});

test('a placement that is refused for want of a session gets one, once for many', async () => {
	const { who, seen } = person('t1');
	who.refused(true);
	who.refused(true);
	await turns();
	assert.deepEqual([seen.asked, seen.told], [[''], ['t1']]);
	who.welcomed('anna');
	assert.deepEqual([who.known, who.user, seen.troubles], [true, 'anna', []]);
});

test('on the next connection the same session is told, unless the cookie was welcome', async () => {
	const { who, seen } = person('t1', 't2');
	who.refused(true);
	await turns();
	who.welcomed('anna');
	who.opened();
	who.unwelcomed(false);
	assert.deepEqual(seen.told, ['t1', 't1']);
	who.opened();
	who.welcomed('anna');
	who.unwelcomed(false);
	assert.deepEqual(seen.told, ['t1', 't1']);
	who.opened();
	who.unwelcomed(true);
	who.refused(true); /* the secret is another one */
	await turns();
	assert.deepEqual([seen.asked, seen.told.at(-1)], [['', 't1'], 't2']);
});

test('a session that ends while nothing waits for it is not asked for', async () => {
	const { who, seen } = person('t1');
	who.welcomed('anna');
	who.refused(false);
	await turns();
	assert.deepEqual([who.known, seen.asked], [false, []]);
});

test('a server without room for it is asked again, no earlier than it says, and this is told', async () => {
	const { who, seen } = person(refusal(429, 60000), refusal(503, 1000), 't1');
	who.refused(true);
	await turns();
	assert.deepEqual([seen.asked.length, seen.told, seen.gaveUp], [3, ['t1'], 0]);
	assert.ok(seen.waits[0] >= 60000 && seen.waits[1] >= 1000);
	assert.match(seen.troubles[0], /waits for one/);
});

test('who gets none gives up, and may begin anew', async () => {
	const { who, seen } = person(...Array(5).fill(refusal(403, 0)), 't1');
	who.refused(true);
	await turns();
	assert.deepEqual([seen.asked.length, seen.told, seen.gaveUp], [5, [], 1]);
	who.refused(true);
	await turns();
	assert.deepEqual(seen.told, ['t1']);
});

test('sessions that the server does not take are not asked for without end', async () => {
	const { who, seen } = person(...Array.from({ length: 20 }, (_, i) => `t${i}`));
	for (let i = 0; i < 6; i++) {
		who.refused(true);
		await turns();
	}
	assert.deepEqual([seen.asked.length, seen.gaveUp], [5, 1]);
});
