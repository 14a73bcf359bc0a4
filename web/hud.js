/**
 * hud.js - what stands around the board: connection, place of the cursor, the card of one pixel,
 * toasts, and what is said to those who listen.
 */

const TOASTS_MAX = 3;
const TOAST_MS = 4500;
const SAY_MS = 250;

/** @param {string} id @returns {any} the element, which is in index.html */
export function byId(id) {
	return document.getElementById(id);
}

const STATES = {
	connecting: 'Connecting…',
	loading: 'Loading…',
	live: 'Live',
	past: 'In the past',
	away: 'Reconnecting…',
	full: 'Server full',
	failed: 'Not available',
};

/** @param {keyof STATES} state */
export function showState(state) {
	const text = STATES[state];
	if (state === 'full' && byId('status').dataset.state !== 'full')
		toast('The server is full. This page tries again by itself until there is room.', 'error');
	byId('status').dataset.state = state;
	if (byId('state').textContent !== text)
		byId('state').textContent = text;
}

/** @param {number} online */
export function showOnline(online) {
	byId('online').hidden = false;
	byId('online').title = `${online.toLocaleString('en')} online`;
	byId('online-count').textContent = online.toLocaleString('en');
}

/**
 * @param {{x: number, y: number}|null} cell
 * @param {string} colorName
 * @param {number} zoom
 */
export function showWhere(cell, colorName, zoom) {
	const parts = cell ? [`${cell.x}, ${cell.y}`, colorName] : [];
	parts.push(`${zoom >= 10 ? Math.round(zoom) : Number(zoom.toPrecision(2))}×`);
	byId('where').replaceChildren(...parts.filter(Boolean).map((text) => {
		const span = document.createElement('span');
		span.textContent = text;
		return span;
	}));
}

/** @param {string} text @param {'note'|'error'} [kind] */
export function toast(text, kind = 'note') {
	const stack = byId('toasts');
	for (const old of [...stack.children])
		if (old.textContent === text)
			old.remove();
	const element = document.createElement('p');
	element.className = `panel toast ${kind}`;
	element.setAttribute('role', kind === 'error' ? 'alert' : 'status');
	element.textContent = text;
	stack.append(element);
	if (stack.children.length > TOASTS_MAX)
		stack.firstElementChild.remove();
	setTimeout(() => element.remove(), TOAST_MS);
}

let sayTimer = 0;

/** Says it to screen readers, once the person stops moving. @param {string} text */
export function say(text) {
	clearTimeout(sayTimer);
	sayTimer = setTimeout(() => {
		byId('say').textContent = text;
	}, SAY_MS);
}

/** @param {number} ms since 1970 @returns {string} 5 minutes ago */
function agoText(ms) {
	const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
	const seconds = (ms - Date.now()) / 1000;
	const units = /** @type {const} */ ([['day', 86400], ['hour', 3600], ['minute', 60]]);
	for (const [unit, size] of units)
		if (-seconds >= size)
			return format.format(Math.round(seconds / size), unit);
	return 'just now';
}

/**
 * The card of one pixel.
 * @param {{x: number, y: number, name: string, rgb: string}} pixel
 */
export function showInfo({ x, y, name, rgb }) {
	byId('info').hidden = false;
	byId('info-chip').style.setProperty('--rgb', rgb);
	byId('info-name').textContent = name;
	byId('info-at').textContent = `${x}, ${y}`;
	byId('info-who').textContent = '…';
	byId('info-before').replaceChildren();
}

/**
 * @param {import('./net.js').Placed} placed
 * @param {string} self the user of this page
 * @returns {string} by 0011aabb, 5 minutes ago
 */
function placedText({ user, rollback, placed_at }, self) {
	const who = rollback ? 'a rollback' : user === self ? 'you' : user?.slice(0, 8);
	return [who && `by ${who}`, placed_at && agoText(placed_at)].filter(Boolean).join(', ');
}

/**
 * The last one who placed it, and those before.
 * @param {import('./net.js').Placed[]|null} placed newest first; null: not known
 * @param {{rgb: string}[]} palette
 * @param {string} self the user of this page
 */
export function showInfoPlaced(placed, palette, self) {
	const [last, ...before] = placed ?? [];
	byId('info-who').textContent = (last && placedText(last, self)) || (placed ? 'Nobody on record' : 'Not known');
	byId('info-before').replaceChildren(...before.map((one) => {
		const item = document.createElement('li');
		const chip = document.createElement('span');
		chip.className = 'chip';
		chip.style.setProperty('--rgb', palette[one.color]?.rgb ?? 'transparent');
		item.append(chip, placedText(one, self));
		return item;
	}));
}

export function hideInfo() {
	byId('info').hidden = true;
}

/**
 * Puts the card beside a box of the screen.
 * @param {{x: number, y: number}} corner top left of the cell @param {number} size of the cell
 * @param {{width: number, height: number}} screen
 */
export function moveInfo(corner, size, screen) {
	const card = byId('info');
	const { offsetWidth: width, offsetHeight: height } = card;
	const right = corner.x + size + 14;
	const x = right + width + 8 > screen.width ? corner.x - width - 14 : right;
	const y = corner.y + size / 2 - height / 2;
	const left = Math.max(8, Math.min(x, screen.width - width - 8));
	const top = Math.max(8, Math.min(y, screen.height - height - 8));
	card.style.transform = `translate(${left}px, ${top}px)`;
}
