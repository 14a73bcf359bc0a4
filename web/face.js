/**
 * face.js - what a board is besides its pixels: palette, whether it is frozen, the cooldown; and what
 * people are told when that changes.
 *
 * Pure.
 *
 * @typedef {import('./protocol.js').Color} Color
 * @typedef {{palette: Color[], frozen: boolean, cooldown_ms: number}} Rules
 */
import { spanText } from './cooldown.js';

/** @param {string} name as the server has it @returns {string} as people say it: lightgray is Light gray */
function wordsOf(name) {
	const words = name.replace(/[-_]/g, ' ').replace(/^(light|dark|gray)(?=[a-z])/, '$1 ');
	return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * With the names of its colors in words.
 * @template {{palette: Color[]}} T
 * @param {T} face @returns {T}
 */
export function inWords(face) {
	return { ...face, palette: face.palette.map(({ name, rgb }) => ({ name: wordsOf(name), rgb })) };
}

/** @param {Color[]} a @param {Color[]} b */
export function isSamePalette(a, b) {
	return a.length === b.length && a.every(({ name, rgb }, i) => name === b[i].name && rgb === b[i].rgb);
}

/**
 * What is left of a wait when the cooldown changes under way; never more than a whole one.
 * @param {number} leftMs @param {number} beforeMs @param {number} nowMs
 */
export function waitBy(leftMs, beforeMs, nowMs) {
	return leftMs > 0 ? Math.min(nowMs, Math.max(0, leftMs + nowMs - beforeMs)) : 0;
}

/**
 * @param {Rules} before @param {Rules} now
 * @returns {string[]} sentences
 */
export function newsOf(before, now) {
	const news = [];
	if (!isSamePalette(before.palette, now.palette))
		news.push('The colors of this board have changed.');
	if (before.frozen !== now.frozen)
		news.push(now.frozen ? 'The board is frozen now: no pixels can be placed.' : 'The board is open again.');
	if (before.cooldown_ms !== now.cooldown_ms)
		news.push(now.cooldown_ms < 1000 ? 'From now on there is no wait between your pixels.'
			: `From now on you can place one pixel every ${spanText(now.cooldown_ms)}.`);
	return news;
}
