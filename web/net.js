/**
 * net.js - the connection to the server: one WebSocket that comes back by itself, and the fetches.
 *
 *	waiting ──▶ connecting ──▶ open ──▶ waiting ...
 *
 * Knows bytes and messages, not boards.
 */
import { SUBPROTOCOL, decode, encodeAlive } from './protocol.js';

const ALIVE_MS = 50000;
/** The server sends a status every few seconds; a connection silent for so long is dead. */
const SILENCE_MS = 25000;
/** A connection that lasted so long was a good one: the next retry is quick again. */
const STEADY_MS = 5000;
const RETRY_FIRST_MS = 400;
const RETRY_MAX_MS = 20000;

/**
 * @typedef {{opened: () => void, message: (m: import('./protocol.js').Message) => void,
 *	closed: () => void}} Told
 */

export class Connection {
	/** @param {Told} told */
	constructor(told) {
		this.told = told;
		/** @type {WebSocket|null} */
		this.socket = null;
		this.failures = 0;
		this.retryTimer = 0;
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
		const socket = new WebSocket(`${scheme}://${location.host}/ws`, SUBPROTOCOL);
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
		socket.addEventListener('close', () => this.drop(socket));
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

	/** The one place where a connection ends. @param {WebSocket} socket */
	drop(socket) {
		if (socket !== this.socket)
			return;
		this.socket = null;
		socket.close();
		if (performance.now() - this.openedAt > STEADY_MS)
			this.failures = 0;
		const longest = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** this.failures);
		const wait = longest * (0.5 + Math.random() / 2);
		this.failures++;
		this.retryTimer = setTimeout(() => this.open(), wait);
		this.told.closed();
	}

	/** Do not sit out the wait when the network, or the person, is back. */
	hurry() {
		if (this.retryTimer)
			this.open();
	}
}

/** @param {string} path @param {RequestInit} [options] */
async function get(path, options) {
	const response = await fetch(path, options);
	if (!response.ok)
		throw new Error(`${path}: ${response.status}`);
	return response;
}

/** @param {string} board */
export function boardPath(board) {
	return `/boards/${encodeURIComponent(board)}`;
}

/**
 * @typedef {{name: string, rgb: string}} Color
 * @typedef {{name: string, width: number, height: number, bits: number, palette: Color[],
 *	cooldown_ms: number, online: number}} BoardInfo
 */

/** As people say it: lightgray is Light gray. @param {BoardInfo} info */
function inWords(info) {
	for (const color of info.palette) {
		const words = color.name.replace(/[-_]/g, ' ').replace(/^(light|dark|gray)(?=[a-z])/, '$1 ');
		color.name = words.charAt(0).toUpperCase() + words.slice(1);
	}
	return info;
}

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

/** A new session; also sets the cookie. @returns {Promise<{token: string, user: string}>} */
export async function newSession() {
	return (await get('/session', { method: 'POST' })).json();
}
