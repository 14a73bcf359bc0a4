/**
 * view.js - draws the board and what lies over it, at most once per frame of the screen.
 *
 * Owns the canvas. Whoever changes something that is seen calls redraw(). The colors of the
 * surroundings come from the style sheet.
 */
import { Tiles } from './tiles.js';

const GRID_FROM_ZOOM = 9;
const RIPPLES_MAX = 60;
const RIPPLE_MS = 700;
const RIPPLE_FROM_ZOOM = 3;

/**
 * @typedef {{x: number, y: number}} Cell
 * @typedef {{x: number, y: number, color: number}} Ghost
 * @typedef {{x: number, y: number, scale: number, ratio: number}} At where cell 0, 0 is, in pixels of
 *	the device; pixels per cell; pixels per CSS pixel
 */

export class View {
	/** @param {HTMLCanvasElement} canvas @param {import('./camera.js').Camera} camera */
	constructor(canvas, camera) {
		this.canvas = canvas;
		this.context = canvas.getContext('2d', { alpha: false });
		this.camera = camera;
		/** @type {Tiles|null} */
		this.tiles = null;
		/** @type {{rgb: string}[]} */
		this.palette = [];
		/** @type {Cell|null} */
		this.cursor = null;
		/** Color under the cursor, or -1 for none. */
		this.color = -1;
		/** @type {Iterable<Ghost>} */
		this.ghosts = [];
		/** @type {{x: number, y: number, start: number}[]} */
		this.ripples = [];
		this.grid = true;
		this.frame = 0;
		/** Called before each drawing; true: it needs another one. @type {(now: number) => boolean} */
		this.beforeDraw = () => false;

		this.calm = matchMedia('(prefers-reduced-motion: reduce)');
		matchMedia('(prefers-color-scheme: light)').addEventListener('change', () => this.readTheme());
		this.readTheme();
	}

	readTheme() {
		const style = getComputedStyle(document.documentElement);
		this.theme = {
			ground: style.getPropertyValue('--ground').trim(),
			plate: style.getPropertyValue('--plate').trim(),
			glow: style.getPropertyValue('--glow').trim(),
		};
		this.redraw();
	}

	/** @param {import('./board.js').Board} board @param {{rgb: string}[]} palette */
	setBoard(board, palette) {
		this.palette = palette;
		this.tiles = new Tiles(board, palette);
		this.ripples = [];
		this.redraw();
	}

	/** The same board in other colors. @param {{rgb: string}[]} palette */
	setPalette(palette) {
		if (this.tiles)
			this.setBoard(this.tiles.board, palette);
	}

	/** @param {number} width @param {number} height CSS pixels */
	resize(width, height) {
		const ratio = devicePixelRatio || 1;
		this.canvas.width = Math.round(width * ratio);
		this.canvas.height = Math.round(height * ratio);
		this.draw(performance.now());
	}

	/** Somebody placed these. @param {ArrayLike<number>} cells */
	changed(cells) {
		this.ripple(cells);
		this.update(cells);
	}

	/** @param {ArrayLike<number>} cells */
	update(cells) {
		this.tiles?.changed(cells);
		this.redraw();
	}

	/** Somebody placed here: a ring that fades, where it can be seen. @param {ArrayLike<number>} cells */
	ripple(cells) {
		if (this.calm.matches || this.camera.zoom < RIPPLE_FROM_ZOOM || document.hidden)
			return;
		const { width } = this.camera.board;
		const start = performance.now();
		for (let i = 0; i < Math.min(cells.length, RIPPLES_MAX); i++)
			this.ripples.push({ x: cells[i] % width, y: Math.floor(cells[i] / width), start });
		this.ripples.splice(0, this.ripples.length - RIPPLES_MAX);
	}

	redraw() {
		this.frame ||= requestAnimationFrame((now) => {
			this.frame = 0;
			const more = this.beforeDraw(now);
			this.draw(now);
			if (more || this.ripples.length > 0)
				this.redraw();
		});
	}

	/** @param {number} now ms */
	draw(now) {
		const { context, camera, canvas } = this;
		const ratio = canvas.width / camera.screen.width;
		const scale = camera.zoom * ratio;
		const corner = camera.toScreen(0, 0);
		const x = Math.round(corner.x * ratio);
		const y = Math.round(corner.y * ratio);
		const at = { x, y, scale, ratio };
		const width = Math.round(x + camera.board.width * scale) - x;
		const height = Math.round(y + camera.board.height * scale) - y;

		context.fillStyle = this.theme.ground;
		context.fillRect(0, 0, canvas.width, canvas.height);
		context.shadowColor = this.theme.glow;
		context.shadowBlur = 48 * ratio;
		context.fillStyle = this.theme.plate;
		context.fillRect(x, y, width, height);
		context.shadowColor = 'transparent';
		if (!this.tiles)
			return;
		context.save();
		context.beginPath();
		context.rect(x, y, width, height);
		context.clip();
		this.tiles.draw(context, at);
		if (this.grid && camera.zoom >= GRID_FROM_ZOOM)
			this.drawGrid(at);
		this.drawRipples(at, now);
		context.restore();
		for (const ghost of this.ghosts)
			this.drawGhost(at, ghost);
		if (this.cursor)
			this.drawCursor(at, this.cursor);
	}

	/** @param {At} at */
	drawGrid({ x, y, scale, ratio }) {
		const { context, camera } = this;
		const { width, height } = this.canvas;
		const strength = Math.min(1, (camera.zoom - GRID_FROM_ZOOM) / 10 + 0.25);
		const columns = Math.min(camera.board.width, Math.floor((width - x) / scale));
		const rows = Math.min(camera.board.height, Math.floor((height - y) / scale));

		context.fillStyle = `rgb(110 110 120 / ${0.38 * strength})`;
		for (let i = Math.max(1, Math.ceil(-x / scale)); i <= columns; i++)
			context.fillRect(Math.round(x + i * scale), 0, Math.max(1, Math.round(ratio / 2)), height);
		for (let i = Math.max(1, Math.ceil(-y / scale)); i <= rows; i++)
			context.fillRect(0, Math.round(y + i * scale), width, Math.max(1, Math.round(ratio / 2)));
	}

	/** @param {At} at @param {Cell} cell */
	box({ x, y, scale }, cell) {
		const left = Math.round(x + cell.x * scale);
		const top = Math.round(y + cell.y * scale);
		return {
			left, top,
			width: Math.max(1, Math.round(x + (cell.x + 1) * scale) - left),
			height: Math.max(1, Math.round(y + (cell.y + 1) * scale) - top),
		};
	}

	/** @param {At} at @param {number} now */
	drawRipples(at, now) {
		const { context } = this;
		this.ripples = this.ripples.filter(({ start }) => now - start < RIPPLE_MS);
		for (const ripple of this.ripples) {
			const age = Math.max(0, (now - ripple.start) / RIPPLE_MS);
			const { left, top, width, height } = this.box(at, ripple);
			const grow = age * (6 * at.ratio + width / 4);
			context.lineWidth = 2 * at.ratio;
			context.strokeStyle = `rgb(255 255 255 / ${0.9 * (1 - age)})`;
			context.strokeRect(left - grow, top - grow, width + 2 * grow, height + 2 * grow);
			context.lineWidth = at.ratio;
			context.strokeStyle = `rgb(0 0 0 / ${0.5 * (1 - age)})`;
			context.strokeRect(left - grow, top - grow, width + 2 * grow, height + 2 * grow);
		}
	}

	/** A placement on its way. @param {At} at @param {Ghost} ghost */
	drawGhost(at, ghost) {
		const { context } = this;
		const { left, top, width, height } = this.box(at, ghost);
		context.fillStyle = this.palette[ghost.color]?.rgb ?? '#888';
		context.fillRect(left, top, width, height);
		if (width < 6)
			return;
		const inset = 1.5 * at.ratio;
		context.setLineDash([3 * at.ratio, 3 * at.ratio]);
		context.lineWidth = at.ratio;
		context.strokeStyle = 'rgb(0 0 0 / .55)';
		context.strokeRect(left + inset, top + inset, width - 2 * inset, height - 2 * inset);
		context.lineDashOffset = 3 * at.ratio;
		context.strokeStyle = 'rgb(255 255 255 / .9)';
		context.strokeRect(left + inset, top + inset, width - 2 * inset, height - 2 * inset);
		context.lineDashOffset = 0;
		context.setLineDash([]);
	}

	/** @param {At} at @param {Cell} cell */
	drawCursor(at, cell) {
		const { context } = this;
		const { left, top, width, height } = this.box(at, cell);
		if (this.color >= 0) {
			context.fillStyle = this.palette[this.color].rgb;
			context.fillRect(left, top, width, height);
		}
		/* Brackets around the cell; around a tiny one, far enough away to be seen. */
		const room = Math.max(2 * at.ratio, (12 * at.ratio - width) / 2);
		const arm = Math.max(5 * at.ratio, (width + 2 * room) * 0.28);
		const x0 = left - room;
		const y0 = top - room;
		const x1 = left + width + room;
		const y1 = top + height + room;
		context.beginPath();
		for (const [cx, inward] of [[x0, arm], [x1, -arm]])
			for (const [cy, down] of [[y0, arm], [y1, -arm]]) {
				context.moveTo(cx + inward, cy);
				context.lineTo(cx, cy);
				context.lineTo(cx, cy + down);
			}
		context.lineJoin = context.lineCap = 'round';
		context.lineWidth = 5 * at.ratio;
		context.strokeStyle = 'rgb(0 0 0 / .65)';
		context.stroke();
		context.lineWidth = 2.25 * at.ratio;
		context.strokeStyle = '#fff';
		context.stroke();
		context.lineJoin = 'miter';
		context.lineCap = 'butt';
	}
}
