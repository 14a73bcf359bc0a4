/**
 * pending.js - placements of ours that the board does not show yet.
 *
 *	sent ──placed──▶ kept ──board reaches its seq──▶ gone
 *	 │ │──refused──▶ gone
 *	 │ └──refused, for now──▶ held ──again──▶ sent
 *	 └─connection lost, also held─▶ lost ──you──▶ kept, or failed
 *
 * Pure: no socket, no clock.
 *
 * @typedef {'session'|'room'} Want what a placement is held for
 * @typedef {{request: bigint, x: number, y: number, color: number, state: 'sent'|'held'|'kept'|'lost',
 *	wants: Want|null, tries: number, seq: bigint}} Placement tries: so often it was sent
 */

const COUNTER_BITS = 16n;

/** A random u64 whose low bits are free for a counter. @returns {bigint} */
export function randomBase() {
	const [high, low] = crypto.getRandomValues(new Uint32Array(2));
	return ((BigInt(high) << 32n) | BigInt(low)) >> COUNTER_BITS << COUNTER_BITS;
}

export class Pending {
	/** @param {() => bigint} [base] where request ids begin */
	constructor(base = randomBase) {
		this.base = base;
		this.next = base() + 1n;
		/** @type {Map<bigint, Placement>} in the order in which they were sent */
		this.all = new Map();
	}

	/** @param {number} x @param {number} y @param {number} color @returns {Placement} */
	add(x, y, color) {
		const request = this.next++;
		if (this.next % (1n << COUNTER_BITS) === 0n)
			this.next = this.base() + 1n;
		/** @type {Placement} */
		const placement = { request, x, y, color, state: 'sent', wants: null, tries: 1, seq: 0n };
		this.all.set(request, placement);
		return placement;
	}

	/** It counts, at this seq. @param {bigint} request @param {bigint} seq */
	placed(request, seq) {
		const placement = this.all.get(request);
		if (placement)
			Object.assign(placement, { state: 'kept', seq });
		return placement;
	}

	/** @param {bigint} request */
	refused(request) {
		const placement = this.all.get(request);
		this.all.delete(request);
		return placement;
	}

	/**
	 * It does not count for want of something that can be got.
	 * @param {bigint} request @param {Want} wants @param {number} triesMax
	 * @returns {Placement|null} null: it is not ours, or was sent often enough
	 */
	hold(request, wants, triesMax) {
		const placement = this.all.get(request);
		if (!placement || placement.tries >= triesMax)
			return null;
		return Object.assign(placement, { state: 'held', wants });
	}

	/** Those that are held for it. @param {Want} wants */
	heldFor(wants) {
		return [...this.all.values()].filter((p) => p.state === 'held' && p.wants === wants);
	}

	/** It is sent again, if it is still held. @param {Placement} placement @returns {boolean} */
	again(placement) {
		if (placement.state !== 'held' || !this.all.has(placement.request))
			return false;
		Object.assign(placement, { state: 'sent', wants: null, tries: placement.tries + 1 });
		return true;
	}

	/** Those that can only become something with a session. */
	get forSession() {
		return [...this.all.values()].filter(({ state, wants }) => state === 'lost' || wants === 'session');
	}

	/** The board shows everything up to seq. @param {bigint} seq */
	reached(seq) {
		for (const placement of this.all.values())
			if (placement.state === 'kept' && placement.seq <= seq)
				this.all.delete(placement.request);
	}

	/** The connection is gone: whether those on the way count is open. */
	lost() {
		for (const placement of this.all.values())
			if (placement.state === 'sent' || placement.state === 'held')
				Object.assign(placement, { state: 'lost', wants: null });
	}

	/**
	 * After a resume: what the server knows of our last placement decides about the lost ones. Those
	 * sent before the last accepted one have been answered by the board itself, those after it
	 * never counted.
	 * @param {bigint} lastRequest @param {bigint} lastSeq
	 * @returns {Placement[]} that failed
	 */
	settle(lastRequest, lastSeq) {
		const lost = [...this.all.values()].filter((p) => p.state === 'lost');
		const accepted = lost.findIndex((p) => p.request === lastRequest);
		for (const before of lost.slice(0, Math.max(accepted, 0)))
			this.all.delete(before.request);
		if (accepted >= 0)
			this.placed(lastRequest, lastSeq);
		const failed = lost.slice(accepted + 1);
		for (const placement of failed)
			this.all.delete(placement.request);
		return failed;
	}

	[Symbol.iterator]() {
		return this.all.values();
	}
}
