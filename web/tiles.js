/**
 * tiles.js - the board as pictures, made where they are looked at.
 *
 * A tile is a canvas of 512 x 512. At level 0 its pixels are cells; at level n they are every 2^n-th
 * cell, so that what is visible is never more than a few screens of memory, however large the board.
 * Changed cells are written to the tile's ImageData and put in one rectangle before the next drawing.
 */

const SIDE = 512;
const SIDE_BITS = 9;
/** Tiles that stay although they are not visible. */
const SPARE = 12;

/** @param {{rgb: string}[]} palette @returns {Uint32Array} color to a word of an ImageData */
function paletteWords(palette) {
	const words = new Uint32Array(256);
	palette.forEach(({ rgb }, i) => {
		const value = parseInt(rgb.slice(1), 16);
		const bytes = [value >> 16, (value >> 8) & 255, value & 255, 255];
		new Uint8Array(words.buffer, i * 4, 4).set(bytes);
	});
	return words;
}

class Tile {
	/** @param {number} level @param {number} tx @param {number} ty */
	constructor(level, tx, ty) {
		this.level = level;
		this.tx = tx;
		this.ty = ty;
		this.canvas = document.createElement('canvas');
		this.canvas.width = this.canvas.height = SIDE;
		this.context = this.canvas.getContext('2d');
		this.image = this.context.createImageData(SIDE, SIDE);
		this.words = new Uint32Array(this.image.data.buffer);
		this.clean();
	}

	clean() {
		this.left = this.top = SIDE;
		this.right = this.bottom = -1;
	}

	/** @param {number} x @param {number} y in the tile @param {number} word */
	set(x, y, word) {
		this.words[(y << SIDE_BITS) | x] = word;
		this.left = Math.min(this.left, x);
		this.top = Math.min(this.top, y);
		this.right = Math.max(this.right, x);
		this.bottom = Math.max(this.bottom, y);
	}

	/** @param {import('./board.js').Board} board @param {Uint32Array} words */
	fill(board, words) {
		const step = 1 << this.level;
		const x0 = this.tx * SIDE * step;
		const y0 = this.ty * SIDE * step;
		for (let y = y0, row = 0; row < SIDE && y < board.height; row++, y += step)
			for (let x = x0, at = row << SIDE_BITS; x < board.width && x < x0 + SIDE * step; x += step)
				this.words[at++] = words[board.get(y * board.width + x)];
		this.context.putImageData(this.image, 0, 0);
	}

	put() {
		if (this.right < 0)
			return;
		this.context.putImageData(this.image, 0, 0, this.left, this.top,
			this.right - this.left + 1, this.bottom - this.top + 1);
		this.clean();
	}
}

export class Tiles {
	/** @param {import('./board.js').Board} board @param {{rgb: string}[]} palette */
	constructor(board, palette) {
		this.board = board;
		this.words = paletteWords(palette);
		/** @type {Map<number, Tile>} least recently drawn first */
		this.tiles = new Map();
		this.levels = 0;
	}

	/** @param {ArrayLike<number>} cells that have changed */
	changed(cells) {
		for (let i = 0; i < cells.length; i++) {
			const x = cells[i] % this.board.width;
			const y = (cells[i] - x) / this.board.width;
			const word = this.words[this.board.get(cells[i])];
			for (let level = 0; level <= this.levels; level++) {
				if ((x | y) & ((1 << level) - 1))
					break;
				const shift = level + SIDE_BITS;
				const tile = this.tiles.get(this.key(level, x >> shift, y >> shift));
				tile?.set((x >> level) & (SIDE - 1), (y >> level) & (SIDE - 1), word);
			}
		}
	}

	/** @param {number} level @param {number} tx @param {number} ty */
	key(level, tx, ty) {
		return (level << 16) | (ty << 8) | tx;
	}

	/** @param {number} level @param {number} tx @param {number} ty */
	tile(level, tx, ty) {
		const key = this.key(level, tx, ty);
		let tile = this.tiles.get(key);
		if (tile) {
			this.tiles.delete(key);
			tile.put();
		} else {
			tile = new Tile(level, tx, ty);
			tile.fill(this.board, this.words);
			this.levels = Math.max(this.levels, level);
		}
		this.tiles.set(key, tile);
		return tile;
	}

	/**
	 * Draws what is visible.
	 * @param {CanvasRenderingContext2D} context whose units are device pixels
	 * @param {{x: number, y: number, scale: number}} at device position of cell 0, 0; pixels per cell
	 */
	draw(context, { x, y, scale }) {
		const { width, height } = context.canvas;
		const level = scale >= 1 ? 0 : Math.floor(-Math.log2(scale));
		const cells = SIDE << level;
		const columns = Math.ceil(this.board.width / cells);
		const rows = Math.ceil(this.board.height / cells);
		const first = (/** @type {number} */ from) => Math.max(0, Math.floor(-from / scale / cells));
		const end = (/** @type {number} */ from, /** @type {number} */ size) =>
			Math.floor((size - from) / scale / cells) + 1;
		const edge = (/** @type {number} */ from, /** @type {number} */ n) =>
			Math.round(from + n * cells * scale);
		let visible = 0;

		context.imageSmoothingEnabled = scale < 1;
		for (let ty = first(y); ty < Math.min(rows, end(y, height)); ty++)
			for (let tx = first(x); tx < Math.min(columns, end(x, width)); tx++, visible++) {
				const { canvas } = this.tile(level, tx, ty);
				const left = edge(x, tx);
				const top = edge(y, ty);
				context.drawImage(canvas, left, top, edge(x, tx + 1) - left, edge(y, ty + 1) - top);
			}
		for (const key of this.tiles.keys()) {
			if (this.tiles.size <= visible + SPARE)
				break;
			this.tiles.delete(key);
		}
	}
}
