/**
 * chromium.mjs - drives a headless Chromium by its DevTools protocol, over a pipe: no package, no port.
 *
 * Chromium.start() ▸ page() ▸ Page. Every page is a person of its own (own cookies), and remembers what the
 * browser complained about. Waiting is always for a condition; the deadline only ends a failed test.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DEADLINE_MS = 90000;
const GOODBYE_MS = 5000;
const FLAGS = [
	'--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--disable-extensions', '--mute-audio',
	'--disable-dev-shm-usage', '--remote-debugging-pipe',
];

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Asks until the answer is true, or fails and tells what was waited for. */
export async function until(what, ask) {
	const deadline = Date.now() + DEADLINE_MS;
	for (;;) {
		const answer = await ask();
		if (answer)
			return answer;
		if (Date.now() > deadline)
			throw new Error(`waited in vain until ${what}`);
		await sleep(40);
	}
}

export class Chromium {
	/** @param preferences what its only person has set, as Chromium keeps it; null: pages are of many people */
	static async start(program, preferences = null) {
		const chromium = new Chromium();
		chromium.folder = mkdtempSync(join(tmpdir(), 'pixeld-chromium-'));
		chromium.isOfOne = preferences !== null;
		if (chromium.isOfOne) {
			mkdirSync(join(chromium.folder, 'Default'));
			writeFileSync(join(chromium.folder, 'Default', 'Preferences'), JSON.stringify(preferences));
		}
		chromium.process = spawn(program, [...FLAGS, `--user-data-dir=${chromium.folder}`],
			{ stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
		chromium.gone = new Promise((done) => chromium.process.once('exit', done));
		chromium.gone.then(() => chromium.ended());
		chromium.process.stdio[3].on('error', () => {}); /* its end is told by the process */
		chromium.listen(chromium.process.stdio[4]);
		await chromium.call('Browser.getVersion');
		return chromium;
	}

	constructor() {
		this.id = 0;
		this.calls = new Map();
		this.pages = new Map();
		this.isGone = false;
	}

	/** Messages are JSON, each ended by a zero byte. */
	listen(stream) {
		let rest = '';
		stream.setEncoding('utf8');
		stream.on('data', (text) => {
			const parts = (rest + text).split('\0');
			rest = parts.pop();
			for (const part of parts)
				this.received(JSON.parse(part));
		});
	}

	received({ id, method, params, sessionId, result, error }) {
		if (id === undefined) {
			this.pages.get(sessionId)?.happened(method, params);
			return;
		}
		const { resolve, reject } = this.calls.get(id);
		this.calls.delete(id);
		if (error)
			reject(new Error(error.message));
		else
			resolve(result);
	}

	/** Nobody answers any more. */
	ended() {
		this.isGone = true;
		for (const { reject } of this.calls.values())
			reject(new Error('the browser is gone'));
		this.calls.clear();
	}

	call(method, params = {}, sessionId = undefined) {
		if (this.isGone)
			return Promise.reject(new Error('the browser is gone'));
		const id = ++this.id;
		this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
		return new Promise((resolve, reject) => this.calls.set(id, { resolve, reject }));
	}

	/** A page of a new person. screen: {width, height, phone}. */
	async page(url, screen = { width: 1200, height: 800 }) {
		const { browserContextId } = this.isOfOne ? {} : await this.call('Target.createBrowserContext');
		const { targetId } = await this.call('Target.createTarget', { url: 'about:blank', browserContextId });
		const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
		const page = new Page(this, sessionId);
		this.pages.set(sessionId, page);
		for (const domain of ['Page', 'Runtime', 'Log'])
			await page.call(`${domain}.enable`);
		await page.call('Emulation.setDeviceMetricsOverride', {
			width: screen.width, height: screen.height, deviceScaleFactor: screen.phone ? 2 : 1,
			mobile: !!screen.phone,
		});
		await page.call('Emulation.setTouchEmulationEnabled', { enabled: !!screen.phone });
		await page.call('Emulation.setFocusEmulationEnabled', { enabled: true });
		await page.call('Page.navigate', { url });
		return page;
	}

	async stop() {
		const impatience = setTimeout(() => this.process.kill('SIGKILL'), GOODBYE_MS);
		await Promise.race([this.call('Browser.close'), this.gone]).catch(() => {});
		await this.gone;
		clearTimeout(impatience);
		rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
	}
}

const KEYS = {
	Enter: 13, Escape: 27, Space: 32, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Tab: 9,
};

class Page {
	constructor(chromium, sessionId) {
		this.chromium = chromium;
		this.sessionId = sessionId;
		/** Errors, warnings and violations of the security policy that the browser reported. */
		this.complaints = [];
	}

	call(method, params) {
		return this.chromium.call(method, params, this.sessionId);
	}

	happened(method, params) {
		if (method === 'Runtime.exceptionThrown')
			this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
		if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type))
			this.complaints.push(params.args.map((arg) => arg.value ?? arg.description).join(' '));
		if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level))
			this.complaints.push(`${params.entry.source}: ${params.entry.text} ${params.entry.url ?? ''}`);
	}

	/** The value of an expression in the page. */
	async value(expression) {
		const { result, exceptionDetails } = await this.call('Runtime.evaluate',
			{ expression, returnByValue: true, awaitPromise: true });
		if (exceptionDetails)
			throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
		return result.value;
	}

	text(id) {
		return this.value(`document.getElementById('${id}')?.textContent ?? ''`);
	}

	until(what, expression) {
		return until(what, () => this.value(expression));
	}

	mouse(type, x, y, more = {}) {
		return this.call('Input.dispatchMouseEvent', { type, x, y, ...more });
	}

	async click(x, y) {
		await this.mouse('mouseMoved', x, y);
		await this.mouse('mousePressed', x, y, { button: 'left', clickCount: 1 });
		await this.mouse('mouseReleased', x, y, { button: 'left', clickCount: 1 });
	}

	touch(type, ...points) {
		return this.call('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y]) => ({ x, y })) });
	}

	/** Both at once: a finger that is held longer says something else. */
	tap(x, y) {
		return Promise.all([this.touch('touchStart', [x, y]), this.touch('touchEnd')]);
	}

	/** The middle of an element. */
	middleOf(selector) {
		return this.value(`(() => {
			const box = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
			return [box.x + box.width / 2, box.y + box.height / 2];
		})()`);
	}

	/** Presses a key by its code: Enter, ArrowLeft, Digit3, KeyK. */
	async press(code) {
		const key = code === 'Space' ? ' ' : code.replace(/^(Key|Digit)/, '').toLowerCase();
		const event = {
			code, key: KEYS[code] && code !== 'Space' ? code : key,
			windowsVirtualKeyCode: KEYS[code] ?? key.toUpperCase().charCodeAt(0),
		};
		await this.call('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...event });
		await this.call('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
	}

	/** Writes a picture of the page; for people who look for why a test fails. */
	async picture() {
		const { data } = await this.call('Page.captureScreenshot', { format: 'png' });
		return Buffer.from(data, 'base64');
	}
}
