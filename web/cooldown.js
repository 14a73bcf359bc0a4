/**
 * cooldown.js - how long until the next pixel: a text, a meter, and the title of the page.
 *
 * Owns these three. The server decides; this only counts down what it said last.
 */

/** @param {number} ms @returns {string} 0:05, 12:30, 1:00:00 */
export function clockText(ms) {
	const seconds = Math.ceil(ms / 1000);
	const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
	const minutes = Math.floor(seconds / 60);
	if (minutes < 60)
		return `${minutes}:${two(seconds % 60)}`;
	return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** @param {number} ms @returns {string} 5 s, 10 min */
export function spanText(ms) {
	return ms < 120000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60000)} min`;
}

export class Cooldown {
	/**
	 * @param {HTMLElement} text @param {HTMLElement} meter
	 * @param {() => void} over told when a wait has ended
	 */
	constructor(text, meter, over) {
		this.text = text;
		this.meter = meter;
		this.over = over;
		this.title = document.title;
		this.until = 0;
		this.timer = 0;
		/** What is said when there is nothing to wait for. */
		this.idle = '';
		/** @type {Animation|null} */
		this.animation = null;
		document.addEventListener('visibilitychange', () => this.show());
	}

	get leftMs() {
		return Math.max(0, this.until - performance.now());
	}

	/** @param {string} idle @param {boolean} ready a pixel could be placed now */
	rest(idle, ready) {
		this.idle = idle;
		this.text.classList.toggle('ready', ready);
		this.show();
	}

	/** @param {string} title of the page while nothing is to be told */
	name(title) {
		this.title = title;
		this.show();
	}

	/** @param {number} leftMs @param {number} [wholeMs] the length of a whole wait */
	start(leftMs, wholeMs = leftMs) {
		clearTimeout(this.timer);
		this.animation?.cancel();
		this.until = performance.now() + leftMs;
		if (leftMs > 0)
			this.animation = this.meter.animate(
				{ transform: [`scaleX(${Math.min(1, leftMs / Math.max(wholeMs, 1))})`, 'scaleX(0)'] },
				{ duration: leftMs });
		this.tick(leftMs > 0);
	}

	/** @param {boolean} waited */
	tick(waited) {
		const left = this.leftMs;
		if (left > 0)
			this.timer = setTimeout(() => this.tick(true), left % 1000 || 1000);
		this.show(waited && left === 0);
		if (waited && left === 0)
			this.over();
	}

	/** @param {boolean} [done] a wait has just ended */
	show(done = false) {
		const left = this.leftMs;
		this.text.classList.toggle('waiting', left > 0);
		this.text.textContent = left > 0 ? clockText(left) : this.idle;
		if (left > 0)
			document.title = `${clockText(left)} · ${this.title}`;
		else if (done && document.hidden)
			document.title = `✓ Your turn · ${this.title}`;
		else if (!document.hidden || !document.title.startsWith('✓'))
			document.title = this.title;
	}

	/** Somebody tried too early. */
	nudge() {
		this.text.classList.remove('nudge');
		void this.text.offsetWidth; /* so that the animation begins anew */
		this.text.classList.add('nudge');
	}
}
