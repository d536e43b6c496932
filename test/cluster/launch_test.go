package cluster

import "testing"

func TestTranslate(t *testing.T) {
	ports := map[int32]int{9443: 41234, 8080: 41235}
	mounts := map[string]string{"/var/run/policyc/tls": "/tmp/x/volume-tls"}
	for text, want := range map[string]string{
		"--webhook-port=9443":              "--webhook-port=41234",
		"--metrics-address=:8080":          "--metrics-address=:41235",
		"--metrics-address=":               "--metrics-address=",
		"--pprof-address=127.0.0.1:6060":   "--pprof-address=127.0.0.1:6060",
		"--max-request-bytes=18080":        "--max-request-bytes=18080",
		"9443":                             "41234",
		"--cert-dir=/var/run/policyc/tls":  "--cert-dir=/tmp/x/volume-tls",
		"/var/run/policyc/tls/ca.crt":      "/tmp/x/volume-tls/ca.crt",
		"--note=see-/var/run/policyc/tls/": "--note=see-/var/run/policyc/tls/",
	} {
		if got := translate(text, ports, mounts); got != want {
			t.Errorf("%q is %q, not %q", text, got, want)
		}
	}
}

func TestImageName(t *testing.T) {
	for image, want := range map[string]string{
		"ghcr.io/policyc/policyc-runtime:0.1.0":                  "ghcr.io/policyc/policyc-runtime",
		"registry.example.com:5000/policyc-runtime":              "registry.example.com:5000/policyc-runtime",
		"registry.example.com:5000/policyc-runtime:1@sha256:abc": "registry.example.com:5000/policyc-runtime",
	} {
		if got := imageName(image); got != want {
			t.Errorf("%s is %s, not %s", image, got, want)
		}
	}
}
