//go:build e2e

package faults_test

import (
	"fmt"
	"sync"
	"testing"
)

// load asks on and on, and records every answer.
type load struct {
	stop chan struct{}
	done sync.WaitGroup

	mutex   sync.Mutex
	answers []answer
}

// startLoad has workers send requests in turn, each by the function that is given.
func startLoad(workers int, send func(ask) answer, asks ...ask) *load {
	l := &load{stop: make(chan struct{})}
	for worker := range workers {
		l.done.Go(func() {
			for i := worker; ; i++ {
				select {
				case <-l.stop:
					return
				default:
				}
				a := send(asks[i%len(asks)])
				l.mutex.Lock()
				l.answers = append(l.answers, a)
				l.mutex.Unlock()
			}
		})
	}
	return l
}

// load asks the API server.
func (w *world) load(t *testing.T, asks ...ask) *load {
	return startLoad(4, func(a ask) answer { return w.ask(t, a) }, asks...)
}

// count is how many answers there are by now.
func (l *load) count() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.answers)
}

// await waits for n more answers, so that a fault has requests before, in and after it.
func (l *load) await(t *testing.T, n int) {
	t.Helper()
	from := l.count()
	eventually(t, "the load stands still", func() bool { return l.count() >= from+n })
}

// end stops the load and counts.
func (l *load) end() tally {
	close(l.stop)
	l.done.Wait()
	return tally(l.answers)
}

// tally is the answers of a load.
type tally []answer

func (y tally) count(want, got class) (n int) {
	for _, a := range y {
		if a.ask.want() == want && a.class == got {
			n++
		}
	}
	return n
}

func (y tally) String() string {
	text := func(want class) string {
		c := func(got class) int { return y.count(want, got) }
		n := c(admitted) + c(denied) + c(failed) + c(broken)
		return fmt.Sprintf("%d admitted, %d denied, %d failed, %d broken of %d", c(admitted), c(denied), c(failed), c(broken), n)
	}
	return fmt.Sprintf("good: %s; bad: %s", text(admitted), text(denied))
}

// expectSound asserts that no answer is wrong. A request may have failed.
func (y tally) expectSound(t *testing.T, what string) {
	t.Helper()
	t.Logf("%s: %s", what, y)
	wrong := map[class]int{}
	for _, a := range y {
		if a.class == a.ask.want() || a.class == failed {
			continue
		}
		if wrong[a.class]++; wrong[a.class] <= 2 {
			t.Errorf("%s: %s is %s: %d %s", what, a.ask, a.class, a.status, a.text)
		}
	}
	if y.count(admitted, admitted) == 0 || y.count(denied, denied) == 0 {
		t.Errorf("%s: the load shows nothing", what)
	}
}

// expectRight asserts that every answer is right, and none failed.
func (y tally) expectRight(t *testing.T, what string) {
	t.Helper()
	y.expectSound(t, what)
	n := 0
	for _, a := range y {
		if a.class == failed {
			if n++; n <= 2 {
				t.Errorf("%s: %s failed: %d %s", what, a.ask, a.status, a.text)
			}
		}
	}
}

// first returns an answer of a class.
func (y tally) first(c class) (answer, bool) {
	for _, a := range y {
		if a.class == c {
			return a, true
		}
	}
	return answer{}, false
}
