/**
 * browser.mjs - the page in headless Chromium against a real pixeld: what people see and do.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';

import { until } from './chromium.mjs';
import {
	FREE, OUTAGE, PHONE, REFUSED, ZOOM, bitmapsFetched, browserTest, chromium, shownAt, shownFrom, spotOf, textsOf,
	untilShown, visit,
} from './lib/browsing.mjs';

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

browserTest('the cooldown is shown, and still there for who comes back', ['--cooldown-ms', '600000'],
	async (server) => {
		const cell = { x: 10, y: 900 };
		const page = await visit(server, cell);
		const spot = await spotOf(page, cell);
		await page.press('Digit4');
		await page.click(...spot);
		await page.until('it counts down', `/^\\d+:\\d\\d$/.test(document.getElementById('cooldown').textContent)`);
		assert.match(await page.value('document.title'), /^\d+:\d\d · main/);
		await page.click(spot[0] + ZOOM, spot[1]);
		await page.until('the page asks to wait', `/ready in \\d+:\\d\\d/.test(document.getElementById('toasts').textContent)`);
		assert.equal(await server.colorAt(cell.x + 1, cell.y), 0);
		await page.call('Page.reload');
		await page.until('the page is new', 'window.sameAsBefore === undefined');
		await page.until('it counts down', `/^\\d+:\\d\\d$/.test(document.getElementById('cooldown')?.textContent)`);
	});

browserTest('when the cooldown is over the next pixel is placed', ['--cooldown-ms', '3000'], async (server, palette) => {
	const cell = { x: 10, y: 10 };
	const page = await visit(server, cell);
	const spot = await spotOf(page, cell);
	await page.press('Digit4');
	const texts = await textsOf(page, 'cooldown');
	await page.click(...spot);
	await until('it has counted down', async () => /0:0\d(,Ready to place)+$/.test((await texts()).join()));
	await page.click(spot[0] + ZOOM, spot[1]);
	await untilShown(page, [spot[0] + ZOOM, spot[1]], palette[3].rgb);
	await until('it is placed', async () => (await server.colorAt(cell.x + 1, cell.y)) === 3);
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

browserTest('who placed a pixel is told, and who before', FREE, async (server, palette) => {
	const [anna, ben] = [await server.person(), await server.person()];
	await server.place(77, 88, 5, anna);
	await server.place(77, 88, 6, ben);
	await server.rollback({ color: 6 });
	const page = await visit(server, { x: 77, y: 88 });
	await page.click(...await spotOf(page, { x: 77, y: 88 }));
	await page.until('the card is there', `!document.getElementById('info').hidden`);
	assert.match(await page.text('info-at'), /77, 88/);
	await page.until('the server has answered', `/^by a rollback, \\w/.test(document.getElementById('info-who').textContent)`);
	const before = await page.value(`[...document.querySelectorAll('#info-before li')].map((item) =>
		[item.textContent.split(',')[0], item.firstChild.style.getPropertyValue('--rgb')])`);
	const { placements } = await (await fetch(`${server.url}/boards/main/pixels/77/88/history`)).json();
	assert.deepEqual(before, placements.slice(1).map(({ user, color }) =>
		[`by ${user.slice(0, 8)}`, palette[color].rgb]));
	assert.deepEqual(placements.map(({ color }) => color), [5, 6, 5]);
	await page.press('Escape');
	assert.equal(await page.value(`document.getElementById('info').hidden`), true);

	await page.value(`window.serverFetch = window.fetch;
		window.fetch = (path, options) => window.serverFetch(String(path).replace('/history', '/none'), options); 0`);
	await server.place(77, 88, 3, ben);
	await page.click(...await spotOf(page, { x: 77, y: 88 }));
	await page.until('the last one is told all the same', `/^by \\w+, \\w/.test(document.getElementById('info-who').textContent)`);
	assert.equal(await page.value(`document.querySelectorAll('#info-before li').length`), 0);
}, REFUSED);

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
