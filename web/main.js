/**
 * main.js - begins: finds the board that the address names, ?board=NAME, and shows it.
 */
import { fetchDelayMs } from './follow.js';
import { byId, showState, toast } from './hud.js';
import { fetchBoards } from './net.js';
import { Page } from './page.js';
import { staggeredMs } from './retry.js';
import { sleep } from './session.js';

/** Fills the list of boards, when there are several. @param {string[]} names @param {string} name */
function offerBoards(names, name) {
	if (names.length < 2)
		return;
	const select = byId('boards');
	select.replaceChildren(...names.map((each) => new Option(each)));
	select.value = name;
	select.hidden = false;
	byId('board-name').hidden = true;
	select.addEventListener('change', () => {
		location.assign(`?board=${encodeURIComponent(select.value)}`);
	});
}

async function begin() {
	const boards = await fetchBoards();
	const names = boards.map((board) => board.name);
	const wanted = new URLSearchParams(location.search).get('board');
	const name = wanted ?? (names.includes('main') ? 'main' : names[0]);
	const info = boards.find((board) => board.name === name);
	offerBoards(names, name);
	if (info) {
		new Page(info);
		return;
	}
	showState('failed');
	toast(`There is no board named ${name}.`, 'error');
}

for (let attempt = 1, begun = false; !begun; attempt++) {
	try {
		await begin();
		begun = true;
	} catch (error) {
		const { status, waitMs = 0 } = error;
		console.warn('pixeld: the board cannot be had yet', error);
		showState(status === 503 ? 'full' : 'away');
		await sleep(Math.max(fetchDelayMs({ attempt, fresh: true }, Math.random()),
			staggeredMs(waitMs, attempt, Math.random())));
	}
}
