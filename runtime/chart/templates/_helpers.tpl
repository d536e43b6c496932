{{/* Labels that never change: those by which pods are selected. The argument is a dict of root and component. */}}
{{- define "policyc.selector" -}}
app.kubernetes.io/name: policyc-runtime
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of every object. The schema keeps users' labels from being the chart's own. */}}
{{- define "policyc.labels" -}}
{{ include "policyc.selector" . }}
app.kubernetes.io/part-of: policyc
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* name, namespace and labels. */}}
{{- define "policyc.metadata" -}}
name: {{ .name | default .root.Values.name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "policyc.labels" . | nindent 2 }}
{{- end }}

{{/* name and labels of an object that is in no namespace. */}}
{{- define "policyc.clusterMetadata" -}}
name: {{ .name | default .root.Values.name }}
labels:
  {{- include "policyc.labels" . | nindent 2 }}
{{- end }}

{{- define "policyc.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* The Secret of the certificates. The modes have Secrets of their own, so that one can be changed for the other. */}}
{{- define "policyc.secret" -}}
{{- $suffix := ternary "tls" "cert" (eq .Values.certificates.mode "self") -}}
{{ .Values.certificates.secret | default (printf "%s-%s" .Values.name $suffix) }}
{{- end }}

{{/* What `restricted` asks of a pod. */}}
{{- define "policyc.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* What `restricted` asks of a container, and no writing to its file system. */}}
{{- define "policyc.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Nine tenths of the memory limit, for GOMEMLIMIT; empty when there is no limit. 512Mi → 460MiB */}}
{{- define "policyc.goMemoryLimit" -}}
{{- with .Values.resources.limits }}{{ with .memory -}}
{{- if not (regexMatch "^[1-9][0-9]*(Mi|Gi)$" (toString .)) -}}
{{- fail (printf "resources.limits.memory: write %q in Mi or Gi, as in 512Mi" (toString .)) -}}
{{- end -}}
{{- $mebibytes := regexFind "^[0-9]+" . | int64 -}}
{{- if hasSuffix "Gi" . }}{{ $mebibytes = mul $mebibytes 1024 }}{{ end -}}
{{- div (mul $mebibytes 9) 10 }}MiB
{{- end }}{{ end }}
{{- end }}

{{/* A peer of a NetworkPolicy for the API servers, in a list; nothing for all. */}}
{{- define "policyc.apiServers" -}}
{{- range .Values.networkPolicy.apiServer.cidrs }}
- ipBlock:
    cidr: {{ . | quote }}
{{- end }}
{{- end }}

{{/* What every pod here may send: requests to the API servers, and to the DNS of the cluster. */}}
{{- define "policyc.egress" -}}
- ports:
    {{- range .Values.networkPolicy.apiServer.ports }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
  {{- with include "policyc.apiServers" . }}
  to:
    {{- . | nindent 4 }}
  {{- end }}
- ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
  to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
{{- end }}
