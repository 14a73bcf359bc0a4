/**
 * camera.js - which part of the board is seen, and how large.
 *
 * The camera looks at the board point (x, y), which lies in the middle of the free part of the
 * screen (what no panel covers). zoom is CSS pixels per cell. It never looks away from the board.
 * Pure, but for the time that its owner hands to step().
 *
 * @typedef {{x: number, y: number, zoom: number}} Look
 */

export const ZOOM_MAX = 64;
const GLIDE_MS = 220;
/** How far inside a cell has to be to count as seen. */
const SIGHT_PX = 40;

/** @param {number} value @param {number} low @param {number} high */
function clamp(value, low, high) {
	return Math.min(Math.max(value, low), high);
}

export class Camera {
	constructor() {
		this.x = 0;
		this.y = 0;
		this.zoom = 1;
		this.board = { width: 1, height: 1 };
		this.screen = { width: 1, height: 1 };
		this.free = { top: 0, right: 0, bottom: 0, left: 0 };
		/** @type {{from: Look, to: Look, start: number}|null} */
		this.glide = null;
	}

	/** @param {number} width @param {number} height cells @returns {boolean} that is another size */
	setBoard(width, height) {
		const other = width !== this.board.width || height !== this.board.height;
		this.board = { width, height };
		return other;
	}

	/**
	 * @param {number} width @param {number} height CSS pixels
	 * @param {{top: number, right: number, bottom: number, left: number}} free what panels cover
	 */
	setScreen(width, height, free) {
		this.screen = { width, height };
		this.free = free;
		this.look(this);
	}

	get middle() {
		const { left, right, top, bottom } = this.free;
		return {
			x: (left + this.screen.width - right) / 2,
			y: (top + this.screen.height - bottom) / 2,
		};
	}

	get fitZoom() {
		const { left, right, top, bottom } = this.free;
		const across = (this.screen.width - left - right) / this.board.width;
		const down = (this.screen.height - top - bottom) / this.board.height;
		return clamp(Math.min(across, down), 0.01, ZOOM_MAX);
	}

	/** @returns {Look} the whole board */
	get whole() {
		return { x: this.board.width / 2, y: this.board.height / 2, zoom: this.fitZoom };
	}

	/** Looks there at once, within the bounds. @param {Look} look */
	look({ x, y, zoom }) {
		this.zoom = clamp(zoom, Math.min(this.fitZoom * 0.7, 1), ZOOM_MAX);
		this.x = clamp(x, 0, this.board.width);
		this.y = clamp(y, 0, this.board.height);
	}

	/** @param {number} dx @param {number} dy CSS pixels that the board moves by */
	pan(dx, dy) {
		this.glide = null;
		this.look({ x: this.x - dx / this.zoom, y: this.y - dy / this.zoom, zoom: this.zoom });
	}

	/**
	 * What is seen when the board is scaled around a point of the screen.
	 * @param {number} factor @param {number} sx @param {number} sy
	 * @param {Look} [from]
	 * @returns {Look}
	 */
	scaled(factor, sx, sy, from = this) {
		const zoom = clamp(from.zoom * factor, Math.min(this.fitZoom * 0.7, 1), ZOOM_MAX);
		const { x, y } = this.middle;
		const shift = 1 / from.zoom - 1 / zoom;
		return { x: from.x + (sx - x) * shift, y: from.y + (sy - y) * shift, zoom };
	}

	/** @param {number} factor @param {number} sx @param {number} sy */
	zoomAt(factor, sx, sy) {
		this.glide = null;
		this.look(this.scaled(factor, sx, sy));
	}

	/** Goes there softly. @param {Look} to @param {number} now ms @param {boolean} [jump] */
	go(to, now, jump = false) {
		this.glide = jump ? null : { from: { x: this.x, y: this.y, zoom: this.zoom }, to, start: now };
		if (jump)
			this.look(to);
	}

	/** Where a glide under way ends. @returns {Look} */
	get destination() {
		return this.glide ? this.glide.to : this;
	}

	/** @param {number} now ms @returns {boolean} still on the way */
	step(now) {
		if (!this.glide)
			return false;
		const { from, to, start } = this.glide;
		const t = clamp((now - start) / GLIDE_MS, 0, 1);
		const eased = 1 - (1 - t) ** 3;
		const zoom = from.zoom * (to.zoom / from.zoom) ** eased;
		/* Moves so that a zoom around a point keeps that point where it is, all the way. */
		const way = Math.abs(to.zoom / from.zoom - 1) < 1e-3 ? eased :
			(1 / zoom - 1 / from.zoom) / (1 / to.zoom - 1 / from.zoom);
		this.look({ x: from.x + (to.x - from.x) * way, y: from.y + (to.y - from.y) * way, zoom });
		if (t === 1)
			this.glide = null;
		return t < 1;
	}

	/** @param {number} x @param {number} y board @returns {{x: number, y: number}} screen */
	toScreen(x, y) {
		const { x: mx, y: my } = this.middle;
		return { x: mx + (x - this.x) * this.zoom, y: my + (y - this.y) * this.zoom };
	}

	/** @param {number} sx @param {number} sy @returns {{x: number, y: number}|null} the cell there */
	cellAt(sx, sy) {
		const { x: mx, y: my } = this.middle;
		const x = Math.floor(this.x + (sx - mx) / this.zoom);
		const y = Math.floor(this.y + (sy - my) / this.zoom);
		const inside = x >= 0 && y >= 0 && x < this.board.width && y < this.board.height;
		return inside ? { x, y } : null;
	}

	/** Whether a cell lies well inside what no panel covers. @param {{x: number, y: number}} cell */
	sees(cell) {
		const { x, y } = this.toScreen(cell.x + 0.5, cell.y + 0.5);
		const { left, right, top, bottom } = this.free;
		return x > left + SIGHT_PX && x < this.screen.width - right - SIGHT_PX &&
			y > top + SIGHT_PX && y < this.screen.height - bottom - SIGHT_PX;
	}

	/** The cell in the middle. */
	get cell() {
		return {
			x: clamp(Math.floor(this.x), 0, this.board.width - 1),
			y: clamp(Math.floor(this.y), 0, this.board.height - 1),
		};
	}
}
