/**
 * browser_first_hour.mjs - what goes wrong in the first hour of a board, and what the page makes of it: whose
 * pixels are mine, no cookies, a new secret, a full server.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { until } from './chromium.mjs';
import {
	FREE, OUTAGE, REFUSED, bitmapsFetched, browserTest, chromium, chromiumWith, linkTo, spotOf, textsOf, untilShown,
	untilState, visit, visitLink,
} from './lib/browsing.mjs';

const CELL = { x: 300, y: 200 };
const toasts = (page) => page.text('toasts');

/** Clients that take the place of others: each holds one connection. */
class Holders {
	/** @param server its clients may be quiet for as long as they like */
	constructor(server) {
		this.server = server;
		this.sockets = new Set();
	}

	/** @returns whether there was room for one more */
	async enter() {
		const socket = connect(this.server.port, '127.0.0.1');
		const said = await new Promise((done) => {
			socket.once('data', (data) => done(String(data))).once('error', () => done('')).once('close', () => done(''));
			socket.write('GET /boards HTTP/1.1\r\nHost: x\r\n\r\n');
		});
		socket.on('error', () => {});
		if (!said.startsWith('HTTP/1.1 200 ')) {
			socket.destroy();
			return false;
		}
		this.sockets.add(socket);
		return true;
	}

	/** Takes all the room that there is. */
	async fill() {
		while (await this.enter())
			; /* and one more */
	}

	leave() {
		for (const socket of this.sockets)
			socket.destroy();
		this.sockets.clear();
	}
}

const SMALL = [...FREE, '--clients-max', '20', '--http-idle-timeout-ms', '3600000'];

/** Places a color by the page, and waits until the server has it. */
async function placeBy(page, server, digit, cell = CELL) {
	const spot = await spotOf(page, cell);
	await page.press(`Digit${digit}`);
	await page.click(...spot);
	await until('it is placed', async () => (await server.colorAt(cell.x, cell.y)) === digit - 1);
	return spot;
}

/** Waits until the card of the pixel under the cursor says it. */
async function cardSays(page, spot, words) {
	await page.press('Escape');
	await page.click(...spot);
	await page.until(`the card says ${words}`, `${words}.test(document.getElementById('info-who').textContent)`);
	await page.press('Escape');
}

const userOf = async (server, { x, y }) =>
	(await (await fetch(`${server.url}/boards/main/pixels/${x}/${y}`)).json()).user;

browserTest('placed by you is told to who has only a cookie, also after a reload', FREE, async (server) => {
	const page = await visit(server, CELL);
	const other = { x: CELL.x + 2, y: CELL.y };
	await server.place(other.x, other.y, 7, await server.person());
	const spot = await placeBy(page, server, 6);
	await cardSays(page, spot, /^by you, /);
	await cardSays(page, await spotOf(page, other), /^by [0-9a-f]{8}, /);
	await page.call('Page.reload');
	await page.until('the page is new', 'window.sameAsBefore === undefined');
	await untilState(page, 'Live');
	await cardSays(page, await spotOf(page, CELL), /^by you, /);
});

browserTest('without cookies a pixel is placed all the same, and by the same person after a break', FREE,
	async (server, palette) => {
		const browser = await chromiumWith({ profile: { default_content_setting_values: { cookies: 2 } } });
		const page = await visit(server, CELL, undefined, browser);
		assert.equal(await page.value(`document.cookie = 'a=b', document.cookie`), '');
		const spot = await placeBy(page, server, 6);
		await untilShown(page, spot, palette[5].rgb);
		assert.equal(await toasts(page), '', 'nobody has to know');
		await cardSays(page, spot, /^by you, /);
		const user = await userOf(server, CELL);
		await server.kill();
		await page.until('the page knows', `document.getElementById('state').textContent !== 'Live'`);
		await server.start();
		await untilState(page, 'Live');
		const next = { x: CELL.x + 1, y: CELL.y };
		await placeBy(page, server, 7, next);
		assert.equal(await userOf(server, next), user);
	}, OUTAGE);

browserTest('after a new secret the page gets a session and sends the pixel again', FREE, async (server, palette) => {
	const page = await visit(server, CELL);
	await placeBy(page, server, 6);
	const before = await userOf(server, CELL);
	await server.kill();
	await page.until('the page knows', `document.getElementById('state').textContent !== 'Live'`);
	rmSync(join(server.folder, 'session.secret'));
	await server.start();
	await untilState(page, 'Live');
	const spot = await placeBy(page, server, 7);
	await untilShown(page, spot, palette[6].rgb);
	assert.equal(await toasts(page), '', 'nobody has to know');
	assert.notEqual(await userOf(server, CELL), before);
	await cardSays(page, spot, /^by you, /);
	assert.equal(await bitmapsFetched(page), 1);
	assert.equal(await page.value('window.sameAsBefore'), true);
}, OUTAGE);

browserTest('while no session is to be had the pixel waits for one, and this is told', FREE, async (server, palette) => {
	const page = await visit(server, CELL);
	await page.call('Network.enable');
	await page.call('Network.clearBrowserCookies');
	/* The next question for a session gets this answer; after it the server's counts. */
	await page.value(`window.serverFetch = window.fetch;
		window.fetch = (path, options) => {
			if (path !== '/session')
				return window.serverFetch(path, options);
			window.fetch = window.serverFetch;
			return Promise.resolve(new Response('{}', { status: 429, headers: { 'Retry-After': '1' } }));
		}; 0`);
	await server.kill();
	await page.until('the page knows', `document.getElementById('state').textContent !== 'Live'`);
	await server.start();
	await untilState(page, 'Live');
	const said = await textsOf(page, 'toasts');
	const spot = await placeBy(page, server, 6);
	await untilShown(page, spot, palette[5].rgb);
	assert.match((await said()).join(), /gives out no sessions .* waits for one/);
}, OUTAGE);

/** Writes the settings of a server that is down. */
function settingsSay(server, size, ...palette) {
	writeFileSync(`${server.folder}.conf`, `[board "main"]\nsize = ${size}\npalette = ${palette.join(', ')}\n`);
	server.flags = [...FREE, '--config', `${server.folder}.conf`];
}

const [WHITE, RED, GREEN, BLUE] = ['white:#ffffff', 'red:#ff2020', 'green:#20a020', 'blue:#2020ff'];

/** Stops the server, and starts it anew once the page knows; what happens in between is the operator's. */
async function restart(page, server, between) {
	await server.kill('SIGTERM');
	await page.until('the page knows', `document.getElementById('state').textContent !== 'Live'`);
	between();
	await server.start();
}

browserTest('another palette is drawn by pages that resume, and the chosen color stays the same', FREE,
	async (server) => {
		await server.kill('SIGTERM');
		settingsSay(server, '1000x1000:4', WHITE, RED, GREEN);
		await server.start();
		try {
			const page = await visit(server, CELL);
			const spot = await placeBy(page, server, 2);
			await untilShown(page, spot, '#ff2020');
			await page.press('Digit3');
			await restart(page, server, () => settingsSay(server, '1000x1000:4', WHITE, BLUE, RED, GREEN));
			await page.mouse('mouseMoved', 5, 300);
			await untilShown(page, spot, '#2020ff');
			await untilState(page, 'Live');
			const swatches = await page.value(`[...document.querySelectorAll('#palette input')].map((input) =>
				[input.getAttribute('aria-label'), input.checked])`);
			assert.deepEqual(swatches, [['White', false], ['Blue', false], ['Red', false], ['Green', true]]);
			await page.click(...spot);
			await until('green is placed', async () => (await server.colorAt(CELL.x, CELL.y)) === 3);
			await untilShown(page, spot, '#20a020');
			assert.equal(await page.value('window.sameAsBefore'), true);
		} finally {
			rmSync(`${server.folder}.conf`);
		}
	}, OUTAGE);

browserTest('another board in the place of the one before is drawn by pages that resume', FREE, async (server) => {
	const page = await visit(server, CELL);
	try {
		for (const [width, height] of [[320, 240], [1000, 1000]]) {
			await restart(page, server, () => {
				rmSync(server.folder, { recursive: true });
				settingsSay(server, `${width}x${height}:4`, WHITE, RED, GREEN);
			});
			await page.until('it has its size', `document.getElementById('canvas').getAttribute('aria-label')
				.endsWith('${width} by ${height} cells')`);
		}
		/* The same size and seq, and another history. */
		const somebody = await server.person();
		await server.place(CELL.x, CELL.y, 1, somebody);
		await page.until('the page has its seq', `document.getElementById('state').textContent === 'Live'`);
		await page.value(`location.hash = 'x=${CELL.x}&y=${CELL.y}&z=24'`);
		const spot = await spotOf(page, CELL);
		await page.mouse('mouseMoved', 5, 300);
		await untilShown(page, spot, '#ff2020');
		await restart(page, server, () => rmSync(server.folder, { recursive: true }));
		const [other, another] = [{ x: CELL.x + 1, y: CELL.y }, { x: CELL.x + 2, y: CELL.y }];
		for (const { x, y } of [other, another])
			await server.place(x, y, 2, await server.person());
		await untilState(page, 'Live');
		await untilShown(page, await spotOf(page, CELL).then(([x, y]) => [x + 24, y]), '#20a020');
		await page.mouse('mouseMoved', 5, 300);
		await untilShown(page, spot, '#ffffff');
	} finally {
		rmSync(`${server.folder}.conf`, { force: true });
	}
}, OUTAGE);

browserTest('a full server is told, and the page gets in when there is room', SMALL, async (server, palette) => {
	const page = await visitLink('about:blank');
	await page.call('Page.addScriptToEvaluateOnNewDocument', { source: `
		window.sockets = [];
		window.WebSocket = class extends WebSocket {
			constructor(...how) {
				super(...how);
				window.sockets.push(this);
			}
		};` });
	await page.call('Page.navigate', { url: linkTo(server, CELL) });
	await untilState(page, 'Live');
	const holders = new Holders(server);
	try {
		await until('the page is shut out', async () => {
			await page.value(`window.sockets.at(-1).close()`);
			await holders.fill();
			return (await page.text('state')) === 'Server full';
		});
		assert.match(await toasts(page), /server is full.*tries again by itself/);
		await server.kill(); /* also when it learns of it at the first word of a new server */
		await server.start();
		await untilState(page, 'Live');
	} finally {
		holders.leave();
	}
	await untilShown(page, await placeBy(page, server, 6), palette[5].rgb);
}, new RegExp(`${OUTAGE.source}|${REFUSED.source}|WebSocket is closed before`));

browserTest('who comes to a full server gets in when there is room', SMALL, async (server) => {
	const holders = new Holders(server);
	await holders.fill();
	const page = await visitLink(server.url);
	await page.until('it is told', `/server is full/.test(document.body?.textContent)`);
	holders.leave();
	await untilState(page, 'Live');
}, REFUSED);

browserTest('a page that did not get all of its parts says so and loads itself again', SMALL, async (server) => {
	const holders = new Holders(server);
	const page = await visitLink('about:blank');
	await page.call('Network.enable');
	await page.call('Network.setBlockedURLs', { urls: ['*/assets/camera*'] });
	await page.call('Page.navigate', { url: linkTo(server, CELL) });
	await untilState(page, 'Loading again…');
	await until('it is told', async () => {
		await holders.fill();
		return (await page.text('state')) === 'Server full';
	});
	await page.call('Network.setBlockedURLs', { urls: [] });
	holders.leave();
	await untilState(page, 'Live');
}, new RegExp(`${REFUSED.source}|ERR_BLOCKED_BY_CLIENT`));

browserTest('a server that is too busy for the first question is asked again', FREE, async (server) => {
	const page = await visitLink('about:blank');
	await page.call('Page.addScriptToEvaluateOnNewDocument', { source: `
		window.busy = true;
		const serverFetch = window.fetch;
		window.fetch = (path, options) => (window.busy ?
			Promise.resolve(new Response('{}', { status: 503, headers: { 'Retry-After': '1' } })) :
			serverFetch(path, options));` });
	await page.call('Page.navigate', { url: linkTo(server, CELL) });
	await untilState(page, 'Server full');
	await page.value('window.busy = false');
	await untilState(page, 'Live');
}, /cannot be had yet/);

/** Phones as narrow as they come; and a desktop of 1280 by 1024 with a zoom of 400 %. */
const NARROW = { width: 320, height: 568, phone: true };
const ZOOMED = { width: 320, height: 256, phone: true };

/**
 * What of the controls is cut off, and the share of the screen that shows the board. Of what moves, where it
 * arrives: on its way a swatch stands between two pixels, and scrolling only goes by whole ones.
 */
const layoutOf = (page) => page.value(`(() => {
	document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime !== Infinity).forEach((a) => a.finish());
	const cut = [...document.querySelectorAll('button, a, select, input, #state, #where, #cooldown, #film-time')]
		.filter((element) => element.checkVisibility() && !element.closest('dialog'))
		.filter((element) => {
			element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
			const { left, top, right, bottom } = element.getBoundingClientRect();
			return left < 0 || top < 0 || right > innerWidth || bottom > innerHeight;
		}).map((element) => element.id || element.value);
	let [board, all] = [0, 0];
	for (let x = 5; x < innerWidth; x += 10)
		for (let y = 5; y < innerHeight; y += 10, all++)
			board += document.elementFromPoint(x, y)?.id === 'canvas';
	return { cut, board: board / all, wide: document.documentElement.scrollWidth };
})()`);

for (const [screen, share] of [[NARROW, 0.5], [ZOOMED, 0.25]])
	browserTest(`${screen.width} by ${screen.height}: nothing is cut off, the board is seen, a pixel is placed`, FREE,
		async (server, palette) => {
			const page = await visit(server, CELL, screen);
			const fits = async (what, least) => {
				const { cut, board, wide } = await layoutOf(page);
				assert.deepEqual([cut, wide], [[], screen.width], what);
				assert.ok(board >= least, `${what}: ${board}`);
			};
			await fits('at first', share);
			await page.value(`document.querySelector('#palette input[value="15"]').scrollIntoView()`);
			await page.tap(...await page.middleOf('#palette input[value="15"]'));
			await page.until('it is chosen', `document.querySelector('#palette input[value="15"]').checked`);
			const spot = await page.value(`(() => {
				for (let y = 5; y < innerHeight; y += 10)
					for (let x = 5; x < innerWidth; x += 10)
						if ([-30, 0, 30].every((by) => document.elementFromPoint(x + by, y + by)?.id === 'canvas'))
							return [x, y];
			})()`);
			await page.tap(...spot);
			await page.until('the page asks', `!document.getElementById('confirm').hidden`);
			await fits('while it asks', 0.1);
			await page.value(`document.getElementById('confirm-yes').scrollIntoView()`);
			await page.tap(...await page.middleOf('#confirm-yes'));
			await until('it is placed', async () => (await server.info()).seq === 1);
			await untilShown(page, spot, palette[15].rgb);
			await page.tap(...await page.middleOf('#film-open'));
			await page.until('the player is there', `document.getElementById('film')?.checkVisibility() &&
				document.getElementById('film-time').dateTime !== ''`);
			await fits('in the past', 0.1);
			await page.tap(...await page.middleOf('#help-open'));
			const [wide, inside] = await page.until('the help is there', `document.getElementById('help').open &&
				(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.getElementById('help'))`);
			assert.equal(wide, inside, 'the help is as wide as its window');
		});

browserTest('with the colors of the system the palette, the choice and the wait are seen',
	['--cooldown-ms', '600000'], async (server, palette) => {
		const page = await visit(server, CELL);
		await page.call('Emulation.setEmulatedMedia', { features: [{ name: 'forced-colors', value: 'active' }] });
		assert.equal(await page.value(`matchMedia('(forced-colors: active)').matches`), true);
		const spot = await spotOf(page, CELL);
		await page.press('Digit6');
		const seen = await page.value(`[...document.querySelectorAll('#palette input')].map((input) => {
			const { backgroundColor, outlineStyle } = getComputedStyle(input);
			return [backgroundColor, outlineStyle !== 'none'];
		})`);
		assert.deepEqual(seen, palette.map(({ rgb }, i) =>
			[`rgb(${[1, 3, 5].map((at) => parseInt(rgb.slice(at, at + 2), 16)).join(', ')})`, i === 5]));
		await page.click(...spot);
		await page.until('it counts down', `/^\\d+:\\d\\d$/.test(document.getElementById('cooldown').textContent)`);
		const unlike = (id) => page.value(`(() => {
			const of = (element) => getComputedStyle(element).backgroundColor;
			return of(document.getElementById('${id}')) !== of(document.getElementById('dock'));
		})()`);
		assert.equal(await unlike('meter'), true);
		const borders = await page.value(`document.getElementById('confirm').hidden = false,
			['confirm-yes', 'confirm-no'].map((id) => getComputedStyle(document.getElementById(id)).borderTopStyle)`);
		assert.deepEqual(borders, ['solid', 'solid']);
	});

test('the browser ends', () => chromium.stop());
