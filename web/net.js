/**
 * net.js - the connection to the server: one WebSocket that comes back by itself, and the fetches.
 *
 *	waiting ──▶ connecting ──▶ open ──▶ waiting ...
 *
 * Knows bytes and messages, not boards.
 */
import { inWords } from './face.js';
import { SUBPROTOCOL, decode, encodeAlive } from './protocol.js';
import { backoffMs, staggeredMs } from './retry.js';

const ALIVE_MS = 50000;
/** The server sends a status every few seconds; a connection silent for so long is dead. */
const SILENCE_MS = 25000;
/** A connection that lasted so long was a good one: the next retry is quick again. */
const STEADY_MS = 5000;
/** Close code: the server has no room now. */
const TRY_AGAIN_LATER = 1013;
const SOCKET_PATH = '/ws';

/**
 * @typedef {{opened: () => void, message: (m: import('./protocol.js').Message) => void,
 *	closed: () => void, full: () => void}} Told full: the server has no room for us; we come again
 */

export class Connection {
	/** @param {Told} told */
	constructor(told) {
		this.told = told;
		/** @type {WebSocket|null} */
		this.socket = null;
		this.failures = 0;
		this.retryTimer = 0;
		/** Nothing makes us come earlier. */
		this.notBefore = -Infinity;
		this.openedAt = Infinity;
		this.sentAt = 0;
		this.heardAt = 0;
		setInterval(() => this.watch(), 5000);
		addEventListener('online', () => this.hurry());
		document.addEventListener('visibilitychange', () => {
			if (!document.hidden)
				this.hurry();
		});
	}

	get isOpen() {
		return this.socket?.readyState === WebSocket.OPEN;
	}

	open() {
		clearTimeout(this.retryTimer);
		this.retryTimer = 0;
		const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
		const socket = new WebSocket(`${scheme}://${location.host}${SOCKET_PATH}`, SUBPROTOCOL);
		this.socket = socket;
		this.openedAt = Infinity;
		this.heardAt = performance.now();
		socket.binaryType = 'arraybuffer';
		socket.addEventListener('open', () => {
			if (socket !== this.socket)
				return;
			this.openedAt = performance.now();
			this.told.opened();
		});
		socket.addEventListener('message', ({ data }) => {
			if (socket === this.socket && data instanceof ArrayBuffer)
				this.received(new Uint8Array(data));
		});
		socket.addEventListener('close', ({ code }) => this.drop(socket, code));
	}

	/** @param {Uint8Array} bytes */
	send(bytes) {
		if (!this.isOpen)
			return;
		this.socket.send(bytes);
		this.sentAt = performance.now();
	}

	/** @param {Uint8Array} bytes */
	received(bytes) {
		this.heardAt = performance.now();
		let message;
		try {
			message = decode(bytes);
		} catch (error) {
			console.error('pixeld: a message that cannot be read', error);
			this.drop(this.socket);
			return;
		}
		if (message)
			this.told.message(message);
		/* Timers of a hidden page are slowed down, messages are not. */
		this.stayAlive();
	}

	stayAlive() {
		if (performance.now() - this.sentAt > ALIVE_MS)
			this.send(encodeAlive());
	}

	watch() {
		this.stayAlive();
		if (this.socket && performance.now() - this.heardAt > SILENCE_MS)
			this.drop(this.socket);
	}

	/** The one place where a connection ends. @param {WebSocket} socket @param {number} [code] */
	drop(socket, code) {
		if (socket !== this.socket)
			return;
		this.socket = null;
		socket.close();
		const opened = this.openedAt < Infinity;
		if (performance.now() - this.openedAt > STEADY_MS)
			this.failures = 0;
		this.openIn(backoffMs(this.failures, Math.random()));
		this.failures++;
		this.told.closed();
		if (code === TRY_AGAIN_LATER)
			this.stayAway(1000);
		else if (!opened)
			this.askWhy();
	}

	/** @param {number} ms */
	openIn(ms) {
		clearTimeout(this.retryTimer);
		this.retryTimer = setTimeout(() => this.open(), ms);
	}

	/** A browser does not say why a WebSocket was refused: a plain request of the same path is told. */
	async askWhy() {
		try {
			const { status, headers } = await fetch(SOCKET_PATH, { cache: 'no-store' });
			if (status === 503 && this.retryTimer)
				this.stayAway(retryAfterMs(headers));
		} catch {
			/* It is not there: that is no news. */
		}
	}

	/** There is no room. @param {number} waitMs what the server said */
	stayAway(waitMs) {
		const wait = staggeredMs(waitMs, this.failures, Math.random());
		this.notBefore = performance.now() + wait;
		this.openIn(wait);
		this.told.full();
	}

	/** Do not sit out the wait when the network, or the person, is back. */
	hurry() {
		if (this.retryTimer && performance.now() >= this.notBefore)
			this.open();
	}
}

/** An answer that is no success. */
export class HttpRefusal extends Error {
	/** @param {string} path @param {Response} response */
	constructor(path, { status, headers }) {
		super(`${path}: ${status}`);
		this.status = status;
		/** The server wants to be left alone for so long; 0: it did not say. */
		this.waitMs = retryAfterMs(headers);
	}
}

/** @param {Headers} headers */
function retryAfterMs(headers) {
	const seconds = Number(headers.get('Retry-After'));
	return seconds > 0 ? seconds * 1000 : 0;
}

/** @param {string} path @param {RequestInit} [options] */
async function get(path, options) {
	const response = await fetch(path, options);
	if (!response.ok)
		throw new HttpRefusal(path, response);
	return response;
}

/** @param {string} board */
export function boardPath(board) {
	return `/boards/${encodeURIComponent(board)}`;
}

/**
 * @typedef {import('./protocol.js').Color} Color
 * @typedef {import('./protocol.js').Face & {online: number}} BoardInfo
 */

/** @returns {Promise<BoardInfo[]>} */
export async function fetchBoards() {
	const boards = await (await get('/boards', { cache: 'no-cache' })).json();
	return boards.map(inWords);
}

/** @param {string} board @returns {Promise<BoardInfo>} */
export async function fetchInfo(board) {
	return inWords(await (await get(boardPath(board), { cache: 'no-cache' })).json());
}

/**
 * @param {string} board
 * @param {boolean} fresh past every cache
 */
export async function fetchBitmap(board, fresh) {
	const path = `${boardPath(board)}/bitmap`;
	const response = await get(path, { cache: fresh ? 'no-cache' : 'default' });
	return {
		epoch: Number(response.headers.get('X-Board-Epoch')),
		seq: BigInt(response.headers.get('X-Board-Seq') ?? 0),
		bytes: new Uint8Array(await response.arrayBuffer()),
	};
}

/** Who placed it last: known also where history is not. @param {string} board @param {number} x @param {number} y */
export async function fetchPixel(board, x, y) {
	return (await get(`${boardPath(board)}/pixels/${x}/${y}`, { cache: 'no-cache' })).json();
}

/**
 * Who placed a pixel, newest first.
 * @typedef {{color: number, user?: string|null, placed_at?: number|null, rollback?: number}} Placed
 * @param {string} board @param {number} x @param {number} y
 * @param {number} limit so many at most
 * @param {number|null} seq up to this one; null: now
 * @returns {Promise<Placed[]|null>} null: it is not kept
 */
export async function fetchPixelHistory(board, x, y, limit, seq) {
	const before = seq === null ? '' : `&before=${seq + 1}`;
	const path = `${boardPath(board)}/pixels/${x}/${y}/history?limit=${limit}${before}`;
	const { placements, complete } = await (await get(path, { cache: 'no-cache' })).json();
	return placements.length > 0 || complete ? placements : null;
}

/**
 * A new session, or that of the cookie or token renewed; also sets the cookie.
 * @param {string} token '': none @returns {Promise<{token: string, user: string}>}
 */
export async function newSession(token) {
	const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
	return (await get('/session', { method: 'POST', headers })).json();
}
