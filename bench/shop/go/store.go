package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

const schema = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  total_cents INTEGER NOT NULL, currency TEXT NOT NULL, key TEXT NOT NULL, body_hash BLOB NOT NULL, charge_key TEXT NOT NULL,
  email TEXT NOT NULL, method TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS order_lines (order_id INTEGER NOT NULL, line INTEGER NOT NULL, sku TEXT NOT NULL, qty INTEGER NOT NULL,
  price_cents INTEGER NOT NULL, PRIMARY KEY (order_id, line)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS payments (order_id INTEGER PRIMARY KEY, intent TEXT NOT NULL, status INTEGER NOT NULL, answer BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (order_id INTEGER PRIMARY KEY, state INTEGER NOT NULL, next_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_open ON outbox (order_id) WHERE state = 1;`

// Of orders and of receipts.
const (
	charging, paid = 1, 2
	ready, sent    = 1, 4
)

const mostInCommit = 1024

type change struct {
	apply func(*store) error
	done  chan error
}

type store struct {
	secret  []byte
	reading *sql.DB
	finds   *sql.Stmt
	writing *sql.Conn
	changes chan change
	wake    chan struct{} // there may be a new receipt

	addOrder, addLine, addPayment, addReceipt, endOrder, endReceipt *sql.Stmt
}

func openStore(path string) (*store, error) {
	s := &store{changes: make(chan change, mostInCommit), wake: make(chan struct{}, 1)}
	writing, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000")
	if err != nil {
		return nil, err
	}
	if s.writing, err = writing.Conn(context.Background()); err != nil {
		return nil, err
	}
	if err = s.exec(schema); err != nil {
		return nil, err
	}
	if s.reading, err = sql.Open("sqlite3", "file:"+path+"?mode=ro&_busy_timeout=5000"); err != nil {
		return nil, err
	}
	s.reading.SetMaxOpenConns(4)
	s.reading.SetMaxIdleConns(4)
	if err = s.prepare(); err != nil {
		return nil, err
	}
	go s.run()
	return s, nil
}

func (s *store) exec(text string) error {
	_, err := s.writing.ExecContext(context.Background(), text)
	return err
}

func (s *store) prepare() (err error) {
	fresh := make([]byte, 32)
	rand.Read(fresh)
	ctx := context.Background()
	if _, err = s.writing.ExecContext(ctx, "INSERT OR IGNORE INTO meta VALUES ('secret', ?)", fresh); err != nil {
		return err
	}
	if err = s.writing.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'secret'").Scan(&s.secret); err != nil {
		return err
	}
	if s.finds, err = s.reading.Prepare("SELECT o.body_hash, p.answer FROM orders o " +
		"LEFT JOIN payments p ON p.order_id = o.id WHERE o.token = ?"); err != nil {
		return err
	}
	for _, one := range []struct {
		statement **sql.Stmt
		text      string
	}{
		{&s.addOrder, "INSERT INTO orders (token, state, created_ms, total_cents, currency, key, body_hash, charge_key, email, method) " +
			"VALUES (?, ?, ?, ?, 'eur', ?, ?, ?, ?, ?)"},
		{&s.addLine, "INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)"},
		{&s.addPayment, "INSERT INTO payments VALUES (?, ?, 201, ?)"},
		{&s.addReceipt, "INSERT INTO outbox VALUES (?, 1, ?)"},
		{&s.endOrder, "UPDATE orders SET state = 2 WHERE token = ? AND state = 1 RETURNING id"},
		{&s.endReceipt, "UPDATE outbox SET state = 4, next_ms = ? WHERE order_id = ?"},
	} {
		if *one.statement, err = s.writing.PrepareContext(ctx, one.text); err != nil {
			return err
		}
	}
	return nil
}

// ---- writing ---------------------------------------------------------------------------------------------------------------

// Waits until it is on disk.
func (s *store) write(apply func(*store) error) error {
	done := make(chan error, 1)
	s.changes <- change{apply, done}
	return <-done
}

// The one writer: all that wait go into one transaction.
func (s *store) run() {
	var batch []change
	for first := range s.changes {
		batch = append(batch[:0], first)
	gather:
		for len(batch) < mostInCommit {
			select {
			case next := <-s.changes:
				batch = append(batch, next)
			default:
				break gather
			}
		}
		err := s.commit(batch)
		for _, one := range batch {
			one.done <- err
		}
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// What fails fails for all of them: nothing that can fail for one alone gets here.
func (s *store) commit(batch []change) error {
	if err := s.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, one := range batch {
		if err := one.apply(s); err != nil {
			s.exec("ROLLBACK")
			return err
		}
	}
	if err := s.exec("COMMIT"); err != nil {
		s.exec("ROLLBACK")
		return err
	}
	return nil
}

func (o *order) add(s *store, state int) (int64, error) {
	done, err := s.addOrder.Exec(o.token, state, o.created.UnixMilli(), o.total, o.key, o.hash, o.chargeKey, o.Email, o.Method)
	if err != nil {
		return 0, err
	}
	id, _ := done.LastInsertId()
	for i, it := range o.Items {
		if _, err = s.addLine.Exec(id, i, it.SKU, it.Qty, it.Price); err != nil {
			return 0, err
		}
	}
	return id, nil
}

func (o *order) end(s *store, id int64) error {
	if _, err := s.addPayment.Exec(id, o.intent, o.answer); err != nil {
		return err
	}
	_, err := s.addReceipt.Exec(id, o.created.UnixMilli())
	return err
}

func (o *order) place(s *store) error {
	_, err := o.add(s, charging)
	return err
}

func (o *order) settle(s *store) error {
	var id int64
	if err := s.endOrder.QueryRow(o.token).Scan(&id); err != nil {
		return err
	}
	return o.end(s, id)
}

func (o *order) placeAndSettle(s *store) error {
	id, err := o.add(s, paid)
	if err != nil {
		return err
	}
	return o.end(s, id)
}

// ---- reading ---------------------------------------------------------------------------------------------------------------

// Gives the hash of the body, nil if there is no such order, and the answer, nil if there is none yet.
func (s *store) find(token string) (hash, answer []byte, err error) {
	err = s.finds.QueryRow(token).Scan(&hash, &answer)
	if err == sql.ErrNoRows {
		err = nil
	}
	return
}

type receipt struct {
	id           int64
	token, email string
	total        int
}

func (s *store) receipts(after int64) (found []receipt, err error) {
	rows, err := s.reading.Query("SELECT r.order_id, o.token, o.email, o.total_cents FROM outbox r JOIN orders o ON o.id = r.order_id "+
		"WHERE r.state = 1 AND r.order_id > ? ORDER BY r.order_id LIMIT 256", after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one receipt
		if err = rows.Scan(&one.id, &one.token, &one.email, &one.total); err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}

func (s *store) isSent(id int64) error {
	return s.write(func(s *store) error {
		_, err := s.endReceipt.Exec(time.Now().UnixMilli(), id)
		return err
	})
}
