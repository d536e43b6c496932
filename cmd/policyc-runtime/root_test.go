package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUsage asserts that a wrong command line says what is wrong, and exits with 2 before it looks for a cluster.
func TestUsage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "say what to run"},
		{"server", `unknown command "server"`},
		{"serve --wbhook-port 1", "unknown flag: --wbhook-port"},
		{"serve now", "unknown command"},
		{"serve --webhook-port 0", "--webhook-port 0 is no port"},
		{"serve --metrics-address 8080", `--metrics-address "8080" is not [host]:port`},
		{"serve --cert-mode vault", `--cert-mode "vault" is neither self nor files`},
		{"serve --cert-mode files --cert-dir=", "--cert-mode files needs --cert-dir"},
		{"serve --tls-min-version 1.1", `--tls-min-version "1.1" is neither 1.2 nor 1.3`},
		{"serve --extra-san a_b", `--extra-san "a_b" is neither a DNS name nor an IP address`},
		{"serve --namespace A", `--namespace "A": a lowercase`},
		{"serve --secret A", `--secret "A" is no name of a Secret`},
		{"serve --ca-lifetime 24h", "--ca-lifetime 24h0m0s is less than three times --cert-lifetime 2160h0m0s"},
		{"serve --concurrency -1", "--concurrency -1 is negative"},
		{"serve --max-request-bytes 0", "--max-request-bytes 0 is not positive"},
		{"serve --max-deadline 31s", "--max-deadline 31s is not between 0 and the 30s"},
		{"serve --drain -1s", "--drain -1s is negative"},
		{"serve --log-level loud", `--log-level "loud" is none of`},
		{"serve --log-format xml", `--log-format "xml" is neither json nor text`},
		{"serve --webhook-port 0 --drain -1s", "--drain -1s is negative"}, // every mistake at once
		{"serve --kubeconfig /nowhere/config", "--kubeconfig: stat /nowhere/config"},
		{"uninstall --service A", `--service "A"`},
	} {
		var out, errs bytes.Buffer
		status := Run(context.Background(), strings.Fields(c.args), &out, &errs, func(string) string { return "" })
		if status != exitUsage || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: status %d, %s; want %s", c.args, status, errs.String(), c.want)
		}
	}
}

// TestFailed asserts that a cluster that does not answer is no usage error.
func TestFailed(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\n"+
		"contexts: [{name: a, context: {cluster: a, user: a}}]\ncurrent-context: a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if status := Run(ctx, []string{"uninstall", "--kubeconfig", config}, &out, &errs, func(string) string { return "" }); status != exitFailed {
		t.Errorf("status %d: %s", status, errs.String())
	}
}

func TestVersion(t *testing.T) {
	var out, errs bytes.Buffer
	if status := Run(context.Background(), []string{"version"}, &out, &errs, os.Getenv); status != exitOK || !strings.HasPrefix(out.String(), "policyc-runtime ") {
		t.Errorf("status %d: %s%s", status, out.String(), errs.String())
	}
}
