// An SMTP server that takes every mail, after a while, and keeps none: as slow a mail host as is wished, with as many connections.
//
//	sink [-listen HOST:PORT] [-delay 500ms]
//
// The delay is before the answer to the end of a mail. Beside SMTP it knows XCOUNT, which answers "250 MAILS DISTINCT MOST": how many came,
// with how many different Message-IDs, and how many waited for their answer at once.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"hash/fnv"
	"log"
	"net"
	"runtime"
	"strings"
	"sync"
	"time"
)

type count struct {
	sync.Mutex
	mails, waiting, most int
	ids                  map[uint64]struct{}
}

func (c *count) came(id string) {
	hash := fnv.New64a()
	hash.Write([]byte(id))
	c.Lock()
	defer c.Unlock()
	c.mails++
	c.ids[hash.Sum64()] = struct{}{}
	if c.waiting++; c.waiting > c.most {
		c.most = c.waiting
	}
}

func (c *count) answered() {
	c.Lock()
	c.waiting--
	c.Unlock()
}

func (c *count) String() string {
	c.Lock()
	defer c.Unlock()
	return fmt.Sprintf("%d %d %d", c.mails, len(c.ids), c.most)
}

// Up to the line with the dot; gives the Message-ID.
func readMail(from *bufio.Reader) (id string, err error) {
	for {
		line, err := from.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return id, err
		}
		if len(line) > 11 && strings.EqualFold(line[:11], "Message-ID:") && id == "" {
			id = strings.TrimSpace(line[11:])
		}
	}
}

func talk(conn net.Conn, delay time.Duration, counted *count) {
	defer conn.Close()
	from := bufio.NewReaderSize(conn, 2048)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 sink")
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(strings.TrimSpace(line))
		if len(verb) > 4 && verb != "XCOUNT" {
			verb = verb[:4]
		}
		switch verb {
		case "EHLO", "HELO", "MAIL", "RCPT", "RSET", "NOOP":
			say("250 ok")
		case "DATA":
			say("354 go on")
			id, err := readMail(from)
			if err != nil {
				return
			}
			counted.came(id)
			time.Sleep(delay)
			counted.answered()
			say("250 taken")
		case "XCOUNT":
			say("250 " + counted.String())
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 what?")
		}
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where to answer")
	delay := flag.Duration("delay", 0, "before a mail is taken")
	flag.Parse()
	runtime.GOMAXPROCS(1) // it shares the processors with what is measured
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on smtp://%s\n", listener.Addr())
	counted := &count{ids: map[uint64]struct{}{}}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go talk(conn, *delay, counted)
	}
}
