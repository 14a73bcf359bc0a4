/**
 * browsing.mjs - what scenarios in a browser share: a pixeld of their own, pages, and what a canvas shows.
 *
 * PIXELD names the server, else it is server/pixeld in PIXELD_BUILD; CHROMIUM names the browser. Ends
 * with 77 when one of them is missing. PIXELD_PICTURES names a folder for a picture of every page at its end.
 * Importing it starts the browser; the last test of a file stops it.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Chromium, until } from '../chromium.mjs';

const PIXELD = process.env.PIXELD ?? process.argv[2] ??
	(process.env.PIXELD_BUILD ? join(process.env.PIXELD_BUILD, 'server', 'pixeld') : 'build/release/server/pixeld');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PICTURES = process.env.PIXELD_PICTURES;
export const PHONE = { width: 390, height: 844, phone: true };
export const ZOOM = 24;
/** Ends a test that hangs; none takes so long. */
const LIMIT_MS = 300000;

for (const program of [PIXELD, CHROMIUM])
	if (!existsSync(program)) {
		console.error(`browser: ${program} is missing`);
		process.exit(77);
	}

/** A pixeld on a port and a folder of its own, which survive kill() and start(). */
export class Server {
	static async begin(...flags) {
		const server = new Server();
		server.port = 0; /* the kernel chooses, at the first start */
		server.folder = mkdtempSync(join(tmpdir(), 'pixeld-browser-'));
		server.flags = flags;
		try {
			await server.start();
		} catch (failure) {
			await server.clear();
			throw failure;
		}
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
			this.port ||= Number(/listening address=127\.0\.0\.1:(\d+)/.exec(this.log)?.[1] ?? 0);
			return this.port && fetch(`${this.url}/boards`).then((answer) => answer.ok, () => false);
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

	/** Takes placements back, as the operator. */
	async rollback(conditions) {
		const token = readFileSync(join(this.folder, 'admin.token'), 'utf8').trim();
		const answer = await fetch(`${this.url}/boards/main/rollback`,
			{ method: 'POST', body: JSON.stringify(conditions), headers: { 'Authorization': `Bearer ${token}` } });
		assert.equal(answer.status, 200, await answer.text());
	}
}

export const chromium = await Chromium.start(CHROMIUM);

/** Browsers of the test that runs, besides the common one. */
let browsers = [];

/** A browser of a person who has set something else, until the test ends. */
export async function chromiumWith(preferences) {
	browsers.push(await Chromium.start(CHROMIUM, preferences));
	return browsers.at(-1);
}
/** Pages of the test that runs, for the picture and for what the browser complained about. */
let open = [];

/** Opens a page of a new person. */
export async function visitLink(link, screen, browser = chromium) {
	const page = await browser.page(link, screen);
	open.push(page);
	return page;
}

/** Where a person looks at a cell. */
export const linkTo = (server, { x, y }) => `${server.url}/#x=${x}&y=${y}&z=${ZOOM}`;

export const untilState = (page, state) =>
	page.until(`the page says ${state}`, `document.getElementById('state')?.textContent === '${state}'`);

/** Opens the page of a person who looks at a cell, and waits until it is live. */
export async function visit(server, cell, screen, browser) {
	const page = await visitLink(linkTo(server, cell), screen, browser);
	await untilState(page, 'Live');
	await page.value('window.sameAsBefore = true');
	return page;
}

/** Where a cell is on the screen, found by asking the page what lies under the mouse. */
export async function spotOf(page, { x, y }) {
	const middle = await page.value('[innerWidth / 2, innerHeight / 2]');
	await page.mouse('mouseMoved', ...middle);
	const cell = await page.until('the page tells the cell',
		`document.getElementById('where').textContent.match(/^(\\d+), (\\d+)/)?.slice(1).map(Number)`);
	return [middle[0] + (x - cell[0]) * ZOOM, middle[1] + (y - cell[1]) * ZOOM];
}

/**
 * The colors that the page shows at so many cells from a spot on, as #rrggbb, row by row. Read from a copy,
 * so that drawing stays as it is.
 */
export function shownFrom(page, [x, y], columns, rows) {
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

export const shownAt = async (page, spot) => (await shownFrom(page, spot, 1, 1))[0];

export function untilShown(page, spot, rgb) {
	return until(`${rgb} is shown`, async () => (await shownAt(page, spot)) === rgb);
}

export const bitmapsFetched = (page) =>
	page.value(`performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/bitmap')).length`);

/**
 * Writes down every text (or other property) that an element has from now on, also those that come and go before
 * anybody can ask.
 * @returns asks for them, oldest first
 */
export async function textsOf(page, id, property = 'textContent') {
	await page.value(`{
		const element = document.getElementById('${id}');
		const texts = (window.textsSeen ??= {})['${id}'] = [element.${property}];
		new MutationObserver(() => texts.push(element.${property}))
			.observe(element, { attributes: true, childList: true, characterData: true, subtree: true });
	}`);
	return () => page.value(`window.textsSeen['${id}']`);
}

/** A test that begins with a server and ends with nothing left and nothing complained about. */
export function browserTest(name, flags, body, allowed = /^$/) {
	test(name, { timeout: LIMIT_MS }, async () => {
		const server = await Server.begin(...flags);
		[open, browsers] = [[], []];
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
			for (const browser of browsers)
				await browser.stop();
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

export const FREE = ['--cooldown-ms', '0'];
/** What a browser says by itself while the server is away, and when it is back just as the page asks why. */
export const OUTAGE = /WebSocket connection to .* failed|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|status of 426/;
/** What a browser says by itself of answers that are no 200. */
export const REFUSED = /Failed to load resource/;
