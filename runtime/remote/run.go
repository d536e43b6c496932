package remote

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/suite"
)

// Options say how cases are run. The zero value is right for a cluster in use.
type Options struct {
	// Disposable says that the cluster is there for tests alone: objects of any kind may be stored, under their own names
	// where they are in no namespace. Those that are there already are left alone all the same.
	Disposable bool
	// Parallel is how many cases are sent at a time; 0 means 8.
	Parallel int
	// Progress is called after every case, by one goroutine at a time; nil is fine.
	Progress func(done, total int, r *Result)
	// StaleAfter is the age at which what another run left is deleted; 0 means an hour. A run ends itself after half of it.
	StaleAfter time.Duration
}

// Labels and annotations of what a run makes.
const (
	// runLabel has the id of the run.
	runLabel = "policyc.dev/test-run"
	// namespaceLabel of a scratch namespace has the name of the namespace that it stands for.
	namespaceLabel = "policyc.dev/test-namespace"
	// originAnnotation of a copy names the object and the binding that it is made from.
	originAnnotation = "policyc.dev/test-origin"
)

// run is one run of cases on a cluster.
type run struct {
	*client
	options Options
	// id is unique, name begins the names of what the run makes, group those of its groups.
	id, name, group string
	plan            *plan
	started         time.Time
	// locks are for the paths of objects that cases store.
	mutex sync.Mutex
	locks map[string]*sync.Mutex
}

// Run runs cases of a suite on the server of a client configuration, and returns their results in order. An error without
// results means that the server is not suited, that the user lacks rights, or that the context has ended. What was installed
// is deleted in any case; an error beside results is about that.
func Run(ctx context.Context, config *rest.Config, s *suite.Suite, list []*cases.Case, o Options) (results []Result, err error) {
	r, err := newRun(config, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.options.StaleAfter/2)
	defer cancel()
	if err := r.checkVersion(ctx, s); err != nil {
		return nil, err
	}
	if r.plan = newPlan(r, s, list); !slices.ContainsFunc(r.plan.jobs, func(j *job) bool { return j.skip == "" }) {
		return r.cases(ctx) // all are skipped
	}
	if err := r.checkRights(ctx); err != nil {
		return nil, err
	}
	if err := r.removeStale(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if problem := r.cleanUp(context.WithoutCancel(ctx)); problem != nil {
			err = errors.Join(err, problem)
		}
	}()
	if err := r.install(ctx); err != nil {
		return nil, err
	}
	return r.cases(ctx)
}

func newRun(config *rest.Config, o Options) (*run, error) {
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	if o.Parallel == 0 {
		o.Parallel = 8
	}
	if o.StaleAfter == 0 {
		o.StaleAfter = time.Hour
	}
	var id [4]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	r := &run{client: c, options: o, id: hex.EncodeToString(id[:]), started: time.Now(), locks: map[string]*sync.Mutex{}}
	r.name, r.group = "policyc-test-"+r.id, "policyc:test:"+r.id
	return r, nil
}

// cases sends all cases.
func (r *run) cases(ctx context.Context) ([]Result, error) {
	results := make([]Result, len(r.plan.jobs))
	var progress sync.Mutex
	done := 0
	err := r.each(ctx, len(results), func(i int) error {
		j, begin := r.plan.jobs[i], time.Now()
		result, err := r.judge(ctx, j)
		if err != nil {
			return fmt.Errorf("%s: %w", j.Case, err)
		}
		result.Elapsed = time.Since(begin)
		results[i] = result
		progress.Lock()
		defer progress.Unlock()
		if done++; r.options.Progress != nil {
			r.options.Progress(done, len(results), &result)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// each calls f for 0 to n-1, several at a time, and none any more after an error, or when the context has ended.
func (r *run) each(ctx context.Context, n int, f func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	next := make(chan int)
	for range min(n, r.options.Parallel) {
		wait.Go(func() {
			for i := range next {
				if err := f(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wait.Wait()
	return context.Cause(ctx)
}

// meta is the metadata of what the run makes.
func (r *run) meta(name string, annotations map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: map[string]string{runLabel: r.id, "app.kubernetes.io/managed-by": "policyc-test"}, Annotations: annotations}
}
