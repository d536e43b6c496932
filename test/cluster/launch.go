package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// launch is a container as a process.
//
//	image: ghcr.io/policyc/policyc-runtime:0.1.0     path: …/policyc-runtime
//	args: [serve, --webhook-port=9443]           ─►  args: [serve, --webhook-port=41234]
//	ports: [{name: webhook, containerPort: 9443}]    ports: {9443: 41234}
type launch struct {
	path, dir string
	args, env []string
	ports     map[int32]int // of this machine, by containerPort
}

func makeDir(parent string) (string, error) {
	return os.MkdirTemp(parent, "pods-")
}

// launch prepares the first container of a pod. Containers share a machine here, so that every start has ports of its own.
func (c *Cluster) launch(ctx context.Context, p *Pod) (*launch, error) {
	spec := &p.template.Spec
	if len(spec.Containers) != 1 || len(spec.InitContainers) > 0 {
		return nil, errors.New("only pods with one container are run here")
	}
	container := &spec.Containers[0]
	l := &launch{dir: p.dir, ports: map[int32]int{}, path: c.options.Images[imageName(container.Image)]}
	if l.path == "" {
		return nil, fmt.Errorf("no program is known for the image %s", container.Image)
	}
	for _, port := range container.Ports {
		free, err := freePort()
		if err != nil {
			return nil, err
		}
		l.ports[port.ContainerPort] = free
	}
	mounts, err := c.mount(ctx, p, container)
	if err != nil {
		return nil, err
	}
	local := func(text string) string { return translate(text, l.ports, mounts) }
	for _, arg := range append(container.Command[min(1, len(container.Command)):], container.Args...) {
		l.args = append(l.args, local(arg))
	}
	if len(container.Command) > 0 && container.Command[0] != "/"+filepath.Base(l.path) {
		return nil, fmt.Errorf("the command %s is not the program of the image", container.Command[0])
	}
	for _, v := range container.Env {
		value, err := c.environment(p, v)
		if err != nil {
			return nil, err
		}
		l.env = append(l.env, v.Name+"="+local(value))
	}
	kubeconfig, err := c.kubeconfig(ctx, p)
	if err != nil {
		return nil, err
	}
	if kubeconfig != "" {
		l.env = append(l.env, "KUBECONFIG="+kubeconfig)
	}
	return l, nil
}

// imageName is the image without tag and digest.
func imageName(image string) string {
	name, _, _ := strings.Cut(image, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name = name[:colon]
	}
	return name
}

var portAtEnd = regexp.MustCompile(`(^|[:=])([0-9]+)$`)

// translate puts this machine's ports and folders in place of the container's: `--metrics-address=:8080`, `--cert-dir=/tls`.
func translate(text string, ports map[int32]int, mounts map[string]string) string {
	if found := portAtEnd.FindStringSubmatchIndex(text); found != nil {
		number, err := strconv.ParseInt(text[found[4]:], 10, 32)
		if local, ok := ports[int32(number)]; ok && err == nil {
			return text[:found[4]] + strconv.Itoa(local)
		}
	}
	for path, local := range mounts {
		if at := strings.Index(text, path); at == 0 || at > 0 && text[at-1] == '=' {
			return text[:at] + local + text[at+len(path):]
		}
	}
	return text
}

// environment is the value of a variable.
func (c *Cluster) environment(p *Pod, v corev1.EnvVar) (string, error) {
	if v.ValueFrom == nil {
		return v.Value, nil
	}
	if v.ValueFrom.FieldRef != nil {
		switch v.ValueFrom.FieldRef.FieldPath {
		case "metadata.name":
			return p.Name, nil
		case "metadata.namespace":
			return p.Namespace, nil
		case "spec.serviceAccountName":
			return p.template.Spec.ServiceAccountName, nil
		case "status.podIP":
			return c.address, nil
		}
	}
	return "", fmt.Errorf("the source of the variable %s is not known here", v.Name)
}

// kubeconfig logs in as the ServiceAccount of the pod; "" when the pod gets no token.
func (c *Cluster) kubeconfig(ctx context.Context, p *Pod) (string, error) {
	name := p.template.Spec.ServiceAccountName
	if name == "" {
		name = "default"
	}
	accounts := c.client.CoreV1().ServiceAccounts(p.Namespace)
	account, err := accounts.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	mounted := p.template.Spec.AutomountServiceAccountToken
	if mounted == nil {
		mounted = account.AutomountServiceAccountToken
	}
	if mounted != nil && !*mounted {
		return "", nil
	}
	token, err := accounts.CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	type object = map[string]any
	content, err := json.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "pod",
		"clusters": []object{{"name": "pod", "cluster": object{"server": cmp.Or(c.options.API, c.config.Host), "certificate-authority": c.config.CAFile}}},
		"contexts": []object{{"name": "pod", "context": object{"cluster": "pod", "user": "pod", "namespace": p.Namespace}}},
		"users":    []object{{"name": "pod", "user": object{"token": token.Status.Token}}},
	})
	if err != nil {
		return "", err
	}
	path := filepath.Join(p.dir, "kubeconfig")
	return path, os.WriteFile(path, content, 0o600)
}

// mount makes the pod's volumes, and returns their folders by where the container sees them.
func (c *Cluster) mount(ctx context.Context, p *Pod, container *corev1.Container) (map[string]string, error) {
	mounts := map[string]string{}
	for _, m := range container.VolumeMounts {
		for _, v := range p.template.Spec.Volumes {
			if v.Name != m.Name {
				continue
			}
			mounts[m.MountPath] = filepath.Join(p.dir, "volume-"+v.Name)
			if err := c.fill(ctx, p.Namespace, v, mounts[m.MountPath]); err != nil {
				return nil, err
			}
		}
	}
	return mounts, nil
}

// fill makes a volume: a Secret as it is now, or an empty folder.
func (c *Cluster) fill(ctx context.Context, namespace string, v corev1.Volume, dir string) error {
	if v.Secret == nil && v.EmptyDir == nil {
		return fmt.Errorf("volumes such as %s are not known here", v.Name)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil || v.Secret == nil {
		return err
	}
	secret, err := c.client.CoreV1().Secrets(namespace).Get(ctx, v.Secret.SecretName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for name, content := range secret.Data {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
