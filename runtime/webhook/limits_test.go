package webhook

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// An entry whose evaluations take long leaves half of them to the others.
func TestEntriesShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(Options{MaxConcurrent: 4}.withDefaults())
		begin := func(entry string) *failure {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := l.evaluate(ctx, entry)
			return err
		}
		for i, c := range []struct {
			entry string
			waits bool
		}{{"slow", false}, {"slow", false}, {"slow", true}, {"other", false}, {"other", false}, {"third", true}} {
			if err := begin(c.entry); (err != nil) != c.waits {
				t.Errorf("evaluation %d, of %s: %v", i+1, c.entry, err)
			}
		}
	})
}

// What has waited in vain among all holds no place of its entry.
func TestEntryPlaceIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(Options{MaxConcurrent: 1}.withDefaults())
		done, err := l.evaluate(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.evaluate(ctx, "b"); err == nil {
			t.Fatal("two at a time")
		}
		done()
		if _, err := l.evaluate(t.Context(), "b"); err != nil {
			t.Error(err)
		}
	})
}
