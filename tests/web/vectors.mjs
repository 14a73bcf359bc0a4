/**
 * vectors.mjs - the test vectors of docs/protocol.md, for the tests of the page.
 */
import { readFileSync } from 'node:fs';

export const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');

/** The lines of all blocks of a kind, each as an object of its name=value fields; json is the rest. */
export function vectors(kind) {
	const blocks = [...page.matchAll(/^```vector (\S+)\n([^]*?)^```/gm)].filter((m) => m[1] === kind);
	return blocks.flatMap((m) => m[2].trim().split('\n')).map((line) => {
		const [fields, json] = line.split(/ ?json=/);
		const vector = Object.fromEntries(fields.split(' ').map((field) => field.split('=')));
		return json ? { ...vector, json: JSON.parse(json) } : vector;
	});
}

export const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex, 'hex'));
export const hexOf = (bytes) => Buffer.from(bytes).toString('hex');
