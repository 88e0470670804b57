package main

import (
	"fmt"
	"log"
	"net/smtp"
)

const senders = 64

// Reads what is due and gives it to the senders; woken by each commit.
func sendReceipts(s *store, address string) {
	due := make(chan receipt)
	for i := 0; i < senders; i++ {
		go send(s, address, due)
	}
	last := int64(0)
	for {
		found, err := s.receipts(last)
		if err != nil {
			log.Print(err)
		}
		for _, one := range found {
			due <- one
			last = one.id
		}
		if len(found) == 0 {
			<-s.wake
		}
	}
}

func send(s *store, address string, due <-chan receipt) {
	for one := range due {
		text := fmt.Sprintf("From: shop@localhost\r\nTo: %s\r\nSubject: Your order %s\r\nMessage-ID: <%s@localhost>\r\n\r\n"+
			"Thank you. We have charged %d.%02d EUR.\r\n", one.email, one.token, one.token, one.total/100, one.total%100)
		if err := smtp.SendMail(address, nil, "shop@localhost", []string{one.email}, []byte(text)); err != nil {
			log.Print(err)
			continue
		}
		if err := s.isSent(one.id); err != nil {
			log.Print(err)
		}
	}
}
