package podsecurity

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
)

// byType are texts for fields of a named type: what is allowed, what is not,
// and what only looks alike.
var byType = map[reflect.Type][]string{
	reflect.TypeFor[corev1.Capability](): {"ALL", "NET_BIND_SERVICE", "NET_RAW", "SYS_ADMIN", "CHOWN", "KILL", "MKNOD", "AUDIT_WRITE", "SETFCAP",
		"SYS_CHROOT", "all", "chown", "CAP_CHOWN", "net_bind_service", "", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETPCAP", "SETUID",
		"NET_BIND_SERVICE", "ALL"},
	reflect.TypeFor[corev1.SeccompProfileType]():     {"RuntimeDefault", "Localhost", "Unconfined", "", "runtimedefault", "runtime/default"},
	reflect.TypeFor[corev1.AppArmorProfileType]():    {"RuntimeDefault", "Localhost", "Unconfined", "", "localhost"},
	reflect.TypeFor[corev1.ProcMountType]():          {"Default", "Unmasked", "", "default"},
	reflect.TypeFor[corev1.OSName]():                 {"linux", "windows", "windows", "", "Windows", "plan9"},
	reflect.TypeFor[corev1.Protocol]():               {"TCP", "UDP"},
	reflect.TypeFor[corev1.ContainerRestartPolicy](): {"Always"},
}

// byName are texts for fields of type string.
var byName = map[string][]string{
	"Type": {"container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t", "", "Container_t", "container_t "},
	"User": {"", "system_u", "sysadm_u"},
	"Role": {"", "", "system_r"},
	"Host": {"", "127.0.0.1", "localhost", "example.com", " "},
	// Of sysctls, and of what else has a name.
	"Name": {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
		"net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
		"net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
		"net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat", "kernel.msgmax", "net.core.somaxconn", "net/ipv4/tcp_rmem", ""},
}

var anyText = []string{"", "a", "runtime/default", "; [privileged] x"}

var annotationKeys = []string{"container.apparmor.security.beta.kubernetes.io/c0", "container.apparmor.security.beta.kubernetes.io/c1",
	"container.apparmor.security.beta.kubernetes.io/", "container.apparmor.security.beta.kubernetes.io", "seccomp.security.alpha.kubernetes.io/pod",
	"container.seccomp.security.alpha.kubernetes.io/c0", "example.com/other"}

var annotationValues = []string{"runtime/default", "localhost/", "localhost/profile", "unconfined", "", "docker/default", "localhost", "Localhost/a"}

func texts(t reflect.Type, name string) []string {
	if list, ok := byType[t]; ok {
		return list
	}
	if list, ok := byName[name]; ok {
		return list
	}
	return anyText
}
