/**
 * boot.test.mjs - web/boot.js in a page of the test: when it loads itself again.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';

const BOOT = readFileSync(new URL('../../web/boot.js', import.meta.url), 'utf8');

class Script {}

/** A page whose scripts come, or do not; a part that fails is told to boot.js. @returns how long it waited */
async function load(storage, comes) {
	const listeners = {};
	const waits = [];
	let reloads = 0;
	runInNewContext(BOOT, {
		HTMLScriptElement: Script,
		HTMLLinkElement: class {},
		document: { getElementById: () => null },
		location: { reload: () => reloads++ },
		sessionStorage: storage,
		fetch: async () => ({ status: 426, headers: new Map() }),
		setTimeout: (then, ms) => {
			waits.push(ms);
			then();
		},
		addEventListener: (name, then) => {
			listeners[name] = then;
		},
	});
	if (!comes)
		listeners.error({ target: new Script() });
	listeners.load();
	for (let i = 0; i < 20; i++)
		await null;
	assert.equal(reloads, comes ? 0 : 1);
	return waits;
}

function storageOf(map) {
	return { getItem: (key) => map.get(key) ?? null, setItem: (key, value) => map.set(key, value) };
}

test('a part that never comes is tried more and more rarely, and as before once it came', async () => {
	const storage = storageOf(new Map());
	for (const times of [1, 2, 4, 8]) {
		const [ms] = await load(storage, false);
		assert.ok(ms >= 1000 * times && ms < 4000 * times, `${ms} after ${times}`);
	}
	for (let i = 0; i < 20; i++)
		await load(storage, false);
	assert.ok((await load(storage, false))[0] < 4000 * 256);
	assert.deepEqual(await load(storage, true), []);
	assert.ok((await load(storage, false))[0] < 4000);
});

test('a page without storage loads itself again all the same', async () => {
	const [ms] = await load({ getItem: () => assert.fail(), setItem: () => assert.fail() }, false);
	assert.ok(ms >= 1000 && ms < 4000);
});
