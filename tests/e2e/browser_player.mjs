/**
 * browser_player.mjs - the timelapse in headless Chromium: what is shown of the past is folded here from what
 * was placed.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';

import { FRAME_MS, WHOLE_MS } from '../../web/film.js';
import { sleep, until } from './chromium.mjs';
import {
	FREE, OUTAGE, PHONE, REFUSED, bitmapsFetched, browserTest, chromium, shownAt, shownFrom, spotOf, textsOf, visit,
	visitLink,
} from './lib/browsing.mjs';

const CORNER = { x: 300, y: 300 };
const [COLUMNS, ROWS] = [6, 4];

/** Places so many pixels, a few milliseconds apart, over each other; tells when each was, and what it was. */
async function paint(server, count) {
	const headers = await server.person();
	const placed = [];
	for (let i = 0; i < count; i++) {
		const [x, y] = [CORNER.x + (i * 7) % COLUMNS, CORNER.y + (i * 5) % ROWS];
		const color = 1 + (i * 11) % 15;
		await server.place(x, y, color, headers);
		const { placed_at: at } = await (await fetch(`${server.url}/boards/main/pixels/${x}/${y}`)).json();
		placed.push({ x, y, color, at });
		await sleep(55); /* a connection may place 20 in a second */
	}
	return placed;
}

/** The colors of the corner after all placements up to a moment, folded here. */
function foldAt(placed, at, palette) {
	const colors = Array(COLUMNS * ROWS).fill(palette[0].rgb);
	for (const { x, y, color } of placed.filter((one) => one.at <= at))
		colors[(y - CORNER.y) * COLUMNS + x - CORNER.x] = palette[color].rgb;
	return colors;
}

const filmAt = (page) => page.value(`Date.parse(document.getElementById('film-time').dateTime)`);
const filmIs = (page, what, expression) => page.until(what, `(() => {
	const [film, play, bar] = ['film', 'film-play', 'film-bar'].map((id) => document.getElementById(id));
	return film && ${expression};
})()`);
const PAUSED = `play.getAttribute('aria-label') !== 'Pause' && film.getAttribute('aria-busy') === 'false'`;

/** Opens the player and waits until it stands still at a frame. */
async function openFilm(page) {
	await page.press('KeyT');
	await filmIs(page, 'the first frame is there', `document.getElementById('film-time').dateTime !== ''`);
	if (await page.value(`document.getElementById('film-play').getAttribute('aria-label') === 'Pause'`))
		await page.press('Space');
	await filmIs(page, 'it stands still', PAUSED);
}

/** Where it stands, of 400: it may have played on before it was told to stop. A page of keys is 40. */
const positionOf = (page) => page.value(`Number(document.getElementById('film-bar').value)`);

async function backToLive(page) {
	await page.press('Escape');
	await page.until('it is live', `document.getElementById('film').hidden &&
		document.getElementById('state').textContent === 'Live'`);
}

/** The board moves on the screen when the dock gets another height: where a cell is, is found anew each time. */
function untilCornerShown(page, rgb) {
	return until(`${rgb} is shown`, async () => (await shownAt(page, await spotOf(page, CORNER))) === rgb);
}

/** That the page shows what was placed up to the moment that it tells. @returns the moment */
async function assertPast(page, placed, palette) {
	const at = await filmAt(page);
	await until('the canvas shows the fold', async () => {
		const spot = await spotOf(page, CORNER);
		await page.mouse('mouseMoved', 5, 300);
		const shown = await shownFrom(page, spot, COLUMNS, ROWS);
		return JSON.stringify(shown) === JSON.stringify(foldAt(placed, at, palette));
	});
	return at;
}

browserTest('the past that is scrubbed to is the fold of what was placed, and live is as current as ever', FREE,
	async (server, palette) => {
		const placed = await paint(server, 40);
		const page = await visit(server, CORNER);
		await page.click(...await page.middleOf('#film-open'));
		await filmIs(page, 'it plays', `play.getAttribute('aria-label') === 'Pause'`);
		await page.until('it is said', `/placing is off/.test(document.getElementById('film-note').textContent)`);
		await page.click(...await page.middleOf('#film-play'));
		await filmIs(page, 'it stands still', PAUSED);

		await assertPast(page, placed, palette);
		const spot = await spotOf(page, CORNER);
		const [left, middle, width] = await page.value(`(() => {
			const box = document.getElementById('film-bar').getBoundingClientRect();
			return [box.x, box.y + box.height / 2, box.width];
		})()`);
		const late = (placed.at(-1).at - placed[0].at) / (Date.now() - placed[0].at);
		const moments = [];
		await page.mouse('mouseMoved', left + width / 2, middle);
		await page.mouse('mousePressed', left + width / 2, middle, { button: 'left', clickCount: 1 });
		for (const part of [0.9, 0.2, 0.55, 0.7, 0.35]) {
			await page.mouse('mouseMoved', left + 10 + (width - 20) * part * late, middle, { button: 'left', buttons: 1 });
			await filmIs(page, 'the frame is there', PAUSED);
			moments.push(await filmAt(page));
			await until('the canvas shows the fold', async () => JSON.stringify(
				await shownFrom(page, spot, COLUMNS, ROWS)) === JSON.stringify(foldAt(placed, moments.at(-1), palette)));
		}
		await page.mouse('mouseReleased', left + 10, middle, { button: 'left', clickCount: 1 });
		const counts = new Set(moments.map((at) => placed.filter((one) => one.at <= at).length));
		assert.equal(counts.size, 5, `${[...counts]}`);
		await filmIs(page, 'the frame is there', PAUSED);
		const before = await assertPast(page, placed, palette);

		await server.place(CORNER.x, CORNER.y, 13, await server.person());
		await page.until('it is saved as it is seen', `/\\/image.png\\?seq=\\d+$/.test(document.getElementById('snapshot').href)`);
		const picture = await fetch(await page.value(`document.getElementById('snapshot').href`));
		assert.equal(picture.status, 200);
		/* Two are told of after what was placed. */
		await visit(server, CORNER);
		await page.until('the page knows of it', `document.getElementById('online-count').textContent === '2'`);
		assert.equal(await shownAt(page, spot), foldAt(placed, before, palette)[0], 'the past does not change');
		await page.click(...await page.middleOf('#film-live'));
		await page.until('it is live', `document.getElementById('state').textContent === 'Live'`);
		await untilCornerShown(page, palette[13].rgb);
		assert.equal(await bitmapsFetched(page), 1, 'the live board was never fetched again');
		assert.doesNotMatch(await page.value(`document.getElementById('snapshot').href`), /seq/);
	});

/** Waits until as much time again has passed as between the first and the last placement. */
function untilQuiet(placed) {
	const [first, last] = [placed[0].at, placed.at(-1).at];
	return until('the end is quiet', () => Date.now() - last > last - first);
}

browserTest('the film plays to its end, while the view moves, and asks for nothing that is not there', FREE,
	async (server, palette) => {
		const placed = await paint(server, 30);
		await untilQuiet(placed);
		const page = await visit(server, CORNER);
		await openFilm(page);
		await page.press('Home');
		for (const speed of ['2', '4']) {
			await page.call('Input.dispatchKeyEvent', { type: 'keyDown', code: 'Period', key: '>' });
			assert.equal(await page.value(`document.getElementById('film-speed').value`), speed);
		}
		await filmIs(page, 'it is at the beginning', `bar.value === '0' && ${PAUSED}`);
		await page.value('performance.clearResourceTimings()');
		const times = await textsOf(page, 'film-time', 'dateTime');
		await page.press('Space');
		await until('it moves', async () => (await times()).length > 1);
		await page.press('KeyE');
		await filmIs(page, 'it has come to the end', `play.getAttribute('aria-label') === 'Play again'`);
		const moments = [...new Set((await times()).map(Date.parse))];
		assert.deepEqual(moments, [...moments].sort((a, b) => a - b));
		assert.ok(new Set(moments.map((at) => placed.filter((one) => one.at <= at).length)).size > 2, `${moments}`);
		await page.until('the view has moved', `/38×/.test(document.getElementById('where').textContent)`);
		await page.press('KeyQ');
		await page.until('the view is as before', `/24×/.test(document.getElementById('where').textContent)`);
		assert.ok(await assertPast(page, placed, palette) >= placed.at(-1).at);
		const asked = await page.value(`performance.getEntriesByType('resource').map((e) => e.name)
			.filter((name) => name.includes('/bitmap?')).length`);
		/* Frames are not closer than that, however fast the machine is. */
		assert.ok(asked > 2 && asked <= WHOLE_MS / 4 / FRAME_MS + 2, `${asked}`);
	});

browserTest('the player by keyboard alone, and a link to the moment', FREE, async (server, palette) => {
	const placed = await paint(server, 30);
	const page = await visit(server, CORNER);
	await openFilm(page);
	assert.equal(await page.value('document.activeElement.id'), 'film-bar');
	await page.press('Home');
	await filmIs(page, 'it is at the beginning', `bar.value === '0' && ${PAUSED}`);
	assert.equal(await assertPast(page, placed, palette), placed[0].at);
	for (const key of ['PageUp', 'PageUp', 'ArrowRight', 'ArrowRight', 'ArrowLeft'])
		await page.press(key);
	await filmIs(page, 'it has moved', `bar.value === '81' && ${PAUSED}`);
	const at = await assertPast(page, placed, palette);
	assert.equal(await page.value(`document.getElementById('film-bar').getAttribute('aria-valuetext')`),
		await page.text('film-time'));
	await page.until('the address tells the moment', `location.hash.endsWith('&t=${at}')`);
	const link = await page.value('location.href');
	await page.press('Space');
	await filmIs(page, 'it plays', `play.getAttribute('aria-label') === 'Pause'`);
	await page.press('Space');
	await page.press('End');
	await filmIs(page, 'it is at the end', `bar.value === '400' && ${PAUSED}`);
	await backToLive(page);
	assert.equal(await page.value('document.activeElement.id'), 'film-open');
	await page.until('the address is that of now', `!location.hash.includes('t=')`);
	await page.press('KeyT');
	await page.until('it is open', `!document.getElementById('film').hidden`);
	await page.press('KeyT');
	await page.until('it is live', `document.getElementById('film').hidden`);

	const other = await visitLink(link);
	await filmIs(other, 'the link leads there', `Date.parse(document.getElementById('film-time').dateTime) === ${at} && ${PAUSED}`);
	assert.equal(await assertPast(other, placed, palette), at);
	await backToLive(other);
});

browserTest('nothing is placed in the past, and who had placed is told of that moment', FREE, async (server, palette) => {
	const placed = await paint(server, 25); /* the 25th goes over the first */
	const page = await visit(server, CORNER);
	await page.press('Digit6');
	await openFilm(page);
	await page.press('Home');
	await filmIs(page, 'it is at the beginning', `bar.value === '0' && ${PAUSED}`);
	await untilCornerShown(page, palette[placed[0].color].rgb);
	await page.click(...await spotOf(page, CORNER));
	await page.until('the card tells', `document.getElementById('info-name').textContent !== '' &&
		/^by \\w/.test(document.getElementById('info-who').textContent)`);
	const history = await (await fetch(`${server.url}/boards/main/pixels/${CORNER.x}/${CORNER.y}/history`)).json();
	assert.equal(history.placements.length, 3);
	await page.press('Escape');
	assert.equal(await page.value(`document.getElementById('info').hidden`), true);
	await page.value(`document.getElementById('canvas').focus()`);
	await page.press('Enter');
	await page.until('it is told', `/This is the past/.test(document.getElementById('toasts').textContent)`);
	const { seq } = await server.info();
	assert.equal(seq, 25);
	await backToLive(page);
	await untilCornerShown(page, palette[placed.at(-1).color].rgb);
	await page.click(...await spotOf(page, CORNER));
	await until('it is placed', async () => (await server.colorAt(CORNER.x, CORNER.y)) === 5);
});

browserTest('the player with a finger on a phone', FREE, async (server, palette) => {
	const placed = await paint(server, 25);
	const page = await visit(server, CORNER, PHONE);
	await page.tap(...await page.middleOf('#film-open'));
	await filmIs(page, 'the first frame is there', `document.getElementById('film-time').dateTime !== ''`);
	await page.tap(...await page.middleOf('#film-play'));
	await filmIs(page, 'it stands still', PAUSED);
	const box = await page.value(`(({ x, y, width, height }) => ({ x, y, width, height }))(
		document.getElementById('film-bar').getBoundingClientRect())`);
	const middle = box.y + box.height / 2;
	await page.touch('touchStart', [box.x + box.width * 0.8, middle]);
	for (const part of [0.6, 0.4, 0.2])
		await page.touch('touchMove', [box.x + box.width * part, middle]);
	await page.touch('touchEnd');
	await filmIs(page, 'it has moved', `Math.abs(bar.value - 80) < 10 && ${PAUSED}`);
	await assertPast(page, placed, palette);
	const sizes = await page.value(`[...document.querySelectorAll('button, a, select, input[type=range]')]
		.map((e) => e.getBoundingClientRect()).filter((box) => box.width > 0).map((box) => Math.min(box.width, box.height))`);
	assert.ok(sizes.length > 8 && Math.min(...sizes) >= 44, `${sizes}`);
	assert.equal(await page.value('document.documentElement.scrollWidth'), PHONE.width);
	await page.tap(...await page.middleOf('#film-live'));
	await page.until('it is live', `document.getElementById('state').textContent === 'Live'`);
	await untilCornerShown(page, foldAt(placed, Infinity, palette)[0]);
});

browserTest('history that is busy, gone or empty is told in words', FREE, async (server, palette) => {
	const page = await visit(server, CORNER);
	const note = (words) => page.until(`it says ${words}`, `${words}.test(document.getElementById('film-note').textContent)`);
	await page.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-reduced-motion', value: 'reduce' }] });
	await page.press('KeyT');
	await note(/Nothing has been placed/);
	await backToLive(page);

	const placed = await paint(server, 25);
	/* The next questions get these answers, and all after them the server's. */
	await page.value(`window.answers = [];
		window.serverFetch = window.fetch;
		window.fetch = (path, options) => {
			const answer = String(path).includes('/bitmap?') && window.answers.shift();
			return answer ? Promise.resolve(new Response(JSON.stringify({ error: answer.error }), answer)) :
				window.serverFetch(path, options);
		};
		window.answers.push({ status: 410, error: { code: 'history_gone', since_seq: 5, since_ms: ${placed[4].at} } }); 0`);
	await openFilm(page);
	await note(/not kept any more/);
	assert.equal(await assertPast(page, placed, palette), placed[4].at, 'it does not play by itself with reduced motion');
	await page.value(`window.answers.push(...Array(2).fill(
		{ status: 503, headers: { 'Retry-After': '1' }, error: { code: 'history_busy' } })); 0`);
	await page.press('PageUp');
	await note(/busy/);
	await note(/placing is off/);
	await filmIs(page, 'it is there', `bar.value === '40' && ${PAUSED}`);
	await assertPast(page, placed, palette);
	await page.value(`window.answers.push({ status: 404, error: { code: 'not_found' } }); 0`);
	await page.press('PageUp');
	await note(/does not show the past/);
	await backToLive(page);
	await untilCornerShown(page, foldAt(placed, Infinity, palette)[0]);
}, REFUSED);

browserTest('the server is killed under the player: the past goes on, live resumes', FREE, async (server, palette) => {
	const placed = await paint(server, 25);
	const page = await visit(server, CORNER);
	await openFilm(page);
	const position = await positionOf(page);
	await server.kill();
	await page.press('PageUp');
	await page.until('it is told', `/cannot be reached/.test(document.getElementById('film-note').textContent)`);
	await server.start();
	await server.place(CORNER.x, CORNER.y, 13, await server.person());
	await filmIs(page, 'it is there', `bar.value === '${Math.min(400, position + 40)}' && ${PAUSED}`);
	await assertPast(page, placed, palette);
	await page.until('the page is back', `document.getElementById('state').textContent === 'In the past'`);
	await backToLive(page);
	await untilCornerShown(page, palette[13].rgb);
	assert.equal(await bitmapsFetched(page), 1);
	assert.equal(await page.value('window.sameAsBefore'), true);
}, OUTAGE);

test('the browser ends', () => chromium.stop());
