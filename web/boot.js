/**
 * boot.js - a page that did not get all of its parts, because the server was full or gone just then, says
 * so and loads itself again once there is room.
 *
 * Not a module, and before all others: it has to work where those are missing.
 */
(() => {
	const FULL = 503;
	let missing = false;

	const pause = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));

	const say = (/** @type {string} */ state, /** @type {string} */ text) => {
		document.getElementById('status')?.setAttribute('data-state', state);
		document.getElementById('state')?.replaceChildren(text);
	};

	const loadAgain = async () => {
		for (;;) {
			/* Without an upgrade this path only says whether there is room. */
			const answer = await fetch('/ws', { cache: 'no-store' }).catch(() => null);
			const seconds = Number(answer?.headers.get('Retry-After')) || 1;
			if (answer?.status === FULL)
				say('full', 'Server full');
			else
				say('away', 'Loading again…');
			await pause(1000 * seconds * (1 + 3 * Math.random()));
			if (answer && answer.status !== FULL)
				break;
		}
		location.reload();
	};

	addEventListener('error', ({ target }) => {
		const isPart = target instanceof HTMLScriptElement ||
			(target instanceof HTMLLinkElement && target.rel === 'stylesheet');
		if (!isPart || missing)
			return;
		missing = true;
		loadAgain();
	}, true);
})();
