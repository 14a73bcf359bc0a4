/**
 * test_g_node.mjs - the ws package of Node, a client that is not ours: places, sees, resumes, in both encodings.
 *
 * Ends with 77 when pixeld or ws is missing.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PIXELD = process.env.PIXELD ?? join(process.env.PIXELD_BUILD ?? 'build/release', 'server', 'pixeld');

function missing(what) {
	console.error(`test_g_node.mjs: ${what} is missing`);
	process.exit(77);
}

/** Debian keeps it where only its own node looks. */
function findWs() {
	const require = createRequire(import.meta.url);
	for (const name of ['ws', '/usr/share/nodejs/ws', '/usr/lib/node_modules/ws'])
		try {
			return require(name);
		} catch (error) {
			if (error.code !== 'MODULE_NOT_FOUND')
				throw error;
		}
	return missing('ws');
}

if (!existsSync(PIXELD))
	missing(PIXELD);
const WebSocket = findWs();

class Server {
	static async start(...flags) {
		const server = new Server();
		server.folder = mkdtempSync(join(tmpdir(), 'pixeld-node-'));
		server.process = spawn(PIXELD, ['--listen', '127.0.0.1:0', '--data', server.folder, ...flags],
			{ stdio: ['ignore', 'ignore', 'pipe'] });
		server.log = '';
		server.gone = new Promise((done) => server.process.once('exit', done));
		await new Promise((done, fail) => {
			server.process.stderr.setEncoding('utf8').on('data', (text) => {
				server.log += text;
				if (/ serving /.test(server.log))
					done();
			});
			server.gone.then(() => fail(new Error(server.log)));
		}).catch((failure) => {
			rmSync(server.folder, { recursive: true });
			throw failure;
		});
		server.address = /listening address=(\S+)/.exec(server.log)[1];
		return server;
	}

	async session() {
		return (await (await fetch(`http://${this.address}/session`, { method: 'POST' })).json()).token;
	}

	async metric(name) {
		const text = await (await fetch(`http://${this.address}/metrics`)).text();
		return Number(new RegExp(`^pixeld_${name} (\\S+)$`, 'm').exec(text)[1]);
	}

	/** Nothing is left, nothing was complained about, and it stops as an operator wants it. */
	async end() {
		for (const name of ['connections_websocket', 'subscriptions', 'connections_closing'])
			while (await this.metric(name) !== 0)
				await new Promise((done) => setTimeout(done, 20));
		this.process.kill('SIGTERM');
		assert.equal(await this.gone, 0, this.log);
		assert.doesNotMatch(this.log, /Z (warn|error) |Sanitizer|runtime error/);
		rmSync(this.folder, { recursive: true });
	}
}

class Client {
	static async open(server, protocol, token) {
		const client = new Client();
		client.heard = [];
		client.waiting = null;
		client.socket = new WebSocket(`ws://${server.address}/ws`, protocol,
			token ? { headers: { authorization: `Bearer ${token}` } } : {});
		client.socket.on('message', (data, isBinary) => {
			client.heard.push(isBinary ? data : JSON.parse(data));
			client.waiting?.();
		});
		await new Promise((done, fail) => client.socket.once('open', done).once('error', fail));
		assert.equal(client.socket.protocol, protocol);
		return client;
	}

	say(message) {
		this.socket.send(Buffer.isBuffer(message) ? message : JSON.stringify(message));
	}

	/** The next message for which `is` holds; the others are dropped. */
	async hear(is) {
		for (;;) {
			while (this.heard.length > 0) {
				const message = this.heard.shift();
				if (is(message))
					return message;
			}
			await new Promise((done) => (this.waiting = done));
		}
	}

	async close() {
		const code = new Promise((done) => this.socket.once('close', done));
		this.socket.close(1000, 'bye');
		assert.equal(await code, 1000);
	}
}

/** Ends a test that waits for what does not come; no test takes so long. */
const LIMIT = { timeout: 120000 };
const ofType = (type) => (message) => message.type === type;
const ofByte = (type) => (message) => message[0] === type;

test('one places in binary, the other sees it in JSON, and resumes', LIMIT, async () => {
	const server = await Server.start('--cooldown-ms', '0');
	const painter = await Client.open(server, 'pixeld.v1', await server.session());
	const watcher = await Client.open(server, 'pixeld.v1.json');
	watcher.say({ type: 'subscribe', board: 'main' });
	const { board, epoch, seq } = await watcher.hear(ofType('subscribed'));

	const place = Buffer.alloc(16);
	place.writeUInt8(3, 0);
	place.writeUInt16LE(board, 1);
	place.writeUInt16LE(321, 3);
	place.writeUInt16LE(123, 5);
	place.writeUInt8(5, 7);
	place.writeBigUInt64LE(99n, 8);
	painter.say(place);
	const placed = await painter.hear(ofByte(0x45));
	assert.equal(placed.readBigUInt64LE(3), 99n);
	assert.equal(placed.readBigUInt64LE(11), BigInt(seq) + 1n);
	const delta = await watcher.hear((m) => m.type === 'delta' && m.last > seq);
	assert.deepEqual(delta.cells, [[321, 123, 5]]);

	const back = await Client.open(server, 'pixeld.v1.json');
	back.say({ type: 'subscribe', board: 'main', epoch, seq });
	assert.equal((await back.hear(ofType('subscribed'))).resumed, true);
	assert.deepEqual((await back.hear(ofType('delta'))).cells, delta.cells);
	for (const client of [painter, watcher, back])
		await client.close();
	await server.end();
});

test('a server that ends says 1012', LIMIT, async () => {
	const server = await Server.start('--drain-ms', '100');
	const client = await Client.open(server, 'pixeld.v1');
	const code = new Promise((done) => client.socket.once('close', done));
	server.process.kill('SIGTERM');
	assert.equal(await code, 1012);
	assert.equal(await server.gone, 0, server.log);
	rmSync(server.folder, { recursive: true });
});

test('pings come back', LIMIT, async () => {
	const server = await Server.start();
	const client = await Client.open(server, 'pixeld.v1');
	const pong = new Promise((done) => client.socket.once('pong', done));
	client.socket.ping('hello');
	assert.equal((await pong).toString(), 'hello');
	await client.close();
	await server.end();
});
