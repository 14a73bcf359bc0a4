/**
 * session.js - one person on one board: carries out what the Follower decides, sends placements and
 * knows what became of them.
 *
 *	Connection ──messages──▶ Session ──▶ Follower, Pending
 *	     ▲                      │
 *	     └──────commands────────┘──▶ Told: what there is to show
 *
 * @typedef {object} Told
 * @property {(board: import('./board.js').Board) => void} replaced there is a whole new board
 * @property {(cells: ArrayLike<number>) => void} changed
 * @property {() => void} moved seq, state, pending or rules are not what they were
 * @property {(online: number) => void} online
 * @property {(ms: number) => void} wait until the next placement
 * @property {() => void} tooEarly
 * @property {() => void} placed
 * @property {(text: string) => void} trouble
 */
import { Follower, fetchDelayMs } from './follow.js';
import { Connection, fetchBitmap, fetchInfo, newSession } from './net.js';
import { Pending } from './pending.js';
import {
	COOLDOWN, NO_SESSION, UNKNOWN_BOARD, encodePlace, encodeSession, refusalText,
} from './protocol.js';

/** @param {number} ms */
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export class Session {
	/** @param {import('./net.js').BoardInfo} info @param {Told} told */
	constructor(info, told) {
		this.info = info;
		this.told = told;
		this.user = '';
		this.frozen = false;
		this.cooldownMs = info.cooldown_ms;
		this.failed = false;
		/** The server's clock less ours; ours is a guess, until it has told its own. */
		this.clockMs = performance.timeOrigin;
		this.pending = new Pending();
		this.follower = new Follower(info.name, told);
		this.connection = new Connection({
			opened: () => {
				this.carryOut(this.follower.opened());
				told.moved();
			},
			message: (message) => this.received(message),
			closed: () => {
				this.follower.closed();
				this.pending.lost();
				told.moved();
			},
		});
	}

	get board() {
		return this.follower.board;
	}

	/** The server's time, ms since 1970. */
	get nowMs() {
		return this.clockMs + performance.now();
	}

	/** @returns {'connecting'|'loading'|'live'|'away'|'failed'} */
	get state() {
		if (this.failed)
			return 'failed';
		const { state, board } = this.follower;
		if (state === 'away')
			return board ? 'away' : 'connecting';
		return state === 'live' ? 'live' : 'loading';
	}

	/** @param {import('./protocol.js').Message} message */
	received(message) {
		switch (message.type) {
		case 'subscribed':
			this.frozen = message.frozen;
			this.cooldownMs = message.cooldownMs;
			this.carryOut(this.follower.subscribed(message));
			break;
		case 'delta':
			this.carryOut(this.follower.delta(message));
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
			this.user = message.user;
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
			this.pending.refused(message.request);
			if (message.waitMs > 0)
				this.told.wait(message.waitMs);
			this.complain(message.code);
			break;
		case 'error':
			console.warn(`pixeld: ${message.text}`);
			this.failed ||= message.code === UNKNOWN_BOARD;
			this.complain(message.code);
		}
		this.caughtUp();
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

	/** @param {number} code */
	complain(code) {
		if (code === COOLDOWN)
			this.told.tooEarly();
		this.told.trouble(refusalText(code));
		if (code === NO_SESSION)
			newSession().then(({ token }) => this.connection.send(encodeSession(token)), () => {});
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
			this.info = info;
			bitmap = { width: info.width, height: info.height, bits: info.bits, ...fetched };
		} catch (error) {
			console.warn('pixeld: the board could not be fetched', error);
		}
		this.carryOut(this.follower.fetched(command.id, command.attempt, bitmap));
		this.caughtUp();
	}

	/** @param {{x: number, y: number}} cell @param {number} color @returns {boolean} it was sent */
	place({ x, y }, color) {
		if (this.follower.state !== 'live' || !this.connection.isOpen)
			return false;
		const { request } = this.pending.add(x, y, color);
		this.connection.send(encodePlace({ board: this.follower.number, x, y, color, request }));
		this.told.moved();
		return true;
	}
}
