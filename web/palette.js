/**
 * palette.js - the colors to choose from: native radio buttons, one per color, none chosen at first.
 *
 * Owns the fieldset. Choosing the chosen color again puts it away.
 */
import { isSamePalette } from './face.js';

/** @param {number} count @returns {number} columns of a wide screen */
function columnsFor(count) {
	return count <= 16 ? count : 16;
}

/**
 * @param {import('./net.js').Color[]} colors @param {import('./net.js').Color|undefined} wanted
 * @param {number} first where it is looked for first
 * @returns {number} -1: there is none like it
 */
function indexOf(colors, wanted, first) {
	const isIt = (/** @type {import('./net.js').Color|undefined} */ color) =>
		color?.name === wanted.name && color?.rgb === wanted.rgb;
	if (!wanted)
		return -1;
	return isIt(colors[first]) ? first : colors.findIndex(isIt);
}

export class Palette {
	/**
	 * @param {HTMLFieldSetElement} fieldset
	 * @param {(color: number) => void} chosen told of every change; -1 for none
	 */
	constructor(fieldset, chosen) {
		this.fieldset = fieldset;
		this.chosen = chosen;
		/** @type {import('./net.js').Color[]} */
		this.colors = [];
		this.color = -1;
		fieldset.addEventListener('change', (event) => {
			this.set(Number(/** @type {HTMLInputElement} */ (event.target).value));
		});
		fieldset.addEventListener('click', ({ target }) => {
			/* A click reaches a radio button before its change: here it was the chosen one already. */
			if (target instanceof HTMLInputElement && Number(target.value) === this.color)
				this.pick(-1);
		});
	}

	/** The chosen color stays chosen, where there still is one like it. @param {import('./net.js').Color[]} colors */
	fill(colors) {
		if (isSamePalette(colors, this.colors))
			return;
		const legend = this.fieldset.querySelector('legend');
		const hadFocus = this.fieldset.contains(document.activeElement);
		const color = indexOf(colors, this.colors[this.color], this.color);
		this.colors = colors;
		this.fieldset.style.setProperty('--columns', String(columnsFor(colors.length)));
		this.fieldset.replaceChildren(legend, ...colors.map((color, i) => this.swatch(color, i)));
		if (color >= 0)
			this.input(color).checked = true;
		if (hadFocus)
			this.input(Math.max(color, 0))?.focus();
		if (color !== this.color)
			this.set(color);
	}

	/** @param {import('./net.js').Color} color @param {number} i */
	swatch({ name, rgb }, i) {
		const label = document.createElement('label');
		const input = document.createElement('input');
		label.className = 'swatch';
		label.title = i < 10 ? `${name} (${(i + 1) % 10})` : name;
		input.type = 'radio';
		input.name = 'color';
		input.value = String(i);
		input.setAttribute('aria-label', name);
		input.style.setProperty('--rgb', rgb);
		label.append(input);
		return label;
	}

	/** @param {number} color @returns {HTMLInputElement} */
	input(color) {
		return this.fieldset.querySelector(`input[value="${color}"]`);
	}

	/** Chooses from outside. @param {number} color -1 for none */
	pick(color) {
		if (color >= this.colors.length)
			return;
		const input = this.input(color < 0 ? this.color : color);
		if (input)
			input.checked = color >= 0;
		this.set(color);
		if (color >= 0)
			input.scrollIntoView({ block: 'nearest', inline: 'nearest' });
	}

	/** @param {number} by 1 or -1, around the end */
	step(by) {
		const count = this.colors.length;
		if (count > 0)
			this.pick(this.color < 0 ? (by > 0 ? 0 : count - 1) : (this.color + by + count) % count);
	}

	/** @param {number} color */
	set(color) {
		this.color = color;
		this.chosen(color);
	}
}
