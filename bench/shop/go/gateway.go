package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type gateway struct {
	url    string
	client *http.Client
}

type declined struct {
	code, message string
}

func (d declined) Error() string {
	return d.message
}

func newGateway(address string) *gateway {
	transport := &http.Transport{MaxIdleConnsPerHost: 8192, DisableCompression: true}
	return &gateway{address + "/v1/payment_intents", &http.Client{Transport: transport, Timeout: 20 * time.Second}}
}

// Gives the gateway's name for the charge.
func (g *gateway) charge(o *order) (string, error) {
	form := url.Values{"amount": {strconv.Itoa(o.total)}, "currency": {"eur"}, "payment_method": {o.Method}, "confirm": {"true"},
		"metadata[order]": {o.token}}
	request, err := http.NewRequest("POST", g.url, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer sk_test_bench")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Idempotency-Key", o.chargeKey)
	reply, err := g.client.Do(request)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, 64<<10))
	if err != nil {
		return "", err
	}
	return readCharge(reply.StatusCode, body)
}

func readCharge(status int, body []byte) (string, error) {
	var told struct {
		ID     string
		Status string
		Error  struct{ Code, Message string }
	}
	if err := json.Unmarshal(body, &told); err != nil {
		return "", err
	}
	if status == 402 {
		return "", declined{told.Error.Code, told.Error.Message}
	}
	if status != 200 || told.Status != "succeeded" {
		return "", fmt.Errorf("the gateway answered %d", status)
	}
	return told.ID, nil
}
