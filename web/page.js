/**
 * page.js - what the person wants, and what they see: the cell cursor, the card of a pixel, the
 * confirmation on touch, the look that the address names.
 *
 *	input ──wishes──▶ Page ──place──▶ Session ──told──▶ Page ──▶ View, hud
 *
 * While the player is open it shows boards of the past; the Session's board goes on unseen, and is
 * drawn anew when the player closes.
 */
import { Camera } from './camera.js';
import { Cooldown, clockText, spanText } from './cooldown.js';
import { isSamePalette, newsOf, waitBy } from './face.js';
import * as hud from './hud.js';
import { listenToKeys, listenToPointers } from './input.js';
import { boardPath, fetchPixel, fetchPixelHistory } from './net.js';
import { Palette } from './palette.js';
import { Session } from './session.js';
import { View } from './view.js';

const { byId, say, toast } = hud;

/** Cells smaller than this are not placed on by one tap: the view moves closer first. */
const PLACE_FROM_ZOOM = { mouse: 3, touch: 10 };
/** So many placements of a pixel are told. */
const INFO_PLACED = 4;
const CLOSE_ZOOM = 24;
const BUTTON_ZOOM = 1.8;
const MARGIN = 16;
const HEADER = 56;
/** From this ratio on there is room for header and tools beside the board, not above and below. */
const WIDE = 1.3;
const HASH_MS = 300;
const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** @typedef {{x: number, y: number}} Cell */

/** @param {Cell} cell @returns {import('./camera.js').Look} */
const closeTo = ({ x, y }, zoom = CLOSE_ZOOM) => ({ x: x + 0.5, y: y + 0.5, zoom });

export class Page {
	/** @param {import('./net.js').BoardInfo} info */
	constructor(info) {
		/** @type {Cell|null} the cell that a placement would go to */
		this.cursor = null;
		/** @type {Cell|null} the cell that the card is about */
		this.inspected = null;
		/** The person chose where to look: a new size of the window does not change it. */
		this.chosen = false;
		this.hashTimer = 0;
		/** @type {import('./player.js').Player|null} */
		this.player = null;
		/** @type {import('./board.js').Board|null} what the player shows */
		this.past = null;
		this.opening = false;

		this.camera = new Camera();
		this.view = new View(byId('canvas'), this.camera);
		this.palette = new Palette(byId('palette'), (color) => this.colorChosen(color));
		this.cooldown = new Cooldown(byId('cooldown'), byId('meter'), () => this.waited());
		this.session = new Session(info, this.told());
		this.view.beforeDraw = (now) => this.frame(now);
		this.view.ghosts = this.session.pending;

		const wishes = this.wishes();
		this.keys = listenToKeys(byId('canvas'), wishes);
		listenToPointers(byId('canvas'), wishes);
		this.listen();
		this.describe();
		hud.showOnline(Math.max(1, info.online));
		this.resize();
		this.followHash();
		this.session.connection.open();
	}

	/** @returns {import('./session.js').Told} */
	told() {
		return {
			replaced: (board) => {
				this.describe();
				hud.showOnline(Math.max(1, this.session.info.online));
				this.view.setBoard(this.past ?? board, this.session.info.palette);
			},
			changed: (cells) => {
				if (!this.past)
					this.view.changed(cells);
			},
			moved: () => {
				this.showState();
				this.showRest();
				this.view.redraw();
			},
			faced: (before) => this.faced(before),
			online: hud.showOnline,
			wait: (ms) => this.cooldown.start(ms, this.session.cooldownMs),
			tooEarly: () => this.cooldown.nudge(),
			placed: () => say('Placed.'),
			trouble: (text) => toast(text, 'error'),
		};
	}

	/** Shows what the board is; its size may have changed. */
	describe() {
		const { camera } = this;
		const { name, width, height, palette } = this.session.info;
		if (camera.setBoard(width, height)) {
			this.player?.close();
			this.chosen = false;
			this.resize();
		}
		this.palette.fill(palette);
		byId('board-name').textContent = name;
		this.nameSnapshot();
		byId('canvas').setAttribute('aria-label', `Pixel board ${name}, ${width} by ${height} cells`);
		this.cooldown.name(`${name} · pixeld`);
	}

	/** Palette, frozen or cooldown changed under way. @param {import('./face.js').Rules} before */
	faced(before) {
		const { info } = this.session;
		const hadColor = this.palette.color >= 0;
		if (!isSamePalette(before.palette, info.palette)) {
			this.closeInfo();
			this.palette.fill(info.palette);
			this.view.setPalette(info.palette);
		}
		if (before.cooldown_ms !== info.cooldown_ms)
			this.cooldown.start(waitBy(this.cooldown.leftMs, before.cooldown_ms, info.cooldown_ms), info.cooldown_ms);
		const news = newsOf(before, info);
		if (hadColor && this.palette.color < 0)
			news[0] = 'The colors of this board have changed, and the one that you had chosen is gone.';
		news.forEach((text) => toast(text));
	}

	/** @returns {import('./input.js').Wishes} */
	wishes() {
		const { camera } = this;
		return {
			pan: (dx, dy) => this.look(() => camera.pan(dx, dy)),
			scale: (factor, x, y) => this.look(() => camera.zoomAt(factor, x, y)),
			zoom: (factor, x, y) => this.zoom(factor, x, y),
			hover: (x, y) => this.setCursor(camera.cellAt(x, y)),
			leave: () => this.setCursor(null),
			tap: (x, y, touch) => this.tap(camera.cellAt(x, y), touch),
			inspect: (x, y) => this.inspect(camera.cellAt(x, y)),
			step: (dx, dy) => this.step(dx, dy),
			place: () => (this.cursor ? this.place(this.cursor) : this.step(0, 0)),
			pick: (color) => this.isPast() || this.palette.pick(color),
			cycle: (by) => this.isPast() || this.palette.step(by),
			away: () => this.putAway(),
			command: (name) => this.command(name),
			first: (event) => this.player?.key(event) ?? false,
		};
	}

	/** @param {import('./input.js').Command} name */
	command(name) {
		switch (name) {
		case 'fit':
			this.go(this.camera.whole);
			this.chosen = false;
			break;
		case 'grid':
			this.view.grid = !this.view.grid;
			this.view.redraw();
			break;
		case 'share':
			this.share();
			break;
		case 'snapshot':
			byId('snapshot').click();
			break;
		case 'help':
			byId('help').showModal();
			break;
		case 'film':
			if (this.player)
				this.player.close();
			else
				this.openPlayer(null);
			break;
		case 'inspect':
			this.inspect(this.cursor ?? this.camera.cell);
		}
	}

	/** @param {Cell|null} cell @param {boolean} touch */
	tap(cell, touch) {
		if (!cell || this.palette.color < 0 || this.player) {
			this.inspect(cell);
			return;
		}
		this.closeInfo();
		this.setCursor(cell);
		if (this.camera.zoom < PLACE_FROM_ZOOM[touch ? 'touch' : 'mouse'])
			this.go(closeTo(cell));
		else if (!touch)
			this.place(cell);
		if (touch)
			this.showConfirm(cell);
	}

	/** @param {Cell} cell */
	showConfirm({ x, y }) {
		const { name, rgb } = this.session.info.palette[this.palette.color];
		byId('confirm-chip').style.setProperty('--rgb', rgb);
		byId('confirm-text').textContent = `Place ${name.toLowerCase()}`;
		byId('confirm-yes').setAttribute('aria-label', `Place ${name.toLowerCase()} at ${x}, ${y}`);
		byId('confirm').hidden = false;
	}

	/** @param {boolean} yes */
	confirm(yes) {
		const { cursor } = this;
		byId('confirm').hidden = true;
		this.setCursor(null);
		if (yes && cursor)
			this.place(cursor);
	}

	/** Moves the cell cursor by keys. @param {number} dx @param {number} dy */
	step(dx, dy) {
		const { width, height } = this.camera.board;
		const from = this.cursor ?? this.camera.cell;
		const by = this.cursor ? { dx, dy } : { dx: 0, dy: 0 };
		const cell = {
			x: Math.min(Math.max(from.x + by.dx, 0), width - 1),
			y: Math.min(Math.max(from.y + by.dy, 0), height - 1),
		};
		const { zoom } = this.camera.destination;
		this.setCursor(cell);
		if (zoom < PLACE_FROM_ZOOM.mouse)
			this.go(closeTo(cell));
		else if (!this.camera.sees(cell))
			this.go(closeTo(cell, zoom));
		say(`${cell.x}, ${cell.y}, ${this.nameAt(cell)}`);
	}

	/** @param {Cell} cell */
	place(cell) {
		const left = this.cooldown.leftMs;
		if (this.isPast())
			return;
		if (this.palette.color < 0) {
			toast('Choose a color first.');
		} else if (left > 0) {
			toast(`Your next pixel is ready in ${clockText(left)}.`);
			this.cooldown.nudge();
		} else if (!this.session.place(cell, this.palette.color)) {
			toast('Not connected at the moment. Your pixel was not sent.', 'error');
		}
	}

	/** @param {Cell|null} cell */
	async inspect(cell) {
		this.closeInfo();
		if (!cell || !this.board)
			return;
		this.player?.pause(); /* so that it is about what is seen */
		const { name, palette } = this.session.info;
		const color = palette[this.colorAt(cell)] ?? { name: 'No color', rgb: 'transparent' };
		this.inspected = cell;
		hud.showInfo({ ...cell, ...color });
		this.view.redraw();
		say(`${cell.x}, ${cell.y}, ${color.name}`);
		for await (const placed of this.placedOn(cell)) {
			if (this.inspected !== cell)
				return;
			hud.showInfoPlaced(placed, palette, this.session.user);
			this.view.redraw();
		}
	}

	/**
	 * The last one of now is known at once; what was before takes the server a while, when it has it.
	 * @param {Cell} cell
	 * @returns {AsyncGenerator<import('./net.js').Placed[]|null>} newest first, better each time; null: not known
	 */
	async* placedOn({ x, y }) {
		const { name } = this.session.info;
		const seq = this.past ? this.player.seq : null;
		if (seq === null)
			yield fetchPixel(name, x, y).then((last) => [last], () => null);
		const placed = await fetchPixelHistory(name, x, y, INFO_PLACED, seq).catch(() => null);
		if (placed || seq !== null)
			yield placed;
	}

	closeInfo() {
		this.inspected = null;
		hud.hideInfo();
	}

	/** Escape: one thing after the other. */
	putAway() {
		if (this.inspected)
			this.closeInfo();
		else if (!byId('confirm').hidden)
			this.confirm(false);
		else if (this.player)
			this.player.close();
		else
			this.palette.pick(-1);
	}

	/* --- the past --- */

	/** The board that is seen. */
	get board() {
		return this.past ?? this.session.board;
	}

	/** Whether nothing can be placed, because the player is open; says so. */
	isPast() {
		if (this.player)
			toast('This is the past. Go back to live to place a pixel.');
		return this.player !== null;
	}

	/** @param {number|null} at a moment; null: from the beginning, playing */
	async openPlayer(at) {
		if (this.player && at !== null)
			this.player.goTo(at);
		if (this.player || this.opening)
			return;
		this.opening = true;
		try {
			const { Player } = await import('./player.js');
			this.confirm(false);
			this.closeInfo();
			this.showPast(true);
			this.player = new Player({
				info: this.session.info,
				nowMs: () => this.session.nowMs,
				newest: () => Number(this.session.board?.seq ?? Infinity),
				show: (board, cells) => this.showFrame(board, cells),
				closed: () => this.backToLive(),
			}, at);
			this.showState();
		} catch (error) {
			console.warn('pixeld: the player could not be loaded', error);
			toast('The player could not be loaded. Reload the page.', 'error');
		}
		this.opening = false;
	}

	/** @param {import('./board.js').Board} board @param {number[]|null} cells that changed; null: all */
	showFrame(board, cells) {
		this.past = board;
		this.closeInfo();
		if (cells)
			this.view.update(cells);
		else
			this.view.setBoard(board, this.session.info.palette);
		this.view.ghosts = [];
		this.nameSnapshot();
	}

	backToLive() {
		this.player = null;
		this.past = null;
		this.closeInfo();
		this.view.ghosts = this.session.pending;
		if (this.session.board)
			this.view.setBoard(this.session.board, this.session.info.palette);
		this.showPast(false);
		this.showState();
		this.nameSnapshot();
		byId('film-open').focus({ preventScroll: true });
		say('Back to the live board.');
	}

	/** @param {boolean} past what the dock is for */
	showPast(past) {
		const armed = !past && this.palette.color >= 0;
		byId('dock').classList.toggle('past', past);
		byId('dock').setAttribute('aria-label', past ? 'Timelapse' : 'Place a pixel');
		byId('film-open').setAttribute('aria-pressed', String(past));
		byId('canvas').classList.toggle('picking', armed);
		this.view.color = armed ? this.palette.color : -1;
	}

	showState() {
		const { state } = this.session;
		hud.showState(this.player && state === 'live' ? 'past' : state);
	}

	/** The picture to save is that of the board that is seen. */
	nameSnapshot() {
		const { name } = this.session.info;
		const seq = this.past ? this.player.seq : null;
		byId('snapshot').href = `${boardPath(name)}/image.png${seq === null ? '' : `?seq=${seq}`}`;
		byId('snapshot').download = seq === null ? `${name}.png` : `${name}-${seq}.png`;
	}

	async share() {
		this.player?.pause(); /* only of a moment that stands still there is a link */
		this.writeHash();
		try {
			await navigator.clipboard.writeText(location.href);
			toast('Link copied.');
		} catch {
			toast('The address of this page leads to this spot.');
		}
	}

	/** @param {number} color */
	colorChosen(color) {
		this.view.color = color;
		byId('canvas').classList.toggle('picking', color >= 0);
		if (!byId('confirm').hidden) {
			if (color >= 0)
				this.showConfirm(this.cursor);
			else
				this.confirm(false);
		}
		this.showRest();
		this.view.redraw();
	}

	waited() {
		say('You can place a pixel again.');
		this.showRest();
	}

	/** @param {Cell|null} cell */
	setCursor(cell) {
		this.cursor = cell;
		this.view.cursor = cell;
		this.view.redraw();
	}

	/** @param {() => void} move of the camera */
	look(move) {
		this.chosen = true;
		move();
		this.view.redraw();
	}

	/** @param {import('./camera.js').Look} to */
	go(to) {
		this.look(() => this.camera.go(to, performance.now(), calm.matches));
	}

	/** @param {number} factor @param {number} [x] @param {number} [y] */
	zoom(factor, x = this.camera.middle.x, y = this.camera.middle.y) {
		this.go(this.camera.scaled(factor, x, y, this.camera.destination));
	}

	/** Before each drawing. @param {number} now @returns {boolean} another one is needed */
	frame(now) {
		const held = this.keys.step(now);
		const gliding = this.camera.step(now);
		if (this.inspected) {
			const { x, y } = this.inspected;
			hud.moveInfo(this.camera.toScreen(x, y), this.camera.zoom, this.camera.screen);
		}
		hud.showWhere(this.cursor, this.cursor ? this.nameAt(this.cursor) : '', this.camera.zoom);
		this.hashTimer ||= setTimeout(() => this.writeHash(), HASH_MS);
		return held || gliding;
	}

	/** @param {Cell} cell @returns {number} -1 while there is no board */
	colorAt({ x, y }) {
		const { board } = this;
		return board ? board.get(y * board.width + x) : -1;
	}

	/** @param {Cell} cell */
	nameAt(cell) {
		return this.session.info.palette[this.colorAt(cell)]?.name ?? '';
	}

	/** What the dock says when there is nothing to wait for. */
	showRest() {
		const { frozen, cooldownMs } = this.session;
		const armed = this.palette.color >= 0;
		const every = cooldownMs >= 1000 ? ` · one every ${spanText(cooldownMs)}` : '';
		if (frozen)
			this.cooldown.rest('The board is frozen', false);
		else
			this.cooldown.rest(armed ? 'Ready to place' : `Choose a color${every}`, armed);
	}

	listen() {
		/** @type {Record<string, () => void>} */
		const clicks = {
			'zoom-in': () => this.zoom(BUTTON_ZOOM),
			'zoom-out': () => this.zoom(1 / BUTTON_ZOOM),
			'fit': () => this.command('fit'),
			'share': () => this.command('share'),
			'film-open': () => this.command('film'),
			'help-open': () => this.command('help'),
			'confirm-no': () => this.confirm(false),
			'confirm-yes': () => this.confirm(true),
		};
		for (const [id, act] of Object.entries(clicks))
			byId(id).addEventListener('click', act);
		byId('help').addEventListener('click', (/** @type {MouseEvent} */ { target }) => {
			if (target === byId('help'))
				byId('help').close();
		});
		addEventListener('hashchange', () => this.followHash());
		addEventListener('resize', () => this.resize());
		new ResizeObserver(() => this.resize()).observe(byId('dock'));
	}

	resize() {
		const dock = innerHeight - byId('dock').offsetTop;
		const wide = innerWidth > innerHeight * WIDE;
		/* The confirmation comes and goes: the board should not jump with it. */
		const lasting = dock - byId('confirm').offsetHeight + (wide ? 0 : byId('tools').offsetHeight);
		document.documentElement.style.setProperty('--dock-height', `${dock}px`);
		this.camera.setScreen(innerWidth, innerHeight, {
			top: MARGIN + (wide ? 0 : HEADER), right: MARGIN, left: MARGIN,
			bottom: MARGIN + lasting,
		});
		if (!this.chosen)
			this.camera.go(this.camera.whole, 0, true);
		this.view.resize(innerWidth, innerHeight);
	}

	/** Looks where, and when, the address says: #x=412&y=87&z=8&t=1490918400000. */
	followHash() {
		const wanted = new URLSearchParams(location.hash.slice(1));
		const [x, y, zoom] = ['x', 'y', 'z'].map((key) => parseFloat(wanted.get(key) ?? ''));
		if (Number.isFinite(x) && Number.isFinite(y))
			this.look(() => this.camera.go(closeTo({ x, y }, zoom > 0 ? zoom : CLOSE_ZOOM), 0, true));
		const at = parseInt(wanted.get('t') ?? '', 10);
		if (at > 0)
			this.openPlayer(at);
	}

	writeHash() {
		const { cell, zoom } = this.camera;
		clearTimeout(this.hashTimer);
		this.hashTimer = 0;
		const at = this.player?.still ? this.player.at : null;
		const look = this.chosen ? `x=${cell.x}&y=${cell.y}&z=${Number(zoom.toPrecision(3))}` : '';
		const hash = `#${[look, at && `t=${at}`].filter(Boolean).join('&')}`;
		if (hash !== (location.hash || '#'))
			history.replaceState(history.state, '', hash);
	}
}
