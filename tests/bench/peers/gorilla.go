// A broadcast server on gorilla/websocket, as its chat example does it: a goroutine that reads and one
// that writes for each client, a channel between; messages are prepared once for all. gorilla PORT
package main

import (
	"net/http"
	"os"
	"sync"

	"github.com/gorilla/websocket"
)

const waiting = 64 // messages for one client; who falls further behind is closed

var upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024, WriteBufferPool: &sync.Pool{}}

type hub struct {
	sync.Mutex
	clients map[chan *websocket.PreparedMessage]struct{}
}

func (h *hub) add(queue chan *websocket.PreparedMessage) {
	h.Lock()
	h.clients[queue] = struct{}{}
	h.Unlock()
}

func (h *hub) remove(queue chan *websocket.PreparedMessage) {
	h.Lock()
	if _, there := h.clients[queue]; there {
		delete(h.clients, queue)
		close(queue)
	}
	h.Unlock()
}

func (h *hub) broadcast(message *websocket.PreparedMessage) {
	h.Lock()
	for queue := range h.clients {
		select {
		case queue <- message:
		default:
			delete(h.clients, queue)
			close(queue)
		}
	}
	h.Unlock()
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	queue := make(chan *websocket.PreparedMessage, waiting)
	h.add(queue)
	go func() {
		defer conn.Close()
		for message := range queue {
			if conn.WritePreparedMessage(message) != nil {
				return
			}
		}
	}()
	defer h.remove(queue)
	for {
		kind, bytes, err := conn.ReadMessage()
		if err != nil {
			return
		}
		message, err := websocket.NewPreparedMessage(kind, bytes)
		if err != nil {
			return
		}
		h.broadcast(message)
	}
}

func main() {
	h := &hub{clients: map[chan *websocket.PreparedMessage]struct{}{}}
	http.HandleFunc("/", h.serve)
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[1], nil); err != nil {
		panic(err)
	}
}
