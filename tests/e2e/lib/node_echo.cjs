// An echo server on Node's ws. It wants the field X-Token: right, and speaks the subprotocol echo.v1.
// Prints its port.
const find = () => {
	for (const name of ['ws', '/usr/share/nodejs/ws', '/usr/lib/node_modules/ws']) {
		try {
			return require(name);
		} catch (error) {
			continue;
		}
	}
	process.exit(77);
};

const { WebSocketServer } = find();
const server = new WebSocketServer({
	host: '127.0.0.1',
	port: 0,
	verifyClient: ({ req }) => req.headers['x-token'] === 'right',
	handleProtocols: (offered) => (offered.has('echo.v1') ? 'echo.v1' : false),
});
server.on('connection', (socket) => {
	socket.ping('are you there?');
	socket.on('message', (message, binary) => socket.send(message, { binary }));
});
server.on('listening', () => console.log(server.address().port));
