/**
 * delta.js - decodes the payload of a delta message: the changed cells of a range, with their last
 * color. The format is docs/protocol.md, "Delta payload".
 */

/**
 * Reads single bits, the lowest of a byte first.
 * @param {Uint8Array} bytes
 */
function bitReader(bytes) {
	let at = 0; // in bits

	const bit = () => {
		if (at >= bytes.length * 8)
			throw new RangeError('delta: ends too early');
		const value = (bytes[at >> 3] >> (at & 7)) & 1;
		at++;
		return value;
	};
	return {
		/** @param {number} bits @returns {number} the next bits as a number, its low bits first */
		take(bits) {
			let value = 0;
			for (let i = 0; i < bits; i++)
				value |= bit() << i;
			return value;
		},
		/** @returns {number} how many zeros come before the next one */
		zeros() {
			let zeros = 0;
			while (bit() === 0)
				zeros++;
			return zeros;
		},
		/** Only the zeros that fill the last byte may be left. */
		end() {
			if (bytes.length * 8 - at >= 8)
				throw new RangeError('delta: bytes behind the last cell');
			while (at < bytes.length * 8)
				if (bit() !== 0)
					throw new RangeError('delta: filling is not zero');
		},
	};
}

/**
 * Work and memory are bounded by the length of the payload, whatever `count` says.
 * @param {number} boardCells width * height, at most 2 ** 28
 * @param {number} bits of a color: 1, 2, 4 or 8
 * @param {Uint8Array} bytes
 * @param {number} count
 * @returns {{cells: Uint32Array, colors: Uint8Array}} sorted by cell, each once
 * @throws {RangeError} when the payload is not one that a server makes
 */
export function decodeDelta(boardCells, bits, bytes, count) {
	// The largest k with count * 2 ** k <= boardCells: both sides know it, so it is not sent.
	const lowBits = count > 0 ? 31 - Math.clz32(Math.floor(boardCells / count)) : 0;

	if (count > boardCells || count * (1 + lowBits + bits) > bytes.length * 8)
		throw new RangeError('delta: too many cells');
	const cells = new Uint32Array(count);
	const colors = new Uint8Array(count);
	const reader = bitReader(bytes);
	let next = 0; // the lowest that the next cell can be

	for (let i = 0; i < count; i++) {
		const cell = next + reader.zeros() * 2 ** lowBits + reader.take(lowBits);
		if (cell >= boardCells)
			throw new RangeError('delta: a cell off the board');
		cells[i] = cell;
		colors[i] = reader.take(bits);
		next = cell + 1;
	}
	reader.end();
	return { cells, colors };
}
