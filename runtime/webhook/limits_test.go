package webhook

import (
	"context"
	"strings"
	"testing"
)

// An entry whose evaluations take long leaves half of them to the others.
func TestEntriesShare(t *testing.T) {
	l := newLimits(Options{MaxConcurrent: 4}.withDefaults())
	for range 2 {
		if _, err := l.evaluate(context.Background(), "slow"); err != nil {
			t.Fatal(err)
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.evaluate(gone, "slow"); err == nil {
		t.Error("a third evaluation of one entry")
	}
	done, err := l.evaluate(context.Background(), "other")
	if err != nil {
		t.Fatal("another entry waits: ", err)
	}
	done()
	if _, err := l.evaluate(context.Background(), "other"); err != nil {
		t.Error(err)
	}
}

// A body that does not come holds no memory, however long it says that it is.
func TestStalledBodies(t *testing.T) {
	l := newLimits(Options{MaxMemory: 1 << 20, MaxBody: 1 << 20}.withDefaults())
	for range 100 {
		if _, err := l.enter(1 << 20); err != nil {
			t.Fatal(err)
		}
	}
	free, err := l.body(context.Background(), -1) // one whose length is not known may be the longest
	if err != nil {
		t.Fatal(err)
	}
	if l.bodies.TryAcquire(1) {
		t.Error("there is memory for more than MaxMemory")
	}
	if free(); !l.bodies.TryAcquire(1 << 20) {
		t.Error("the memory is not given back")
	}
}

// What is decoded counts by what it takes, and no review takes more than there is.
func TestDecodedSize(t *testing.T) {
	l := newLimits(Options{MaxMemory: 1 << 20, MaxBody: 1 << 20}.withDefaults())
	dense := []byte("[" + strings.Repeat(`{"":1},`, 10_000) + "1]")
	if n := decodedSize(dense); n < 50*int64(len(dense)) {
		t.Errorf("%d bytes count as %d", len(dense), n)
	}
	text := []byte(`"` + strings.Repeat("x", 100_000) + `"`)
	if n := decodedSize(text); n != int64(len(text)) {
		t.Errorf("%d bytes count as %d", len(text), n)
	}
	if _, err := l.object(context.Background(), dense); err != nil {
		t.Fatal(err)
	}
	if l.objects.TryAcquire(1) {
		t.Error("there is memory for two")
	}
	if _, err := l.object(context.Background(), []byte(pod("1", "a:1"))); err != nil {
		t.Error("a small one waits")
	}
}

// An entry of validating policies has nothing to say of /mutate/, and the other way round.
func TestOtherPath(t *testing.T) {
	s := serveWith(entries{"e": newEngine(t, compile(t, asks))}, nil, Options{})
	fails(t, s, s.send(post("/mutate/e", pod("1", "a:1"))), 500, "other_path")
}
