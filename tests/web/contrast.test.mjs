/**
 * contrast.test.mjs - what web/style.css writes can be read: WCAG 2 AA, computed from its values, in both themes.
 *
 * Panels let the board shine through a little, which may have any color: the worst counts.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const TEXT = 4.5;
const SIGN = 3;
const BOARDS = [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]];

const css = readFileSync(new URL('../../web/style.css', import.meta.url), 'utf8');

/** The properties of the first :root behind a place in the style sheet. */
function rootAt(at) {
	const [, body] = css.slice(at).match(/:root \{([^}]*)\}/);
	return Object.fromEntries([...body.matchAll(/--([\w-]+): ([^;]+);/g)].map(([, name, value]) => [name, value]));
}

const dark = rootAt(0);
const THEMES = { dark, light: { ...dark, ...rootAt(css.indexOf('prefers-color-scheme: light')) } };

/** #rgb, #rrggbb, rgb(r g b / a). @returns [r, g, b, a] */
function colorOf(text) {
	const hex = text.match(/^#(\w{3}|\w{6})$/)?.[1];
	if (hex)
		return [0, 1, 2].map((i) => parseInt(hex.length === 3 ? hex[i] + hex[i] : hex.slice(2 * i, 2 * i + 2), 16))
			.concat(1);
	const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
	return [r, g, b, a];
}

const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));

function luminance(color) {
	const [r, g, b] = color.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
	const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
	return (high + 0.05) / (low + 0.05);
}

/** The least contrast of a color on layers, the lowest first, over any board. */
function worst(theme, name, ...layers) {
	return Math.min(...BOARDS.map((board) => {
		const ground = layers.reduce((under, layer) => over(colorOf(theme[layer]), under), board);
		return contrast(over(colorOf(theme[name]), ground), ground);
	}));
}

test('the measure is that of WCAG', () => {
	assert.equal(contrast([0, 0, 0], [255, 255, 255]), 21);
	assert.ok(Math.abs(contrast(colorOf('#777').slice(0, 3), colorOf('#fff').slice(0, 3)) - 4.48) < 0.01);
});

for (const [name, theme] of Object.entries(THEMES)) {
	const must = (least, color, ...layers) => {
		const measured = worst(theme, color, ...layers);
		assert.ok(measured >= least, `${color} on ${layers.join(', ')}: ${measured.toFixed(2)}`);
	};

	test(`in the ${name} theme every text can be read on its panel, whatever the board shows`, () => {
		for (const color of ['text', 'dim', 'good', 'wait', 'bad'])
			for (const panel of ['panel', 'panel-solid'])
				must(TEXT, color, panel);
		must(TEXT, 'on-accent', 'accent');
		for (const color of ['text', 'dim'])
			must(TEXT, color, 'panel', 'hover');
	});

	test(`in the ${name} theme signs can be seen: focus, meter, slider, the dot of the connection`, () => {
		for (const color of ['accent', 'good', 'wait', 'bad'])
			for (const panel of ['panel', 'panel-solid'])
				must(SIGN, color, panel);
		must(SIGN, 'accent', 'ground');
	});
}
