/**
 * browser_origins.mjs - pages of other sites in headless Chromium, which decides by itself what they may
 * read: one that the server lists, and one that it does not.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';

import { REFUSED, browserTest, chromium, visitLink } from './lib/browsing.mjs';

/** A site of its own with one empty page. */
async function site() {
	const server = createServer((_, answer) => {
		answer.setHeader('Content-Type', 'text/html; charset=utf-8');
		answer.end('<!doctype html><title>another site</title><link rel=icon href="data:,">');
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return { url: `http://127.0.0.1:${server.address().port}`, server };
}

const [listed, other] = [await site(), await site()];
/** What a browser says by itself of a page that may not read an answer. */
const KEPT_BACK = new RegExp(`${REFUSED.source}|has been blocked by CORS policy|WebSocket connection to`);

/** What the page gets for a request, as far as the browser lets it see: null when it sees nothing. */
const ask = (page, url, options = {}) => page.value(`fetch(${JSON.stringify(url)}, ${JSON.stringify(options)})
	.then(async (answer) => ({
		status: answer.status, body: await answer.text(), seq: answer.headers.get('X-Board-Seq'),
		tag: answer.headers.get('ETag'), wait: answer.headers.get('X-Wait-Ms'), retry: answer.headers.get('Retry-After'),
	}), () => null)`);

const connects = (page, server) => page.value(`new Promise((done) => {
	const socket = new WebSocket('${server.url.replace('http', 'ws')}/ws', 'pixeld.v1.json');
	socket.onopen = () => { socket.close(); done(true); };
	socket.onerror = () => done(false);
})`);

const put = (color, token) => ({
	method: 'PUT', body: JSON.stringify({ color }), credentials: 'include',
	headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'Idempotency-Key': `key-${color}` },
});

browserTest('a page of a listed origin places, and reads why it may not', ['--cooldown-ms', '1h', '--origin', listed.url],
	async (server) => {
		const page = await visitLink(listed.url);
		await page.until('the page is there', 'document.title === "another site"');
		const session = await ask(page, `${server.url}/session`, { method: 'POST', credentials: 'include' });
		assert.equal(session.status, 200);
		const { token } = JSON.parse(session.body);
		const pixel = `${server.url}/boards/main/pixels/3/4`;
		assert.equal((await ask(page, pixel, put(5, token))).status, 200);
		const refused = await ask(page, pixel, put(6, token));
		assert.equal(refused.status, 429);
		assert.equal(JSON.parse(refused.body).error.code, 'cooldown');
		assert.ok(Number(refused.wait) > 0 && Number(refused.retry) > 0);
		assert.equal((await ask(page, pixel, put(7, 'nonsense'))).status, 401);
		const board = await ask(page, `${server.url}/boards/main/bitmap`, { credentials: 'include', cache: 'no-store' });
		assert.deepEqual([board.status, board.seq], [200, '1']);
		const again = await ask(page, `${server.url}/boards/main/bitmap?seq=1`,
			{ credentials: 'include', cache: 'no-store', headers: { 'If-None-Match': board.tag } });
		assert.equal(again.status, 304);
		assert.equal((await ask(page, `${server.url}/boards/main/bitmap?seq=9`)).status, 404);
		assert.equal(await connects(page, server), true);
	}, REFUSED);

browserTest('a page of another origin reads boards, and cannot act', ['--cooldown-ms', '0', '--origin', listed.url],
	async (server) => {
		const page = await visitLink(other.url);
		await page.until('the page is there', 'document.title === "another site"');
		const board = await ask(page, `${server.url}/boards/main/bitmap`);
		assert.deepEqual([board.status, board.seq], [200, '0']);
		assert.equal((await ask(page, `${server.url}/boards/main/bitmap?seq=9`)).status, 404);
		assert.equal((await ask(page, `${server.url}/boards/none`)).status, 404);
		assert.equal(await ask(page, `${server.url}/session`, { method: 'POST' }), null);
		assert.equal(await ask(page, `${server.url}/metrics`), null);
		const token = (await server.person()).Authorization.slice(7);
		assert.equal(await ask(page, `${server.url}/boards/main/pixels/3/4`, put(5, token)), null);
		assert.equal(await connects(page, server), false);
		assert.equal((await server.info()).seq, 0);
		assert.match(server.log, new RegExp(`origin_refused origin=${other.url} host=127\\.0\\.0\\.1:${server.port} `));
	}, KEPT_BACK);

test('the browser ends', async () => {
	listed.server.close();
	other.server.close();
	await chromium.stop();
});
