/**
 * browser_faces.mjs - the page while its board changes under it: the settings are edited, and the server gets SIGHUP.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until } from './chromium.mjs';
import { bitmapsFetched, browserTest, chromium, spotOf, textsOf, untilShown, visit } from './lib/browsing.mjs';

const folder = mkdtempSync(join(tmpdir(), 'pixeld-faces-'));
const COLORS = ['white:#ffffff', 'dark-red:#880000', 'green:#00aa00', 'blue:#0000ee'];
const CELL = { x: 50, y: 40 };

/** The settings of the one board. */
function textOf({ palette = COLORS, frozen = false, cooldown = '0' }) {
	return `[board "main"]\nsize = 100x80:4\npalette = ${palette.join(' ')}\nfrozen = ${frozen ? 'on' : 'off'}\n` +
		`cooldown-ms = ${cooldown}\n`;
}

/** A test with a file of its own. body gets the server, and what changes the file and waits for the server's verdict. */
let files = 0;
function facesTest(name, body) {
	const file = join(folder, `${++files}.conf`);
	writeFileSync(file, textOf({}));
	browserTest(name, ['--config', file], (server) => body(server, async (changes) => {
		const verdicts = () => server.log.match(/ (reloaded|reload_refused) .*\n/g)?.length ?? 0;
		const before = verdicts();
		writeFileSync(file, textOf(changes));
		server.process.kill('SIGHUP');
		await until('the server has read its settings', () => verdicts() > before);
	}));
}

const swatches = (page) => page.value(`[...document.querySelectorAll('#palette input')].map((each) => each.ariaLabel)`);
const chosen = (page) => page.value(`document.querySelector('#palette input:checked')?.ariaLabel ?? null`);
const untilRest = (page, text) =>
	page.until(`the page says ${text}`, `document.getElementById('cooldown').textContent === '${text}'`);

/** What people are told from now on: toasts go by themselves. @returns waits until one was like the pattern */
async function toldOn(page) {
	const texts = await textsOf(page, 'toasts');
	const told = async (pattern) => (await texts()).some((text) => pattern.test(text));
	return { told, untilTold: (pattern) => until(`${pattern} is told`, () => told(pattern)) };
}

/** Nothing was loaded or fetched again for it. */
async function assertSameConnection(page) {
	assert.equal(await page.value('window.sameAsBefore'), true);
	assert.equal(await bitmapsFetched(page), 1);
}

facesTest('a palette that changes is drawn at once, and the color that someone has chosen stays or goes with it',
	async (server, change) => {
		await server.place(CELL.x, CELL.y, 1, await server.person());
		const [stays, loses] = [await visit(server, CELL), await visit(server, CELL)];
		const spot = await spotOf(stays, CELL);
		await stays.until('both are counted', `document.getElementById('online-count').textContent === '2'`);
		const online = await textsOf(stays, 'online-count');
		const [staying, losing] = [await toldOn(stays), await toldOn(loses)];
		await untilShown(stays, spot, '#880000');
		await stays.press('Digit3');
		await loses.press('Digit4');
		assert.deepEqual([await chosen(stays), await chosen(loses)], ['Green', 'Blue']);

		await change({ palette: ['white:#ffffff', 'violet:#8800cc', 'green:#00aa00'] });
		await untilShown(stays, spot, '#8800cc');
		for (const page of [stays, loses])
			assert.deepEqual(await swatches(page), ['White', 'Violet', 'Green']);
		await losing.untilTold(/chosen is gone/);
		await staying.untilTold(/colors of this board have changed/);
		assert.equal(await staying.told(/is gone/), false);
		assert.deepEqual([await chosen(stays), await chosen(loses)], ['Green', null]);

		await stays.click(...await spotOf(stays, { x: 51, y: 40 }));
		await until('it is placed', async () => (await server.colorAt(51, 40)) === 2);
		await loses.press('Digit4'); /* which there is not any more */
		assert.equal(await chosen(loses), null);
		for (const page of [stays, loses])
			await assertSameConnection(page);
		assert.deepEqual([...new Set(await online())], ['2'], 'that was no news');
	});

facesTest('a board that is frozen says so, and says when it is open again', async (server, change) => {
	const page = await visit(server, CELL);
	await page.press('Digit2');
	await untilRest(page, 'Ready to place');
	const { untilTold } = await toldOn(page);
	await change({ frozen: true });
	await untilRest(page, 'The board is frozen');
	await untilTold(/frozen now/);
	await page.click(...await spotOf(page, CELL));
	await untilTold(/nothing can be placed now/);
	assert.equal(await server.colorAt(CELL.x, CELL.y), 0);

	await change({});
	await untilRest(page, 'Ready to place');
	await untilTold(/open again/);
	await page.click(...await spotOf(page, CELL));
	await until('it is placed', async () => (await server.colorAt(CELL.x, CELL.y)) === 1);
	assert.equal(await chosen(page), 'Dark red');
	await assertSameConnection(page);
});

facesTest('a cooldown that changes is told, and holds for the next pixel', async (server, change) => {
	const page = await visit(server, CELL);
	await untilRest(page, 'Choose a color');
	const { untilTold } = await toldOn(page);
	await change({ cooldown: '600000' });
	await untilRest(page, 'Choose a color · one every 10 min');
	await untilTold(/one pixel every 10 min/);
	await page.press('Digit2');
	await page.click(...await spotOf(page, CELL));
	await page.until('it counts down', `/^\\d+:\\d\\d$/.test(document.getElementById('cooldown').textContent)`);
	await assertSameConnection(page);
});

facesTest('who waits, waits by the new cooldown', async (server, change) => {
	const page = await visit(server, CELL);
	await change({ cooldown: '600000' });
	await untilRest(page, 'Choose a color · one every 10 min');
	await page.press('Digit2');
	await page.click(...await spotOf(page, CELL));
	await page.until('it counts down', `/^\\d+:\\d\\d$/.test(document.getElementById('cooldown').textContent)`);
	await change({ cooldown: '86400000' });
	await page.until('it counts hours', `/^\\d+:\\d\\d:\\d\\d$/.test(document.getElementById('cooldown').textContent)`);
	await change({});
	await untilRest(page, 'Ready to place');
	await page.press('Digit3');
	await page.click(...await spotOf(page, CELL));
	await until('it is placed', async () => (await server.colorAt(CELL.x, CELL.y)) === 2);
});

facesTest('a palette that loses a color in use changes nothing', async (server, change) => {
	await server.place(CELL.x, CELL.y, 3, await server.person());
	const page = await visit(server, CELL);
	const spot = await spotOf(page, CELL);
	const { told } = await toldOn(page);
	await change({ palette: ['white:#ffffff', 'black:#000000'] });
	await change({ frozen: true });
	await untilRest(page, 'The board is frozen');
	await untilShown(page, spot, '#0000ee');
	assert.deepEqual(await swatches(page), ['White', 'Dark red', 'Green', 'Blue']);
	assert.equal(await told(/colors of this board/), false);
	await assertSameConnection(page);
});

test('the browser ends', async () => {
	await chromium.stop();
	rmSync(folder, { recursive: true, force: true });
});
