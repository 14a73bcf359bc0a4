// A broadcast server on Bun: its WebSocket server is uWebSockets. bun bun.js PORT
// Whoever connects gets what others send. "subscribe" is answered to its sender alone, as pixeld answers it.
const server = Bun.serve({
	hostname: "127.0.0.1",
	port: Number(process.argv[2]),
	fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("", { status: 426 })),
	websocket: {
		perMessageDeflate: false,
		idleTimeout: 0,
		open: (socket) => socket.subscribe("all"),
		message: (socket, message) => (message === "subscribe" ? socket.send("subscribed") : server.publish("all", message)),
	},
});
