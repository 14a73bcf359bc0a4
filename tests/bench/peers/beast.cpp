// A broadcast server on Boost.Beast, as its multi-threaded chat example does it: threads share one
// io_context, each client has a strand and a queue of shared messages. peer_beast PORT THREADS
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;

class Client;

struct Message {
	std::string bytes;
	bool binary;
};

class Crowd {
public:
	void join(Client *client)
	{
		std::lock_guard<std::mutex> hold(mutex);
		clients.insert(client);
	}
	void leave(Client *client)
	{
		std::lock_guard<std::mutex> hold(mutex);
		clients.erase(client);
	}
	void broadcast(std::shared_ptr<const Message> message);

private:
	std::mutex mutex;
	std::unordered_set<Client *> clients;
};

class Client : public std::enable_shared_from_this<Client> {
public:
	Client(tcp::socket &&socket, Crowd &crowd) : stream(std::move(socket)), crowd(crowd) {}
	~Client() { crowd.leave(this); }

	void start()
	{
		asio::dispatch(stream.get_executor(), [self = shared_from_this()] {
			self->stream.async_accept([self](beast::error_code error) {
				if (error)
					return;
				self->crowd.join(self.get());
				self->read();
			});
		});
	}

	void send(std::shared_ptr<const Message> message)
	{
		asio::post(stream.get_executor(), [self = shared_from_this(), message] {
			self->queue.push_back(message);
			if (self->queue.size() == 1)
				self->write();
		});
	}

private:
	void read()
	{
		stream.async_read(buffer, [self = shared_from_this()](beast::error_code error, std::size_t) {
			if (error)
				return;
			self->crowd.broadcast(std::make_shared<const Message>(
				Message{beast::buffers_to_string(self->buffer.data()), self->stream.got_binary()}));
			self->buffer.consume(self->buffer.size());
			self->read();
		});
	}

	void write()
	{
		stream.binary(queue.front()->binary);
		stream.async_write(asio::buffer(queue.front()->bytes),
				   [self = shared_from_this()](beast::error_code error, std::size_t) {
					   if (error)
						   return;
					   self->queue.pop_front();
					   if (!self->queue.empty())
						   self->write();
				   });
	}

	websocket::stream<beast::tcp_stream> stream;
	Crowd &crowd;
	beast::flat_buffer buffer;
	std::deque<std::shared_ptr<const Message>> queue;
};

void Crowd::broadcast(std::shared_ptr<const Message> message)
{
	std::vector<std::shared_ptr<Client>> all;
	{
		std::lock_guard<std::mutex> hold(mutex);
		all.reserve(clients.size());
		for (Client *client : clients)
			if (auto strong = client->weak_from_this().lock())
				all.push_back(std::move(strong));
	}
	for (const auto &client : all)
		client->send(message);
}

static void accept(asio::io_context &context, tcp::acceptor &acceptor, Crowd &crowd)
{
	acceptor.async_accept(asio::make_strand(context), [&](beast::error_code error, tcp::socket socket) {
		if (!error) {
			socket.set_option(tcp::no_delay(true));
			std::make_shared<Client>(std::move(socket), crowd)->start();
		}
		accept(context, acceptor, crowd);
	});
}

int main(int argc, char **argv)
{
	int threads = argc > 2 ? std::stoi(argv[2]) : 1;
	asio::io_context context(threads);
	tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"),
					 static_cast<unsigned short>(std::stoi(argv[1]))});
	Crowd crowd;
	std::vector<std::thread> others;

	accept(context, acceptor, crowd);
	for (int i = 1; i < threads; i++)
		others.emplace_back([&] { context.run(); });
	context.run();
}
