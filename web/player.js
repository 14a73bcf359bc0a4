/**
 * player.js - the timelapse player in the dock: draws what the Film shows, asks what it wants to know,
 * and hands it what the person does.
 *
 *	controls, keys ──▶ Film ──questions──▶ fetchPast
 *	                    │ ▲────answers──────────┘
 *	                    └──frames──▶ Host: the view
 *
 * Loaded when somebody opens it. Owns #film while it is open; the live board goes on underneath.
 *
 * @typedef {object} Host
 * @property {import('./net.js').BoardInfo} info
 * @property {() => number} nowMs of the server
 * @property {() => number} newest placement that the live board has; Infinity: there is no board yet
 * @property {(board: Board, cells: number[]|null) => void} show a board of the past; cells: those that
 *	changed since the last, null: all of it
 * @property {() => void} closed
 */
import { Board, packedBytes } from './board.js';
import { Film, SPEEDS } from './film.js';
import { byId, say } from './hud.js';
import { cellsThatDiffer, fetchPast } from './past.js';
import { POSITIONS, momentAt, momentFormat, paceText, positionOf } from './timeline.js';

const OVER = {
	empty: 'Nothing has been placed yet.',
	nothing: 'The server keeps no history of this board.',
	off: 'This server does not show the past.',
	other: 'The board had another size then.',
};
const TROUBLE = {
	busy: 'History is busy: asking again…',
	away: 'The server cannot be reached: asking again…',
	unreadable: 'This part of history cannot be read.',
};
const PAST = 'You watch the past: placing is off.';
const GONE = 'Older history is not kept any more.';
/** Beyond a sixteenth of the board it is quicker to draw all of it. */
const CELLS_SHARE = 16;
const PAGE = POSITIONS / 10;

export class Player {
	/** @param {Host} host @param {number|null} at a moment; null: from the beginning */
	constructor(host, at) {
		const { width, height, bits } = host.info;
		this.host = host;
		this.film = new Film(packedBytes(width, height, bits), host.nowMs(), at, host.newest());
		/** @type {Board|null} */
		this.board = null;
		/** @type {import('./film.js').Frame|null} */
		this.drawn = null;
		this.ended = new AbortController();
		this.frame = 0;
		this.timer = 0;
		/** What the note says; said aloud only when it is another one. */
		this.note = '';
		this.wants = at === null && !matchMedia('(prefers-reduced-motion: reduce)').matches;
		this.listen();
		byId('film').hidden = false;
		byId('film-bar').focus({ preventScroll: true });
		this.update();
	}

	/** The moment of the frame that is shown; null: none yet. */
	get at() {
		return this.drawn?.at ?? null;
	}

	/** Nothing moves. */
	get still() {
		return !this.film.playing && !this.film.waiting;
	}

	get seq() {
		return this.drawn?.seq ?? null;
	}

	listen() {
		const { signal } = this.ended;
		const bar = byId('film-bar');
		const speed = byId('film-speed');
		bar.max = String(POSITIONS);
		speed.replaceChildren(...SPEEDS.map((each) => new Option(`${each}×`, String(each))));
		bar.addEventListener('input', () => this.seek(Number(bar.value)), { signal });
		speed.addEventListener('change', () => {
			this.film.speed = Number(speed.value);
			this.update();
		}, { signal });
		byId('film-play').addEventListener('click', () => this.toggle(), { signal });
		byId('film-live').addEventListener('click', () => this.close(), { signal });
	}

	close() {
		this.ended.abort();
		cancelAnimationFrame(this.frame);
		clearTimeout(this.timer);
		byId('film').hidden = true;
		this.host.closed();
	}

	/* --- what the person wants --- */

	/** @param {KeyboardEvent} event @returns {boolean} it was for us */
	key({ code, key, target }) {
		const onButton = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
		if (code === 'Space' && !onButton)
			return this.toggle(), true;
		if (key === '<' || key === '>')
			return this.faster(key === '>' ? 1 : -1), true;
		if (target === byId('canvas'))
			return false;
		const position = Math.round(positionOf(this.film, this.film.head));
		/** @type {Record<string, number>} */
		const to = {
			ArrowLeft: position - 1, ArrowRight: position + 1,
			PageDown: position - PAGE, PageUp: position + PAGE, Home: 0, End: POSITIONS,
		};
		if (!(code in to))
			return false;
		return this.seek(to[code]), true;
	}

	toggle() {
		const { film } = this;
		if (film.playing || this.wants) {
			this.pause();
			return;
		}
		this.wants = true;
		this.update();
	}

	pause() {
		this.wants = false;
		this.film.pause();
		this.update();
	}

	/** @param {number} by */
	faster(by) {
		this.film.faster(by);
		say(`${this.film.speed} times`);
		this.update();
	}

	/** @param {number} position of the slider */
	seek(position) {
		this.goTo(momentAt(this.film, position));
	}

	/** @param {number} at */
	goTo(at) {
		this.film.seek(at);
		this.update();
	}

	/* --- what comes of it --- */

	/** After every event, and every frame of the screen while it plays. */
	update() {
		const { film } = this;
		const now = performance.now();
		if (this.wants && film.ready) {
			this.wants = false;
			film.play(now);
			film.extend(this.host.nowMs(), this.host.newest());
		}
		film.tick(now);
		if (film.shown !== this.drawn)
			this.draw();
		const question = film.next(now);
		if (question)
			this.ask(question);
		this.showControls();
		clearTimeout(this.timer);
		if (film.playing)
			this.frame ||= requestAnimationFrame(() => {
				this.frame = 0;
				this.update();
			});
		else if (!film.asked && film.dueAt > now)
			this.timer = setTimeout(() => this.update(), film.dueAt - now);
	}

	/** @param {import('./film.js').Question} question */
	async ask({ id, query }) {
		const answer = await fetchPast(this.host.info.name, query, this.ended.signal);
		if (this.ended.signal.aborted)
			return;
		this.film.answered(id, answer, performance.now());
		this.update();
	}

	draw() {
		const { width, height, bits } = this.host.info;
		const { bytes, seq } = this.film.shown;
		const cells = this.board &&
			cellsThatDiffer(this.board.bytes, bytes, bits, (width * height) / CELLS_SHARE);
		if (cells)
			this.board.bytes = bytes;
		else
			this.board = new Board({ width, height, bits, epoch: 0, seq: BigInt(seq), bytes });
		this.drawn = this.film.shown;
		this.host.show(this.board, cells);
	}

	showControls() {
		const { film } = this;
		const playing = film.playing || this.wants;
		const play = byId('film-play');
		play.classList.toggle('playing', playing);
		play.setAttribute('aria-label', playing ? 'Pause' : film.atEnd ? 'Play again' : 'Play');
		byId('film').setAttribute('aria-busy', String(film.waiting));
		byId('film-speed').value = String(film.speed);
		this.showNote();
		if (film.ready)
			this.showTimes();
	}

	showTimes() {
		const { film } = this;
		const format = momentFormat(film);
		const moment = format.format(this.drawn.at);
		const bar = byId('film-bar');
		bar.value = String(Math.round(positionOf(film, film.head)));
		bar.setAttribute('aria-valuetext', format.format(film.head));
		bar.style.setProperty('--head', `${positionOf(film, film.head) / POSITIONS}`);
		bar.style.setProperty('--ahead', `${positionOf(film, film.last.at) / POSITIONS}`);
		byId('film-time').textContent = moment;
		byId('film-time').dateTime = new Date(this.drawn.at).toISOString();
		byId('film-from').textContent = format.format(film.start);
		byId('film-to').textContent = film.seeking ? `→ ${format.format(film.head)}` :
			film.playing ? paceText(film.rate * 1000) : format.format(film.end);
	}

	showNote() {
		const { over, trouble, tries, ready, waiting, cut } = this.film;
		const text = over ? OVER[over] :
			trouble ? TROUBLE[trouble] :
				!ready ? 'Looking for the beginning…' :
					cut && this.film.head <= this.film.start ? GONE : PAST;
		byId('film').classList.toggle('waiting', waiting && !trouble);
		byId('film').classList.toggle('trouble', !!(over || (trouble && tries > 0)));
		if (text === this.note)
			return;
		this.note = text;
		byId('film-note').textContent = text;
	}
}
