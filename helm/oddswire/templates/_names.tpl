{{- define "oddswire.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name -}}
{{- end -}}

{{/* Name of a component's objects. Takes (list $ "fanout"). */}}
{{- define "oddswire.name" -}}
{{- printf "%s-%s" (include "oddswire.fullname" (index . 0)) (index . 1) -}}
{{- end -}}

{{/* What selects a component's pods; never changes, as selectors cannot. */}}
{{- define "oddswire.selector" -}}
app.kubernetes.io/name: oddswire
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "oddswire.labels" -}}
{{- $ := index . 0 -}}
{{ include "oddswire.selector" . }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: oddswire
app.kubernetes.io/managed-by: {{ $.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" }}
{{- with $.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "oddswire.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ printf "%s@%s" .repository .digest }}
{{- else -}}
{{ printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "oddswire.serviceAccount" -}}
{{- $ := index . 0 -}}
{{- if $.Values.serviceAccount.create -}}
{{ include "oddswire.name" . }}
{{- else -}}
{{ $.Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{/* Where the log is. The official chart's Service is named after the release, as its own rule says. */}}
{{- define "oddswire.natsUrl" -}}
{{- if .Values.nats.enabled -}}
{{- $name := ternary .Release.Name (printf "%s-nats" .Release.Name) (contains "nats" .Release.Name) -}}
nats://{{ .Values.nats.fullnameOverride | default $name }}:4222
{{- else -}}
{{ .Values.external.natsUrl }}
{{- end -}}
{{- end -}}

{{/* Where processes agree. */}}
{{- define "oddswire.coordination" -}}
{{- if .Values.aerospike.enabled -}}
aerospike://{{ .Values.aerospike.commonName }}:3000/oddswire/{{ .Release.Name }}
{{- else -}}
{{ .Values.external.coordination }}
{{- end -}}
{{- end -}}

{{/* The most shards, or gateways, that there ever are. Takes the component's values. */}}
{{- define "oddswire.replicasMax" -}}
{{- if eq .autoscaling.kind "none" -}}{{ int .replicas }}{{- else -}}{{ int .autoscaling.max }}{{- end -}}
{{- end -}}

{{/* The fewest, likewise. */}}
{{- define "oddswire.replicasMin" -}}
{{- if eq .autoscaling.kind "none" -}}{{ int .replicas }}{{- else -}}{{ int .autoscaling.min }}{{- end -}}
{{- end -}}
