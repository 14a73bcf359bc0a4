/**
 * browser.mjs - the page in headless Chromium against a real pixeld: what people see and do.
 *
 * PIXELD names the server, else it is server/pixeld in PIXELD_BUILD; CHROMIUM names the browser. Ends
 * with 77 when one of them is missing. PIXELD_PICTURES names a folder for a picture of every page at its end.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Chromium, until } from './chromium.mjs';

const PIXELD = process.env.PIXELD ?? process.argv[2] ??
	(process.env.PIXELD_BUILD ? join(process.env.PIXELD_BUILD, 'server', 'pixeld') : 'build/release/server/pixeld');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PICTURES = process.env.PIXELD_PICTURES;
const PHONE = { width: 390, height: 844, phone: true };
const ZOOM = 24;

for (const program of [PIXELD, CHROMIUM])
	if (!existsSync(program)) {
		console.error(`browser.mjs: ${program} is missing`);
		process.exit(77);
	}

function freePort() {
	return new Promise((done) => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => done(port));
		});
	});
}

/** A pixeld on a port and a folder of its own, which survive kill() and start(). */
class Server {
	static async begin(...flags) {
		const server = new Server();
		server.port = await freePort();
		server.folder = mkdtempSync(join(tmpdir(), 'pixeld-browser-'));
		server.flags = flags;
		await server.start();
		return server;
	}

	get url() {
		return `http://127.0.0.1:${this.port}`;
	}

	async start() {
		this.process = spawn(PIXELD, ['--listen', `127.0.0.1:${this.port}`, '--data', this.folder, ...this.flags],
			{ stdio: ['ignore', 'ignore', 'pipe'] });
		this.log = '';
		this.process.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
		this.gone = new Promise((done) => this.process.once('exit', done));
		await until('the server is ready', async () => {
			if (this.process.exitCode !== null)
				throw new Error(`pixeld ended with ${this.process.exitCode}: ${this.log}`);
			return fetch(`${this.url}/boards`).then((answer) => answer.ok, () => false);
		});
	}

	async kill(signal = 'SIGKILL') {
		this.process.kill(signal);
		await this.gone;
	}

	/** Stops it as an operator does. */
	async end() {
		await this.kill('SIGTERM');
		assert.equal(this.process.exitCode, 0, this.log);
	}

	/** Leaves nothing behind, whatever happened. */
	async clear() {
		await this.kill();
		rmSync(this.folder, { recursive: true, force: true });
	}

	async info() {
		return (await fetch(`${this.url}/boards/main`)).json();
	}

	async colorAt(x, y) {
		return (await (await fetch(`${this.url}/boards/main/pixels/${x}/${y}`)).json()).color;
	}

	/** Somebody without a browser, as the headers of a request. */
	async person() {
		const { token } = await (await fetch(`${this.url}/session`, { method: 'POST' })).json();
		return { 'Authorization': `Bearer ${token}`, 'Content-Type': 'application/json' };
	}

	async place(x, y, color, headers) {
		const answer = await fetch(`${this.url}/boards/main/pixels/${x}/${y}`,
			{ method: 'PUT', body: JSON.stringify({ color }), headers });
		assert.equal(answer.status, 200, await answer.text());
	}
}

const chromium = await Chromium.start(CHROMIUM);
/** Pages of the test that runs, for the picture and for what the browser complained about. */
let open = [];

/** Opens the page of a person who looks at a cell, and waits until it is live. */
async function visit(server, { x, y }, screen) {
	const page = await chromium.page(`${server.url}/#x=${x}&y=${y}&z=${ZOOM}`, screen);
	open.push(page);
	await page.until('the page is live', `document.getElementById('state')?.textContent === 'Live'`);
	await page.value('window.sameAsBefore = true');
	return page;
}

/** Where a cell is on the screen, found by asking the page what lies under the mouse. */
async function spotOf(page, { x, y }) {
	const middle = await page.value('[innerWidth / 2, innerHeight / 2]');
	await page.mouse('mouseMoved', ...middle);
	const cell = await page.until('the page tells the cell',
		`document.getElementById('where').textContent.match(/^(\\d+), (\\d+)/)?.slice(1).map(Number)`);
	return [middle[0] + (x - cell[0]) * ZOOM, middle[1] + (y - cell[1]) * ZOOM];
}

/**
 * The colours that the page shows at so many cells from a spot on, as #rrggbb, row by row. Read from a copy,
 * so that drawing stays as it is.
 */
function shownFrom(page, [x, y], columns, rows) {
	return page.value(`(() => {
		const canvas = document.getElementById('canvas');
		const ratio = canvas.width / innerWidth;
		const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
		copy.drawImage(canvas, 0, 0);
		const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
		return Array.from({ length: ${columns * rows} }, (_, i) => {
			const column = Math.floor((${x} + i % ${columns} * ${ZOOM}) * ratio);
			const row = Math.floor((${y} + Math.floor(i / ${columns}) * ${ZOOM}) * ratio);
			const at = (row * canvas.width + column) * 4;
			return '#' + [...data.slice(at, at + 3)].map((b) => b.toString(16).padStart(2, '0')).join('');
		});
	})()`);
}

const shownAt = async (page, spot) => (await shownFrom(page, spot, 1, 1))[0];

function untilShown(page, spot, rgb) {
	return until(`${rgb} is shown`, async () => (await shownAt(page, spot)) === rgb);
}

const bitmapsFetched = (page) =>
	page.value(`performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/bitmap')).length`);

/** A test that begins with a server and ends with nothing left and nothing complained about. */
function browserTest(name, flags, body, allowed = /^$/) {
	test(name, { timeout: 120000 }, async () => {
		const server = await Server.begin(...flags);
		open = [];
		try {
			await body(server, (await server.info()).palette);
			for (const page of open)
				assert.deepEqual(page.complaints.filter((text) => !allowed.test(text)), []);
			await server.end();
		} finally {
			await picturesOf(name);
			await server.clear();
			for (const page of open)
				await page.call('Page.close');
		}
	});
}

async function picturesOf(name) {
	if (!PICTURES)
		return;
	mkdirSync(PICTURES, { recursive: true });
	for (const [i, page] of open.entries())
		writeFileSync(join(PICTURES, `${name.replaceAll(/\W+/g, '-')}-${i + 1}.png`), await page.picture());
}

const FREE = ['--cooldown-ms', '0'];
/** What a browser says by itself while the server is away. */
const OUTAGE = /WebSocket connection to .* failed|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET/;

browserTest('one draws, the other sees it', FREE, async (server, palette) => {
	const cell = { x: 300, y: 200 };
	const [painter, watcher] = [await visit(server, cell), await visit(server, cell)];
	const spot = await spotOf(painter, cell);
	await painter.press('Digit6');
	await painter.click(...spot);
	await untilShown(watcher, spot, palette[5].rgb);
	await untilShown(painter, spot, palette[5].rgb);
	assert.equal(await server.colorAt(cell.x, cell.y), 5);
	assert.equal(await bitmapsFetched(watcher), 1);
	await watcher.until('both are counted', `document.getElementById('online-count').textContent === '2'`);
});

browserTest('the server is killed and comes back: both resume, without reload or fetch', FREE,
	async (server, palette) => {
		const [cell, missed] = [{ x: 500, y: 500 }, { x: 502, y: 500 }];
		const [painter, watcher] = [await visit(server, cell), await visit(server, cell)];
		const spot = await spotOf(painter, cell);
		const missedSpot = await spotOf(watcher, missed);
		await painter.press('Digit7');
		await painter.click(...spot);
		await untilShown(watcher, spot, palette[6].rgb);

		await server.kill();
		for (const page of [painter, watcher])
			await page.until('the page knows', `document.getElementById('state').textContent !== 'Live'`);
		await server.start();
		await server.place(missed.x, missed.y, 13, await server.person());
		for (const page of [painter, watcher]) {
			await page.until('the page is live', `document.getElementById('state').textContent === 'Live'`);
			await untilShown(page, missedSpot, palette[13].rgb);
			assert.equal(await shownAt(page, spot), palette[6].rgb);
		}
		await painter.press('Digit5');
		await painter.click(...spot);
		await untilShown(watcher, spot, palette[4].rgb);
		for (const page of [painter, watcher]) {
			assert.equal(await page.value('window.sameAsBefore'), true);
			assert.equal(await bitmapsFetched(page), 1);
		}
	}, OUTAGE);

browserTest('a placement that the server never saw is taken back, and told', FREE, async (server, palette) => {
	const cell = { x: 600, y: 100 };
	const page = await visit(server, cell);
	const spot = await spotOf(page, cell);
	await page.press('Digit6');
	server.process.kill('SIGSTOP');
	await page.click(...spot);
	await page.mouse('mouseMoved', spot[0] + 5 * ZOOM, spot[1]);
	await untilShown(page, spot, palette[5].rgb);
	await server.kill();
	await server.start();
	await page.until('the page tells', `/before your pixel was saved/.test(document.getElementById('toasts').textContent)`);
	await untilShown(page, spot, palette[0].rgb);
	assert.equal(await server.colorAt(cell.x, cell.y), 0);
}, OUTAGE);

browserTest('pages opened before and in a burst show the board that the server has',
	[...FREE, '--requests-per-second', '0'],
	async (server, palette) => {
		const side = 20;
		const corner = { x: 400, y: 400 };
		const middle = { x: corner.x + side / 2, y: corner.y + side / 2 };
		const headers = await server.person();
		const pages = [await visit(server, middle)];
		let placed = 0;
		const painter = async () => {
			while (placed < 900) {
				const n = placed++;
				const cell = (n * 7919) % (side * side);
				await server.place(corner.x + (cell % side), corner.y + Math.floor(cell / side), (n * 31) % 16,
					headers);
			}
		};
		const painters = Array.from({ length: 6 }, painter);
		await until('the burst is on', () => placed > 100);
		pages.push(await visit(server, middle));
		await Promise.all(painters);

		const { width, bits } = await server.info();
		const bitmap = new Uint8Array(await (await fetch(`${server.url}/boards/main/bitmap`)).arrayBuffer());
		assert.equal(bits, 4);
		const want = Array.from({ length: side * side }, (_, i) => {
			const cell = (corner.y + Math.floor(i / side)) * width + corner.x + (i % side);
			return palette[(bitmap[cell >> 1] >> (cell % 2 ? 0 : 4)) & 15].rgb;
		});
		assert.ok(new Set(want).size > 8);
		for (const page of pages) {
			const spot = await spotOf(page, corner);
			await page.mouse('mouseMoved', 5, 400);
			await until('the page shows the same board', async () =>
				JSON.stringify(await shownFrom(page, spot, side, side)) === JSON.stringify(want));
		}
	});

browserTest('a pixel is placed with the keyboard alone', FREE, async (server) => {
	const page = await visit(server, { x: 40, y: 60 });
	await page.press('Tab');
	assert.equal(await page.value('document.activeElement.id'), 'canvas');
	for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowLeft'])
		await page.press(key);
	await page.until('the cursor has moved', `document.getElementById('where').textContent.startsWith('41, 61')`);
	await page.until('it is said', `document.getElementById('say').textContent.startsWith('41, 61')`);
	await page.press('KeyK');
	await page.press('KeyK');
	await page.press('KeyK');
	await page.press('KeyJ');
	await page.press('KeyK');
	await page.press('Enter');
	await until('it is placed', async () => (await server.colorAt(41, 61)) === 2);
	await page.press('Digit0');
	await page.press('ArrowUp');
	await page.press('Space');
	await until('it is placed', async () => (await server.colorAt(41, 60)) === 9);
	await page.press('Escape');
	assert.equal(await page.value(`document.querySelector('#palette input:checked')`), null);
});

browserTest('the cooldown is shown, and over when it is over', ['--cooldown-ms', '5000'],
	async (server, palette) => {
		const cell = { x: 10, y: 900 };
		const page = await visit(server, cell);
		const spot = await spotOf(page, cell);
		await page.press('Digit4');
		await page.click(...spot);
		await page.until('it counts down', `/^0:0[1-5]$/.test(document.getElementById('cooldown').textContent)`);
		assert.match(await page.value('document.title'), /^0:0\d · main/);
		await page.click(spot[0] + ZOOM, spot[1]);
		await page.until('the page asks to wait', `/ready in 0:0\\d/.test(document.getElementById('toasts').textContent)`);
		await page.until('the wait is over', `document.getElementById('cooldown').textContent === 'Ready to place'`);
		assert.equal(await server.colorAt(cell.x + 1, cell.y), 0);
		await page.click(spot[0] + ZOOM, spot[1]);
		await untilShown(page, [spot[0] + ZOOM, spot[1]], palette[3].rgb);
		await until('it is placed', async () => (await server.colorAt(cell.x + 1, cell.y)) === 3);
	});

browserTest('the cooldown is still there for who comes back', ['--cooldown-ms', '60000'], async (server) => {
	const cell = { x: 10, y: 10 };
	const page = await visit(server, cell);
	const spot = await spotOf(page, cell);
	await page.press('Digit4');
	await page.click(...spot);
	await page.until('it counts down', `/^0:\\d\\d|^1:00/.test(document.getElementById('cooldown').textContent)`);
	await page.call('Page.reload');
	await page.until('the page is new', 'window.sameAsBefore === undefined');
	await page.until('it counts down', `/^0:\\d\\d/.test(document.getElementById('cooldown')?.textContent)`);
});

browserTest('on a phone a pixel is placed by tap and confirmation', FREE, async (server, palette) => {
	const cell = { x: 700, y: 300 };
	const page = await visit(server, cell, PHONE);
	const where = `document.getElementById('where').textContent.match(/^(\\d+), (\\d+)/)?.slice(1).map(Number)`;
	await page.tap(...await page.middleOf('#palette input[value="10"]'));
	await page.tap(190, 300);
	const [x, y] = await page.until('the cell is chosen', where);
	await page.until('the page asks', `!document.getElementById('confirm').hidden`);
	await page.tap(...await page.middleOf('#confirm-no'));
	await page.until('the page asks no more', `document.getElementById('confirm').hidden`);
	assert.equal(await server.colorAt(x, y), 0);

	await page.tap(190, 300 + 3 * ZOOM);
	assert.deepEqual(await page.until('the cell is chosen', where), [x, y + 3]);
	await page.until('the page asks', `!document.getElementById('confirm').hidden`);
	await page.tap(...await page.middleOf('#confirm-yes'));
	await until('it is placed', async () => (await server.colorAt(x, y + 3)) === 10);
	await untilShown(page, [190, 300 + 3 * ZOOM], palette[10].rgb);

	const sizes = await page.value(`[...document.querySelectorAll('button, a, label')]
		.map((e) => e.getBoundingClientRect()).filter((box) => box.width > 0)
		.map((box) => Math.min(box.width, box.height))`);
	assert.ok(sizes.length > 20 && Math.min(...sizes) >= 44);
	assert.equal(await page.value('document.documentElement.scrollWidth'), PHONE.width);
});

browserTest('two fingers zoom, one moves, the address follows', FREE, async (server) => {
	const page = await visit(server, { x: 500, y: 500 }, PHONE);
	const zoomNow = `Number(new URLSearchParams(location.hash.slice(1)).get('z'))`;
	await page.touch('touchStart', [150, 300], [250, 300]);
	await page.touch('touchMove', [175, 300], [225, 300]);
	await page.touch('touchEnd');
	await page.until('the view is smaller', `Math.abs(${zoomNow} - ${ZOOM / 2}) < 0.5`);
	await page.touch('touchStart', [200, 300]);
	await page.touch('touchMove', [260, 300]);
	await page.touch('touchMove', [300, 300]);
	await page.touch('touchEnd');
	await page.until('the view has moved', `Number(new URLSearchParams(location.hash.slice(1)).get('x')) < 495`);
	assert.equal(await server.colorAt(500, 500), 0);
});

browserTest('who placed a pixel is told', FREE, async (server) => {
	await server.place(77, 88, 5, await server.person());
	const page = await visit(server, { x: 77, y: 88 });
	await page.click(...await spotOf(page, { x: 77, y: 88 }));
	await page.until('the card is there', `!document.getElementById('info').hidden`);
	assert.match(await page.text('info-at'), /77, 88/);
	await page.until('the server has answered', `document.getElementById('info-who').textContent !== '…'`);
	await page.press('Escape');
	assert.equal(await page.value(`document.getElementById('info').hidden`), true);
});

browserTest('the page is strict about where things come from', FREE, async (server) => {
	const answer = await fetch(`${server.url}/`);
	assert.match(answer.headers.get('content-security-policy'), /^default-src 'self'/);
	assert.match(answer.headers.get('cache-control'), /no-store/);
	const page = await visit(server, { x: 1, y: 1 });
	const names = await page.value(`performance.getEntriesByType('resource').map((e) => e.name)
		.filter((name) => /\\.(js|css|svg)$/.test(name))`);
	assert.ok(names.length > 10);
	for (const name of names) {
		assert.match(name, /\/assets\/[\w-]+\.[0-9a-f]{16}\.\w+$/);
		assert.match((await fetch(name)).headers.get('cache-control'), /max-age=31536000.*immutable/);
	}
});

test('the browser ends', () => chromium.stop());
