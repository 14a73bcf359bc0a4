/**
 * follow.js - decides how to follow one board: what to ask for, what to keep, what to apply.
 *
 *	away ──opened──▶ asking ──────subscribed, resumed──────▶ live
 *	                  │  ▲ │                                 │  ▲ │
 *	             stale│  │ └─subscribed──▶ joining ◀────gap──┘  │ │stale
 *	                  ▼  │bitmap              └──────bitmap─────┘ │
 *	               refetching ◀───────────────────────────────────┘
 *
 * asking: refused for want of room, it asks again after a wait of its owner. joining: subscribed, deltas
 * are kept until the bitmap is there. refetching: not subscribed, the bitmap is fetched until its seq can
 * be resumed from. Every state goes to away when the connection is lost; the board and its seq stay, for
 * the resume.
 *
 * Pure: no socket, no fetch, no clock. Its owner calls an event and carries out the commands that come
 * back, in order.
 *
 * @typedef {{do: 'send', bytes: Uint8Array}
 *	| {do: 'fetch', id: number, fresh: boolean, attempt: number}} Command
 * @typedef {{width: number, height: number, bits: number, tag: number, epoch: number, seq: bigint,
 *	bytes: Uint8Array}} Bitmap
 */
import { Board, packedBytes } from './board.js';
import { encodeSubscribe, encodeUnsubscribe } from './protocol.js';

/** Deltas kept while the bitmap is on its way; a client that needs more resumes later instead. */
const KEPT_BYTES_MAX = 8 << 20;
/** Bitmaps that did not fit the subscription, after which it is made anew. */
const MISFITS_MAX = 6;

export class Follower {
	/**
	 * @param {string} name of the board
	 * @param {{replaced: (board: Board) => void, changed: (cells: ArrayLike<number>) => void}} told
	 */
	constructor(name, told) {
		this.name = name;
		this.told = told;
		/** @type {'away'|'asking'|'joining'|'refetching'|'live'} */
		this.state = 'away';
		/** @type {Board|null} */
		this.board = null;
		/** @type {import('./protocol.js').Subscribed|null} */
		this.subscription = null;
		/** That of what we know: with another one the board, or its palette, is another one. */
		this.tag = 0;
		this.forget();
		this.fetchId = 0;
	}

	/** The board's number on the wire, or null while there is no subscription. */
	get number() {
		return this.subscription ? this.subscription.board : null;
	}

	/** @returns {Command[]} */
	opened() {
		this.subscription = null;
		return [this.ask()];
	}

	closed() {
		this.state = 'away';
		this.subscription = null;
		this.forget();
		this.fetchId++;
	}

	/**
	 * The server had no room for the subscription, and the wait is over.
	 * @param {number} id fetchId when it was refused
	 * @returns {Command[]}
	 */
	refused(id) {
		return this.state === 'asking' && id === this.fetchId ? [this.ask()] : [];
	}

	/** @param {import('./protocol.js').Subscribed} m @returns {Command[]} */
	subscribed(m) {
		if (this.state !== 'asking' || m.name !== this.name)
			return [];
		this.subscription = m;
		if (m.resumed && this.board?.epoch === m.epoch && this.tag === m.tag) {
			this.state = 'live';
			return [];
		}
		return this.join(m.seq, m.resumed);
	}

	/** @param {import('./protocol.js').Delta} m @returns {Command[]} */
	delta(m) {
		if (m.board !== this.number)
			return [];
		if (this.state === 'joining')
			return this.keep(m);
		if (this.board.apply(m, this.told.changed) !== 'gap')
			return [];
		const commands = this.join(m.first - 1n, true);
		this.keep(m);
		return commands;
	}

	/** @param {import('./protocol.js').Status} m @returns {Command[]} */
	status(m) {
		if (m.board !== this.number || this.state !== 'live')
			return [];
		if (m.epoch === this.board.epoch && m.seq <= this.board.seq)
			return [];
		this.subscription.epoch = m.epoch;
		return this.join(m.seq, true);
	}

	/** The palette may be another one; the pixels stay what they are. @param {number} tag of the new face */
	faced(tag) {
		this.subscription.tag = tag;
		if (this.state === 'live')
			this.tag = tag;
	}

	/** @param {import('./protocol.js').Stale} m @returns {Command[]} */
	stale(m) {
		if (this.state !== 'asking' && m.board !== this.number)
			return [];
		return this.refetch(m.oldest);
	}

	/**
	 * What a fetch command brought.
	 * @param {number} id @param {number} attempt both from the command
	 * @param {Bitmap|null} bitmap null: it failed
	 * @returns {Command[]}
	 */
	fetched(id, attempt, bitmap) {
		if (id !== this.fetchId)
			return [];
		const fits = bitmap !== null && this.fits(bitmap);
		if (!fits && bitmap && attempt >= MISFITS_MAX && this.subscription)
			return this.again();
		if (!fits)
			return [this.fetch(true, attempt + 1)];
		this.board = new Board(bitmap);
		this.tag = bitmap.tag;
		if (this.state === 'refetching') {
			this.told.replaced(this.board);
			return [this.ask()];
		}
		return this.replay();
	}

	/** @param {Bitmap} bitmap */
	fits({ width, height, bits, tag, epoch, seq, bytes }) {
		return seq >= this.needed && bytes.length === packedBytes(width, height, bits) &&
			(!this.subscription || (epoch === this.subscription.epoch && tag === this.subscription.tag));
	}

	/** @returns {Command} */
	ask() {
		this.state = 'asking';
		this.forget();
		this.fetchId++;
		return { do: 'send', bytes: encodeSubscribe(this.name, this.board ?? undefined) };
	}

	/** @returns {Command} */
	leave() {
		return { do: 'send', bytes: encodeUnsubscribe(this.number) };
	}

	/** Subscribes from nothing: what is fetched never fits what we are subscribed to. */
	again() {
		const leave = this.leave();
		this.subscription = null;
		this.board = null;
		return [leave, this.ask()];
	}

	/** @param {bigint} needed @param {boolean} fresh @returns {Command[]} */
	join(needed, fresh) {
		this.state = 'joining';
		this.forget();
		this.needed = needed;
		return [this.fetch(fresh, 0)];
	}

	/** @param {bigint} needed @returns {Command[]} */
	refetch(needed) {
		this.state = 'refetching';
		this.subscription = null;
		this.forget();
		this.needed = needed;
		return [this.fetch(true, 0)];
	}

	/** @param {boolean} fresh @param {number} attempt @returns {Command} */
	fetch(fresh, attempt) {
		this.fetchId++;
		return { do: 'fetch', id: this.fetchId, fresh, attempt };
	}

	/** @param {import('./protocol.js').Delta} m @returns {Command[]} */
	keep(m) {
		this.kept.push(m);
		this.keptBytes += m.payload.length + 32;
		if (this.keptBytes <= KEPT_BYTES_MAX)
			return [];
		return [this.leave(), ...this.refetch(0n)];
	}

	/** Applies what was kept to the bitmap that has come. @returns {Command[]} */
	replay() {
		const kept = this.kept;
		this.state = 'live';
		this.forget();
		for (const [i, m] of kept.entries()) {
			if (this.board.apply(m) !== 'gap')
				continue;
			const commands = this.join(m.first - 1n, true);
			for (const rest of kept.slice(i))
				this.keep(rest);
			return commands;
		}
		this.told.replaced(this.board);
		return [];
	}

	forget() {
		/** @type {import('./protocol.js').Delta[]} */
		this.kept = [];
		this.keptBytes = 0;
		this.needed = 0n;
	}
}

/**
 * How long to wait before a fetch. A first visit does not wait; a crowd that lost the board at one
 * moment, which is when it has to be fresh, spreads over two seconds.
 * @param {{attempt: number, fresh: boolean}} command
 * @param {number} random 0 <= random < 1
 * @returns {number} milliseconds
 */
export function fetchDelayMs({ attempt, fresh }, random) {
	if (attempt > 0)
		return Math.min(10000, 250 * 2 ** attempt) * (0.5 + random / 2);
	return fresh ? 2000 * random : 0;
}
