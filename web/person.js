/**
 * person.js - who this page is for the server.
 *
 *	opened ──welcome──▶ known ──refused, expired──┐
 *	   └──another answer──▶ unknown ──needed──▶ asking ──a token──▶ told ──welcome──▶ known
 *
 * Nearly always the session comes with the cookie, and the server says so with the first message. Where
 * it does not, because cookies are off or the server does not know them any more, a session is got by
 * POST /session once somebody wants to place, and told on the socket. Who only watches needs none.
 *
 * @typedef {object} Host
 * @property {(token: string) => void} tell says a token on the socket; nothing while that is closed
 * @property {(text: string) => void} trouble
 * @property {() => void} gaveUp nobody may wait for a session any longer
 * @property {(token: string) => Promise<{token: string}>} newSession a new one, or that of the token renewed
 * @property {(ms: number) => Promise<unknown>} pause
 */
import { staggeredMs } from './retry.js';

/** A server that takes none of so many sessions is not asked for another one. */
const ASKED_MAX = 5;

export class Person {
	/** @param {Host} host */
	constructor(host) {
		this.host = host;
		/** As the server names us; '' until it did. */
		this.user = '';
		/** The server knows us on this connection. */
		this.known = false;
		/** The newest session that we asked for; '' while the cookie does. */
		this.token = '';
		this.asking = false;
		/** So often since the last welcome. */
		this.asked = 0;
	}

	/** There is a new connection. */
	opened() {
		this.known = false;
	}

	/** @param {string} user */
	welcomed(user) {
		this.user = user;
		this.known = true;
		this.asked = 0;
	}

	/** The server begins to answer, and has not welcomed us. @param {boolean} needed something waits for a session */
	unwelcomed(needed) {
		if (this.known || this.asking)
			return;
		if (this.token)
			this.host.tell(this.token);
		else if (needed)
			this.ask();
	}

	/** The server does not take the session of this connection, or has none. @param {boolean} needed */
	refused(needed) {
		this.known = false;
		if (needed)
			this.ask();
	}

	/** Gets a session and tells it; who waits for it hears of the welcome. */
	async ask() {
		if (this.asking)
			return;
		this.asking = true;
		let token = '';
		while (!token && this.asked < ASKED_MAX)
			token = await this.askOnce();
		this.asking = false;
		if (token) {
			this.token = token;
			this.host.tell(token);
			return;
		}
		this.asked = 0;
		this.host.gaveUp();
	}

	/** @returns {Promise<string>} '': there was none, and time has passed */
	async askOnce() {
		this.asked++;
		try {
			return (await this.host.newSession(this.token)).token;
		} catch (error) {
			const { status = 0, waitMs = 0 } = error;
			if (status === 429 || status === 503)
				this.host.trouble('The server gives out no sessions at the moment. Your pixel waits for one.');
			await this.host.pause(staggeredMs(waitMs, this.asked, Math.random()));
			return '';
		}
	}
}
