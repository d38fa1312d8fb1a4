{{/* Settings as environment variables, by their own names. Takes (list PREFIX MAP). Numbers keep their digits. */}}
{{- define "oddswire.variables" -}}
{{- $prefix := index . 0 -}}
{{- range $name, $value := index . 1 }}
{{ printf "%s%s" $prefix (upper $name) }}: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end }}
{{- end -}}

{{/* What every process that reads or writes the log has. */}}
{{- define "oddswire.bus" -}}
{{- if not .Values.secrets.natsUrl }}
ODDSWIRE_NATS_URL: {{ include "oddswire.natsUrl" . | quote }}
{{- end }}
ODDSWIRE_COORDINATION: {{ include "oddswire.coordination" . | quote }}
{{- include "oddswire.variables" (list "ODDSWIRE_" .Values.settings.bus) }}
{{- end -}}

{{/* What every process that asks the database has. */}}
{{- define "oddswire.database" -}}
ODDSWIRE_DATABASE_URL: {{ .Values.external.databaseUrl | quote }}
{{- include "oddswire.variables" (list "ODDSWIRE_DATABASE_" .Values.settings.database) }}
{{- end -}}

{{/* Where /live, /ready and /metrics are, for processes that serve nothing else. Takes (list $ PREFIX). */}}
{{- define "oddswire.probed" -}}
{{ index . 1 }}METRICS_HOST: "0.0.0.0"
{{ index . 1 }}METRICS_PORT: {{ (index . 0).Values.metrics.port | int | quote }}
{{- end -}}

{{/* A ConfigMap of variables. Takes (list $ COMPONENT VARIABLES). */}}
{{- define "oddswire.configMap" -}}
{{- $ := index . 0 -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "oddswire.name" (list $ (index . 1)) }}
  labels:
    {{- include "oddswire.labels" (list $ (index . 1)) | nindent 4 }}
data:
  {{- index . 2 | trim | nindent 2 }}
{{- end -}}

{{/* A variable out of the Secret; nothing for an empty key. Takes (list $ VARIABLE KEY). */}}
{{- define "oddswire.secret" -}}
{{- if index . 2 }}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ (index . 0).Values.secrets.name }}
      key: {{ index . 2 }}
{{- end }}
{{- end -}}

{{- define "oddswire.natsSecret" -}}
{{- include "oddswire.secret" (list . "ODDSWIRE_NATS_URL" .Values.secrets.natsUrl) -}}
{{- end -}}

{{- define "oddswire.databaseSecret" -}}
{{- include "oddswire.secret" (list . "ODDSWIRE_DATABASE_PASSWORD" .Values.secrets.databasePassword) }}
{{- if .Values.external.databaseCaConfigMap }}
- name: PGSSLROOTCERT
  value: /etc/oddswire-database/ca.pem
{{- end }}
{{- end -}}

{{/* The authorities of the database's certificate, as a volume and where it is mounted. */}}
{{- define "oddswire.databaseVolume" -}}
{{- with .Values.external.databaseCaConfigMap }}
- name: database-ca
  configMap:
    name: {{ . }}
{{- end }}
{{- end -}}

{{- define "oddswire.databaseMount" -}}
{{- with .Values.external.databaseCaConfigMap }}
- {name: database-ca, mountPath: /etc/oddswire-database, readOnly: true}
{{- end }}
{{- end -}}

{{/* A setting, or what it is by default; 0 is a value. Takes (list MAP NAME DEFAULT). */}}
{{- define "oddswire.given" -}}
{{- if hasKey (index . 0) (index . 1) -}}{{ get (index . 0) (index . 1) }}{{- else -}}{{ index . 2 }}{{- end -}}
{{- end -}}
