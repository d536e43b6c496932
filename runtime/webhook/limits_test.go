package webhook

import (
	"context"
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
