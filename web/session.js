/**
 * session.js - one person on one board: carries out what the Follower decides, sends placements and
 * knows what became of them.
 *
 *	Connection ──messages──▶ Session ──▶ Follower, Pending, Person
 *	     ▲                      │
 *	     └──────commands────────┘──▶ Told: what there is to show
 *
 * A placement that is refused for want of a session, or of room, is sent again by itself, under the
 * same request number, when there is one.
 *
 * @typedef {object} Told
 * @property {(board: import('./board.js').Board) => void} replaced there is a whole new board
 * @property {(cells: ArrayLike<number>) => void} changed
 * @property {() => void} moved seq, state, pending or rules are not what they were
 * @property {(before: import('./face.js').Rules) => void} faced palette or rules are others than before
 * @property {(online: number) => void} online
 * @property {(ms: number) => void} wait until the next placement
 * @property {() => void} tooEarly
 * @property {() => void} placed
 * @property {(text: string) => void} trouble
 */
import { inWords, newsOf } from './face.js';
import { Follower, fetchDelayMs } from './follow.js';
import { Connection, fetchBitmap, fetchInfo, newSession } from './net.js';
import { Pending } from './pending.js';
import { Person } from './person.js';
import {
	COOLDOWN, FULL, NO_SESSION, OVERLOADED, TOO_FAST, UNKNOWN_BOARD, encodePlace, encodeSession, refusalText,
} from './protocol.js';
import { staggeredMs } from './retry.js';

/** A placement is sent so often at most, by itself. */
const SENT_MAX = 5;

/** @param {number} ms */
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export class Session {
	/** @param {import('./net.js').BoardInfo} info @param {Told} told */
	constructor(info, told) {
		this.info = info;
		this.told = told;
		/** Of `info`, as far as it was told here; of two the higher one is newer. */
		this.version = 0;
		this.failed = false;
		/** The board's number on the wire; it stays the same. @type {number|null} */
		this.number = null;
		/** The server said that it has no room for this page. */
		this.full = false;
		/** Subscriptions that were refused for want of room, in a row. */
		this.refusals = 0;
		/** The server's clock less ours; ours is a guess, until it has told its own. */
		this.clockMs = performance.timeOrigin;
		this.pending = new Pending();
		this.follower = new Follower(info.name, told);
		this.person = new Person({
			tell: (token) => this.connection.send(encodeSession(token)),
			trouble: told.trouble,
			gaveUp: () => this.giveUpWaiting(),
			newSession,
			pause: sleep,
		});
		this.connection = new Connection({
			opened: () => {
				this.full = false;
				this.person.opened();
				this.carryOut(this.follower.opened());
				told.moved();
			},
			message: (message) => this.received(message),
			closed: () => {
				this.follower.closed();
				this.pending.lost();
				told.moved();
			},
			full: () => {
				this.full = true;
				told.moved();
			},
		});
	}

	/** The user of this page, '' while the server has not told. */
	get user() {
		return this.person.user;
	}

	get board() {
		return this.follower.board;
	}

	get frozen() {
		return this.info.frozen;
	}

	get cooldownMs() {
		return this.info.cooldown_ms;
	}

	/** The server's time, ms since 1970. */
	get nowMs() {
		return this.clockMs + performance.now();
	}

	/** @returns {'connecting'|'loading'|'live'|'away'|'full'|'failed'} */
	get state() {
		if (this.failed)
			return 'failed';
		const { state, board } = this.follower;
		if (state === 'away' && this.full)
			return 'full';
		if (state === 'away')
			return board ? 'away' : 'connecting';
		return state === 'live' ? 'live' : 'loading';
	}

	/** @param {import('./protocol.js').Message} message */
	received(message) {
		switch (message.type) {
		case 'subscribed':
			this.subscribed(message);
			break;
		case 'delta':
			this.carryOut(this.follower.delta(message));
			break;
		case 'board':
			this.faced(message);
			break;
		case 'status':
			this.clockMs = Number(message.timeMs) - performance.now();
			if (message.board === this.follower.number)
				this.told.online(message.online);
			this.carryOut(this.follower.status(message));
			break;
		case 'stale':
			this.carryOut(this.follower.stale(message));
			break;
		case 'welcome':
			this.person.welcomed(message.user);
			this.sendHeld('session');
			break;
		case 'you':
			this.known(message);
			break;
		case 'placed':
			this.pending.placed(message.request, message.seq);
			this.told.wait(message.cooldownMs);
			this.told.placed();
			break;
		case 'refused':
			this.refused(message);
			break;
		case 'error':
			this.complain(message);
		}
		this.caughtUp();
	}

	/** @param {import('./protocol.js').Subscribed} message */
	subscribed(message) {
		this.failed = false;
		this.refusals = 0;
		this.number = message.board;
		this.version = 0;
		this.info = { ...this.info, frozen: message.frozen, cooldown_ms: message.cooldownMs };
		this.carryOut(this.follower.subscribed(message));
		this.person.unwelcomed(this.pending.forSession.length > 0);
		if (this.person.known)
			this.sendHeld('session');
	}

	/** What the board is was said anew. @param {import('./protocol.js').BoardFace} message */
	faced({ board, version, face }) {
		const before = this.info;
		if (board !== this.follower.number || version <= this.version)
			return;
		this.version = version;
		this.info = { ...before, ...inWords(face) };
		this.follower.faced(face.tag);
		if (newsOf(before, this.info).length > 0)
			this.told.faced(before);
	}

	/** The board may have moved on. */
	caughtUp() {
		if (this.follower.state === 'live')
			this.pending.reached(this.board.seq);
		this.told.moved();
	}

	/** @param {import('./protocol.js').You} you */
	known({ board, waitMs, lastRequest, lastSeq }) {
		if (board !== this.follower.number)
			return;
		this.told.wait(waitMs);
		if (this.pending.settle(lastRequest, lastSeq).length > 0)
			this.told.trouble('The connection broke before your pixel was saved. Place it again.');
	}

	/** @param {import('./protocol.js').Refused} refused */
	refused({ request, code, waitMs }) {
		const wants = code === NO_SESSION ? 'session' : code === OVERLOADED || code === FULL ? 'room' : null;
		const held = wants && this.pending.hold(request, wants, SENT_MAX);
		if (held) {
			if (wants === 'session')
				this.person.refused(true);
			else
				this.sendLater(held, waitMs);
			return;
		}
		this.pending.refused(request);
		if (waitMs > 0)
			this.told.wait(waitMs);
		if (code === COOLDOWN)
			this.told.tooEarly();
		this.told.trouble(refusalText(code));
	}

	/** What is no placement was refused. @param {import('./protocol.js').ServerError} error */
	complain({ code, text, waitMs }) {
		if (code === NO_SESSION) {
			this.person.refused(this.pending.forSession.length > 0);
			return;
		}
		if ((code === OVERLOADED || code === TOO_FAST) && this.follower.state === 'asking') {
			this.askLater(waitMs);
			return;
		}
		console.warn(`pixeld: ${text}`);
		this.failed ||= code === UNKNOWN_BOARD;
		this.told.trouble(refusalText(code));
	}

	/** There was no room for the subscription. @param {number} waitMs */
	async askLater(waitMs) {
		const id = this.follower.fetchId;
		await sleep(staggeredMs(waitMs || 1000, this.refusals++, Math.random()));
		this.carryOut(this.follower.refused(id));
	}

	/** There was no room for it. @param {import('./pending.js').Placement} placement @param {number} waitMs */
	async sendLater(placement, waitMs) {
		if (placement.tries === 1)
			this.told.trouble('The server has no room for your pixel now. It is sent again by itself.');
		await sleep(staggeredMs(waitMs || 1000, placement.tries, Math.random()));
		this.sendAgain(placement);
		this.told.moved();
	}

	/** @param {import('./pending.js').Want} wants */
	sendHeld(wants) {
		if (this.number !== null)
			this.pending.heldFor(wants).forEach((placement) => this.sendAgain(placement));
	}

	/** @param {import('./pending.js').Placement} placement */
	sendAgain(placement) {
		if (this.pending.again(placement))
			this.send(placement);
	}

	/** @param {import('./pending.js').Placement} placement */
	send({ x, y, color, request }) {
		this.connection.send(encodePlace({ board: this.number, x, y, color, request }));
	}

	/** There is no session to be had. */
	giveUpWaiting() {
		for (const { request } of this.pending.forSession)
			this.pending.refused(request);
		this.told.trouble('The server gave you no session. Place your pixel again later.');
		this.told.moved();
	}

	/** @param {import('./follow.js').Command[]} commands */
	carryOut(commands) {
		for (const command of commands)
			if (command.do === 'send')
				this.connection.send(command.bytes);
			else
				this.fetchBoard(command);
	}

	/** @param {{id: number, fresh: boolean, attempt: number}} command */
	async fetchBoard(command) {
		await sleep(fetchDelayMs(command, Math.random()));
		if (command.id !== this.follower.fetchId)
			return;
		const { name } = this.info;
		let bitmap = null;
		try {
			const [info, fetched] = await Promise.all(
				[fetchInfo(name), fetchBitmap(name, command.fresh)]);
			const { width, height, bits, tag = 0 } = info;
			bitmap = { width, height, bits, tag, ...fetched };
			/* What of it changes by itself was told over the socket, and may be newer. */
			if (this.follower.fits(bitmap))
				this.info = { ...info, frozen: this.info.frozen, cooldown_ms: this.info.cooldown_ms };
		} catch (error) {
			console.warn('pixeld: the board could not be fetched', error);
			if (error.waitMs > 0)
				await sleep(staggeredMs(error.waitMs, command.attempt, Math.random()));
		}
		this.carryOut(this.follower.fetched(command.id, command.attempt, bitmap));
		this.caughtUp();
	}

	/** @param {{x: number, y: number}} cell @param {number} color @returns {boolean} it was sent */
	place({ x, y }, color) {
		if (this.follower.state !== 'live' || !this.connection.isOpen)
			return false;
		this.send(this.pending.add(x, y, color));
		this.told.moved();
		return true;
	}
}
