/**
 * input.js - pointers, wheel and keys, made into what the person wants.
 *
 * Touches no board and draws nothing: it calls the Wishes that it was given.
 *
 * @typedef {'fit'|'grid'|'share'|'snapshot'|'help'|'inspect'|'film'} Command
 *
 * @typedef {object} Wishes
 * @property {(dx: number, dy: number) => void} pan CSS pixels
 * @property {(factor: number, x: number, y: number) => void} scale around a point of the screen
 * @property {(factor: number, x?: number, y?: number) => void} zoom one soft step
 * @property {(x: number, y: number) => void} hover the mouse is here
 * @property {() => void} leave it is not over the board any more
 * @property {(x: number, y: number, touch: boolean) => void} tap
 * @property {(x: number, y: number) => void} inspect
 * @property {(dx: number, dy: number) => void} step the cell cursor
 * @property {() => void} place at the cell cursor
 * @property {(digit: number) => void} pick
 * @property {(by: number) => void} cycle colors
 * @property {() => void} away put things away
 * @property {(name: Command) => void} command
 * @property {(event: KeyboardEvent) => boolean} first what lies over the board may take a key before us
 */

const SLOP_PX = { mouse: 4, touch: 10 };
const LONG_PRESS_MS = 480;
const DOUBLE_TAP_MS = 280;
const KEY_PAN_PX_PER_S = 900;

/** @type {Record<string, Command>} */
const COMMANDS = {
	KeyR: 'fit', KeyG: 'grid', KeyC: 'share', KeyP: 'snapshot', KeyH: 'help', KeyI: 'inspect',
	KeyT: 'film',
};
/** @type {Record<string, [number, number]>} */
const LETTERS = { KeyA: [-1, 0], KeyD: [1, 0], KeyW: [0, -1], KeyS: [0, 1] };
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {HTMLCanvasElement} canvas @param {Wishes} wishes */
export function listenToPointers(canvas, wishes) {
	/** @type {Map<number, {x: number, y: number}>} fingers and buttons that are down */
	const down = new Map();
	/** @type {{x: number, y: number, touch: boolean, moved: boolean, shift: boolean}|null} */
	let press = null;
	let longPress = 0;
	let lastTap = { time: 0, x: 0, y: 0 };

	const spread = () => {
		const [a, b] = [...down.values()];
		return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, size: Math.hypot(a.x - b.x, a.y - b.y) || 1 };
	};
	const endPress = () => {
		clearTimeout(longPress);
		press = null;
		canvas.classList.remove('dragging');
	};
	const tapped = (/** @type {number} */ x, /** @type {number} */ y, /** @type {boolean} */ touch) => {
		const again = touch && performance.now() - lastTap.time < DOUBLE_TAP_MS &&
			Math.hypot(x - lastTap.x, y - lastTap.y) < 30;
		lastTap = { time: again ? 0 : performance.now(), x, y };
		if (again)
			wishes.zoom(2.5, x, y);
		else
			wishes.tap(x, y, touch);
	};

	canvas.addEventListener('pointerdown', (event) => {
		if (event.pointerType === 'mouse' && event.button > 1)
			return;
		const { clientX: x, clientY: y } = event;
		canvas.setPointerCapture(event.pointerId);
		down.set(event.pointerId, { x, y });
		if (down.size > 1) {
			endPress();
			return;
		}
		press = { x, y, touch: event.pointerType !== 'mouse', moved: event.button === 1,
			shift: event.shiftKey };
		if (press.touch)
			longPress = setTimeout(() => {
				endPress();
				wishes.inspect(x, y);
			}, LONG_PRESS_MS);
	});

	canvas.addEventListener('pointermove', (event) => {
		const { clientX: x, clientY: y } = event;
		const before = down.get(event.pointerId);
		if (!before) {
			if (event.pointerType === 'mouse')
				wishes.hover(x, y);
			return;
		}
		if (down.size === 2) {
			const from = spread();
			down.set(event.pointerId, { x, y });
			const to = spread();
			wishes.pan(to.x - from.x, to.y - from.y);
			wishes.scale(to.size / from.size, to.x, to.y);
			return;
		}
		if (press && !press.moved) {
			if (Math.hypot(x - press.x, y - press.y) < SLOP_PX[press.touch ? 'touch' : 'mouse'])
				return;
			press.moved = true;
			clearTimeout(longPress);
			canvas.classList.add('dragging');
		}
		down.set(event.pointerId, { x, y });
		if (press)
			wishes.pan(x - before.x, y - before.y);
		if (event.pointerType === 'mouse')
			wishes.hover(x, y);
	});

	canvas.addEventListener('pointerup', (event) => {
		const ended = down.delete(event.pointerId) && press;
		if (!ended)
			return;
		endPress();
		if (ended.moved)
			return;
		if (ended.shift)
			wishes.inspect(ended.x, ended.y);
		else
			tapped(ended.x, ended.y, ended.touch);
	});
	canvas.addEventListener('pointercancel', (event) => {
		down.delete(event.pointerId);
		endPress();
	});
	canvas.addEventListener('pointerleave', (event) => {
		if (event.pointerType === 'mouse')
			wishes.leave();
	});
	canvas.addEventListener('contextmenu', (event) => event.preventDefault());
	canvas.addEventListener('wheel', (event) => {
		event.preventDefault();
		const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : 1;
		/* A pinch on a touchpad comes as a wheel with ctrl and small steps. */
		const rate = event.ctrlKey ? 0.01 : 0.0016;
		const delta = Math.max(-240, Math.min(240, event.deltaY * lines));
		wishes.scale(Math.exp(-delta * rate), event.clientX, event.clientY);
	}, { passive: false });
}

/**
 * @param {HTMLCanvasElement} canvas @param {Wishes} wishes
 * @returns {{step: (now: number) => boolean}} to be called every frame; true: a key is held
 */
export function listenToKeys(canvas, wishes) {
	/** @type {Map<string, [number, number]>} directions of the keys that are held */
	const held = new Map();
	let before = 0;

	const ofTheBoard = (/** @type {KeyboardEvent} */ event) =>
		event.target === canvas || event.target === document.body;

	/** @param {KeyboardEvent} event @returns {boolean} it was for us */
	const onKey = (event) => {
		const { code, key } = event;
		if (code in ARROWS && event.target === canvas)
			return wishes.step(...ARROWS[code]), true;
		if (code in LETTERS || (code in ARROWS && ofTheBoard(event))) {
			held.set(code, LETTERS[code] ?? ARROWS[code]);
			return wishes.pan(0, 0), true;
		}
		if ((code === 'Enter' || code === 'Space') && ofTheBoard(event))
			return wishes.place(), true;
		if (/^(Digit|Numpad)\d$/.test(code))
			return wishes.pick((Number(code.at(-1)) + 9) % 10), true;
		if (code === 'KeyJ' || code === 'KeyK')
			return wishes.cycle(code === 'KeyK' ? 1 : -1), true;
		if (code === 'KeyE' || key === '+' || code === 'NumpadAdd' || code === 'Equal')
			return wishes.zoom(1.6), true;
		if (code === 'KeyQ' || key === '-' || code === 'NumpadSubtract')
			return wishes.zoom(1 / 1.6), true;
		if (key === 'Escape')
			return wishes.away(), true;
		if (key === '?')
			return wishes.command('help'), true;
		if (code in COMMANDS && !event.repeat)
			return wishes.command(COMMANDS[code]), true;
		return false;
	};

	addEventListener('keydown', (event) => {
		if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]') ||
			(event.target instanceof HTMLSelectElement && event.key !== 'Escape'))
			return;
		if (wishes.first(event) || onKey(event))
			event.preventDefault();
	});
	addEventListener('keyup', ({ code }) => held.delete(code));
	addEventListener('blur', () => held.clear());

	return {
		step(now) {
			const seconds = Math.min(0.05, (now - before) / 1000);
			before = now;
			for (const [dx, dy] of held.values())
				wishes.pan(-dx * KEY_PAN_PX_PER_S * seconds, -dy * KEY_PAN_PX_PER_S * seconds);
			return held.size > 0;
		},
	};
}
