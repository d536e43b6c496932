package apiserver

import (
	"fmt"
	"path/filepath"
)

func etcdArgs(dir, url string) []string {
	return []string{
		"--data-dir=" + filepath.Join(dir, etcdDir),
		"--listen-client-urls=" + url,
		"--advertise-client-urls=" + url,
		"--listen-peer-urls=http://127.0.0.1:0", // a cluster of one has no peers
		"--unsafe-no-fsync",
		"--log-level=warn",
	}
}

func serverArgs(dir, etcdURL string, port int, options Options) []string {
	file := func(name string) string { return filepath.Join(dir, name) }
	args := []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1", // by default the server looks for a network, and does not start where there is none
		fmt.Sprintf("--secure-port=%d", port),
		"--cert-dir=" + file(certDir),
		"--token-auth-file=" + file(tokenFile),
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + file(serviceAccountKeyFile),
		"--service-account-signing-key-file=" + file(serviceAccountKeyFile),
		// Without it the server itself refuses privileged containers, before any policy is asked.
		"--allow-privileged=true",
		// The endpoints of the `kubernetes` Service may not be a loopback address.
		"--endpoint-reconciler-type=none",
	}
	// PodSecurity reads the labels that policies/pod-security reads, and would deny first.
	disabled := "PodSecurity"
	if !options.ServiceAccounts {
		disabled += ",ServiceAccount"
	}
	args = append(args, "--disable-admission-plugins="+disabled)
	if options.AuditLog {
		args = append(args,
			"--audit-log-path="+file(auditLogFile),
			"--audit-policy-file="+file(auditPolicyFile),
			"--audit-log-mode=blocking",
			"--audit-log-maxsize=1000000", // MB; a rotation would hide the events before it
		)
	}
	return args
}
