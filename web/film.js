/**
 * film.js - the past of a board as a film: which moments are asked for, which one is shown when.
 *
 *	beginning ──its time──▶ paused ◀──play, pause──▶ playing ──the end──▶ paused
 *	    └──nothing to show──▶ over
 *
 * One question is on its way at a time, always for a later moment unless somebody seeks: that is what
 * the server answers cheaply. The playhead moves by the clock, never past the last frame that is
 * there; a step is as long as answers take, so that a slow network sees fewer moments of the film and
 * not a slower film. Questions keep their distance, also those of somebody who drags. A quiet stretch,
 * in which nothing was placed, is shown for a second and skipped.
 *
 * Memory: the frame shown, and AHEAD_MAX more or BYTES_MAX, but one at least.
 *
 * Pure: no fetch, no clock, no screen. Its owner calls tick() and next() after every event, carries out
 * the question that comes back and tells the answer with answered().
 *
 * @typedef {import('./past.js').Answer} Answer
 * @typedef {{at: number, seq: number, bytes: Uint8Array, jump: boolean}} Frame jump: what lies between
 *	it and the frame before is skipped
 * @typedef {'begin'|'seek'|'next'|'skip'|'last'} Kind
 * @typedef {{id: number, query: string, kind: Kind, at: number, began: number}} Question
 */

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
/** How long the whole history plays at speed 1. */
export const WHOLE_MS = 30000;
export const AHEAD_MAX = 10;
export const BYTES_MAX = 32 << 20;
/** Frames are not closer: others want answers too. */
export const FRAME_MS = 100;
/** Nor are questions: a connection may ask 20 in a second, where the server is not set otherwise. */
export const PACE_MS = 60;
const PACE_MAX_MS = 1000;
const FRAME_MAX_MS = 2000;
const QUIET_FRAMES = 10;
const WAIT_MAX_MS = 4000;
/** A tick never moves further: a page that was hidden goes on where it was. */
const TICK_MAX_MS = 250;

export class Film {
	/**
	 * @param {number} frameBytes of a board
	 * @param {number} end the newest moment, ms since 1970
	 * @param {number|null} at the moment to begin with; null: the oldest
	 * @param {number} newest the newest placement that is known of; Infinity: not known
	 */
	constructor(frameBytes, end, at = null, newest = Infinity) {
		this.frameBytes = frameBytes;
		this.start = NaN;
		this.end = Math.floor(end);
		/** Nothing above it is asked for by its seq: it may not be there yet. */
		this.newest = newest;
		this.head = at ?? -Infinity;
		this.speed = 1;
		this.playing = false;
		/** @type {Frame|null} */
		this.shown = null;
		/** @type {Frame[]} */
		this.ahead = [];
		/** @type {'empty'|'nothing'|'off'|'other'|null} why there is nothing to show */
		this.over = newest < 1 ? 'empty' : null;
		/** @type {'busy'|'away'|'unreadable'|null} why there is no answer yet */
		this.trouble = null;
		this.tries = 0;
		/** When the next question may be asked. */
		this.dueAt = -Infinity;
		this.paceMs = PACE_MS;
		/** @type {number|null} a moment that somebody wants to see */
		this.wish = null;
		/** @type {Question|null} on its way */
		this.asked = null;
		/** @type {Omit<Question, 'id'|'began'>|null} to be asked before what is ahead */
		this.again = { query: 'seq=1', kind: 'begin', at: NaN };
		this.firstSeq = 1;
		/** There was something before the start, which is not kept any more. */
		this.cut = false;
		/** The first placement is above low; high is one, or above all (none). */
		this.search = { low: 0, high: newest + 1, none: true };
		this.id = 0;
		this.answerMs = FRAME_MS / 2;
		this.quiet = 0;
		this.late = 0;
		this.ticked = 0;
	}

	get ready() {
		return this.shown !== null;
	}

	/** Milliseconds of history in one of playing. */
	get rate() {
		return ((this.end - this.start) / WHOLE_MS) * this.speed;
	}

	/** From one moment asked for to the next. */
	get step() {
		const wait = Math.min(Math.max(this.answerMs * 1.2, this.paceMs * 1.2, FRAME_MS), FRAME_MAX_MS);
		return Math.max(1, Math.round(this.rate * wait));
	}

	get aheadMax() {
		return Math.min(Math.max(Math.floor(BYTES_MAX / this.frameBytes) - 1, 1), AHEAD_MAX);
	}

	get atEnd() {
		return this.shown !== null && this.shown.at >= this.end;
	}

	get seeking() {
		return this.wish !== null || (this.asked ?? this.again)?.kind === 'seek';
	}

	/** The person waits for something. */
	get waiting() {
		return !this.over && (!this.shown || this.seeking || (this.playing && this.ahead.length === 0));
	}

	/** The newest frame there is. */
	get last() {
		return this.ahead.at(-1) ?? this.shown;
	}

	/* --- what the person wants --- */

	/** Plays; from the beginning, when it stands at the end. @param {number} now ms of any clock */
	play(now) {
		if (!this.shown)
			return;
		if (this.atEnd && !this.seeking)
			this.seek(this.start);
		this.playing = true;
		this.ticked = now;
	}

	pause() {
		this.playing = false;
	}

	/** @param {number} at */
	seek(at) {
		if (!this.shown)
			return;
		this.head = Math.round(Math.min(Math.max(at, this.start), this.end));
		this.ahead = [];
		this.quiet = 0;
		this.wish = this.head;
		if (this.again?.kind !== 'begin')
			this.again = null;
		if (this.head === this.shown.at && !this.asked)
			this.wish = null;
	}

	/** @param {number} by one of SPEEDS up or down */
	faster(by) {
		const at = SPEEDS.indexOf(this.speed) + by;
		this.speed = SPEEDS[Math.min(Math.max(at, 0), SPEEDS.length - 1)];
	}

	/** Time went on. @param {number} end @param {number} newest seq; Infinity: not known */
	extend(end, newest) {
		this.end = Math.max(this.end, Math.floor(end));
		this.newest = newest;
	}

	/* --- time --- */

	/** Moves the playhead. @param {number} now */
	tick(now) {
		const passed = Math.min(Math.max(now - this.ticked, 0), TICK_MAX_MS);
		this.ticked = now;
		if (!this.playing || this.seeking || !this.shown)
			return;
		this.head = Math.min(this.head + passed * this.rate, this.last.at);
		if (this.ahead[0]?.jump)
			this.head = Math.max(this.head, this.ahead[0].at);
		while (this.ahead[0]?.at <= this.head)
			this.shown = this.ahead.shift();
		if (this.atEnd)
			this.playing = false;
	}

	/** What to ask now; null: nothing. @param {number} now @returns {Question|null} */
	next(now) {
		if (this.asked || this.over || now < this.dueAt)
			return null;
		const what = this.choose();
		if (!what)
			return null;
		this.again = null;
		this.asked = { ...what, id: ++this.id, began: now };
		this.dueAt = now + this.paceMs;
		return this.asked;
	}

	/** @returns {Omit<Question, 'id'|'began'>|null} */
	choose() {
		if (this.again?.kind === 'begin')
			return this.again;
		if (this.wish !== null) {
			const at = this.wish;
			this.wish = null;
			return { query: `at=${at}`, kind: 'seek', at };
		}
		if (this.again)
			return this.again;
		if (!this.playing || this.ahead.length >= this.aheadMax || this.last.at >= this.end)
			return null;
		const { at: from, seq } = this.last;
		const at = Math.round(Math.min(from + this.step, this.end));
		if (this.quiet >= QUIET_FRAMES && seq >= this.newest)
			return { query: `at=${this.end}`, kind: 'last', at: this.end };
		if (this.quiet >= QUIET_FRAMES)
			return { query: `seq=${seq + 1}`, kind: 'skip', at };
		return { query: `at=${at}`, kind: 'next', at };
	}

	/* --- answers --- */

	/** @param {number} id of the question @param {Answer} answer @param {number} now */
	answered(id, answer, now) {
		const question = this.asked;
		if (question?.id !== id)
			return;
		this.asked = null;
		if (answer.kind === 'busy' || answer.kind === 'away' || answer.kind === 'unreadable') {
			this.refused(question, answer, now);
			return;
		}
		this.trouble = null;
		this.tries = 0;
		if (answer.kind === 'gone')
			this.gone(question, answer);
		else if (answer.kind === 'off' || (answer.kind === 'board' && answer.bytes.length !== this.frameBytes))
			this.over = answer.kind === 'off' ? 'off' : 'other';
		else if (answer.kind === 'later')
			this.later(question);
		else
			this.board(question, answer, now);
	}

	/**
	 * Asks again a little later, and later each time. Damage does not heal by itself: it stops the film.
	 * @param {Question} question @param {Answer & {kind: 'busy'|'away'|'unreadable'}} answer
	 * @param {number} now
	 */
	refused({ query, kind, at }, answer, now) {
		this.trouble = answer.kind;
		if (answer.tooFast)
			this.paceMs = Math.min(this.paceMs * 2, PACE_MAX_MS);
		this.dueAt = now + Math.max(answer.waitMs, Math.min(500 * 2 ** this.tries++, WAIT_MAX_MS));
		if (answer.kind === 'unreadable' && this.shown) {
			this.playing = false;
			this.head = this.shown.at;
		} else if (this.wish === null || kind === 'begin')
			this.again = { query, kind, at };
	}

	/** History begins later than we thought. @param {Question} question @param {Answer & {kind: 'gone'}} answer */
	gone(question, { sinceSeq, sinceMs }) {
		if (!sinceSeq || (this.cut && question.kind === 'begin' && sinceSeq <= this.firstSeq)) {
			this.over = 'nothing';
			return;
		}
		this.cut = true;
		this.begin(sinceSeq, sinceMs);
	}

	/** @param {number} seq @param {number} start NaN: its answer will tell */
	begin(seq, start) {
		this.firstSeq = seq;
		this.start = start;
		this.ahead = [];
		this.again = { query: `seq=${seq}`, kind: 'begin', at: start };
	}

	/** The server says that the moment has not come yet. @param {Question} question */
	later({ kind }) {
		if (kind === 'begin')
			this.searched({ high: this.firstSeq, none: true });
		else if (kind === 'skip')
			this.push({ ...this.last, at: this.end, jump: true });
		else
			this.tooLate();
	}

	/** Its clock is behind ours: so is the end of the film. */
	tooLate() {
		this.end = Math.max(this.start + 1, this.end - 1000 * 2 ** this.late++);
		if (this.last.at >= this.end)
			this.end = this.last.at;
		else if (this.head > this.end)
			this.seek(this.end);
	}

	/** @param {Question} question @param {Answer & {kind: 'board'}} answer @param {number} now */
	board(question, { seq, timeMs, bytes }, now) {
		const { kind, at } = question;
		if (kind === 'begin') {
			this.began(seq, timeMs, bytes);
			return;
		}
		this.answerMs += (now - question.began - this.answerMs) * 0.3;
		if (kind === 'seek')
			this.shown = { at, seq, bytes, jump: false };
		else if (this.wish !== null || !this.last)
			return; /* somebody seeks: it is not what comes next any more */
		else if (kind === 'skip')
			this.skipped(seq, timeMs, bytes);
		else if (kind === 'last')
			this.push({ at, seq, bytes, jump: true });
		else
			this.follow(at, seq, bytes);
	}

	/** @param {number} seq @param {number} timeMs 0: nothing is on it yet @param {Uint8Array} bytes */
	began(seq, timeMs, bytes) {
		if (Number.isNaN(this.start)) {
			if (!this.searched(timeMs === 0 ? { low: this.firstSeq } : { high: this.firstSeq, none: false }))
				return;
			this.start = timeMs;
		}
		this.end = Math.max(this.end, this.start + 1);
		this.shown = { at: this.start, seq, bytes, jump: false };
		const wanted = Math.min(this.head, this.end);
		this.head = this.start;
		this.wish = null;
		if (wanted > this.start)
			this.seek(wanted);
	}

	/**
	 * Seqs that were lost before anything was kept were never given out: the first placement is looked
	 * for above them. Nearly always it is seq 1.
	 * @param {{low?: number, high?: number, none?: boolean}} found what the last answer says
	 * @returns {boolean} that answer is the first placement
	 */
	searched(found) {
		const { low, high, none } = Object.assign(this.search, found);
		if (high - low > 1)
			this.begin(Math.min(low * 2, Math.floor((low + high) / 2)), NaN);
		else if (none)
			this.over = 'empty';
		else if (high === this.firstSeq)
			return true;
		else
			this.begin(high, NaN);
		return false;
	}

	/** @param {number} at @param {number} seq @param {Uint8Array} bytes */
	follow(at, seq, bytes) {
		const same = seq === this.last.seq;
		this.quiet = same ? this.quiet + 1 : 0;
		this.push({ at, seq, bytes: same ? this.last.bytes : bytes, jump: false });
	}

	/** The next placement after a quiet stretch. @param {number} seq @param {number} timeMs @param {Uint8Array} bytes */
	skipped(seq, timeMs, bytes) {
		const { last } = this;
		this.quiet = 0;
		if (seq <= last.seq)
			this.quiet = -Infinity; /* it cannot be found by its seq: wait for it, until something happens */
		else if (timeMs > this.end)
			this.push({ ...last, at: this.end, jump: true });
		else
			this.push({ at: Math.max(timeMs, last.at + 1), seq, bytes, jump: true });
	}

	/** @param {Frame} frame */
	push(frame) {
		this.ahead.push(frame);
	}
}
