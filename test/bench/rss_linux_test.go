package bench

import "syscall"

// residentPeak is the most memory that the process had, in bytes.
func residentPeak() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return usage.Maxrss << 10
}
