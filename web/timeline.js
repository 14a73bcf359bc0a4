/**
 * timeline.js - moments as positions of a slider and as words. Pure.
 */

/** Positions of the slider: one is a step of an arrow key. */
export const POSITIONS = 400;
const DAY_MS = 86400000;

/** @param {{start: number, end: number}} range @param {number} at @returns {number} 0 to POSITIONS */
export function positionOf({ start, end }, at) {
	return end > start ? Math.min(Math.max(((at - start) / (end - start)) * POSITIONS, 0), POSITIONS) : 0;
}

/** @param {{start: number, end: number}} range @param {number} position */
export function momentAt({ start, end }, position) {
	return Math.round(start + ((end - start) * position) / POSITIONS);
}

/**
 * How moments of a range are written, in the time of the person: seconds only where they matter.
 * @param {{start: number, end: number}} range
 * @param {string} [timeZone]
 */
export function momentFormat({ start, end }, timeZone) {
	return new Intl.DateTimeFormat('en-GB', {
		day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit',
		second: end - start < 4 * DAY_MS ? '2-digit' : undefined, timeZone,
	});
}

/** @param {number} ms of history in a second of playing @returns {string} 3 min per second */
export function paceText(ms) {
	const units = /** @type {const} */ ([['d', DAY_MS], ['h', 3600000], ['min', 60000], ['s', 1000]]);
	for (const [unit, size] of units)
		if (ms >= size)
			return `${Number((ms / size).toPrecision(2))} ${unit} per second`;
	return ms >= 1 ? `${Number((ms / 1000).toPrecision(2))} s per second` : '';
}
