/**
 * retry.js - how long to wait before a server is asked again, so that a crowd does not come back at one
 * moment. Pure: the random number is handed in, 0 <= random < 1.
 */

const FIRST_MS = 400;
const MAX_MS = 20000;

/** After so many failures in a row. @param {number} failures @param {number} random @returns {number} ms */
export function backoffMs(failures, random) {
	return Math.min(MAX_MS, FIRST_MS * 2 ** failures) * (0.5 + random / 2);
}

/**
 * The server has no room and says how long to stay away: nobody comes earlier, and those that were told
 * the same come at different moments.
 * @param {number} waitMs what it said, or 0 @param {number} failures so many in a row @param {number} random
 * @returns {number} ms
 */
export function staggeredMs(waitMs, failures, random) {
	return waitMs + random * Math.max(waitMs, Math.min(MAX_MS, FIRST_MS * 2 ** failures));
}
