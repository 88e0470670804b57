// A shop as one writes it in Go: net/http, SQLite, one writer that commits for all who wait, receipts by a pool of goroutines.
//
// A peer for bench/shop, so it takes, does and stores what prong-shop does for a good order, and leaves out what costs it nothing here:
// pages, stock, retries, what an earlier process left half done.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where to answer")
	path := flag.String("db", "", "the database; made if it is not there")
	gateway := flag.String("gateway", "", "URL of the gateway")
	mail := flag.String("mail", "", "HOST:PORT of the mail server; none: receipts stay in the outbox")
	commits := flag.Int("commits", 1, "1: all after the charge; 2: the order before it, too")
	flag.Parse()

	store, err := openStore(*path)
	if err != nil {
		log.Fatal(err)
	}
	if *mail != "" {
		go sendReceipts(store, *mail)
	}
	shop := &shop{store: store, gateway: newGateway(*gateway), intentFirst: *commits == 2, underWay: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/orders", shop.order)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 30 * time.Second, MaxHeaderBytes: 8 << 10}

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	<-ended
	if err := server.Shutdown(context.Background()); err != nil {
		log.Print(err)
	}
	// What was answered is on disk, and receipts that were not sent stay in the outbox: nothing is left to close.
}
