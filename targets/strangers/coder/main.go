// An echo server as coder/websocket's documentation writes it: https://pkg.go.dev/github.com/coder/websocket#example-Accept
package main

import (
	"flag"
	"log"
	"net/http"

	"github.com/coder/websocket"
)

var addr = flag.String("addr", "localhost:8080", "http service address")

func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		typ, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if err = c.Write(r.Context(), typ, message); err != nil {
			return
		}
	}
}

func main() {
	flag.Parse()
	http.HandleFunc("/ws", echo)
	log.Fatal(http.ListenAndServe(*addr, nil))
}
