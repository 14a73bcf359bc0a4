/**
 * player.test.mjs - the timelapse without a page: web/film.js, past.js and timeline.js.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';

import { AHEAD_MAX, BYTES_MAX, FRAME_MS, Film, PACE_MS, SPEEDS, WHOLE_MS } from '../../web/film.js';
import { answerOf, cellsThatDiffer } from '../../web/past.js';
import { POSITIONS, momentAt, momentFormat, paceText, positionOf } from '../../web/timeline.js';
import { Board } from '../../web/board.js';

const BYTES = 8;
const START = 1490918400000;
const SPAN = 3000000;
const END = START + SPAN;
/** History of a second in a millisecond of playing at speed 1. */
const RATE = SPAN / WHOLE_MS;

/** A server whose placements are at these times, and whose board tells how many there are. */
class Past {
	constructor(times, { now = END, since = 0, bytes = BYTES } = {}) {
		Object.assign(this, { times, now, since, bytes });
		this.asked = [];
	}

	board(seq) {
		const bytes = new Uint8Array(this.bytes);
		bytes[0] = seq & 255;
		return { kind: 'board', seq, timeMs: seq > 0 ? this.times[seq - 1] : 0, bytes };
	}

	answer(query) {
		const [what, value] = [query.split('=')[0], Number(query.split('=')[1])];
		this.asked.push(query);
		if (what === 'seq' ? value > this.times.length : value > this.now)
			return { kind: 'later' };
		const seq = what === 'seq' ? value : this.times.filter((time) => time <= value).length;
		if (seq < this.since)
			return { kind: 'gone', sinceSeq: this.since, sinceMs: this.times[this.since - 1] };
		return this.board(seq);
	}
}

const everySecond = Array.from({ length: SPAN / 1000 }, (_, i) => START + i * 1000);

/** Of all frames; those that are the same board count once. */
function heldBytes({ shown, ahead }) {
	const bytes = new Set([shown, ...ahead].map((frame) => frame.bytes));
	return [...bytes].reduce((sum, one) => sum + one.length, 0);
}

/** Answers every question at once; the film is at its beginning. */
function opened(past, at = null) {
	const film = new Film(past.bytes, past.now, at);
	settle(film, past, 0);
	return film;
}

function settle(film, past, now) {
	for (let t = now, q; (q = film.next(t)) || (!film.over && film.dueAt > t); t = Math.max(t, film.dueAt))
		if (q)
			film.answered(q.id, past.answer(q.query), t);
}

/** The next question, as soon as it may be asked. */
const ask = (film) => film.next(film.dueAt);

/** Plays for so long, on a screen of 50 Hz, with answers that take so long. @returns what was shown */
function play(film, past, forMs, answerMs = 0, from = 0) {
	const shown = [];
	let due = null;
	film.play(from);
	for (let now = from; now <= from + forMs; now += 20) {
		if (due && now >= due.at) {
			film.answered(due.q.id, past.answer(due.q.query), now);
			due = null;
		}
		film.tick(now);
		const q = film.next(now);
		if (q && answerMs > 0)
			due = { q, at: now + answerMs };
		else if (q)
			film.answered(q.id, past.answer(q.query), now);
		if (shown.at(-1) !== film.shown)
			shown.push(film.shown);
		assert.ok(film.ahead.length <= film.aheadMax);
	}
	return shown;
}

const gaps = (list) => list.slice(1).map((each, i) => each - list[i]);

test('the film begins with the first placement and ends now', () => {
	const past = new Past(everySecond);
	const film = new Film(BYTES, END);
	assert.equal(film.ready, false);
	assert.equal(film.waiting, true);
	settle(film, past, 0);
	assert.deepEqual(past.asked, ['seq=1']);
	assert.deepEqual([film.start, film.end, film.shown.at, film.shown.seq], [START, END, START, 1]);
	assert.equal(film.waiting, false);
});

test('where the oldest is gone it begins where the server says', () => {
	const past = new Past(everySecond, { since: 500 });
	const film = opened(past);
	assert.deepEqual(past.asked, ['seq=1', 'seq=500']);
	assert.deepEqual([film.start, film.shown.seq], [everySecond[499], 500]);
});

test('seqs that were never given out are passed over, wherever they end', () => {
	for (const lost of [1, 2, 3, 5, 8, 1000])
		for (const kept of [1, 2, 500]) {
			const past = new Past([...Array(lost).fill(0), ...everySecond.slice(0, kept)]);
			const film = opened(past);
			assert.deepEqual([film.start, film.shown.seq], [START, lost + 1]);
			assert.ok(past.asked.length < 25);
		}
	assert.equal(opened(new Past(Array(5).fill(0))).over, 'empty');
});

test('what the page has not seen yet is not asked for by its seq: it may not be there', () => {
	for (const lost of [0, 1, 2, 3, 5, 8, 1000])
		for (const kept of [0, 1, 2, 500]) {
			const past = new Past([...Array(lost).fill(0), ...everySecond.slice(0, kept)]);
			const film = new Film(BYTES, END, null, lost + kept);
			settle(film, past, 0);
			assert.deepEqual([film.over, film.shown?.seq], kept > 0 ? [null, lost + 1] : ['empty', undefined]);
			assert.ok(past.asked.every((query) => Number(query.match(/^seq=(\d+)$/)[1]) <= lost + kept));
			assert.ok(past.asked.length < 25);
		}
});

test('a board without placements, without history, of another server: each is over, for its reason', () => {
	assert.equal(opened(new Past([])).over, 'empty');
	const answers = [[{ kind: 'gone', sinceSeq: 0, sinceMs: 0 }, 'nothing'], [{ kind: 'off' }, 'off'],
		[{ kind: 'board', seq: 1, timeMs: START, bytes: new Uint8Array(3) }, 'other']];
	for (const [answer, why] of answers) {
		const film = new Film(BYTES, END);
		film.answered(film.next(0).id, answer, 0);
		assert.equal(film.over, why);
		assert.equal(film.next(1e9), null);
		assert.equal(film.waiting, false);
	}
});

test('moments asked for are a step apart, and the step is that of the speed', () => {
	for (const speed of SPEEDS) {
		const past = new Past(everySecond);
		const film = opened(past);
		film.speed = speed;
		play(film, past, 1000);
		const asked = past.asked.slice(1).map((query) => Number(query.match(/^at=(\d+)$/)[1]));
		const step = Math.round(RATE * speed * FRAME_MS);
		assert.deepEqual([...new Set(gaps([START, ...asked]))], [step]);
	}
});

test('the whole history plays in its time, from the first frame to the last, and stops', () => {
	for (const speed of [1, 4]) {
		const past = new Past(everySecond);
		const film = opened(past);
		film.speed = speed;
		const shown = play(film, past, WHOLE_MS / speed - 200);
		assert.ok(film.playing);
		assert.ok(gaps(shown.map((frame) => frame.at)).every((gap) => gap > 0));
		assert.ok(shown.every((frame) => frame.seq === everySecond.filter((t) => t <= frame.at).length));
		play(film, past, 400, 0, WHOLE_MS / speed);
		assert.deepEqual([film.playing, film.shown.at, film.shown.seq], [false, END, everySecond.length]);
	}
});

test('slow answers make fewer frames, not a slower film', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	const shown = play(film, past, 12000, 600);
	assert.ok(Math.abs(film.head - START - 12000 * RATE) < 2500 * RATE, `${(film.head - START) / RATE}`);
	assert.ok(Math.max(...gaps(shown.map((frame) => frame.at))) > 500 * RATE);
	assert.ok(past.asked.length < 12000 / 600 + 2);
});

test('one question at a time, and never so many in a second that the server refuses', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	const times = [];
	film.play(0);
	for (let now = 0; now < 5000; now++) {
		if (now % 7 === 0)
			film.seek(START + now * 100); /* somebody drags */
		const q = film.next(now);
		if (!q)
			continue;
		times.push(now);
		assert.equal(film.next(now + 1e6), null);
		film.answered(q.id, past.answer(q.query), now);
	}
	assert.ok(Math.min(...gaps(times)) >= PACE_MS && 1000 / PACE_MS < 20);
	assert.ok(times.length > 50, 'and they are asked');
});

test('a server that allows fewer questions gets fewer, and the film keeps its speed', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	const step = film.step;
	film.play(0);
	for (let i = 0; i < 3; i++)
		film.answered(ask(film).id, answerOf(429, 1, { code: 'too_fast' }), film.dueAt);
	assert.equal(film.paceMs, 8 * PACE_MS);
	assert.equal(film.step, Math.round(RATE * 8 * PACE_MS * 1.2));
	assert.ok(film.step > step);
	const from = film.dueAt;
	play(film, past, 10000, 0, from);
	assert.ok(Math.abs(film.head - START - 10000 * RATE) < 1500 * RATE);
});

test('memory is bounded: by count for small boards, by bytes for large ones', () => {
	for (const [bytes, max] of [[BYTES, AHEAD_MAX], [BYTES_MAX / 4, 3], [BYTES_MAX / 2, 1], [BYTES_MAX * 4, 1]]) {
		const film = opened(new Past(everySecond, { bytes: BYTES }));
		film.frameBytes = bytes;
		assert.equal(film.aheadMax, max);
		film.frameBytes = BYTES;
	}
	const past = new Past(everySecond);
	const film = opened(past);
	film.play(0);
	settle(film, past, 0);
	assert.equal(film.ahead.length, AHEAD_MAX);
	assert.equal(heldBytes(film), (AHEAD_MAX + 1) * BYTES);
	film.pause();
	film.ahead.pop();
	assert.equal(ask(film), null, 'who does not play asks nothing');
});

test('a seek shows that moment, and only the newest of many is asked for', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	film.seek(START + 1000500);
	const first = ask(film);
	for (let i = 1; i <= 100; i++)
		film.seek(START + 1000500 - i * 1000);
	assert.equal(film.waiting, true);
	film.answered(first.id, past.answer(first.query), 0);
	assert.equal(film.shown.at, START + 1000500, 'what came is shown meanwhile');
	assert.equal(film.head, START + 900500);
	settle(film, past, 0);
	assert.deepEqual(past.asked.slice(1), [`at=${START + 1000500}`, `at=${START + 900500}`]);
	assert.deepEqual([film.shown.at, film.shown.seq, film.waiting], [START + 900500, 901, false]);
	film.seek(0);
	settle(film, past, 0);
	assert.equal(film.shown.at, START);
	film.seek(END + 5);
	settle(film, past, 0);
	assert.deepEqual([film.shown.at, film.shown.seq, film.atEnd], [END, everySecond.length, true]);
});

test('a seek while it plays forgets what was ahead, and what was on its way', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	film.play(0);
	settle(film, past, 0);
	film.ahead.pop();
	const stale = ask(film);
	film.seek(START + 2000000);
	assert.equal(heldBytes(film), BYTES);
	film.answered(stale.id, past.answer(stale.query), 0);
	assert.equal(film.ahead.length, 0);
	film.tick(100);
	assert.equal(film.head, START + 2000000, 'it waits for that moment');
	settle(film, past, 100);
	assert.equal(film.shown.at, START + 2000000);
	assert.ok(film.ahead.every((frame) => frame.at > START + 2000000) && film.playing);
});

test('busy: the same moment again, later and later, and then it goes on', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	film.seek(START + 1500);
	const waits = [];
	let now = film.dueAt;
	for (let i = 0; i < 6; i++) {
		const question = film.next(now);
		assert.equal(question.query, `at=${START + 1500}`);
		film.answered(question.id, answerOf(503, 1, { code: 'history_busy' }), now);
		assert.deepEqual([film.trouble, film.waiting], ['busy', true]);
		assert.equal(film.next(now), null);
		waits.push(film.dueAt - now);
		now = film.dueAt;
	}
	assert.deepEqual(waits, [1000, 1000, 2000, 4000, 4000, 4000]);
	settle(film, past, now);
	assert.deepEqual([film.trouble, film.shown.at, film.shown.seq], [null, START + 1500, 2]);
});

test('who seeks elsewhere does not wait for what was busy', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	film.seek(START + 1500);
	film.answered(ask(film).id, { kind: 'busy', waitMs: 1000 }, 0);
	film.seek(START + 9500);
	settle(film, past, 1000);
	assert.deepEqual(past.asked.slice(1), [`at=${START + 9500}`]);
	assert.equal(film.shown.at, START + 9500);
});

test('busy while it plays: it waits at the last frame and goes on from there', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	film.play(0);
	film.answered(ask(film).id, { kind: 'busy', waitMs: 1000 }, 0);
	film.tick(500);
	assert.deepEqual([film.head, film.waiting, film.playing], [START, true, true]);
	play(film, past, 1000, 0, 1000);
	assert.ok(Math.abs(film.head - START - 1000 * RATE) < 100 * RATE);
});

test('the server is away: asked again; what is damaged stops the film, and another moment is shown', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	film.play(0);
	film.answered(ask(film).id, { kind: 'away', waitMs: 1000 }, 0);
	assert.deepEqual([film.trouble, film.playing], ['away', true]);
	film.answered(ask(film).id, answerOf(503, 1, { code: 'history_unreadable' }), 1000);
	assert.deepEqual([film.trouble, film.playing, film.waiting], ['unreadable', false, false]);
	assert.equal(film.next(1e6), null);
	film.seek(START + 20000);
	settle(film, past, 1e6);
	assert.deepEqual([film.trouble, film.shown.at], [null, START + 20000]);
});

test('history that goes while one watches: the film begins later, and goes on', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	film.seek(START + 100000);
	past.since = 1001;
	settle(film, past, 0);
	assert.deepEqual([film.start, film.shown.at, film.shown.seq], [everySecond[1000], everySecond[1000], 1001]);
	film.seek(START + 2000000);
	past.since = 1501;
	settle(film, past, 0);
	assert.deepEqual([film.start, film.shown.at], [everySecond[1000], START + 2000000]);
	film.seek(film.start);
	film.play(0);
	settle(film, past, 0);
	assert.deepEqual([film.start, film.shown.at], [everySecond[1500], everySecond[1500]]);
	assert.ok(film.playing);
});

test('a quiet stretch is shown for a second and skipped, and costs one board of memory', () => {
	const times = [START, START + 1000, START + 2000000, START + 2001000];
	const past = new Past(times);
	const film = opened(past);
	film.play(0);
	settle(film, past, 0);
	assert.equal(heldBytes(film), 2 * BYTES);
	const shown = play(film, past, 4000);
	const after = shown.find((frame) => frame.seq === 3);
	assert.deepEqual([after.at, after.jump], [START + 2000000, true]);
	assert.ok(past.asked.includes('seq=3'));
	assert.equal(film.shown.at, END, 'nor is the end waited for');
	assert.equal(film.shown.seq, 4);
});

test('a quiet end is not searched for more: the newest placement is known', () => {
	const past = new Past([START, START + 1000]);
	const film = opened(past);
	film.extend(END, 2);
	const shown = play(film, past, 4000);
	assert.deepEqual([shown.at(-1).seq, film.shown.at], [2, END]);
	assert.deepEqual(past.asked.filter((query) => query.startsWith('seq=')), ['seq=1']);

	film.extend(END + 60000, 2);
	past.now = END + 60000;
	past.times.push(END + 50000); /* the page has not seen it yet */
	const more = play(film, past, 8000);
	assert.deepEqual([more.at(-1).seq, film.shown.at], [3, END + 60000]);
	assert.ok(!past.asked.includes('seq=4'));
});

test('a clock behind ours: the film ends where the server says that nothing is yet', () => {
	const past = new Past(everySecond, { now: END });
	const film = new Film(BYTES, END + 7000);
	settle(film, past, 0);
	film.seek(END + 7000);
	settle(film, past, 0);
	assert.ok(film.end <= END && film.end > END - 8000);
	assert.deepEqual([film.shown.at, film.atEnd], [film.end, true]);
});

test('play at the end begins anew; time that went on is played too', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	film.seek(END);
	settle(film, past, 0);
	film.play(0);
	past.now = END + 60000;
	film.extend(past.now, Infinity);
	settle(film, past, 0);
	assert.deepEqual([film.shown.at, film.playing, film.end], [START, true, END + 60000]);
	film.extend(END, Infinity);
	assert.equal(film.end, END + 60000);
});

test('a link to a moment shows that moment', () => {
	const past = new Past(everySecond);
	assert.equal(opened(past, START + 5500).shown.seq, 6);
	assert.equal(opened(past, START - 5500).shown.at, START);
	assert.equal(opened(past, END + 5500).shown.at, END);
});

test('a page that was hidden goes on where it was', () => {
	const past = new Past(everySecond);
	const film = opened(past);
	film.play(0);
	settle(film, past, 0);
	film.tick(3600000);
	assert.ok(film.head - START <= 250 * RATE);
});

test('what answers mean', () => {
	assert.deepEqual(answerOf(410, NaN, { code: 'history_gone', since_seq: 7, since_ms: 70 }),
		{ kind: 'gone', sinceSeq: 7, sinceMs: 70 });
	assert.deepEqual(answerOf(404, NaN, { code: 'not_yet' }), { kind: 'later' });
	assert.deepEqual(answerOf(503, 2, { code: 'history_busy' }), { kind: 'busy', waitMs: 2000, tooFast: false });
	assert.deepEqual(answerOf(429, 1, { code: 'too_fast' }), { kind: 'busy', waitMs: 1000, tooFast: true });
	assert.deepEqual(answerOf(502, NaN, {}), { kind: 'busy', waitMs: 1000, tooFast: false });
	for (const status of [400, 404, 405])
		assert.deepEqual(answerOf(status, NaN, {}), { kind: 'off' });
});

test('the cells in which two boards differ, at every width of a color', () => {
	for (const bits of [1, 2, 4, 8]) {
		const empty = { width: 24, height: 2, bits, epoch: 0, seq: 0n };
		const [a, b] = [0, 0].map(() => new Board({ ...empty, bytes: new Uint8Array(6 * bits) }));
		const due = [0, 7, 8, 30, 47];
		for (const cell of due)
			b.set(cell, (1 << bits) - 1);
		assert.deepEqual(cellsThatDiffer(a.bytes, b.bytes, bits, 100), due);
		assert.deepEqual(cellsThatDiffer(b.bytes, b.bytes, bits, 100), []);
		assert.equal(cellsThatDiffer(a.bytes, b.bytes, bits, 2), null);
	}
});

test('positions and words', () => {
	const range = { start: START, end: END };
	for (const position of [0, 1, 57, POSITIONS])
		assert.equal(Math.round(positionOf(range, momentAt(range, position))), position);
	assert.equal(positionOf(range, END + 1e9), POSITIONS);
	assert.equal(positionOf({ start: 5, end: 5 }, 5), 0);
	assert.equal(momentFormat(range, 'UTC').format(START), '31 Mar 2017, 00:00:00');
	assert.equal(momentFormat({ start: START, end: START + 40 * 86400000 }, 'UTC').format(START), '31 Mar 2017, 00:00');
	assert.equal(paceText(180000), '3 min per second');
	assert.equal(paceText(1000), '1 s per second');
	assert.equal(paceText(5400000), '1.5 h per second');
	assert.equal(paceText(0), '');
});
