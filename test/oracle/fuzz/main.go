// Command fuzz compares compiled policies with the reference interpreter on as
// many objects as it is asked for, and prints what they disagree on.
//
//	go run ./test/oracle/fuzz -seed 1 -evaluations 1000000
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/test/oracle"
)

func main() {
	seed := flag.Int64("seed", 1, "the first `seed`")
	evaluations := flag.Int("evaluations", 1_000_000, "stop after so `many`")
	flag.Parse()
	if err := run(*seed, *evaluations); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// shown is how many disagreements are printed: the first ones say enough.
const shown = 20

func run(seed int64, evaluations int) error {
	var targets []target.Version
	for v := target.Oldest; v <= target.Newest; v++ {
		targets = append(targets, v)
	}
	o, err := oracle.New(oracle.Size{Rules: 20, Targets: 3, Objects: 40, Depth: 3}, targets...)
	if err != nil {
		return err
	}
	start, first := time.Now(), seed
	var total oracle.Counts
	var findings int
	var lock sync.Mutex
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for {
				lock.Lock()
				mine, done := seed, total.Evaluations >= evaluations
				seed++
				lock.Unlock()
				if done {
					return
				}
				counts, found := o.Check(mine)
				more, foundMore := o.CheckLookups(mine)
				counts.Add(more)
				found = append(found, foundMore...)
				lock.Lock()
				total.Add(counts)
				findings += len(found)
				late := findings > shown
				lock.Unlock()
				for _, f := range found {
					if !late {
						f = o.Shrink(f)
					}
					fmt.Println(f)
				}
			}
		})
	}
	wait.Wait()
	fmt.Printf("%s, from seed %d, Kubernetes %s to %s, in %s\n", total, first, target.Oldest, target.Newest, time.Since(start).Round(time.Second))
	if findings > 0 {
		return fmt.Errorf("%d disagreements", findings)
	}
	return nil
}
