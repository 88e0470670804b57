package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

type item struct {
	SKU   string `json:"sku"`
	Qty   int    `json:"qty"`
	Price int    `json:"price_cents"`
}

type wish struct {
	Email  string `json:"email"`
	Method string `json:"payment_method"`
	Items  []item `json:"items"`
}

type order struct {
	wish
	key, token, chargeKey, intent string
	hash                          []byte
	total                         int
	created                       time.Time
	answer                        []byte
}

type answer struct {
	Order struct {
		Token    string `json:"token"`
		URL      string `json:"url"`
		State    string `json:"state"`
		Total    int    `json:"total_cents"`
		Currency string `json:"currency"`
		Items    []item `json:"items"`
		Receipt  string `json:"receipt"`
		Created  string `json:"created"`
	} `json:"order"`
}

type trouble struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Field   string `json:"field,omitempty"`
	} `json:"error"`
}

type shop struct {
	store       *store
	gateway     *gateway
	intentFirst bool
	mutex       sync.Mutex
	underWay    map[string]bool // keys
}

var prices = func() map[string]int {
	found := map[string]int{}
	for _, colour := range []string{"RED", "BLUE", "GREEN", "BLACK"} {
		for _, size := range []string{"S", "M", "L", "XL"} {
			found["TSHIRT-"+colour+"-"+size] = 1990
		}
	}
	return found
}()

func refuse(w http.ResponseWriter, status int, code, message, field string) {
	var told trouble
	told.Error.Code, told.Error.Message, told.Error.Field = code, message, field
	body, _ := json.Marshal(told)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

func tell(w http.ResponseWriter, token string, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", "/orders/"+token)
	w.WriteHeader(http.StatusCreated)
	w.Write(body)
}

// Gives what is wrong: field and message.
func (o *order) check() (string, string) {
	at := strings.IndexByte(o.Email, '@')
	if at < 1 || at == len(o.Email)-1 || len(o.Email) > 254 || strings.ContainsAny(o.Email, " \r\n\x00") {
		return "email", "no e-mail address"
	}
	if !strings.HasPrefix(o.Method, "pm_") || len(o.Method) > 128 {
		return "payment_method", "no payment method"
	}
	if len(o.Items) < 1 || len(o.Items) > 100 {
		return "items", "1 to 100 items"
	}
	for i := range o.Items {
		it := &o.Items[i]
		price, known := prices[it.SKU]
		if !known || it.Qty < 1 || it.Qty > 99 {
			return "items", "no such item, or not 1 to 99 of it"
		}
		it.Price = price
		o.total += price * it.Qty
	}
	return "", ""
}

func (s *shop) read(w http.ResponseWriter, r *http.Request) *order {
	o := &order{key: r.Header.Get("Idempotency-Key"), created: time.Now()}
	if o.key == "" || len(o.key) > 255 {
		refuse(w, 400, "invalid", "a key of up to 255 characters", "Idempotency-Key")
		return nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		refuse(w, 400, "invalid", "the body cannot be read", "")
		return nil
	}
	if json.Unmarshal(body, &o.wish) != nil {
		refuse(w, 400, "invalid", "the body is no order", "")
		return nil
	}
	if field, message := o.check(); field != "" {
		refuse(w, 400, "invalid", message, field)
		return nil
	}
	hash := sha256.Sum256(body)
	o.hash = hash[:16]
	o.token = base64.RawURLEncoding.EncodeToString(s.derive("token", o.key))
	o.chargeKey = hex.EncodeToString(s.derive("charge", o.key))
	return o
}

func (s *shop) derive(purpose, key string) []byte {
	mac := hmac.New(sha256.New, s.store.secret)
	mac.Write([]byte(purpose))
	mac.Write([]byte(key))
	return mac.Sum(nil)[:16]
}

// One request for a key at a time.
func (s *shop) enter(key string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.underWay[key] {
		return false
	}
	s.underWay[key] = true
	return true
}

func (s *shop) leave(key string) {
	s.mutex.Lock()
	delete(s.underWay, key)
	s.mutex.Unlock()
}

func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		refuse(w, 400, "invalid", "POST with application/json", "")
		return
	}
	o := s.read(w, r)
	if o == nil {
		return
	}
	if !s.enter(o.key) {
		w.Header().Set("Retry-After", "1")
		refuse(w, 409, "in_progress", "this order is being charged", "")
		return
	}
	defer s.leave(o.key)
	hash, old, err := s.store.find(o.token)
	switch {
	case err != nil:
		refuse(w, 503, "busy", "the database does not answer", "")
	case hash != nil && string(hash) != string(o.hash):
		refuse(w, 422, "key_reused", "this key belongs to another order", "Idempotency-Key")
	case old != nil:
		tell(w, o.token, old)
	default:
		s.buy(w, o, hash != nil)
	}
}

func (s *shop) buy(w http.ResponseWriter, o *order, isPlaced bool) {
	if s.intentFirst && !isPlaced {
		if err := s.store.write(o.place); err != nil {
			refuse(w, 503, "busy", "the order could not be stored", "")
			return
		}
	}
	var err error
	o.intent, err = s.gateway.charge(o)
	if declined, is := err.(declined); is {
		refuse(w, 402, declined.code, declined.message, "")
		return
	} else if err != nil {
		refuse(w, 503, "gateway", "the card could not be charged: ask again with the same key", "")
		return
	}
	o.answer = o.paid()
	change := o.placeAndSettle
	if s.intentFirst {
		change = o.settle
	}
	if err := s.store.write(change); err != nil {
		refuse(w, 503, "busy", "the order could not be stored: ask again with the same key", "")
		return
	}
	tell(w, o.token, o.answer)
}

func (o *order) paid() []byte {
	var a answer
	a.Order.Token, a.Order.URL, a.Order.State, a.Order.Receipt = o.token, "/orders/"+o.token, "paid", "ready"
	a.Order.Total, a.Order.Currency, a.Order.Items = o.total, "eur", o.Items
	a.Order.Created = o.created.UTC().Format(time.RFC3339)
	body, _ := json.Marshal(a)
	return body
}
