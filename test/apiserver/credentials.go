package apiserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Admin is the user whom Request and the kubeconfig mean by default, in the group system:masters: RBAC never refuses it.
// Admission policies apply to it as to everybody.
const Admin = "admin"

// User is somebody who can log in.
type User struct {
	Name   string
	Groups []string
}

// DefaultUsers are alice of the group dev, and bob of the group ops.
func DefaultUsers() []User {
	return []User{
		{Name: "alice", Groups: []string{"dev"}},
		{Name: "bob", Groups: []string{"ops"}},
	}
}

// Files and folders in Server.Dir.
const (
	etcdDir               = "etcd"
	certDir               = "certs"
	certFile              = "certs/apiserver.crt" // written by kube-apiserver: its self-signed certificate
	tokenFile             = "tokens.csv"
	serviceAccountKeyFile = "service-account.key"
	auditPolicyFile       = "audit-policy.json"
	auditLogFile          = "audit.log"
)

// Annotations of admission are in an event from level Metadata up; ResponseStarted, a second event for a watch, says nothing new.
const auditPolicy = `{
  "apiVersion": "audit.k8s.io/v1", "kind": "Policy",
  "omitStages": ["RequestReceived", "ResponseStarted"],
  "rules": [{"level": "Metadata"}]
}
`

// writeCredentials writes what kube-apiserver reads at its start, and the kubeconfig.
func (s *Server) writeCredentials(users []User) error {
	users = append([]User{{Name: Admin, Groups: []string{"system:masters"}}}, users...)
	s.tokens = map[string]string{}
	var lines strings.Builder
	table := csv.NewWriter(&lines)
	for _, user := range users {
		if s.tokens[user.Name] != "" || user.Name == "" {
			return fmt.Errorf("user %q: names must be unique, not empty and not %q", user.Name, Admin)
		}
		s.tokens[user.Name] = rand.Text()
		table.Write([]string{s.tokens[user.Name], user.Name, user.Name, strings.Join(user.Groups, ",")})
	}
	table.Flush() // a strings.Builder takes every write
	key, err := newServiceAccountKey()
	if err != nil {
		return err
	}
	kubeconfig, err := s.kubeconfig(users)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		tokenFile:                   []byte(lines.String()),
		serviceAccountKeyFile:       key,
		auditPolicyFile:             []byte(auditPolicy),
		filepath.Base(s.Kubeconfig): kubeconfig,
	} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func newServiceAccountKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

// kubeconfig has a context per user. It is JSON, which is YAML too.
func (s *Server) kubeconfig(users []User) ([]byte, error) {
	type object = map[string]any
	var contexts, logins []object
	for _, user := range users {
		contexts = append(contexts, object{"name": user.Name, "context": object{"cluster": "test", "user": user.Name}})
		logins = append(logins, object{"name": user.Name, "user": object{"token": s.tokens[user.Name]}})
	}
	cluster := object{"server": s.URL, "certificate-authority": filepath.Join(s.Dir, certFile)}
	return json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "current-context": Admin,
		"clusters": []object{{"name": "test", "cluster": cluster}},
		"contexts": contexts,
		"users":    logins,
	}, "", "  ")
}
